"""What the demo found: a dict for JSON, two plots, and the predictions."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib

from sktl._store import atomic_write
from sktl._version import versions
from sktl.evaluation._demo import CURVE_MODELS, DemoPlan
from sktl.evaluation._figures import as_file, draw_learning_curve, draw_parity
from sktl.evaluation._models import model_titles
from sktl.evaluation._names import (
    BOOSTING,
    FOREST,
    GET_XGBOOST,
    MODELS,
    SCRATCH,
    TRANSFER,
    FigureKind,
)
from sktl.evaluation._sentences import say_disagreement

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sktl.evaluation._demo import DemoComparison
    from sktl.evaluation._scores import FitResult
    from sktl.sources import Source

PARITY = "sktl_demo_parity"
CURVE = "sktl_demo_learning_curve"
RESULTS = "sktl_demo.json"
PREDICTIONS = "sktl_demo_predictions.csv"
_PACKAGES = ("torch", "skorch", "scikit-learn", "matminer", "xgboost", "numpy")


def summarize_demo(comparison: DemoComparison, source: Source, seconds: float) -> dict[str, Any]:
    """Return the results of the demo and all that they depend on.

    Parameters
    ----------
    comparison : DemoComparison
        After its `run`.
    source : Source
        The source of the transfer model.
    seconds : float
        Wall time of all fits.

    Returns
    -------
    dict
        Ready for JSON: errors in eV, times in seconds.
    """
    plan = comparison.plan
    models = [_row(model, comparison.full(model), plan) for model in MODELS]
    return {
        "seed": plan.seed,
        "quick": plan != DemoPlan(source=plan.source, seed=plan.seed),
        "source": {"name": plan.source, "id": source.card.id, "sha256": source.sha256},
        "data": {
            "name": "expt_gap",
            "doi": comparison.doi,
            "unit": "eV",
            "split": "by composition",
            "n_train": len(comparison.train),
            "n_test": len(comparison.test),
        },
        "models": models,
        "disagreement": say_disagreement(
            [(row["name"], row["test_mae"], row["test_r2"]) for row in models if "test_mae" in row]
        ),
        "learning_curve": [
            {
                "model": model,
                "n_train": n_train,
                "test_mae": found.scores.mae,
                "fit_seconds": found.fit_seconds,
            }
            for model in CURVE_MODELS
            for n_train, found in comparison.curve(model)
        ],
        "seconds": seconds,
        "cores": joblib.cpu_count(),
        "versions": versions(*_PACKAGES),
    }


def write_demo(
    folder: Path,
    comparison: DemoComparison,
    results: dict[str, Any],
    figures: FigureKind = "png",
) -> list[Path]:
    """Write both plots, the results and the predictions of the demo.

    Parameters
    ----------
    folder : Path
        Where the files go.
    comparison : DemoComparison
        After its `run`.
    results : dict
        What `summarize_demo` returned.
    figures : {"png", "svg", "pdf"}, default="png"
        Format of the plots.

    Returns
    -------
    list of Path
    """
    found = {model: comparison.full(model) for model in MODELS}
    full = {model: result for model, result in found.items() if result is not None}
    parity, curve = (as_file(figure, figures) for figure in _figures(comparison, full))
    content = {
        f"{PARITY}.{figures}": parity,
        f"{CURVE}.{figures}": curve,
        RESULTS: json.dumps(results, indent=1).encode() + b"\n",
        PREDICTIONS: _predictions(comparison, full),
    }
    return [atomic_write(folder / name, data) for name, data in content.items()]


def _row(model: str, found: FitResult | None, plan: DemoPlan) -> dict[str, Any]:
    names = {
        TRANSFER: f'TransferRegressor(source="{plan.source}")',
        SCRATCH: "TransferRegressor(source=None)",
        FOREST: "random forest on Magpie attributes",
        BOOSTING: "XGBoost on Magpie attributes",
    }
    row: dict[str, Any] = {"model": model, "name": names[model]}
    if found is None:
        return row | {"install": GET_XGBOOST}
    errors = {"test_mae": found.scores.mae, "test_r2": found.scores.r2}
    return row | errors | {"fit_seconds": found.fit_seconds}


def _figures(comparison: DemoComparison, full: dict[str, FitResult]) -> tuple[Figure, Figure]:
    """Return the parity plot of the models and the learning curve."""
    source = comparison.plan.source
    names = model_titles(source, Path(source).name)
    n_test = len(comparison.test)
    parity = draw_parity(
        {model: found.predictions for model, found in full.items()},
        {
            model: f"{names[model]}\nMAE {found.scores.mae:.3f} eV, R² {found.scores.r2:.3f}"
            for model, found in full.items()
        },
        comparison.gaps[comparison.test],
        "band gap (eV)",
        f"{n_test:,} test rows of compositions that no model was fitted to. "
        "Line: predicted = measured.",
    )
    curve = draw_learning_curve(
        {
            model: [(n_train, found.scores.mae) for n_train, found in comparison.curve(model)]
            for model in CURVE_MODELS
        },
        names,
        ("training rows (formula and measured band gap)", "mean absolute error (eV)"),
        f"Error on {n_test:,} test rows",
    )
    return parity, curve


def _predictions(comparison: DemoComparison, full: dict[str, FitResult]) -> bytes:
    """Return a CSV file of the test rows: formula, measured gap, each model's prediction (eV)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["formula", "measured_eV", *(f"{model}_eV".replace(" ", "_") for model in full)]
    )
    columns = [comparison.gaps[comparison.test], *(found.predictions for found in full.values())]
    rows = zip(comparison.formulas[comparison.test], *columns, strict=True)
    writer.writerows([formula, *(f"{value:.4f}" for value in values)] for formula, *values in rows)
    return text.getvalue().encode()
