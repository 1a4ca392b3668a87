"""The model card: what the model is for, what it was made of, how good it is."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def write_model_card(folder: Path, package: Path, records: dict[str, dict[str, Any]]) -> None:
    """
    Write model_card.md (Mitchell et al., Model Cards for Model Reporting, FAT* 2019).

    Parameters
    ----------
    folder
        The run's folder.
    package
        Folder of the task's modules, where its template lies.
    records
        What a run's JSON files hold, by name.

    """
    templates = Environment(
        loader=FileSystemLoader(package),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Markdown, read as text
    )
    text = templates.get_template("model_card.md.j2").render(records)
    (folder / "model_card.md").write_text(text, encoding="utf-8")
