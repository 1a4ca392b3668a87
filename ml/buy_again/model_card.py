"""The model card: what the model is for, what it was made of, how good it is."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def write_model_card(path: Path, records: dict[str, dict[str, Any]]) -> None:
    """
    Write the model card as Markdown (Mitchell et al., Model Cards for Model Reporting, FAT* 2019).

    Parameters
    ----------
    path
        File to write.
    records
        What a run's JSON files hold, by name.

    """
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Markdown, read as text
    )
    path.write_text(templates.get_template("model_card.md.j2").render(records), encoding="utf-8")
