"""How many windows the raw data needs."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

HEADER = "order_id,user_id,eval_set,order_number\n"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("1,1,prior,1\n2,1,train,2\n", "1\n"),
        ("1,1,prior,1\n2,1,test,2\n", "2\n"),
        ("1,1,test,1\n2,2,train,1\n", "1\n"),
        ("", "2\n"),
    ],
)
def test_one_window_if_there_is_a_train_order(
    ml: Callable[..., Result], tmp_path: Path, rows: str, expected: str
) -> None:
    (tmp_path / "orders.csv").write_text(HEADER + rows)
    result = ml("windows", "--raw", tmp_path)
    assert (result.exit_code, result.stdout) == (0, expected)


def test_gzip(ml: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "orders.csv.gz").write_bytes(gzip.compress(f"{HEADER}1,1,train,1\n".encode()))
    assert ml("windows", "--raw", tmp_path).stdout == "1\n"


def test_byte_order_mark_and_crlf(ml: Callable[..., Result], tmp_path: Path) -> None:
    text = "\ufeffeval_set,order_id\r\ntrain,1\r\n"
    (tmp_path / "orders.csv").write_bytes(text.encode())
    assert ml("windows", "--raw", tmp_path).stdout == "1\n"


@pytest.mark.parametrize(
    "text",
    [None, "order_id\n1\n", "", 'eval_set\n"train'],
    ids=["missing", "no column", "empty", "open quote"],
)
def test_what_cannot_be_read_is_left_to_the_build(
    ml: Callable[..., Result], tmp_path: Path, text: str | None
) -> None:
    if text is not None:
        (tmp_path / "orders.csv").write_text(text)
    result = ml("windows", "--raw", tmp_path)
    assert (result.exit_code, result.stdout) == (0, "1\n")
