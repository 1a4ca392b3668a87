"""The way out of the lake: data.csv and the tables that go with it, written beside each other."""

import json
import os
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import polars as pl

from ml.data.contract import contract_hash
from ml.lake.athena import athena_lake
from ml.lake.local import Lake, local_lake
from ml.tools.atomic_files import file_aside
from ml.tools.paths import ROOT, default_data, lake_file
from ml.tools.prefetch import ahead
from ml.tools.progress import counted_step, step

CHUNK_ROWS = 300_000  # rows of data.csv read at a time, about 200 MB; two such chunks are in memory

_Range = tuple[int, int, int]  # orders_back, first user_id, last user_id

# the models that tasks read beside data.csv, each copied whole to <model>.parquet, and the columns
# that the file is sorted by, so that the same input gives the same bytes, and that some shoppers'
# rows are found without reading the others'
EXPORTED = {
    "baskets": ("user_id", "order_number", "add_to_cart_order", "product_id"),
    "discovery_candidates": ("orders_back", "user_id", "product_id"),
    "discovery_users": ("orders_back", "user_id"),
    "product_neighbours": ("orders_back", "product_id", "neighbour_id"),
    "product_ranks": ("orders_back", "product_id"),
    "products": ("product_id",),
    "shoppers": ("user_id",),
    "target_orders": ("orders_back", "user_id"),
    "user_aisle_ranks": ("orders_back", "user_id", "aisle_id"),
}

# the same of a model that a shop without loads does not have
OF_LOADS = {"loads": ("load_date",)}

_ADAPTERS = {"local": "duckdb", "athena": "athena"}  # dbt's adapter of each target


@click.command()
@click.option(
    "--target",
    type=click.Choice(list(_ADAPTERS)),
    default="local",
    show_default=True,
    help="The dbt target whose tables are read.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The data.csv to write.  [default: LAKE_DIR/data.csv]",
)
@click.option(
    "--manifest",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The dbt manifest with the contract.  [default: target/manifest.json of this project]",
)
def export(target: str, out: Path | None, manifest: Path | None) -> None:
    """Write data.csv, and beside it its contract and the tables that tasks need."""
    out = out or default_data()
    build = read_build(manifest or _default_manifest(), target)
    with _open_lake(target, build, out.parent) as lake, ExitStack() as files:
        # all files are renamed at the end, so that a failure leaves the last good set; data.csv,
        # whose context was entered last, is renamed first and the contract that names it last
        contract_path = files.enter_context(file_aside(out.with_name("contract.json")))
        table_paths = {
            name: files.enter_context(file_aside(out.with_name(f"{name}.parquet")))
            for name in build.tables
        }
        data_path = files.enter_context(file_aside(out))
        contract_path.write_text(_contract_text(lake, build.columns), encoding="utf-8")
        # what DuckDB knows of a table in one file, and not of one in several, changes how it sorts,
        # and with it the bytes that the same rows are written in
        lake.tables.execute("set disabled_optimizers = 'statistics_propagation'")
        for name, keys in build.tables.items():
            with step(f"{name}.parquet"):
                rows = lake.tables.sql(f"select * from {name} order by {', '.join(keys)}")
                rows.write_parquet(str(table_paths[name]))
        written = write_data(lake, [column["name"] for column in build.columns], data_path)
    for name in OF_LOADS.keys() - build.tables.keys():
        out.with_name(f"{name}.parquet").unlink(missing_ok=True)  # of a shop that lay here before
    click.echo(f"{out}: {written} rows, {len(build.columns)} columns")


def write_data(lake: Lake, columns: list[str], path: Path) -> int:
    r"""
    Write the candidates as data.csv: sorted by orders_back, user_id, product_id.

    Candidates are read from their Parquet files in ranges of shoppers of one window, so memory
    does not grow with their number. Doubles are written in the shortest form that reads back to the
    same bits.

    Parameters
    ----------
    lake
        The built tables.
    columns
        Names of data.csv's columns in order; all of them are columns of `candidates`.
    path
        File to write: UTF-8, commas, a header, `\n`, an empty field for null.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    click.ClickException
        If not every row of `candidates` was written.

    """
    expected = int(lake.scalar("select count(*) from candidates"))

    def read(users: _Range) -> pl.DataFrame:
        orders_back, first_user, last_user = users
        return (
            pl.scan_parquet(
                sorted((lake.candidates / f"orders_back={orders_back}").glob("*.parquet")),
                glob=False,
                hive_partitioning=False,
            )
            .filter(pl.col("user_id").is_between(first_user, last_user))
            .with_columns(orders_back=orders_back)
            .select(columns)
            .sort("user_id", "product_id")
            .collect()
        )

    written = 0
    with path.open("wb") as file, counted_step("data.csv", expected) as advance:
        file.write((",".join(columns) + "\n").encode())
        for chunk in ahead(read, _ranges(lake), threads=1):
            chunk.write_csv(file, include_header=False)
            written += chunk.height
            advance(chunk.height)
    if written != expected:
        raise click.ClickException(
            f"data.csv got {written} of the {expected} rows of candidates: run `dbt build` again."
        )
    return written


