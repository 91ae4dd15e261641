"""Nested cross-validation of transfer, its control and the usual baselines."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np

from sktl._checks import check_numbers, check_squares, check_weights
from sktl._limits import LARGEST_NUMBER
from sktl.evaluation._conditions import Response, find_responses
from sktl.evaluation._costs import estimate_seconds
from sktl.evaluation._evaluation import CurvePoint, Evaluation, Fold
from sktl.evaluation._folds import count_repeats, curve_parts, group_rows, make_folds
from sktl.evaluation._models import (
    chosen_settings,
    make_model,
    make_nested_model,
)
from sktl.evaluation._names import BOOSTING, FOREST, MEDIAN, MODELS, SCRATCH, TRANSFER, Group
from sktl.evaluation._parallel import Report, run_steps
from sktl.evaluation._scores import FitResult, fit_and_score, predict_intervals
from sktl.exceptions import InputError
from sktl.representations import Materials
from sktl.sources import Source, load_source

if TYPE_CHECKING:
    from sktl._types import (
        ArrayLike,
        FloatArray,
        Formula,
        IntArray,
        MaterialsLike,
        PathLike,
    )

COVERAGES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
CURVE_MODELS = (TRANSFER, SCRATCH, FOREST)
CURVE_FOLDS = 3
"""Folds of the first repeat that are fitted with fewer rows too."""

FEWEST_ROWS, FEWEST_GROUPS = 20, 10
Points: TypeAlias = dict[tuple[float, str], list[tuple[int, float]]]
"""By share and model the training rows and the error of each fold."""


class _Step(NamedTuple):
    """One fit: a model, the fold, the training rows, and their share of the fold's (1 is all)."""

    model: str
    fold: Fold
    rows: IntArray
    share: float

    @property
    def n_train(self) -> int:
        """Number of training rows."""
        return len(self.rows)


class _Found(NamedTuple):
    """What a fit gave: predictions of the fold's test rows, intervals by coverage, settings."""

    result: FitResult
    intervals: dict[float, FloatArray]
    chosen: dict[str, Any]


def evaluate(
    X: MaterialsLike,
    y: ArrayLike,
    *,
    source: PathLike | Source = "mpt",
    group: Group = "composition",
    n_splits: int = 5,
    n_repeats: int | Literal["auto"] = "auto",
    models: Sequence[str] = MODELS,
    max_epochs: int | Literal["auto"] = "auto",
    random_state: int = 0,
    n_jobs: int | None = None,
    report: Report | None = None,
    material: str = "auto",
    sample_weight: ArrayLike | None = None,
) -> Evaluation:
    """Compare models on your data by nested cross-validation: transfer, its control, tree models.

    Every model is fitted to the training part of every outer fold and predicts its test part.
    All choices are made inside the training part: an inner cross-validation chooses the settings of
    the trees, and the networks hold out some of its rows. Rows of one group are never on both
    sides.

    Parameters
    ----------
    X : sequence of formulas or structures, length n
        As in `TransferRegressor.fit`; columns beside the material are read by all models.
    y : array-like (n,)
        Measured values, in any unit.
    source : str, path-like or Source, default="mpt"
        Where transfer begins.
    group : {"composition", "chemical-system"}, default="composition"
        What stays together: rows of one composition (polymorphs, repeats), or of one set of
        elements, which is the harder test.
    n_splits : int, default=5
        Outer folds.
    n_repeats : "auto" or int, default="auto"
        How often all rows are split anew; "auto" is 2, and 1 from 400 rows on.
    models : sequence of str, default=("transfer", "scratch", "random forest", "XGBoost")
        What is compared; "transfer" is always among them. XGBoost is left out where it is not
        installed.
    max_epochs : "auto" or int, default="auto"
        Epochs of the networks.
    random_state : int, default=0
        Chooses folds and the models' random numbers.
    n_jobs : int or None, default=None
        Fits at a time, as in joblib; each process takes about half a gigabyte.
    report : callable or None, default=None
        Called before each fit is waited for, with the model, its number of training rows, and three
        estimates in seconds: of all fits before it, with it, and of all fits.
    material : str, default="auto"
        Name of the column of the material, where X is a frame with further columns.
    sample_weight : array-like (n,), optional
        How much a row counts in training, such as one over the square of its uncertainty. Errors
        are those of all rows alike.

    Returns
    -------
    Evaluation

    Raises
    ------
    FormulaError, StructureError, UnseenElementError, InputError
        X or y cannot be used; the message names the row and the value. Or there are too few rows.
    SourceNotFoundError, SourceIntegrityError
        The source is unknown or damaged.

    See Also
    --------
    summarize : The findings as a dict.
    write_report : The findings as a page.

    Notes
    -----
    Three folds of the first repeat are also fitted with a fifth and half of their training rows,
    for a learning curve.

    References
    ----------
    Nested cross-validation: Varma and Simon, BMC Bioinformatics 7, 91 (2006),
    doi:10.1186/1471-2105-7-91.

    Examples
    --------
    >>> from sktl.datasets import load_expt_gap
    >>> from sktl.evaluation import evaluate
    >>> formulas, gaps = load_expt_gap(return_X_y=True, as_frame=False)
    >>> found = evaluate(
    ...     formulas[:24], gaps[:24], models=["transfer"], n_splits=2, n_repeats=1, max_epochs=1
    ... )
    >>> found.predictions["transfer"].shape  # repeats, rows
    (1, 24)
    """
    materials, evaluation = _prepare(
        X, y, source, group, n_splits, n_repeats, random_state, material
    )
    evaluation.settings["max_epochs"] = max_epochs
    weights = None if sample_weight is None else check_weights(materials, sample_weight)
    wanted, evaluation.missing = _check_models(models)
    steps = _steps(evaluation, wanted)
    costs = [
        estimate_seconds(step.model, step.n_train, max_epochs=max_epochs, chosen=True)
        for step in steps
    ]
    _predict_medians(evaluation)
    fit = partial(
        _fit,
        materials=materials,
        y=evaluation.y,
        groups=evaluation.groups,
        source=evaluation.source,
        max_epochs=max_epochs,
        weights=weights,
    )
    _note_all(evaluation, steps, run_steps(fit, steps, costs, n_jobs, report))
    if materials.conditions is not None:
        evaluation.responses = _respond(evaluation, materials, weights)
    return evaluation


