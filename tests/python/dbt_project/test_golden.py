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

from tests.python.dbt_project.shop_builds import build_data, contract_columns, export_copy
from tests.python.dbt_runs import Workspace

HEADER = (
    "user_id,product_id,"
    "user_orders,user_period,user_mean_days_since_prior,"
    "user_total_products,user_distinct_products,user_reorder_ratio,"
    "up_orders,up_first_order,up_last_order,up_average_cart_position,"
    "prod_orders,prod_reorders,prod_first_orders,prod_second_orders,"
    "orders_back,eval_set,order_id,"
    "order_number,order_dow,order_hour_of_day,days_since_prior_order,"
    "prod_reorder_probability,prod_reorder_times,prod_reorder_ratio,"
    "user_average_basket,"
    "up_order_rate,up_orders_since_last_order,up_order_rate_since_first_order,"
    "reordered\n"
)

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


def test_data_csv_of_the_tiny_shop(built_tiny_shop: Workspace, tmp_path: Path) -> None:
    workspace = export_copy(built_tiny_shop, tmp_path / "exported")
    assert_data_is(HEADER + WINDOW_0, workspace)


def test_data_csv_of_the_tiny_shop_in_two_windows(tiny_raw: Path, tmp_path: Path) -> None:
    workspace = build_data(tmp_path / "workspace", tiny_raw, {"windows": 2})
    assert_data_is(HEADER + WINDOW_0 + WINDOW_1, workspace)


def assert_data_is(expected: str, workspace: Workspace) -> None:
    """Compare data.csv, and the columns that contract.json gives, with the expected text."""
    # as lists first: of two lists pytest shows which line differs
    assert workspace.data.read_text(encoding="utf-8").splitlines() == expected.splitlines()
    assert workspace.data.read_bytes() == expected.encode()
    names = [column["name"] for column in contract_columns(workspace)]
    assert ",".join(names) == expected.splitlines()[0]
