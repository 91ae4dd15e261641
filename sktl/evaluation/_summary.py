"""The findings of an evaluation as one dict: for the page, for scripts and for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from sktl._echo import shown
from sktl._version import versions
from sktl.evaluation._cautions import known_new, list_cautions, noise_floor
from sktl.evaluation._comparison import compare
from sktl.evaluation._conditions import errors_by_condition
from sktl.evaluation._elements import element_errors
from sktl.evaluation._models import CHOICES, model_titles
from sktl.evaluation._names import BOOSTING, FOREST, MEDIAN, MODELS, TRANSFER
from sktl.evaluation._scores import score_intervals
from sktl.evaluation._sentences import Findings, write_sentences

if TYPE_CHECKING:
    from sktl.evaluation._classes import ClassEvaluation
    from sktl.evaluation._evaluation import CurvePoint, Evaluation

SHOWN_COVERAGE = 0.9
N_WORST = 10
PACKAGES = ("torch", "skorch", "scikit-learn", "matminer", "xgboost", "numpy")


def summarize(
    evaluation: Evaluation,
    *,
    target: str = "target",
    unit: str | None = None,
    labels: Sequence[str | int] | None = None,
) -> Findings:
    """Return all findings of an evaluation, ready for JSON.

    Parameters
    ----------
    evaluation : Evaluation
        What `evaluate` returned.
    target : str, default="target"
        Name of the measured property.
    unit : str or None, default=None
        Its unit.
    labels : sequence of str or int, length n, optional
        What names each row, such as its line in a file; by default its number from 0.

    Returns
    -------
    dict
        Errors in the unit of y, times in seconds. ``verdict`` is "helped", "hurt", "open" (the data
        cannot tell) or "not compared", by the 95 % interval of the difference to the same network
        from scratch.
    """
    titles = {
        **model_titles(evaluation.source, evaluation.source_name),
        MEDIAN: "median of the training rows",
    }
    others = [model for model in (*MODELS, MEDIAN) if model in evaluation.predictions]
    others.remove(TRANSFER)
    suffix = f" {unit}" if unit else ""
    errors = evaluation.absolute_errors()
    findings = {
        "target": target,
        "unit": unit,
        "rows": len(evaluation.y),
        "compositions": len(set(evaluation.compositions.keys())),
        "groups": int(evaluation.groups.max()) + 1,
        "reads": evaluation.reads,
        "settings": dict(evaluation.settings),
        "models": [_model(evaluation, model, titles) for model in (TRANSFER, *others)],
        "not_installed": list(evaluation.missing),
        "searched": {model: CHOICES[model] for model in (FOREST, BOOSTING) if model in others},
        "coverage": _coverage(evaluation),
        "learning_curve": [_point(point) for point in evaluation.curve],
        "elements": [each._asdict() for each in element_errors(evaluation.compositions, errors)],
        "conditions": errors_by_condition(evaluation.conditions, errors, "mae"),
        "worst": _worst(evaluation, labels),
        "noise_floor": dict(zip(("compositions", "mae"), noise_floor(evaluation), strict=True)),
        "source": describe_source(evaluation),
        "cautions": list_cautions(evaluation, suffix),
        "versions": versions(*PACKAGES),
        "date": datetime.now(UTC).date().isoformat(),
    }
    return write_sentences(findings, suffix) | findings


def _model(evaluation: Evaluation, model: str, titles: Mapping[str, str]) -> Findings:
    maes = evaluation.fold_maes(model)
    return {
        "model": model,
        "title": titles[model],
        "mae": float(maes.mean()),
        "mae_sd": float(maes.std(ddof=1)),
        "r2": evaluation.r2(model),
        "fit_seconds": evaluation.seconds.get(model),
        "fold_maes": maes.tolist(),
        "difference": None if model == TRANSFER else _difference(evaluation, model),
        "chosen": evaluation.chosen.get(model, []),
    }


def _difference(evaluation: Evaluation, other: str) -> Findings:
    """Return the error of transfer less that of another model."""
    found = compare(evaluation, other)
    return {**found._asdict(), "verdict": found.verdict}


def _coverage(evaluation: Evaluation) -> list[Findings]:
    """Return the share of values inside intervals, of those rows that have one."""
    rows = []
    for nominal, intervals in evaluation.intervals.items():
        observed, mean_width = score_intervals(evaluation.y, intervals)
        rows.append({"nominal": nominal, "observed": observed, "mean_width": mean_width})
    return rows


def _point(point: CurvePoint) -> Findings:
    return {
        "model": point.model,
        "share": point.share,
        "n_train": point.n_train,
        "mae": float(point.mae.mean()),
        "mae_sd": float(point.mae.std(ddof=1)),
    }


def _worst(evaluation: Evaluation, labels: Sequence[str | int] | None) -> list[Findings]:
    """Return the rows with the largest error of the transfer model, mean over repeats."""
    errors = evaluation.absolute_errors()
    predicted = evaluation.predictions[TRANSFER].mean(axis=0)
    intervals = evaluation.intervals.get(SHOWN_COVERAGE)
    intervals = None if intervals is None else intervals.mean(axis=0)
    rows = []
    for row in np.argsort(-errors, kind="stable")[:N_WORST].tolist():
        ends = [None, None]
        if intervals is not None and np.isfinite(intervals[row]).all():
            ends = intervals[row].tolist()
        rows.append(
            {
                "row": str(row if labels is None else labels[row]),
                "formula": evaluation.formulas[row],
                "measured": float(evaluation.y[row]),
                "predicted": float(predicted[row]),
                "absolute_error": float(errors[row]),
                "low": ends[0],
                "high": ends[1],
            }
        )
    return rows


def describe_source(evaluation: Evaluation | ClassEvaluation) -> Findings:
    """Return what the source's card says of its training, and of these rows."""
    card = evaluation.source.card
    tables = [table for table in card.training.get("tables", []) if isinstance(table, dict)]
    return {
        "name": evaluation.source_name,
        "id": card.id,
        "title": shown(card.title),
        "sha256": evaluation.source.sha256,
        "licence": card.licence,
        "compositions": card.training.get("n_compositions"),
        "held_out_digests": card.held_out.get("n_digests", 0),
        "properties": [
            {"name": shown(item.name), "unit": shown(item.unit), "labels": item.n_rows}
            for item in card.properties
        ],
        "tables": [
            {
                "name": table.get("name"),
                "database": table.get("database"),
                "rows": table.get("rows"),
                "licence": table.get("licence"),
                "doi": _as_list(table.get("doi", [])),
            }
            for table in tables
        ],
        "rows_known_new": int(known_new(evaluation).sum()),
    }


def _as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
