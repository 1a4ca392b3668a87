"""From scored candidates to the list a shopper sees, with a reason for each product."""

from collections.abc import Collection

import polars as pl

from ml.data.reading import shown_name
from ml.tasks.discovery import parameters

RECOMMENDATIONS = pl.Schema(
    {
        "user_id": pl.Int64,
        "rank": pl.Int32,
        "product_id": pl.Int64,
        "score": pl.Float64,
        "reason": pl.String,
    }
)


def recommend(  # noqa: PLR0913 - what a list depends on
    scored: pl.DataFrame,
    *,
    departments: Collection[int] = (),
    in_cart: pl.DataFrame | None = None,
    explore: float = 0.0,
    most_per_aisle: int = parameters.MOST_PER_AISLE,
    count: int = parameters.LISTED,
) -> pl.DataFrame:
    """
    Rank each shopper's candidates and keep the first ones.

    With `explore` above 0 a score counts 1 / place ** explore in the place that the product has
    among the shopper's of its aisle, so that another aisle's turn comes (diminishing returns of a
    category, Agrawal et al., Diversifying Search Results, WSDM 2009: as a product has one aisle,
    their greedy choice is a sort); and 1 / (share of buyers) ** (RARITY * explore), so that rarer
    products come forward (Steck, Item Popularity and Recommendation Accuracy, RecSys 2011).

    Parameters
    ----------
    scored
        Candidates: user_id, product_id, aisle_id, department_id, prod_buyer_share, score, and any
        other columns.
    departments
        Keep only products of these departments; none given keeps all.
    in_cart
        user_id, product_id: what lies in the shoppers' carts already and is left out.
    explore
        0 ranks by score; the more, up to 1, the more aisles and the rarer products are shown.
    most_per_aisle
        So many products of one aisle at most: the list then shows more of the shop.
    count
        Products per shopper at most.

    Returns
    -------
    polars.DataFrame
        The kept rows with `rank` from 1, sorted by user_id and rank; among equal ones the lower
        product_id comes first.

    """
    kept = scored
    if departments:
        kept = kept.filter(pl.col("department_id").is_in(list(departments)))
    if in_cart is not None:
        kept = kept.join(in_cart, on=["user_id", "product_id"], how="anti")
    kept = kept.sort("user_id", "score", "product_id", descending=[False, True, False])
    in_aisle = pl.int_range(1, pl.len() + 1).over("user_id", "aisle_id")
    kept = kept.with_columns(in_aisle=in_aisle).filter(pl.col("in_aisle") <= most_per_aisle)
    if explore:
        discount = pl.col("in_aisle") * pl.col("prod_buyer_share") ** parameters.RARITY
        kept = kept.sort(
            "user_id",
            pl.col("score") / discount**explore,
            "product_id",
            descending=[False, True, False],
        )
    return (
        kept.drop("in_aisle")
        .with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("user_id"))
        .filter(pl.col("rank") <= count)
    )


def with_reasons(listed: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """
    Say why each product is listed: by the source that ranks it highest.

    Parameters
    ----------
    listed
        Rows of `recommend` with the columns of a chunk's frame.
    names
        product_id, product_name, aisle_id, aisle_name.

    Returns
    -------
    polars.DataFrame
        The same rows with `reason`.

    """
    aisles = names.select("aisle_id", shown_name("aisle_name", "aisle", "aisle_id")).unique()
    others = names.select(
        together_with_product_id="product_id",
        together_with=shown_name("product_name", "product", "product_id"),
    )
    none = pl.lit(10**6)
    together = pl.col("together_rank").cast(pl.Int64).fill_null(none)
    similar = pl.col("neighbour_rank").cast(pl.Int64).fill_null(none)
    recent = pl.col("recent_rank").cast(pl.Int64).fill_null(none)
    # an aisle that the shopper rarely visits is no reason
    aisle = (
        pl.when(pl.col("aisle_place") <= 5)  # noqa: PLR2004
        .then(pl.col("aisle_rank").cast(pl.Int64))
        .fill_null(none)
    )
    popular = pl.col("popularity_rank").cast(pl.Int64).fill_null(none)
    best = pl.min_horizontal(together, similar, recent, aisle, popular)
    return (
        listed.join(aisles, on="aisle_id", how="left", maintain_order="left")
        .join(others, on="together_with_product_id", how="left", maintain_order="left")
        .with_columns(
            reason=pl.when(together == best)
            .then(pl.format("with {}, which you buy often", "together_with"))
            .when(similar == best)
            .then(pl.lit("bought by shoppers with baskets like yours"))
            .when(recent == best)
            .then(pl.lit("bought lately by shoppers with baskets like yours"))
            .when(aisle == best)
            .then(pl.format("a favourite in {}, where you shop often", "aisle_name"))
            .otherwise(pl.lit("popular in the shop"))
        )
    )
