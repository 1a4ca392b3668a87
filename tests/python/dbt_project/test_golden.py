"""
The whole data.csv of the tiny shop, byte for byte, with every number worked out by hand.

What the tiny shop's files say, as product @ cart position, `+` for reordered:

    shopper 1   order 1 (no interval)       100 @ 1   200 @ 2
                order 2 (after  7 days)     100 @ 1 + 300 @ 2
                order 3 (after 30 days)     300 @ 1 + 100 @ 2 + 200 @ 3 +    dow 2, hour 10
                order 4 (after  5 days)     100, 400     train, id 14,       dow 3, hour 11
    shopper 2   order 1 (no interval)       100 @ 1
                order 2 (after 14 days)     100 @ 2 + 400 @ 1
                order 3 (after  3 days)     not known    test, id 23,        dow 6, hour 14
    shopper 3   order 1 (no interval)       200 @ 1
                order 2 (after  8 days)     no line      train, id 32,       dow 1, hour 16
"""

from pathlib import Path

import numpy as np

from tests.python.dbt_project.shop_builds import build_data, contract_columns, export_copy
from tests.python.dbt_runs import Workspace

# what keeps its double precision
DOUBLES = {"user_mean_days_since_prior", "user_reorder_ratio", "up_average_cart_position"}
BASE_HEADER = [
    "user_id",
    "product_id",
    "user_orders",
    "user_period",
    "user_mean_days_since_prior",
    "user_total_products",
    "user_distinct_products",
    "user_reorder_ratio",
    "up_orders",
    "up_first_order",
    "up_last_order",
    "up_average_cart_position",
    "prod_orders",
    "prod_reorders",
    "prod_first_orders",
    "prod_second_orders",
    "orders_back",
    "eval_set",
    "order_id",
    "order_number",
    "order_dow",
    "order_hour_of_day",
    "days_since_prior_order",
    "prod_reorder_probability",
    "prod_reorder_times",
    "prod_reorder_ratio",
    "user_average_basket",
    "up_order_rate",
    "up_orders_since_last_order",
    "up_order_rate_since_first_order",
]
RICHER_HEADER = [
    "user_median_days_since_prior",
    "user_sd_days_since_prior",
    "user_last_days_since_prior",
    "user_last_days_over_median",
    "user_sd_basket",
    "user_last_basket",
    "user_basket_trend",
    "user_recent_reorder_ratio",
    "user_none_ratio",
    "user_orders_in_last_30_days",
    "user_mean_hour_of_day",
    "user_organic_ratio",
    "prod_aisle_id",
    "prod_department_id",
    "prod_is_organic",
    "prod_average_cart_position",
    "prod_one_shot_ratio",
    "prod_mean_days_between",
    "prod_reorders_per_opportunity",
    "prod_next_order_ratio",
    "prod_recent_order_ratio",
    "prod_shrunk_reorder_probability",
    "prod_shrunk_reorders_per_opportunity",
    "prod_shrunk_next_order_ratio",
    "prod_shrunk_days_between",
    "prod_shrunk_cart_position",
    "up_days_since_last_order",
    "up_bought_1_back",
    "up_bought_2_back",
    "up_bought_3_back",
    "up_bought_4_back",
    "up_bought_5_back",
    "up_orders_in_last_5",
    "up_orders_in_last_10",
    "up_streak",
    "up_decayed_orders",
    "up_decayed_days",
    "up_decayed_order_rate",
    "up_decayed_day_rate",
    "up_mean_orders_between",
    "up_max_orders_between",
    "up_mean_days_between",
    "up_median_days_between",
    "up_max_days_between",
    "up_overdue_orders",
    "up_overdue_days",
    "up_cart_position_difference",
    "up_share_of_aisle",
    "up_aisle_share",
    "up_aisle_orders_since_last_order",
    "up_orders_until_last_of_aisle",
    "up_department_share",
    "ctx_user_days_over_median",
    "ctx_user_same_dow_rate",
    "ctx_user_near_hour_rate",
    "ctx_up_days_since_last_order",
    "ctx_up_overdue_days",
    "ctx_up_same_dow_rate",
    "ctx_up_near_hour_rate",
]
HEADER = ",".join([*BASE_HEADER, *RICHER_HEADER, "reordered"]) + "\n"