def _respond(
    evaluation: Evaluation, materials: Materials, weights: FloatArray | None
) -> list[Response]:
    """Return the responses of a network that is fitted to all rows."""
    settings, y = evaluation.settings, evaluation.y
    seed, max_epochs = settings["random_state"], settings["max_epochs"]
    model = make_model(TRANSFER, evaluation.source, seed=seed, max_epochs=max_epochs)
    return find_responses(model.fit(materials, y, sample_weight=weights).predict, materials, y)


def check_evaluable(n_rows: int, n_groups: int, n_splits: int) -> None:
    """Raise unless there are enough rows and groups to say anything."""
    if n_rows < FEWEST_ROWS or n_groups < max(FEWEST_GROUPS, n_splits):
        raise InputError(
            f"Got {n_rows} rows in {n_groups} groups, expected at least {FEWEST_ROWS} rows in "
            f"{max(FEWEST_GROUPS, n_splits)} groups to judge a model on."
        )


def _prepare(
    X: MaterialsLike,
    y: ArrayLike,
    source: PathLike | Source,
    group: Group,
    n_splits: int,
    n_repeats: int | Literal["auto"],
    random_state: int,
    material: str,
) -> tuple[Materials, Evaluation]:
    """Return the rows, and an evaluation without predictions."""
    check_integers(("n_splits", n_splits, 2), ("random_state", random_state, 0))
    materials, loaded = read_both(X, source, material)
    n_repeats = count_repeats(n_repeats, len(materials))
    y = check_numbers(materials, y, estimator="evaluate")
    if y.ndim != 1:
        raise InputError(f"Got y of shape {y.shape}, expected one target (n,).")
    check_squares(materials, y)
    if np.ptp(y) < 1 / LARGEST_NUMBER:
        raise InputError(
            f"Got y={y[0]} in every row, expected values that differ, by {1 / LARGEST_NUMBER:g} or "
            "more: use another unit."
        )
    compositions = loaded.read(materials).compositions
    groups = group_rows(compositions, group)
    check_evaluable(len(y), len(np.unique(groups)), n_splits)
    crystals = loaded.representation.reads == "structures"
    evaluation = Evaluation(
        formulas=list(map(shown_formula, materials.formulas)),
        compositions=compositions,
        y=y,
        groups=groups,
        source=loaded,
        source_name=name_of(source),
        settings=dict(
            group=group, n_splits=n_splits, n_repeats=n_repeats, random_state=random_state
        ),
        reads="structures" if crystals else "formulas",
        folds=make_folds(groups, n_splits, n_repeats, random_state),
        predictions={},
        intervals={},
        conditions=materials.conditions,
    )
    return materials, evaluation


def read_both(
    X: MaterialsLike, source: PathLike | Source, material: str | None = None
) -> tuple[Materials, Source]:
    """Return formulas or structures, and the source that is to read them."""
    if source is None:
        raise InputError("Got source=None, expected a source: scratch is one of the models.")
    loaded = load_source(source)
    materials = Materials.read(X, material)
    if materials.kind == "columns":
        raise InputError(f"Got X of type {type(X).__name__}, expected formulas or structures.")
    return materials, loaded


def name_of(source: PathLike | Source) -> str:
    """Return what its user calls a source."""
    return source.card.id if isinstance(source, Source) else Path(source).name


