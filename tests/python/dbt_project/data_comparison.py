"""Compare two data.csv cell by cell, as text: equal text is equal bits."""

from pathlib import Path

import polars as pl

KEY = ("orders_back", "user_id", "product_id")


def read_text_cells(data: Path) -> pl.DataFrame:
    """Read data.csv with every cell as it is written; an empty one is null."""
    return pl.read_csv(data, infer_schema=False)


def changed_cells(before: Path, after: Path, orders_back: int) -> dict[str, int]:
    """
    Count what differs between two data.csv in the rows of one window.

    Returns
    -------
    dict of str to int
        Number of changed cells of each column that has any, in rows that both files have; under
        `key` the number of rows that only one of them has.

    """
    old, new = (
        read_text_cells(data).filter(pl.col("orders_back") == str(orders_back))
        for data in (before, after)
    )
    assert old.columns == new.columns
    assert old.height > 0
    only_one = old.join(new, on=KEY, how="anti").height + new.join(old, on=KEY, how="anti").height
    both = old.join(new, on=KEY, how="inner", suffix=" after", validate="1:1")
    names = [name for name in old.columns if name not in KEY]
    counts = both.select(
        pl.col(name).ne_missing(pl.col(f"{name} after")).sum() for name in names
    ).row(0, named=True)
    return {name: count for name, count in ({"key": only_one} | counts).items() if count}