# Window 0. Histories: orders 1-3 of shopper 1, orders 1-2 of shopper 2, order 1 of shopper 3.
#
# shopper   orders  period       mean       lines      products       reorder ratio   basket
# 1         3       7 + 30 = 37  37/2       2+2+3 = 7  100, 200, 300  (1+3)/(2+3)     7/3
# 2         2       14           14/1       1+2 = 3    100, 400       1/2             3/2
# 3         1       none         none       1          200            none after 1st  1/1
#
# product   lines      reorders   buyers     buyers twice  probability  times        ratio
# 100       3 + 2 = 5  2 + 1 = 3  1, 2       1, 2          2/2          1 + 3/2      3/5
# 200       2 + 1 = 3  1 + 0 = 1  1, 3       1             1/2          1 + 1/2      1/3
# 300       2          1          1          1             1/1          1 + 1/1      1/2
# 400       1          0          2          none          0/1          1 + 0/1      0/1
#
# pair      orders      first  last  position     rate  since last  rate since first
# 1, 100    1, 2, 3: 3  1      3     (1+1+2)/3    3/3   3 - 3 = 0   3/(3-1+1)
# 1, 200    1, 3:    2  1      3     (2+3)/2      2/3   3 - 3 = 0   2/(3-1+1)
# 1, 300    2, 3:    2  2      3     (2+1)/2      2/3   3 - 3 = 0   2/(3-2+1)
# 2, 100    1, 2:    2  1      2     (1+2)/2      2/2   2 - 2 = 0   2/(2-1+1)
# 2, 400    2:       1  2      2     1/1          1/2   2 - 2 = 0   1/(2-2+1)
# 3, 200    1:       1  1      1     1/1          1/1   1 - 1 = 0   1/(1-1+1)
#
# Labels: shopper 1 bought 100 and 400, and 400 is no candidate; the baskets of shoppers 2 and 3 are
# not known.
WINDOW_0 = (
    "1,100,3,37,18.5,7,3,0.8,3,1,3,1.3333333333333333,5,3,2,2,0,train,14,4,3,11,5,"
    "1.0,2.5,0.6,2.3333333333333335,1.0,0,1.0,1\n"
    "1,200,3,37,18.5,7,3,0.8,2,1,3,2.5,3,1,2,1,0,train,14,4,3,11,5,"
    "0.5,1.5,0.3333333333333333,2.3333333333333335,0.6666666666666666,0,0.6666666666666666,0\n"
    "1,300,3,37,18.5,7,3,0.8,2,2,3,1.5,2,1,1,1,0,train,14,4,3,11,5,"
    "1.0,2.0,0.5,2.3333333333333335,0.6666666666666666,0,1.0,0\n"
    "2,100,2,14,14.0,3,2,0.5,2,1,2,1.5,5,3,2,2,0,test,23,3,6,14,3,"
    "1.0,2.5,0.6,1.5,1.0,0,1.0,\n"
    "2,400,2,14,14.0,3,2,0.5,1,2,2,1.0,1,0,1,0,0,test,23,3,6,14,3,"
    "0.0,1.0,0.0,1.5,0.5,0,1.0,\n"
    "3,200,1,,,1,1,,1,1,1,1.0,3,1,2,1,0,train,32,2,1,16,8,"
    "0.5,1.5,0.3333333333333333,1.0,1.0,0,1.0,\n"
)

