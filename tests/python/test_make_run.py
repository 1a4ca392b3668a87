"""`make run`, whole: from nothing to the report, as a newcomer has it."""

import csv
import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.python.dbt_project.shop_builds import write_sample_shop
from tests.python.dbt_runs import ROOT
from tests.python.tiny_shop import FILES, write_tiny_shop

# one process for all of it: each run uses every core
pytestmark = pytest.mark.xdist_group("make-run")


@dataclass(frozen=True)
class Run:
    """What `make run` printed and where it wrote."""

    output: str
    folder: Path

    @property
    def latest(self) -> Path:
        """The folder of the newest run."""
        return self.folder / "runs" / "buy-again" / "latest"

    @property
    def ladder(self) -> dict[str, Any]:
        """The figures that metrics.json holds."""
        ladder: dict[str, Any] = json.loads((self.latest / "metrics.json").read_text())["ladder"]
        return ladder

    @property
    def submission(self) -> list[dict[str, str]]:
        """The rows of submission.csv."""
        return self.predicted("submission.csv")

    def predicted(self, name: str) -> list[dict[str, str]]:
        """Read the rows of a CSV file of buy-again's predictions."""
        path = self.latest / "predictions" / name
        return list(csv.DictReader(path.read_text().splitlines()))


def make_run(folder: Path, raw: Path, **variables: str) -> Run:
    places = {
        "RAW_DIR": str(raw),
        "LAKE_DIR": str(folder / "lake"),
        "RUNS_DIR": str(folder / "runs"),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "target"),
        "NO_COLOR": "1",
        **variables,
    }
    done = subprocess.run(
        ["make", "run"],
        cwd=ROOT,
        env=os.environ | places,
        capture_output=True,
        text=True,
        check=False,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[-4000:]
    return Run(output, folder)


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("first-run")
    # of 1,000 shoppers, so that every difference can be proven; of itself it takes 11 windows:
    # minutes more, and nothing else
    raw = write_sample_shop(folder / "raw", users=1_000, seed=1)
    return make_run(folder, raw, WINDOWS="3")


def orders_of(raw: Path, eval_set: str) -> set[str]:
    with (raw / "orders.csv").open() as file:
        return {row["order_id"] for row in csv.DictReader(file) if row["eval_set"] == eval_set}


def test_folder_names_reach_programs_as_they_are_written(tmp_path: Path) -> None:
    show = tmp_path / "show.mk"
    show.write_text('show:\n\t@printf \'%s\\n\' "$$RAW_DIR" "$$LAKE_DIR" "$$RUNS_DIR"\n')
    given = ["make", "-s", "-f", "Makefile", "-f", str(show), "show", "RUNS_DIR=a$b $$c"]
    names = {"RAW_DIR": " it's $(x) [1]*?#,\"`", "LAKE_DIR": ""}
    shown = subprocess.run(
        given, cwd=ROOT, env=os.environ | names, capture_output=True, text=True, check=True
    )
    assert shown.stdout.splitlines() == [names["RAW_DIR"], "lake", "a$b $$c"]


def test_it_begins_with_a_shop_where_there_is_none() -> None:
    planned = subprocess.run(
        ["make", "-n", "run"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert 0 < planned.index("glue ensure-raw") < planned.index("ml windows --raw")


def test_a_docs_page_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    answers = {"shape": "instacart", "mode": "benchmark", "windows": "1", "tasks": "buy-again"}
    said = "".join(f'*"-m ml {name}"*) echo {answer};;\n' for name, answer in answers.items())
    python = tmp_path / "python"
    # everything works and takes no time, but for the page, which fails after all else has ended
    python.write_text(
        f'#!/bin/sh\ncase "$*" in\n*"docs generate"*) sleep 1; exit 1;;\n{said}esac\n'
    )
    python.chmod(0o755)
    places = {name: str(tmp_path / name) for name in ("RAW_DIR", "LAKE_DIR", "RUNS_DIR")}
    done = subprocess.run(
        ["make", "run", f"BIN={tmp_path}"],
        cwd=ROOT,
        env=os.environ | places,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "windows: 1" in done.stdout
    assert "report.html" not in done.stdout


def test_it_ends_with_scores_and_paths_that_exist(first_run: Run) -> None:
    assert re.search(r"recency decay 0\.85 .* 0\.\d{4}", first_run.output)
    paths = re.findall(
        r"^  (?:report|predictions|data\.csv|docs) +(\S+)$", first_run.output, re.MULTILINE
    )
    assert len(paths) == len(set(paths)) == 6
    page = (first_run.folder / "runs" / "report.html").read_text()
    for task in ("buy-again", "discovery", "next-in-cart"):
        assert f'id="{task}"' in page
    assert [path for path in paths if not Path(path).exists()] == []


@pytest.mark.parametrize("name", ["baskets.csv", "submission.csv"])
def test_every_test_order_gets_one_answer(first_run: Run, name: str) -> None:
    ordered = [row["order_id"] for row in first_run.predicted(name)]
    assert len(ordered) == len(set(ordered))
    assert set(ordered) == orders_of(first_run.folder / "raw", "test")


def test_habits_of_the_sample_shop_are_learnable_and_not_trivially(first_run: Run) -> None:
    models = [rung for rung in first_run.ladder["rungs"] if rung["name"] == "model"]
    assert {rung["context"] for rung in models} == {"order-start", "pre-order"}
    assert all(0.30 < rung["measures"]["F1"]["mean"] < 0.55 for rung in models)
    comparisons = first_run.ladder["comparisons"]
    in_f1 = [comparison for comparison in comparisons if comparison["measure"] == "F1"]
    assert len({(comparison["context"], comparison["baseline"]) for comparison in in_f1}) == 2 * 6
    assert all(comparison["difference"]["low"] > 0 for comparison in comparisons)


def test_a_shop_without_train_orders_is_valid(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    write_many_shoppers(raw, last_eval_set="test")
    run = make_run(tmp_path, raw, WINDOWS="2")
    assert run.ladder["window"] == 1
    assert {row["order_id"] for row in run.submission} == orders_of(raw, "test")


def test_a_shop_without_test_orders_is_valid(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    write_many_shoppers(raw, last_eval_set="train")
    run = make_run(tmp_path, raw, WINDOWS="2")
    assert run.ladder["window"] == 0
    assert run.submission == []


def test_a_shop_without_an_order_to_predict_gets_live_mode(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    write_many_shoppers(raw, last_eval_set="prior")
    # nor does it know in which order its carts are filled
    lines = raw / "order_products__prior.csv"
    lines.write_text(re.sub(r"(?m)^(\d+,\d+),\d+,", r"\1,1,", lines.read_text()))
    run = make_run(tmp_path, raw, TASKS="next-in-cart buy-again", WINDOWS="2")
    assert "mode live predicts the order that every shopper is still to make" in run.output
    assert "mode: live" in run.output
    assert run.ladder["window"] == 1
    shoppers = {row["user_id"] for row in run.submission}
    assert shoppers == {str(user) for user in range(1, 61)}
    assert "next-in-cart cannot be learnt: in 300 of 300 orders" in run.output
    assert "next-in-cart is left out" in run.output
    assert not (tmp_path / "runs" / "next-in-cart" / "latest").exists()


def write_many_shoppers(raw: Path, last_eval_set: str) -> None:
    """Write a shop of 60 shoppers with five orders of four, whose last is of the given set."""
    write_tiny_shop(raw)
    products = list(range(1001, 1013))
    catalogue = [f"{product},Product {product},{product % 3 + 1},1" for product in products]
    (raw / "products.csv").write_text(FILES["products.csv"] + "\n".join(catalogue) + "\n")
    orders = [FILES["orders.csv"].splitlines()[0]]
    header = FILES["order_products__prior.csv"].splitlines()[0]
    lines: dict[str, list[str]] = {"prior": [header], "train": [header], "test": []}
    for user in range(1, 61):
        bought: set[int] = set()
        for number in range(1, 6):
            order = user * 10 + number
            eval_set = last_eval_set if number == 5 else "prior"
            interval = "" if number == 1 else f"{user % 9 + number}.0"
            orders.append(f"{order},{user},{eval_set},{number},{user % 7},10,{interval}")
            # two products in every order, the others by turns: some of them are new
            turns = {user + number, user + 2 * number}
            basket = products[:2] + [products[2 + turn % 10] for turn in sorted(turns)]
            for position, product in enumerate(basket, start=1):
                reordered = int(product in bought)
                lines[eval_set].append(f"{order},{product},{position},{reordered}")
            bought.update(basket)
    (raw / "orders.csv").write_text("\n".join(orders) + "\n")
    for name in ("prior", "train"):
        text = "\n".join(lines[name]) + "\n"
        (raw / f"order_products__{name}.csv").write_text(text)
