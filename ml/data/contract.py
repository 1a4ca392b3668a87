"""What data.csv must look like: contract.json, which the export writes from the dbt manifest."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import click

Context = Literal["order-start", "pre-order"]
CONTEXTS: tuple[Context, ...] = get_args(Context)
TYPES = ("bigint", "integer", "double", "real", "varchar", "boolean")
KEYS = ("user_id", "product_id", "orders_back")
LABEL = "reordered"
NOT_FEATURES = {*KEYS, "eval_set", "order_id", LABEL}


@dataclass(frozen=True)
class Column:
    """One column of data.csv: name, SQL type, description; `order_start` if it waits for that."""

    name: str
    type: str
    description: str
    context: str | None


@dataclass(frozen=True)
class Contract:
    """The columns of data.csv in order, the hash that names this set, and the export's mode."""

    hash: str
    mode: str
    windows: int
    columns: tuple[Column, ...]


def read_contract(data: Path) -> Contract:
    """
    Read contract.json beside data.csv.

    Parameters
    ----------
    data
        Path of data.csv.

    Raises
    ------
    click.ClickException
        If the file is missing, is not of the expected form, or lacks a key or the label.

    """
    path = data.with_name("contract.json")
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        contract = Contract(
            hash=str(raw["hash"]),
            mode=str(raw["mode"]),
            windows=int(raw["windows"]),
            columns=tuple(
                Column(column["name"], column["type"], column["description"], column["context"])
                for column in raw["columns"]
            ),
        )
    except FileNotFoundError:
        raise click.ClickException(
            f"{path} is missing: write it and data.csv with `python -m ml export`."
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise click.ClickException(f"{path} is not a contract ({error!r}): export again.") from None
    names = [column.name for column in contract.columns]
    for name in (*KEYS, LABEL):
        if name not in names:
            raise click.ClickException(f"{path} has no column {name}: export again.")
    for column in contract.columns:
        if column.type not in TYPES:
            raise click.ClickException(
                f"{path} gives column {column.name} the unknown type {column.type}."
            )
        if column.name in (*KEYS, LABEL) and column.type not in ("bigint", "integer"):
            raise click.ClickException(f"{path} gives column {column.name} no whole-number type.")
        if column.type == "varchar" and column.name not in NOT_FEATURES:
            raise click.ClickException(
                f"{path}: feature {column.name} is text, and the model reads only numbers."
            )
    return contract


def contract_hash(columns: Sequence[Mapping[str, Any]]) -> str:
    """Give the hash that names a set of columns: of their names and types in order."""
    names_and_types = [[column["name"], column["type"]] for column in columns]
    return hashlib.sha256(json.dumps(names_and_types).encode()).hexdigest()


def check_header(contract: Contract, header: list[str], path: Path) -> None:
    """
    Compare the header of data.csv with the contract, name by name and in order.

    Raises
    ------
    click.ClickException
        Naming the first column that is missing, extra, twice there or out of place.

    """
    names = [column.name for column in contract.columns]
    for name in names:
        if name not in header:
            raise click.ClickException(
                f"{path} lacks the column {name} that contract.json names: export again."
            )
    for name in header:
        if name not in names:
            raise click.ClickException(
                f"{path} has a column {name} that contract.json does not name: export again."
            )
    for index, name in enumerate(header):
        if index >= len(names) or name != names[index]:
            raise click.ClickException(
                f"{path} has the column {name} in place {index + 1}, where contract.json has"
                f" {names[index] if index < len(names) else 'none'}: export again."
            )


def feature_names(contract: Contract, context: Context) -> list[str]:
    """
    Name the columns that a model of this context reads, in data.csv's order.

    Ids, the window, the set and the label are never features. In the pre-order context the
    columns that are known only when the order starts are left out.
    """
    return [
        column.name
        for column in contract.columns
        if column.name not in NOT_FEATURES
        and (context == "order-start" or column.context != "order_start")
    ]


def default_context(mode: str) -> Context:
    """Give the context that fits the mode: in live mode nothing of the next order is known."""
    return "pre-order" if mode == "live" else "order-start"
