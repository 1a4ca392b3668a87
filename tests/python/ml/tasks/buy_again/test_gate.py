"""The gate: the floor, the live run on the same orders, neither judged on what it has seen."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import Result

from ml.data.contract import Context
from ml.judging.ladder import Ladder, Rung
from ml.judging.metrics import Interval
from ml.runs.gate import Figures
from ml.tasks.buy_again.gate import gate_figures
from ml.tasks.buy_again.ladder import BASKET_F1
from ml.tasks.buy_again.predictors import RECENCY
from ml.tools.hashes import write_hashes

Gate = Callable[[Path, Path], dict[str, Any]]


@pytest.fixture
def gate(ml: Callable[..., Result], trained: Path, shop: Path, tmp_path: Path) -> Gate:
    """Hold the trained run against a live one, and give both on the same orders."""

    def run(live: Path, targets: Path) -> dict[str, Any]:
        out = tmp_path / "gate.json"
        command = ["gate", "--data", shop, "--run", trained, "--live", live]
        ml(*command, "--live-targets", targets, "--out", out)
        live_figures: dict[str, Any] = json.loads(out.read_text())["live"]
        return live_figures

    return run


@pytest.fixture
def live(trained: Path, tmp_path: Path) -> Path:
    """Give a copy of the trained run, to be changed."""
    shutil.copytree(trained, tmp_path / "live")
    return tmp_path / "live"


def test_floor_is_recency_decay_and_not_the_lowest_baseline() -> None:
    """A model that beats a poor baseline alone is no better than a rule of thumb."""

    def rung(name: str, f1: float, context: Context | None = None) -> Rung:
        return Rung(name, context is not None, {BASKET_F1: Interval(f1, f1, f1)}, {}, context)

    baselines = [rung("popularity", 0.1), rung(RECENCY, 0.3), rung("reorder all", 0.2)]
    models = [rung("model", 0.34, "order-start"), rung("model", 0.33, "pre-order")]
    figures = gate_figures(Ladder("", 0, {}, {}, 0, [*baselines, *models], [], []))
    assert figures == Figures("mean basket F1", 0.33, 0.3, RECENCY)


def test_run_is_as_good_as_itself(gate: Gate, trained: Path, shop: Path) -> None:
    same = gate(trained, shop.with_name("target_orders.parquet"))
    assert same["rows_new_to_live"] == 0
    assert same["live_value"] == same["value"] > 0


def test_worse_live_run_is_worse(gate: Gate, live: Path, shop: Path) -> None:
    out_of_fold = pl.read_parquet(live / "out_of_fold.parquet")
    upside_down = out_of_fold.with_columns((1 - pl.col("order-start", "pre-order")).name.keep())
    upside_down.write_parquet(live / "out_of_fold.parquet")
    write_hashes(live)
    compared = gate(live, shop.with_name("target_orders.parquet"))
    assert compared["live_value"] < compared["value"] - 0.05


def test_orders_that_came_later_are_scored_by_the_live_model(
    gate: Gate, live: Path, shop: Path, tmp_path: Path
) -> None:
    targets = pl.read_parquet(shop.with_name("target_orders.parquet"))
    older = targets.with_columns(order_id=pl.col("order_id") + 1_000_000)
    older.write_parquet(tmp_path / "older.parquet")
    later = gate(live, tmp_path / "older.parquet")
    rows = pl.read_parquet(live / "out_of_fold.parquet").height
    assert later["rows_new_to_live"] == rows
    assert later["live_value"] != later["value"], "the model's scores, not those out of fold"


def test_live_run_of_other_columns_is_refused(
    ml: Callable[..., Result], trained: Path, live: Path, shop: Path, tmp_path: Path
) -> None:
    features = json.loads((live / "features.json").read_text())
    features["contract_hash"] = "0" * 64
    (live / "features.json").write_text(json.dumps(features))
    write_hashes(live)
    command = ["gate", "--data", shop, "--run", trained, "--live", live]
    targets = shop.with_name("target_orders.parquet")
    result = ml(*command, "--live-targets", targets, "--out", tmp_path / "gate.json")
    assert result.exit_code == 1
    assert "trained on other columns" in result.output
    assert not (tmp_path / "gate.json").exists()


def test_a_run_passes_that_beats_its_floor_before_anything_is_live(
    ml: Callable[..., Result], trained: Path, shop: Path, tmp_path: Path
) -> None:
    rungs = json.loads((trained / "metrics.json").read_text())["ladder"]["rungs"]
    f1 = {(one["name"], one["context"]): one["measures"]["basket F1"]["mean"] for one in rungs}
    result = ml("gate", "--data", shop, "--run", trained, "--out", tmp_path / "gate.json")
    verdict = json.loads((tmp_path / "gate.json").read_text())
    assert verdict["figures"] == {
        "measure": "mean basket F1",
        "value": f1["model", "pre-order"],
        "floor": f1["recency decay 0.85", "pre-order"],
        "floor_of": "recency decay 0.85",
        "difference": None,
    }
    assert verdict["live"] is None
    assert verdict["passed"] == (verdict["figures"]["value"] > verdict["figures"]["floor"])
    assert result.exit_code == (0 if verdict["passed"] else 1)


def test_a_run_below_its_floor_is_refused_in_words_and_as_json(
    ml: Callable[..., Result], live: Path, shop: Path, tmp_path: Path
) -> None:
    metrics = json.loads((live / "metrics.json").read_text())
    metrics["gate"] |= {"value": 0.3, "floor": 0.38}
    (live / "metrics.json").write_text(json.dumps(metrics))
    write_hashes(live)
    result = ml("gate", "--data", shop, "--run", live, "--out", tmp_path / "gate.json")
    assert result.exit_code == 1
    sentence = "mean basket F1 0.3000 does not beat recency decay 0.85 (0.3800)"
    assert f"Error: buy-again may not go live: {sentence}." in result.output
    verdict = json.loads((tmp_path / "gate.json").read_text())
    assert (verdict["passed"], verdict["reason"]) == (False, sentence)
