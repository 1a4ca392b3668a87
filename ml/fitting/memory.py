"""How much of the data fits into the memory that a training may use."""

import click
import numpy as np
from pydantic import ByteSize, TypeAdapter, ValidationError

from ml.data.data_csv import Candidates
from ml.tools.progress import say

_PROCESS = 600_000_000  # Python, its packages, and the values of the rows being read
_BYTES_PER_ROW = 120  # keys, label, fold, gradients and scores of one labelled row


def windows_that_fit(rows: Candidates, features: int, memory: int) -> Candidates:
    """
    Leave out the oldest windows until the rest can be trained on in the memory that is allowed.

    The peak is in a fit: one byte for each binned cell, nearly as much again for the rows of the
    fold, and the rest of a row.

    Parameters
    ----------
    rows
        Labelled rows.
    features
        How many features each of them has.
    memory
        Bytes allowed.

    Raises
    ------
    click.ClickException
        If not even the newest window with labels fits.

    """
    per_row = 2 * features + _BYTES_PER_ROW
    windows, counts = np.unique(rows.orders_back, return_counts=True)
    needed = _PROCESS + np.cumsum(counts) * per_row
    fitting = int((needed <= memory).sum())
    if fitting == len(windows):
        return rows
    if not fitting:
        raise click.ClickException(
            f"training on the newest window alone needs about {needed[0] / 1e9:.1f} GB, and"
            f" --memory allows {memory / 1e9:.1f} GB: allow more, or train on fewer shoppers."
        )
    say(
        f"all {len(windows)} windows need about {needed[-1] / 1e9:.1f} GB, and --memory allows"
        f" {memory / 1e9:.1f} GB: the newest {fitting} are used"
    )
    return rows.where(rows.orders_back <= windows[fitting - 1])


def parse_memory(text: str) -> int:
    """
    Read an amount such as 4GB or 800MB, in bytes.

    Raises
    ------
    click.BadParameter
        If it is none.

    """
    try:
        return TypeAdapter(ByteSize).validate_python(text)
    except ValidationError:
        raise click.BadParameter(
            f"{text!r} is no amount of memory: give for example 4GB or 800MB."
        ) from None
