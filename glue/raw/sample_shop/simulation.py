"""The whole shop: plan and baskets, ready to be written."""

from dataclasses import dataclass

import numpy as np

from glue.raw.sample_shop.baskets import Flags, fill_baskets
from glue.raw.sample_shop.catalogue import Integers
from glue.raw.sample_shop.plan import Plan, make_plan
from glue.raw.sample_shop.settings import ShopSettings
from ml.tools.progress import StepMaker, silent_step

# Cells (shoppers times products) of one block: few enough that its tables stay in the cache.
BLOCK_CELLS = 500_000

SmallIntegers = np.ndarray[tuple[int, ...], np.dtype[np.uint16]]


@dataclass(frozen=True)
class Shop:
    """A simulated shop.

    Attributes
    ----------
    plan
        Products, shoppers and their orders.
    order_id
        A permutation of 1..orders, int64 [orders].
    lines
        Number of lines of every order, 0 where the basket is not known, int64 [orders].
    first_line
        Place of an order's first line in ``product``, int64 [orders]; lines stand in the
        order of order_id.
    product
        Place in the catalogue, uint16 [lines].
    reordered
        Bought before by the same shopper, bool [lines].
    """

    plan: Plan
    order_id: Integers
    lines: Integers
    first_line: Integers
    product: SmallIntegers
    reordered: Flags


def simulate_shop(
    users: int, seed: int, settings: ShopSettings | None = None, step: StepMaker = silent_step
) -> Shop:
    """Simulate a shop with so many shoppers; the same arguments give the same shop.

    Memory: 3 bytes for each order line and about 200 for each order.
    """
    for_plan, for_ids, for_baskets = np.random.SeedSequence(seed).spawn(3)
    plan = make_plan(users, settings or ShopSettings(), for_plan)
    lines = plan.counts.new + plan.counts.again
    order_id = np.random.default_rng(for_ids).permutation(len(lines)) + 1
    by_id = np.argsort(order_id)
    first_line = np.empty_like(lines)
    first_line[by_id] = np.cumsum(lines[by_id]) - lines[by_id]
    product = np.zeros(int(lines.sum()), dtype=np.uint16)
    reordered = np.zeros(len(product), dtype=np.bool_)

    blocks = _split(plan)
    with step("Filling baskets", len(blocks)) as advance:
        for block, block_seed in zip(blocks, for_baskets.spawn(len(blocks)), strict=True):
            filled = fill_baskets(block, plan, block_seed)
            starts = np.flatnonzero(np.diff(filled.order, prepend=-1))
            sizes = np.diff(starts, append=len(filled.order))
            place_in_cart = np.arange(len(filled.order)) - np.repeat(starts, sizes)
            target = first_line[filled.order] + place_in_cart
            product[target] = filled.product
            reordered[target] = filled.reordered
            advance(1)
    return Shop(plan, order_id, lines, first_line, product, reordered)


def _split(plan: Plan) -> list[Integers]:
    """Blocks of shoppers with repertoires of similar size, each with the longest tenure first."""
    size = np.add.reduceat(plan.counts.new, plan.visits.first[:-1])
    waiting = np.argsort(size, kind="stable")[::-1]
    blocks = []
    while len(waiting):
        # The first of the block has the largest repertoire and sets the width of its tables.
        height = max(1, BLOCK_CELLS // int(size[waiting[0]]))
        block, waiting = waiting[:height], waiting[height:]
        longest_first = np.argsort(-plan.shoppers.tenure[block], kind="stable")
        blocks.append(block[longest_first])
    return blocks
