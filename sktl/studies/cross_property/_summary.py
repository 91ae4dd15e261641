"""What the results of the cross-property study say together, as one dict that JSON can hold."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy.stats import wilcoxon

from sktl.datasets._table import read_catalog
from sktl.evaluation import BOOSTING, FOREST
from sktl.studies._runs import Run, run_of
from sktl.studies.cross_property._configurations import (
    CONFIGURATIONS,
    CURVE_ENDS,
    CURVE_ROWS,
    FREEZE_DEPTH,
    FREEZE_DEPTHS,
    LEARNING_CURVE,
)
from sktl.studies.cross_property._study import list_runs

if TYPE_CHECKING:
    from sktl._types import AnyArray, FloatArray

Facts: TypeAlias = dict[str, Any]
"""What is known of a data set, a model or a comparison."""

Name: TypeAlias = tuple[str, str, str]
"""Data set, configuration and variant."""

TREES = {"forest": ("SC:ML(PA)", FOREST), "boosting": ("SC:ML(PA)", BOOSTING)}
OURS = {
    "transfer": ("sktl:TransferRegressor", "defaults"),
    "stack": ("sktl:TransferStackRegressor", "defaults"),
}
MODELS = TREES | OURS
MEANS = {
    "transfer_means": ("sktl:TransferRegressor, means", "squared_error"),
    "stack_means": ("sktl:TransferStackRegressor, means", "squared_error"),
}
PAPER = ("paper_best", "paper_scratch", "paper_transfer")
RESAMPLES = 2000
FEWEST_SETS = 6  # below, no outcome of the signed-rank test is significant
SHARES = tuple(round(0.1 * tenth, 1) for tenth in range(1, 11))


class Results:
    """The rows of a result file, those of all seeds together.

    Parameters
    ----------
    rows : list of dict
        What `read_rows` or `collect` returned.
    predictions : mapping of str to float array
        What is in the file of predictions.
    truth : callable
        Name of a data set to the targets of its test rows.
    """

    def __init__(
        self,
        rows: Iterable[dict[str, str]],
        predictions: Mapping[str, AnyArray],
        truth: Callable[[str], FloatArray],
    ) -> None:
        self.rows: dict[Name, list[dict[str, str]]] = defaultdict(list)
        for row in rows:
            self.rows[row["dataset"], row["configuration"], row["variant"]].append(row)
        self.predictions = predictions
        self.truth = truth

    def mean(self, name: Name, column: str) -> float | None:
        """Return the mean of a column over the seeds, or None."""
        texts = [row.get(column) or "" for row in self.rows.get(name, [])]
        values = [float(text) for text in texts if text != ""]
        return float(np.mean(values)) if values else None

    def detail(self, name: Name) -> Facts:
        """Return what the run with the first seed chose, or an empty dict."""
        texts = [row["detail"] for row in self.rows.get(name, []) if row["detail"]]
        found: Facts = json.loads(texts[0]) if texts else {}
        return found

    def errors(self, name: Name) -> FloatArray | None:
        """Return the absolute error of each test row, the mean over seeds, or None."""
        keys = [run_of(row).key for row in self.rows.get(name, [])]
        found = [self.predictions[key] for key in keys if key in self.predictions]
        return np.abs(np.array(found) - self.truth(name[0])).mean(axis=0) if found else None

    def deviations(self, name: Name) -> FloatArray | None:
        """Return the standard deviation of each test row, the mean over seeds, or None."""
        keys = [run_of(row).std_key for row in self.rows.get(name, [])]
        found = [self.predictions[key] for key in keys if key in self.predictions]
        return np.mean(found, axis=0, dtype=np.float64) if found else None


def summarize(
    rows: Sequence[dict[str, str]],
    predictions: Mapping[str, AnyArray],
    reference: Sequence[dict[str, str]],
    truth: Callable[[str], FloatArray],
) -> Facts:
    """Summarize the results of the cross-property study.

    Parameters
    ----------
    rows : list of dict
        What `read_rows` or `collect` returned.
    predictions : mapping of str to float array
        What is in the file of predictions.
    reference : list of dict
        The paper's values, a row for each data set: ``dataset``, ``paper_name``, ``base_mae``,
        ``best_sc_mae``, ``best_tl_mae``, ``transfer_lost`` ("0" or "1") and ``doi``.
    truth : callable
        Name of a data set to the targets of its test rows, float array (n_test,).

    Returns
    -------
    dict
        ``sets`` (all that is known of each data set), ``comparisons`` (of errors over the sets),
        ``r2_comparisons``, ``budgets`` (of searches), ``missing`` (runs that were not done) and
        ``doi``. What is not there yet is None or empty. Errors are mean absolute errors in the unit
        of the set.
    """
    results = Results(rows, predictions, truth)
    catalog = read_catalog("cross_property")["sets"]
    sets = {
        row["dataset"]: _facts(row, catalog[row["dataset"]]) | _results(results, row["dataset"])
        for row in reference
    }
    details = [json.loads(row["detail"]) for row in rows if row["detail"]]
    budgets = {json.dumps(detail["budget"]) for detail in details if "budget" in detail}
    summary: Facts = {
        "doi": reference[0]["doi"],
        "sets": sets,
        "comparisons": _comparisons(sets),
        "r2_comparisons": _r2_comparisons(sets),
        "budgets": [json.loads(budget) for budget in sorted(budgets)],
        "missing": _missing({run_of(row) for row in rows}),
    }
    return {key: _rounded(value) for key, value in summary.items()}


def _facts(row: dict[str, str], entry: Facts) -> Facts:
    """Return what is known of a data set before anything is run."""
    return {
        "paper_name": row["paper_name"],
        "property": entry["property"],
        "unit": entry["unit"],
        "n_train": entry["train"]["rows"],
        "n_test": entry["test"]["rows"],
        "transfer_lost": row["transfer_lost"] == "1",
        "paper": {
            "base": float(row["base_mae"]),
            "scratch": float(row["best_sc_mae"]),
            "transfer": float(row["best_tl_mae"]),
        },
    }


def _results(results: Results, dataset: str) -> Facts:
    """Return what was found on one data set."""
    models = {
        model: _model(results, (dataset, *place))
        for model, place in (MODELS | MEANS).items()
        if (dataset, *place) in results.rows
    }
    choices = {
        configuration: _choice(results, dataset, configuration)
        for configuration in CONFIGURATIONS
        if configuration not in (LEARNING_CURVE, FREEZE_DEPTH)
    }
    return {
        "models": models,
        "configurations": {name: choice for name, choice in choices.items() if choice},
        "differences": _differences(results, dataset),
        "layers": _layers(results, dataset),
        "freeze_depth": _freeze_depth(results, dataset),
        "learning_curve": _learning_curve(results, dataset),
    }


def _model(results: Results, name: Name) -> Facts:
    """Return error, cost and calibration of one model on one data set."""
    found = {"mae": "test_mae", "r2": "test_r2", "seconds": "fit_seconds"}
    found |= {"coverage": "coverage_90", "width": "interval_width"}
    values: Facts = {key: results.mean(name, column) for key, column in found.items()}
    values["n_seeds"] = len(results.rows[name])
    errors, deviations = results.errors(name), results.deviations(name)
    if errors is not None and deviations is not None:
        values["kept"] = _kept(errors, deviations)
        values["kept_at_best"] = _kept(errors, errors)
    return values


def _kept(errors: FloatArray, order: FloatArray) -> list[float]:
    """Return the error of the rows lowest in `order` over that of all, for each of `SHARES`."""
    ranked = errors[np.argsort(order, kind="stable")]
    counts = [max(1, round(share * len(errors))) for share in SHARES]
    return [float(ranked[:count].mean() / errors.mean()) for count in counts]


def _choice(results: Results, dataset: str, configuration: str) -> Facts | None:
    """Return the variant with the lowest validation error; a lone variant needs none."""
    names = [(dataset, configuration, variant) for variant in CONFIGURATIONS[configuration]]
    names = [name for name in names if name in results.rows]
    judged = {
        name: mae for name in names if (mae := results.mean(name, "validation_mae")) is not None
    }
    if not judged and len(names) != 1:
        return None
    best = min(judged, key=judged.__getitem__) if judged else names[0]
    return {
        "variant": best[2],
        "n_variants": len(names),
        "validation_mae": judged.get(best),
        "mae": results.mean(best, "test_mae"),
        "seconds": results.mean(best, "fit_seconds"),
    }


def _differences(results: Results, dataset: str) -> dict[str, dict[str, list[float]]]:
    """Return MAE of ours less that of tuned trees, with a 95 % bootstrap interval of test rows."""
    found = {model: results.errors((dataset, *place)) for model, place in MODELS.items()}
    errors = {model: each for model, each in found.items() if each is not None}
    pairs = [(ours, tree) for ours in OURS for tree in TREES if {ours, tree} <= set(errors)]
    if not pairs:
        return {}
    n = len(errors[pairs[0][0]])
    drawn = np.random.default_rng(0).integers(n, size=(RESAMPLES, n))
    differences: dict[str, dict[str, list[float]]] = {}
    for ours, tree in pairs:
        difference = errors[ours] - errors[tree]
        ends = np.quantile(difference[drawn].mean(axis=1), [0.025, 0.975])
        differences.setdefault(ours, {})[tree] = [float(difference.mean()), *map(float, ends)]
    return differences


def _layers(results: Results, dataset: str) -> dict[str, list[list[Any]]]:
    """Return for each source the error of each layer in order, as `BestLayer` recorded it."""
    found: dict[str, list[list[Any]]] = {}
    for variant in CONFIGURATIONS["TL:ML(FeatExtr)"]:
        detail = results.detail((dataset, "TL:ML(FeatExtr)", variant))
        if "layer_mae" in detail:
            found.setdefault(variant.partition(",")[0], detail["layer_mae"])
    return found


def _freeze_depth(results: Results, dataset: str) -> list[list[float]]:
    """Return [depth groups frozen, error] for each depth, none frozen first."""
    names = [(dataset, FREEZE_DEPTH, variant) for variant in CONFIGURATIONS[FREEZE_DEPTH]]
    places = zip((0, *FREEZE_DEPTHS), [(dataset, *CURVE_ENDS["transfer"]), *names], strict=True)
    return [
        [depth, mae]
        for depth, name in places
        if (mae := results.mean(name, "test_mae")) is not None
    ]


def _learning_curve(results: Results, dataset: str) -> dict[str, list[list[float | None]]]:
    """Return [training rows, error] for each size, the last point with all rows."""
    curves: dict[str, list[list[float | None]]] = {}
    for model, end in CURVE_ENDS.items():
        names = [(dataset, LEARNING_CURVE, f"{model}, {n_rows} rows") for n_rows in CURVE_ROWS]
        names = [name for name in names if name in results.rows]
        if names:
            names += [(dataset, *end)] if (dataset, *end) in results.rows else []
            columns = ("n_train", "test_mae")
            curves[model] = [[results.mean(name, column) for column in columns] for name in names]
    return curves


def reference_mae(facts: Facts, name: str) -> float | None:
    """Return the error of a model on one data set, or None.

    Parameters
    ----------
    facts : dict
        An entry of ``sets`` in what `summarize` returned.
    name : str
        One of `MODELS`, or of `PAPER`, whose best is the better of scratch and transfer.

    Returns
    -------
    float or None
    """
    paper: dict[str, float] = facts["paper"]
    if name == "paper_best":
        return min(paper["scratch"], paper["transfer"])
    if name in PAPER:
        return paper[name.removeprefix("paper_")]
    models: dict[str, dict[str, float | None]] = facts["models"]
    return models.get(name, {}).get("mae")


def _comparisons(sets: dict[str, Facts]) -> list[Facts]:
    """Compare each model with the paper, and ours with the trees, over the data sets."""
    return [
        found
        for model in MODELS
        for to in (*PAPER, *(TREES if model in OURS else ()))
        if (found := _comparison(sets, model, to)) is not None
    ]


def _comparison(sets: dict[str, Facts], model: str, to: str) -> Facts | None:
    pairs = _known(
        [(reference_mae(facts, model), reference_mae(facts, to)) for facts in sets.values()]
    )
    if not len(pairs):
        return None
    ratios = np.log(pairs[:, 0] / pairs[:, 1])
    apart = ratios[ratios != 0]
    return {
        "model": model,
        "to": to,
        "n_sets": len(ratios),
        "wins": int((ratios < 0).sum()),
        "median_relative_difference": float(np.expm1(np.median(ratios))),
        "p": float(wilcoxon(apart).pvalue) if len(apart) >= FEWEST_SETS else None,
    }


def _r2_comparisons(sets: dict[str, Facts]) -> list[Facts]:
    """Compare R2 of ours with that of the tuned trees over the data sets."""
    return [
        found
        for model in (*OURS, *MEANS)
        for to in TREES
        if (found := _r2_comparison(sets, model, to)) is not None
    ]


def _r2_comparison(sets: dict[str, Facts], model: str, to: str) -> Facts | None:
    models = [facts["models"] for facts in sets.values()]
    pairs = _known([(each.get(model, {}).get("r2"), each.get(to, {}).get("r2")) for each in models])
    if not len(pairs):
        return None
    higher = pairs[:, 0] - pairs[:, 1]
    return {
        "model": model,
        "to": to,
        "n_sets": len(higher),
        "wins": int((higher > 0).sum()),
        "median_difference": float(np.median(higher)),
    }


def _known(pairs: Iterable[tuple[float | None, float | None]]) -> FloatArray:
    """Return the pairs of which both numbers are known, (m, 2)."""
    return np.array([pair for pair in pairs if None not in pair], dtype=float)


def _missing(done: Collection[Run]) -> dict[str, dict[str, str | list[str]]]:
    """Return for each configuration and variant the data sets without a result, or "all"."""
    wanted: dict[str, dict[str, list[str]]] = {}
    missing: dict[str, dict[str, list[str]]] = {}
    for run in list_runs():
        for found, take in ((wanted, True), (missing, run not in done)):
            if take:
                names = found.setdefault(run.configuration, {}).setdefault(run.variant, [])
                names.append(run.dataset)
    return {
        configuration: {
            variant: "all" if names == wanted[configuration][variant] else names
            for variant, names in variants.items()
        }
        for configuration, variants in missing.items()
    }


def _rounded(value: Any) -> Any:
    """Return what JSON holds, numbers with five digits."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value
