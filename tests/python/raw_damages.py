"""
Bad raw files, one kind each: what is damaged, and what every reader of raw files must say to it.

One table for the build, the upload and the profile: what one of them refuses, no other may call
good.
"""

import gzip
from dataclasses import dataclass
from pathlib import Path

from tests.python.tiny_shop import FILES

ORDERS = "orders.csv"
PRIOR = "order_products__prior.csv"
TRAIN = "order_products__train.csv"
PRODUCTS = "products.csv"
AISLES = "aisles.csv"
DEPARTMENTS = "departments.csv"
MARTS = ("target_orders", "up_features", "user_features", "prd_features", "candidates")


@dataclass(frozen=True)
class Damage:
    """
    One kind of bad input.

    Attributes
    ----------
    edits
        File, the text in it to replace, and by what; a lone surrogate stands for a byte.
    messages
        What `dbt build` must say; it builds if there is none.
    built
        Marts that do not depend on what is damaged, or that show it.
    upload
        What `glue upload` must say; it uploads if there is none, for values are the build's part.
    repeated_keys
        What `glue profile` counts as repeated, for what the tests of the staging models refuse.
    is_packed
        Whether the files are gzipped after that.

    """

    edits: tuple[tuple[str, str, str], ...]
    messages: tuple[str, ...]
    built: tuple[str, ...] = ()
    upload: tuple[str, ...] = ()
    repeated_keys: tuple[str, ...] = ()
    is_packed: bool = False


def damage_files(folder: Path, damage: Damage) -> None:
    """Damage the tiny shop's raw files in a folder."""
    for name, old, new in damage.edits:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text, f"{name} does not hold {old!r}"
        changed = text.replace(old, new).encode(errors="surrogateescape")
        (folder / name).write_bytes(changed)
        if damage.is_packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(changed))
            (folder / name).unlink()


def told_alike(edits: tuple[tuple[str, str, str], ...], told: str) -> Damage:
    """Make a damage of which `dbt build` and `glue upload` must say the same."""
    return Damage(edits, (told,), upload=(told,))


