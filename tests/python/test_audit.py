"""What the audit says of a pip-audit that finds something, nothing, or cannot ask."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ml.tools.paths import ROOT

SOUND = {"name": "numpy", "version": "2", "vulns": []}
SKIPPED = {"name": "scipy", "skip_reason": "not found"}
FAULTY = {**SOUND, "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]}


@pytest.mark.parametrize(
    ("packages", "code", "told"),
    [
        ([SOUND], 0, ["audited: 1 packages, 0 vulnerabilities"]),
        ([FAULTY], 1, ["numpy 2: PYSEC-1, mended in 3", "audited: 1 packages, 1 vulnerabilities"]),
        (
            [SOUND, SKIPPED],
            0,
            [
                "NOT AUDITED: 1 of 2 packages, scipy among them",
                "audited: 1 packages, 0 vulnerabilities",
            ],
        ),
        (None, 0, ["NOT AUDITED: pip-audit got no answer (no network)"]),
    ],
)
def test_what_was_not_audited_is_not_called_sound(
    tmp_path: Path, packages: list[dict[str, Any]] | None, code: int, told: list[str]
) -> None:
    report = tmp_path / "report.json"
    report.write_text(json.dumps({"dependencies": packages}))
    program = tmp_path / "pip-audit"
    answer = f'cp "{report}" "$out"' if packages else "echo no network >&2; exit 1"
    program.write_text(f"#!/bin/sh\nfor out; do :; done\n{answer}\n")
    program.chmod(0o700)
    command = [str(ROOT / ".ci" / "audit"), str(program), str(tmp_path / "out.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert done.stdout.splitlines() == told
