"""The sample shop: formats and invariants of its six files, and its two commands."""

import csv
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import BinaryIO

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner, Result

from glue.__main__ import main
from glue.raw.sample_shop import files, simulation
from glue.raw.sample_shop.baskets import _first_finishers
from glue.raw.sample_shop.catalogue import Catalogue
from glue.raw.sample_shop.files import FILE_NAMES
from glue.raw.sample_shop.product_names import ENDINGS, invent_names
from ml.tools.paths import ROOT, raw_dir

USERS = 250
LINE = rb"[1-9]\d*,[1-9]\d*,[1-9]\d*,[01]"
# A quoted name holds no quote but as \"" and at least one comma or quote; a plain name neither.
NAME = rb'(?:[^",\n]+|"(?=[^\n]*[,"][^\n]*",)(?:[^"\n\\]|\\(?!")|\\"")*")'
HOUR = rb"(?:[01]\d|2[0-3])"
FIRST_ORDER = rb"prior,1,[0-6]," + HOUR + rb","
LATER_ORDER = rb"(?:prior|train|test),(?:[2-9]|[1-9]\d|100),[0-6]," + HOUR + rb",(?:[12]?\d|30)\.0"
ORDER = rb"[1-9]\d*,[1-9]\d*,(?:" + FIRST_ORDER + rb"|" + LATER_ORDER + rb")"
ROWS = {
    "aisles.csv": (rb"aisle_id,aisle", rb"[1-9]\d*,[a-z -]+"),
    "departments.csv": (rb"department_id,department", rb"[1-9]\d*,[a-z ]+"),
    "products.csv": (
        rb"product_id,product_name,aisle_id,department_id",
        rb"[1-9]\d*," + NAME + rb",[1-9]\d*,[1-9]\d*",
    ),
    "orders.csv": (
        b"order_id,user_id,eval_set,order_number,order_dow,order_hour_of_day,days_since_prior_order",
        ORDER,
    ),
    "order_products__prior.csv": (rb"order_id,product_id,add_to_cart_order,reordered", LINE),
    "order_products__train.csv": (rb"order_id,product_id,add_to_cart_order,reordered", LINE),
}


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def make(folder: Path, users: int = USERS, seed: int = 1) -> Path:
    result = run("sample-shop", "--users", str(users), "--seed", str(seed), "--out", folder)
    assert result.exit_code == 0, result.output
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def read_lines(folder: Path, eval_set: str) -> pl.DataFrame:
    return pl.read_csv(folder / f"order_products__{eval_set}.csv")