# files that cannot be read: nothing is built of them, nothing is uploaded
UNREADABLE_FILES = {
    "missing-column": told_alike(
        ((AISLES, "aisle_id,aisle", "aisle_id,name"),),
        "aisles.csv has no column aisle: its header is aisle_id,name, expected aisle_id,aisle.",
    ),
    "wrong-header": told_alike(
        ((ORDERS, FILES[ORDERS].splitlines()[0], "id,shopper,set,number,dow,hour,days"),),
        (
            "orders.csv has no column order_id, user_id, eval_set, order_number, order_dow,"
            " order_hour_of_day, days_since_prior_order: its header is"
            " id,shopper,set,number,dow,hour,days, expected order_id,"
        ),
    ),
    # names are compared as written, and what was meant is said
    "names-in-another-case": told_alike(
        ((AISLES, "aisle_id,aisle", "Aisle ID, aisle"),),
        (
            "aisles.csv has no column aisle_id, aisle: its header is Aisle ID, aisle, expected"
            " aisle_id,aisle. Names are compared as written: write aisle_id for 'Aisle ID', aisle"
            " for ' aisle'."
        ),
    ),
    "header-ends-with-a-comma": told_alike(
        ((AISLES, "aisle_id,aisle\n", "aisle_id,aisle,\n"),),
        (
            "aisles.csv has 3 fields in its header and 2 in its first row: write a field for each"
            " column in every line. The header ends with a comma."
        ),
    ),
    "rows-end-with-a-comma": told_alike(
        ((PRIOR, "0\n", "0,\n"), (PRIOR, "1\n", "1,\n")),
        (
            "order_products__prior.csv has 4 fields in its header and 5 in its first row: write a"
            " field for each column in every line. The row ends with a comma."
        ),
    ),
    "column-twice": told_alike(
        ((AISLES, "aisle_id,aisle", "aisle_id,aisle,aisle"), (AISLES, "2,bread", "2,bread,bread")),
        "aisles.csv names a column twice: its header is aisle_id,aisle,aisle.",
    ),
    "semicolons": told_alike(
        ((ORDERS, ",", ";"),),
        (
            "orders.csv is separated by semicolons, not by commas: write it with commas, with the"
            " header order_id,user_id,eval_set,"
        ),
    ),
    "tabs": told_alike(
        ((PRIOR, ",", "\t"),),
        (
            "order_products__prior.csv is separated by tabs, not by commas: write it with commas,"
            " with the header order_id,product_id,add_to_cart_order,reordered."
        ),
    ),
    "zero-bytes": told_alike(
        ((PRODUCTS, FILES[PRODUCTS], ""),), "products.csv is empty: it has no header."
    ),
    "blank-header": told_alike(
        ((PRODUCTS, FILES[PRODUCTS], " \n"),), "products.csv is empty: it has no header."
    ),
    "header-only": told_alike(
        ((ORDERS, FILES[ORDERS].partition("\n")[2], ""),),
        "orders.csv is empty: it has a header and no rows.",
    ),
    "not-text": Damage(
        ((PRODUCTS, FILES[PRODUCTS], "\udcff\udcfe\n1\n"),),
        ("products.csv",),
        upload=("products.csv is not UTF-8 text",),
    ),
    "too-few-fields": Damage(
        ((PRIOR, "12,100,1,1", "12,100,1"),),
        ("order_products__prior.csv", "Line: 4", "Expected Number of Columns: 4 Found: 3"),
        upload=("order_products__prior.csv, line 4 has fewer fields than its header",),
    ),
    "comma-in-a-name": Damage(
        ((AISLES, "3,desserts\n", "3,desserts\n4,cheese\n5,Herbs, fresh\n6,tea\n"),),
        ("aisles.csv", "Line: 6", "Expected Number of Columns: 2 Found: 3"),
        upload=("aisles.csv, line 6 has more fields than its header",),
    ),
    "no-department": Damage(
        ((PRODUCTS, "300,Crème Brûlée,3,1", "300,Crème Brûlée,3"),),
        ("products.csv", "Line: 4", "Expected Number of Columns: 4 Found: 3"),
        upload=("products.csv, line 4 has fewer fields than its header",),
    ),
    "longer-line-of-a-packed-file": Damage(
        ((PRIOR, "12,300,2,0", "12,300,2,0,0"),),
        ("order_products__prior.csv.gz", "Line: 5", "Expected Number of Columns: 4 Found: 5"),
        upload=("order_products__prior.csv.gz, line 5 has more fields than its header",),
        is_packed=True,
    ),
    "longer-and-shorter-line": Damage(
        ((ORDERS, "12,1,prior,2,", "12,1,prior,2,2,"), (ORDERS, "13,1,prior,3,", "13,1,prior,")),
        ("orders.csv", "Line: 3", "Expected Number of Columns: 7 Found: 8"),
        upload=("orders.csv, line 3 has more fields than its header",),
    ),
    "text-after-a-quote": Damage(
        ((AISLES, "2,bread", '2,"bread"s'),),
        ("aisles.csv", "Line: 3"),
        upload=("aisles.csv, line 3 cannot be read: a quote is not closed or stands amid a field",),
    ),
    "quote-that-is-not-closed": Damage(
        ((AISLES, "2,bread", '2,"bread'),),
        ("aisles.csv", "Line: 3"),
        upload=("aisles.csv, line 3 cannot be read: a quote is not closed",),
    ),
    "two-kinds-of-line-ends": Damage(
        ((AISLES, "1,milk alternatives\n", "1,milk alternatives\r\n"),),
        ("aisles.csv",),
        upload=("aisles.csv cannot be read", "a line ends in another way than the first"),
    ),
}

# what the build reads right on the local target, and Athena's reader loses in any form
UNREADABLE_ON_ATHENA = {
    "line-break-in-a-name": Damage(
        ((AISLES, "2,bread", '2,"bread\nand cake"'),),
        (),
        upload=("aisles.csv: aisle holds a line break or a control character in 1 row",),
    ),
    "carriage-return-in-a-name": Damage(
        ((PRODUCTS, "100,Oat Drink,", '100,"Oat\rDrink",'),),
        (),
        upload=("products.csv: product_name holds a line break or a control character in 1 row",),
    ),
    "escape-character-of-the-serde": Damage(
        ((DEPARTMENTS, "bakery", "ba\x01kery"),),
        (),
        upload=("departments.csv: department holds a line break or a control character in 1 row",),
    ),
}

KEY = "a whole number without zeros in front, up to 9223372036854775807"

