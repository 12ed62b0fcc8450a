"""Charts of a page: matplotlib's, as SVG inside it, in the colours of the page, light or dark."""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from kg.evaluation.curves import COLOURS, FAINT, INK, draw_panel, limits
from kg.evaluation.metrics import Curve

SIZE = (4.7, 2.9)
"""Inches."""
STRIP = (4.7, 0.95)

PAGE = {
    INK: "var(--soft)",
    FAINT: "var(--line)",
    **{colour: f"var(--c{number})" for number, colour in enumerate(COLOURS)},
}
"""The page's own colours, in its style sheet, for those that are drawn with."""


def chart(curves: Sequence[Curve], y_label: str = "", *, logarithmic: bool = False) -> Markup:
    """Return curves over a common axis, with a legend where there are several.

    Args:
        curves: At least one; what is not finite is left out.
        y_label: Of the axis, with its unit; by default that of the first curve.
        logarithmic: The y axis; values of 0 and below are left out.
    """
    with _settings():
        figure = Figure(figsize=SIZE, layout="constrained")
        axes = figure.subplots()
        draw_panel(axes, curves)
        if logarithmic:
            axes.set_yscale("log", nonpositive="mask")
        else:
            axes.set_ylim(limits(curves))
        axes.set_ylabel(y_label or _labelled(curves[0].y_label, curves[0].y_unit), color=INK)
        if len(curves) > 1:
            figure.legend(loc="outside lower center", ncols=3, frameon=False)
        return _svg(figure)


def strip(values: ArrayLike, label: str) -> Markup:
    """Return values as marks on one axis, with their median; what is not finite is left out."""
    known = np.asarray(values, np.float64)
    known = known[np.isfinite(known)]
    with _settings():
        figure = Figure(figsize=STRIP, layout="constrained")
        axes = figure.subplots()
        axes.eventplot(known, linelengths=0.6, linewidths=1.2, colors=COLOURS[0])
        axes.axvline(float(np.median(known)), color=COLOURS[1], linewidth=2)
        axes.set_xlabel(label, color=INK)
        axes.set_yticks([])
        axes.spines[["top", "left", "right"]].set_visible(False)
        return _svg(figure)


def _labelled(label: str, unit: str) -> str:
    return f"{label}, {unit}" if unit and unit not in label else label


@contextmanager
def _settings() -> Iterator[None]:
    """Draw as is meant here, whatever the user's matplotlibrc says; letters stay letters."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "kg", "font.size": 9})
        matplotlib.rcParams.update({"text.color": INK, "axes.edgecolor": INK})
        matplotlib.rcParams.update({"xtick.color": INK, "ytick.color": INK})
        yield


def _svg(figure: Figure) -> Markup:
    FigureCanvasSVG(figure)
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    text = file.getvalue()
    # Of a file, not of a part of a page: its heading, who made it, sizes, and ids that every chart has.
    opening, inside = text[text.index("<svg") :].split(">", 1)
    opening = re.sub(r' (width|height)="[^"]*"', "", opening)
    text = f"{opening}>{re.sub('<metadata>.*?</metadata>', '', inside, flags=re.DOTALL)}"
    text = re.sub(r' id="[\w.]+_\d+"', "", text)
    # The page's letters and colours.
    text = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", text)
    return Markup(re.sub("|".join(PAGE), lambda match: PAGE[match[0]], text))
