"""The raw profile: every broken value is counted, and the page works in a browser offline."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from selenium import webdriver
from selenium.webdriver.common.by import By

from glue.raw import profile as profile_module
from tests.python.browser import open_browser
from tests.python.tiny_shop import FILES

Run = Callable[..., Result]


@pytest.fixture
def browser() -> Iterator[webdriver.Chrome]:
    with open_browser() as opened:
        yield opened


def test_page_in_a_browser(shop: Path, tmp_path: Path, run: Run, browser: webdriver.Chrome) -> None:
    text = FILES["orders.csv"].replace("12,1,prior,2,1,09,7.0", "12,1,later,2,x,09,7.5")
    (shop / "orders.csv").write_text(text, encoding="utf-8")
    page = tmp_path / "page" / "profile.html"
    done = run("profile", "--raw", shop, "--out", page)
    assert done.exit_code == 0, done.output
    browser.get(page.as_uri())
    headings = [found.text for found in browser.find_elements(By.TAG_NAME, "h2")]
    assert sorted(heading for heading in headings if heading.endswith(".csv")) == sorted(FILES)
    broken = [row.text for row in browser.find_elements(By.CSS_SELECTOR, "tr.broken")]
    assert broken == [
        "order_dow is a whole number from 0 to 6 1",
        "days_since_prior_order is empty or whole days from 0 to 9999 1",
        "eval_set is one of prior, train, test 1",
    ]
    section = browser.find_element(By.ID, "orders")
    assert "9 rows" in section.text
    pictures = browser.execute_script(
        "return [...document.querySelectorAll('skrub-table-report')].filter("
        "one => one.shadowRoot && one.shadowRoot.querySelector('svg[width$=em]')).length"
    )
    assert pictures == 6, "each file has its distributions drawn"
    asked = [entry["message"] for entry in browser.get_log("performance")]  # type: ignore[no-untyped-call]
    assert not [one for one in asked if '"url":"http' in one], "the page asks the network"
    wrong = [
        entry
        for entry in browser.get_log("browser")  # type: ignore[no-untyped-call]
        if entry["level"] == "SEVERE"
    ]
    assert wrong == []


def test_large_file_is_sampled_but_counted_whole(
    shop: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profile_module, "SAMPLE_ROWS", 3)
    done = run("profile", "--raw", shop, "--out", tmp_path / "profile.html")
    assert done.exit_code == 0, done.output
    text = (tmp_path / "profile.html").read_text(encoding="utf-8")
    assert "9 rows, 3 of them sampled below" in text
    assert "2 rows, 3" not in text


def test_damaged_folder_leaves_the_last_page(shop: Path, tmp_path: Path, run: Run) -> None:
    page = tmp_path / "profile.html"
    page.write_text("the last good one")
    (shop / "orders.csv").write_text("order_id;user_id\n1;2\n")
    failed = run("profile", "--raw", shop, "--out", page)
    assert failed.exit_code == 1
    assert "orders.csv is separated by semicolons" in failed.output
    assert page.read_text() == "the last good one"
