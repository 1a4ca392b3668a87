"""Order lines load by load: whatever came before, staging is what the files say now."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.python.dbt_project.shop_with_loads import (
    LINE_COLUMNS,
    Line,
    Staged,
    staged,
    write_csv,
    write_load,
    write_loads,
    write_products,
)
from tests.python.dbt_runs import (
    Workspace,
    copy_staging,
    dbt,
    environment,
    export,
    make_workspace,
    query,
)
from tests.python.forked_dbt import SHARED, Turn, run_dbt_in_turn

VARS = {"raw_shape": "order_lines", "mode": "live", "windows": 2}
STAGING = ("run", "--select", "models/staging", "--exclude", "stg_recommendations")
PRODUCTS = [(str(n), f"Product {n}", f"aisle {n % 3}", "food") for n in range(1, 7)]

pytestmark = pytest.mark.xdist_group("loads")


def build_staging(shop: Workspace, *options: str, fails: bool = False, **variables: Any) -> str:  # noqa: ANN401
    """Run the staging models, and give what dbt prints in one line."""
    output = dbt(shop, *STAGING, *options, variables=VARS | variables, fails=fails)
    return " ".join(output.split())


def found(shop: Workspace) -> Staged:
    """Read what staging holds, as Staged describes it."""
    return Staged(
        query(
            shop,
            "select order_id, user_id, order_number, order_dow, order_hour_of_day,"
            " days_since_prior_order, ordered_at from stg_orders order by all",
        ),
        query(
            shop,
            "select order_id, product_id, add_to_cart_order, reordered from stg_order_products"
            " order by all",
        ),
        query(
            shop,
            "select load_date, order_lines, orders, new_orders, replaced_orders, cancelled_orders,"
            " late_orders, returned_lines, anonymous_lines, rejected_lines from loads order by all",
        ),
        sorted(
            query(
                shop,
                "select load_date, line_text, split_part(reject_reason, ' ', 1)"
                " from rejected_lines",
            ),
            key=str,
        ),
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the project with its staging alone, which is read fast."""
    project = copy_staging(tmp_path_factory.mktemp("project"))
    (project / SHARED).touch()
    return project


@pytest.fixture
def shop(project: Path, tmp_path: Path) -> Workspace:
    """Give an empty lake over a folder of raw files that lists six products and has no load."""
    write_products(tmp_path / "raw", PRODUCTS)
    return make_workspace(tmp_path / "workspace", tmp_path / "raw", project)