# The richer columns of window 0, worked out once more. Days of the orders: shopper 1 0, 7, 37;
# shopper 2 0, 14. In each row: shopper; product; shrunk; recency; decays; distances; aisle; target.
#
# shopper 1: intervals 7 and 30: middle 37/2, sd 23/2, the last one 23/2 over the middle. Baskets of
# 2, 2, 3: root of 3 * 17 - 7 * 7 = 2, over 3. Orders 2 and 3: (1 + 3) / (2 + 3), none without a
# reorder; order 2 is 30 days before order 3, so only one is less than 30 days ago. Hours 27/3.
# product 100: positions (1 + 1 + 2) + (1 + 2) = 7 of 5 lines, days (37 + 14) / 3 reorders. Nobody
# has five orders after the first: no one-shot ratio.
# shrunk, 1 and 100: others 1 of 1, aisle the same, shop 4 of 6: (1 + 20 * 4/6) / 21 = .68254, and
# (1 + 8 * .68254) / 9 = .71781. Decay 1 + .85 + .7225 of the same sum.
# 1, 200: bought in orders 1 and 3: 1 + .7225 of 2.5725; 2 orders and 37 days apart; due after 2
# orders: 1/2; position 5/2 less (2 + 3 + 1) / 3; 2 of 7 lines.
# target of shopper 1: after 5 days, 37/2 less: -13.5; on weekday 3, which no order has; at 11
# o'clock, two hours of which are 9 and 10; 5 days after the last purchase, over 37/2.
RICHER_0 = [
    # shopper 1, product 100
    (
        "18.5,11.5,30,11.5,0.47140452079103173,3,1.0,0.8,0.0,1,9.0,0.0,"
        "1,1,0,1.4,,17.0,1.0,1.0,1.0,"
        "0.7178130511463844,0.8476190476190476,0.8306878306878307,22.126984126984127,1.5330578512396693,"
        "0,1,1,1,0,0,3,3,3,"
        "2.5724999997764826,2.0190331852063537,1.0,1.0,"
        "1.0,1,18.5,18.5,30,1.0,0.0,"
        "-0.06666666666666665,1.0,0.42857142857142855,0,0,0.7142857142857143,"
        "-13.5,0.0,0.6666666666666666,5,0.2702702702702703,0.0,0.6666666666666666"
    ),
    # shopper 1, product 200
    (
        "18.5,11.5,30,11.5,0.47140452079103173,3,1.0,0.8,0.0,1,9.0,0.0,"
        "2,2,0,2.0,,37.0,0.5,0.0,1.0,"
        "0.564373897707231,0.8333333333333334,0.8,23.6,1.4617604617604618,"
        "0,1,0,1,0,0,2,2,1,"
        "1.7225000001490116,1.4735488658770919,0.6695821186778134,0.7298289481688183,"
        "2.0,2,37.0,37.0,37,0.5,0.0,"
        "0.5,1.0,0.2857142857142857,0,0,0.2857142857142857,"
        "-13.5,0.0,0.6666666666666666,5,0.13513513513513514,0.0,0.5"
    ),
    # shopper 1, product 300
    (
        "18.5,11.5,30,11.5,0.47140452079103173,3,1.0,0.8,0.0,1,9.0,0.0,"
        "3,1,0,1.5,,30.0,1.0,1.0,1.0,"
        "0.6349206349206349,0.8333333333333334,0.8,23.6,1.5194805194805194,"
        "0,1,1,0,0,0,2,2,2,"
        "1.849999999627471,1.5454843193292618,0.7191448006951263,0.7654576114217294,"
        "1.0,1,30.0,30.0,30,1.0,0.0,"
        "0.0,1.0,0.2857142857142857,0,0,0.7142857142857143,"
        "-13.5,0.0,0.6666666666666666,5,0.16666666666666666,0.0,1.0"
    ),
    # shopper 2, product 100
    (
        "14.0,0.0,14,0.0,0.5,2,1.0,0.5,0.0,2,12.5,0.0,"
        "1,1,0,1.4,,17.0,1.0,1.0,1.0,"
        "0.7178130511463844,0.8601398601398601,0.8545454545454547,22.20909090909091,1.4674811354653252,"
        "0,1,1,0,0,0,2,2,2,"
        "1.849999999627471,1.7536419415846467,1.0,1.0,"
        "1.0,1,14.0,14.0,14,1.0,0.0,"
        "0.10000000000000009,1.0,0.6666666666666666,0,0,1.0,"
        "-11.0,0.0,1.0,3,0.21428571428571427,0.0,1.0"
    ),
    # shopper 2, product 400
    (
        "14.0,0.0,14,0.0,0.5,2,1.0,0.5,0.0,2,12.5,0.0,"
        "3,1,0,1.0,,,,,1.0,"
        "0.6825396825396824,0.8412698412698413,0.8095238095238095,23.904761904761905,1.5413223140495866,"
        "0,1,0,0,0,0,1,1,1,"
        "1.0,1.0,0.5405405406493876,0.5702418357400646,"
        ",,,,,,,"
        "0.0,1.0,0.3333333333333333,0,0,1.0,"
        "-11.0,0.0,1.0,3,,0.0,1.0"
    ),
    # shopper 3, product 200
    (
        ",,,,0.0,1,1.0,,,1,15.0,0.0,"
        "2,2,0,2.0,,37.0,0.5,0.0,1.0,"
        "0.7178130511463844,0.7797202797202798,0.6772486772486772,25.656084656084655,1.8057851239669418,"
        "0,1,0,0,0,0,1,1,1,"
        "1.0,1.0,1.0,1.0,"
        ",,,,,,,"
        "-1.0,1.0,1.0,0,0,1.0,"
        ",0.0,1.0,8,,0.0,1.0"
    ),
]

