"""The report on classifiers: one HTML file with everything in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from sklearn.calibration import calibration_curve
from sklearn.metrics import precision_recall_curve, roc_curve

from sktl._echo import shown
from sktl.evaluation._class_summary import summarize_classes
from sktl.evaluation._classes import LEAST, SHARES
from sktl.evaluation._condition_figures import draw_conditions
from sktl.evaluation._figures import draw_rates
from sktl.evaluation._html import CITATIONS, TREES, write_page
from sktl.evaluation._names import FigureKind
from sktl.evaluation._sentences import Findings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sktl._types import FloatArray, IntArray, PathLike
    from sktl.evaluation._classes import ClassEvaluation

_BINS = 10


def write_class_report(
    path: PathLike,
    evaluation: ClassEvaluation,
    *,
    target: str = "target",
    labels: Sequence[str | int] | None = None,
    label_title: str = "row",
    data: Mapping[str, str] | None = None,
    figures: FigureKind | None = None,
) -> Findings:
    """Write an evaluation of classifiers as one self-contained HTML file.

    Parameters
    ----------
    path : path-like
        File to write, atomically.
    evaluation : ClassEvaluation
        What `evaluate_classes` returned.
    target, labels
        As in `summarize_classes`.
    label_title, data, figures
        As in `write_report`.

    Returns
    -------
    dict
        What `summarize_classes` returns.
    """
    findings = summarize_classes(evaluation, target=shown(target), labels=labels)
    rows = [row for row in findings["models"] if row["model"] != SHARES]
    models = [row["model"] for row in rows]
    write_page(
        path,
        "classes.html",
        evaluation.source,
        findings,
        _draw(evaluation, findings, {row["model"]: row["title"] for row in rows}),
        figures,
        citations=[*CITATIONS, *(own for model, own in TREES.items() if model in models)],
        suffix="",
        least=LEAST,
        positive=evaluation.classes[1],
        shown=evaluation.classes[evaluation.shown],
        confusions=[(row["title"], _cells(row["confusion"], evaluation.classes)) for row in rows],
        data=data or {},
        label_title=label_title,
    )
    return findings


def _cells(
    confusion: list[list[int]], classes: list[str]
) -> list[tuple[str, list[tuple[int, bool]]]]:
    """Return the rows of a confusion table: a class, and counts with whether they are right."""
    return [
        (name, [(n, place == own) for place, n in enumerate(counts)])
        for own, (name, counts) in enumerate(zip(classes, confusion, strict=True))
    ]


def _draw(
    evaluation: ClassEvaluation, findings: Findings, titles: Mapping[str, str]
) -> dict[str, Figure]:
    """Return the figures: of more than two classes, each against the others, all together."""
    found = {model: _against_others(evaluation, model) for model in titles}

    def curves(
        points: Callable[[IntArray, FloatArray], tuple[FloatArray, FloatArray]],
    ) -> dict[str, tuple[FloatArray, FloatArray]]:
        return {model: points(*pair) for model, pair in found.items()}

    drawn = {
        "roc": draw_rates(
            curves(lambda hit, chance: roc_curve(hit, chance)[:2]),
            titles,
            ("false positive rate", "true positive rate"),
            diagonal=True,
        ),
        "precision": draw_rates(
            curves(lambda hit, chance: precision_recall_curve(hit, chance)[1::-1]),
            titles,
            ("recall", "precision"),
        ),
        "calibration": draw_rates(
            curves(lambda hit, chance: calibration_curve(hit, chance, n_bins=_BINS)[::-1]),
            titles,
            ("predicted probability", "observed share"),
            diagonal=True,
            markers=True,
        ),
    }
    if evaluation.responses:
        shown = evaluation.classes[evaluation.shown]
        titles_of_axes = f"probability of {shown}", "share of wrong classes"
        drawn["conditions"] = draw_conditions(
            findings["conditions"], evaluation.responses, titles_of_axes, "wrong"
        )
    return drawn


def _against_others(evaluation: ClassEvaluation, model: str) -> tuple[IntArray, FloatArray]:
    """Return whether rows are of a class, and its probability, in the first repeat."""
    chances = evaluation.probabilities[model][0]
    hits = (evaluation.y[:, None] == np.arange(len(evaluation.classes))).astype(np.int64)
    if len(evaluation.classes) == 2:
        return hits[:, 1], chances[:, 1]
    return hits.ravel(), np.clip(chances, 0, 1).ravel()