@pytest.fixture(scope="module")
def shop_of_two_loads(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Build a shop of two loads once, and keep its folders beside it."""
    folder = tmp_path_factory.mktemp("two-loads")
    write_products(folder / "raw", PRODUCTS)
    shop = make_workspace(folder / "workspace", folder / "raw", project)
    two_loads(shop.raw)
    build_staging(shop)
    for path in (shop.raw, shop.lake):
        shutil.copytree(path, path.with_name(f"{path.name}-kept"), symlinks=True)
    return shop


@pytest.fixture
def built_shop(shop_of_two_loads: Workspace) -> Workspace:
    """Give the shop of two loads as it was built."""
    for path in (shop_of_two_loads.raw, shop_of_two_loads.lake):
        shutil.rmtree(path)
        shutil.copytree(path.with_name(f"{path.name}-kept"), path, symlinks=True)
    return shop_of_two_loads


# shopper 1 has two orders at one time; order 12 is half returned; 13 names nobody; 15 has no hour
FIRST: list[Line] = [
    ("11", "1", "1", "2017-03-01 09:10:00", "2", "2"),
    ("11", "1", "2", "2017-03-01 09:10:00", "1", "1"),
    ("10", "1", "3", "2017-03-01T09:10", "", ""),
    ("10", "1", "1", "2017-03-01T09:10", "", ""),
    ("12", "2", "4", "2017-03-01 23:59:59", "-1", ""),
    ("12", "2", "5", "2017-03-01 23:59:59", "0.5", ""),
    ("13", "", "5", "2017-03-01 10:00:00", "1", ""),
    ("15", "3", "6", "2017-03-01", "1", ""),
]


def test_first_load_by_hand(shop: Workspace) -> None:
    write_load(shop.raw, "2017-03-01", FIRST)
    output = build_staging(shop)
    assert query(
        shop,
        "select order_id, user_id, order_number, order_dow, order_hour_of_day,"
        " days_since_prior_order, cast(ordered_at as varchar) from stg_orders order by all",
    ) == [  # the first of March 2017 was a Wednesday
        (10, 1, 1, 4, 9, None, "2017-03-01 09:10:00"),
        (11, 1, 2, 4, 9, 0, "2017-03-01 09:10:00"),
        (12, 2, 1, 4, 23, None, "2017-03-01 23:59:59"),
        (15, 3, 1, 4, None, None, "2017-03-01 00:00:00"),
    ]
    lines = query(
        shop, "select order_id, product_id, add_to_cart_order, reordered from stg_order_products"
    )
    assert {line for line in lines if line[0] != 10} == {
        (11, 2, 1, 0), (11, 1, 2, 1), (12, 5, 1, 0), (15, 6, 1, 0),
    }  # fmt: skip
    assert found(shop) == staged({"2017-03-01": FIRST})
    assert "bought but not listed" not in output


def test_newest_load_wins_whole(shop: Workspace) -> None:
    loads: dict[str, list[Line]] = {
        "2017-03-01": FIRST,
        "2017-03-02": [
            ("11", "1", "4", "2017-03-01 09:20:00", "1", ""),  # corrected, and of other products
            ("12", "2", "5", "2017-03-01 23:59:59", "0", ""),  # cancelled
            ("16", "1", "1", "2017-02-28 09:00:00", "1", ""),  # late
        ],
    }
    for day, lines in loads.items():
        write_load(shop.raw, day, lines)
        told = build_staging(shop)
    size = (shop.raw / "order_lines/load_date=2017-03-02/lines.csv").stat().st_size
    assert f"Reads 1 of 2 loads, {size} bytes." in told
    orders = query(shop, "select user_id, order_id from stg_orders order by user_id, order_number")
    assert orders == [(1, 16), (1, 10), (1, 11), (3, 15)]
    assert query(shop, "select product_id from stg_order_products where order_id = 11") == [(4,)]
    assert query(
        shop,
        "select load_date, orders, new_orders, replaced_orders, cancelled_orders, late_orders from"
        " loads order by 1",
    ) == [("2017-03-01", 4, 4, 0, 0, 0), ("2017-03-02", 3, 1, 1, 1, 3)]
    assert found(shop) == staged(loads)


def test_a_load_is_read_once(shop: Workspace) -> None:
    for day in ("2017-03-01", "2017-03-02"):
        write_load(shop.raw, day, FIRST)
    build_staging(shop)
    before = query(shop, "select load_date, first_read_at, last_read_at from loads order by 1")
    # what is not read can hold anything: its size and time are those of before
    file = shop.raw / "order_lines/load_date=2017-03-01/lines.csv"
    stat = file.stat()
    file.write_bytes(b"x" * stat.st_size)

    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    write_load(shop.raw, "2017-03-02", FIRST[:2])
    build_staging(shop)
    after = query(shop, "select load_date, first_read_at, last_read_at from loads order by 1")
    assert after[0] == before[0]
    assert after[1][1] == before[1][1]
    assert after[1][2] > before[1][2]
    assert found(shop) == staged({"2017-03-01": FIRST, "2017-03-02": FIRST[:2]})


def test_replaced_files_are_cleaned_away_when_asked_for(shop: Workspace) -> None:
    for lines in (FIRST, FIRST[:4]):
        write_load(shop.raw, "2017-03-01", lines)
        write_load(shop.raw, "2017-03-02", FIRST)
        build_staging(shop)
    staged_folder = shop.lake / "next_basket.stg_order_lines.loads"
    assert len(list(staged_folder.rglob("*.parquet"))) == 4
    before = found(shop)
    output = dbt(shop, "run-operation", "clean_lake", variables=VARS)
    assert output.count("Emptied ") == 2
    assert len(list(staged_folder.rglob("*.parquet"))) == 2
    assert found(shop) == before
    output = dbt(shop, "run-operation", "clean_lake", fails=True)
    assert "holds order lines with times: build them with" in output


def test_loads_of_days_are_read_again_when_asked_for(shop: Workspace) -> None:
    days = ("2017-03-01", "2017-03-02", "2017-03-03")
    for day in days:
        write_load(shop.raw, day, FIRST)
    build_staging(shop)
    before = dict(query(shop, "select load_date, last_read_at from loads"))
    build_staging(shop, "--event-time-start", "2017-03-02", "--event-time-end", "2017-03-03")
    after = dict(query(shop, "select load_date, last_read_at from loads"))
    assert [after[day] > before[day] for day in days] == [False, True, False]


def test_text_ids(shop: Workspace) -> None:
    lines = [
        ("A-1", "åsa@x.se", "00123", "2017-03-01 09:00:00", "1", ""),
        ("A-1", "åsa@x.se", "x y", "2017-03-01 09:00:00", "1", ""),
        ("a-1", "Åsa@x.se", "00123", "2017-03-02 09:00:00", "1", ""),
    ]
    write_products(shop.raw, [("00123", "Milk", "dairy", ""), ("123", "Cream", "dairy", "")])
    write_load(shop.raw, "2017-03-02", lines)
    output = build_staging(shop, ids="text")
    assert found(shop) == staged({"2017-03-02": lines}, ids="text")
    assert query(shop, "select distinct user_code from stg_orders order by 1") == [
        ("Åsa@x.se",), ("åsa@x.se",),
    ]  # fmt: skip
    assert query(shop, "select product_code, product_name from stg_products order by 1") == [
        ("00123", "Milk"), ("123", "Cream"), ("x y", "x y"),
    ]  # fmt: skip
    assert "1 product is bought but not listed in the file of products, as x y" in output


def test_bad_lines_are_set_aside(shop: Workspace) -> None:
    bad = [
        ("20", "1", "1", "2017-13-01 09:00:00", "1", ""),
        ("20", "1", "1", "2017-02-29", "1", ""),
        ("20", "1", "1", "2017-03-01 24:00:00", "1", ""),
        ("20", "1", "1", "1.3.2017", "1", ""),
        ("20", "1", "1", "1617-03-01", "1", ""),
        ("20", "1", "1", "", "1", ""),
        ("", "1", "1", "2017-03-01", "1", ""),
        ("007", "1", "1", "2017-03-01", "1", ""),
        ("9223372036854775808", "1", "1", "2017-03-01", "1", ""),
        ("21", "1e3", "1", "2017-03-01", "1", ""),
        ("21", "1", "", "2017-03-01", "1", ""),
        ("21", "1", "-5", "2017-03-01", "1", ""),
        ("21", "1", "1", "2017-03-01", "one", ""),
        ("21", "1", "1", "2017-03-01", "1e0", ""),
        ("21", "1", "1", "2017-03-01", "nan", ""),
        ("21", "1", "1", "2017-03-01", "1", "-1"),
        ("21", "1", "1", "2017-03-01", "1", "123456"),
        ("22", "1", "1", "2017-03-01", "1", ""),  # of two shoppers
        ("22", "2", "2", "2017-03-01", "1", ""),
    ]
    lines = [*FIRST, *bad]
    write_load(shop.raw, "2017-03-01", lines)
    products = [*PRODUCTS, ("1", "Product 1 again", "aisle", ""), ("", "No id", "aisle", "")]
    write_products(shop.raw, products)
    build_staging(shop, most_rejected=0.8)
    expected = staged({"2017-03-01": lines})
    assert len(expected.rejected) == len(bad)
    expected.rejected.extend(
        [(None, "1,Product 1 again,aisle,", "product_id"), (None, ",No id,aisle,", "product_id")]
    )
    expected.rejected.sort(key=str)
    assert found(shop) == expected
    assert query(shop, "select product_name from stg_products where product_id = 1") == [
        ("Product 1",)
    ]


def test_the_worst_load_says_how_much_must_be_allowed(shop: Workspace) -> None:
    bad = ("20", "1", "1", "noon", "1", "")
    write_load(shop.raw, "2017-03-01", [*FIRST, bad])
    write_load(shop.raw, "2017-03-02", [*FIRST, bad, bad])
    output = build_staging(shop, fails=True)
    assert "Load 2017-03-02 (and 1 more): 2 of 10 lines cannot be used" in output
    assert "'{most_rejected: 0.2" in output


def test_lines_of_another_length_are_set_aside(shop: Workspace) -> None:
    folder = shop.raw / "order_lines/load_date=2017-03-01"
    write_csv(folder / "a.csv", LINE_COLUMNS[:4], [["11", "1", "1", "2017-03-01"]] * 8)
    with (folder / "a.csv").open("a", encoding="utf-8") as file:
        file.write('12,1,1\n13,1,1,2017-03-01,7\n14,1,"1\n1",2017-03-01\n')
    build_staging(shop, most_rejected=0.5)
    assert query(
        shop, "select line_text, reject_reason from rejected_lines order by line_text collate c"
    ) == [
        ("12,1,1,,,", "line has fewer fields than its header"),
        ("13,1,1,2017-03-01,,", "line has more fields than its header"),
        (
            "14,1,1\n1,2017-03-01,,",
            "line holds a line break or a control character",
        ),
    ]


def two_loads(raw: Path) -> None:
    for day in ("2017-03-01", "2017-03-02"):
        write_load(raw, day, FIRST)


def _empty(raw: Path) -> None:
    write_load(raw, "2017-03-03", [])


def _no_byte(raw: Path) -> None:
    write_load(raw, "2017-03-03", [])
    (raw / "order_lines/load_date=2017-03-03/lines.csv").write_text("")


def _headless(raw: Path) -> None:
    write_csv(raw / "order_lines/load_date=2017-03-03/a.csv", FIRST[0], FIRST[1:])


def _other_folder(raw: Path) -> None:
    write_csv(raw / "order_lines/2017-03-03/a.csv", LINE_COLUMNS, FIRST)


def _no_day(raw: Path) -> None:
    write_load(raw, "2017-02-30", FIRST)


def _no_folder(raw: Path) -> None:
    write_csv(raw / "order_lines/a.csv", LINE_COLUMNS, FIRST)


def _other_kind(raw: Path) -> None:
    write_load(raw, "2017-03-03", FIRST, name="a.xlsx")


def _vanished(raw: Path) -> None:
    shutil.rmtree(raw / "order_lines/load_date=2017-03-01")


def _two_shapes(raw: Path) -> None:
    (raw / "orders.csv").write_text("order_id\n")


def _unreadable_times(raw: Path) -> None:
    write_load(raw, "2017-03-03", [*FIRST, ("20", "1", "1", "noon", "1", "")])


def _no_products(raw: Path) -> None:
    (raw / "products/products.csv").unlink()


def _text_id(raw: Path) -> None:
    write_load(raw, "2017-03-03", [("A20", "1", "1", "2017-03-01", "1", "")])


def _column_twice(raw: Path) -> None:
    write_csv(
        raw / "order_lines/load_date=2017-03-03/a.csv",
        [*LINE_COLUMNS, "quantity"],
        [[*FIRST[0], "1"]],
    )


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (
            _empty,
            "Load 2017-03-03 has no line: {load}/lines.csv holds a header and nothing else.",
        ),
        (_no_byte, "Raw file {load}/lines.csv is empty: it has no header."),
        (
            _headless,
            (
                "Raw file {load}/a.csv has no column order_id, user_id, product_id, ordered_at:"
                " its header is 11,1,1,"
            ),
        ),
        (
            _other_folder,
            (
                "File {lines}/2017-03-03/a.csv is in no load: the files of a load lie in a folder"
                " of its day, as in order_lines/load_date=2017-03-05/a.csv."
            ),
        ),
        (_no_day, "Folder load_date=2017-02-30 in {lines} is of no day"),
        (_no_folder, "File {lines}/a.csv is in no load"),
        (_other_kind, "a.xlsx is no file of a load: these end with .csv, .csv.gz or .parquet."),
        (_vanished, "2017-03-01: load that was read before and is no longer in {lines}."),
        (
            _two_shapes,
            (
                "RAW_DIR '{raw}' holds raw files of two shapes, order_lines/ and orders.csv: keep"
                " those of one."
            ),
        ),
        (
            _unreadable_times,
            (
                "Load 2017-03-03: 1 of 9 lines cannot be used, and var most_rejected allows 0.001"
                " of them. ordered_at is no time in 1 line, as in {load}/lines.csv: 20,1,1,noon,1,."
            ),
        ),
        (
            _text_id,
            (
                "order_id is no whole number without zeros in front (or var ids: text is missing)"
                " in 1 line, as in {load}/lines.csv: A20,1,1,2017-03-01,1,."
            ),
        ),
        (
            _column_twice,
            (
                "names a column twice: its header is order_id,user_id,product_id,ordered_at,"
                "quantity,cart_position,quantity."
            ),
        ),
        (_no_products, "Raw file {raw}/products/products.csv is missing"),
    ],
)
def test_bad_files_stop_with_a_sentence_and_change_nothing(
    damage: Callable[[Path], None], sentence: str, built_shop: Workspace
) -> None:
    shop = built_shop
    before = found(shop)
    damage(shop.raw)
    output = build_staging(shop, fails=True)
    lines = shop.raw / "order_lines"
    load = lines / "load_date=2017-03-03"
    assert sentence.format(raw=shop.raw, lines=lines, load=load) in output
    assert found(shop) == before


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"mode": "benchmark"}, "raw_shape: order_lines needs mode: live, because no order"),
        ({"raw_shape": "orders"}, "var raw_shape is 'orders': give instacart or order_lines."),
        ({"raw_shape": "instacart"}, "holds order lines with times: build them with --vars"),
        ({"ids": "uuid"}, "var ids is 'uuid': give whole or text."),
        ({"most_rejected": "1 %"}, "var most_rejected is '1 %'"),
        (
            {"order_lines_columns": {"user": "customer"}},
            "var order_lines_columns names user, which is no column of ours",
        ),
        (
            {"order_lines_columns": {"user_id": "order_id"}},
            (
                "var order_lines_columns takes the files' column order_id for order_id and user_id:"
                " give each its own."
            ),
        ),
        (
            {"order_lines_columns": {"user_id": "customer"}},
            "has no column customer: its header is order_id,user_id",
        ),
        ({"products_columns": {"aisle": "category"}}, "products.csv has no column category"),
    ],
)
def test_bad_vars_stop_with_a_sentence(
    variables: dict[str, Any], sentence: str, shop: Workspace
) -> None:
    two_loads(shop.raw)
    output = build_staging(shop, fails=True, **variables)
    assert sentence in output


def test_a_vanished_load_is_accepted_by_a_full_refresh(shop: Workspace) -> None:
    write_load(shop.raw, "2017-03-01", FIRST)
    write_load(shop.raw, "2017-03-02", [("30", "9", "1", "2017-03-02", "1", "")])
    build_staging(shop)
    shutil.rmtree(shop.raw / "order_lines/load_date=2017-03-02")
    build_staging(shop, "--full-refresh")
    assert found(shop) == staged({"2017-03-01": FIRST})


def test_other_names_and_kinds_of_files(shop: Workspace) -> None:
    """Their columns are in another order and have other names, beside columns that nobody reads."""
    folder = shop.raw / "order_lines/load_date=2017-03-01"
    header = ["", "kaufzeit", "artikel", "menge", "bon", "kunde"]
    rows = [["x", line[3], line[2], line[4], line[0], line[1]] for line in FIRST]
    write_csv(folder / "a.csv", header, rows[:4])
    write_csv(folder / "_unfinished.csv", ["nothing"], [])
    with duckdb.connect() as connection:
        write_csv(folder / "b.csv", header, rows[4:7])
        read = f"read_csv('{folder}/b.csv', all_varchar=true)"
        connection.execute(f"copy (select * from {read}) to '{folder}/b.csv.gz'")
        (folder / "b.csv").unlink()
        connection.execute(
            "copy (select date '2017-03-01' as kaufzeit, 6::bigint as artikel,"
            f" 1.0::double as menge, 15 as bon, 3::bigint as kunde) to '{folder}/c.parquet'"
        )
        connection.execute(
            "copy (select timestamp '2017-03-01 10:00:00.25' as kaufzeit, 6 as artikel, 17 as bon,"
            f" 3 as kunde) to '{folder}/d.parquet'"
        )
    names = {
        "order_id": "bon",
        "user_id": "kunde",
        "product_id": "artikel",
        "ordered_at": "kaufzeit",
        "quantity": "menge",
    }
    output = build_staging(shop, order_lines_columns=names)
    expected = [(*line[:5], "") for line in FIRST] + [
        ("17", "3", "6", "2017-03-01 10:00:00", "1", "")
    ]
    assert found(shop) == staged({"2017-03-01": expected})
    assert "a.csv: a column without a name is ignored." in output


def test_text_ids_of_parquet_files_are_taken_whole(shop: Workspace) -> None:
    folder = shop.raw / "order_lines/load_date=2017-03-01"
    folder.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute(
            "copy (select 'till 1:10.' || n as order_id, 'card 1:20.' || n as user_id,"
            " 'P' as product_id, timestamp '2017-03-01 10:00:00.25' as ordered_at"
            f" from range(3) as numbers (n)) to '{folder}/a.parquet'"
        )
    write_products(shop.raw, [("P", "Product", "aisle", "food")])
    build_staging(shop, ids="text")
    assert query(
        shop, "select user_code, cast(ordered_at as varchar) from stg_orders order by 1"
    ) == [(f"card 1:20.{n}", "2017-03-01 10:00:00") for n in range(3)]


def test_weekdays_and_silences_of_a_century(shop: Workspace) -> None:
    days = ("1900-01-01", "1900-01-05", "2026-11-29")
    write_load(
        shop.raw, "2026-11-29", [(str(n), "1", "1", day, "", "") for n, day in enumerate(days)]
    )
    build_staging(shop)
    # a Monday, a Friday and a Sunday, where 0 is Saturday
    found_days = query(
        shop, "select order_dow, days_since_prior_order from stg_orders order by order_number"
    )
    assert found_days == [(2, None), (6, 4), (1, 46_349)]


def _history() -> st.SearchStrategy[list[dict[str, list[Line]]]]:
    """Give what each of some builds finds changed: loads that are new, late, or delivered again."""
    days = st.integers(0, 5).map(lambda n: str(date(2017, 3, 1) + timedelta(days=n)))
    line = st.tuples(
        st.sampled_from(["1", "2", "3", "4", "5", "6", "07"]),
        st.sampled_from(["1", "2", "2", "2", ""]),
        st.sampled_from(["1", "2", "3", "9"]),
        st.sampled_from(
            ["2017-03-01 10:00:00", "2017-03-02", "2017-02-27 23:00:00", "2017-03-04T01:02", "soon"]
        ),
        st.sampled_from(["", "1", "0", "-2", "3.5"]),
        st.sampled_from(["", "1", "2"]),
    )
    return st.lists(
        st.dictionaries(days, st.lists(line, min_size=1, max_size=9), min_size=1, max_size=3),
        min_size=1,
        max_size=3,
    )


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[Path]:
    """Give folders that do not exist yet."""
    return (tmp_path / str(n) for n in range(10_000))


@settings(
    max_examples=int(os.environ.get("HISTORIES", "20")),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=_history())
def test_any_history_equals_one_build(
    history: list[dict[str, list[Line]]], folders: Iterator[Path], project: Path
) -> None:
    folder = next(folders)
    write_products(folder / "raw", PRODUCTS)
    grown = make_workspace(folder / "grown", folder / "raw", project)
    at_once = make_workspace(folder / "at-once", folder / "raw", project)
    variables = ("--vars", json.dumps(VARS | {"most_rejected": 1}))
    turns = [
        Turn(partial(write_loads, grown.raw, changes), environment(grown)) for changes in history
    ]
    turns.append(Turn(partial(write_loads, grown.raw, {}), environment(at_once)))
    code, output = run_dbt_in_turn([*STAGING, *variables], project, turns)
    assert code == 0, output
    loads = {day: lines for changes in history for day, lines in changes.items()}
    assert found(grown) == found(at_once) == staged(loads)


def test_data_csv_is_the_same_bytes_after_a_history(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_products(raw, PRODUCTS)
    days = [date(2017, 3, 1) + timedelta(days=n) for n in range(4)]
    loads: dict[str, list[Line]] = {}
    for n, day in enumerate(days):
        loads[str(day)] = [
            (
                f"{n + 1}0{user}",
                f"{user}",
                f"{(user * product + n) % 7 + 1}",
                f"{day} 0{user}:00",
                "1",
                "",
            )
            for user in range(1, 8)
            for product in range(1, 4)
        ]
    grown = make_workspace(tmp_path / "grown", raw)
    first, second, third, fourth = loads
    for late in (second, first):
        write_load(raw, late, loads[late][:9])
    dbt(grown, "run", variables=VARS)
    for again in (first, second, third, fourth):
        write_load(raw, again, loads[again])
    dbt(grown, "run", variables=VARS)
    export(grown)
    at_once = make_workspace(tmp_path / "at-once", raw)
    dbt(at_once, "run", variables=VARS)
    export(at_once)
    assert grown.data.read_bytes() == at_once.data.read_bytes()
    assert found(grown) == staged(loads)
