"""The sample shop looks like the real one: marginals against the Instacart 2017 data."""

import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from glue.raw.sample_shop.files import write_shop
from glue.raw.sample_shop.simulation import simulate_shop

USERS = 4_000
SEED = 1


def read_orders(folder: Path) -> pl.DataFrame:
    return pl.read_csv(folder / "orders.csv")


def read_lines(folder: Path) -> pl.DataFrame:
    names = ("order_products__prior.csv", "order_products__train.csv")
    lines = pl.concat([pl.read_csv(folder / name) for name in names])
    return lines.join(read_orders(folder), on="order_id")


@pytest.fixture(scope="module")
def real() -> Path:
    """Find the real data, which may never be copied into the project."""
    folder = os.environ.get("INSTACART_DIR")
    if not folder:
        pytest.skip("INSTACART_DIR does not name a folder with the real data")
    if not (Path(folder) / "orders.csv").is_file():
        pytest.skip(f"INSTACART_DIR: no orders.csv in {folder}")
    return Path(folder)


@pytest.fixture(scope="module")
def made(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a shop large enough for stable means (made only if there is a real one)."""
    assert real.is_dir()
    folder = tmp_path_factory.mktemp("shop")
    write_shop(simulate_shop(USERS, SEED), folder)
    return folder


def mean_basket(folder: Path) -> float:
    lines = read_lines(folder)
    return lines.height / lines["order_id"].n_unique()


def mean_interval(folder: Path) -> float:
    days = read_orders(folder)["days_since_prior_order"].drop_nulls()
    return float(days.sum()) / len(days)


def one_time_share(folder: Path) -> float:
    times = read_lines(folder).group_by("user_id", "product_id").len()["len"]
    return int((times == 1).sum()) / len(times)


def reorder_share(folder: Path) -> dict[int, float]:
    """Share of lines bought before, by order_number 2 to 20."""
    lines = read_lines(folder).filter(pl.col("order_number").is_between(2, 20))
    share = lines.group_by("order_number").agg(pl.col("reordered").mean())
    return dict(share.iter_rows())


@pytest.mark.parametrize("measure", [mean_basket, mean_interval])
def test_means_are_within_ten_percent(
    real: Path, made: Path, measure: Callable[[Path], float]
) -> None:
    assert measure(made) == pytest.approx(measure(real), rel=0.10)


def test_share_of_products_bought_once_is_real(real: Path, made: Path) -> None:
    assert one_time_share(made) == pytest.approx(one_time_share(real), abs=0.05)


def test_reorder_share_grows_with_the_order_number_as_in_the_real_data(
    real: Path, made: Path
) -> None:
    expected, found = reorder_share(real), reorder_share(made)
    assert sorted(expected) == sorted(found) == list(range(2, 21))
    too_far = {
        number: (round(found[number], 3), round(expected[number], 3))
        for number in expected
        if abs(found[number] - expected[number]) > 0.05
    }
    assert too_far == {}


def test_lengths_of_histories_are_real(real: Path, made: Path) -> None:
    """Quartiles and the ninth decile; the shortest histories differ by one or two orders."""
    real_tenure = read_orders(real).group_by("user_id").len()["len"]
    made_tenure = read_orders(made).group_by("user_id").len()["len"]
    for quantile, tolerance in ((0.25, 2), (0.5, 2), (0.75, 3), (0.9, 5)):
        expected = real_tenure.quantile(quantile)
        assert made_tenure.quantile(quantile) == pytest.approx(expected, abs=tolerance)
