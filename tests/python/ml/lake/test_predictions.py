"""The tables of predictions: their shape, and what a reader finds at every moment."""

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from ml.lake.predictions import PREDICTIONS, publish_predictions, write_predictions
from ml.tools.paths import ROOT
from tests.python.invented_predictions import predictions, publish

TYPES = {
    "bigint": pl.Int64,
    "integer": pl.Int32,
    "double": pl.Float64,
    "boolean": pl.Boolean,
    "varchar": pl.String,
    "timestamp": pl.Datetime("us"),
}
OLDER = predictions({"run": "first", "product_id": 1}, {"run": "first", "product_id": 2})
NEWER = predictions({"run": "second", "product_id": 3}, {"run": "second", "product_id": 4})


def test_columns_are_those_of_the_source() -> None:
    text = (ROOT / "models" / "staging" / "predictions.yml").read_text(encoding="utf-8")
    tables = {table["name"]: table for table in yaml.safe_load(text)["sources"][0]["tables"]}
    assert sorted(tables) == ["history", "latest"]
    for table in tables.values():
        declared = {column["name"]: TYPES[column["data_type"]] for column in table["columns"]}
        assert list(declared.items()) == list(PREDICTIONS.items())


def test_every_task_gets_the_same_shape(tmp_path: Path) -> None:
    """Shopper 7's fourth order and shopper 9's second; buy-again alone has a probability."""
    at = datetime(2017, 3, 1, 18, 4)  # noqa: DTZ001 - the shop's own time
    scores = {
        "user_id": [9, 7],
        "order_id": [91, 71],
        "product_id": [100, 200],
        "probability": [0.5, 0.25],
        "rank": pl.Series([1, 1], dtype=pl.Int64),
        "is_in_basket": [True, False],
        "reason": ["often", "late"],
        "user_code": ["I 9", "G 7"],
        "last_ordered_at": [at, at],
        "days_since_last_order": [3, 3],
    }
    plain = {"cart_id": ["a"], "user_id": [7], "rank": [1], "product_id": [300], "score": [2.5]}
    targets = pl.DataFrame({"user_id": [7, 9], "order_number": [4, 2]})
    stamps = {"run": "r", "model_version": "m", "predicted_at": "2026-01-31T08:00:00Z"}
    written = []
    for task, rows in (("buy-again", scores), ("next-in-cart", plain)):
        pl.DataFrame(rows).write_parquet(tmp_path / "predicted.parquet")
        out = tmp_path / "predictions.parquet"
        write_predictions(out, tmp_path / "predicted.parquet", targets, stamps | {"task": task})
        written.append(pl.read_parquet(out))
        assert written[-1].schema == PREDICTIONS
    usual: dict[str, Any] = stamps | {"product_code": None}
    assert written[0].to_dicts() == [
        usual
        | {"task": "buy-again", "rank": 1, "last_ordered_at": at}
        | {"user_id": 9, "order_number": 2, "product_id": 100, "score": 0.5}
        | {"is_in_basket": True, "reason": "often", "user_code": "I 9"},
        usual
        | {"task": "buy-again", "rank": 1, "last_ordered_at": at}
        | {"user_id": 7, "order_number": 4, "product_id": 200, "score": 0.25}
        | {"is_in_basket": False, "reason": "late", "user_code": "G 7"},
    ]
    assert written[1].to_dicts() == [
        usual
        | {"task": "next-in-cart", "rank": 1, "last_ordered_at": None}
        | {"user_id": 7, "order_number": 4, "product_id": 300, "score": 2.5}
        | {"is_in_basket": None, "reason": None, "user_code": None}
    ]


def test_the_newest_run_is_the_latest_and_every_run_is_history(tmp_path: Path) -> None:
    other = predictions({"task": "buy-again"})
    publish(tmp_path, pl.concat([OLDER, other, NEWER]), tmp_path)
    assert latest(tmp_path).equals(pl.concat([other, NEWER]))
    assert history(tmp_path).equals(pl.concat([other, OLDER, NEWER]))
    before = contents(tmp_path)
    publish(tmp_path, NEWER, tmp_path)
    assert contents(tmp_path) == before, "publishing a run again changes nothing"


@pytest.mark.parametrize("copies", [0, 1])
def test_a_publication_that_is_cut_off_leaves_the_older_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copies: int
) -> None:
    """The disk is full after half a file: of the history, or of the latest."""
    publish(tmp_path, OLDER, tmp_path)
    copied = iter([shutil.copyfile] * copies)

    def copy(source: Path, target: Path) -> None:
        whole = next(copied, None)
        if whole:
            whole(source, target)
            return
        target.write_bytes(source.read_bytes()[:100])
        raise OSError("No space left on device")

    monkeypatch.setattr("ml.lake.predictions.shutil.copyfile", copy)
    NEWER.write_parquet(tmp_path / "newer.parquet")
    with pytest.raises(OSError, match="No space left"):
        publish_predictions(tmp_path / "newer.parquet", tmp_path, "second", "discovery")
    assert latest(tmp_path).equals(OLDER)
    assert history(tmp_path).equals(pl.concat([OLDER, NEWER][: 1 + copies]))
    assert not list((tmp_path / "predictions").rglob(".*"))


def test_a_reader_finds_one_whole_run_at_every_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path, OLDER, tmp_path)
    seen: list[tuple[str, int]] = []

    def look() -> None:
        (run,) = latest(tmp_path)["run"].unique()
        assert latest(tmp_path).height == 2
        runs = history(tmp_path)["run"].value_counts()
        assert set(runs["count"]) == {2}
        seen.append((run, runs.height))

    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        look()
        done = real(self, target)
        look()
        return done

    monkeypatch.setattr(Path, "replace", replace)
    NEWER.write_parquet(tmp_path / "newer.parquet")
    publish_predictions(tmp_path / "newer.parquet", tmp_path, "second", "discovery")
    assert seen == [("first", 1), ("first", 2), ("first", 2), ("second", 2)]


def latest(lake: Path) -> pl.DataFrame:
    return pl.read_parquet(lake / "predictions" / "latest" / "*.parquet")


def history(lake: Path) -> pl.DataFrame:
    return pl.read_parquet(lake / "predictions" / "run=*" / "*.parquet", hive_partitioning=False)


def contents(lake: Path) -> dict[str, bytes]:
    return dict(_contents(lake / "predictions"))


def _contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path), path.read_bytes()
