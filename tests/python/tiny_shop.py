"""A shop small enough to work out every number by hand. Everything in it is invented."""

from pathlib import Path

# shopper 1: three prior orders, then a train order
# shopper 2: two prior orders, then a test order
# shopper 3: one prior order, then a train order without any line: its basket is not known
FILES = {
    "orders.csv": """\
order_id,user_id,eval_set,order_number,order_dow,order_hour_of_day,days_since_prior_order
11,1,prior,1,0,08,
12,1,prior,2,1,09,7.0
13,1,prior,3,2,10,30.0
14,1,train,4,3,11,5.0
21,2,prior,1,4,12,
22,2,prior,2,5,13,14.0
23,2,test,3,6,14,3.0
31,3,prior,1,0,15,
32,3,train,2,1,16,8.0
""",
    "order_products__prior.csv": """\
order_id,product_id,add_to_cart_order,reordered
11,100,1,0
11,200,2,0
12,100,1,1
12,300,2,0
13,300,1,1
13,100,2,1
13,200,3,1
21,100,1,0
22,100,2,1
22,400,1,0
31,200,1,0
""",
    "order_products__train.csv": """\
order_id,product_id,add_to_cart_order,reordered
14,100,1,1
14,400,2,0
""",
    "products.csv": r"""product_id,product_name,aisle_id,department_id
100,Oat Drink,1,1
200,"Bread, Rye, 9\"" Loaf",2,2
300,Crème Brûlée,3,1
400,"C:\Cheese \""Old\""",3,1
""",
    "aisles.csv": """\
aisle_id,aisle
1,milk alternatives
2,bread
3,desserts
""",
    "departments.csv": """\
department_id,department
1,dairy
2,bakery
""",
}


def write_tiny_shop(folder: Path) -> None:
    """Write the six raw files into `folder`."""
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")


def write_uneven_shop(folder: Path, *, backwards: bool = False) -> None:
    """
    Write the tiny shop with what is rare, and right all the same.

    Shoppers 4 and 5 have a single order, which is the one to predict; aisle 2 holds products of
    both departments; two products are in one place of order 13's cart, and of order 41's.

    Parameters
    ----------
    folder
        Where the six files go.
    backwards
        Whether the rows of each file come in the opposite order.

    """
    files = FILES | {
        "orders.csv": FILES["orders.csv"] + "41,4,train,1,2,10,\n51,5,test,1,3,12,\n",
        "order_products__train.csv": (
            FILES["order_products__train.csv"] + "41,400,1,0\n41,100,1,0\n"
        ),
        "order_products__prior.csv": FILES["order_products__prior.csv"].replace(
            "13,100,2,1", "13,100,1,1"
        ),
        "products.csv": FILES["products.csv"].replace("Brûlée,3,1", "Brûlée,2,1"),
    }
    for name, text in files.items():
        header, *rows = text.splitlines(keepends=True)
        written = header + "".join(rows[::-1] if backwards else rows)
        (folder / name).write_text(written, encoding="utf-8")
