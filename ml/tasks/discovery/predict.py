"""Recommends new products to every shopper with an order to predict."""

from collections.abc import Collection
from pathlib import Path

import click
import numpy as np
import polars as pl
import pyarrow.parquet as pq

from ml.data.arrays import Integers
from ml.data.carts import products_in_carts, read_carts, say_unknown_products
from ml.data.reading import DataFolder, open_data
from ml.data.shop_columns import shop_columns
from ml.runs.fold_models import FoldModels, read_fold_models
from ml.runs.run import check_contract, read_run
from ml.tasks.discovery import FILE, NAME
from ml.tasks.discovery.candidates import FEATURES, WindowCandidates
from ml.tasks.discovery.model import score
from ml.tasks.discovery.recommend import RECOMMENDATIONS, recommend, with_reasons
from ml.tools.atomic_files import file_aside
from ml.tools.progress import counted_step, say, step


def write_recommendations(  # noqa: PLR0913 - what the lists depend on
    path: Path,
    data: DataFolder,
    users: Integers,
    models: FoldModels,
    *,
    departments: Collection[int] = (),
    in_cart: pl.DataFrame | None = None,
    explore: float = 0.0,
) -> None:
    """
    Recommend to some shoppers of the newest window, a part of them at a time.

    Parameters
    ----------
    path
        Parquet file to write: RECOMMENDATIONS, sorted by user_id and rank.
    data
        The exported folder.
    users
        int64 [m], rising: the shoppers.
    models
        The re-rankers.
    departments, in_cart, explore
        As `recommend` has them.

    """
    shop = shop_columns(data)
    columns = pl.Schema([*RECOMMENDATIONS.items(), *shop.schema.items()])
    schema = pl.DataFrame(schema=columns).to_arrow().schema
    with pq.ParquetWriter(path, schema) as file:
        if not len(users):
            return
        names = data.products()
        with step("fit similar shoppers and factors"):
            window = WindowCandidates(data, 0)
        with counted_step("recommend", len(users)) as advance:
            for chunk in window.chunks(users):
                frame = chunk.frame
                features = frame.select(FEATURES).to_numpy()
                scores = score(frame["user_id"].to_numpy(), features, models)
                scored = frame.with_columns(score=scores)
                listed = recommend(
                    scored, departments=departments, in_cart=in_cart, explore=explore
                )
                rows = shop.added_to(with_reasons(listed, names))
                file.write_table(rows.select(columns.names()).cast(columns).to_arrow())
                advance(len(chunk.users))


def predict(  # noqa: PLR0913 - what a list depends on
    run_folder: Path,
    data_path: Path,
    out: Path,
    *,
    departments: Collection[str] = (),
    carts: Path | None = None,
    explore: float = 0.0,
) -> None:
    """
    Write recommendations.parquet: up to 80 new products for every shopper with an order to predict.

    Columns user_id, rank (from 1), product_id, score (0 to 1, the higher the likelier that the next
    order holds it; no chance, see `order_weights`), reason, and what `shop_columns` has of
    shopper and product; sorted by user_id and rank. Shoppers who were learnt from are scored by a
    model that was not fitted on them.

    Parameters
    ----------
    run_folder
        Folder of a finished run of discovery.
    data_path
        Path of data.csv.
    out
        Folder to write to.
    departments
        Names of the departments whose products alone are recommended; none given recommends all.
    carts
        File of carts, see read_carts: what lies in a shopper's carts is not recommended to them.
    explore
        From 0, the likeliest products, to 1, the most variety, see `recommend`. What it costs is
        in the run's ladder.

    Raises
    ------
    click.ClickException
        If a file cannot be read, the run was trained on another contract, there is no product of a
        department, or no order to predict.

    """
    run = read_run(run_folder, NAME)
    data = open_data(data_path)
    check_contract(run, data.contract, data_path)
    ids = _department_ids(data, departments)
    in_cart = _products_in_carts(data, carts) if carts else None
    models = read_fold_models(run_folder, NAME)
    users = np.unique(data.orders_to_predict()["user_id"].to_numpy())
    with file_aside(out / FILE) as aside:
        write_recommendations(
            aside, data, users, models, departments=ids, in_cart=in_cart, explore=explore
        )
    say(f"{len(users)} shoppers: the recommendations are in {out}")


def _products_in_carts(data: DataFolder, path: Path) -> pl.DataFrame:
    carts = read_carts(path, text_ids=shop_columns(data).has_text_ids)
    say_unknown_products(carts, data.products()["product_id"].to_numpy())
    return products_in_carts(carts)


def _department_ids(data: DataFolder, names: Collection[str]) -> list[int]:
    """Find every department that bears one of these names, in whatever case."""
    departments = data.products().select("department_name", "department_id").drop_nulls().unique()
    ids: dict[str, list[int]] = {}
    for name, one in departments.sort("department_name", "department_id").iter_rows():
        ids.setdefault(_folded(name), []).append(one)
    for name in names:
        if _folded(name) not in ids:
            there = ", ".join(sorted(set(departments["department_name"])))
            raise click.ClickException(
                f"the shop has no product of a department {name}: its departments are {there}."
            )
    return [one for name in names for one in ids[_folded(name)]]


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()
