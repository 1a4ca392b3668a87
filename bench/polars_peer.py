"""
The script that a strong engineer would write instead of this project, in Polars.

It does the work of `dbt build` with `windows: 1` and of `ml export`, without staging tables or
tests: raw CSV files in, data.csv out, with the same text in every cell.
"""

from functools import partial
from pathlib import Path

import click
import polars as pl
from polars import selectors as cs

from bench.polars_base import BASE_COLUMNS, Part, base_products, base_rows, count_base
from bench.polars_richer import COLUMNS, all_products, all_rows, count_all
from bench.polars_shop import read_pieces, read_shop
from ml.tools.machine import cores
from ml.tools.prefetch import ahead

DOUBLES = ("user_mean_days_since_prior", "user_reorder_ratio", "up_average_cart_position")
"""What is not in single precision, as all other quotients are."""


@click.command()
@click.argument("raw", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--base", is_flag=True, help="The base features alone, with their ratios and label.")
def main(raw: Path, out: Path, base: bool) -> None:
    """Read the raw files in the folder RAW and write data.csv to OUT."""
    shop = read_shop(raw)
    count = partial(count_base if base else count_all, shop)
    parts = list(ahead(count, read_pieces(raw, shop), threads=cores()))
    totals = pl.concat(part.totals for part in parts).group_by("product").sum()
    products = (base_products if base else all_products)(totals, shop.catalogue)
    columns = BASE_COLUMNS if base else COLUMNS

    def rows(part: Part) -> pl.DataFrame:
        shopped = (base_rows if base else all_rows)(products, part).select(columns)
        is_real = cs.float() - cs.by_name(*DOUBLES)
        return shopped.with_columns(is_real.cast(pl.Float32)).collect()

    with out.open("wb") as file:
        file.write((",".join(columns) + "\n").encode())
        for chunk in ahead(rows, parts, threads=1):
            chunk.write_csv(file, include_header=False)


if __name__ == "__main__":
    main()
