"""Deciles and the population stability index, worked out by hand."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from click.testing import Result

from ml.judging.drift import Bins, count_bins, stability_index
from ml.tasks.registry import TASKS
from ml.tasks.task import PUBLISHED

Ml = Callable[..., Result]


def bins(folder: Path, values: list[float | None], edges: list[float] | None = None) -> Bins:
    path = folder / "values [1].parquet"
    pl.DataFrame({'a "b"': values}, schema={'a "b"': pl.Float32}).write_parquet(path)
    with duckdb.connect() as connection:
        return count_bins(connection, path, 'a "b"', edges)


def test_bins_lie_between_deciles_and_what_is_empty_is_apart(tmp_path: Path) -> None:
    ten = [float(number) for number in range(1, 11)]
    assert bins(tmp_path, [*ten, None]) == Bins(ten[:9], [1] * 10 + [1])
    # ties: six of ten are 0, so that six deciles are one edge
    assert bins(tmp_path, [0, 0, 0, 0, 0, 0, 1, 2, 3, 4]) == Bins([0, 1, 2, 3], [6, 1, 1, 1, 1, 0])
    assert bins(tmp_path, [None, math.nan, math.inf]) == Bins([], [0, 3])
    assert bins(tmp_path, []) == Bins([], [0, 0])


def test_a_newer_column_is_counted_in_the_older_ones_bins(tmp_path: Path) -> None:
    # an edge belongs to the bin below it
    assert bins(tmp_path, [-5, 1, 1.5, 2, 2.5, None], [1, 2]) == Bins([1, 2], [2, 2, 1, 1])


@pytest.mark.parametrize(
    ("expected", "found", "index"),
    [
        # shares with half a row added: 1/2 and 1/2, then 1/6 and 5/6
        ([4, 4], [1, 7], (1 / 3) * math.log(3) + (1 / 3) * math.log(5 / 3)),
        # 3/5, 1/5, 1/5, then 1/5, 1/5, 3/5: an empty bin has a logarithm
        ([1, 0, 0], [0, 0, 1], 2 * (1 / 5 - 3 / 5) * math.log(1 / 3)),
        ([3, 8, 2], [3, 8, 2], 0),
    ],
)
def test_index_by_hand(expected: list[int], found: list[int], index: float) -> None:
    assert stability_index(expected, found) == pytest.approx(index)
    assert stability_index(found, expected) == pytest.approx(index), "it is symmetric"


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    folder = tmp_path / "predictions"
    for task in TASKS:
        (folder / task.name).mkdir(parents=True)
        frame = pl.DataFrame({"score": [number / 10 for number in range(1, 11)]})
        frame.write_parquet(folder / task.name / PUBLISHED)
    return folder


def test_a_run_is_summarized_and_compared(
    ml: Ml, own_shop: Path, predictions: Path, tmp_path: Path
) -> None:
    pl.DataFrame({"order_lines": [70, 30], "rejected_lines": [1, 2]}).write_parquet(
        own_shop.with_name("loads.parquet")
    )

    def summary(*more: object) -> dict[str, Any]:
        out = tmp_path / "summary.json"
        result = ml(
            *("summarize", "--data", own_shop, "--predictions", predictions, "--out", out), *more
        )
        assert result.exit_code == 0, (result.output, result.exception)
        content: dict[str, Any] = json.loads(out.read_text())
        return content

    first = summary()
    assert first["psi"] == {}
    assert first["rows_out"] == {f"{task.name}/{PUBLISHED}": 10 for task in TASKS}
    assert first["lines"] == {"read": 100, "rejected": 3}
    targets = pl.read_parquet(own_shop.with_name("target_orders.parquet"))
    assert first["rows_in"]["target_orders"] == targets.height
    newest = pl.read_csv(own_shop, infer_schema_length=None).filter(pl.col("orders_back") == 0)
    assert first["rows_in"]["candidates"] == newest.height
    up_orders = first["columns"]["up_orders"]
    assert sum(up_orders["counts"]) == newest.height
    least = newest.filter(pl.col("up_orders") <= up_orders["edges"][0]).height
    assert up_orders["counts"][0] == least
    assert not {"prod_aisle_id", "user_id", "product_id", "reordered"} & first["columns"].keys()

    before = tmp_path / "before.json"
    before.write_text(json.dumps(first))
    same = summary("--before", before)
    assert same["psi"].keys() == same["columns"].keys() == first["columns"].keys()
    assert set(same["psi"].values()) == {0}

    file = predictions / "buy-again" / PUBLISHED
    pl.DataFrame({"score": [0.95] * 10}).write_parquet(file)
    moved = summary("--before", before)
    # ten bins of one, all of which move into the last: shares 1.5/15.5 and 10.5 or .5 of 15.5
    into = (10.5 - 1.5) / 15.5 * math.log(10.5 / 1.5)
    out_of = 9 * (0.5 - 1.5) / 15.5 * math.log(0.5 / 1.5)
    (name, index), *rest = moved["psi"].items()
    assert (name, index) == ("score of buy-again", pytest.approx(into + out_of))
    assert {one for _, one in rest} == {0}


def test_what_is_no_summary_is_one_sentence(
    ml: Ml, shop: Path, predictions: Path, tmp_path: Path
) -> None:
    before, out = tmp_path / "before.json", tmp_path / "summary.json"
    before.write_text("{}")
    command = ("summarize", "--data", shop, "--predictions", predictions, "--out", out)
    result = ml(*command, "--before", before)
    assert result.exit_code == 1
    assert f"{before} is no summary of a run" in result.output
    assert not out.exists()
