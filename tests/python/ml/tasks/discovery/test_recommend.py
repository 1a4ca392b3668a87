"""From scored candidates to a list."""

import polars as pl
import pytest

from ml.tasks.discovery.recommend import recommend, with_reasons

SCORED = pl.DataFrame(
    {
        "user_id": [1, 1, 1, 1, 2],
        "product_id": [10, 11, 12, 13, 10],
        "aisle_id": [5, 5, 5, 6, 5],
        "department_id": [1, 1, 1, 2, 1],
        "prod_buyer_share": [0.25, 0.25, 0.25, 0.01, 0.25],
        "score": [0.4, 0.3, 0.4, 0.1, 0.2],
    }
)


def listed(**arguments: object) -> list[tuple[int, int, int]]:
    rows = recommend(SCORED, **arguments)  # type: ignore[arg-type]
    return rows.select("user_id", "rank", "product_id").rows()


def test_ranked_by_score_and_then_by_the_lower_id() -> None:
    assert listed() == [(1, 1, 10), (1, 2, 12), (1, 3, 11), (1, 4, 13), (2, 1, 10)]


def test_an_aisle_is_capped_and_the_next_one_moves_up() -> None:
    assert listed(most_per_aisle=2) == [(1, 1, 10), (1, 2, 12), (1, 3, 13), (2, 1, 10)]


def test_only_some_departments() -> None:
    assert listed(departments=[2]) == [(1, 1, 13)]


def test_what_lies_in_the_shopper_s_cart_is_left_out() -> None:
    in_cart = pl.DataFrame({"user_id": [1, 1, 2], "product_id": [10, 12, 13]})
    assert listed(in_cart=in_cart) == [(1, 1, 11), (1, 2, 13), (2, 1, 10)]


def test_at_most_so_many() -> None:
    assert listed(count=1) == [(1, 1, 10), (2, 1, 10)]


@pytest.mark.parametrize(
    ("explore", "products"),
    [
        # 13 is rare and the only one of its aisle: .1 / .01 ** (1 / 4) = .32, of the others the
        # first has .4 / .25 ** (1 / 4) = .57, 12 that over 2 ** (1 / 2) = .40, 11 .24
        (0.5, [10, 12, 13, 11]),
        # .1 / .01 ** (1 / 2) = 1; .4 / .25 ** (1 / 2) = .8, .8 / 2 = .4, .6 / 3 = .2
        (1.0, [13, 10, 12, 11]),
    ],
)
def test_explore_brings_other_aisles_and_rarer_products_forward(
    explore: float, products: list[int]
) -> None:
    assert [row[2] for row in listed(explore=explore) if row[0] == 1] == products
    assert [row[1] for row in listed(explore=explore) if row[0] == 1] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("ranks", "reason"),
    [
        ((1, 2, 2, 3, 4), "with Oat Drink, which you buy often"),
        ((None, 2, 2, 3, 4), "bought by shoppers with baskets like yours"),
        ((None, 3, 2, 3, 4), "bought lately by shoppers with baskets like yours"),
        ((None, 9, 9, 3, 4), "a favourite in bread, where you shop often"),
        ((None, None, None, 9, 4), "popular in the shop"),
    ],
)
def test_the_reason_is_the_source_that_ranks_highest(
    ranks: tuple[int | None, ...], reason: str
) -> None:
    together, similar, recent, aisle, popular = ranks
    row = {
        "user_id": [1],
        "aisle_id": [7],
        "together_rank": [together],
        "neighbour_rank": [similar],
        "recent_rank": [recent],
        "aisle_rank": [aisle],
        "popularity_rank": [popular],
        "aisle_place": [1],
        "together_with_product_id": [100],
    }
    names = pl.DataFrame(
        {
            "product_id": [100, 200],
            "product_name": ["Oat Drink", "Rye"],
            "aisle_id": [3, 7],
            "aisle_name": ["milk", "bread"],
        }
    )
    frame = pl.DataFrame(row, schema_overrides=dict.fromkeys(row, pl.Int64))
    assert with_reasons(frame, names)["reason"].to_list() == [reason]
