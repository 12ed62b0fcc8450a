"""Charts as SVG: sizes in a viewBox, so that they fit a phone and a page; colours by the page's style."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import ArrayLike, NDArray

WIDTH, HEIGHT = 480, 280
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 12, 44
COLOURS = 8
"""How many the page's style has for lines; further ones begin again."""


@dataclass(frozen=True, eq=False)
class Line:
    """A line of a chart: y (m,) over x (m,); what is not finite is left out."""

    name: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]


def line_chart(
    lines: Sequence[Line],
    x_label: str,
    y_label: str,
    *,
    logarithmic: bool = False,
    y_range: tuple[float, float] | None = None,
) -> str:
    """Return lines over a common axis, with a legend where there are several.

    Args:
        lines: At least one, with at least one finite point.
        x_label: Of the axis, with its unit.
        y_label: The same.
        logarithmic: The y axis; values of 0 and below are left out.
        y_range: That the y axis has; by default that of the values.
    """
    drawn = [_finite(line, logarithmic) for line in lines]
    x_low, x_high = _bounds([line.x for line in drawn])
    y_low, y_high = y_range or _bounds([line.y for line in drawn], logarithmic)
    y_ticks = log_ticks(y_low, y_high) if logarithmic else nice_ticks(y_low, y_high)
    y_low, y_high = min(y_low, y_ticks[0]), max(y_high, y_ticks[-1])

    def across(value: ArrayLike) -> NDArray[np.float64]:
        share = (np.asarray(value, np.float64) - x_low) / (x_high - x_low)
        return np.asarray(LEFT + share * (WIDTH - LEFT - RIGHT))

    def down(value: ArrayLike) -> NDArray[np.float64]:
        given = np.asarray(value, np.float64)
        low, high = (math.log10(y_low), math.log10(y_high)) if logarithmic else (y_low, y_high)
        share = ((np.log10(given) if logarithmic else given) - low) / (high - low)
        return np.asarray(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM))

    parts = []
    for tick in y_ticks:
        y = float(down(tick))
        parts.append(f'<path class="rule" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    whole = all((line.x % 1 == 0).all() for line in drawn)
    for tick in nice_ticks(x_low, x_high):
        if x_low <= tick <= x_high and not (whole and tick % 1):
            x, y = float(across(tick)), HEIGHT - BOTTOM
            parts.append(f'<path class="axis" d="M{x:.1f} {y}v5"/>')
            parts.append(f'<text x="{x:.1f}" y="{y + 18}" text-anchor="middle">{tick:g}</text>')
    parts.append(f'<path class="axis" d="M{LEFT} {HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>')
    for number, line in enumerate(drawn):
        if not len(line.x):
            continue
        places = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across(line.x), down(line.y), strict=True))
        colour = f"c{number % COLOURS}"
        parts.append(f'<polyline class="line {colour}" points="{places}"/>')
        if len(line.x) <= 16:
            parts += [
                f'<circle class="dot {colour}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'
                for x, y in zip(across(line.x), down(line.y), strict=True)
            ]
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x_label)}</text>')
    svg = _svg(parts, WIDTH, HEIGHT, f"{y_label or lines[0].name} over {x_label}")
    above = f'<p class="axis-label">{escape(y_label)}</p>' if y_label else ""
    return f"<figure>{above}{svg}{_legend(lines)}</figure>"


def bars(values: Sequence[float], unit: str, colours: Sequence[str]) -> str:
    """Return horizontal bars from 0, each with its number and value, one colour each."""
    row, left, right = 26, 30, 60
    room = WIDTH - left - right
    finite = [value for value in values if math.isfinite(value)]
    most = 100.0 if unit == "%" else max(finite, default=1.0) or 1.0
    parts = []
    for number, (value, colour) in enumerate(zip(values, colours, strict=True)):
        y, shown = number * row, f"{value:.3g}" if math.isfinite(value) else "–"
        share = min(1.0, max(0.0, value / most)) if math.isfinite(value) else 0.0
        parts += [
            f'<text x="{left - 8}" y="{y + 18}" text-anchor="end">{number}</text>',
            f'<rect class="track" x="{left}" y="{y + 6}" width="{room}" height="16" rx="3"/>',
            f'<rect x="{left}" y="{y + 6}" width="{share * room:.1f}" height="16" rx="3" fill="{colour}"/>',
            f'<text class="strong" x="{WIDTH - right + 8}" y="{y + 18}">{shown}</text>',
        ]
    return _svg(parts, WIDTH, max(row * len(values) + 6, row), f"bars, {unit}")


def strip(values: ArrayLike, label: str) -> str:
    """Return values as marks on one axis, with their median, those that are finite."""
    finite = np.sort(np.asarray(values, np.float64))
    finite = finite[np.isfinite(finite)]
    low, high = _bounds([finite])
    ticks = nice_ticks(low, high)
    low, high = min(low, ticks[0]), max(high, ticks[-1])
    height, base = 84, 46

    def across(value: float) -> float:
        return 16 + (value - low) / (high - low) * (WIDTH - 32)

    parts = [f'<path class="axis" d="M16 {base}H{WIDTH - 16}"/>']
    for tick in ticks:
        x = across(tick)
        parts.append(f'<path class="axis" d="M{x:.1f} {base}v5"/>')
        parts.append(f'<text x="{x:.1f}" y="{base + 18}" text-anchor="middle">{tick:g}</text>')
    parts += [f'<path class="tick" d="M{across(value):.1f} {base - 4}v-22"/>' for value in finite]
    median = across(float(np.median(finite)))
    parts.append(f'<path class="median" d="M{median:.1f} {base}v-36"/>')
    parts.append(f'<text x="{WIDTH / 2}" y="{height - 2}" text-anchor="middle">{escape(label)}</text>')
    return _svg(parts, WIDTH, height, label)


def nice_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return about `count` round numbers from at most `low` to at least `high`."""
    if not high > low:
        high = low + (abs(low) or 1.0)
    raw = (high - low) / count
    scale = 10.0 ** math.floor(math.log10(raw))
    step = next(scale * factor for factor in (1, 2, 2.5, 5, 10) if scale * factor >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return powers of ten, their 2 and 5 times too where there are few, from `low` or less to `high`."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    factors = (1, 2, 5) if last - first <= 2 else (1,)
    every = [factor * 10.0**power for power in range(first, last + 1) for factor in factors]
    begin = max(number for number, tick in enumerate(every) if tick <= low * (1 + 1e-9))
    end = min(number for number, tick in enumerate(every) if tick >= high * (1 - 1e-9))
    return every[begin : max(end, begin + 1) + 1]


def _finite(line: Line, logarithmic: bool) -> Line:
    known = np.isfinite(line.x) & np.isfinite(line.y)
    if logarithmic:
        known &= line.y > 0
    return Line(line.name, line.x[known], line.y[known])


def _bounds(values: Sequence[NDArray[np.float64]], logarithmic: bool = False) -> tuple[float, float]:
    every = np.concatenate(values)
    if not len(every):
        return (0.1, 1.0) if logarithmic else (0.0, 1.0)
    low, high = float(every.min()), float(every.max())
    if high > low:
        return low, high
    return (
        (low / 2, high * 2) if logarithmic else (low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1))
    )


def _legend(lines: Sequence[Line]) -> str:
    if len(lines) < 2:
        return ""
    entries = (
        f'<span><i class="key c{number % COLOURS}"></i>{escape(line.name)}</span>'
        for number, line in enumerate(lines)
    )
    return f'<figcaption class="legend">{"".join(entries)}</figcaption>'


def _svg(parts: Sequence[str], width: float, height: float, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )
