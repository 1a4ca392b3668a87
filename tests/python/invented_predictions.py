"""Predictions as `python -m ml predict` leaves them in the lake, invented row by row."""

from pathlib import Path
from typing import Any

import polars as pl

from ml.lake.predictions import PREDICTIONS, publish_predictions

_ROW = {
    "run": "first",
    "task": "discovery",
    "user_id": 1,
    "order_number": 5,
    "product_id": 400,
    "rank": 1,
    "score": 0.5,
    "reason": "popular",
    "model_version": "model",
    "predicted_at": "2026-01-31T08:00:00Z",
}


def predictions(*rows: dict[str, Any]) -> pl.DataFrame:
    """Give rows of the tables `predictions`; what a row does not say is usual."""
    return pl.DataFrame([_ROW | row for row in rows], schema=PREDICTIONS)


_OF_A = {"run": "a", "predicted_at": "2026-01-01T08:00:00Z"}
_OF_B = {"run": "b", "predicted_at": "2026-01-02T08:00:00Z"}
OF_TINY_SHOP = predictions(
    _OF_A | {"user_id": 1, "order_number": 3, "product_id": 300},
    _OF_A | {"user_id": 2, "order_number": 2, "product_id": 300},
    _OF_B | {"user_id": 1, "order_number": 3, "product_id": 200},
    _OF_B | {"user_id": 1, "order_number": 3, "product_id": 400, "rank": 2},
    _OF_B | {"user_id": 1, "order_number": 3, "product_id": 100, "rank": 11},
    _OF_B | {"user_id": 2, "order_number": 4, "product_id": 100},
    _OF_B | {"user_id": 3, "order_number": 2, "product_id": 200},
)
"""Of discovery for the tiny shop, by two runs; orders that were made since are judged."""


def publish(lake: Path, rows: pl.DataFrame, folder: Path) -> None:
    """Put the predictions of each run and task into a lake, in their order, by way of a folder."""
    for (run, task), some in rows.group_by("run", "task", maintain_order=True):
        path = folder / "predictions.parquet"
        some.write_parquet(path)
        publish_predictions(path, lake, str(run), str(task))
