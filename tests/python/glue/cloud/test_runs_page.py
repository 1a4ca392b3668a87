"""The page of runs: what each run left stands on it, it needs no network, and it fits a phone."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from ml.tasks.registry import TASKS
from ml.tools import aws
from tests.python.browser import open_browser
from tests.python.glue.cloud.test_runs import BEGUN, Machine, Pages, execution, query
from tests.python.glue.conftest import Account

Run = Callable[..., Result]
# minutes after a run's start at which each state is entered
STATES = {
    "ListRuns": 0,
    "StartCrawler": 0,
    "WaitForCrawler": 1,
    "FixSerde": 10,
    "Verify": 11,
    "Build": 12,
    "BuildExited": 32,
    "Export": 32,
    "Train": 52,
    "Evaluate": 70,
    "Predict": 75,
    "Publish": 85,
}
# as EventBridge names the runs that it starts
NIGHT_1 = "0f8e2b6a-5a3c-4d1e-9b7f-0123456789ab_7c9d1e2f-3a4b-5c6d-7e8f-ba9876543210"
PSI = {"up_orders": 0.31, "score of buy-again": 0.125, "user_orders": 0.01}


@dataclass
class Nights(Machine):
    """A state machine each of whose runs has a history with times."""

    states: dict[str, dict[str, int]] = field(default_factory=dict)

    def get_paginator(self, name: str) -> Any:  # noqa: ANN401
        """Give the history of a run."""
        return self if name == "get_execution_history" else super().get_paginator(name)

    def paginate(self, executionArn: str, reverseOrder: bool) -> list[dict[str, Any]]:  # noqa: N803
        """Give a run's history on two pages, newest first."""
        assert reverseOrder
        one = self.describe_execution(executionArn)
        events = [
            {
                "timestamp": one["startDate"] + timedelta(minutes=minutes),
                "stateEnteredEventDetails": {"name": name},
            }
            for name, minutes in self.states[one["name"]].items()
        ][::-1]
        return Pages([{"events": events[:4]}, {"events": events[4:]}]).pages


def put(account: Account, key: str, content: object) -> None:
    body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
    account.s3.put_object(Bucket="shop-artifacts", Key=key, Body=body)


def gates(*, passes: bool = True) -> dict[str, Any]:
    figures = {"measure": "HR@10", "value": 0.4321, "floor": 0.3987, "floor_of": "popularity"}
    live = {"value": 0.43, "live_value": 0.4444}
    verdict = {"passed": passes, "reason": "", "figures": figures, "live": live}
    return {task.name: verdict for task in TASKS} | {
        "next-in-cart": {"passed": True, "figures": None, "live": None}
    }


@pytest.fixture
def nights(account: Account, monkeypatch: pytest.MonkeyPatch) -> Nights:
    """
    Give four runs, the newest first.

    The last went well, the one before was refused by a gate, one failed in the build, and the first
    has expired.
    """
    machine, real = Nights(), aws.client
    for module in ("runs", "runs_page"):
        monkeypatch.setattr(
            f"glue.cloud.{module}.client",
            lambda name: machine if name in {"stepfunctions", "athena"} else real(name),
        )
    monkeypatch.setattr("glue.cloud.runs.account_id", lambda: "123456789012")
    ends = {"night-4": "Publish", "night-3": "Evaluate", "night-2": "Build", NIGHT_1: "Publish"}
    for number, (name, end) in enumerate(ends.items()):
        status = "SUCCEEDED" if end == "Publish" else "FAILED"
        one, begun, last = execution(name, status), BEGUN - timedelta(days=number), STATES[end]
        one |= {"startDate": begun, "stopDate": begun + timedelta(minutes=last + 5)}
        if status == "FAILED":
            one["cause"] = f"{name}: <the> reason"
        machine.executions.append(one)
        machine.states[name] = {key: at for key, at in STATES.items() if at <= last}
    # a quarter of a terabyte at 5 USD, in the newest run; the other is of nobody
    machine.queries = [
        query("1", minutes=15, scanned=1 << 38),
        query("2", minutes=-200, scanned=1 << 40),
    ]
    summary = {
        "rows_in": {"candidates": 54_321, "baskets": 98_765},
        "rows_out": {"buy-again/scores.parquet": 54_000, "discovery/recommendations.parquet": 321},
        "lines": {"read": 1_000, "rejected": 7},
        "psi": PSI,
        "against": "night-1",
    }
    put(account, "runs/night-4/predictions/summary.json", summary)
    put(account, "runs/night-4/gate.json", gates())
    put(account, "runs/night-4/notice.txt", "Load 2017-03-02: 2 of 5,000 lines could not be used.")
    put(account, "runs/night-3/gate.json", gates(passes=False))
    rungs = [
        {"is_model": False, "measures": {"HR@10": {"mean": 0.1111}}},
        {"is_model": True, "measures": {"HR@10": {"mean": 0.2222}}},
    ]
    metrics = {"ladder": {"rungs": rungs}, "seconds": 125, "peak_memory_mb": 2345.6}
    put(account, "runs/night-4/models/discovery/metrics.json", metrics)
    return machine


