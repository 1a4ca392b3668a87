"""Some users at a time, so that the lines of a whole shop are never in memory."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from ml.data.arrays import Integers

USERS_AT_ONCE = 25_000
"""Users whose order lines are read at a time: about 4 million lines."""


def user_parts(users: Integers) -> Iterator[tuple[Integers, pl.Expr]]:
    """
    Split users, int64 [m], rising, into parts whose order lines fit into memory.

    Yields
    ------
    int64 array
        Some of the users.
    polars.Expr
        That a row's user_id lies in their range; in a sorted table it skips the others unread.

    """
    for some in np.array_split(users, -(-len(users) // USERS_AT_ONCE) or 1):
        if len(some):
            yield some, pl.col("user_id").is_between(some[0], some[-1])


def of_users(users: Integers) -> pl.Expr:
    """Keep the rows of some users, rising; the range lets a sorted file skip its other parts."""
    if not len(users):
        return pl.lit(value=False)
    in_range = pl.col("user_id").is_between(users[0], users[-1])
    return in_range & pl.col("user_id").is_in(users)
