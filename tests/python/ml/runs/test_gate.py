"""The gate: its floor, the live model, and the margin between them."""

import pytest

from ml.runs.gate import Figures, LiveFigures, judge


@pytest.mark.parametrize(
    ("value", "on_live_orders", "live", "passes"),
    [
        (0.39, None, None, True),
        (0.38, None, None, False),
        (0.37, None, None, False),
        (0.39, 0.39, 0.394, True),
        (0.39, 0.39, 0.396, False),
        (0.37, 0.37, 0.2, False),
    ],
)
def test_gate(value: float, on_live_orders: float | None, live: float | None, passes: bool) -> None:
    figures = Figures("mean F1", value, 0.38, "recency decay")
    compared = None
    if on_live_orders is not None and live is not None:
        compared = LiveFigures("pre-order", 100, 0, on_live_orders, live)
    verdict = judge(figures, compared, margin=0.005)
    assert verdict.passed == passes
    assert (verdict.reason == "") == passes


def test_the_reason_names_both_figures() -> None:
    figures = Figures("mean F1", 0.4, 0.38, "recency decay")
    live = LiveFigures("pre-order", 100, 0, 0.4, 0.406)
    assert judge(figures, live, margin=0.005).reason == (
        "mean F1 0.4000 is more than 0.005 below the live model's 0.4060 on the same orders"
    )


@pytest.mark.parametrize(
    ("value", "difference", "passes"),
    [
        (0.25, (-0.1, -0.01), False),
        (0.25, (-0.1, 0.01), True),
        (0.25, (-0.1, 0.0), True),
        (0.35, (0.01, 0.1), True),
    ],
)
def test_where_a_floor_need_not_be_beaten_a_run_is_refused_that_is_proven_worse(
    value: float, difference: tuple[float, float], passes: bool
) -> None:
    verdict = judge(Figures("HR@10", value, 0.3, "popularity", difference), None, margin=0.005)
    assert verdict.passed == passes
    assert verdict.reason == ("" if passes else "HR@10 0.2500 is worse than popularity (0.3000)")


@pytest.mark.parametrize(
    ("live_value", "difference", "passes"),
    [
        (0.41, (-0.02, -0.001), False),
        (0.41, (-0.02, 0.001), True),  # more than the margin, and within chance
        (0.404, (-0.006, -0.001), True),  # proven, and less than the margin
    ],
)
def test_where_chance_is_known_it_has_to_be_more_than_that_and_than_the_margin(
    live_value: float, difference: tuple[float, float], passes: bool
) -> None:
    figures = Figures("HR@10", 0.4, 0.3, "popularity", (0.05, 0.15))
    live = LiveFigures(None, 100, 0, 0.4, live_value, difference)
    verdict = judge(figures, live, margin=0.005)
    assert verdict.passed == passes
    assert verdict.reason == (
        ""
        if passes
        else "HR@10 0.4000 is more than 0.005 below the live model's 0.4100 on the same orders"
    )


def test_a_run_of_which_nothing_could_be_judged_passes() -> None:
    verdict = judge(None, None, margin=0.005)
    assert (verdict.passed, verdict.words) == (True, "there was nothing to judge")
