"""The page at /, used in a real browser by mouse, by keyboard and on a narrow screen."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from ml.serve.server import Shop, make_app
from tests.python.browser import open_browser

pytestmark = pytest.mark.xdist_group("serve-page")


@pytest.fixture(scope="module")
def address(next_run: Path) -> Iterator[str]:
    server = uvicorn.Server(
        uvicorn.Config(make_app(Shop(next_run)), port=0, log_level="warning", lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    with open_browser() as opened:
        yield opened


@pytest.fixture
def page(browser: webdriver.Chrome, address: str) -> webdriver.Chrome:
    browser.get(address)
    wait_for_answers(browser, 1)
    return browser


def wait_for_answers(page: webdriver.Chrome, count: int) -> None:
    script = "return Number(document.body.dataset.ready || 0)"
    WebDriverWait(page, 30).until(lambda opened: opened.execute_script(script) >= count)


def names(page: webdriver.Chrome, selector: str) -> list[str]:
    return [found.text for found in page.find_elements(By.CSS_SELECTOR, selector)]


def test_three_lists_with_reasons(page: webdriver.Chrome) -> None:
    for number in ("next", "again", "discover"):
        assert len(names(page, f"#{number} li")) == 10
        assert all(names(page, f"#{number} li .quiet"))
    assert page.get_log("browser") == []  # type: ignore[no-untyped-call]


def test_what_is_put_into_the_cart_leaves_the_lists(page: webdriver.Chrome) -> None:
    item = names(page, "#discover li span:first-child")[0]
    page.find_element(By.CSS_SELECTOR, "#discover button").click()
    wait_for_answers(page, 2)
    assert names(page, "#cart button") == [f"{item} \N{MULTIPLICATION SIGN}"]
    assert item not in names(page, "#discover li span:first-child")
    assert item not in names(page, "#next li span:first-child")
    page.find_element(By.CSS_SELECTOR, "#cart button").click()
    wait_for_answers(page, 3)
    assert names(page, "#cart button") == []
    assert names(page, "#discover li span:first-child")[0] == item


def test_by_keyboard_alone(page: webdriver.Chrome) -> None:
    search = page.find_element(By.ID, "search")
    search.send_keys("an")
    WebDriverWait(page, 30).until(lambda _page: names(page, "#found button"))
    found = names(page, "#found button")[0]
    search.send_keys(Keys.TAB)
    page.switch_to.active_element.send_keys(Keys.ENTER)
    wait_for_answers(page, 2)
    assert names(page, "#cart button")[0] == f"{found} \N{MULTIPLICATION SIGN}"


def test_only_new_products(page: webdriver.Chrome) -> None:
    page.find_element(By.ID, "new").click()
    wait_for_answers(page, 2)
    reasons = names(page, "#next li .quiet")
    assert len(reasons) == 10
    assert not any(reason.startswith("bought ") for reason in reasons)


def test_an_unknown_shopper_is_told_so(page: webdriver.Chrome) -> None:
    shopper = page.find_element(By.ID, "shopper")
    shopper.clear()
    shopper.send_keys("999999999", Keys.ENTER)
    wait_for_answers(page, 2)
    assert "999999999 is not known" in page.find_element(By.ID, "error").text
    assert len(names(page, "#next li")) == 10


def test_on_a_phone_nothing_is_wider_than_the_screen(page: webdriver.Chrome) -> None:
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True},
    )
    assert page.execute_script("return document.documentElement.scrollWidth") == 390
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
