"""A drawn part of a shop: whole shoppers, every row as it was, and a shop that builds."""

import csv
import gzip
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from tests.python.dbt_project.shop_builds import write_sample_shop
from tests.python.dbt_runs import dbt, make_workspace
from tests.python.tiny_shop import FILES, write_tiny_shop

Run = Callable[..., Result]
LINES = ("order_products__prior.csv", "order_products__train.csv")


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Give a folder with the tiny shop's raw files, to be changed."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    write_tiny_shop(folder)
    return folder


def rows(file: Path) -> list[dict[str, str]]:
    """Read a file with Python's own reader."""
    data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    return list(csv.DictReader(io.StringIO(data.decode())))


def drawn(run: Run, raw: Path, out: Path, users: int, *options: object) -> Result:
    return run("draw", "--users", users, "--from", raw, "--out", out, *options)


def test_a_part_builds_and_holds_every_row_of_its_shoppers(run: Run, tmp_path: Path) -> None:
    raw, part = write_sample_shop(tmp_path / "shop [1]", 40), tmp_path / "the part's [1]"
    done = drawn(run, raw, part, 12)
    assert done.exit_code == 0, done.output

    orders = rows(part / "orders.csv")
    users = {order["user_id"] for order in orders}
    assert len(users) == 12
    assert orders == [row for row in rows(raw / "orders.csv") if row["user_id"] in users]
    theirs = {order["order_id"] for order in orders}
    lines = 0
    for name in LINES:
        expected = [row for row in rows(raw / name) if row["order_id"] in theirs]
        assert rows(part / name) == expected
        lines += len(expected)
    for name in FILES.keys() - {"orders.csv", *LINES}:
        assert (part / name).read_bytes() == (raw / name).read_bytes()
    written = f"Wrote 12 shoppers, {len(orders):,} orders and {lines:,} lines to {part}."
    assert written in done.output

    dbt(make_workspace(tmp_path / "workspace", part), "build")


def test_the_seed_alone_says_who_is_drawn(run: Run, tmp_path: Path) -> None:
    raw = write_sample_shop(tmp_path / "shop", 40)
    header, *lines = (raw / "orders.csv").read_text().splitlines(keepends=True)
    found = {}
    for name, options in (("a", ()), ("b", ("--seed", 1)), ("c", ("--seed", 2))):
        if name == "b":  # in another order of the rows
            (raw / "orders.csv").write_text("".join([header, *reversed(lines)]))
        assert drawn(run, raw, tmp_path / name, 5, *options).exit_code == 0
        found[name] = {row["user_id"] for row in rows(tmp_path / name / "orders.csv")}
    assert found["a"] == found["b"] != found["c"]


def test_columns_and_values_stay_as_they_are(run: Run, tiny: Path, tmp_path: Path) -> None:
    text = '''\
note,user_id,eval_set,order_number,order_dow,order_hour_of_day,days_since_prior_order,"order_id"
"a, ""b""",01,prior,1,0,08,,11
,1,prior,2,1,09,7.0,012
x,2,prior,1,4,12,,21
'''
    (tiny / "orders.csv").unlink()
    (tiny / "orders.csv.gz").write_bytes(gzip.compress(("\ufeff" + text).encode()))
    assert drawn(run, tiny, tmp_path / "both", 2).exit_code == 0
    both = tmp_path / "both" / "orders.csv.gz"
    assert gzip.decompress(both.read_bytes()).decode() == "\ufeff" + text
    # 11 is an order of 01, 12 of 1: one shopper, as the build has it
    lines = [row["order_id"] for row in rows(tmp_path / "both" / LINES[0])]
    assert lines == ["11", "11", "12", "12", "21"]


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (("orders.csv", "user_id", "customer"), "orders.csv has no column user_id"),
        (("orders.csv", "12,1,prior", "12,one,prior"), "orders.csv: column user_id holds no whole"),
        ((LINES[0], "12,100,1,1", "?,100,1,1"), f"{LINES[0]}: column order_id holds no whole"),
        ((LINES[0], "12,100,1,1", "12,100,1,1,9"), "line 4 has more fields than its header"),
        (("orders.csv", "", ""), "orders.csv holds 3 shoppers: draw no more than that."),
    ],
)
def test_what_cannot_be_drawn_from_leaves_nothing(
    run: Run, tiny: Path, tmp_path: Path, damage: tuple[str, str, str], sentence: str
) -> None:
    name, old, new = damage
    text = (tiny / name).read_text()
    assert old in text
    (tiny / name).write_text(text.replace(old, new))
    done = drawn(run, tiny, tmp_path / "out", 4 if not old else 2)
    assert done.exit_code == 1
    assert sentence in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


def test_a_folder_with_files_is_left_alone(run: Run, tiny: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in tiny.iterdir()}
    done = drawn(run, tiny, tiny, 1)
    assert (done.exit_code, done.output) == (1, f"Error: {tiny} is not empty: name a new folder.\n")
    assert {path.name: path.read_bytes() for path in tiny.iterdir()} == before
    (tmp_path / "empty").mkdir()
    assert drawn(run, tiny, tmp_path / "empty", 1).exit_code == 0
