"""Write loads of order lines, and work out by plain Python what staging must make of them."""

import csv
import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

LINE_COLUMNS = ("order_id", "user_id", "product_id", "ordered_at", "quantity", "cart_position")
PRODUCT_COLUMNS = ("product_id", "product_name", "aisle", "department")

Line = Sequence[str]
Rows = list[tuple[object, ...]]


def write_csv(path: Path, header: Iterable[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a CSV file, of another time than the one before it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.stat().st_mtime_ns if path.exists() else None
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    if before == path.stat().st_mtime_ns:
        os.utime(path, ns=(before + 1_000_000, before + 1_000_000))


def write_load(raw: Path, day: str, lines: Iterable[Line], name: str = "lines.csv") -> None:
    """Write a file of a load, with all columns that order lines can have."""
    write_csv(raw / "order_lines" / f"load_date={day}" / name, LINE_COLUMNS, lines)


def write_loads(raw: Path, loads: Mapping[str, Iterable[Line]]) -> None:
    """Write a file of each load."""
    for day, lines in loads.items():
        write_load(raw, day, lines)


def write_products(raw: Path, products: Iterable[Sequence[str]]) -> None:
    """Write the file of products."""
    write_csv(raw / "products" / "products.csv", PRODUCT_COLUMNS, products)


@dataclass(frozen=True)
class Staged:
    """What staging must hold, as sorted rows."""

    orders: Rows
    lines: Rows
    loads: Rows
    rejected: Rows


def key(text: str, *, ids: str, bits: int = 52) -> int:
    """Give the whole number of an id."""
    if ids == "whole":
        return int(text)
    digits = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    return int(digits[:13], 16) if bits == 52 else int(digits[:16], 16) % 2**63


def read_time(text: str) -> datetime | None:
    """Read a time as the shape has it; None if it is none."""
    text = text.replace("T", " ", 1)
    for form in ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"):
        try:
            found = datetime.strptime(text, form)  # noqa: DTZ007 - the shop's own time
        except ValueError:
            continue
        written_alike = found.strftime(form) == text
        return found if written_alike and 1900 <= found.year <= 2099 else None
    return None


def reason(line: Line, *, ids: str) -> str | None:  # noqa: PLR0911 - one for each column
    """Give the first column that makes a line unusable."""

    def is_key(text: str) -> bool:
        if ids == "text":
            return text != ""
        return text.isdecimal() and str(int(text)) == text and int(text) < 2**63

    order, user, product, time, quantity, place = line
    if not is_key(order):
        return "order_id"
    if user and not is_key(user):
        return "user_id"
    if not is_key(product):
        return "product_id"
    if read_time(time) is None:
        return "ordered_at"
    if quantity and not quantity.removeprefix("-").replace(".", "", 1).isdecimal():
        return "quantity"
    if place and not (place.isdecimal() and len(place) <= 5):
        return "cart_position"
    return None


def staged(loads: Mapping[str, Sequence[Line]], *, ids: str = "whole") -> Staged:
    """
    Work out the staging tables of these loads.

    Parameters
    ----------
    loads
        Lines by the day of their load, as LINE_COLUMNS.
    ids
        whole or text.

    Returns
    -------
    Staged
        `orders`: order_id, user_id, order_number, order_dow, order_hour_of_day,
        days_since_prior_order, ordered_at; `lines`: order_id, product_id, add_to_cart_order,
        reordered;
        `loads`: load_date, order_lines, orders, new, replaced, cancelled, late orders, returned,
        anonymous, rejected lines; `rejected`: load_date, line, the column at fault.

    """
    usable: dict[str, dict[str, list[Line]]] = {}
    rejected: Rows = []
    counted: Rows = []
    named: set[str] = set()
    for day in sorted(loads):
        orders: dict[str, list[Line]] = defaultdict(list)
        bad = 0
        users: dict[str, set[str]] = defaultdict(set)
        for line in loads[day]:
            if reason(line, ids=ids) is None and line[1]:
                users[line[0]].add(line[1])
        for line in loads[day]:
            why = reason(line, ids=ids) or ("order_id" if len(users[line[0]]) > 1 else None)
            if why:
                rejected.append((day, ",".join(line), why))
                bad += 1
            else:
                orders[line[0]].append(line)
        usable[day] = orders
        of_shoppers = {o: lines for o, lines in orders.items() if any(line[1] for line in lines)}
        counts = {"new": 0, "replaced": 0, "cancelled": 0, "late": 0}
        for order, lines in of_shoppers.items():
            kind = "replaced" if order in named else "new"
            counts[kind if any(_bought(line) for line in lines) else "cancelled"] += 1
            first = min(time for line in lines if (time := read_time(line[3])))
            counts["late"] += first.date() < date.fromisoformat(day)
        named |= orders.keys()
        good = [line for lines in orders.values() for line in lines]
        returned = sum(not _bought(line) for line in good)
        anonymous = sum(_bought(line) and not line[1] for line in good)
        counted.append(
            (day, len(loads[day]), len(of_shoppers), *counts.values(), returned, anonymous, bad)
        )
    newest = {order: lines for day in sorted(usable) for order, lines in usable[day].items()}
    orders_out, lines_out = _orders_and_lines(newest, ids)
    return Staged(orders_out, lines_out, counted, sorted(rejected, key=str))


def _bought(line: Line) -> bool:
    return float(line[4] or "1") > 0


def _orders_and_lines(newest: Mapping[str, Sequence[Line]], ids: str) -> tuple[Rows, Rows]:
    of_user: dict[str, list[tuple[datetime, int, bool, dict[int, int]]]] = defaultdict(list)
    for order, lines in newest.items():
        bought = [line for line in lines if line[1] and _bought(line)]
        if not bought:
            continue
        places: dict[int, int] = {}
        for line in bought:
            product = key(line[2], ids=ids)
            place = int(line[5]) if line[5] else 2**31 - 1
            places[product] = min(places.get(product, place), place)
        time = min(read for line in bought if (read := read_time(line[3])))
        has_hour = all(len(line[3]) > 10 for line in bought)
        of_user[bought[0][1]].append((time, key(order, ids=ids, bits=63), has_hour, places))
    orders: Rows = []
    lines_out: Rows = []
    for user, placed in of_user.items():
        before: date | None = None
        seen: set[int] = set()
        in_time = sorted(placed, key=lambda o: o[:2])
        for number, (time, order_key, has_hour, places) in enumerate(in_time, start=1):
            orders.append(
                (
                    order_key,
                    key(user, ids=ids),
                    number,
                    (time.weekday() + 2) % 7,
                    time.hour if has_hour else None,
                    (time.date() - before).days if before else None,
                    time,
                )
            )
            shuffled = sorted(
                places,
                key=lambda p: (
                    places[p],
                    hashlib.md5(f"{order_key} {p}".encode(), usedforsecurity=False).hexdigest(),
                    p,
                ),
            )
            lines_out += [
                (order_key, product, rank, int(product in seen))
                for rank, product in enumerate(shuffled, 1)
            ]
            seen |= places.keys()
            before = time.date()
    return sorted(orders), sorted(lines_out)
