"""The profile counts what the build counts: no file that the build refuses is called good."""

import re
from pathlib import Path

import click
import pytest

from glue.raw.athena_files import lost_on_athena, rows_of
from glue.raw.contract import raw_tables
from glue.raw.files import check_raw_folder
from glue.raw.profile import write_profile
from glue.raw.rules import Rule, count_broken
from ml.tools.progress import silent_step
from tests.python.raw_damages import (
    BAD_ROWS,
    BAD_VALUES,
    KEY,
    UNREADABLE_FILES,
    UNREADABLE_ON_ATHENA,
    Damage,
    damage_files,
)

# `column is not a whole number in 2 rows, for example 'abc'`, as dbt's test well_formed says it
_SENTENCE = re.compile(r"(\w+) is not (.+?) in (\d+) rows?, for example")


def rules_of(folder: Path) -> dict[str, list[Rule]]:
    """Give every rule of each file, with what breaks it."""
    found = {}
    for file in check_raw_folder(folder):
        with rows_of(file, folder) as connection:
            found[file.table.name] = list(count_broken(connection, "file", file.table))
    return found


def broken_in(folder: Path) -> dict[tuple[str, str, str], int]:
    """Give table, columns and rule of what is broken, and how often."""
    return {
        (table, rule.columns, rule.rule): rule.broken
        for table, rules in rules_of(folder).items()
        for rule in rules
        if rule.broken
    }


def test_good_files_break_no_rule_and_all_rules_are_there(shop: Path) -> None:
    rules = rules_of(shop)
    assert broken_in(shop) == {}
    assert rules.keys() == {table.name for table in raw_tables()}
    told = {(rule.columns, rule.rule): rule.broken for rule in rules["orders"]}
    assert told["order_id", f"is {KEY}"] == 0
    assert told["order_id", "unique"] == 0
    assert told["user_id, order_number", "unique_key"] == 0
    assert told["order_dow", "is a whole number from 0 to 6"] == 0
    assert told["user_id", "not_null"] is None
    assert told["", "stg_orders_order_number_has_no_gap"] is None


@pytest.mark.parametrize("damage", BAD_VALUES.values(), ids=BAD_VALUES.keys())
def test_bad_values_are_counted_as_the_build_counts_them(shop: Path, damage: Damage) -> None:
    expected = {}
    for message in damage.messages:
        table = message.removeprefix("raw.").partition(":")[0]
        for column, kind, rows in _SENTENCE.findall(message):
            expected[table, column, f"is {kind}"] = int(rows)
    assert expected
    damage_files(shop, damage)
    assert broken_in(shop) == expected


@pytest.mark.parametrize("damage", BAD_ROWS.values(), ids=BAD_ROWS.keys())
def test_bad_rows_are_counted_or_left_to_the_build_by_name(shop: Path, damage: Damage) -> None:
    damage_files(shop, damage)
    broken = broken_in(shop).items()
    counted = {f"{table}: {columns} {count}" for (table, columns, _), count in broken}
    assert counted == set(damage.repeated_keys)
    rules = [rule for found in rules_of(shop).values() for rule in found]
    # `FAIL 1 unique_stg_orders_order_id`
    for test in (message.split()[2] for message in damage.messages):
        about = [
            rule for rule in rules if test == rule.rule or test.startswith(f"{rule.rule}_stg_")
        ]
        assert about or not re.search("(^|_)stg_", test), test
        assert all(rule.broken != 0 for rule in about) or damage.repeated_keys, "not told to be 0"


@pytest.mark.parametrize("damage", UNREADABLE_FILES.values(), ids=UNREADABLE_FILES.keys())
def test_file_that_cannot_be_read_has_no_page(shop: Path, tmp_path: Path, damage: Damage) -> None:
    damage_files(shop, damage)
    with pytest.raises(click.ClickException) as refused:
        write_profile(shop, tmp_path / "page.html", silent_step)
    assert damage.edits[0][0] in refused.value.message
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("damage", UNREADABLE_ON_ATHENA.values(), ids=UNREADABLE_ON_ATHENA.keys())
def test_name_that_athena_loses_is_counted(shop: Path, damage: Damage) -> None:
    damage_files(shop, damage)
    (file,) = [one for one in check_raw_folder(shop) if one.path.name == damage.edits[0][0]]
    with rows_of(file, shop) as connection:
        broken = [rule.columns for rule in lost_on_athena(connection, file) if rule.broken == 1]
    assert [f"{file.path.name}: {column} holds" in damage.upload[0] for column in broken] == [True]