# each sentence stands in one message per file, so one build shows a damage of every column
BAD_VALUES = {
    "not-a-number-in-orders": Damage(
        (
            (ORDERS, "11,1,prior,1,0,08,\n", "abc,1,prior,1,0,08,\n"),
            (ORDERS, "12,1,prior,2,1,09,7.0", "abd,abc,Prior,abc,abc,abc,abc"),
            (ORDERS, "13,1,prior,3,2,10,30.0", "13,1,prior,3,abc,10,abc"),
            (ORDERS, "21,2,prior,1,4,12,\n", "21,2,,1,4,12,\n"),
        ),
        (
            (
                f"raw.orders: order_id is not {KEY} in 2 rows, for example 'abc'."
                f" user_id is not {KEY} in 1 row, for example 'abc'."
                " order_number is not a whole number from 1 to 99999 in 1 row, for example 'abc'."
                " order_dow is not a whole number from 0 to 6 in 2 rows, for example 'abc'."
                " order_hour_of_day is not a whole number from 0 to 23 in 1 row, for example 'abc'."
                " days_since_prior_order is not empty or whole days from 0 to 9999 in 2 rows,"
                " for example 'abc'."
                " eval_set is not one of prior, train, test in 2 rows, for example an empty field."
            ),
        ),
    ),
    "numbers-that-do-not-belong-in-orders": Damage(
        (
            (ORDERS, "11,1,prior,1,0,08,\n", "1.5,,prior,-1,0,08,\n"),
            (ORDERS, "12,1,prior,2,1,09,7.0", "12,1,prior,2,1e0, 9,7.5"),
            (ORDERS, "13,1,prior,3,2,10,30.0", "13,1,prior,3,2,10,-30.0"),
            (ORDERS, "22,2,prior,2,5,13,14.0", "22,2,prior,2,5,13,nan"),
        ),
        (
            (
                f"raw.orders: order_id is not {KEY} in 1 row, for example '1.5'."
                f" user_id is not {KEY} in 1 row, for example an empty field."
                " order_number is not a whole number from 1 to 99999 in 1 row, for example '-1'."
                " order_dow is not a whole number from 0 to 6 in 1 row, for example '1e0'."
                " order_hour_of_day is not a whole number from 0 to 23 in 1 row, for example ' 9'."
                " days_since_prior_order is not empty or whole days from 0 to 9999 in 3 rows,"
                " for example '-30.0'."
            ),
        ),
    ),
    "unknown-eval-set": Damage(
        ((ORDERS, "12,1,prior,", "12,1,Prior,"),),
        ("raw.orders: eval_set is not one of prior, train, test in 1 row, for example 'Prior'.",),
    ),
    # the shop's own tables hold 0012, and 12 is not in them; an hour is 08
    "keys-that-would-be-written-back-in-another-form": Damage(
        (
            (ORDERS, "12,1,prior,2,1,09,7.0", "0012,1,prior,02,001,0009,07.0"),
            (ORDERS, "13,1,", "-0,01,"),
            (PRIOR, "12,100,1,1", "0012,100,01,1"),
            (PRIOR, "11,200,2,0", " 11,200 ,2,0"),
            (TRAIN, "14,400,2,0", "+14,0400,2,0"),
            (PRODUCTS, "300,Crème Brûlée,3,1", "300,Crème Brûlée,03,+1"),
            (AISLES, "3,desserts", "03,desserts"),
            (DEPARTMENTS, "1,dairy\n2,", "00,dairy\n1 ,"),
        ),
        (
            (
                f"raw.orders: order_id is not {KEY} in 2 rows, for example '-0'."
                f" user_id is not {KEY} in 1 row, for example '01'."
            ),
            (
                f"raw.order_products__prior: order_id is not {KEY} in 2 rows, for example ' 11'."
                f" product_id is not {KEY} in 1 row, for example '200 '."
            ),
            (
                f"raw.order_products__train: order_id is not {KEY} in 1 row, for example '+14'."
                f" product_id is not {KEY} in 1 row, for example '0400'."
            ),
            (
                f"raw.products: aisle_id is not {KEY} in 1 row, for example '03'."
                f" department_id is not {KEY} in 1 row, for example '+1'."
            ),
            f"raw.aisles: aisle_id is not {KEY} in 1 row, for example '03'.",
            f"raw.departments: department_id is not {KEY} in 2 rows, for example '00'.",
        ),
    ),
    # the highest that are allowed stand beside them
    "numbers-out-of-range": Damage(
        (
            (ORDERS, "11,1,prior,1,0,08,\n", "9223372036854775808,1,prior,0,7,24,\n"),
            (ORDERS, "12,1,prior,2,1,09,7.0", "12,1,prior,100000,9,99,10000"),
            (ORDERS, "13,1,prior,3,2,10,30.0", "13,1,prior,99999999999,6,23,3000000000.0"),
            (ORDERS, "22,2,prior,2,", "9223372036854775807,12345678901234567890,prior,99999,"),
            (ORDERS, "23,2,test,3,6,14,3.0", "23,2,test,3,6,14,9999.0"),
            (PRIOR, "11,100,1,0\n11,200,2,0", '11,100,0,0\n11,2"00,3000000000,0'),
            (TRAIN, "14,100,1,1\n14,400,2,0", "14,100,100000,1\n14,400,99999,0"),
            (PRODUCTS, "300,Crème Brûlée,3,1", "300,Crème Brûlée,3,99999999999999999999"),
        ),
        (
            (
                f"raw.orders: order_id is not {KEY} in 1 row, for example '9223372036854775808'."
                f" user_id is not {KEY} in 1 row, for example '12345678901234567890'."
                " order_number is not a whole number from 1 to 99999 in 3 rows, for example '0'."
                " order_dow is not a whole number from 0 to 6 in 2 rows, for example '7'."
                " order_hour_of_day is not a whole number from 0 to 23 in 2 rows, for example '24'."
                " days_since_prior_order is not empty or whole days from 0 to 9999 in 2 rows,"
                " for example '10000'."
            ),
            (
                f"raw.order_products__prior: product_id is not {KEY} in 1 row, for example '2\"00'."
                " add_to_cart_order is not a whole number from 1 to 99999 in 2 rows,"
                " for example '0'."
            ),
            (
                "raw.order_products__train: add_to_cart_order is not a whole number from 1 to 99999"
                " in 1 row, for example '100000'."
            ),
            (
                f"raw.products: department_id is not {KEY} in 1 row,"
                " for example '99999999999999999999'."
            ),
        ),
    ),
    "bad-values-in-the-other-files": Damage(
        (
            (PRIOR, "11,200,2,0", "11,,abc,2"),
            (TRAIN, "14,400,2,0", "1_4,4e2,-2,"),
            (PRODUCTS, "100,Oat Drink,1,1", ",Oat Drink,0x1, 1"),
            (AISLES, "2,bread", "+2,bread"),
            (DEPARTMENTS, "1,dairy", "1.0,dairy"),
        ),
        (
            (
                f"raw.order_products__prior: product_id is not {KEY} in 1 row,"
                " for example an empty field."
                " add_to_cart_order is not a whole number from 1 to 99999 in 1 row,"
                " for example 'abc'."
                " reordered is not one of 0, 1 in 1 row, for example '2'."
            ),
            (
                f"raw.order_products__train: order_id is not {KEY} in 1 row,"
                " for example '1_4'."
                f" product_id is not {KEY} in 1 row, for example '4e2'."
                " add_to_cart_order is not a whole number from 1 to 99999 in 1 row,"
                " for example '-2'."
                " reordered is not one of 0, 1 in 1 row, for example an empty field."
            ),
            (
                f"raw.products: product_id is not {KEY} in 1 row,"
                " for example an empty field."
                f" aisle_id is not {KEY} in 1 row, for example '0x1'."
                f" department_id is not {KEY} in 1 row, for example ' 1'."
            ),
            f"raw.aisles: aisle_id is not {KEY} in 1 row, for example '+2'.",
            f"raw.departments: department_id is not {KEY} in 1 row, for example '1.0'.",
        ),
        built=("target_orders",),
    ),
}

