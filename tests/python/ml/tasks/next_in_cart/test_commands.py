"""Next-in-cart through the command line and as a library."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click import ClickException
from click.testing import Result

import ml.data.users
from ml.data.carts import read_carts
from ml.data.reading import open_data
from ml.fitting.nothing_to_learn import NothingToLearn
from ml.scoring import parameters as scoring_parameters
from ml.tasks.next_in_cart import READS
from ml.tasks.next_in_cart.answers import NextInCart
from ml.tasks.next_in_cart.predict import load_next_in_cart
from ml.tasks.next_in_cart.state import OwnColumn, load_state
from ml.tasks.next_in_cart.train import newest_state
from tests.python.ml.task_runs import assert_ladder_is_printed, copy_data

Ml = Callable[..., Result]


@pytest.fixture(scope="module")
def shop(next_run: Path) -> NextInCart:
    return load_next_in_cart(next_run)


def own_products(shop: NextInCart, user: int) -> set[int]:
    index, own = shop.state.index_of_user(user), shop.state.own
    bought = own.product[own.start[index] : own.start[index + 1]]
    return set(shop.state.products[bought].tolist())


def answer_file(ml: Ml, run: Path, data: Path, carts: str, folder: Path, *more: str) -> Result:
    path = folder / "carts.csv"
    path.write_text(carts)
    return ml(
        *("predict", "--task", "next-in-cart", "--run", run, "--data", data),
        *("--carts", path, "--out", folder / "out", *more),
    )


def test_a_file_of_carts_is_answered_as_one_by_one(
    ml: Ml, shop: NextInCart, next_run: Path, data: Path, tmp_path: Path
) -> None:
    user = int(shop.state.users[3])
    first, second = shop.state.products[[5, 40]].tolist()
    text = (
        "cart_id,user_id,position,product_id\n"
        f"2,{user},2,{second}\n2,{user},1,{first}\n1,{user},,\n9,123456789,1,{first}\n"
    )
    result = answer_file(ml, next_run, data, text, tmp_path)
    assert result.exit_code == 0, result.output
    found = pl.read_parquet(tmp_path / "out" / "next.parquet")
    assert found.columns == ["cart_id", "user_id", "rank", "product_id", "score"]
    for cart_id, shopper, cart in (
        (1, user, []),
        (2, user, [first, second]),
        (9, 123456789, [first]),
    ):
        rows = found.filter(pl.col("cart_id") == cart_id)
        assert set(rows["user_id"]) == {shopper}
        assert rows["rank"].to_list() == list(range(1, 21))
        answer = shop.answer(shopper, cart, count=20)
        assert rows["product_id"].to_list() == answer.products
        assert np.allclose(rows["score"], answer.scores)
        assert not set(cart) & set(answer.products)


@pytest.mark.parametrize("shoppers", [1, 2, 30])
def test_other_data_than_the_runs_are_answered_for_the_carts_shoppers_alone(
    ml: Ml, next_run: Path, data: Path, tmp_path: Path, shoppers: int
) -> None:
    state = load_state(next_run / "state.npz")
    users = [*state.users[5 : 5 + shoppers].tolist(), 987654321]
    first = state.products[5]
    lines = [f"{cart},{user},1,{first}\n" for cart, user in enumerate(users)]
    text = "cart_id,user_id,position,product_id\n" + "".join(lines)
    answers = []
    for name in ("same", "other"):
        copied = copy_data(data, tmp_path / name)
        if name == "other":
            path = copied.with_name("target_orders.parquet")
            pl.read_parquet(path).write_parquet(path, compression="uncompressed")
        result = answer_file(ml, next_run, copied, text, copied.parent)
        assert result.exit_code == 0, result.output
        # the run's own state is taken only for the run's own data
        assert ("discovery lists" in result.stderr) == (name == "other")
        answers.append(pl.read_parquet(copied.parent / "out" / "next.parquet"))
    assert answers[0].equals(answers[1])
    assert answers[0]["cart_id"].n_unique() == len(users)


def test_only_the_shoppers_asked_for_are_laid_out(
    next_run: Path, data: Path, tmp_path: Path
) -> None:
    whole = load_state(next_run / "state.npz")
    only = np.array([whole.users[9], 987654321, whole.users[2]])
    state = newest_state(open_data(data), next_run, tmp_path, tmp_path / "lists.parquet", only)
    assert state.users.tolist() == [whole.users[2], whole.users[9]]
    lengths = np.diff(whole.own.start)[[2, 9]]
    assert np.diff(state.own.start).tolist() == lengths.tolist()
    assert set(pl.read_parquet(tmp_path / "lists.parquet")["user_id"]) == set(state.users)


def test_new_means_never_bought(
    ml: Ml, shop: NextInCart, next_run: Path, data: Path, tmp_path: Path
) -> None:
    users = shop.state.users[:20].tolist()
    lines = [f"{user},{user},1,{shop.state.products[9]}" for user in users]
    text = "cart_id,user_id,position,product_id\n" + "\n".join(lines) + "\n"
    result = answer_file(ml, next_run, data, text, tmp_path, "--only", "new")
    assert result.exit_code == 0, result.output
    found = pl.read_parquet(tmp_path / "out" / "next.parquet")
    for user in users:
        listed = set(found.filter(pl.col("cart_id") == user)["product_id"])
        assert listed
        assert not listed & own_products(shop, user)


@pytest.mark.parametrize("name", ["state", "judged-state"])
def test_a_shoppers_products_and_lists_are_laid_out_best_first(next_run: Path, name: str) -> None:
    state = load_state(next_run / f"{name}.npz")
    chance = state.own.values[:, OwnColumn.BUY_AGAIN]
    for start, product, score in ((state.own.start, state.own.product, chance), state.new):
        assert len(score) == start[-1] > 100
        for first, end in pairwise(start):
            assert (np.diff(score[first:end]) <= 0).all()
            assert len(np.unique(product[first:end])) == end - first


def test_repeated_unknown_and_many_products(shop: NextInCart) -> None:
    user = int(shop.state.users[0])
    cart = shop.state.products[:3].tolist()
    repeated = [cart[0], cart[1], cart[0], 987654321, cart[2]]
    assert shop.answer(user, repeated) == shop.answer(user, cart)
    large = shop.state.products[:200].tolist()
    answer = shop.answer(user, large)
    assert len(answer.products) == 10
    assert not set(large) & set(answer.products)


def test_every_product_has_a_reason(shop: NextInCart) -> None:
    for user in shop.state.users[:10].tolist():
        answer = shop.answer(user, shop.state.products[:4].tolist(), count=20)
        assert len(answer.reasons) == len(answer.products) == len(answer.scores) == 20
        assert all(answer.reasons)
        for product, reason in zip(answer.products, answer.reasons, strict=True):
            assert reason.startswith("bought ") == (product in own_products(shop, user))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("cart_id,user_id,product_id\n1,1,1\n", "lacks the column position"),
        ("cart_id,user_id,position,product_id\n1,x,1,1\n", "user_id holds no whole number"),
        ("cart_id,user_id,position,product_id\n1,1,1,\n", "product_id holds no whole number"),
        (
            "cart_id,user_id,position,product_id\n1,1,1,5\n1,2,2,6\n",
            "cart 1 belongs to two shoppers",
        ),
        ("cart_id,user_id,position,product_id\n4,1,1,5\n4,1,1,6\n", "two products in one position"),
        ("cart_id,user_id,position,product_id\n,1,1,5\n", "cart_id is empty in 1 rows"),
        ("", "cannot be read as carts"),
    ],
)
def test_a_damaged_file_of_carts_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "carts.csv"
    path.write_text(text)
    with pytest.raises(ClickException, match=sentence):
        read_carts(path)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (",1,P", "user_id is empty in 1 rows, first in line 2"),
        ("ann,1,", "product_id is empty in 1 rows, first in line 2"),
        ("ann,first,P", "position holds no whole number"),
    ],
)
def test_a_damaged_file_of_carts_with_text_ids(tmp_path: Path, line: str, sentence: str) -> None:
    path = tmp_path / "carts.csv"
    path.write_text(f"cart_id,user_id,position,product_id\n1,{line}\n")
    with pytest.raises(ClickException, match=sentence):
        read_carts(path, text_ids=True)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (("12", "3"), [3, 12]),
        (("s-12", "3"), ["3", "s-12"]),
        (("007", "7"), ["007", "7"]),
        ((str(2**63), "1"), ["1", str(2**63)]),
    ],
)
def test_a_cart_has_any_id(
    tmp_path: Path, written: tuple[str, str], expected: list[int | str]
) -> None:
    path = tmp_path / "carts.csv"
    lines = [f"{cart},{user},1,{user + 4}\n" for user, cart in enumerate(written)]
    path.write_text("cart_id,user_id,position,product_id\n" + "".join(lines))
    carts = read_carts(path)
    assert [cart.cart_id for cart in carts] == expected
    # the shopper and the product of each are those of its line
    for cart in carts:
        place = written.index(str(cart.cart_id))
        assert (cart.user_id, cart.products.tolist()) == (place, [place + 4])


def test_session_ids_and_products_of_another_shop(
    ml: Ml, next_run: Path, data: Path, tmp_path: Path
) -> None:
    carts = "s-b,1,1,900001\ns-b,1,2,900002\ns-a,2,1,900002\ns-c,3,,\n"
    text = "cart_id,user_id,position,product_id\n" + carts
    result = answer_file(ml, next_run, data, text, tmp_path)
    assert result.exit_code == 0, result.output
    assert "2 products of 2 carts are not known" in result.output
    found = pl.read_parquet(tmp_path / "out" / "next.parquet")
    assert found["cart_id"].unique(maintain_order=True).to_list() == ["s-a", "s-b", "s-c"]


def test_a_shop_without_cart_order_is_left_out(ml: Ml, data: Path, tmp_path: Path) -> None:
    copied = copy_data(data, tmp_path / "data")
    baskets = copied.with_name("baskets.parquet")
    lines = pl.read_parquet(baskets).with_columns(add_to_cart_order=pl.lit(1, pl.Int32))
    lines.write_parquet(baskets)
    result = ml("train", "--task", "next-in-cart", "--data", copied, "--run", tmp_path / "run")
    assert result.exit_code == NothingToLearn.exit_code == 3
    assert "two products have the same add_to_cart_order" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_no_carts_give_an_empty_answer(ml: Ml, next_run: Path, data: Path, tmp_path: Path) -> None:
    result = answer_file(ml, next_run, data, "cart_id,user_id,position,product_id\n", tmp_path)
    assert result.exit_code == 0, result.output
    assert pl.read_parquet(tmp_path / "out" / "next.parquet").height == 0


def test_the_fingerprint_changes_with_every_table(data: Path, tmp_path: Path) -> None:
    copied = copy_data(data, tmp_path / "data")
    whole = open_data(copied).fingerprint(READS)
    tables = sorted(copied.parent.glob("*.parquet"))
    assert len(tables) == 9
    for table in [*tables, copied]:
        before = table.read_bytes()
        if table == copied:
            table.write_bytes(before.replace(b",0\n", b",1\n", 1))
        else:
            pl.read_parquet(table).head(-1).write_parquet(table)
        assert open_data(copied).fingerprint(READS) != whole, table.name
        table.write_bytes(before)
    assert open_data(copied).fingerprint(READS) == whole


def test_evaluate_prints_the_ladder(ml: Ml, next_run: Path, data: Path) -> None:
    result = ml("evaluate", "--task", "next-in-cart", "--run", next_run, "--data", data)
    assert result.exit_code == 0, result.output
    assert "Protocol PN" in result.stdout
    metrics = json.loads((next_run / "metrics.json").read_text())
    assert_ladder_is_printed(metrics, result.stdout)


def test_the_figures_are_those_of_the_out_of_fold_answers(next_run: Path) -> None:
    out_of_fold = pl.read_parquet(next_run / "out_of_fold.parquet", glob=False)
    metrics = json.loads((next_run / "metrics.json").read_text())["ladder"]
    assert out_of_fold.height == metrics["judged"]["steps"]
    (model,) = (rung for rung in metrics["rungs"] if rung["is_model"])
    means = {name: one["mean"] for name, one in model["measures"].items()}
    is_hit = (pl.col("rank") <= 10).fill_null(value=False)
    found = out_of_fold.select(
        hit=is_hit.mean(),
        reciprocal=pl.when(is_hit).then(1 / pl.col("rank")).otherwise(0).mean(),
        repeat=is_hit.filter("is_repeat").mean(),
        new=(pl.col("rank_among_new") <= 10)
        .fill_null(value=False)
        .filter(~pl.col("is_repeat"))
        .mean(),
    ).row(0)
    names = ("HR@10", "MRR@10", "repeat HR@10", "explore HR@10, new only")
    assert found == pytest.approx([means[name] for name in names])
    listed = out_of_fold.filter(is_hit)
    at_rank = pl.col("first_ten").list.get(pl.col("rank") - 1)
    assert listed.select((at_rank == pl.col("product_id")).all()).item()
    assert out_of_fold["position"].min() == 4
    folds = pl.read_parquet(next_run / "discovery-folds.parquet", glob=False)
    joined = out_of_fold.join(folds, on="user_id", suffix="_of_user")
    assert joined.height == out_of_fold.height
    assert (joined["fold"] == joined["fold_of_user"]).all()


def test_shoppers_read_and_scored_in_many_parts_give_the_same(
    next_run: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run's own state and lists were made in one part, because its shop is small."""
    monkeypatch.setattr(ml.data.users, "USERS_AT_ONCE", 7)
    monkeypatch.setattr(scoring_parameters, "CHUNK_CELLS", 10_000)
    state = newest_state(open_data(data), next_run, tmp_path, tmp_path / "lists.parquet")
    state.save(tmp_path / "state.npz")
    with np.load(next_run / "state.npz") as whole, np.load(tmp_path / "state.npz") as in_parts:
        assert set(whole) == set(in_parts)
        for name, values in whole.items():
            assert np.array_equal(in_parts[name], values), name
    lists = pl.read_parquet(tmp_path / "lists.parquet")
    whole_lists = pl.read_parquet(next_run / "recommendations.parquet", glob=False)
    assert lists.columns == ["user_id", "rank", "product_id", "score", "reason"]
    assert lists.equals(whole_lists)
    assert lists.equals(lists.sort("user_id", "rank"))  # as those who look up a shopper need it
