"""The model decay_weights holds the weights that its yml describes: worked out once more."""

import re
from fractions import Fraction

from tests.python.dbt_runs import ROOT, Workspace, query

PER_ORDER, PER_DAY = Fraction(85, 100), Fraction(98, 100)
UNIT = Fraction(1, 2**30)
LONGEST_AGO = 400
BITS = 10


def test_every_weight_is_its_power_to_the_nearest_unit(built_tiny_shop: Workspace) -> None:
    # fractions are exact, and none of these lies halfway between two units
    assert query(built_tiny_shop, "select * from decay_weights order by steps_ago") == [
        (
            steps,
            round(PER_ORDER**steps / UNIT),
            round(PER_DAY**steps / UNIT),
            2**steps if steps < BITS else 0,
        )
        for steps in range(LONGEST_AGO + 1)
    ]


def test_the_yml_says_these_numbers() -> None:
    text = " ".join(
        (ROOT / "models/features/decay_weights.yml").read_text(encoding="utf-8").split()
    )
    said = re.search(
        r"falls to (\.\d+) of itself per order, to (\.\d+) per day, .* units of 2\^-(\d+), .*"
        r" Rows 0 to (\d+):",
        text,
    )
    assert said
    assert (Fraction(said[1]), Fraction(said[2])) == (PER_ORDER, PER_DAY)
    assert Fraction(1, 2 ** int(said[3])) == UNIT
    assert int(said[4]) == LONGEST_AGO
