"""Ranked lists and their measures: by hand, and against ranx."""

import warnings

import numpy as np
import polars as pl
import pytest

from ml.data.arrays import Integers
from ml.judging.ranking import (
    NO_PRODUCT,
    Truth,
    measure_lists,
    top_columns,
    top_products,
    whole_baskets,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # ranx's own imports warn
    from ranx import Qrels, Run, evaluate


def truth_of(baskets: list[list[int]], new: set[int] | None = None) -> Truth:
    lines = [(order, product) for order, basket in enumerate(baskets) for product in sorted(basket)]
    return Truth(
        order=np.array([order for order, _ in lines], dtype=np.int64),
        product=np.array([product for _, product in lines], dtype=np.int64),
        is_repeat=np.array([product not in (new or set()) for _, product in lines], dtype=np.bool_),
        orders=len(baskets),
    )


def lists_of(rows: list[list[int]]) -> Integers:
    top = np.full((len(rows), 20), NO_PRODUCT, dtype=np.int64)
    for place, row in enumerate(rows):
        top[place, : len(row)] = row
    return top


def test_measures_by_hand() -> None:
    # hits in places 1 and 3; the basket has 3 products, one of them new and not found
    found = measure_lists(lists_of([[5, 9, 7, 8]]), truth_of([[5, 7, 30]], new={30}))
    gain = 1 + 1 / 2
    ideal = 1 + 1 / np.log2(3) + 1 / 2
    assert found.recall_10[0] == pytest.approx(2 / 3)
    assert found.ndcg_10[0] == found.ndcg_10_full[0] == pytest.approx(gain / ideal)
    assert found.hit_10[0] == 1
    assert found.recall_10_repeat[0] == 1
    assert found.recall_10_explore[0] == 0


def test_the_two_ideals_differ_for_large_baskets() -> None:
    found = measure_lists(lists_of([list(range(10))]), truth_of([list(range(12))]))
    assert found.ndcg_10[0] == pytest.approx(1)
    best_of_ten, best_of_twelve = (
        sum(1 / np.log2(place + 2) for place in range(count)) for count in (10, 12)
    )
    assert found.ndcg_10_full[0] == pytest.approx(best_of_ten / best_of_twelve)
    assert found.recall_10[0] == pytest.approx(10 / 12)


def test_orders_without_list_or_kind_of_product() -> None:
    found = measure_lists(lists_of([[], [4]]), truth_of([[1], [4]]))
    assert list(found.recall_10) == [0, 1]
    # no new product in either basket
    assert np.isnan(found.recall_10_explore).all()
    means = found.means()
    assert means["hit_10"] == pytest.approx(0.5)
    assert np.isnan(means["recall_10_explore"])


# numba says so while it compiles ranx, which takes the most of a minute once
@pytest.mark.xdist_group("ranx")
@pytest.mark.filterwarnings("ignore:.*unsafe cast from uint64 to int64")
def test_equal_to_ranx() -> None:
    random = np.random.default_rng(3)
    baskets = [list(random.choice(60, random.integers(1, 25), replace=False)) for _ in range(200)]
    lists = [list(random.permutation(60)[: random.integers(3, 21)]) for _ in range(200)]
    found = measure_lists(lists_of(lists), truth_of(baskets)).means()
    qrels = Qrels({f"o{n}": {f"p{p}": 1 for p in basket} for n, basket in enumerate(baskets)})
    run = Run(
        {
            f"o{n}": {f"p{p}": float(100 - rank) for rank, p in enumerate(row)}
            for n, row in enumerate(lists)
        }
    )
    names = {"recall@10": "recall_10", "recall@20": "recall_20", "hit_rate@10": "hit_10"}
    theirs = evaluate(qrels, run, [*names, "ndcg@10"])
    for name, own in names.items():
        assert found[own] == pytest.approx(theirs[name]), name
    # ranx takes the best list of min(10, basket) hits
    assert found["ndcg_10"] == pytest.approx(theirs["ndcg@10"])


def test_lists_fall_with_the_score_and_ties_rise_with_the_product() -> None:
    order = np.array([0, 0, 0, 0, 2, 2])
    product = np.array([8, 3, 5, 9, 1, 2])
    score = np.array([0.5, 0.5, 0.9, 0.0, 0.1, 0.2])
    top = top_products(order, product, score, orders=3, length=3)
    none = NO_PRODUCT
    # a score of 0 is no recommendation
    assert top.tolist() == [[5, 3, 8], [none, none, none], [2, 1, none]]


@pytest.mark.parametrize("above", [0.0, -0.25, -np.inf])
@pytest.mark.parametrize("products", [2, 5, 200])
def test_lists_of_a_table_equal_those_of_all_its_cells(products: int, above: float) -> None:
    random = np.random.default_rng(products)
    # few different scores: many are equal, some are none, one row holds nothing
    scores = random.integers(-1, 6, (40, products)) / 4
    scores[7] = 0
    product = np.sort(random.choice(1_000, products, replace=False))
    row, column = np.indices(scores.shape).reshape(2, -1)
    expected = top_products(row, product[column], scores.ravel(), 40, 5, above=above)
    assert (top_columns(scores, product, 5, above=above) == expected).all()
    assert (expected[7] == NO_PRODUCT).all() == (above == 0)


def test_a_product_with_a_high_id_in_a_list_hits_no_other_order() -> None:
    truth = truth_of([[1], [2], [900_000]])
    found = measure_lists(lists_of([[900_001], [900_000], [2]]), truth)
    assert found.recall_10.sum() == 0


def test_whole_baskets_hold_new_products() -> None:
    targets = pl.DataFrame({"user_id": [3, 7], "order_number": [2, 4]})
    baskets = pl.LazyFrame(
        {
            "user_id": [7, 7, 3, 3, 7],
            "order_number": [4, 4, 2, 1, 3],
            "product_id": [20, 10, 30, 30, 10],
            "reordered": [0, 1, 1, 0, 0],
        }
    )
    truth = whole_baskets(targets, baskets)
    assert truth.orders == 2
    assert truth.order.tolist() == [0, 1, 1]
    assert truth.product.tolist() == [30, 10, 20]
    assert truth.is_repeat.tolist() == [True, True, False]
