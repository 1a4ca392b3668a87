"""
Live mode on the tiny shop and two more shoppers, with every row worked out by hand.

What is known, as product @ cart position, `+` for reordered:

    shopper 1   order 1 (no interval)       100 @ 1   200 @ 2
                order 2 (after  7 days)     100 @ 1 + 300 @ 2
                order 3 (after 30 days)     300 @ 1 + 100 @ 2 + 200 @ 3 +
                order 4 (after  5 days)     100 @ 1 + 400 @ 2       train, id 14, dow 3, hour 11
    shopper 2   order 1 (no interval)       100 @ 1
                order 2 (after 14 days)     100 @ 2 + 400 @ 1       (order 3 is a test order)
    shopper 3   order 1 (no interval)       200 @ 1
                order 2 (after  8 days)     no line                 train, id 32
    shopper 4   order 1 (no interval)       400 @ 1
                order 2 (after  2 days)     400 @ 1 +
                order 3 (after  6 days)     no line                 train, id 43, dow 4, hour 13
    shopper 5   nothing                                             (order 1 is a test order)
"""

from pathlib import Path

import polars as pl
import pytest

from tests.python.dbt_project.data_comparison import read_text_cells
from tests.python.dbt_project.shop_builds import build_once, contract_columns, export_copy
from tests.python.dbt_project.test_golden import BASE_HEADER, HEADER, rounded
from tests.python.dbt_runs import Workspace, dbt, export, make_workspace, query
from tests.python.tiny_shop import write_tiny_shop

MORE_ROWS = {
    "orders.csv": """\
41,4,prior,1,2,11,
42,4,prior,2,3,12,2.0
43,4,train,3,4,13,6.0
51,5,test,1,5,14,
""",
    "order_products__prior.csv": """\
41,400,1,0
42,400,1,1
""",
}

# Window 0: the order after the last known one. Histories: all there is above.
#
# shopper   orders  period           mean    lines          products  reorder ratio     basket
# 1         4       7 + 30 + 5 = 42  42/3    2+2+3+2 = 9    4         (1+3+1)/(2+3+2)   9/4
# 2         2       14               14/1    1+2 = 3        2         1/2               3/2
# 3         2       8                8/1     1              1         none after 1st    1/2
# 4         3       2 + 6 = 8        8/2     1+1 = 2        1         1/1               2/3
#
# product   lines           reorders    buyers   buyers twice  probability  times    ratio
# 100       4 + 2 = 6       3 + 1 = 4   1, 2     1, 2          2/2          1 + 4/2  4/6
# 200       2 + 1 = 3       1 + 0 = 1   1, 3     1             1/2          1 + 1/2  1/3
# 300       2               1           1        1             1/1          1 + 1/1  1/2
# 400       1 + 1 + 2 = 4   0 + 0 + 1   1, 2, 4  4             1/3          1 + 1/3  1/4
#
# pair      orders         first  last  position     rate  since last  rate since first
# 1, 100    1, 2, 3, 4: 4  1      4     (1+1+2+1)/4  4/4   4 - 4 = 0   4/(4-1+1)
# 1, 200    1, 3:       2  1      3     (2+3)/2      2/4   4 - 3 = 1   2/(4-1+1)
# 1, 300    2, 3:       2  2      3     (2+1)/2      2/4   4 - 3 = 1   2/(4-2+1)
# 1, 400    4:          1  4      4     2/1          1/4   4 - 4 = 0   1/(4-4+1)
# 2, 100    1, 2:       2  1      2     (1+2)/2      2/2   2 - 2 = 0   2/(2-1+1)
# 2, 400    2:          1  2      2     1/1          1/2   2 - 2 = 0   1/(2-2+1)
# 3, 200    1:          1  1      1     1/1          1/2   2 - 1 = 1   1/(2-1+1)
# 4, 400    1, 2:       2  1      2     (1+1)/2      2/3   3 - 2 = 1   2/(3-1+1)
TO_COME = (
    "1,100,4,42,14.0,9,4,0.7142857142857143,4,1,4,1.25,6,4,2,2,0,live,,5,,,,"
    "1.0,3.0,0.6666666666666666,2.25,1.0,0,1.0,\n"
    "1,200,4,42,14.0,9,4,0.7142857142857143,2,1,3,2.5,3,1,2,1,0,live,,5,,,,"
    "0.5,1.5,0.3333333333333333,2.25,0.5,1,0.5,\n"
    "1,300,4,42,14.0,9,4,0.7142857142857143,2,2,3,1.5,2,1,1,1,0,live,,5,,,,"
    "1.0,2.0,0.5,2.25,0.5,1,0.6666666666666666,\n"
    "1,400,4,42,14.0,9,4,0.7142857142857143,1,4,4,2.0,4,1,3,1,0,live,,5,,,,"
    "0.3333333333333333,1.3333333333333333,0.25,2.25,0.25,0,1.0,\n"
    "2,100,2,14,14.0,3,2,0.5,2,1,2,1.5,6,4,2,2,0,live,,3,,,,"
    "1.0,3.0,0.6666666666666666,1.5,1.0,0,1.0,\n"
    "2,400,2,14,14.0,3,2,0.5,1,2,2,1.0,4,1,3,1,0,live,,3,,,,"
    "0.3333333333333333,1.3333333333333333,0.25,1.5,0.5,0,1.0,\n"
    "3,200,2,8,8.0,1,1,,1,1,1,1.0,3,1,2,1,0,live,,3,,,,"
    "0.5,1.5,0.3333333333333333,0.5,0.5,1,0.5,\n"
    "4,400,3,8,4.0,2,1,1.0,2,1,2,1.0,4,1,3,1,0,live,,4,,,,"
    "0.3333333333333333,1.3333333333333333,0.25,0.6666666666666666,"
    "0.6666666666666666,1,0.6666666666666666,\n"
)

