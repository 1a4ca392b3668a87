"""Run the API as a process of its own, for the length of a test."""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.athena_api.faults import QUERY, Fault
from tests.athena_api.raw_zone import load_raw, upload_raw
from tests.athena_api.server import CONTROL

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 300


@dataclass(frozen=True)
class RunningApi:
    """
    A stand-in that is running.

    Parameters
    ----------
    work
        Its folder.
    environment
        The variables that bring clients and the profile's target `athena` to it.
    process_id
        Of the process that serves it.
    """

    work: Path
    environment: dict[str, str]
    process_id: int

    @property
    def url(self) -> str:
        """Its address."""
        return self.environment["AWS_ENDPOINT_URL"]

    def queries(self) -> list[dict[str, Any]]:
        """
        Give the queries that have ended, in that order.

        Each has id, node_id, state, reason, statement_type, scanned_bytes, seconds, work_group
        and sql.
        """
        log = self.work / "queries.jsonl"
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        return [json.loads(line) for line in lines]

    def load_raw(self, raw_dir: Path) -> None:
        """Put a folder's CSV files into the raw zone as they are, in place of what is there."""
        load_raw(self.url, raw_dir)

    def upload_raw(self, raw_dir: Path) -> None:
        """Do the same with what `python -m glue upload` makes of them."""
        upload_raw(self.url, raw_dir)

    def fail_next(
        self, operation: str, code: str = "ThrottlingException", times: int = 1, matching: str = ""
    ) -> None:
        """
        Let the next calls of an operation of Athena or Glue answer with an error.

        `ThrottlingException` and `TooManyRequestsException` are throttling,
        `InternalServerException` is an internal error. Only requests that hold the regular
        expression `matching` are meant.
        """
        self._inject(Fault(operation, "error", code, "injected", matching=matching, times=times))

    def lose_next(self, operation: str, times: int = 1, matching: str = "") -> None:
        """Carry out the next calls of an operation, but close the connection without an answer."""
        self._inject(Fault(operation, "lost", matching=matching, times=times))

    def delay_next(self, operation: str, seconds: float, matching: str = "") -> None:
        """Carry out the next call of an operation later."""
        self._inject(Fault(operation, "slow", seconds=seconds, matching=matching))

    def fail_query(self, matching: str, message: str = "GENERIC_INTERNAL_ERROR: injected") -> None:
        """Let the next query whose statement holds `matching` fail with an internal error."""
        self._inject(Fault(QUERY, "error", message=message, matching=matching))

    def slow_query(self, matching: str, seconds: float) -> None:
        """Let the next query whose statement holds `matching` start `seconds` later."""
        self._inject(Fault(QUERY, "slow", seconds=seconds, matching=matching))

    def pending_faults(self) -> list[dict[str, Any]]:
        """Give the faults that have not happened as often as they shall."""
        faults: list[dict[str, Any]] = self._control("GET")["pending"]
        return faults

    def clear_faults(self) -> None:
        """Forget the faults that have not happened."""
        self._control("DELETE")

    def _inject(self, fault: Fault) -> None:
        self._control("POST", asdict(fault))

    def _control(self, method: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + CONTROL, data, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            answer: dict[str, Any] = json.loads(response.read())
            return answer


@contextmanager
def running_api(engine: str, work: Path, raw_dir: Path | None = None) -> Iterator[RunningApi]:
    """
    Run the API in a process of its own.

    Parameters
    ----------
    engine
        `trino` or `duckdb`.
    work
        A folder for it; made if missing.
    raw_dir
        Folder with the raw CSV files, or None for an empty raw zone.

    Raises
    ------
    RuntimeError
        With what it printed, if it does not start.
    """
    work.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.athena_api", "serve", "--engine", engine]
    command += ["--work", str(work), *(["--raw", str(raw_dir)] if raw_dir else [])]
    with (work / "output.log").open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
    try:
        environment = _wait_for_environment(process, work)
        yield RunningApi(work, environment, process.pid)
    finally:
        process.terminate()
        process.wait()


def _wait_for_environment(process: "subprocess.Popen[bytes]", work: Path) -> dict[str, str]:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if (work / "env").exists():
            exports = (work / "env").read_text().splitlines()
            pairs = (line.removeprefix("export ").partition("=") for line in exports)
            return {name: value for name, _, value in pairs}
        time.sleep(0.1)
    raise RuntimeError(f"The stand-in did not start: {(work / 'output.log').read_text()}")
