"""The report: one page that needs nothing else and says what the run holds."""

import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from shutil import copytree
from xml.etree import ElementTree as ET

import pytest
from click.testing import Result

from ml.judging.metrics import Interval
from ml.report.charts import IntervalRow, bar_chart, interval_chart, reliability_chart
from ml.report.page import write_report
from ml.runs.run import read_run
from ml.tasks.registry import task_named
from tests.python.browser import open_browser


def report_of(runs: list[Path], path: Path) -> str:
    """Write the page of some runs and give its text."""
    parts = [task_named(run.task).load().report(run) for run in map(read_run, runs)]
    return write_report(parts, path).read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def page(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the text of the report of a run."""
    run = copytree(trained, tmp_path_factory.mktemp("report") / "run")
    return report_of([run], run / "report.html")


def test_needs_no_network(page: str) -> None:
    assert not re.search(r"https?:|url\(|@import|<script|<link|<img|\bsrc=", page)


def test_fits_light_and_dark_and_phones(page: str) -> None:
    assert "@media (prefers-color-scheme: dark)" in page
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page


def test_every_figure_of_the_ladder_is_there(page: str, trained: Path) -> None:
    metrics = json.loads((trained / "metrics.json").read_text())
    for rung in metrics["ladder"]["rungs"]:
        assert f"{rung['measures']['F1']['mean']:.4f}</td>" in page
        ends = rung["measures"]["F1"]
        assert f"{ends['low']:.4f} to {ends['high']:.4f}</td>" in page
        assert f"{rung['measures']['basket F1']['mean']:.4f}</td>" in page
    # a table of protocol K and one of protocol NBR
    assert page.count('<tr class="model">') == 4
    assert page.count('class="interval"') == len(metrics["ladder"]["rungs"])


def test_ten_shoppers_with_names_and_reasons(page: str, trained: Path) -> None:
    shoppers = json.loads((trained / "examples.json").read_text())["shoppers"]
    assert page.count("<article>") == len(shoppers) == 10
    f1 = [shopper["f1"] for shopper in shoppers]
    assert f1 == sorted(f1)
    for shopper in shoppers:
        assert f"Shopper {shopper['user_id']} " in page
        chances = [product["probability"] for product in shopper["products"]]
        assert chances == sorted(chances, reverse=True)
        for product in shopper["products"]:
            assert product["name"].startswith("Fruit & <Grain> ")
            assert product["reason"] in page
    assert "Fruit &amp; &lt;Grain&gt;" in page
    assert "<Grain>" not in page


def test_says_what_the_run_was(page: str, trained: Path) -> None:
    data = json.loads((trained / "data.json").read_text())
    features = json.loads((trained / "features.json").read_text())
    environment = json.loads((trained / "environment.json").read_text())
    for text in (data["fingerprint"], features["contract_hash"], *environment.values()):
        assert text in page
    assert re.search(r"\d+ s, at most [\d,]+ MB of memory", page)
    for measure in ("gain", "shap"):
        amounts = features[measure]["order-start"]
        for name in sorted(amounts, key=lambda name: -amounts[name])[:3]:
            assert f">{name}</text>" in page


def test_command(ml: Callable[..., Result], trained: Path, tmp_path: Path) -> None:
    run = copytree(trained, tmp_path / "run")
    result = ml("report", "--run", run)
    assert (result.exit_code, result.stdout) == (0, f"{run / 'report.html'}\n")
    assert (run / "report.html").is_file()


def test_no_run(ml: Callable[..., Result], tmp_path: Path) -> None:
    result = ml("report", "--run", tmp_path)
    assert result.exit_code == 1
    assert "is not a finished run" in result.stderr


def test_intervals_lie_on_one_scale() -> None:
    rows = [
        IntervalRow("a < b", Interval(0.3, 0.2, 0.4), is_model=False),
        IntervalRow("model", Interval(0.5, 0.4, 0.6), is_model=True),
    ]
    chart = ET.fromstring(interval_chart(rows, "title"))  # noqa: S314 - made here
    first, second = chart.findall("g")
    assert first.findtext("text") == unescape("a &lt; b")
    ends = [line.attrib for group in (first, second) for line in group.findall("line")]
    assert ends[0]["x2"] == ends[1]["x1"]
    # 4 % of the width are left free on both sides
    assert ends[0]["x1"] == f"{100 * 0.016 / 0.432:.2f}%"
    assert ends[1]["x2"] == f"{100 - 100 * 0.016 / 0.432:.2f}%"
    ticks = [tick.text for tick in chart.findall("text[@class='tick']")]
    assert ticks == ["0.20", "0.30", "0.40", "0.50", "0.60"]


def test_one_interval_without_width_is_drawn() -> None:
    chart = interval_chart([IntervalRow("a", Interval(1, 1, 1), is_model=True)], "title")
    assert 'cx="50.00%"' in chart


def test_bars_are_shares_of_the_longest() -> None:
    chart = ET.fromstring(bar_chart([("a", 0.5), ("b", 0.125)], "title"))  # noqa: S314 - made here
    assert [bar.get("width") for bar in chart.findall("rect[@class='bar']")] == [
        "100.00%",
        "25.00%",
    ]
    assert [text.text for text in chart.findall("text[@class='value']")] == ["50.0%", "12.5%"]


def test_dots_on_the_diagonal_where_chances_hold() -> None:
    chart = ET.fromstring(reliability_chart([(0.25, 0.25), (0.25, 1.0)], "title"))  # noqa: S314 - made here
    lines = [line.attrib for line in chart.findall("line[@class='diagonal']")]
    left, right = float(lines[0]["x1"]), float(lines[0]["x2"])
    bottom, top = float(lines[0]["y1"]), float(lines[0]["y2"])
    (on, above) = (
        (float(dot.attrib["cx"]), float(dot.attrib["cy"])) for dot in chart.findall("circle")
    )
    # a quarter lies in the middle of an axis of square roots
    assert on == ((left + right) / 2, (bottom + top) / 2)
    assert above == ((left + right) / 2, top)


def test_calibration_segments_and_lists_are_shown(page: str, trained: Path) -> None:
    metrics = json.loads((trained / "metrics.json").read_text())
    assert page.count('class="bin"') == len(metrics["calibration"]["order-start"]) == 20
    for segment in metrics["segments"]:
        assert f'<td data-name="class">{segment["label"]}</td>' in page
    for rung in metrics["ladder"]["rungs"]:
        assert f'data-name="recall@10">{rung["figures"]["recall_10"]:.3f}</td>' in page


@pytest.fixture(scope="session")
def page_of_all(
    trained: Path, discovery_run: Path, next_run: Path, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Give the text of the one page of a run of each task."""
    path = tmp_path_factory.mktemp("report-of-all") / "report.html"
    return report_of([trained, discovery_run, next_run], path)


def test_one_page_for_all_tasks(page_of_all: str) -> None:
    for task in ("buy-again", "discovery", "next-in-cart"):
        assert f'<a href="#{task}">' in page_of_all
        assert f'id="{task}"' in page_of_all
    assert not re.search(r"https?:|url\(|@import|<script|<link|<img|\bsrc=", page_of_all)


def test_it_begins_with_the_first_answers(
    page_of_all: str, trained: Path, discovery_run: Path, next_run: Path
) -> None:
    first, *_ = page_of_all.split('<header class="part"', maxsplit=1)
    cards = first.split('<div class="verdict ')[1:]
    assert len(cards) == 3
    measures = {"F1": trained, "hit@10": discovery_run, "HR@10": next_run}
    for card, (measure, run) in zip(cards, measures.items(), strict=True):
        ladder = json.loads((run / "metrics.json").read_text())["ladder"]
        models = [rung for rung in ladder["rungs"] if rung["is_model"]]
        means = [f"{measure} {rung['measures'][measure]['mean']:.3f} instead of" for rung in models]
        assert any(mean in card for mean in means)
        differences = {
            f"{one['difference']['mean']:+.4f} [": one["verdict"]
            for one in ladder["comparisons"]
            if one["measure"] == measure
        }
        (verdict,) = {told for text, told in differences.items() if text in card}
        assert card.startswith("good" if verdict == "better" else "open")
        assert re.search(r"Of 100 .* \d+ instead of \d+", card)


@pytest.mark.parametrize("width", [1300, 800, 390])
def test_every_table_fits_its_page(page_of_all: str, tmp_path: Path, width: int) -> None:
    path = tmp_path / "report.html"
    path.write_text(page_of_all, encoding="utf-8")
    with open_browser() as browser:
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
        )
        browser.get(path.as_uri())
        ends = browser.execute_script(
            "return [...document.querySelectorAll('.wide, .wide td')].filter(e => e.offsetWidth)"
            ".map(e => Math.max(e.getBoundingClientRect().right, e.scrollWidth))"
        )
    assert len(ends) > 100
    assert max(ends) <= width


