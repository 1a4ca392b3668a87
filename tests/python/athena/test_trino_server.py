"""Trino is found, fetched, started and ended; where it cannot be, one sentence says why."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.athena_api import running_api, trino_server
from tests.athena_api.__main__ import main
from tests.athena_api.trino_server import TrinoUnavailableError, fetch_trino, find_java
from tests.python.athena.athena_runs import execute


def fake_java(folder: Path, version: str) -> Path:
    """Write a `java` that says it has a version."""
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-01-01' >&2\n")
    java.chmod(0o755)
    return java


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make this process see a machine with neither Java nor Maven nor a cache."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing-here"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(trino_server, "JAVA_HOMES", ())
    return tmp_path


def test_java_home_comes_first_and_old_javas_do_not_count(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = fake_java(bare_machine / "jdk-23", "23.0.1")
    new = fake_java(bare_machine / "jdk-24", "24")
    newer = fake_java(bare_machine / "jdk-25", "25.0.1")
    monkeypatch.setenv("PATH", f"{new.parent}:/bin:/usr/bin")
    monkeypatch.setenv("JAVA_HOME", str(old.parent.parent))
    assert find_java() == new
    monkeypatch.setenv("JAVA_HOME", str(newer.parent.parent))
    assert find_java() == newer


def test_usual_places_are_searched(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = fake_java(bare_machine / "jvm" / "jdk-25", "25")
    monkeypatch.setattr(trino_server, "JAVA_HOMES", (f"{bare_machine}/jvm/*",))
    assert find_java() == java


def test_no_java_is_one_sentence(bare_machine: Path) -> None:
    result = CliRunner().invoke(main, ["serve", "--work", str(bare_machine / "work")])
    assert result.exit_code == 1
    assert result.output.startswith("Error: Trino 476 needs Java 24 or newer, and none was found")
    assert "make athena ENGINE=duckdb" in result.output
    assert "Traceback" not in result.output


def test_no_maven_is_one_sentence(bare_machine: Path) -> None:
    with pytest.raises(TrinoUnavailableError, match="there is no program mvn on PATH") as error:
        fetch_trino()
    assert "\n" not in str(error.value)
    assert not (bare_machine / "cache").exists()


def test_what_maven_cannot_fetch_leaves_no_half_server(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maven = bare_machine / "bin" / "mvn"
    maven.parent.mkdir()
    maven.write_text("#!/bin/sh\necho '[ERROR] Could not find artifact'\nexit 1\n")
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", f"{maven.parent}:/bin:/usr/bin")
    with pytest.raises(
        TrinoUnavailableError, match=r"could not fetch io\.trino:trino-server-core:476"
    ):
        fetch_trino()
    assert list((bare_machine / "cache" / "next_basket").iterdir()) == []


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_ended_stand_in_leaves_no_process_and_no_settings(
    engine: str, tmp_path: Path, end: signal.Signals
) -> None:
    # how a signal is taken does not depend on the engine, and Trino starts slowly: one is enough
    engine = engine if end == signal.SIGTERM else "duckdb"
    with running_api(engine, tmp_path) as api:
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(api.process_id)],
            capture_output=True,
            text=True,
            check=False,
        ).stdout.split()
        assert len(children) == (1 if engine == "trino" else 0)
        assert execute(api, "select 1").state == "SUCCEEDED"
        os.kill(api.process_id, end)
        os.waitpid(api.process_id, 0)
        assert not any(Path("/proc", pid).exists() for pid in children)
        assert not (tmp_path / "env").exists()
