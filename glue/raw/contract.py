"""The six raw tables as the dbt sources declare them: the one truth about names and columns."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ml.tools.paths import ROOT

SOURCES = ROOT / "models" / "staging" / "raw.yml"


@dataclass(frozen=True)
class RawTable:
    """
    One raw table.

    Attributes
    ----------
    columns
        Their names, in order; every column is a string.
    may_be_empty
        Whether it may have no row.
    well_formed
        Arguments of its dbt test `well_formed`: what its values must be.

    """

    name: str
    columns: tuple[str, ...]
    may_be_empty: bool
    well_formed: dict[str, Any]


def raw_tables(sources: Path = SOURCES) -> tuple[RawTable, ...]:
    """Read the tables of the source `raw`."""
    (source,) = yaml.safe_load(sources.read_text(encoding="utf-8"))["sources"]
    return tuple(
        RawTable(
            table["name"],
            tuple(column["name"] for column in table["columns"]),
            table.get("config", {}).get("meta", {}).get("may_be_empty", False),
            table["data_tests"][0]["well_formed"]["arguments"],
        )
        for table in source["tables"]
    )
