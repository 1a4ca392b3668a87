"""Bad input gets one sentence that names the file or the column, and nothing is written."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from click.testing import Result

from ml.data.contract import feature_names, read_contract
from ml.data.data_csv import Wanted, read_candidates
from ml.data.feature_file import Features, write_features
from ml.data.reading import open_data
from tests.python.ml.invented_shop import build_shop


def columns_of(data: Path) -> list[dict[str, Any]]:
    columns: list[dict[str, Any]] = json.loads(data.with_name("contract.json").read_text())[
        "columns"
    ]
    return columns


def change_contract(data: Path, **entries: object) -> None:
    path = data.with_name("contract.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def retype(data: Path, name: str, kind: str) -> None:
    columns = columns_of(data)
    for column in columns:
        if column["name"] == name:
            column["type"] = kind
    change_contract(data, columns=columns)


def change_rows(data: Path, **columns: pl.Expr) -> None:
    pl.read_csv(data, infer_schema=False).with_columns(**columns).write_csv(data)


def change_header(data: Path, old: str, new: str) -> None:
    header, _, rows = data.read_text().partition("\n")
    assert old in header
    data.write_text(header.replace(old, new, 1) + "\n" + rows)


def drop_column(data: Path) -> None:
    pl.read_csv(data, infer_schema=False).drop("prod_orders").write_csv(data)


def swap_columns(data: Path) -> None:
    frame = pl.read_csv(data, infer_schema=False)
    names = frame.columns
    names[3], names[4] = names[4], names[3]
    frame.select(names).write_csv(data)


def cut_inside_a_line(data: Path) -> None:
    data.write_bytes(data.read_bytes()[:-30])


def cut_at_a_line(data: Path) -> None:
    lines = data.read_bytes().splitlines(keepends=True)
    data.write_bytes(b"".join(lines[:-2]))


def cut_inside_and_ended(data: Path) -> None:
    data.write_bytes(data.read_bytes()[:-30] + b"\n")


def repeat_a_line(data: Path) -> None:
    lines = data.read_bytes().splitlines(keepends=True)
    data.write_bytes(b"".join([*lines[:5], lines[4], *lines[5:]]))


def label_in_line(line: int, value: str) -> pl.Expr:
    is_line = pl.int_range(pl.len()) == line - 2
    return pl.when(is_line).then(pl.lit(value)).otherwise("reordered")


BAD_INPUT: list[tuple[Callable[[Path], object], str]] = [
    (Path.unlink, r"data\.csv is missing: write it with"),
    (lambda data: data.with_name("contract.json").unlink(), r"contract\.json is missing"),
    (lambda data: data.with_name("baskets.parquet").unlink(), r"baskets\.parquet is missing"),
    (
        lambda data: data.with_name("target_orders.parquet").unlink(),
        r"target_orders\.parquet is missing",
    ),
    (
        lambda data: data.with_name("target_orders.parquet").write_text("x"),
        r"target_orders\.parquet is not a Parquet file",
    ),
    (
        lambda data: pl.DataFrame({"user_id": [1]}).write_parquet(
            data.with_name("baskets.parquet")
        ),
        r"baskets\.parquet lacks the column order_number",
    ),
    (lambda data: data.with_name("contract.json").write_text("{"), r"json is not a contract"),
    (lambda data: change_contract(data, columns=[{}]), r"json is not a contract \(KeyError"),
    (lambda data: change_contract(data, columns=[]), r"contract\.json has no column user_id"),
    (
        lambda data: retype(data, "prod_orders", "decimal"),
        "column prod_orders the unknown type decimal",
    ),
    (lambda data: retype(data, "prod_orders", "varchar"), "feature prod_orders is text"),
    (lambda data: retype(data, "reordered", "boolean"), "column reordered no whole-number type"),
    (drop_column, "lacks the column prod_orders"),
    (
        lambda data: change_contract(data, columns=columns_of(data)[:5] + columns_of(data)[6:]),
        "has a column user_total_products that contract.json does not name",
    ),
    (lambda data: change_header(data, "user_period", "user_span"), "lacks the column user_period"),
    (swap_columns, "has the column user_mean_days_since_prior in place 4, where .* user_period"),
    (
        lambda data: change_header(data, ",reordered", ",reordered,reordered"),
        "has the column reordered in place 28, where contract.json has none",
    ),
    (
        lambda data: change_rows(data, up_orders=pl.col("up_orders") + ".5"),
        r"column up_orders is not bigint as contract\.json says",
    ),
    (
        lambda data: change_rows(data, user_period=pl.lit("long")),
        r"column user_period is not double .*'long'",
    ),
    (
        lambda data: change_rows(data, reordered=label_in_line(5, "yes")),
        "column reordered is not integer",
    ),
    (
        lambda data: change_rows(data, reordered=label_in_line(5, "2")),
        "column reordered holds 2, and only 1, 0",
    ),
    (
        lambda data: change_rows(data, up_orders=pl.lit("-3")),
        "column up_orders holds -3, which is below 1",
    ),
    (
        lambda data: change_rows(data, user_period=pl.lit("inf")),
        "column user_period holds inf, which is no finite number",
    ),
    (
        lambda data: change_rows(data, product_id=pl.lit(None)),
        "column product_id has an empty value",
    ),
    (lambda data: data.write_text(""), r"data\.csv is empty"),
    (cut_inside_a_line, r"data\.csv is cut off inside its last line"),
    (cut_inside_and_ended, r"data\.csv is damaged"),
    (cut_at_a_line, r"does not fit baskets\.parquet and target_orders\.parquet .*user_id 62"),
    (repeat_a_line, "line 6 is out of order or there twice"),
    (
        lambda data: change_rows(data, reordered=pl.col("reordered").replace("1", "0")),
        r"does not fit .* \d+ rows and 0 reorders instead of",
    ),
    (lambda data: data.write_text(data.read_text().partition("\n")[0] + "\n"), "does not fit"),
]


@pytest.mark.parametrize(("damage", "message"), BAD_INPUT)
def test_bad_input(
    ml: Callable[..., Result],
    own_shop: Path,
    tmp_path: Path,
    damage: Callable[[Path], object],
    message: str,
) -> None:
    damage(own_shop)
    result = ml("train", "--data", own_shop, "--run", tmp_path / "runs" / "x")
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit), "a traceback instead of a sentence"
    said = " ".join(result.stderr.split())
    assert said.count("Error:") == 1
    assert re.search(message, said), said
    assert not list((tmp_path / "runs").iterdir())


def test_features_are_read_to_single_precision_and_empty_stays_empty(
    shop: Path, tmp_path: Path
) -> None:
    expected = pl.read_csv(shop).filter(pl.col("reordered").is_not_null())
    rows = open_data(shop).candidates("labelled", tmp_path)
    np.testing.assert_array_equal(rows.user_id, expected["user_id"])
    np.testing.assert_array_equal(rows.product_id, expected["product_id"])
    np.testing.assert_array_equal(rows.label, expected["reordered"])
    names = ["up_orders", "user_reorder_ratio", "days_since_prior_order"]
    table = rows.columns().table(names)
    assert [str(kind) for kind in table.schema.types] == ["int64", "float", "float"]
    for name in names:
        values = pl.Series(table[name]).cast(pl.Float32)
        assert values.equals(expected[name].cast(pl.Float32), null_equal=True)


def test_values_are_read_part_by_part(tmp_path: Path) -> None:
    schema = pa.schema([("count", pa.int64()), ("share", pa.float32()), ("empty", pa.int64())])
    with write_features(tmp_path / "f.parquet", schema) as file:
        for count in (1, 2):
            file.add(pa.record_batch([[count, None], [0.5, 0.25], [None, None]], schema=schema))
            file.flush()
    features = Features(tmp_path / "f.parquet", schema.names)
    assert features.without_value() == ["empty"]
    assert features.batch_rows() == [2, 2]
    np.testing.assert_array_equal(
        features.matrix(1, ["share", "count"]), [[0.5, 2], [0.25, np.nan]]
    )
    part = features.where(np.array([False, False, False, True]))
    assert part.batch_rows() == [0, 1]
    np.testing.assert_array_equal(part.matrix(1, ["share"]), [[0.25]])


def test_rows_are_chosen_from_chosen_rows(tmp_path: Path) -> None:
    schema = pa.schema([("place", pa.int64())])
    with write_features(tmp_path / "f.parquet", schema) as file:
        for begin in range(0, 300, 100):
            file.add(pa.record_batch([range(begin, begin + 100)], schema=schema))
            file.flush()
    features = Features(tmp_path / "f.parquet", ["place"])
    odd = features.where(np.arange(300) % 2 == 1)
    some = odd.where(np.arange(150) >= 120)
    assert len(some) == 30
    assert some.table(["place"])["place"].to_pylist() == list(range(241, 300, 2))
    spread = some.spread(4).table(["place"])["place"].to_pylist()
    assert len(spread) == 4
    assert (spread[0], spread[-1]) == (241, 299)
    read = [value for part in odd.batches(["place"]) for value in part["place"].to_pylist()]
    assert read == list(range(1, 300, 2))


def test_ids_label_and_set_are_never_features(shop: Path) -> None:
    names = set(feature_names(read_contract(shop), "order-start"))
    all_names = {column["name"] for column in columns_of(shop)}
    assert all_names - names == {
        "user_id",
        "product_id",
        "orders_back",
        "eval_set",
        "order_id",
        "reordered",
    }


def test_rows_to_predict_are_those_of_the_newest_window_without_a_label(tmp_path: Path) -> None:
    rows = open_data(build_shop(tmp_path, windows=2)).candidates("to predict", tmp_path)
    targets = pl.read_parquet(tmp_path / "target_orders.parquet")
    assert set(rows.user_id) <= set(targets.filter(eval_set="test")["user_id"])
    assert set(rows.orders_back) == {0}
    assert np.isnan(rows.label).all()
    assert len(rows) == len(rows.columns()) > 0


def test_newest_rows_are_all_of_the_newest_window(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    rows = open_data(build_shop(tmp_path, windows=2)).candidates("newest", tmp_path / "scratch")
    targets = pl.read_parquet(tmp_path / "target_orders.parquet")
    users = targets.filter(orders_back=0, eval_set="train")["user_id"]
    is_labelled = np.isin(rows.user_id, users)
    assert set(rows.orders_back) == {0}
    assert np.array_equal(np.isnan(rows.label), ~is_labelled)
    assert 0 < is_labelled.sum() < len(rows) == len(rows.columns())


def test_a_shopper_in_a_later_part_is_held_against_the_histories_too(
    ml: Callable[..., Result], own_shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml.data.users.USERS_AT_ONCE", 5)
    cut_at_a_line(own_shop)
    result = ml("train", "--data", own_shop, "--run", tmp_path / "runs" / "x")
    assert result.exit_code == 1
    assert "does not fit baskets.parquet" in " ".join(result.stderr.split())
    assert "user_id 62" in " ".join(result.stderr.split())


def test_older_orders_without_a_known_basket_are_not_predicted(tmp_path: Path) -> None:
    data = build_shop(tmp_path, windows=2)
    change_rows(data, reordered=pl.when(pl.col("orders_back") == "0").then("reordered"))
    candidates, _ = read_candidates(data, read_contract(data), [], Wanted("to predict"), None)
    assert set(candidates.orders_back) == {0}


def test_only_some_shoppers_are_kept(own_shop: Path, tmp_path: Path) -> None:
    (tmp_path / "some").mkdir()
    data = open_data(own_shop)
    whole = data.candidates("newest", tmp_path)
    some = data.candidates("newest", tmp_path / "some", np.array([7, 3, 999]))
    kept = np.isin(whole.user_id, [3, 7])
    assert 0 < kept.sum() == len(some) == len(some.columns())
    assert (some.product_id == whole.product_id[kept]).all()
    names = ["up_orders", "prod_orders"]
    assert some.columns().table(names) == whole.columns().where(kept).table(names)