def read_products(folder: Path) -> list[dict[str, str]]:
    with (folder / "products.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, strict=True))


@pytest.fixture(scope="module", params=["one block", "many blocks"])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a shop of 250 shoppers, once simulated and written in one piece, once in many."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "many blocks":
            patch.setattr(simulation, "BLOCK_CELLS", 2_000)
            patch.setattr(files, "CHUNK_ORDERS", 70)
        return make(tmp_path_factory.mktemp("shop") / "made" / "on the way")


@pytest.fixture(scope="module")
def orders(shop: Path) -> pl.DataFrame:
    return pl.read_csv(shop / "orders.csv")


def test_exactly_the_six_files(shop: Path) -> None:
    assert sorted(path.name for path in shop.iterdir()) == sorted(ROWS)
    assert sorted(FILE_NAMES) == sorted(ROWS)


@pytest.mark.parametrize("name", list(ROWS))
def test_every_byte_has_the_format_of_the_real_files(shop: Path, name: str) -> None:
    header, row = ROWS[name]
    first, *rows, last = (shop / name).read_bytes().split(b"\n")
    assert first == header
    assert last == b""
    assert rows
    wrong = [line for line in rows if re.fullmatch(row, line) is None]
    assert wrong == []


def test_orders_are_sorted_and_ids_are_random(orders: pl.DataFrame) -> None:
    assert orders.equals(orders.sort("user_id", "order_number"))
    assert orders["user_id"].unique().sort().to_list() == list(range(1, USERS + 1))
    assert sorted(orders["order_id"]) == list(range(1, orders.height + 1))
    correlation = np.corrcoef(orders["order_id"], np.arange(orders.height))[0, 1]
    assert abs(correlation) < 0.1


def test_order_numbers_have_no_gap_and_tenure_is_4_to_100(orders: pl.DataFrame) -> None:
    expected = pl.int_range(1, pl.len() + 1).over("user_id")
    assert orders.filter(pl.col("order_number") != expected).height == 0
    tenure = orders.group_by("user_id").len()["len"].to_list()
    assert min(tenure) == 4
    assert max(tenure) <= 100
    assert 8 <= median(tenure) <= 12


def test_only_first_orders_have_no_interval(orders: pl.DataFrame) -> None:
    missing = orders["days_since_prior_order"].is_null()
    assert missing.equals(orders["order_number"] == 1)


def test_weekdays_agree_with_intervals(orders: pl.DataFrame) -> None:
    """Intervals below the cap of 30 days lead from one weekday to the next order's."""
    days = pl.col("days_since_prior_order")
    expected = (pl.col("order_dow").shift(1) + days) % 7
    checked = orders.with_columns(expected=expected).filter(days < 30)
    assert checked.height > 1000
    assert checked.filter(pl.col("order_dow") != pl.col("expected")).height == 0


def test_the_last_order_is_train_or_test_and_all_others_prior(orders: pl.DataFrame) -> None:
    is_last = pl.col("order_number") == pl.col("order_number").max().over("user_id")
    assert orders.filter(~is_last)["eval_set"].unique().to_list() == ["prior"]
    counts = dict(orders.filter(is_last)["eval_set"].value_counts().iter_rows())
    assert counts == {"train": 159, "test": 91}  # .6363 of 250


@pytest.mark.parametrize("eval_set", ["prior", "train"])
def test_every_known_order_has_lines_in_its_own_file(
    shop: Path, orders: pl.DataFrame, eval_set: str
) -> None:
    lines = read_lines(shop, eval_set)
    assert lines["order_id"].is_sorted()
    expected = orders.filter(pl.col("eval_set") == eval_set)["order_id"].sort()
    assert lines["order_id"].unique().sort().equals(expected)


@pytest.mark.parametrize("eval_set", ["prior", "train"])
def test_cart_positions_count_up_and_no_product_is_in_an_order_twice(
    shop: Path, eval_set: str
) -> None:
    lines = read_lines(shop, eval_set)
    expected = pl.int_range(1, pl.len() + 1).over("order_id")
    assert lines.filter(pl.col("add_to_cart_order") != expected).height == 0
    assert lines.select("order_id", "product_id").is_duplicated().sum() == 0


def test_reordered_agrees_with_the_history(shop: Path, orders: pl.DataFrame) -> None:
    """Recomputed line by line, with nothing of the simulation."""
    baskets: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for eval_set in ("prior", "train"):
        lines = read_lines(shop, eval_set).select("order_id", "product_id", "reordered")
        for order_id, product_id, reordered in lines.iter_rows():
            baskets[order_id].append((product_id, reordered))
    bought: dict[int, set[int]] = defaultdict(set)
    again = 0
    for user_id, order_id in orders.select("user_id", "order_id").iter_rows():
        for product_id, reordered in baskets[order_id]:
            assert reordered == (product_id in bought[user_id])
            again += reordered
        bought[user_id].update(product_id for product_id, _ in baskets[order_id])
    assert again > 1000


def test_habitual_products_come_into_the_cart_first(shop: Path) -> None:
    lines = read_lines(shop, "prior")
    early = lines.filter(pl.col("add_to_cart_order") == 1)["reordered"].mean()
    late = lines.filter(pl.col("add_to_cart_order") == 10)["reordered"].mean()
    assert isinstance(early, float)
    assert isinstance(late, float)
    assert early > late + 0.08


def test_lines_name_known_products(shop: Path) -> None:
    known = [int(product["product_id"]) for product in read_products(shop)]
    assert known == list(range(1, len(known) + 1))
    for eval_set in ("prior", "train"):
        assert set(read_lines(shop, eval_set)["product_id"]) <= set(known)


def test_the_catalogue_is_consistent(shop: Path) -> None:
    aisles = pl.read_csv(shop / "aisles.csv")
    departments = pl.read_csv(shop / "departments.csv")
    assert aisles["aisle_id"].to_list() == list(range(1, 135))
    assert departments["department_id"].to_list() == list(range(1, 22))
    assert aisles["aisle"].n_unique() == 134
    assert departments["department"].n_unique() == 21
    products = read_products(shop)
    assert len({product["product_name"] for product in products}) == len(products)
    places = {(int(product["aisle_id"]), int(product["department_id"])) for product in products}
    assert {aisle for aisle, _ in places} == set(range(1, 135))
    assert len(places) == 134  # an aisle lies in one department
    assert {department for _, department in places} == set(range(1, 22))


def test_special_names_are_there_and_parse_under_rfc_4180(shop: Path) -> None:
    names = [product["product_name"] for product in read_products(shop)]
    raw = (shop / "products.csv").read_text(encoding="utf-8")
    assert any(name.endswith(", Family Size") for name in names)
    assert any(name.endswith(' 9\\"x13\\"') for name in names)
    assert any(name.endswith(' \\"Sunday Best\\"') for name in names)
    assert '9\\""x13\\"""' in raw
    assert any(name.endswith(" 50\\50") for name in names)
    assert any("Jalapeño" in name for name in names)
    assert any("北の味" in name for name in names)
    assert any("Вкусно" in name for name in names)
    assert any("طازج" in name for name in names)


@pytest.mark.parametrize("seed", range(5))
def test_every_ending_is_in_every_catalogue(seed: int) -> None:
    aisle = np.repeat([1, 2], 20)
    nouns = [("Apples", "Pears"), ("Milk", "Eggs")]
    names = invent_names(aisle, nouns, np.random.default_rng(seed))
    assert len(set(names)) == 40
    assert all("Apples" in name or "Pears" in name for name in names[:20])
    for ending in ENDINGS:
        assert any(name.endswith(ending) for name in names)


def test_the_catalogue_grows_with_the_shop(tmp_path: Path) -> None:
    few = len(read_products(make(tmp_path / "few", users=1)))
    more = len(read_products(make(tmp_path / "more", users=256)))
    assert few == 2346  # 50,000 * (1 / 206,209) ** .25
    assert more == 9385  # four times as many for 256 times the shoppers


def test_same_seed_same_bytes_with_any_number_of_threads(tmp_path: Path) -> None:
    expected = contents(make(tmp_path / "here"))
    command = [sys.executable, "-m", "glue", "sample-shop", "--users", str(USERS), "--out"]
    subprocess.run(
        [*command, tmp_path / "there"],
        check=True,
        capture_output=True,
        cwd=ROOT,
        env=os.environ | {"POLARS_MAX_THREADS": "1"},
    )
    assert contents(tmp_path / "there") == expected


def test_another_seed_another_shop(tmp_path: Path) -> None:
    one = contents(make(tmp_path / "one", users=20))
    two = contents(make(tmp_path / "two", users=20, seed=2))
    assert all(one[name] != two[name] for name in ROWS if name != "departments.csv")


@pytest.mark.parametrize("users", [1, 2, 3])
def test_tiny_shops_are_valid(tmp_path: Path, users: int) -> None:
    folder = make(tmp_path, users=users)
    orders = pl.read_csv(folder / "orders.csv")
    assert orders["user_id"].n_unique() == users
    trained = orders.filter(pl.col("eval_set") == "train").height
    assert trained == {1: 1, 2: 1, 3: 2}[users]
    assert read_lines(folder, "train")["order_id"].n_unique() == trained


@pytest.mark.parametrize("name", FILE_NAMES)
def test_existing_files_are_never_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine\n")
    result = run("sample-shop", "--users", "5", "--out", tmp_path)
    assert result.exit_code == 1
    expected = (
        f"Error: {tmp_path} already holds {name}: choose another folder or remove these files "
        "first.\n"
    )
    assert result.stderr == expected
    assert contents(tmp_path) == {name: b"mine\n"}


def test_a_failed_run_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_catalogue: Catalogue, file: BinaryIO) -> None:
        file.write(b"half a")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "_write_products", fail)
    result = run("sample-shop", "--users", "5", "--out", tmp_path)
    assert result.exit_code == 1
    sentence = f"Error: Cannot write the sample shop to {tmp_path}: No space left on device."
    assert result.stderr.splitlines()[-1] == sentence
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / "shop"
    result = run("sample-shop", "--users", "5", "--out", folder)
    assert result.exit_code == 1
    assert result.stderr == f"Error: Cannot write the sample shop to {folder}: Not a directory.\n"


