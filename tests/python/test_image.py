"""The image: what is installed is known by its hash, and one folder alone is written to."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from glue.cloud.stack import FOLDER
from ml.tools.paths import ROOT
from tests.python.dbt_project.shop_builds import write_sample_shop
from tests.python.glue.cloud.ministack import read_template

WORK = "/var/lib/next_basket"
_LINE = re.compile(r"([a-z0-9-]+)==([0-9][\w.]*)((?: --hash=sha256:[0-9a-f]{64})+)")


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_package_of_the_image_has_hashes_and_no_address() -> None:
    lines = _text("requirements-image.txt").replace(" \\\n    ", " ").splitlines()
    assert [line for line in lines if not _LINE.fullmatch(line)] == []
    assert len(lines) > 50, "the whole closure, not what requirements.txt names"


def test_the_image_has_the_versions_of_requirements_txt() -> None:
    lines = (_text("requirements.txt") + _text("requirements-hosted.txt")).splitlines()
    named = (re.split("[#;]", line)[0].strip() for line in lines)
    pinned = dict(line.split("==") for line in named if "==" in line)
    locked = dict(
        re.findall(r"^([a-z0-9-]+)==(\S+)", _text("requirements-image.txt"), re.MULTILINE)
    )
    assert len(pinned) > 20
    assert {name: locked.get(name) for name in pinned} == pinned, "run `make lock`"


def test_what_runs_has_no_pip_and_nothing_that_was_built() -> None:
    first, last = re.split(r"^FROM .*$", _text("Dockerfile"), flags=re.MULTILINE)[1:]
    for option in ("--require-hashes", "--only-binary :all:", "--no-deps", "--without-pip"):
        assert option in first
    assert "pip install" not in last
    assert "pip uninstall --yes" in last
    assert "COPY --from=packages /venv /venv" in last


def _environment() -> dict[str, str]:
    """Give what the image sets."""
    image = _text("Dockerfile").replace("\\\n", " ").replace("$WORK", WORK)
    pairs = re.findall(r"(\w+)=(\S+)", " ".join(re.findall(r"^ENV (.*)$", image, re.MULTILINE)))
    return {name: value for name, value in pairs if name != "PATH"}


def test_the_root_is_read_only_and_one_folder_is_a_volume() -> None:
    task = read_template(FOLDER / "template.yaml")["Resources"]["Task"]["Properties"]
    (container,) = task["ContainerDefinitions"]
    assert container["ReadonlyRootFilesystem"] is True
    assert container["MountPoints"] == [{"SourceVolume": "work", "ContainerPath": WORK}]
    assert task["Volumes"] == [{"Name": "work"}]
    # a new volume is root's alone, but for a folder that the image declares: that keeps its rights
    image = _text("Dockerfile")
    assert re.search(r"^VOLUME \$WORK$", image, re.MULTILINE)
    assert "install --directory --owner=basket --group=basket $WORK" in image
    given = _environment()
    assert given["WORK"] == given["HOME"] == given["TMPDIR"] == WORK
    assert all(given[name].startswith(WORK) for name in given if name.endswith(("_PATH", "_DIR")))


def _may_mount() -> bool:
    command = ["unshare", "--mount", "mount", "--bind", "/tmp", "/mnt"]  # noqa: S108
    return (
        bool(shutil.which("unshare"))
        and not subprocess.run(command, capture_output=True, check=False).returncode
    )


# as in a container: /dev/shm, where dbt makes locks, is a file system of its own
_READ_ONLY = """
set -e
mount -t tmpfs none /var/lib
mkdir "$WORK"
mount -o remount,ro /var/lib
mount --bind "$SCRATCH" "$WORK"
mount -t tmpfs -o size=64m none /dev/shm
mount -o remount,bind,ro /
for folder in "$ROOT" /tmp; do touch "$folder/written" 2>/dev/null && exit 9; done
"""


@pytest.mark.skipif(not _may_mount(), reason="a file system can only be made read-only by root")
def test_the_programs_of_the_steps_write_to_one_folder_alone(tmp_path: Path) -> None:
    """Build, export, fit what every task fits and predict where all but it is read-only."""
    write_sample_shop(tmp_path / "raw", users=60)
    shutil.copy(ROOT / "profiles.yml.example", tmp_path / "profiles.yml")
    (tmp_path / "lake").mkdir()
    python = f"{sys.executable} -m"
    script = f"""{_READ_ONLY}
        {python} dbt.cli.main run --vars '{{windows: 3}}'
        {python} ml export
        {python} ml train --task next-in-cart
        echo cart_id,user_id,position,product_id > $WORK/carts.csv
        {python} ml predict --task next-in-cart --run $WORK/runs/next-in-cart/latest \\
            --carts $WORK/carts.csv --out $WORK/out
    """
    places = {f"{name.upper()}_DIR": f"{WORK}/{name}" for name in ("raw", "lake", "runs")}
    own = {"SCRATCH": str(tmp_path), "ROOT": str(ROOT), "DBT_PROFILES_DIR": WORK}
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **_environment(), **places, **own},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}{done.stderr[-3000:]}"
    written = {path.name for path in tmp_path.iterdir()}
    assert {"lake", "runs", "out", "logs", "target", "numba"} <= written
