"""How many windows the raw data needs."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

HEADER = "order_id,user_id,eval_set,order_number\n"


def shop(shoppers: int, last: str) -> str:
    rows = [f"{user},{user},{last},1\n" for user in range(shoppers)]
    return HEADER + "".join(rows)


@pytest.mark.parametrize(
    ("shoppers", "expected"),
    [(1, 11), (512, 11), (1_000, 11), (1_999, 10), (5_000, 4), (20_000, 1), (206_209, 1)],
)
def test_the_fewer_shoppers_the_more_windows(
    ml: Callable[..., Result], tmp_path: Path, shoppers: int, expected: int
) -> None:
    (tmp_path / "orders.csv").write_text(shop(shoppers, "train"))
    result = ml("windows", "--raw", tmp_path)
    assert (result.exit_code, result.stdout) == (0, f"{expected}\n")


@pytest.mark.parametrize(("train_orders", "expected"), [(0, 2), (4, 2), (5, 1)])
def test_at_least_two_with_too_few_train_orders_to_judge_on(
    ml: Callable[..., Result], tmp_path: Path, train_orders: int, expected: int
) -> None:
    rows = shop(30_000, "test").replace(",test,", ",train,", train_orders)
    (tmp_path / "orders.csv").write_text(rows)
    assert ml("windows", "--raw", tmp_path).stdout == f"{expected}\n"


def test_live_mode_takes_its_labels_from_older_orders(
    ml: Callable[..., Result], tmp_path: Path
) -> None:
    (tmp_path / "orders.csv").write_text(shop(30_000, "train"))
    assert ml("windows", "--raw", tmp_path, "--mode", "live").stdout == "2\n"
    assert ml("windows", "--raw", tmp_path / "nothing", "--mode", "live").stdout == "2\n"
    assert ml("windows", "--raw", tmp_path, "--mode", "benchmark").stdout == "1\n"


@pytest.mark.parametrize(
    ("eval_sets", "expected"),
    [
        (["prior", "prior"], "live"),
        (["prior", "test"], "benchmark"),
        (["prior", "train"], "benchmark"),
        # dbt build says what is wrong with these
        (["prior", "Prior"], "benchmark"),
        ([], "benchmark"),
    ],
)
def test_live_mode_is_for_shops_in_which_no_order_is_marked(
    ml: Callable[..., Result], tmp_path: Path, eval_sets: list[str], expected: str
) -> None:
    rows = [f"{order},1,{one},{order}\n" for order, one in enumerate(eval_sets, start=1)]
    (tmp_path / "orders.csv").write_text(HEADER + "".join(rows))
    result = ml("mode", "--raw", tmp_path)
    assert (result.exit_code, result.stdout) == (0, f"{expected}\n")
    assert ("no order is marked train or test" in result.stderr) == (expected == "live")


def test_the_folder_s_name_is_no_pattern(ml: Callable[..., Result], tmp_path: Path) -> None:
    for name, shoppers in (("week[1]", 5_000), ("week1", 20_000)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "orders.csv").write_text(shop(shoppers, "train"))
    assert ml("windows", "--raw", tmp_path / "week[1]").stdout == "4\n"


def test_gzip(ml: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "orders.csv.gz").write_bytes(gzip.compress(shop(6_000, "train").encode()))
    assert ml("windows", "--raw", tmp_path).stdout == "3\n"


def test_byte_order_mark_and_crlf(ml: Callable[..., Result], tmp_path: Path) -> None:
    text = "\ufeffeval_set,user_id\r\n" + "".join(f"train,{user}\r\n" for user in range(5_000))
    (tmp_path / "orders.csv").write_bytes(text.encode())
    assert ml("windows", "--raw", tmp_path).stdout == "4\n"


@pytest.mark.parametrize(
    "text",
    [None, "order_id\n1\n", "", 'user_id,eval_set\n"1,train'],
    ids=["missing", "no column", "empty", "open quote"],
)
def test_what_cannot_be_read_is_left_to_the_build(
    ml: Callable[..., Result], tmp_path: Path, text: str | None
) -> None:
    if text is not None:
        (tmp_path / "orders.csv").write_text(text)
    result = ml("windows", "--raw", tmp_path)
    assert (result.exit_code, result.stdout) == (0, "1\n")


def write_loads(raw: Path, lines: dict[str, list[str]]) -> None:
    for day, rows in lines.items():
        folder = raw / "order_lines" / f"load_date={day}"
        folder.mkdir(parents=True)
        text = "\n".join(["order_id,user_id,product_id,ordered_at", *rows])
        (folder / "lines.csv").write_text(text + "\n")


@pytest.mark.parametrize("command", ["mode", "windows"])
def test_lines_without_a_load_are_left_to_the_build(
    ml: Callable[..., Result], tmp_path: Path, command: str
) -> None:
    (tmp_path / "order_lines").mkdir()
    (tmp_path / "order_lines" / "lines.csv").write_text("order_id,user_id,product_id,ordered_at\n")
    result = ml(command, "--raw", tmp_path)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("shoppers", "products", "expected"),
    # beyond 2,000,000 pairs in all windows together there are no more of them, but always two
    [(20, 5, 11), (100, 3_000, 6), (100, 12_000, 2)],
)
def test_order_lines_are_live_and_windows_are_bounded_by_rows(
    ml: Callable[..., Result], tmp_path: Path, shoppers: int, products: int, expected: int
) -> None:
    rows = [f"{u},{u},{p},2017-03-01" for u in range(shoppers) for p in range(products)]
    write_loads(tmp_path, {"2017-03-01": rows[:50], "2017-03-02": rows})
    assert ml("shape", "--raw", tmp_path).stdout == "order_lines\n"
    assert ml("mode", "--raw", tmp_path).stdout == "live\n"
    result = ml("windows", "--raw", tmp_path, "--mode", "live")
    assert (result.exit_code, result.stdout) == (0, f"{expected}\n")


def test_the_six_files_are_instacarts_shape(ml: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(shop(3, "train"))
    assert ml("shape", "--raw", tmp_path).stdout == "instacart\n"
