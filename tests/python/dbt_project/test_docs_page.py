"""`make docs`, opened in a real browser."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.python.browser import open_browser
from tests.python.dbt_runs import ROOT, Workspace, environment, make_workspace

# one browser for all of them, also when tests are spread over processes
pytestmark = pytest.mark.xdist_group("docs-page")

DRAWN_PIXELS = """
    return Array.from(document.querySelectorAll('canvas')).map(canvas => {
        const image = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        return image.data.filter((value, place) => place % 4 == 3 && value > 0).length;
    }).reduce((most, drawn) => Math.max(most, drawn), 0)
"""


@pytest.fixture(scope="module")
def page(tiny_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    workspace: Workspace = make_workspace(tmp_path_factory.mktemp("docs"), tiny_raw)
    subprocess.run(
        ["make", "docs"], cwd=ROOT, env=environment(workspace), check=True, capture_output=True
    )
    return (workspace.target / "docs.html").as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    with open_browser() as opened:
        yield opened


def text_of_page(browser: webdriver.Chrome, awaited: str) -> str:
    def body() -> str:
        return browser.find_element(By.TAG_NAME, "body").text

    WebDriverWait(browser, 30).until(lambda _: awaited in body())
    return body()


def log(browser: webdriver.Chrome, kind: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = browser.get_log(kind)  # type: ignore[no-untyped-call]
    return entries


def test_the_page_opens_on_the_project(browser: webdriver.Chrome, page: str) -> None:
    browser.get(page)
    assert browser.title == "dbt Docs"
    assert "How to walk through it" in text_of_page(browser, "next_basket")


def test_a_model_has_its_description_and_columns(browser: webdriver.Chrome, page: str) -> None:
    browser.get(f"{page}#!/model/model.next_basket.user_features")
    text = text_of_page(browser, "user_mean_days_since_prior")
    assert "One row per shopper and window" in text
    assert "user_reorder_ratio" in text


def test_the_lineage_is_drawn(browser: webdriver.Chrome, page: str) -> None:
    browser.get(f"{page}#!/overview?g_v=1")
    browser.refresh()
    text_of_page(browser, "Lineage Graph")
    WebDriverWait(browser, 30).until(lambda _: browser.execute_script(DRAWN_PIXELS) > 10_000)


def test_the_page_is_silent(browser: webdriver.Chrome, page: str) -> None:
    """Run last: the logs hold what all pages above did."""
    browser.get(page)
    text_of_page(browser, "next_basket")
    events = [json.loads(entry["message"])["message"] for entry in log(browser, "performance")]
    requested = {
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    }
    own = {url for url in requested if url.split("#")[0] == page or url.startswith("data:")}
    assert requested - own == set()
    assert [entry["message"] for entry in log(browser, "browser")] == []
