"""The figures on the page of the cross-property study, as PNG bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    MultipleLocator,
    NullLocator,
    PercentFormatter,
)

from sktl.evaluation import BOOSTING, COLOURS, PAGE_STYLE
from sktl.studies._drawing import DARK, LINES, QUIET, draw_panels, to_png
from sktl.studies.cross_property._configurations import FREEZE_DEPTHS
from sktl.studies.cross_property._summary import (
    MODELS,
    OURS,
    SHARES,
    TREES,
    Facts,
    reference_mae,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from sktl._types import ArrayLike, FloatArray

_STYLES: dict[str, dict[str, Any]] = {
    "paper_scratch": {"color": DARK, "marker": "+", "markersize": 7, "markeredgewidth": 1.5},
    "paper_transfer": {"color": DARK, "marker": "x", "markersize": 5, "markeredgewidth": 1.4},
    "forest": {"color": COLOURS["green"], "marker": "^", "markersize": 5},
    "boosting": {"color": COLOURS["pink"], "marker": "D", "markersize": 4.5},
    "transfer": {"color": COLOURS["blue"], "marker": "o", "markersize": 6},
    "stack": {"color": COLOURS["orange"], "marker": "s", "markersize": 5.5},
}
_LABELS = {
    "paper_scratch": "paper, best from scratch",
    "paper_transfer": "paper, best transfer",
    "forest": "random forest, tuned",
    "boosting": "XGBoost, tuned",
    "transfer": "TransferRegressor",
    "stack": "TransferStackRegressor",
}
_CURVES: dict[str, tuple[str, dict[str, str]]] = {
    "transfer": ("TransferRegressor", {"color": COLOURS["blue"], "marker": "o", "linestyle": "-"}),
    "scratch": (
        "the same, from scratch",
        {"color": COLOURS["amber"], "marker": "v", "linestyle": "--"},
    ),
    BOOSTING: ("XGBoost, tuned", {"color": COLOURS["pink"], "marker": "D", "linestyle": ":"}),
}
_COVERAGE = 0.9
_CURVE_TICKS = (100, 400, 1600, 6400, 25600)
_PERCENT = PercentFormatter(1, decimals=0, symbol=" %")
_TICKS = (0.25, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.4, 1.7, 2, 2.5, 3, 4)


class Figure(NamedTuple):
    """A figure, or what it lacks.

    Attributes
    ----------
    content : bytes or None
        A PNG file; None as long as there are no data.
    caption : str
        What it shows.
    lacks : str
        The configurations that it is drawn from.
    """

    content: bytes | None
    caption: str
    lacks: str


def draw_figures(summary: Facts) -> dict[str, Figure]:
    """Draw the figures of a summary, those that have data.

    Parameters
    ----------
    summary : dict
        What `summarize` returned.

    Returns
    -------
    dict of str to Figure
        By the name of their file.
    """
    sets = summary["sets"]
    drawn = {}
    with matplotlib.rc_context(PAGE_STYLE):
        for name, (draw, caption, lacks) in _FIGURES.items():
            canvas = draw(sets)
            drawn[name] = Figure(None if canvas is None else to_png(canvas), caption, lacks)
    return drawn


def _relative_errors(sets: dict[str, Facts]) -> Canvas | None:
    """Draw errors over that of the best model from scratch, a line for each data set."""
    names = {name: facts for name, facts in sets.items() if facts["models"]}
    if not names:
        return None
    names = dict(sorted(names.items(), key=lambda item: item[1]["n_train"]))
    canvas, axis = _rows_of_sets(names, "n_train")
    axis.set_ylabel("data set and number of its training rows")
    models = [model for model in _STYLES if model not in MODELS or _any(names, model)]
    for model in models:
        points = []
        for place, facts in enumerate(names.values()):
            known = [reference_mae(facts, each) for each in ("paper_scratch", *TREES)]
            best = min(mae for mae in known if mae is not None)
            mae = reference_mae(facts, model)
            if mae is not None:
                points.append((mae / best, place))
        axis.plot(*zip(*points, strict=True), linestyle="", label=_LABELS[model], **_STYLES[model])
    axis.axvline(1, color=QUIET, linewidth=1, zorder=1)
    _ratio_axis(axis.xaxis, axis.get_xlim())
    axis.set_xlabel("test MAE / that of the best model from scratch")
    canvas.legend(loc="outside upper center", ncols=3, handletextpad=0.3)
    return canvas


def _coverage(sets: dict[str, Facts]) -> Canvas | None:
    """Draw the coverage of 90 % intervals, a line for each data set."""
    names = {
        name: facts
        for name, facts in sets.items()
        if any(_coverage_of(facts, model) is not None for model in OURS)
    }
    if not names:
        return None
    names = dict(sorted(names.items(), key=lambda item: item[1]["n_test"]))
    canvas, axis = _rows_of_sets(names, "n_test")
    axis.set_ylabel("data set and number of its test rows")
    counts = np.array([facts["n_test"] for facts in names.values()])
    half = 1.96 * np.sqrt(_COVERAGE * (1 - _COVERAGE) / counts)
    places = np.arange(len(names))
    style: dict[str, Any] = {"height": 0.8, "color": "0.88", "label": "if they were exact"}
    axis.barh(places, 2 * half, left=_COVERAGE - half, **style)
    axis.axvline(_COVERAGE, color=QUIET, linewidth=1)
    for model in OURS:
        found = [_coverage_of(facts, model) for facts in names.values()]
        points = [(each, place) for place, each in enumerate(found) if each is not None]
        if points:
            style = _STYLES[model]
            axis.plot(*zip(*points, strict=True), linestyle="", label=_LABELS[model], **style)
    axis.xaxis.set_major_formatter(_PERCENT)
    axis.set_xlim(axis.dataLim.x0 - 0.01, 1.01)
    axis.xaxis.set_major_locator(MultipleLocator(0.05))
    axis.set_xlabel("test values inside their 90 % interval")
    canvas.legend(loc="outside upper center", ncols=3, handletextpad=0.5)
    return canvas


def _rows_of_sets(names: dict[str, Facts], size: str) -> tuple[Canvas, Axes]:
    """Return a canvas and an axis with a row for each data set, the first at the bottom."""
    canvas = Canvas(figsize=(7.2, 1.5 + 0.215 * len(names)), layout="constrained")
    axis = canvas.subplots()
    axis.set_yticks(
        range(len(names)), [f"{name}  {facts[size]:,}" for name, facts in names.items()]
    )
    axis.set_ylim(-0.7, len(names) - 0.3)
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="both")
    return canvas, axis


def _learning_curves(sets: dict[str, Facts]) -> Canvas | None:
    """Draw error against the number of training rows, a panel for each data set."""
    names = {name: facts for name, facts in sets.items() if facts["learning_curve"]}
    if not names:
        return None
    panels = {
        name: (
            facts["unit"],
            {_CURVES[model][0]: curve for model, curve in facts["learning_curve"].items()},
        )
        for name, facts in sorted(names.items(), key=lambda item: item[1]["n_train"])
    }
    return draw_panels(panels, dict(_CURVES.values()), _CURVE_TICKS, "training rows")


def _layer_errors(sets: dict[str, Facts]) -> Canvas | None:
    """Draw error against the layer that gives the features, a panel for each source."""
    sources = list(dict.fromkeys(source for facts in sets.values() for source in facts["layers"]))
    if not sources:
        return None
    canvas = Canvas(figsize=(3.0 * len(sources) + 0.6, 3.7), layout="constrained")
    for axis, source in zip(
        canvas.subplots(1, len(sources), sharey=True, squeeze=False)[0], sources, strict=True
    ):
        curves = [facts["layers"][source] for facts in sets.values() if source in facts["layers"]]
        names = [name for name, _ in curves[0]]
        maes = np.array([[mae for _, mae in curve] for curve in curves])
        _bundle(axis, np.arange(len(names)), maes / maes.min(axis=1, keepdims=True))
        axis.set_xticks(range(len(names)), names, rotation=90)
        axis.set_title(f"{source}, {_count(curves)}", loc="left")
        axis.set_xlabel("layer, from the input")
    canvas.axes[0].set_ylabel("validation MAE / that of the best layer")
    canvas.legend(*canvas.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return canvas


def _freeze_depths(sets: dict[str, Facts]) -> Canvas | None:
    """Draw error against the number of frozen depth groups, a line for each data set."""
    names = {name: facts for name, facts in sets.items() if len(facts["freeze_depth"]) > 1}
    names = {name: facts for name, facts in names.items() if facts["freeze_depth"][0][0] == 0}
    if not names:
        return None
    canvas = Canvas(figsize=(6.8, 3.7), layout="constrained")
    axis = canvas.subplots()
    for place, (name, facts) in enumerate(names.items()):
        depths, maes = np.array(facts["freeze_depth"]).T
        axis.plot(depths, maes / maes[0], label=name, **LINES[place % len(LINES)])
    axis.axhline(1, color=QUIET, linewidth=1, zorder=1)
    axis.set_xlabel(
        "depth groups frozen, from the input "
        f"(0: all are trained, {FREEZE_DEPTHS[-1]}: the head alone)"
    )
    axis.set_ylabel("test MAE / that with none frozen")
    axis.grid(axis="y")
    canvas.legend(loc="outside right upper")
    return canvas


def _kept_shares(sets: dict[str, Facts]) -> Canvas | None:
    """Draw the error of the rows left when the most uncertain are left out, a panel a model."""
    models = [model for model in OURS if any(_kept(facts, model) for facts in sets.values())]
    if not models:
        return None
    canvas = Canvas(figsize=(3.6 * len(models) + 0.4, 3.7), layout="constrained")
    panels = canvas.subplots(1, len(models), sharey=True, squeeze=False)[0]
    for axis, model in zip(panels, models, strict=True):
        found = [facts for facts in sets.values() if _kept(facts, model)]
        curves = np.array([_kept(facts, model) for facts in found])
        best = np.array([facts["models"][model]["kept_at_best"] for facts in found])
        _bundle(axis, SHARES, curves)
        label = "median, left out by true error"
        axis.plot(SHARES, np.median(best, axis=0), color=QUIET, linestyle="--", label=label)
        axis.axhline(1, color=QUIET, linestyle=":", label="left out at random")
        axis.xaxis.set_major_formatter(_PERCENT)
        axis.set_title(f"{_LABELS[model]}, {_count(found)}", loc="left")
        axis.set_xlabel("test rows kept, the most certain ones")
    panels[0].set_ylim(bottom=0)  # of both, when all is drawn
    panels[0].set_ylabel("test MAE of these / of all")
    handles, labels = panels[0].get_legend_handles_labels()
    canvas.legend(handles, labels, loc="outside upper center", ncols=2)
    return canvas


def _bundle(axis: Axes, x: ArrayLike, curves: FloatArray) -> None:
    """Draw many lines thinly, and their median."""
    for number, curve in enumerate(curves):
        axis.plot(x, curve, color="0.75", linewidth=0.7, label=None if number else "a data set")
    axis.plot(x, np.median(curves, axis=0), color=COLOURS["blue"], linewidth=2.2, label="median")
    axis.grid(axis="y")


def _ratio_axis(axis: Axis, ends: tuple[float, float]) -> None:
    """Give a logarithmic axis for ratios with readable ticks."""
    axis.axes.set_xscale("log")
    axis.axes.set_xlim(ends[0] * 0.97, ends[1] * 1.03)
    axis.set_major_locator(FixedLocator([tick for tick in _TICKS if ends[0] < tick < ends[1]]))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _any(sets: dict[str, Facts], model: str) -> bool:
    return any(model in facts["models"] for facts in sets.values())


def _coverage_of(facts: Facts, model: str) -> Any:
    return facts["models"].get(model, {}).get("coverage")


def _kept(facts: Facts, model: str) -> Any:
    return facts["models"].get(model, {}).get("kept")


def _count(items: Sequence[Any]) -> str:
    return "one data set" if len(items) == 1 else f"{len(items)} data sets"


_FIGURES: dict[str, tuple[Callable[[dict[str, Facts]], Canvas | None], str, str]] = {
    "relative_errors": (
        _relative_errors,
        "Test error of each model, relative to the lowest of the three from scratch: the paper's "
        "best, the tuned random forest, the tuned XGBoost.",
        'it needs "SC:ML(PA)" or a configuration of sktl',
    ),
    "learning_curves": (
        _learning_curves,
        "Test error against the number of training rows; smaller training sets are parts of larger "
        "ones.",
        'it needs "learning curve"',
    ),
    "layers": (
        _layer_errors,
        "Validation error of trees on the activations of each layer, relative to the best layer.",
        'it needs "TL:ML(FeatExtr)"',
    ),
    "freeze_depth": (
        _freeze_depths,
        'Test error of the source "mpt" fine-tuned with its first depth groups frozen.',
        'it needs "freeze depth"',
    ),
    "coverage": (
        _coverage,
        "Share of the test values inside their 90 % interval. Grey: where 95 % of all test sets of "
        "this size would lie if the intervals were exact.",
        "it needs a configuration of sktl",
    ),
    "rows_kept": (
        _kept_shares,
        "Test error of the rows that are left when the most uncertain ones are left out.",
        "it needs a configuration of sktl",
    ),
}