@pytest.fixture
def page(nights: Nights, run: Run, tmp_path: Path) -> str:
    assert nights.executions
    done = run("runs", "--html", tmp_path / "runs.html")
    assert done.exit_code == 0, (done.output, done.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["runs.html"]
    return (tmp_path / "runs.html").read_text(encoding="utf-8")


def section(page: str, name: str) -> str:
    """Give the text of a run's section, without marks."""
    (part,) = re.findall(rf'<section class="run" id="{name}">(.*?)</section>', page, re.DOTALL)
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", part).split()))


def test_needs_no_network(page: str) -> None:
    assert not re.search(r"https?:|url\(|@import|<script|<link|<img|\bsrc=", page)
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page


def test_a_run_has_its_steps_bytes_dollars_and_rows(page: str) -> None:
    told = section(page, "night-4")
    assert told.startswith("night-4 succeeded 2026-11-30 03:00 UTC, 1 h 30 min; 1 queries")
    assert "scanned 274.88 GB" in told
    for step in (
        "crawl 10 min 0 s, 0.15 USD",  # of .88 USD an hour
        "contract 1 min 0 s",
        "build 20 min 0 s, 0.02 USD",
        "export 20 min 0 s, 0.59 USD",
        "train 18 min 0 s, 0.07 USD",
        "publish 5 min 0 s",
    ):
        assert step in told
    # Athena 1.25; crawl .1467; build .02; export .5867; train, evaluate, predict 33 min of .233
    assert "; 2.13 USD." in told
    for rows in ("candidates 54,321", "baskets 98,765", "buy-again/scores.parquet 54,000"):
        assert rows in told
    assert "lines of all loads 1,000 of them rejected 7" in told
    assert "Load 2017-03-02: 2 of 5,000 lines could not be used." in told


def test_a_run_has_its_verdicts_figures_and_drift(page: str) -> None:
    told = section(page, "night-4")
    assert "buy-again HR@10 0.4321 0.3987 0.4444 passed" in told
    assert "next-in-cart nothing to judge passed" in told
    assert "discovery 2 min 5 s, 2,346 MB HR@10 0.2222" in told
    moved = "up_orders 0.310 score of buy-again 0.125 user_orders 0.010"
    assert f"population stability index since night-1 {moved}" in told
    assert "Rows predicted <small>54,321</small>" in page
    assert page.count('class="bar failed"') == 2 * 3 + 1, "two runs, three figures"
    assert "refused" in section(page, "night-3")


def test_what_failed_is_told_and_what_has_expired_is_left_out(page: str) -> None:
    assert "night-2: <the> reason" in section(page, "night-2")
    assert "<the>" not in page
    assert "crawl 10 min 0 s" in section(page, "night-2")
    assert "build 5 min 0 s" in section(page, "night-2")
    assert "export" not in section(page, "night-2")
    expired = section(page, NIGHT_1)
    assert "publish 5 min 0 s" in expired
    assert not re.search(r"Gates|Rows|Drift|Models", expired)


def test_a_retry_shows_what_lies_in_the_first_runs_folder(
    nights: Nights, run: Run, tmp_path: Path
) -> None:
    nights.executions[1]["input"] = '{"from": "predict", "run": "night-4"}'
    assert run("runs", "--html", tmp_path / "runs.html").exit_code == 0
    text = (tmp_path / "runs.html").read_text(encoding="utf-8")
    assert "candidates 54,321" in section(text, "night-3")


def test_before_the_first_run_there_is_no_page(nights: Nights, run: Run, tmp_path: Path) -> None:
    nights.executions = []
    failed = run("runs", "--html", tmp_path / "runs.html")
    assert failed.exit_code == 1
    assert "There is no run yet" in failed.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("width", [1300, 800, 390])
def test_page_fits(page: str, tmp_path: Path, width: int) -> None:
    assert page
    with open_browser() as browser:
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width == 390},
        )
        browser.get((tmp_path / "runs.html").as_uri())
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        ends = browser.execute_script(
            "return [...document.querySelectorAll('.wide, td, th, p, li span, svg text, article')]"
            ".filter(e => e.getClientRects().length && !e.closest('thead'))"
            ".map(e => e.getBoundingClientRect().right)"
        )
    assert len(ends) > 50
    assert max(ends) <= width
