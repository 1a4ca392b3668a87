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
