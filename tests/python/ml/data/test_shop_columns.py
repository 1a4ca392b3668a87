"""What goes with ids in predictions: texts and times, as far as the shop has them."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import polars as pl
from click.testing import Result

from ml.data.shop_columns import hashed_key
from tests.python.ml.invented_shop import with_texts_and_times


def test_predictions_name_shoppers_and_products_as_the_shop_does(
    own_shop: Path, trained: Path, tmp_path: Path, ml: Callable[..., Result]
) -> None:
    command = ("predict", "--run", trained, "--data", own_shop, "--out")
    assert ml(*command, tmp_path / "before").exit_code == 0
    with_texts_and_times(own_shop)
    result = ml(*command, tmp_path / "after")
    assert result.exit_code == 0, result.output
    for name in ("scores", "cold_start"):
        before = pl.read_parquet(tmp_path / "before" / f"{name}.parquet")
        after = pl.read_parquet(tmp_path / "after" / f"{name}.parquet")
        assert after.select(before.columns).equals(before), name
        more = [c for c in after.columns if c not in before.columns]
        assert set(more) == {
            "user_code",
            "last_ordered_at",
            "days_since_last_order",
            "product_code",
        }
        assert after.select((pl.col("user_code") == pl.format("ann {}", "user_id")).all()).item()
        assert after.select((pl.col("days_since_last_order") == pl.col("user_id") % 7).all()).item()
        wanted = pl.format("5% off {}", "product_id")
        assert after.select((pl.col("product_code") == wanted).all()).item()
    whole = pl.read_csv(tmp_path / "before/submission.csv", infer_schema=False)
    texts = pl.read_csv(tmp_path / "after/submission.csv", infer_schema=False)
    assert texts.columns == ["user_code", "products"]
    read_back = texts["products"].str.replace_all("5%25%20off%20", "")
    assert read_back.equals(whole["products"], check_names=False)


def test_a_key_is_the_first_bits_of_the_texts_md5() -> None:
    digits = hashlib.md5("åsa@x.se".encode(), usedforsecurity=False).digest()
    assert hashed_key("åsa@x.se") == int.from_bytes(digits[:7], "big") >> 4
