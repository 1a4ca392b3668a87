"""Answers a file of carts, and loads what answers one cart at a time."""

import tempfile
import time
from pathlib import Path

import click
import numpy as np
import polars as pl

from ml.data.carts import Cart, read_carts
from ml.data.discovery_tables import Tables, read_tables
from ml.data.tables import file_fingerprint
from ml.runs.run import Run, check_contract, read_run
from ml.tasks.next_in_cart.answers import NEXT, NextInCart, Only
from ml.tasks.next_in_cart.ranker import read_booster
from ml.tasks.next_in_cart.state import NEIGHBOURS, State, load_state
from ml.tasks.next_in_cart.train import newest_state
from ml.tools.atomic_files import file_aside
from ml.tools.progress import counted_step, say, step

_BATCH = 256


def load_next_in_cart(folder: Path) -> NextInCart:
    """
    Load all that answers need from a run's folder.

    Raises
    ------
    click.ClickException
        If the folder is no finished run of next-in-cart.

    """
    read_run(folder, "next-in-cart")
    names = scan_run_table(folder / "products.parquet").select("product_id", "product_name")
    return NextInCart(
        load_state(folder / "state.npz"),
        read_booster(folder / "ranker.txt"),
        dict(names.collect().iter_rows()),
    )


def scan_run_table(path: Path) -> pl.LazyFrame:
    """
    Open a table of a run.

    Raises
    ------
    click.ClickException
        If the file is missing or damaged.

    """
    try:
        table = pl.scan_parquet(path)
        table.collect_schema()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise click.ClickException(f"{path} cannot be read ({error}): train again.") from None
    return table


def predict(run_folder: Path, data: Path, carts: Path, only: Only, out: Path) -> None:
    """
    Write next.parquet: for each cart of a file up to 20 products that may be put into it next.

    Columns cart_id, rank (from 1), product_id, score; sorted by cart_id and rank. What is known of
    a shopper comes from the rows of orders_back 0 of the data.

    Parameters
    ----------
    run_folder
        Folder of a finished run of next-in-cart.
    data
        Path of data.csv.
    carts
        File of carts, see read_carts.
    only
        `new` leaves out what the shopper bought before.
    out
        Folder to write to.

    Raises
    ------
    click.ClickException
        If a file cannot be read, or the run was trained on another contract.

    """
    run = read_run(run_folder, "next-in-cart")
    tables = read_tables(data)
    check_contract(run, tables.contract, data)
    asked = read_carts(carts)
    out.mkdir(parents=True, exist_ok=True)
    state = _state_for(run, tables, asked, out)
    shop = NextInCart(state, read_booster(run_folder / "ranker.txt"), {})
    known = sum(shop.state.place_of_user(cart.user_id) >= 0 for cart in asked)
    say(f"{len(asked)} carts, {len(asked) - known} of shoppers that are not known")
    begun = time.perf_counter()
    frames = [pl.DataFrame(schema=NEXT)]
    with counted_step("answer", len(asked)) as advance:
        for begin in range(0, len(asked), _BATCH):
            some = asked[begin : begin + _BATCH]
            frames.append(shop.answer_all(some, only))
            advance(len(some))
    seconds = time.perf_counter() - begun
    with file_aside(out / "next.parquet") as aside:
        pl.concat(frames).write_parquet(aside)
    say(f"{len(asked) / max(seconds, 1e-9):,.0f} carts per second; the answers are in {out}")


def _state_for(run: Run, tables: Tables, carts: list[Cart], room: Path) -> State:
    """Take the run's own state where the data are the run's, else lay out the carts' shoppers."""
    with step("compare the data with the run's"):
        is_same = run.data.get("tables_sha256") == tables.fingerprint(NEIGHBOURS)
        is_same = is_same and run.data["sha256"] == file_fingerprint(tables.data)
    if is_same:
        return load_state(run.folder / "state.npz")
    shoppers = np.unique([cart.user_id for cart in carts]).astype(np.int64)
    with tempfile.TemporaryDirectory(dir=room, prefix=".scratch-") as scratch:
        folder = Path(scratch)
        return newest_state(
            tables, run.folder, folder, folder / "recommendations.parquet", shoppers
        )