# Window 1. The order before the one above is the target: order 3 of shopper 1, after two others.
# Order 2 of shopper 2 has only one before it and is no target, yet that one, order 1, is history
# and counts for product 100. Shopper 3 has no order before order 1.
#
# shopper   orders  period  mean  lines      products       reorder ratio  basket
# 1         2       7       7/1   2 + 2 = 4  100, 200, 300  1/2            4/2
#
# product   lines      reorders   buyers  buyers twice  probability  times    ratio
# 100       2 + 1 = 3  1 + 0 = 1  1, 2    1             1/2          1 + 1/2  1/3
# 200       1          0          1       none          0/1          1 + 0/1  0/1
# 300       1          0          1       none          0/1          1 + 0/1  0/1
#
# pair      orders   first  last  position   rate  since last  rate since first
# 1, 100    1, 2: 2  1      2     (1+1)/2    2/2   2 - 2 = 0   2/(2-1+1)
# 1, 200    1:    1  1      1     2/1        1/2   2 - 1 = 1   1/(2-1+1)
# 1, 300    2:    1  2      2     2/1        1/2   2 - 2 = 0   1/(2-2+1)
#
# Labels: order 3 holds all three products.
WINDOW_1 = (
    "1,100,2,7,7.0,4,3,0.5,2,1,2,1.0,3,1,2,1,1,prior,13,3,2,10,30,"
    "0.5,1.5,0.3333333333333333,2.0,1.0,0,1.0,1\n"
    "1,200,2,7,7.0,4,3,0.5,1,1,1,2.0,1,0,1,0,1,prior,13,3,2,10,30,"
    "0.0,1.0,0.0,2.0,0.5,1,0.5,1\n"
    "1,300,2,7,7.0,4,3,0.5,1,2,2,2.0,1,0,1,0,1,prior,13,3,2,10,30,"
    "0.0,1.0,0.0,2.0,0.5,0,1.0,1\n"
)


