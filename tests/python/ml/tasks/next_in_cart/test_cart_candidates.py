"""Candidates and features of a cart, in a shop small enough to work them out by hand."""

import numpy as np
import pytest

from ml.tasks.next_in_cart import cart_candidates
from ml.tasks.next_in_cart.cart_candidates import FEATURES, CandidateFinder, CartCandidates
from ml.tasks.next_in_cart.state import (
    Catalogue,
    Neighbours,
    NewProducts,
    OrderLines,
    OwnProducts,
    State,
)

# products 10 to 50 have the indices 0 to 4; the one shopper bought 10, 20, 30 in order 1, then 20
# and 10 in order 2
SHOP = State(
    users=np.array([7]),
    products=np.array([10, 20, 30, 40, 50]),
    own=OwnProducts(
        start=np.array([0, 3]),
        product=np.array([1, 0, 2], dtype=np.int32),
        values=np.array(
            [[0.9, 1.9, 2, 0, 1.5], [0.6, 1.9, 2, 0, 1.5], [0.2, 0.9, 1, 1, 3]], dtype=np.float32
        ),
    ),
    lines=OrderLines(
        start=np.array([0, 5]),
        product=np.array([0, 1, 2, 1, 0], dtype=np.int32),
        order=np.array([1, 1, 1, 2, 2], dtype=np.int32),
    ),
    new=NewProducts(
        start=np.array([0, 1]),
        product=np.array([3], dtype=np.int32),
        score=np.array([0.05], dtype=np.float32),
    ),
    near=Neighbours(
        start=np.array([0, 2, 4, 4, 4, 4]),
        product=np.array([3, 1, 4, 3], dtype=np.int32),
        cosine=np.array([0.5, 0.25, 0.4, 0.3], dtype=np.float32),
        confidence=np.array([0.6, 0.2, 0.5, 0.1], dtype=np.float32),
    ),
    catalogue=Catalogue(
        buyer_share=np.array([0.5, 0.4, 0.3, 0.2, 0.1], dtype=np.float32),
        popularity_rank=np.array([1, 2, 3, 4, 5], dtype=np.int32),
        aisle=np.array([1, 1, 2, 2, 3]),
        department=np.array([1, 1, 1, 2, 2]),
    ),
    user_values=np.array([[2, 2.5]], dtype=np.float32),
)


def find(user: int, *cart: int) -> CartCandidates:
    return CandidateFinder(SHOP).find(user, np.array(cart, dtype=np.int64))


def row(found: CartCandidates, product: int) -> dict[str, float]:
    at = found.product.tolist().index(product)
    return dict(zip(FEATURES, found.features[at].tolist(), strict=True))


def test_nothing_in_the_cart_is_a_candidate() -> None:
    assert set(find(0, 0, 1).product.tolist()) == {2, 3, 4}


def test_own_products_come_with_their_history() -> None:
    found = row(find(0, 0), 1)
    assert found["is_own"] == 1
    assert found["buy_again"] == pytest.approx(0.9)
    assert found["positions_to_usual"] == pytest.approx(1.5 - 2)
    assert found["own_rank"] == 1
    # what is left of the own products is 20 and 30
    assert found["own_expected_left"] == pytest.approx(0.9 + 0.2)
    assert found["cart_own_share"] == 1
    assert found["cart_size_share"] == pytest.approx(1 / 2.5)


def test_neighbours_of_the_cart_add_up() -> None:
    found = row(find(0, 0, 1), 3)
    assert found["cosine_sum"] == pytest.approx(0.5 + 0.3)
    assert found["cosine_max"] == pytest.approx(0.5)
    assert found["cosine_last"] == pytest.approx(0.3)
    assert found["confidence_max"] == pytest.approx(0.6)
    assert found["discovery_score"] == pytest.approx(0.05)
    # in the other order the last one is 10
    assert row(find(0, 1, 0), 3)["cosine_last"] == pytest.approx(0.5)


def test_what_followed_in_the_shoppers_own_orders() -> None:
    # the cart is 20: order 1 went on with 30 right after it, order 2 with 10
    found = find(0, 1)
    assert row(found, 2)["own_followed_last"] == pytest.approx(1 / 2)
    assert row(found, 0)["own_followed_last"] == pytest.approx(1 / 2)
    # 30 was in one of the two orders that held 20, 10 in both
    assert row(found, 2)["own_with_cart"] == pytest.approx(1 / 2)
    assert row(found, 0)["own_with_cart"] == 1


def test_what_followed_later_counts_less() -> None:
    # the cart is 10: in order 1 came 20 and then 30, in order 2 nothing after it
    found = find(0, 0)
    assert row(found, 1)["own_followed_last"] == pytest.approx(1 / 2)
    assert row(found, 2)["own_followed_last"] == pytest.approx(1 / 2 / 2)


def test_own_products_beyond_the_candidates_do_not_lie_in_the_cart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cart_candidates, "_OWN", 1)
    # compiled code holds the number, in the function and in all that it calls
    for name, function in list(vars(cart_candidates).items()):
        if hasattr(function, "py_func"):
            monkeypatch.setattr(cart_candidates, name, function.py_func)
    found = find(0, 3)
    # 20 is likeliest; 10 and 30 are no candidates, not even as popular products
    assert set(found.product.tolist()) == {1, 4}
    # no order held 40, which is in the cart
    assert row(found, 1)["own_with_cart"] == 0


def test_aisles_in_the_cart_are_counted() -> None:
    found = row(find(0, 0, 3), 2)
    assert (found["aisle_in_cart"], found["department_in_cart"]) == (1, 1)
    assert (found["is_aisle_of_last"], found["is_department_of_last"]) == (1, 0)


def test_an_unknown_shopper_gets_what_is_popular_and_near() -> None:
    found = find(-1, 0)
    assert set(found.product.tolist()) == {1, 2, 3, 4}
    assert not found.features[:, 0].any()
    assert row(found, 3)["cosine_sum"] == pytest.approx(0.5)


def test_only_new_leaves_out_the_history() -> None:
    assert set(find(0, 0).only_new().product.tolist()) == {3, 4}


def test_a_finder_forgets_the_cart_before() -> None:
    finder = CandidateFinder(SHOP)
    cart = np.array([1], dtype=np.int64)
    first = finder.find(0, cart)
    finder.find(-1, np.array([0], dtype=np.int64))
    again = finder.find(0, cart)
    assert (first.product == again.product).all()
    assert np.array_equal(first.features, again.features, equal_nan=True)