@dataclass(frozen=True)
class ExportedBuild:
    """
    What a dbt manifest says of the tables to export.

    Attributes
    ----------
    schema
        Where they are.
    columns
        Those of data.csv in order: name, type, description and context (`order_start` or None).
    tables
        The models that go with it, and the columns that each file is sorted by.

    """

    schema: str
    columns: list[dict[str, Any]]
    tables: dict[str, tuple[str, ...]]


def read_build(manifest: Path, target: str) -> ExportedBuild:
    """
    Read from the dbt manifest what is exported, and how.

    Raises
    ------
    click.ClickException
        If there is no manifest, no such model in it, or it is of another target's build.

    """
    build = f"`dbt build{'' if target == 'local' else f' --target {target}'}`"
    try:
        found = json.loads(manifest.read_text(encoding="utf-8"))
        model: dict[str, Any] = found["nodes"]["model.next_basket.candidates"]
        tables = EXPORTED | {
            name: keys
            for name, keys in OF_LOADS.items()
            if f"model.next_basket.{name}" in found["nodes"]
        }
        adapter = found["metadata"]["adapter_type"]
    except FileNotFoundError:
        raise click.ClickException(f"{manifest} is missing: run {build} first.") from None
    except OSError as error:
        raise click.ClickException(f"{manifest} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError):
        raise click.ClickException(
            f"{manifest} is not a manifest with the model candidates: run {build} again."
        ) from None
    if adapter != _ADAPTERS[target]:
        raise click.ClickException(
            f"{manifest} is of a build on {adapter}, not on {_ADAPTERS[target]}: run {build} first,"
            " or give the other --target."
        )
    return ExportedBuild(model["schema"], _data_columns(model), tables)


def _data_columns(model: dict[str, Any]) -> list[dict[str, Any]]:
    """
    Give the columns of data.csv in order, from the contract of `candidates`.

    A partition column has to be a table's last one; in data.csv orders_back comes before the
    target's columns, which begin with eval_set.
    """
    columns = {
        column["name"]: {
            "name": column["name"],
            "type": column["data_type"],
            "description": column["description"],
            "context": column["config"]["meta"].get("context"),
        }
        for column in model["columns"].values()
    }
    names = [name for name in columns if name != "orders_back"]
    names.insert(names.index("eval_set"), "orders_back")
    return [columns[name] for name in names]


def _open_lake(target: str, build: ExportedBuild, folder: Path) -> AbstractContextManager[Lake]:
    names = ("candidates", *build.tables)
    if target == "local":
        return local_lake(lake_file(), build.schema, names)
    folder.mkdir(parents=True, exist_ok=True)
    return athena_lake(build.schema, names, folder)


def _contract_text(lake: Lake, columns: list[dict[str, Any]]) -> str:
    is_live = lake.scalar("select count(*) from target_orders where eval_set = 'live'")
    last_window = lake.scalar("select max(orders_back) from product_ranks")
    contract = {
        "hash": contract_hash(columns),
        "mode": "live" if is_live else "benchmark",
        "windows": int(last_window or 0) + 1,
        "columns": columns,
    }
    return json.dumps(contract, indent=1, ensure_ascii=False) + "\n"


def _ranges(lake: Lake) -> list[_Range]:
    """Cut each window's shoppers into ranges of about CHUNK_ROWS candidates."""
    query = f"""
        with counted as (
            select
                orders_back, user_id,
                sum(count(*)) over (partition by orders_back order by user_id) as rows_so_far
            from candidates
            group by orders_back, user_id
        )
        select orders_back, min(user_id), max(user_id)
        from counted
        group by orders_back, rows_so_far // {CHUNK_ROWS}
        order by orders_back, min(user_id)
    """
    return lake.tables.execute(query).fetchall()


def _default_manifest() -> Path:
    target = os.environ.get("DBT_TARGET_PATH") or "target"
    return ROOT / target / "manifest.json"
