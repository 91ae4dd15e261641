"""What the demo found, as a dict for JSON and as a table for people."""

import platform

from sktl._version import __version__, installed_version
from sktl.cli._comparison import CURVE_MODELS, Plan
from sktl.evaluation import BOOSTING, FOREST, GET_XGBOOST, MODELS, SCRATCH, TRANSFER

_PACKAGES = ("torch", "skorch", "scikit-learn", "matminer", "xgboost", "numpy")


def summarize(comparison, source, seconds):
    """Return the results of a comparison and all that they depend on.

    Parameters
    ----------
    comparison : Comparison
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
    import joblib

    plan = comparison.plan
    return {
        "seed": plan.seed,
        "quick": plan != Plan(source=plan.source, seed=plan.seed),
        "source": {"name": plan.source, "id": source.card.id, "sha256": source.sha256},
        "data": {
            "name": "expt_gap",
            "doi": comparison.doi,
            "unit": "eV",
            "split": "by composition",
            "n_train": len(comparison.train),
            "n_test": len(comparison.test),
        },
        "models": [_row(model, comparison.full(model), plan) for model in MODELS],
        "learning_curve": [
            {
                "model": model,
                "n_train": fit.n_train,
                "test_mae": fit.mae,
                "fit_seconds": fit.seconds,
            }
            for model in CURVE_MODELS
            for fit in comparison.curve(model)
        ],
        "seconds": seconds,
        "cores": joblib.cpu_count(),
        "versions": {"sktl": __version__, "python": platform.python_version()}
        | {name: installed_version(name) for name in _PACKAGES},
    }


def describe(comparison, source):
    """Return two lines that say what is compared on what."""
    card, plan = source.card, comparison.plan
    return (
        f"Measured band gaps: {len(comparison.train):,} rows to train on, "
        f"{len(comparison.test):,} to test on, no composition in both (seed {plan.seed}).\n"
        f"Source {plan.source}: {card.id}, {card.title}."
    )


def results_table(results):
    """Return the results as aligned text: a line for each model."""
    lines = [("model", "test MAE (eV)", "test R2", "fit (s)")]
    for row in results["models"]:
        if "install" in row:
            lines.append((row["name"], f"not installed: {row['install']}", "", ""))
        else:
            numbers = f"{row['test_mae']:.3f}", f"{row['test_r2']:.3f}", f"{row['fit_seconds']:.1f}"
            lines.append((row["name"], *numbers))
    width = max(len(line[0]) for line in lines)
    text = []
    for name, *cells in lines:
        if not cells[-1]:
            text.append(f"{name:<{width}}  {cells[0]}")
        else:
            text.append(f"{name:<{width}}  {cells[0]:>13}  {cells[1]:>7}  {cells[2]:>7}")
    return "\n".join(text)


def _row(model, fit, plan):
    names = {
        TRANSFER: f'TransferRegressor(source="{plan.source}")',
        SCRATCH: "TransferRegressor(source=None)",
        FOREST: "random forest on Magpie attributes",
        BOOSTING: "XGBoost on Magpie attributes",
    }
    row = {"model": model, "name": names[model]}
    if fit is None:
        return row | {"install": GET_XGBOOST}
    return row | {"test_mae": fit.mae, "test_r2": fit.r2, "fit_seconds": fit.seconds}
