# ruff: noqa: INP001 - Python finds it by its folder
"""
Writes every call of AWS that a program makes to the file in RECORDED_CALLS, a line of JSON each.

Python imports this module at its start where its folder is in PYTHONPATH: so that the calls of a
container step are heard, and those of dbt, which the step starts.
"""

import json
import os
from pathlib import Path
from typing import Any

from botocore.client import BaseClient

_real = BaseClient._make_api_call  # type: ignore[attr-defined]  # noqa: SLF001
_NAMES = ("Bucket", "Key", "CopySource", "DatabaseName", "Name", "WorkGroup", "DatabaseInput")


def _note(self: Any, operation: str, given: dict[str, Any]) -> Any:  # noqa: ANN401
    named = {name: given[name] for name in _NAMES if name in given}
    line = json.dumps([self.meta.service_model.service_name, operation, named], default=str)
    with Path(os.environ["RECORDED_CALLS"]).open("a", encoding="utf-8") as calls:
        calls.write(line + "\n")
    return _real(self, operation, given)


BaseClient._make_api_call = _note  # type: ignore[attr-defined]  # noqa: SLF001
