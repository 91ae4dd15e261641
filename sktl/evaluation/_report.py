"""The report: one HTML file with everything in it, for the screen and for paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np

from sktl._echo import shown
from sktl.evaluation._condition_figures import draw_conditions
from sktl.evaluation._elements import FEW, place_of
from sktl.evaluation._figures import (
    draw_calibration,
    draw_learning_curve,
    draw_parity,
    draw_residuals,
)
from sktl.evaluation._html import CITATIONS, TREES, write_page
from sktl.evaluation._names import FOREST, MEDIAN, MODELS, SCRATCH, TRANSFER, FigureKind
from sktl.evaluation._sentences import Findings
from sktl.evaluation._summary import summarize

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sktl._types import PathLike
    from sktl.evaluation._evaluation import Evaluation

_COLOURS = matplotlib.colormaps["YlOrBr"]
_LIGHT, _DARK = 0.02, 0.85  # the part of the colours on which text can be read
_LUMINANCE_FOR_WHITE = 0.18  # below it white text has more contrast than black
_LONGEST = 40
_CITATIONS = (
    *CITATIONS,
    ("Intervals", "Lei et al. 2018", "10.1080/01621459.2017.1307116"),
    ("Nested cross-validation", "Varma and Simon 2006", "10.1186/1471-2105-7-91"),
)


def write_report(
    path: PathLike,
    evaluation: Evaluation,
    *,
    target: str = "target",
    unit: str | None = None,
    labels: Sequence[str | int] | None = None,
    label_title: str = "row",
    data: Mapping[str, str] | None = None,
    figures: FigureKind | None = None,
) -> Findings:
    """Write an evaluation as one self-contained HTML file.

    The page has no script and asks nothing of the network. Numbers are those of `summarize`.

    Parameters
    ----------
    path : path-like
        File to write, atomically.
    evaluation : Evaluation
        What `evaluate` returned.
    target, unit, labels
        As in `summarize`.
    label_title : str, default="row"
        What the labels are, such as "line".
    data : dict or None, default=None
        What else is known of the data: name to text, such as the file and its sha256.
    figures : {"png", "svg", "pdf"} or None, default=None
        Write each figure of the page to a file beside it too, such as ``report_parity.pdf``.

    Returns
    -------
    dict
        What `summarize` returns.
    """
    target, unit = shown(target), unit and shown(unit)
    findings = summarize(evaluation, target=target, unit=unit, labels=labels)
    suffix = f" ({unit})" if unit else ""
    drawn = _draw(evaluation, findings, suffix)
    models = evaluation.predictions
    write_page(
        path,
        "report.html",
        evaluation.source,
        findings,
        drawn,
        figures,
        citations=[*_CITATIONS, *(own for model, own in TREES.items() if model in models)],
        median=MEDIAN,
        scratch=SCRATCH,
        curve_folds=len(evaluation.curve[0].mae) if evaluation.curve else 0,
        few=FEW,
        suffix=suffix,
        space_unit=f" {unit}" if unit else "",
        data=data or {},
        label_title=label_title,
        elements=_elements(findings["elements"]),
        scale=_scale(findings["elements"]),
    )
    return findings


def _draw(evaluation: Evaluation, findings: Findings, suffix: str) -> dict[str, Figure]:
    """Return each figure by its name, those left out for which there are too few rows."""
    target = findings["target"]
    target = target if len(target) <= _LONGEST else f"{target[: _LONGEST - 1]}…"
    rows = {row["model"]: row for row in findings["models"]}
    models = [model for model in MODELS if model in rows]
    first = {model: evaluation.predictions[model][0] for model in models}
    titles = {
        model: f"{rows[model]['title']}\nMAE {rows[model]['mae']:.3g}, R² {rows[model]['r2']:.2f}"
        for model in models
    }
    drawn = {
        "parity": draw_parity(first, titles, evaluation.y, f"{target}{suffix}"),
        "residuals": draw_residuals(first[TRANSFER], evaluation.y, suffix),
    }
    if len({point.share for point in evaluation.curve}) > 1:
        names = {model: rows[model]["title"] for model in models}
        drawn["curve"] = draw_learning_curve(
            _curves(findings, models), names, ("training rows", f"mean absolute error{suffix}"), ""
        )
    if findings["coverage"]:
        nominal, observed = (
            [row[key] for row in findings["coverage"]] for key in ("nominal", "observed")
        )
        drawn["calibration"] = draw_calibration(nominal, observed, len(evaluation.y))
    if evaluation.responses:
        drawn["conditions"] = draw_conditions(
            findings["conditions"],
            evaluation.responses,
            (f"{target}{suffix}", f"mean absolute error{suffix}"),
            "mae",
        )
    return drawn


def _curves(findings: Findings, models: list[str]) -> dict[str, list[tuple[float, ...]]]:
    shown = [model for model in (FOREST, TRANSFER, SCRATCH) if model in models]
    return {
        model: [
            (row["n_train"], row["mae"], row["mae_sd"])
            for row in findings["learning_curve"]
            if row["model"] == model
        ]
        for model in shown
    }


def _elements(elements: list[Findings]) -> list[Findings]:
    """Return what the periodic table shows of each element: place, texts and colours."""
    low, high = _range(elements)
    shown = []
    for each in elements:
        row, column = place_of(each["symbol"])
        share = 0.5 if high == low else np.clip((each["mae"] - low) / (high - low), 0, 1)
        rgba = _COLOURS(_LIGHT + (_DARK - _LIGHT) * share)
        luminance = np.array(rgba[:3]) ** 2.2 @ (0.2126, 0.7152, 0.0722)
        place = {"row": row, "column": column, "colour": matplotlib.colors.to_hex(rgba)}
        shown.append({**each, **place, "dark": bool(luminance < _LUMINANCE_FOR_WHITE)})
    return shown


def _scale(elements: list[Findings]) -> dict[str, Any]:
    """Return the ends of the colour scale and the colours between."""
    low, high = _range(elements)
    stops = [_COLOURS(_LIGHT + (_DARK - _LIGHT) * share) for share in np.linspace(0, 1, 6)]
    return {"low": low, "high": high, "colours": [matplotlib.colors.to_hex(c) for c in stops]}


def _range(elements: list[Findings]) -> tuple[float, float]:
    """Return the range of errors of elements of which enough is known, of all if there are none."""
    errors = [each["mae"] for each in elements if each["n"] >= FEW]
    errors = errors or [each["mae"] for each in elements]
    return min(errors), max(errors)
