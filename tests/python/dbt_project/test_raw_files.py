"""Raw files are read right in every form they come in, and shops without some orders are valid."""

import csv
import gzip
import io
import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.python.dbt_project.shop_builds import export_copy
from tests.python.dbt_runs import (
    BUILD_UNTESTED,
    Workspace,
    copy_project,
    dbt,
    export,
    make_workspace,
    query,
)
from tests.python.tiny_shop import FILES, write_tiny_shop

BOM = "\ufeff"
WORDS = [
    "Tofu", "Ölsardinen", "青りんご", "Хлеб", "جبن", "मसाला", "🥖", "Bread, Rye", '9" Loaf',
    '"Old" Cheese', "C:\\Jam", "\\", '\\"', "a;b", "tab\there", "it's", "100%", "#1", "--", "''",
    "NULL", "{{ curly }}", "50/50", "ﬁg",
]  # fmt: skip
BASKETS = "select * from '{}/baskets.parquet' order by all"
PRODUCTS = "select * from '{}/products.parquet' order by all"


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Give a folder with the tiny shop's raw files, to be changed."""
    folder = tmp_path / "raw"
    folder.mkdir()
    write_tiny_shop(folder)
    return folder


@pytest.fixture
def shop(raw: Path, tmp_path: Path) -> Workspace:
    """Give a workspace over those raw files."""
    return make_workspace(tmp_path / "workspace", raw)


def rewrite(text: str, *, backwards: bool = False, quoted: bool = False, end: str = "\n") -> str:
    """Write a CSV text another way: columns backwards, every field quoted, other line ends."""
    rows = [row[::-1] if backwards else row for row in csv.reader(io.StringIO(text))]
    out = io.StringIO()
    if quoted:
        csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator=end).writerows(rows)
    else:
        csv.writer(out, lineterminator=end).writerows(rows)
    return out.getvalue()


