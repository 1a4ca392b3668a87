"""The ranker learns nothing of the order to come, and ranks nobody that it has learnt from."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from click.testing import CliRunner

from ml.__main__ import cli
from ml.data.arrays import Floats, Integers
from ml.data.contract import feature_names, read_contract
from ml.data.reading import DataFolder, open_data
from ml.fitting import boosting
from ml.tasks.discovery.candidates import FEATURES as DISCOVERY_FEATURES
from ml.tasks.discovery.candidates import WindowCandidates
from ml.tasks.next_in_cart import parameters
from ml.tasks.next_in_cart.cart_candidates import FEATURES, CandidateFinder
from ml.tasks.next_in_cart.ladder import evaluate_rankers
from ml.tasks.next_in_cart.ranker import (
    Order,
    Steps,
    cart_of,
    chance,
    fit_ranker,
    known_orders,
    learning_steps,
    rank,
    with_new_places,
)
from ml.tasks.next_in_cart.state import OwnColumn, State, build_state, load_state
from ml.tasks.next_in_cart.train import newest_state, own_products
from tests.python.ml.task_runs import WINDOWS, copy_data
from tests.python.ml.tasks.next_in_cart.test_cart_candidates import SHOP


def drop_target_baskets(data: Path, orders_back: int) -> None:
    """Drop the lines of each shopper's target order of a window and of every later order."""
    path = data.with_name("baskets.parquet")
    ends = pl.read_parquet(data.with_name("target_orders.parquet")).filter(orders_back=orders_back)
    lines = pl.read_parquet(path).join(
        ends.select("user_id", end="order_number"), on="user_id", how="left", maintain_order="left"
    )
    kept = lines.filter((pl.col("order_number") < pl.col("end")) | pl.col("end").is_null())
    assert kept.height < lines.height
    kept.drop("end").write_parquet(path)


def arrays_of(state: State, path: Path) -> dict[str, npt.NDArray[np.generic]]:
    """Give every array of a state, as its file has them."""
    state.save(path)
    with np.load(path) as arrays:
        return dict(arrays)


def assert_equal_states(one: State, other: State, tmp_path: Path) -> None:
    arrays, others = arrays_of(one, tmp_path / "one.npz"), arrays_of(other, tmp_path / "other.npz")
    assert len(arrays) == 20
    for name, values in arrays.items():
        assert len(values), name
        assert np.array_equal(values, others[name], equal_nan=values.dtype.kind == "f"), name


def test_no_target_basket_is_in_the_newest_state(
    next_run: Path, data: Path, tmp_path: Path
) -> None:
    copied = copy_data(data, tmp_path / "data")
    drop_target_baskets(copied, 0)
    rows = pl.read_csv(copied, infer_schema=False)
    label = pl.when(pl.col("orders_back") != "0").then("reordered")
    rows.with_columns(reordered=label).write_csv(copied)
    state = newest_state(open_data(copied), next_run, tmp_path, tmp_path / "lists.parquet")
    assert_equal_states(state, load_state(next_run / "state.npz"), tmp_path)


@pytest.mark.parametrize("orders_back", range(WINDOWS))
def test_no_target_basket_is_in_the_state_of_a_window(
    data: Path, tmp_path: Path, orders_back: int
) -> None:
    copied = copy_data(data, tmp_path / "data")
    drop_target_baskets(copied, orders_back)
    rows = open_data(data).candidates("labelled", tmp_path)
    rows = rows.where(rows.orders_back == orders_back)
    users = np.unique(rows.user_id)
    chance = np.random.default_rng(1).random(len(rows))

    def laid_out(folder: DataFolder) -> State:
        own = own_products(folder, rows, chance, orders_back)
        some = next(WindowCandidates(folder, orders_back).chunks(users)).frame
        new = some.select("user_id", "product_id", score="popularity_rank").lazy()
        return build_state(folder, orders_back, users, own, new)

    assert_equal_states(laid_out(open_data(data)), laid_out(open_data(copied)), tmp_path)


class FakeRanker:
    """Holds the candidate in one row for the best, and the others for equally bad."""

    def __init__(self, row: int) -> None:
        self.row = row

    def predict(self, features: npt.NDArray[np.float32], **_: object) -> Floats:
        """Give 1 for that row and 0 for the others."""
        return np.asarray(np.eye(len(features))[self.row])


