"""Curves on a page: metrics over thresholds, or over how bad the clouds are."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from kg import paths
from kg.errors import KgError
from kg.evaluation.metrics import Curve
from kg.evaluation.metrics.metric import PERCENT
from kg.viz.page import METADATA

INK, FAINT = "#333333", "#d9d9d9"
COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#7f7f7f")
"""Paul Tol's bright scheme, which the colour-blind tell apart."""
PANEL = (3.1, 2.5)
"""Inches."""
FEW = 12
"""Points of a curve that are marked, each."""


def check_plot(path: Path) -> None:
    """Check the name of a plot's file before anything that takes time.

    Raises:
        KgError: It has no suffix that can be drawn.
    """
    if path.suffix.lower() not in METADATA:
        raise KgError(
            f"A plot cannot be written to {path}: it has to be {', '.join(METADATA)}.",
            "For example: --plot out.pdf",
        )


def draw_curves(path: Path, panels: Sequence[Sequence[Sequence[Curve]]], caption: str) -> None:
    """Draw panels in rows and columns, each with its curves, and a line below; whole or not at all.

    Curves of one panel have their axes in common.
    """
    rows, columns = len(panels), max(len(row) for row in panels)
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({"svg.hashsalt": "kg", "font.size": 8, "axes.edgecolor": INK})
        figure = Figure(
            figsize=(max(PANEL[0] * columns, 4.2), PANEL[1] * rows + 0.35), dpi=150, layout="constrained"
        )
        FigureCanvasAgg(figure)
        axes = figure.subplots(rows, columns, squeeze=False, sharey="row")
        explained: list[str] = []
        for of_row, row in zip(axes, panels, strict=True):
            for number, panel in enumerate(of_row):
                if number < len(row):
                    draw_panel(panel, row[number])
                    if (names := [curve.name for curve in row[number]]) != explained:
                        panel.legend(frameon=False, fontsize=7)
                        explained = names
                else:
                    panel.set_axis_off()
            of_row[0].set_ylabel(row[0][0].y_unit, color=INK)
            of_row[0].set_ylim(limits([curve for curves in row for curve in curves]))
        lines = textwrap.wrap(caption, int(18 * figure.get_figwidth()))
        figure.supxlabel("\n".join(lines), fontsize=7, color="#777777")
        with paths.replacing(path) as temporary:
            figure.savefig(temporary, metadata=METADATA[path.suffix.lower()])


def draw_panel(panel: Axes, curves: Sequence[Curve]) -> None:
    """Draw curves, whose axes they have in common, into one panel, all but its y axis and its legend."""
    for curve, colour in zip(curves, COLOURS * len(curves), strict=False):
        marker = "o" if len(curve.x) < FEW else None
        panel.plot(
            curve.x, curve.y, color=colour, marker=marker, markersize=3.5, linewidth=1.4, label=curve.name
        )
    shared = curves[0]
    if len(shared.x) > 2 and shared.x[0] > 0 and shared.x[-1] / shared.x[0] >= 8:
        panel.set_xscale("log", base=2)
    if len(shared.x) < FEW:
        panel.set_xticks(shared.x, [f"{x:g}" for x in shared.x])
        panel.minorticks_off()
    unit = f" ({shared.x_unit})" if shared.x_unit else ""
    panel.set_xlabel(shared.x_label + unit, color=INK)
    panel.grid(color=FAINT, linewidth=0.6)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)


def limits(curves: Sequence[Curve]) -> tuple[float, float]:
    """Return the limits of a row of panels: 0 to 100 for percentages, else from 0 on."""
    if all(curve.y_unit == PERCENT for curve in curves):
        return -2, 102
    top = max((float(y) for curve in curves for y in curve.y if y > 0), default=1.0)
    return 0, 1.15 * top