def test_shoppers_have_all_three_lists_side_by_side(page_of_all: str, next_run: Path) -> None:
    shoppers = json.loads((next_run / "examples.json").read_text())["shoppers"]
    assert len(shoppers) == 10
    part = page_of_all.split('<header class="part" id="next-in-cart">', maxsplit=1)[1]
    beside = part.split('<div class="shoppers side">')[1:]
    assert len(beside) == len(shoppers)
    for shopper, lists in zip(shoppers, beside, strict=True):
        titles = re.findall(r"<article>\n<h3>(.*)</h3>", lists)
        assert [unescape(title) for title in titles] == [one["title"] for one in shopper["lists"]]
        assert titles[:2] == ["Buy again", "Discover"]
        assert titles[2].startswith("Next after ")
        names = [product["name"] for one in shopper["lists"] for product in one["products"]]
        assert unescape(lists).count('<span class="what">') == len(names)
        assert all(name in unescape(lists) for name in names)


def test_every_figure_of_the_other_tasks_is_there(
    page_of_all: str, discovery_run: Path, next_run: Path
) -> None:
    for run in (discovery_run, next_run):
        ladder = json.loads((run / "metrics.json").read_text())["ladder"]
        for rung in ladder["rungs"]:
            for name, measure in rung["measures"].items():
                assert f'data-name="{name}">{measure["mean"]:.4f}<br>' in page_of_all
        for one in ladder["comparisons"]:
            cell = f'">{one["difference"]["mean"]:+.4f} {one["verdict"]}<br>'
            assert cell in page_of_all