def test_each_order_is_judged_by_the_ranker_that_did_not_see_the_shopper(
    next_run: Path, data: Path
) -> None:
    state = load_state(next_run / "judged-state.npz")
    folder = open_data(data)
    orders = known_orders(folder, 0, state)
    folds = dict(pl.read_parquet(next_run / "discovery-folds.parquet", glob=False).iter_rows())
    fold = np.array([folds[int(state.users[order.user])] for order in orders])
    rankers = [cast("lgb.Booster", FakeRanker(row)) for row in range(parameters.FOLDS)]
    _, out_of_fold = evaluate_rankers(folder, state, 0, orders, fold, rankers)
    finder = CandidateFinder(state)
    of_user = {int(state.users[order.user]): order for order in orders}
    assert set(out_of_fold["fold"]) == set(range(parameters.FOLDS))
    for row in out_of_fold.iter_rows(named=True):
        order = of_user[row["user_id"]]
        found = finder.find(order.user, cart_of(order.items[: row["position"] - 1]))
        first = state.products[found.product[folds[row["user_id"]]]]
        assert row["first_ten"][0] == first
        assert row["fold"] == folds[row["user_id"]]


@pytest.fixture(scope="module", params=["fitted here", "taken"])
def learnt(
    request: pytest.FixtureRequest,
    data: Path,
    buy_again_run: Path,
    discovery_run: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, list[State]]:
    """
    Train, and give the run with the state of each window that the ranker learnt from.

    Buy-again and discovery are fitted first, or taken from runs on the same data.
    """
    is_taken = request.param == "taken"
    runs = buy_again_run.parent.parent if is_taken else tmp_path_factory.mktemp("no-runs")
    drawn: list[State] = []

    def record(state: State, orders: list[Order], most: int) -> Steps:
        drawn.append(state)
        return learning_steps(state, orders, most)

    run = tmp_path_factory.mktemp("recorded") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNS_DIR", str(runs))
        patch.setattr("ml.tasks.next_in_cart.train.learning_steps", record)
        arguments = ["train", "--task", "next-in-cart", "--data", str(data), "--run", str(run)]
        result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    for task, other in (("buy-again", buy_again_run), ("discovery", discovery_run)):
        assert (f"{task} is taken from {other}" in said) == is_taken
        assert (f"no run of {task} on this data: it is fitted first" in said) != is_taken
    return run, drawn


def by_shopper(
    state: State,
    starts: Integers,
    products: npt.NDArray[np.int32],
    values: npt.NDArray[np.float32],
) -> pl.DataFrame:
    """Unfold what a state has for each shopper."""
    shopper = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    return pl.DataFrame(
        {
            "user_id": state.users[shopper],
            "product_id": state.products[products],
            "found": values,
        }
    )


def assert_out_of_fold(
    found: pl.DataFrame, keys: pl.DataFrame, fold: Integers, scores: list[Floats]
) -> None:
    """Hold what was found against the scores of keys' rows by the model of each fold."""
    rows = np.arange(len(fold))
    each = np.stack(scores).astype(np.float32)
    assert (each[fold, rows] != each[(fold + 1) % parameters.FOLDS, rows]).mean() > 0.5
    expected = keys.with_columns(expected=each[fold, rows])
    both = found.join(expected, on=["user_id", "product_id"])
    assert both.height == found.height > 100
    assert both["found"].equals(both["expected"])


def folds_of(users: Integers, folds: pl.DataFrame) -> Integers:
    return folds["fold"].to_numpy()[np.searchsorted(folds["user_id"], users)]


def models_of(run: Path, name: str) -> list[lgb.Booster]:
    return [
        lgb.Booster(model_file=run / f"{name}-fold-{fold}.txt") for fold in range(parameters.FOLDS)
    ]


def test_what_the_ranker_learns_from_is_out_of_fold(
    learnt: tuple[Path, list[State]], data: Path, tmp_path: Path
) -> None:
    run, drawn = learnt
    folds, buy_again_folds = (
        pl.read_parquet(run / f"{name}-folds.parquet", glob=False)
        for name in ("discovery", "buy-again")
    )
    folder = open_data(data)
    rows = folder.candidates("labelled", tmp_path)
    names = feature_names(read_contract(data), "pre-order")
    assert len(drawn) == WINDOWS
    for orders_back, state in enumerate(drawn):
        fold = folds_of(state.users, folds)
        own = rows.where((rows.orders_back == orders_back) & np.isin(rows.user_id, state.users))
        assert_out_of_fold(
            by_shopper(
                state,
                state.own.start,
                state.own.product,
                state.own.values[:, OwnColumn.BUY_AGAIN],
            ),
            pl.DataFrame({"user_id": own.user_id, "product_id": own.product_id}),
            folds_of(own.user_id, buy_again_folds),
            [
                boosting.predict(model, own.columns(), names)
                for model in models_of(run, "buy-again")
            ],
        )
        window = WindowCandidates(folder, orders_back)
        new = pl.concat([chunk.frame for chunk in window.chunks(state.users)])
        features = new.select(DISCOVERY_FEATURES).to_numpy()
        assert_out_of_fold(
            by_shopper(state, *state.new),
            new.select("user_id", "product_id"),
            fold[np.searchsorted(state.users, new["user_id"])],
            [np.asarray(model.predict(features)) for model in models_of(run, "discovery")],
        )