def test_ensure_raw_says_that_raw_dir_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "raw").write_text("")
    monkeypatch.setenv("RAW_DIR", str(tmp_path / "raw"))
    result = run("ensure-raw")
    assert result.exit_code == 1
    sentence = f"Cannot write the sample shop to {tmp_path / 'raw'}: it is a file, not a folder."
    assert result.stderr == f"Error: {sentence}\n"


@pytest.mark.parametrize("users", ["0", "-3", "many", "1000001"])
def test_a_senseless_number_of_users_is_refused(tmp_path: Path, users: str) -> None:
    result = run("sample-shop", "--users", users, "--out", tmp_path / "shop")
    assert result.exit_code == 2
    assert "Invalid value for '--users'" in result.stderr
    assert "Traceback" not in result.output
    assert not (tmp_path / "shop").exists()


def test_progress_is_one_plain_line_for_each_step(tmp_path: Path) -> None:
    result = run("sample-shop", "--users", "5", "--out", tmp_path)
    assert re.fullmatch(r"Filling baskets: [\d.]+ s\nWriting files: [\d.]+ s\n", result.stderr)
    assert result.stdout == f"Wrote a sample shop of 5 shoppers (seed 1) to {tmp_path}.\n"


def test_raw_dir_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAW_DIR", "some/where")
    assert raw_dir() == Path("some/where")
    monkeypatch.setenv("RAW_DIR", "")
    assert raw_dir() == Path("raw")
    monkeypatch.delenv("RAW_DIR")
    assert raw_dir() == Path("raw")