def shown_formula(formula: Formula) -> str:
    """Return a formula as it was written, and of a Composition the reduced one."""
    return formula if isinstance(formula, str) else formula.reduced_formula


def check_integers(*named: tuple[str, int, int]) -> None:
    """Raise unless each value, between its name and its lowest, is an integer of that size."""
    for name, value, low in named:
        if not isinstance(value, int) or isinstance(value, bool) or value < low:
            raise InputError(f"Got {name}={value!r}, expected an integer of at least {low}.")


def _check_models(models: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the models to fit, in their usual order, and those that are not installed."""
    unknown = [model for model in models if model not in MODELS]
    if isinstance(models, str) or unknown or TRANSFER not in models:
        raise InputError(
            f"Got models={models!r}, expected 'transfer' and any of {list(MODELS[1:])}."
        )
    wanted = [model for model in MODELS if model in models]
    missing = [BOOSTING] if BOOSTING in wanted and not find_spec("xgboost") else []
    return [model for model in wanted if model not in missing], missing


def _steps(evaluation: Evaluation, models: list[str]) -> list[_Step]:
    """Return every fit, fold by fold."""
    steps = []
    for place, fold in enumerate(evaluation.folds):
        if place < _n_curve(evaluation):
            for share, part in curve_parts(fold, evaluation.groups):
                steps += [
                    _Step(model, fold, part, share) for model in CURVE_MODELS if model in models
                ]
        steps += [_Step(model, fold, fold.train, 1.0) for model in models]
    return steps


def _n_curve(evaluation: Evaluation) -> int:
    """Return how many folds, the first ones, give points of the learning curve."""
    return min(CURVE_FOLDS, evaluation.settings["n_splits"])


def _predict_medians(evaluation: Evaluation) -> None:
    found = np.empty((evaluation.settings["n_repeats"], len(evaluation.y)))
    for fold in evaluation.folds:
        found[fold.repeat, fold.test] = np.median(evaluation.y[fold.train])
    evaluation.predictions[MEDIAN] = found


def _fit(
    step: _Step,
    materials: Materials,
    y: FloatArray,
    groups: IntArray,
    source: Source,
    max_epochs: int | Literal["auto"],
    weights: FloatArray | None,
) -> _Found:
    """Fit to the training rows of a step, and predict the test rows of its fold."""
    train, test = step.rows, step.fold.test
    model, arguments = make_nested_model(
        step.model,
        groups[train],
        source=source,
        seed=step.fold.seed,
        max_epochs=max_epochs,
        weights=None if weights is None else weights[train],
    )
    X, X_test = materials.take(train), materials.take(test)
    result = fit_and_score(model, X, y[train], X_test, y[test], **arguments)
    whole = step.model == TRANSFER and step.share == 1.0
    intervals = predict_intervals(model, X_test, COVERAGES) if whole else {}
    return _Found(result, intervals, chosen_settings(model))


def _note_all(evaluation: Evaluation, steps: list[_Step], found: list[_Found]) -> None:
    """Put what all fits gave into the evaluation."""
    points: Points = {}
    seconds: dict[str, list[float]] = {}
    for step, one in zip(steps, found, strict=True):
        _note(evaluation, step, one, points, seconds)
    evaluation.curve = _curve(points)
    evaluation.seconds = {model: float(np.mean(each)) for model, each in seconds.items()}


def _note(
    evaluation: Evaluation,
    step: _Step,
    found: _Found,
    points: Points,
    seconds: dict[str, list[float]],
) -> None:
    """Put what a fit gave into the evaluation; its time and a point of the curve beside it."""
    repeat, test = step.fold.repeat, step.fold.test
    own = evaluation.folds[: _n_curve(evaluation)]
    if step.model in CURVE_MODELS and any(fold is step.fold for fold in own):
        point = len(step.rows), found.result.scores.mae
        points.setdefault((step.share, step.model), []).append(point)
    if step.share != 1.0:
        return
    shape = evaluation.settings["n_repeats"], len(evaluation.y)
    evaluation.predictions.setdefault(step.model, np.full(shape, np.nan))
    evaluation.predictions[step.model][repeat, test] = found.result.predictions
    seconds.setdefault(step.model, []).append(found.result.fit_seconds)
    if found.chosen:
        evaluation.chosen.setdefault(step.model, []).append(found.chosen)
    for coverage, intervals in found.intervals.items():
        evaluation.intervals.setdefault(coverage, np.full((*shape, 2), np.nan))
        evaluation.intervals[coverage][repeat, test] = intervals


def _curve(points: Points) -> list[CurvePoint]:
    """Return the points of the learning curve, where a size has one of every fold."""
    n_folds = max(len(found) for found in points.values())
    return [
        CurvePoint(
            model, share, float(np.mean([n for n, _ in found])), np.array([mae for _, mae in found])
        )
        for (share, model), found in sorted(points.items(), key=lambda item: item[0][0])
        if len(found) == n_folds
    ]