# Window 1: the last known order is the target, if two precede it: order 4 of shopper 1, order 3 of
# shopper 4. Shoppers 2 and 3 have no target, yet their order 1 is history.
#
# shopper   orders  period       mean  lines      products       reorder ratio  basket
# 1         3       7 + 30 = 37  37/2  2+2+3 = 7  100, 200, 300  (1+3)/(2+3)    7/3
# 4         2       2            2/1   1+1 = 2    400            1/1            2/2
#
# product   lines      reorders   buyers  buyers twice  probability  times    ratio
# 100       3 + 1 = 4  2 + 0 = 2  1, 2    1             1/2          1 + 2/2  2/4
# 200       2 + 1 = 3  1 + 0 = 1  1, 3    1             1/2          1 + 1/2  1/3
# 300       2          1          1       1             1/1          1 + 1/1  1/2
# 400       2          1          4       4             1/1          1 + 1/1  1/2
#
# pair      orders      first  last  position   rate  since last  rate since first
# 1, 100    1, 2, 3: 3  1      3     (1+1+2)/3  3/3   3 - 3 = 0   3/(3-1+1)
# 1, 200    1, 3:    2  1      3     (2+3)/2    2/3   3 - 3 = 0   2/(3-1+1)
# 1, 300    2, 3:    2  2      3     (2+1)/2    2/3   3 - 3 = 0   2/(3-2+1)
# 4, 400    1, 2:    2  1      2     (1+1)/2    2/2   2 - 2 = 0   2/(2-1+1)
#
# Labels: order 4 of shopper 1 holds 100; the basket of shopper 4's order 3 is not known.
LAST_KNOWN = (
    "1,100,3,37,18.5,7,3,0.8,3,1,3,1.3333333333333333,4,2,2,1,1,train,14,4,3,11,5,"
    "0.5,2.0,0.5,2.3333333333333335,1.0,0,1.0,1\n"
    "1,200,3,37,18.5,7,3,0.8,2,1,3,2.5,3,1,2,1,1,train,14,4,3,11,5,"
    "0.5,1.5,0.3333333333333333,2.3333333333333335,0.6666666666666666,0,0.6666666666666666,0\n"
    "1,300,3,37,18.5,7,3,0.8,2,2,3,1.5,2,1,1,1,1,train,14,4,3,11,5,"
    "1.0,2.0,0.5,2.3333333333333335,0.6666666666666666,0,1.0,0\n"
    "4,400,2,2,2.0,2,1,1.0,2,1,2,1.0,2,1,1,1,1,train,43,3,4,13,6,"
    "1.0,2.0,0.5,1.0,1.0,0,1.0,\n"
)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Build the tiny shop and two more shoppers in live mode, data tests included."""

    def build(folder: Path) -> Workspace:
        raw = folder / "raw"
        raw.mkdir()
        write_tiny_shop(raw)
        for name, rows in MORE_ROWS.items():
            with (raw / name).open("a", encoding="utf-8") as file:
                file.write(rows)
        workspace = make_workspace(folder / "workspace", raw)
        dbt(workspace, "build", variables={"mode": "live", "windows": 2})
        export(workspace)
        return workspace

    return build_once(tmp_path_factory, "live", build)


def test_data_csv_in_live_mode(live: Workspace) -> None:
    columns = [*BASE_HEADER, "reordered"]
    expected = rounded(",".join(columns) + "\n" + TO_COME + LAST_KNOWN).splitlines()[1:]
    data = read_text_cells(live.data).fill_null("")
    assert [",".join(row) for row in data.select(columns).rows()] == expected
    names = [column["name"] for column in contract_columns(live)]
    assert ",".join(names) + "\n" == HEADER == live.data.read_text().splitlines(keepends=True)[0]


def test_nothing_of_the_order_to_come_is_known(live: Workspace) -> None:
    data = read_text_cells(live.data)
    context = [column["name"] for column in contract_columns(live) if column["context"]]
    assert len([name for name in context if name.startswith("ctx_")]) >= 5
    to_come = data.filter(pl.col("orders_back") == "0")
    assert [to_come[name].null_count() for name in context] == [to_come.height] * len(context)
    last_known = data.filter(pl.col("orders_back") == "1")
    assert last_known["ctx_up_days_since_last_order"].to_list() == ["5", "5", "5", "6"]


def test_every_user_with_a_known_order_has_an_order_to_come(live: Workspace) -> None:
    targets = pl.read_parquet(live.lake / "target_orders.parquet").sort("orders_back", "user_id")
    columns = (
        "user_id",
        "order_id",
        "eval_set",
        "order_number",
        "order_dow",
        "order_hour_of_day",
        "days_since_prior_order",
        "orders_back",
    )
    assert targets.select(columns).rows() == [
        (1, None, "live", 5, None, None, None, 0),
        (2, None, "live", 3, None, None, None, 0),
        (3, None, "live", 3, None, None, None, 0),
        (4, None, "live", 4, None, None, None, 0),
        (1, 14, "train", 4, 3, 11, 5, 1),
        (4, 43, "train", 3, 4, 13, 6, 1),
    ]


def test_train_orders_are_history_and_test_orders_are_nothing(live: Workspace) -> None:
    history = query(live, "select order_id from history_orders where orders_back = 0 order by 1")
    assert [order_id for (order_id,) in history] == [11, 12, 13, 14, 21, 22, 31, 32, 41, 42, 43]
    history = query(live, "select order_id from history_orders where orders_back = 1 order by 1")
    assert [order_id for (order_id,) in history] == [11, 12, 13, 21, 31, 41, 42]


def test_a_train_order_without_lines_has_no_label_in_benchmark_mode(
    built_tiny_shop: Workspace, tmp_path: Path
) -> None:
    data = read_text_cells(export_copy(built_tiny_shop, tmp_path / "exported").data)
    rows = data.filter(pl.col("order_id") == "32").select("eval_set", "product_id", "reordered")
    assert rows.rows() == [("train", "200", None)]