def test_sample_shop_goes_to_raw_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAW_DIR", str(tmp_path / "raw files"))
    assert run("sample-shop", "--users", "5").exit_code == 0
    assert sorted(contents(tmp_path / "raw files")) == sorted(ROWS)


@pytest.mark.parametrize("before", ["missing", "empty", "only hidden files"])
def test_ensure_raw_fills_an_empty_folder_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    folder = tmp_path / "raw"
    monkeypatch.setenv("RAW_DIR", str(folder))
    if before != "missing":
        folder.mkdir()
    if before == "only hidden files":
        (folder / ".gitkeep").touch()
    first = run("ensure-raw")
    assert first.exit_code == 0
    sentence = f"{folder} was empty: filled with a sample shop of 600 shoppers (seed 1).\n"
    assert first.stdout == sentence
    made = contents(folder)
    assert set(made) - {".gitkeep"} == set(ROWS)
    second = run("ensure-raw")
    assert second.exit_code == 0
    assert second.output == f"{folder} holds files already: nothing done.\n"
    assert contents(folder) == made


def test_ensure_raw_leaves_a_folder_with_any_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAW_DIR", str(tmp_path))
    (tmp_path / "orders.csv.gz").write_bytes(b"mine")
    assert run("ensure-raw").output == f"{tmp_path} holds files already: nothing done.\n"
    assert contents(tmp_path) == {"orders.csv.gz": b"mine"}


def test_a_race_has_as_many_winners_as_wanted_even_with_ties() -> None:
    finish = np.array([[3, 1, 2, np.inf], [5, 5, 5, 5], [1, 2, 3, 4]], dtype=np.float32)
    rows, columns = _first_finishers(finish, np.array([2, 3, 0]))
    assert list(zip(rows, columns, strict=True)) == [(0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
