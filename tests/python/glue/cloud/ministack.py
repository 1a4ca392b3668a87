"""MiniStack, an emulator of AWS on loopback, as a process of its own, and what it can deploy."""

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from cfnlint.decode.cfn_yaml import load  # type: ignore[import-untyped]

from ml.tools.paths import ROOT

PROGRAM = ROOT / ".venv" / "cloud" / "bin" / "ministack"
MISSING = "MiniStack is not installed: `make test-cloud` installs it into .venv/cloud"
# resource types that MiniStack does not know, and the attributes that point at them
UNKNOWN = {
    "AWS::Budgets::Budget",
    "AWS::Glue::SecurityConfiguration",
    "AWS::CloudFormation::Stack",
}
_POINTERS = {"CrawlerSecurityConfiguration", "SecurityConfiguration"}
_START_SECONDS = 60


@contextmanager
def running_ministack(folder: Path) -> Iterator[dict[str, str]]:
    """Run MiniStack on a free port; give the variables that bring clients to it."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "STATE_DIR": str(folder),
        "TMPDIR": str(folder),
        "SFN_WAIT_SCALE": "0",
    }
    url = f"http://127.0.0.1:{port}"
    with (folder / "ministack.log").open("wb") as log:
        program = subprocess.Popen(
            [str(PROGRAM)], env=os.environ | settings, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        _wait_for(url, program)
        yield {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
    finally:
        program.terminate()
        program.wait(timeout=30)


def _wait_for(url: str, program: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + _START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{url}/_ministack/health", timeout=5):  # noqa: S310
                return
        except OSError:
            assert program.poll() is None, "MiniStack ended"
            assert time.monotonic() < ends, "MiniStack did not start"
            time.sleep(0.2)


def read_template(path: Path) -> dict[str, Any]:
    """Read a template; short forms of functions are given in their long form."""
    content: dict[str, Any] = json.loads(json.dumps(load(str(path))))
    return content


def deployable(template: Path) -> str:
    """Give a template without what MiniStack does not know; everything else is as it is."""
    content = read_template(template)
    resources = {
        name: one for name, one in content["Resources"].items() if one["Type"] not in UNKNOWN
    }
    for one in resources.values():
        for pointer in _POINTERS & one["Properties"].keys():
            del one["Properties"][pointer]
    return json.dumps(content | {"Resources": resources})
