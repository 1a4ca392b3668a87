"""Three simple predictors that need no training: what a model has to beat."""

import numpy as np
import polars as pl

from ml.data.data_csv import Candidates
from ml.data.history import history
from ml.data.users import user_parts
from ml.tasks.buy_again.parameters import DECAY


def history_scores(
    candidates: Candidates, targets: pl.DataFrame, baskets: pl.LazyFrame
) -> pl.DataFrame:
    """
    Score each candidate by the shopper's own orders before the target, and nothing else.

    Parameters
    ----------
    candidates
        Rows of one window, n of them.
    targets
        The orders to predict of that window (user_id, order_number).
    baskets
        Lines of every known order (user_id, order_number, product_id).

    Returns
    -------
    polars.DataFrame
        n rows in the order of the candidates: `in_last_basket` (0 or 1), `frequency` (share of the
        earlier orders that hold the product) and `recency` (sum of DECAY to the power of the number
        of orders after each purchase).

    """
    rows = pl.DataFrame({"user_id": candidates.user_id, "product_id": candidates.product_id})
    users = np.unique(targets["user_id"].to_numpy())
    # the rows of a window are sorted by shopper (read_candidates checks it), as the parts are
    return pl.concat(
        rows.filter(is_inside).join(
            _history_scores(targets.lazy().filter(is_inside), baskets.filter(is_inside)).collect(),
            on=["user_id", "product_id"],
            how="left",
            maintain_order="left",
        )
        for _some, is_inside in user_parts(users)
    )


def _history_scores(targets: pl.LazyFrame, baskets: pl.LazyFrame) -> pl.LazyFrame:
    return (
        history(targets, baskets)
        # sorted, so that the sums are added in one order and have the same bits in every run
        .sort("user_id", "product_id", "order_number")
        .group_by("user_id", "product_id", maintain_order=True)
        .agg(
            in_last_basket=(pl.col("orders_ago") == 0).any().cast(pl.Float64),
            frequency=pl.len() / (pl.col("target_order_number").first() - 1),
            recency=(DECAY ** pl.col("orders_ago")).sum(),
        )
    )
