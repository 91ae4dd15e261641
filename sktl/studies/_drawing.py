"""What the figures of the studies share: lines, panels of curves, resolution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import NullLocator

from sktl.evaluation import COLOURS, PAGE_STYLE, as_file

Panels: TypeAlias = Mapping[str, tuple[str, Mapping[str, Sequence[Sequence[float]]]]]
"""By title the unit and the points of each curve by its label."""

DARK, QUIET = "0.3", "0.55"
LINES: list[dict[str, Any]] = [
    {"color": color, "marker": marker}
    for color, marker in zip((*COLOURS.values(), QUIET), "os^Dv<>X", strict=True)
]
_DOTS_PER_INCH = 130


def draw_panels(
    panels: Panels, styles: Mapping[str, Mapping[str, Any]], ticks: Sequence[int], xlabel: str
) -> Canvas:
    """Draw curves over a logarithmic number of rows, a panel for each data set, three in a row.

    Parameters
    ----------
    panels : dict of str to (str, dict of str to list of (x, y) or (x, y, spread))
        By title the unit of the test MAE, y, and the points of each curve by its label. A spread is
        drawn as a bar.
    styles : dict of str to dict
        Arguments of matplotlib's `errorbar` by the label of a curve.
    ticks : sequence of int
        Of the horizontal axis, where they are within.
    xlabel : str
        Of the lowest panel of each column.

    Returns
    -------
    matplotlib.figure.Figure
    """
    n_columns = min(3, len(panels))
    n_rows = -(-len(panels) // n_columns)
    canvas = Canvas(figsize=(2.9 * n_columns, 2.6 * n_rows + 0.5))
    canvas.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
    axes = canvas.subplots(n_rows, n_columns, squeeze=False)
    for axis in axes.flat[len(panels) :]:
        axis.remove()
    handles = {}
    for place, (title, (unit, curves)) in enumerate(panels.items()):
        axis = axes.flat[place]
        for label, points in curves.items():
            columns = zip(*points, strict=True)
            handles[label] = axis.errorbar(*columns, markersize=5, capsize=2, **styles[label])
        axis.set_xscale("log")
        low, high = axis.get_xlim()
        shown = [tick for tick in ticks if low <= tick <= high]
        axis.set_xticks(shown, [f"{tick:,}" for tick in shown])
        axis.xaxis.set_minor_locator(NullLocator())
        axis.set_ylim(0, 1.06 * axis.dataLim.ymax)
        axis.set_title(title, loc="left")
        axis.set_ylabel(f"test MAE ({unit})")
        axis.grid(axis="y")
        if place + n_columns >= len(panels):
            axis.set_xlabel(xlabel)
    canvas.legend(handles.values(), handles, loc="outside upper center", ncols=3)
    return canvas


def to_png(canvas: Canvas) -> bytes:
    """Return a figure as the bytes of a PNG file."""
    return as_file(canvas, "png", dpi=_DOTS_PER_INCH, style=PAGE_STYLE)
