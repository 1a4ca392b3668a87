"""Answers a file of carts, and loads what answers one cart at a time."""

import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from ml.data.carts import Cart, read_carts, say_unknown_products
from ml.data.reading import DataFolder, names_by_id, open_data
from ml.data.shop_columns import shop_columns
from ml.fitting.boosting import read_booster
from ml.runs.run import Run, check_contract, read_run, scan_run_table
from ml.tasks.next_in_cart import FILE, NAME, READS
from ml.tasks.next_in_cart.answers import NEXT, NextInCart, Only
from ml.tasks.next_in_cart.state import State, load_state
from ml.tasks.next_in_cart.train import RECOMMENDATIONS, newest_state
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
    read_run(folder, NAME)
    return NextInCart(
        load_state(folder / "state.npz"),
        read_booster(folder / "ranker.txt"),
        names_by_id(scan_run_table(folder / "products.parquet")),
    )


def predict(  # noqa: PLR0913 - what the answers depend on
    run_folder: Path,
    data_path: Path,
    out: Path,
    *,
    carts: Path | None = None,
    only: Only = "all",
    new_places: int = 0,
) -> None:
    """
    Write next.parquet: for each cart up to 20 products that may be put into it next.

    Columns cart_id, user_id, rank (from 1), product_id, score, and what `shop_columns` has of the
    cart's shopper and the product; sorted by cart_id and rank. What is known of a shopper comes
    from the rows of orders_back 0 of the data.

    Parameters
    ----------
    run_folder
        Folder of a finished run of next-in-cart.
    data_path
        Path of data.csv.
    out
        Folder to write to.
    carts
        File of carts, see read_carts. None answers an empty cart of every shopper with an order to
        predict, under the shopper's number: what they will begin with.
    only
        `new` leaves out what the shopper bought before.
    new_places
        How many of the first ten places new products may have where the chance is there, see
        `with_new_places`. Scores remain chances, so that they may rise along a list.

    Raises
    ------
    click.ClickException
        If a file cannot be read, or the run was trained on another contract.

    """
    run = read_run(run_folder, NAME)
    data = open_data(data_path)
    check_contract(run, data.contract, data_path)
    users = np.unique(data.orders_to_predict()["user_id"].to_numpy())
    columns = shop_columns(data)
    if carts:
        asked = read_carts(carts, text_ids=columns.has_text_ids)
    else:
        nothing = np.empty(0, dtype=np.int64)
        asked = [Cart(user, user, nothing) for user in users.tolist()]
    out.mkdir(parents=True, exist_ok=True)
    state = _state_for(run, data, asked, out)
    shop = NextInCart(state, read_booster(run_folder / "ranker.txt"), {})
    known = sum(shop.state.index_of_user(cart.user_id) >= 0 for cart in asked)
    say(f"{len(asked)} carts, {len(asked) - known} of shoppers that are not known")
    say_unknown_products(asked, data.products()["product_id"].to_numpy())
    begun = time.perf_counter()
    frames = [pl.DataFrame(schema={"cart_id": pl.Int64, **NEXT})] if not asked else []
    with counted_step("answer", len(asked)) as advance:
        for begin in range(0, len(asked), _BATCH):
            some = asked[begin : begin + _BATCH]
            frames.append(shop.answer_all(some, only, new_places))
            advance(len(some))
    seconds = time.perf_counter() - begun
    answers = pl.concat(frames)
    of_carts = {
        "cart_id": [cart.cart_id for cart in asked],
        "user_id": [cart.user_id for cart in asked],
    }
    shoppers = pl.DataFrame(
        of_carts, schema={"cart_id": answers.schema["cart_id"], "user_id": pl.Int64}
    )
    answers = answers.join(shoppers, on="cart_id", how="left", maintain_order="left")
    answers = answers.select("cart_id", "user_id", *NEXT)
    with file_aside(out / FILE) as aside:
        columns.added_to(answers).write_parquet(aside)
    say(f"{len(asked) / max(seconds, 1e-9):,.0f} carts per second; the answers are in {out}")


def _state_for(run: Run, data: DataFolder, carts: list[Cart], parent: Path) -> State:
    """Take the run's own state where the data are the run's, else lay out the carts' shoppers."""
    with step("compare the data with the run's"):
        is_same = run.data["fingerprint"] == data.fingerprint(READS)
    if is_same:
        return load_state(run.folder / "state.npz")
    shoppers = np.unique([cart.user_id for cart in carts]).astype(np.int64)
    with tempfile.TemporaryDirectory(dir=parent, prefix=".scratch-") as scratch:
        folder = Path(scratch)
        return newest_state(data, run.folder, folder, folder / RECOMMENDATIONS, shoppers)
