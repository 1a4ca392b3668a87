"""The richer features of data.csv a second time: plain Python over the orders of each shopper."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import median

import polars as pl

UNIT = 2**30  # decay_weights are whole numbers of this unit
ORDER_DECAY, DAY_DECAY = 0.85, 0.98
LAST_WEIGHTED_STEP = 400
Value = float | int | None


@dataclass
class Order:
    """One order of a shopper's history: basket maps a product to (position, reordered)."""

    number: int
    weekday: int
    hour: int
    interval: int | None
    day: int
    basket: dict[int, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Product:
    """What the catalogue says of a product."""

    aisle: int
    department: int
    is_organic: bool


Shopper = list[Order]


@dataclass(frozen=True)
class _Aisles:
    """Lines of a shopper by aisle and by department, and the last order of each aisle."""

    aisle: Counter[int]
    department: Counter[int]
    last: dict[int, int]
    all_lines: int


def richer_features(raw: Path, windows: int) -> pl.DataFrame:
    """
    Compute every column of data.csv that is neither key, target nor base feature, benchmark mode.

    Returns
    -------
    polars.DataFrame
        One row per candidate, keyed by orders_back, user_id and product_id.

    """
    shoppers, ends = _read_shoppers(raw)
    catalogue = _read_catalogue(raw)
    rows: list[dict[str, Value]] = []
    for back in range(windows):
        targets = {user: end - back for user, end in ends.items() if back == 0 or end - back > 2}
        histories = {
            user: [order for order in orders if order.number < ends[user] - back]
            for user, orders in shoppers.items()
            if user in ends
        }
        shop = _Shop(histories, catalogue)
        for user, number in targets.items():
            target = next(order for order in shoppers[user] if order.number == number)
            rows += [{"orders_back": back} | row for row in shop.candidates(user, target)]
    return pl.DataFrame(rows, infer_schema_length=None)


class _Shop:
    """All histories of one window, and what they add up to."""

    def __init__(self, histories: dict[int, Shopper], catalogue: dict[int, Product]) -> None:
        self.histories = histories
        self.catalogue = catalogue
        self.aisles = {user: self._aisles(orders) for user, orders in histories.items()}
        self.counts: dict[tuple[str, int], dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.one_shots: dict[int, list[bool]] = defaultdict(list)
        self.recent: dict[int, int] = defaultdict(int)
        for orders in histories.values():
            for product, at in _purchases(orders).items():
                for place in (
                    ("product", product),
                    ("aisle", catalogue[product].aisle),
                    ("shop", 0),
                ):
                    for name, count in _counts(orders, product, at).items():
                        self.counts[place][name] += count
                if len(orders) - 1 - at[0] >= 5:
                    self.one_shots[product].append(len(at) == 1)
                self.recent[product] += sum(index >= len(orders) - 5 for index in at)

    def candidates(self, user: int, target: Order) -> Iterator[dict[str, Value]]:
        """Give the row of every product of the shopper's history."""
        orders = self.histories[user]
        if not orders:
            return
        of_user = self._user(orders, target)
        for product, at in _purchases(orders).items():
            keys = {"user_id": user, "product_id": product}
            of_product = self._product(product)
            of_pair = self._pair(user, product, at, target)
            yield keys | of_user | of_product | self._others(orders, product, at) | of_pair

    def _user(self, orders: Shopper, target: Order) -> dict[str, Value]:
        intervals = [order.interval for order in orders if order.interval is not None]
        sizes = [len(order.basket) for order in orders]
        middle = median(intervals) if intervals else None
        later = [order for order in orders[1:] if order.basket]
        recent = [order for order in orders[-3:] if order is not orders[0]]
        lines = [item for order in orders for item in order.basket]
        is_organic = [self.catalogue[item].is_organic for item in lines]
        last = orders[-1]
        mean_recent = sum(sizes[-3:]) / len(sizes[-3:])
        return {
            "user_median_days_since_prior": None if middle is None else float(middle),
            "user_sd_days_since_prior": _sd(intervals),
            "user_last_days_since_prior": last.interval,
            "user_last_days_over_median": _over(last.interval, middle),
            "user_sd_basket": _sd(sizes),
            "user_last_basket": sizes[-1],
            "user_basket_trend": _share(mean_recent * len(orders), len(lines)),
            "user_recent_reorder_ratio": _share(
                sum(map(_reorders, recent)), sum(len(order.basket) for order in recent)
            ),
            "user_none_ratio": _share(sum(not _reorders(order) for order in later), len(later)),
            "user_orders_in_last_30_days": sum(last.day - order.day < 30 for order in orders),
            "user_mean_hour_of_day": _share(sum(order.hour for order in orders), len(orders)),
            "user_organic_ratio": _share(sum(is_organic), len(lines)),
            "ctx_user_days_over_median": _over(target.interval, middle),
            "ctx_user_same_dow_rate": _share(
                sum(order.weekday == target.weekday for order in orders), len(orders)
            ),
            "ctx_user_near_hour_rate": _share(
                sum(_is_near(order.hour, target.hour) for order in orders), len(orders)
            ),
        }

    def _product(self, product: int) -> dict[str, Value]:
        item, counts = self.catalogue[product], self.counts["product", product]
        tried = self.one_shots[product]
        return {
            "prod_aisle_id": item.aisle,
            "prod_department_id": item.department,
            "prod_is_organic": int(item.is_organic),
            "prod_average_cart_position": _share(counts["positions"], counts["lines"]),
            "prod_one_shot_ratio": _share(sum(tried), len(tried)),
            "prod_mean_days_between": _share(counts["days"], counts["reorders"]),
            "prod_reorders_per_opportunity": _share(counts["reorders"], counts["chances"]),
            "prod_next_order_ratio": _share(counts["repeats"], counts["not last"]),
            "prod_recent_order_ratio": _share(self.recent[product], counts["lines"]),
        }

    def _others(self, orders: Shopper, product: int, at: list[int]) -> dict[str, Value]:
        """Give the product's ratios among other shoppers, shrunk to the aisle's and the shop's."""
        own = _counts(orders, product, at)
        ratios = {
            "prod_shrunk_reorder_probability": ("again", "buyers", 8),
            "prod_shrunk_reorders_per_opportunity": ("reorders", "chances", 24),
            "prod_shrunk_next_order_ratio": ("repeats", "not last", 8),
            "prod_shrunk_days_between": ("days", "reorders", 8),
            "prod_shrunk_cart_position": ("positions", "lines", 8),
        }
        aisle = self.catalogue[product].aisle
        shrunk: dict[str, Value] = {}
        for name, (above, below, strength) in ratios.items():
            in_shop = _share(self.counts["shop", 0][above], self.counts["shop", 0][below])
            if in_shop is None:
                shrunk[name] = None
                continue
            above_aisle = self.counts["aisle", aisle][above] - own[above]
            below_aisle = self.counts["aisle", aisle][below] - own[below]
            prior = (above_aisle + 20 * in_shop) / (below_aisle + 20)
            above_product = self.counts["product", product][above] - own[above]
            below_product = self.counts["product", product][below] - own[below]
            shrunk[name] = (above_product + strength * prior) / (below_product + strength)
        return shrunk

    def _aisles(self, orders: Shopper) -> _Aisles:
        items = [self.catalogue[line] for order in orders for line in order.basket]
        return _Aisles(
            Counter(item.aisle for item in items),
            Counter(item.department for item in items),
            {
                self.catalogue[line].aisle: index
                for index, order in enumerate(orders)
                for line in order.basket
            },
            len(items),
        )

    def _pair(self, user: int, product: int, at: list[int], target: Order) -> dict[str, Value]:
        orders, aisles = self.histories[user], self.aisles[user]
        item, last = self.catalogue[product], len(orders) - 1
        held = [product in order.basket for order in reversed(orders)]
        in_aisle, in_department = aisles.aisle[item.aisle], aisles.department[item.department]
        last_of_aisle = aisles.last[item.aisle]
        steps = [after - before for before, after in pairwise(at)]
        days = [orders[after].day - orders[before].day for before, after in pairwise(at)]
        since = orders[-1].day - orders[at[-1]].day
        mean_days = _share(sum(days), len(days))
        until = None if target.interval is None else since + target.interval
        decays = {
            "order": [_weight(ORDER_DECAY, last - index) for index in range(len(orders))],
            "day": [_weight(DAY_DECAY, orders[-1].day - order.day) for order in orders],
        }
        sums = {name: sum(weights[index] for index in at) for name, weights in decays.items()}
        mean_position = sum(orders[index].basket[product][0] for index in at) / len(at)
        of_product = self.counts["product", product]
        return {
            "up_days_since_last_order": since,
            **{
                f"up_bought_{back}_back": int(len(held) >= back and held[back - 1])
                for back in range(1, 6)
            },
            "up_orders_in_last_5": sum(held[:5]),
            "up_orders_in_last_10": sum(held[:10]),
            "up_streak": [*held[:10], False].index(False),
            "up_decayed_orders": sums["order"] / UNIT,
            "up_decayed_days": sums["day"] / UNIT,
            "up_decayed_order_rate": sums["order"] / sum(decays["order"]),
            "up_decayed_day_rate": sums["day"] / sum(decays["day"]),
            "up_mean_orders_between": _share(sum(steps), len(steps)),
            "up_max_orders_between": max(steps, default=None),
            "up_mean_days_between": mean_days,
            "up_median_days_between": float(median(days)) if days else None,
            "up_max_days_between": max(days, default=None),
            "up_overdue_orders": _share((last + 1 - at[-1]) * len(steps), sum(steps)),
            "up_overdue_days": _share(since * len(days), sum(days)),
            "up_cart_position_difference": mean_position
            - of_product["positions"] / of_product["lines"],
            "up_share_of_aisle": len(at) / in_aisle,
            "up_aisle_share": in_aisle / aisles.all_lines,
            "up_aisle_orders_since_last_order": last - last_of_aisle,
            "up_orders_until_last_of_aisle": last_of_aisle - at[-1],
            "up_department_share": in_department / aisles.all_lines,
            "ctx_up_days_since_last_order": until,
            "ctx_up_overdue_days": _share(until, mean_days),
            "ctx_up_same_dow_rate": _share(
                sum(orders[index].weekday == target.weekday for index in at), len(at)
            ),
            "ctx_up_near_hour_rate": _share(
                sum(_is_near(orders[index].hour, target.hour) for index in at), len(at)
            ),
        }


def _counts(orders: Shopper, product: int, at: list[int]) -> dict[str, int]:
    """Count what one pair adds to the totals of its product, its aisle and the shop."""
    lines = [orders[index].basket[product] for index in at]
    return {
        "lines": len(at),
        "positions": sum(position for position, _ in lines),
        "reorders": sum(reordered for _, reordered in lines),
        "buyers": 1,
        "again": int(len(at) > 1),
        "chances": len(orders) - 1 - at[0],
        "not last": sum(index < len(orders) - 1 for index in at),
        "repeats": sum(after == before + 1 for before, after in pairwise(at)),
        "days": orders[at[-1]].day - orders[at[0]].day,
    }


def _purchases(orders: Shopper) -> dict[int, list[int]]:
    """Give for each product the places in the history of the orders that hold it, in order."""
    places: dict[int, list[int]] = defaultdict(list)
    for index, order in enumerate(orders):
        for product in order.basket:
            places[product].append(index)
    return places


def _reorders(order: Order) -> int:
    return sum(reordered for _, reordered in order.basket.values())


def _share(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else part / whole


def _over(value: int | None, usual: float | None) -> float | None:
    return None if value is None or usual is None else float(value - usual)


def _sd(values: list[int]) -> float | None:
    n = len(values)
    squares = n * sum(value * value for value in values) - sum(values) ** 2
    return math.sqrt(squares) / n if n else None


def _is_near(hour: int, other: int) -> bool:
    return min((hour - other) % 24, (other - hour) % 24) <= 2


@cache
def _weight(decay: float, steps: int) -> int:
    return math.floor(decay**steps * UNIT + 0.5) if steps <= LAST_WEIGHTED_STEP else 0


def _read_shoppers(raw: Path) -> tuple[dict[int, Shopper], dict[int, int]]:
    """Read every shopper's orders, and the number of the order to predict of those with one."""
    shoppers: dict[int, Shopper] = defaultdict(list)
    ends: dict[int, int] = {}
    by_id: dict[int, Order] = {}
    orders = pl.read_csv(raw / "orders.csv").sort("user_id", "order_number")
    for row in orders.iter_rows(named=True):
        interval = row["days_since_prior_order"]
        earlier = shoppers[row["user_id"]]
        day = earlier[-1].day + int(interval or 0) if earlier else 0
        order = Order(
            row["order_number"],
            row["order_dow"],
            int(row["order_hour_of_day"]),
            None if interval is None else int(interval),
            day,
        )
        earlier.append(order)
        by_id[row["order_id"]] = order
        if row["eval_set"] != "prior":
            ends[row["user_id"]] = order.number
    for eval_set in ("prior", "train"):
        lines = pl.read_csv(raw / f"order_products__{eval_set}.csv")
        for order_id, product, position, reordered in lines.iter_rows():
            by_id[order_id].basket[product] = (position, reordered)
    return shoppers, ends


def _read_catalogue(raw: Path) -> dict[int, Product]:
    catalogue = {}
    for line in (raw / "products.csv").read_text(encoding="utf-8").splitlines()[1:]:
        # a name may hold commas and quotes: the ids stand at both ends of the line
        product_id, rest = line.split(",", 1)
        name, aisle, department = rest.rsplit(",", 2)
        catalogue[int(product_id)] = Product(int(aisle), int(department), "organic" in name.lower())
    return catalogue