def steps_of(users: list[int]) -> Iterator[Steps]:
    """Give a window without any step, and one with ten candidates of a step of each shopper."""
    yield Steps(
        np.empty((0, len(FEATURES)), dtype=np.float32),
        np.empty(0, dtype=np.float32),
        np.empty(0, dtype=np.int64),
    )
    count = 10 * len(users)
    features = np.random.default_rng(1).random((count, len(FEATURES))).astype(np.float32)
    label = np.tile(np.eye(1, 10, dtype=np.float32)[0], len(users))
    yield Steps(features, label, np.repeat(np.array(users, dtype=np.int64), 10))


@pytest.mark.parametrize("users", [[], [3], [0, 1, 2, 3, 4]])
def test_few_steps_or_none_give_rankers_all_the_same(users: list[int]) -> None:
    everybody = np.arange(parameters.FOLDS)
    rankers, ranker = fit_ranker(list(steps_of(users)), everybody, everybody)
    assert len(rankers) == parameters.FOLDS
    found = CandidateFinder(SHOP).find(0, np.array([0], dtype=np.int64))
    for text in (*rankers, ranker):
        booster = lgb.Booster(model_str=text)
        assert booster.feature_name() == list(FEATURES)
        (rows,), _ = rank([found], booster, threads=1)
        assert sorted(rows) == list(range(len(found.product)))


def test_chances_are_those_among_all_candidates() -> None:
    # as likely bought as not among one and 20 of 100 others: odds of 1 become odds of 20 / 100
    assert chance(np.array([0.5, 0.0, 1.0]), 101) == pytest.approx([1 / 6, 0, 1])
    # all of two others were learnt from
    assert chance(np.array([0.3]), 3) == pytest.approx([0.3])


def test_a_step_whose_product_is_no_candidate_teaches_what_was_not_bought() -> None:
    # the one product of the order was in nobody's history; all five others are candidates
    steps = learning_steps(SHOP, [Order(0, np.array([-1]))], 1_000)
    assert steps.label.tolist() == [0, 0, 0, 0, 0]
    assert steps.user_id.tolist() == [7, 7, 7, 7, 7]


@pytest.mark.parametrize(
    ("orders", "most", "expected"),
    [
        (3, 1_000, 30),  # all ten that an order of twelve products gives at most
        (3, 18, 18),  # six of each
        (10, 18, 16),  # four of each are the fewest: four orders
    ],
)
def test_steps_learnt_from_are_bounded(orders: int, most: int, expected: int) -> None:
    # no product is a candidate: each step leaves five rows that were not bought
    steps = learning_steps(SHOP, [Order(0, np.full(12, -1))] * orders, most)
    assert len(steps.label) == 5 * expected


@pytest.mark.parametrize(
    ("new", "places", "expected"),
    [
        # 3 and 11 are new: 11 takes the place of 9, the last of the ten that is not new
        ({3, 11}, 2, [0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 9, 10, 12]),
        ({3, 11}, 1, list(range(13))),
        ({3, 11}, 0, list(range(13))),
        # no more than there are
        ({3, 11}, 5, [0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 9, 10, 12]),
        # what is new itself never leaves
        ({9, 10, 12}, 3, [0, 1, 2, 3, 4, 5, 6, 9, 10, 12, 7, 8, 11]),
        # 11 comes in for 9, 12 for 8; 13 would for 7, of whose chance it has less than half
        ({11, 12, 13}, 9, [0, 1, 2, 3, 4, 5, 6, 7, 11, 12, 8, 9, 10, 13]),
    ],
)
def test_new_products_have_their_places(new: set[int], places: int, expected: list[int]) -> None:
    count = len(expected)
    # the candidate in place i is row 20 - i
    ranked = 20 - np.arange(count)
    is_new = np.isin(np.arange(count), list(new))
    # from .31 down to .24 in place 7 and .22 in place 9; behind the ten .2, and .11 in place 13
    chances = np.linspace(0.31, 0.22, 10).tolist() + [0.2, 0.2, 0.2, 0.11][: count - 10]
    found = with_new_places(ranked, is_new, np.array(chances), places)
    assert (20 - found).tolist() == expected


def test_a_short_list_keeps_its_length() -> None:
    is_new, chances = np.array([False, True, False]), np.array([0.3, 0.2, 0.1])
    assert with_new_places(np.arange(3), is_new, chances, 2).tolist() == [0, 1, 2]
