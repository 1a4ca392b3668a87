"""What came with each load of a shop's orders, as the last part of the page about all tasks."""

from pathlib import Path

import click
import polars as pl
from markupsafe import Markup

from ml.report.page import Part, templates

_NEWEST = 60
"""Loads that are listed; what is older is counted."""


def loads_part(path: Path) -> Part | None:
    """
    Show the loads that the predictions come from.

    Parameters
    ----------
    path
        loads.parquet, as it is exported; a shop whose orders come in one piece has none.

    Raises
    ------
    click.ClickException
        If it cannot be read.

    """
    if not path.is_file():
        return None
    try:
        loads = pl.read_parquet(path, glob=False).sort("load_date", descending=True)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise click.ClickException(f"{path} cannot be read: {error}.") from None
    if loads.is_empty():
        return None
    counts = loads.select(pl.col(pl.Int64).sum()).row(0, named=True)
    template = templates(Path(__file__).parent).get_template("loads.html.j2")
    body = template.render(
        loads=loads.head(_NEWEST).to_dicts(), older=loads[_NEWEST:].height, counts=counts
    )
    return Part(
        task="loads",
        trained_at=f"newest {loads['load_date'][0]}",
        title="What came in",
        lead=(
            f"{loads.height:,} loads with {counts['order_lines']:,} lines. The newest load that"
            " names an order wins, whole; a line that cannot be used is set aside in"
            " rejected_lines."
        ),
        body=Markup(body),  # noqa: S704 - its values were escaped
    )