# Days of shopper 1's orders: 0 and 7; the target follows after 30, and 30 over 7 is 4.2857.
# Shrunk, 1 and 100: the one other buyer did not buy it again: (0 + 20 * 1/4) / 21 = .2381 in
# the aisle, (0 + 8 * .2381) / 9 = .21164.
RICHER_1 = [
    # shopper 1, product 100
    (
        "7.0,0.0,7,0.0,0.0,2,1.0,0.5,0.0,2,8.5,0.0,"
        "1,1,0,1.0,,7.0,1.0,1.0,1.0,"
        "0.21164021164021163,0.5,0.5,7.0,1.3386243386243386,"
        "0,1,1,0,0,0,2,2,2,"
        "1.849999999627471,1.8681255336850882,1.0,1.0,"
        "1.0,1,7.0,7.0,7,1.0,0.0,"
        "0.0,1.0,0.5,0,0,0.75,"
        "23.0,0.0,1.0,30,4.285714285714286,0.0,1.0"
    ),
    # shopper 1, product 200
    (
        "7.0,0.0,7,0.0,0.0,2,1.0,0.5,0.0,2,8.5,0.0,"
        "2,2,0,2.0,,,0.0,0.0,1.0,"
        "0.25,0.5,0.5,7.0,1.4,"
        "7,0,1,0,0,0,1,1,0,"
        "0.849999999627471,0.8681255336850882,0.4594594593506124,0.4647040672757214,"
        ",,,,,,,"
        "0.0,1.0,0.25,1,0,0.25,"
        "23.0,0.0,1.0,37,,0.0,1.0"
    ),
    # shopper 1, product 300
    (
        "7.0,0.0,7,0.0,0.0,2,1.0,0.5,0.0,2,8.5,0.0,"
        "3,1,0,2.0,,,,,1.0,"
        "0.25,0.5,0.5,7.0,1.4,"
        "0,1,0,0,0,0,1,1,1,"
        "1.0,1.0,0.5405405406493876,0.5352959327242786,"
        ",,,,,,,"
        "0.0,1.0,0.25,0,0,0.75,"
        "23.0,0.0,1.0,30,,0.0,1.0"
    ),
]


def test_data_csv_of_the_tiny_shop(built_tiny_shop: Workspace, tmp_path: Path) -> None:
    workspace = export_copy(built_tiny_shop, tmp_path / "exported")
    assert_data_is(rounded(HEADER + joined(WINDOW_0, RICHER_0)), workspace)


def test_data_csv_of_the_tiny_shop_in_two_windows(tiny_raw: Path, tmp_path: Path) -> None:
    workspace = build_data(tmp_path / "workspace", tiny_raw, {"windows": 2})
    expected = HEADER + joined(WINDOW_0, RICHER_0) + joined(WINDOW_1, RICHER_1)
    assert_data_is(rounded(expected), workspace)


def joined(base: str, richer: list[str]) -> str:
    """Put the richer cells of each row before its last one, the label."""
    rows = [row.rpartition(",") for row in base.splitlines()]
    return "".join(
        f"{cells},{more},{label}\n" for (cells, _, label), more in zip(rows, richer, strict=True)
    )


def rounded(text: str) -> str:
    """Round the quotients, worked out in double precision, to the single precision of data.csv."""
    header, *rows = text.splitlines()
    names = header.split(",")

    def cells(row: str) -> list[str]:
        return [
            str(np.float32(cell)) if "." in cell and name not in DOUBLES else cell
            for name, cell in zip(names, row.split(","), strict=True)
        ]

    return "\n".join([header, *(",".join(cells(row)) for row in rows)]) + "\n"


def assert_data_is(expected: str, workspace: Workspace) -> None:
    """Compare data.csv, and the columns that contract.json gives, with the expected text."""
    # as lists first: of two lists pytest shows which line differs
    assert workspace.data.read_text(encoding="utf-8").splitlines() == expected.splitlines()
    assert workspace.data.read_bytes() == expected.encode()
    names = [column["name"] for column in contract_columns(workspace)]
    assert ",".join(names) == expected.splitlines()[0]
