"""What is in the baskets: shoppers of one block go through all their orders side by side."""

from dataclasses import dataclass

import numpy as np

from glue.raw.sample_shop.catalogue import Integers
from glue.raw.sample_shop.plan import Plan
from glue.raw.sample_shop.repertoires import Repertoires, Singles, draw_repertoires
from glue.raw.sample_shop.settings import ShopSettings

Flags = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


@dataclass(frozen=True)
class Lines:
    """Order lines, sorted by order and place in the cart.

    Attributes
    ----------
    order
        Place of the order in Visits, int64 [lines].
    product
        Place of the product in the catalogue, int64 [lines].
    reordered
        Whether the shopper bought the product in an earlier order, bool [lines].
    """

    order: Integers
    product: Integers
    reordered: Flags


def fill_baskets(block: Integers, plan: Plan, seed: np.random.SeedSequence) -> Lines:
    """Fill all baskets of some shoppers.

    New products come from the shopper's repertoire in its order. Among the known ones the shopper
    chooses without replacement, with the weights of ``_wish``; the choice is an exponential race
    (Efraimidis and Spirakis, Weighted random sampling with a reservoir, 2006).

    Parameters
    ----------
    block
        Places in Shoppers, longest tenure first, int64 [shoppers].
    plan
        Products, shoppers, orders and line counts.
    seed
        Source of all chance in this block.
    """
    rng = np.random.default_rng(seed)
    repertoires = draw_repertoires(block, plan, rng)
    orders, rows, columns = [repertoires.first_order], [repertoires.row], [repertoires.column]
    for order_number in range(2, int(plan.shoppers.tenure[block[0]]) + 1):
        active = block[plan.shoppers.tenure[block] >= order_number]
        order = plan.visits.first[active] + order_number - 1
        known, again = plan.counts.known[order], plan.counts.again[order]
        day = plan.visits.day[order].astype(np.float32)
        wish = _wish(repertoires, day, order_number, int(known.max()), plan.settings)
        finish = rng.standard_exponential(wish.shape, dtype=np.float32)
        finish /= wish
        finish[np.arange(wish.shape[1]) >= known[:, None]] = np.inf
        row, column = _first_finishers(finish, again)
        repertoires.last_bought[row, column] = day[row]
        orders.append(order[row])
        rows.append(row)
        columns.append(column)
    order, row, column = (np.concatenate(parts) for parts in (orders, rows, columns))

    reordered = np.arange(len(order)) >= len(repertoires.first_order)
    size = np.bincount(repertoires.row)
    product = repertoires.product[(np.cumsum(size) - size)[row] + column]
    # Within an order, habits tend to come first, and the best liked products before others.
    late = rng.normal(0, 1, len(order)) - plan.settings.cart_habit * reordered
    late -= plan.settings.cart_appeal * np.log(repertoires.appeal[row, column])
    sequence = np.lexsort((late, order))
    return Lines(order[sequence], product[sequence], reordered[sequence])


def _wish(
    repertoires: Repertoires, day: Singles, order_number: int, width: int, settings: ShopSettings
) -> Singles:
    """Weigh every known product: its appeal, less if not due again or if interest has ended.

    A product is due by x^2 / (1 + x^2), x = days since the last purchase / days of its cycle.
    """
    rows = slice(0, len(day))
    due = day[:, None] - repertoires.last_bought[rows, :width]
    due /= repertoires.cycle_days[rows, :width]
    due *= due
    wish: Singles = (due + np.float32(settings.not_due)) / (due + np.float32(1))
    wish *= repertoires.appeal[rows, :width]
    wish[repertoires.interest_ends[rows, :width] < order_number] *= np.float32(settings.lapsed)
    return wish


def _first_finishers(finish: Singles, wanted: Integers) -> tuple[Integers, Integers]:
    """Find rows and columns of the ``wanted`` smallest times of each row."""
    limit = np.sort(finish, axis=1)[np.arange(len(finish)), wanted - 1]
    row, column = np.nonzero(finish <= limit[:, None])
    # Two products may finish at the same time: keep as many as wanted (none, if none is wanted).
    finishers = np.bincount(row, minlength=len(finish))
    rank = np.arange(len(row)) - (np.cumsum(finishers) - finishers)[row]
    keep = rank < wanted[row]
    return row[keep], column[keep]
