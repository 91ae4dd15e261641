"""Figures of errors, and the files that hold them."""

from __future__ import annotations

import functools
import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, PercentFormatter

from sktl._echo import printable
from sktl.evaluation._names import BOOSTING, FOREST, SCRATCH, TRANSFER, FigureKind

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.typing import RcKeyType

    from sktl._types import FloatArray

_Arguments = ParamSpec("_Arguments")

_UNDATED: dict[FigureKind, dict[str, None]] = {
    "png": {},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}

COLOURS = {
    "blue": "#0072B2",
    "orange": "#D55E00",
    "green": "#009E73",
    "pink": "#CC79A7",
    "sky": "#56B4E9",
    "amber": "#E69F00",
    "black": "#000000",
}
"""Colours of Okabe and Ito, told apart with any colour vision; markers and lines differ too."""
_STYLES: dict[str, dict[str, Any]] = {
    TRANSFER: {"color": COLOURS["blue"], "marker": "o", "linestyle": "-"},
    SCRATCH: {"color": COLOURS["orange"], "marker": "s", "linestyle": "--"},
    FOREST: {"color": COLOURS["green"], "marker": "^", "linestyle": "-."},
    BOOSTING: {"color": COLOURS["pink"], "marker": "D", "linestyle": ":"},
}
_FIGURE_STYLE: dict[RcKeyType, Any] = {
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "svg.hashsalt": "sktl",
    "text.parse_math": False,  # texts come from users: a dollar is a dollar
}
PAGE_STYLE: dict[RcKeyType, Any] = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "0.9",
    "legend.frameon": False,
}
"""Style of the figures in pages: smaller letters than in a report, and room for a grid."""
_QUIET = "0.35"
_MANY_POINTS = 1000


def styled(draw: Callable[_Arguments, Figure]) -> Callable[_Arguments, Figure]:
    """Return the function with the house's style of figures."""

    @functools.wraps(draw)
    def drawn(*arguments: _Arguments.args, **keywords: _Arguments.kwargs) -> Figure:
        with matplotlib.rc_context(_FIGURE_STYLE):
            return draw(*arguments, **keywords)

    return drawn


@styled
def draw_parity(
    predictions: Mapping[str, FloatArray],
    titles: Mapping[str, str],
    measured: FloatArray,
    quantity: str,
    note: str = "",
) -> Figure:
    """Draw predicted against measured values, a panel for each model.

    Parameters
    ----------
    predictions : dict of str to float array (n,)
        For each model.
    titles : dict of str to str
        What stands above its panel.
    measured : float array (n,)
        Measured values.
    quantity : str
        What they are, with its unit.
    note : str
        Stands above all panels.

    Returns
    -------
    matplotlib.figure.Figure
    """
    values = np.concatenate([measured, *predictions.values()])
    pad = 0.03 * np.ptp(values)
    n_columns = 2 if len(predictions) == 4 else len(predictions)
    n_rows = -(-len(predictions) // n_columns)
    figure = new_figure(3.4 * n_columns, 3.8 * n_rows + 0.6)
    figure.set_layout_engine("constrained", h_pad=0.1)
    axes = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False)
    for axis, (model, found) in zip(axes.flat, predictions.items(), strict=True):
        axis.axline((0, 0), slope=1, color=_QUIET, linewidth=1, zorder=3)
        _scatter(axis, measured, found, _STYLES[model]["color"])
        axis.set_aspect("equal")
        axis.set_title(titles[model], loc="left")
    limits = values.min() - pad, values.max() + pad
    axes[0, 0].set(xlim=limits, ylim=limits)
    for axis in axes[-1]:
        axis.set_xlabel(f"measured {quantity}")
    for axis in axes[:, 0]:
        axis.set_ylabel(f"predicted {quantity}")
    figure.suptitle(note, x=0.01, ha="left", fontsize=10, color=_QUIET)
    return figure