# dbt prints `FAIL <count> <test>`, and the name of a test names model and column
BAD_ROWS = {
    "duplicate-order": Damage(
        ((ORDERS, "32,3,train,", "31,3,train,"),),
        ("FAIL 1 unique_stg_orders_order_id",),
        repeated_keys=("orders: order_id 1",),
    ),
    "duplicate-order-number": Damage(
        ((ORDERS, "13,1,prior,3,", "13,1,prior,2,"),),
        ("FAIL 1 unique_key_stg_orders_user_id__order_number",),
        repeated_keys=("orders: user_id, order_number 1",),
    ),
    "duplicate-line": Damage(
        ((PRIOR, "11,200,2,0\n", "11,200,2,0\n11,200,3,0\n"),),
        ("FAIL 1 unique_key_stg_order_products_order_id__product_id",),
        built=("target_orders",),
        repeated_keys=("order_products__prior: order_id, product_id 1",),
    ),
    "duplicate-product-and-unknown-aisle": Damage(
        (
            (PRODUCTS, "100,Oat Drink,1,1\n", "100,Oat Drink,1,1\n100,Oat Milk,1,1\n"),
            (PRODUCTS, 'Loaf",2,2', 'Loaf",77,78'),
        ),
        (
            "FAIL 1 unique_stg_products_product_id",
            "FAIL 1 relationships_stg_products_aisle_id__aisle_id__ref_stg_aisles_",
            "FAIL 1 relationships_stg_products_department_id__department_id__ref_stg_departments_",
        ),
        built=("target_orders",),
        repeated_keys=("products: product_id 1",),
    ),
    "line-without-order": Damage(
        ((PRIOR, "11,200,2,0\n", "11,200,2,0\n98,200,1,0\n99,200,1,0\n"),),
        ("FAIL 2 foreign_key_stg_order_products_order_id__eval_set__ref_stg_orders_",),
        built=("target_orders",),
    ),
    "line-without-product": Damage(
        ((PRIOR, "11,200,2,0\n", "11,200,2,0\n11,999,3,0\n"),),
        ("FAIL 1 relationships_stg_order_products_product_id__product_id__ref_stg_products_",),
        built=("target_orders",),
    ),
    "prior-line-of-a-train-order": Damage(
        ((PRIOR, "11,200,2,0\n", "11,200,2,0\n14,300,3,1\n"),),
        ("FAIL 1 foreign_key_stg_order_products_order_id__eval_set__ref_stg_orders_",),
        built=("target_orders",),
    ),
    "two-orders-to-predict": Damage(
        ((ORDERS, "22,2,prior,", "22,2,test,"),),
        ("FAIL 1 stg_orders_eval_set_marks_one_order_to_predict_the_last",),
    ),
    "order-to-predict-is-not-the-last": Damage(
        ((ORDERS, "23,2,test,3,6,14,3.0\n", "23,2,test,3,6,14,3.0\n24,2,prior,4,0,15,1.0\n"),),
        ("FAIL 1 stg_orders_eval_set_marks_one_order_to_predict_the_last",),
    ),
    "gap-in-order-numbers": Damage(
        ((ORDERS, "14,1,train,4,", "14,1,train,5,"),),
        ("FAIL 1 stg_orders_order_number_has_no_gap",),
    ),
    "interval-on-a-first-order-and-none-later": Damage(
        (
            (ORDERS, "11,1,prior,1,0,08,\n", "11,1,prior,1,0,08,3.0\n"),
            (ORDERS, "22,2,prior,2,5,13,14.0", "22,2,prior,2,5,13,"),
        ),
        ("FAIL 2 stg_orders_days_since_prior_order_is_null_in_first_order_only",),
    ),
    "reordered-1-at-a-first-purchase-and-0-at-a-repeat": Damage(
        ((PRIOR, "11,200,2,0", "11,200,2,1"), (PRIOR, "22,100,2,1", "22,100,2,0")),
        (
            "FAIL 2 stg_order_products_reordered_agrees_with_history",
            "FAIL 2 up_reorders_are_lines_less_the_first",
        ),
        built=("target_orders", "up_features"),
    ),
    "two-wrong-reordered-that-cancel-out": Damage(
        ((PRIOR, "11,100,1,0", "11,100,1,1"), (PRIOR, "12,100,1,1", "12,100,1,0")),
        ("FAIL 1 stg_order_products_reordered_agrees_with_history",),
        built=("target_orders", "up_features"),
    ),
    # found when all marts are there: whether a line of the basket is a repeat is no feature
    "wrong-reordered-in-a-train-basket": Damage(
        ((TRAIN, "14,100,1,1", "14,100,1,0"), (TRAIN, "14,400,2,0", "14,400,2,1")),
        ("FAIL 2 stg_order_products_reordered_agrees_with_history_in_targets",),
        built=MARTS,
    ),
}