def test_names_arrive_as_a_csv_reader_reads_them(shop: Workspace) -> None:
    rng = random.Random(5)  # noqa: S311
    names = WORDS + [" ".join(rng.sample(WORDS, rng.randint(2, 4))) for _ in range(3_000)]
    with (shop.raw / "products.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["product_id", "product_name", "aisle_id", "department_id"])
        for product_id, name in enumerate(names, 1):
            # the shop writes a quote as \"" in a quoted field
            writer.writerow([product_id, name.replace('"', '\\"'), 1, 1])
    (shop.raw / "aisles.csv").write_text('aisle_id,aisle\n1,"a, \\""b\\"" 酒"\n', encoding="utf-8")
    dbt(shop, "run", "--select", "stg_products", "stg_aisles")

    with (shop.raw / "products.csv").open(encoding="utf-8", newline="") as file:
        expected = [
            (int(row["product_id"]), row["product_name"].replace('\\"', '"').strip())
            for row in csv.DictReader(file)
        ]
    found = query(shop, "select product_id, product_name from stg_products order by product_id")
    assert found == expected
    assert query(shop, "select aisle_id, aisle_name from stg_aisles") == [(1, 'a, "b" 酒')]


def test_other_forms_of_the_same_files_give_the_same_bytes(
    built_tiny_shop: Workspace, shop: Workspace, tmp_path: Path
) -> None:
    plain = replace(built_tiny_shop, lake=tmp_path / "plain")
    shutil.copytree(built_tiny_shop.lake, plain.lake)
    export(plain)

    forms = {
        "orders.csv": BOM + rewrite(FILES["orders.csv"], backwards=True, quoted=True, end="\r\n"),
        "order_products__train.csv": rewrite(FILES["order_products__train.csv"], backwards=True),
        "products.csv": BOM + rewrite(FILES["products.csv"], quoted=True),
        "aisles.csv": FILES["aisles.csv"].replace("\n", "\r\n").rstrip(),
        "departments.csv": FILES["departments.csv"] + "\n",  # a blank line at the end
        "order_products__prior.csv": BOM + FILES["order_products__prior.csv"],
    }
    for name, text in forms.items():
        assert text != FILES[name]
        (shop.raw / name).write_text(text, encoding="utf-8", newline="")
    for name in ("order_products__prior.csv", "products.csv"):
        with gzip.open(shop.raw / f"{name}.gz", "wb") as file:
            file.write((shop.raw / name).read_bytes())
        (shop.raw / name).unlink()
    dbt(shop, "build")
    export(shop)

    assert shop.data.read_bytes() == plain.data.read_bytes()
    for rows in (BASKETS, PRODUCTS):
        assert query(shop, rows.format(shop.lake)) == query(plain, rows.format(plain.lake))


def test_two_files_for_one_table_are_refused(shop: Workspace) -> None:
    with gzip.open(shop.raw / "orders.csv.gz", "wt") as file:
        file.write(FILES["orders.csv"])
    output = dbt(shop, "build", fails=True)
    both = f"{shop.raw / 'orders.csv'} and {shop.raw / 'orders.csv.gz'}"
    assert f"Two files for one raw table: {both}. Keep one of them." in output


@pytest.mark.parametrize(
    ("missing_orders", "train_lines", "expected"),
    [
        pytest.param(
            ["23,2,test,"],
            FILES["order_products__train.csv"],
            [(1, 100, 1), (1, 200, 0), (1, 300, 0), (3, 200, None)],
            id="no-test-orders",
        ),
        pytest.param(
            ["14,1,train,", "32,3,train,"],
            "order_id,product_id,add_to_cart_order,reordered\n",
            [(2, 100, None), (2, 400, None)],
            id="no-train-orders",
        ),
    ],
)
def test_shop_without_some_orders_is_valid(
    shop: Workspace,
    missing_orders: list[str],
    train_lines: str,
    expected: list[tuple[int, int, int | None]],
) -> None:
    orders = [
        line
        for line in FILES["orders.csv"].splitlines(keepends=True)
        if not line.startswith(tuple(missing_orders))
    ]
    (shop.raw / "orders.csv").write_text("".join(orders), encoding="utf-8")
    (shop.raw / "order_products__train.csv").write_text(train_lines, encoding="utf-8")
    dbt(shop, "build")
    export(shop)
    rows = query(shop, f"select user_id, product_id, reordered from read_csv('{shop.data}')")
    assert rows == expected


def test_folder_names_are_taken_as_they_are_written(
    tiny_raw: Path, tmp_path: Path, built_tiny_shop: Workspace
) -> None:
    # names that are also patterns, SQL, partitions and variables; other rows lie where they lead to
    raw = tmp_path / "user_id=7" / "week?[1]"
    shutil.copytree(tiny_raw, raw)
    shutil.copytree(tiny_raw, raw.with_name("week_1"))
    orders = raw.with_name("week_1") / "orders.csv"
    orders.write_text("".join(orders.read_text().splitlines(keepends=True)[:5]))
    shop = make_workspace(
        tmp_path / "the baker's [1] *#%41 é {b} $HOME",
        raw,
        copy_project(tmp_path / 'the "project\'s" [1]'),
    )
    dbt(shop, *BUILD_UNTESTED)
    # the generations of a table take turns
    dbt(shop, "build", "--exclude-resource-type", "unit_test")
    assert (shop.lake / "next_basket.candidates.b").exists()
    dbt(shop, "source", "freshness")
    export(shop)
    assert shop.data.read_bytes() == export_copy(built_tiny_shop, tmp_path).data.read_bytes()


def test_names_that_lead_elsewhere_are_refused(built_tiny_shop: Workspace, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()  # where a backslash would lead to
    refused = replace(built_tiny_shop, raw=Path("~/shop"), lake=make_lake(tmp_path / "lake"))
    output = dbt(refused, "run", "--select", "stg_aisles", fails=True)
    assert "RAW_DIR is '~/shop': it may not begin with ~" in output
    lake = make_lake(tmp_path / "orders_back=0" / "lake")
    output = dbt(replace(built_tiny_shop, lake=lake), "seed", fails=True)
    assert f"LAKE_DIR is '{lake}': DuckDB would take orders_back=0 for the values of" in output
    for name in ("~/lake", "#1/lake", "a?b", "a\\b"):
        folder = Path(name) if name[0] == "~" else make_lake(tmp_path / name)
        output = dbt(replace(built_tiny_shop, lake=folder), "debug", fails=True)
        assert "'LAKE_DIR without ~ at its beginning, # at that of a name" in output, name
        assert not (folder / "lake.duckdb").exists()
    assert not list((tmp_path / "a").iterdir())


def make_lake(folder: Path) -> Path:
    """Make a folder, and give it."""
    folder.mkdir(parents=True)
    return folder
