"""Inline SVG charts that fit any width: places are percentages, so that text keeps its size."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ml.judging.metrics import Interval

_ROW = 46
_AXIS = 24
_BAR_ROW = 38
_LEFT, _TOP, _SIDE = 52, 10, 340


@dataclass(frozen=True)
class IntervalRow:
    """One line of an interval chart."""

    label: str
    interval: Interval
    is_model: bool


def interval_chart(rows: Sequence[IntervalRow], title: str) -> Markup:
    """
    Draw each row's mean as a dot on the line of its interval, all on one scale.

    Parameters
    ----------
    rows
        What to draw, from top to bottom.
    title
        What the chart shows, for those who hear it.

    """
    low = min(row.interval.low for row in rows)
    high = max(row.interval.high for row in rows)
    margin = 0.04 * (high - low or 1.0)
    low, high = low - margin, high + margin

    def place(value: float) -> str:
        return f"{100 * (value - low) / (high - low):.2f}%"

    height = _ROW * len(rows)
    grid = [
        Markup(
            '<line class="grid" x1="{x}" x2="{x}" y1="0" y2="{height}"/>'
            '<text class="tick" x="{x}" y="{y}" text-anchor="middle">{tick:.2f}</text>'
        ).format(x=place(tick), height=height, y=height + 17, tick=tick)
        for tick in _ticks(low, high)
    ]
    lines = [
        Markup(
            '<g class="{kind}"><text x="0" y="{text}">{label}</text>'
            '<text class="value" x="100%" y="{text}" text-anchor="end">{mean:.3f}</text>'
            '<line class="interval" x1="{low}" x2="{high}" y1="{y}" y2="{y}"/>'
            '<circle cx="{middle}" cy="{y}" r="5"/></g>'
        ).format(
            kind="model" if row.is_model else "baseline",
            text=number * _ROW + 18,
            y=number * _ROW + 32,
            label=row.label,
            mean=row.interval.mean,
            low=place(row.interval.low),
            middle=place(row.interval.mean),
            high=place(row.interval.high),
        )
        for number, row in enumerate(rows)
    ]
    return _svg([*grid, *lines], height + _AXIS, title)


def bar_chart(bars: Sequence[tuple[str, float]], title: str) -> Markup:
    """
    Draw one bar per name, its length the share of the longest.

    Parameters
    ----------
    bars
        Names and shares of the whole (0 to 1), from top to bottom.
    title
        What the chart shows, for those who hear it.

    """
    longest = max((share for _, share in bars), default=0.0) or 1.0
    parts = [
        Markup(
            '<text x="0" y="{text}">{name}</text>'
            '<text class="value" x="100%" y="{text}" text-anchor="end">{share:.1%}</text>'
            '<rect class="track" x="0" y="{y}" width="100%" height="8" rx="4"/>'
            '<rect class="bar" x="0" y="{y}" width="{width:.2f}%" height="8" rx="4"/>'
        ).format(
            name=name,
            share=share,
            text=number * _BAR_ROW + 16,
            y=number * _BAR_ROW + 22,
            width=100 * share / longest,
        )
        for number, (name, share) in enumerate(bars)
    ]
    return _svg(parts, _BAR_ROW * len(bars), title)


def reliability_chart(bins: Sequence[tuple[float, float]], title: str) -> Markup:
    """
    Draw what happened against what was predicted, on axes of square roots.

    Most chances are small; square roots give them room and keep the diagonal straight.

    Parameters
    ----------
    bins
        Mean probability and share that happened (0 to 1) of rows of similar probability.
    title
        What the chart shows, for those who hear it.

    """

    def across(value: float) -> str:
        return f"{_LEFT + _SIDE * math.sqrt(value):.1f}"

    def up(value: float) -> str:
        return f"{_TOP + _SIDE * (1 - math.sqrt(value)):.1f}"

    grid = [
        Markup(
            '<line class="grid" x1="{x}" x2="{x}" y1="{top}" y2="{bottom}"/>'
            '<line class="grid" x1="{left}" x2="{right}" y1="{y}" y2="{y}"/>'
            '<text class="tick" x="{x}" y="{below}" text-anchor="middle">{tick:.0f} %</text>'
            '<text class="tick" x="{beside}" y="{y}" dy="4" text-anchor="end">{tick:.0f} %</text>'
        ).format(
            x=across(tick),
            y=up(tick),
            top=up(1),
            bottom=up(0),
            left=across(0),
            right=across(1),
            below=_TOP + _SIDE + 18,
            beside=_LEFT - 8,
            tick=100 * tick,
        )
        for tick in (0.0, 0.05, 0.2, 0.4, 0.7, 1.0)
    ]
    diagonal = Markup('<line class="diagonal" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(
        across(0), up(0), across(1), up(1)
    )
    dots = [
        Markup('<circle class="bin" cx="{}" cy="{}" r="5"/>').format(across(chance), up(share))
        for chance, share in bins
    ]
    width, height = _LEFT + _SIDE + 20, _TOP + _SIDE + 26
    return Markup(
        '<svg class="square" role="img" aria-label="{title}" viewBox="0 0 {width} {height}">'
        "{parts}</svg>"
    ).format(title=title, width=width, height=height, parts=Markup().join([*grid, diagonal, *dots]))


def _ticks(low: float, high: float) -> list[float]:
    """Choose round hundredths between two ends, about six of them."""
    stride = next(
        (step for step in (1, 2, 5, 10, 20) if (high - low) * 100 / step <= 7),  # noqa: PLR2004
        50,
    )
    first = int(-(-low * 100 // stride))
    last = int(high * 100 // stride)
    return [number * stride / 100 for number in range(first, last + 1)]


def _svg(parts: list[Markup], height: int, title: str) -> Markup:
    return Markup(
        '<svg role="img" aria-label="{title}" width="100%" height="{height}">{parts}</svg>'
    ).format(title=title, height=height, parts=Markup().join(parts))
