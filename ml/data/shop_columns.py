"""What a shop adds to predictions: its own ids where they are text, and the last order's time."""

import hashlib
from dataclasses import dataclass

import polars as pl

from ml.data.reading import DataFolder


@dataclass(frozen=True)
class ShopColumns:
    """
    Columns that go with ids in whatever leaves; none of a shop of whole ids without times.

    Attributes
    ----------
    shoppers
        user_id, and as far as the shop has them user_code (the id as it came), last_ordered_at and
        days_since_last_order (as of the newest load).
    products
        product_id, and product_code (the id as it came) if the shop's ids are text.

    """

    shoppers: pl.DataFrame
    products: pl.DataFrame

    @property
    def has_text_ids(self) -> bool:
        """Tell whether the shop's ids are text, so that its keys are worked out of them."""
        return "product_code" in self.products.columns

    @property
    def schema(self) -> pl.Schema:
        """Names and types of the columns that are added to rows of a shopper and a product."""
        frames = (self.shoppers.drop("user_id"), self.products.drop("product_id"))
        return pl.Schema([column for frame in frames for column in frame.schema.items()])

    def added_to(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Add what is known of each row's user_id and product_id, as far as it has them."""
        for frame in (self.shoppers, self.products):
            key = frame.columns[0]
            if frame.width > 1 and key in rows.columns:
                rows = rows.join(frame, on=key, how="left", maintain_order="left")
        return rows


def shop_columns(data: DataFolder) -> ShopColumns:
    """
    Read the columns of a shop.

    Raises
    ------
    click.ClickException
        If an exported table cannot be read.

    """
    return ShopColumns(
        _without_empty(data.table("shoppers").collect()),
        _without_empty(data.table("products").select("product_id", "product_code").collect()),
    )


def _without_empty(frame: pl.DataFrame) -> pl.DataFrame:
    """Leave out columns, but the first, that hold nothing but nulls."""
    return frame.select(
        frame.columns[0],
        *(name for name in frame.columns[1:] if frame[name].null_count() < frame.height),
    )


def hashed_key(text: str) -> int:
    """Give the key of a shopper or product with this id, as macros/order_lines.sql does."""
    return int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:13], 16)