def test_the_other_tasks_are_held_against_their_best_baselines(
    page_of_all: str, next_run: Path
) -> None:
    ladder = json.loads((next_run / "metrics.json").read_text())["ladder"]
    for measure in ("HR@10", "MRR@10"):
        means = {rung["name"]: rung["measures"][measure]["mean"] for rung in ladder["rungs"]}
        model = means["model"]
        # the model with other settings is no baseline
        baselines = {one["baseline"] for one in ladder["comparisons"]}
        best = max(baselines, key=lambda name: means[name])
        (one,) = (
            one
            for one in ladder["comparisons"]
            if (one["baseline"], one["measure"]) == (best, measure)
        )
        words = {"not proven": "Not proven to be better"}.get(one["verdict"], one["verdict"])
        _, _, after = page_of_all.partition(f'<p class="overline">{measure}</p>')
        shown, _, _ = after.partition("</div>")
        assert f'<p class="figure">{model:.3f}</p>' in shown
        assert f"<strong>{words.capitalize()} than</strong> the best baseline, {best}:" in shown
        assert f"{one['difference']['mean']:+.3f}" in shown


def test_command_without_a_run_shows_the_latest_of_every_task(
    ml: Callable[..., Result],
    discovery_run: Path,
    next_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RUNS_DIR", str(tmp_path))
    result = ml("report")
    assert result.exit_code == 1
    assert f"{tmp_path} holds no run" in result.stderr
    for task, run in (("discovery", discovery_run), ("next-in-cart", next_run)):
        (tmp_path / task).mkdir()
        (tmp_path / task / "latest").symlink_to(run)
    result = ml("report")
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'report.html'}\n")
    page = (tmp_path / "report.html").read_text()
    assert 'id="discovery"' in page
    assert 'id="buy-again"' not in page