@styled
def draw_learning_curve(
    curves: Mapping[str, Sequence[tuple[float, ...]]],
    titles: Mapping[str, str],
    quantity: tuple[str, str],
    title: str,
) -> Figure:
    """Draw errors against the number of training rows, a line for each model.

    Parameters
    ----------
    curves : dict of str to list of tuple
        For each model (training rows, error) or (training rows, error, spread), the smallest
        training set first.
    titles : dict of str to str
        Their names in the legend.
    quantity : str
        What is on the axes: rows of what, and the error with its unit, as two texts.
    title : str
        Stands above.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = new_figure(6.4, 4.4)
    axis = figure.subplots()
    for model, points in curves.items():
        sizes, errors, *spreads = zip(*points, strict=True)
        style = {"markersize": 6, "capsize": 3} | _STYLES[model]
        axis.errorbar(sizes, errors, spreads[0] if spreads else None, label=titles[model], **style)
    axis.set_xscale("log")
    axis.set_xticks(sizes, [f"{size:,.0f}" for size in sizes])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_ylim(bottom=0)
    axis.set_xlabel(quantity[0])
    axis.set_ylabel(quantity[1])
    axis.set_title(title, loc="left")
    axis.grid(axis="y", color="0.9")
    axis.set_axisbelow(True)
    axis.legend(loc="lower left", handlelength=3.2)
    return figure


@styled
def draw_residuals(predicted: FloatArray, measured: FloatArray, unit: str) -> Figure:
    """Draw predicted minus measured values (n,) against the predicted, and their histogram."""
    residuals = predicted - measured
    figure = new_figure(6.4, 4.4)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[2.6, 1])
    color = _STYLES[TRANSFER]["color"]
    left.axhline(0, color=_QUIET, linewidth=1, zorder=3)
    _scatter(left, predicted, residuals, color)
    left.set_xlabel(f"predicted{unit}")
    left.set_ylabel(f"predicted − measured{unit}")
    bins = int(np.clip(np.sqrt(len(residuals)) * 1.5, 10, 60))
    right.hist(residuals, bins=bins, orientation="horizontal", color=color, alpha=0.7)
    right.axhline(0, color=_QUIET, linewidth=1)
    right.set_xlabel("rows")
    return figure


@styled
def draw_calibration(nominal: Sequence[float], observed: Sequence[float], n_rows: int) -> Figure:
    """Draw the observed against the nominal coverage of intervals.

    Parameters
    ----------
    nominal, observed : sequence of float, length m
        Shares.
    n_rows : int
        Rows, by which the scatter of shares that are exact is judged.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = new_figure(4.4, 4.4)
    axis = figure.subplots()
    grid = np.linspace(0, 1, 101)
    half = 1.96 * np.sqrt(grid * (1 - grid) / n_rows)
    low, high = np.maximum(grid - half, 0), np.minimum(grid + half, 1)
    axis.fill_between(grid, low, high, color="0.88", linewidth=0, label="95 % of exact intervals")
    axis.plot([0, 1], [0, 1], color=_QUIET, linewidth=1)
    axis.plot(nominal, observed, markersize=6, label="observed", **_STYLES[TRANSFER])
    for each in (axis.xaxis, axis.yaxis):
        each.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    axis.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axis.set_xlabel("nominal coverage of the intervals")
    axis.set_ylabel("observed coverage")
    axis.legend(loc="upper left")
    return figure


@styled
def draw_rates(
    curves: Mapping[str, tuple[FloatArray, FloatArray]],
    titles: Mapping[str, str],
    axes: tuple[str, str],
    *,
    diagonal: bool = False,
    markers: bool = False,
) -> Figure:
    """Draw a line for each model between rates from 0 to 1.

    Parameters
    ----------
    curves : dict of str to (float array, float array)
        For each model the points.
    titles : dict of str to str
        Their names in the legend.
    axes : (str, str)
        What the rates are.
    diagonal : bool, default=False
        Draw the line of equal rates.
    markers : bool, default=False
        Mark the points.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = new_figure(4.6, 4.6)
    axis = figure.subplots()
    if diagonal:
        axis.plot([0, 1], [0, 1], color=_QUIET, linewidth=1)
    for model, (x, y) in curves.items():
        style = _STYLES[model] if markers else _STYLES[model] | {"marker": None}
        axis.plot(x, y, label=titles[model], **style)
    axis.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axis.set_xlabel(axes[0])
    axis.set_ylabel(axes[1])
    figure.legend(loc="outside lower center", handlelength=3.2)
    return figure


def as_file(
    figure: Figure,
    kind: FigureKind,
    *,
    dpi: int = 150,
    style: dict[RcKeyType, Any] | None = None,
) -> bytes:
    """Return a figure as the content of a file, the same for the same figure.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What to save.
    kind : {"png", "svg", "pdf"}
        Format of the file.
    dpi : int, default=150
        Dots per inch, of a PNG and of clouds of points in the others.
    style : dict or None, default=None
        Settings of matplotlib under which it was drawn; None for the figures of this module.

    Returns
    -------
    bytes
    """
    content = io.BytesIO()
    look: dict[str, Any] = {"bbox_inches": "tight", "pad_inches": 0.1, "metadata": _UNDATED[kind]}
    with matplotlib.rc_context(style or _FIGURE_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # a box is drawn instead
        figure.savefig(content, format=kind, dpi=dpi, **look)
    if kind == "svg":  # in which control characters may not be
        return printable(content.getvalue().decode("utf-8")).encode("utf-8")
    return content.getvalue()


def _scatter(axis: Axes, x: FloatArray, y: FloatArray, color: str) -> None:
    many = len(x) > _MANY_POINTS  # so many shapes would make a file of megabytes
    size, alpha = (10, 0.35) if many else (20, 0.55)
    axis.scatter(x, y, s=size, alpha=alpha, linewidths=0, color=color, rasterized=many)


def new_figure(width: float, height: float) -> Figure:
    """Return a figure (inches) that is independent of pyplot and of its backend."""
    return Figure(figsize=(width, height), layout="constrained")
