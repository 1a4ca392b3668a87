"""Files of fitting parameters: `tune` writes them and `train` reads them."""

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import click
from pydantic import TypeAdapter, ValidationError

from ml.fitting.boosting import FitParameters
from ml.tools.atomic_files import file_aside


def read_parameters(path: Path) -> FitParameters:
    """
    Read a file of fitting parameters.

    Raises
    ------
    click.ClickException
        If it is missing or is not such a file.

    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["fit"]
        return TypeAdapter(FitParameters).validate_python(found)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error)
        if isinstance(error, ValidationError):
            reason = ", ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors())
        names = ", ".join(field.name for field in fields(FitParameters))
        raise click.ClickException(
            f"{path} is no file of fitting parameters ({reason}): it needs `fit` with {names}, as"
            " `python -m ml tune` writes them."
        ) from None


def write_parameters(path: Path, parameters: FitParameters, record: dict[str, Any]) -> None:
    """Write fitting parameters and the record of how they were found."""
    content = {"fit": asdict(parameters), "search": record}
    with file_aside(path) as aside:
        aside.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
