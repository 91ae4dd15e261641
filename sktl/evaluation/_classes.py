"""Cross-validation of classifiers: transfer, its control, and a random forest."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from sktl._checks import check_labels
from sktl._echo import shown
from sktl.evaluation._conditions import find_responses
from sktl.evaluation._costs import estimate_seconds
from sktl.evaluation._evaluate import (
    check_evaluable,
    check_integers,
    name_of,
    read_both,
    shown_formula,
)
from sktl.evaluation._evaluation import Fold
from sktl.evaluation._folds import count_repeats, group_rows
from sktl.evaluation._models import make_classifier
from sktl.evaluation._names import FOREST, SCRATCH, TRANSFER, Group
from sktl.evaluation._parallel import Report, run_steps
from sktl.exceptions import InputError

if TYPE_CHECKING:
    from sktl._types import AnyArray, ArrayLike, FloatArray, IntArray, MaterialsLike, PathLike
    from sktl.evaluation._conditions import Response
    from sktl.representations import Compositions, Conditions, Materials
    from sktl.sources import Source

CLASS_MODELS = (TRANSFER, SCRATCH, FOREST)
SHARES = "class shares"
LEAST = 1e-3
"""Less counts as this in the log loss: a forest says 0 where none of its trees votes."""


class ClassScores(NamedTuple):
    """How good the probabilities of classes are.

    Attributes
    ----------
    accuracy : float
        Share of rows whose most probable class is the measured one.
    log_loss : float
        Mean of minus the logarithm of the probability of the measured class.
    roc_auc : float
        Area under the ROC curve; of more than two classes the mean of each against the others.
    """

    accuracy: float
    log_loss: float
    roc_auc: float


@dataclass
class ClassEvaluation:
    """What was predicted for every row when it was held out.

    Attributes
    ----------
    formulas : list of str, length n
    compositions : Compositions
    y : int array (n,)
        The place of each row's class in `classes`.
    classes : list of str, length c
        Sorted as labels are.
    groups : int array (n,)
        Rows of one group were never on both sides of a split.
    source : Source
    source_name : str
    settings : dict
        ``group``, ``n_splits``, ``n_repeats``, ``random_state`` and ``max_epochs``.
    folds : list of Fold
        All repeats, one after the other.
    probabilities : dict of str to float array (n_repeats, n, c)
        For each model, and for the shares of the classes among the training rows.
    seconds : dict of str to float
        Mean time of a fit.
    conditions : Conditions or None
        What stands beside the materials.
    responses : list of Response
        The probability of the class `shown` along each of these columns, by a model of all rows.
    """

    formulas: list[str] = field(repr=False)
    compositions: Compositions
    y: IntArray = field(repr=False)
    classes: list[str]
    groups: IntArray = field(repr=False)
    source: Source
    source_name: str
    settings: dict[str, Any]
    folds: list[Fold] = field(repr=False)
    probabilities: dict[str, FloatArray] = field(repr=False)
    seconds: dict[str, float] = field(default_factory=dict)
    conditions: Conditions | None = field(default=None, repr=False)
    responses: list[Response] = field(default_factory=list, repr=False)

    @property
    def shown(self) -> int:
        """The place of the class whose probability is shown: the second of two, or the largest."""
        return 1 if len(self.classes) == 2 else int(np.bincount(self.y).argmax())

    def wrong(self) -> FloatArray:
        """Return for each row in how many of the repeats transfer said another class, (n,)."""
        return (self.probabilities[TRANSFER].argmax(axis=2) != self.y).mean(axis=0)

    def fold_scores(self, model: str) -> list[ClassScores]:
        """Return the scores of a model on the test rows of each fold."""
        found = self.probabilities[model]
        return [
            score_probabilities(self.y[fold.test], found[fold.repeat, fold.test])
            for fold in self.folds
        ]

    def confusion(self, model: str) -> IntArray:
        """Return how many rows of each class (first axis) got which one in the first repeat."""
        counts = np.zeros((len(self.classes), len(self.classes)), dtype=np.int64)
        np.add.at(counts, (self.y, self.probabilities[model][0].argmax(axis=1)), 1)
        return counts


class _Step(NamedTuple):
    model: str
    fold: Fold

    @property
    def n_train(self) -> int:
        """Number of training rows."""
        return len(self.fold.train)


def evaluate_classes(
    X: MaterialsLike,
    y: ArrayLike,
    *,
    source: PathLike | Source = "mpt",
    group: Group = "composition",
    n_splits: int = 5,
    n_repeats: int | Literal["auto"] = "auto",
    models: Sequence[str] = CLASS_MODELS,
    max_epochs: int | Literal["auto"] = "auto",
    random_state: int = 0,
    n_jobs: int | None = None,
    report: Report | None = None,
    material: str = "auto",
) -> ClassEvaluation:
    """Compare classifiers on your data by repeated cross-validation.

    As `evaluate` does for numbers. The folds have about the same share of each class, and no
    settings are chosen: the networks hold out some of the training rows, the forest has the
    defaults.

    Parameters
    ----------
    X : sequence of formulas or structures, length n
        As in `TransferClassifier.fit`; columns beside the material are read by all models.
    y : array-like (n,)
        Class labels.
    source, group, n_splits, n_repeats, max_epochs, random_state, n_jobs, report, material
        As in `evaluate`.
    models : sequence of str, default=("transfer", "scratch", "random forest")
        What is compared; "transfer" is always among them.

    Returns
    -------
    ClassEvaluation

    Raises
    ------
    FormulaError, StructureError, UnseenElementError, InputError
        X or y cannot be used; the message names the row and the value. Or there are too few rows of
        a class for so many folds.

    See Also
    --------
    evaluate : The same for numbers.
    summarize_classes, write_class_report : The findings as a dict, and as a page.

    Examples
    --------
    >>> from sktl.datasets import load_expt_gap
    >>> from sktl.evaluation import evaluate_classes
    >>> formulas, gaps = load_expt_gap(return_X_y=True, as_frame=False)
    >>> found = evaluate_classes(
    ...     formulas[:40], gaps[:40] > 1, models=["transfer"], n_splits=2, n_repeats=1, max_epochs=1
    ... )
    >>> found.classes, found.probabilities["transfer"].shape  # repeats, rows, classes
    (['False', 'True'], (1, 40, 2))
    """
    check_integers(("n_splits", n_splits, 2), ("random_state", random_state, 0))
    wanted = _check_models(models)
    materials, loaded = read_both(X, source, material)
    n_repeats = count_repeats(n_repeats, len(materials))
    labels = check_labels(materials, y, estimator="evaluate_classes")
    classes, place = np.unique(labels, return_inverse=True)
    compositions = loaded.read(materials).compositions
    groups = group_rows(compositions, group)
    check_evaluable(len(place), len(np.unique(groups)), n_splits)
    settings: dict[str, Any] = {"group": group, "n_splits": n_splits, "n_repeats": n_repeats}
    evaluation = ClassEvaluation(
        formulas=list(map(shown_formula, materials.formulas)),
        compositions=compositions,
        y=place.reshape(-1),
        classes=_names(classes),
        groups=groups,
        source=loaded,
        source_name=name_of(source),
        settings=settings | {"random_state": random_state, "max_epochs": max_epochs},
        folds=_stratified_folds(place.reshape(-1), classes, groups, settings, random_state),
        probabilities={},
        conditions=materials.conditions,
    )
    _run(evaluation, wanted, materials, n_jobs, report)
    return evaluation


def _names(classes: AnyArray) -> list[str]:
    """Return the classes as pages show them, each by another name."""
    names = [shown(str(each)) for each in classes]
    if len(set(names)) < len(names):
        names = [f"{name} [{place}]" for place, name in enumerate(names)]
    return names


def score_probabilities(y: IntArray, probabilities: FloatArray) -> ClassScores:
    """Return the `ClassScores` of probabilities (n, c) for classes y (n,), all of which occur."""
    places = np.arange(probabilities.shape[1])
    raised = np.maximum(probabilities, LEAST)
    raised = raised / raised.sum(axis=1, keepdims=True)
    ranked = probabilities[:, 1] if len(places) == 2 else probabilities
    return ClassScores(
        float(accuracy_score(y, probabilities.argmax(axis=1))),
        float(log_loss(y, raised, labels=places)),
        float(roc_auc_score(y, ranked, multi_class="ovr", labels=places)),
    )


def _check_models(models: Sequence[str]) -> list[str]:
    unknown = [model for model in models if model not in CLASS_MODELS]
    if isinstance(models, str) or unknown or TRANSFER not in models:
        raise InputError(
            f"Got models={models!r}, expected 'transfer' and any of {list(CLASS_MODELS[1:])}."
        )
    return [model for model in CLASS_MODELS if model in models]


def _stratified_folds(
    place: IntArray, classes: AnyArray, groups: IntArray, settings: dict[str, Any], seed: int
) -> list[Fold]:
    """Return the outer folds, each with rows of every class."""
    if len(classes) < 2:
        raise InputError(f"Got one class, {classes.tolist()[0]!r}, expected at least two in y.")
    folds: list[Fold] = []
    n_splits = settings["n_splits"]
    for own, name in enumerate(classes.tolist()):
        n_groups = len(np.unique(groups[place == own]))
        if n_groups < n_splits:
            raise InputError(
                f"Got the class {name!r} in {n_groups} groups of rows, expected at least "
                f"{n_splits}, one for each fold: leave the class out, or use fewer folds."
            )
    for repeat in range(settings["n_repeats"]):
        splitter = StratifiedGroupKFold(n_splits, shuffle=True, random_state=seed + repeat)
        for train, test in splitter.split(place, place, groups):
            folds.append(Fold(repeat, train, test, seed + len(folds)))
    for fold in folds:
        lacking = np.setdiff1d(np.arange(len(classes)), place[fold.test])
        if len(lacking):
            raise InputError(
                f"Got a fold without rows of the class {classes[lacking[0]]!r}: leave the class "
                "out, or use fewer folds."
            )
    return folds


def _run(
    evaluation: ClassEvaluation,
    models: list[str],
    materials: Materials,
    n_jobs: int | None,
    report: Report | None,
) -> None:
    """Fit all models to all folds, and put what they predict into the evaluation."""
    steps = [_Step(model, fold) for fold in evaluation.folds for model in models]
    epochs = evaluation.settings["max_epochs"]
    costs = [
        estimate_seconds(step.model, step.n_train, max_epochs=epochs, classes=True)
        for step in steps
    ]
    fit = partial(
        _fit, materials=materials, y=evaluation.y, source=evaluation.source, max_epochs=epochs
    )
    found = run_steps(fit, steps, costs, n_jobs, report)
    shape = evaluation.settings["n_repeats"], len(evaluation.y), len(evaluation.classes)
    seconds: dict[str, list[float]] = {}
    for step, (probabilities, taken) in zip(steps, found, strict=True):
        own = evaluation.probabilities.setdefault(step.model, np.full(shape, np.nan))
        own[step.fold.repeat, step.fold.test] = probabilities
        seconds.setdefault(step.model, []).append(taken)
    evaluation.seconds = {model: float(np.mean(each)) for model, each in seconds.items()}
    shares = evaluation.probabilities[SHARES] = np.empty(shape)
    for fold in evaluation.folds:
        counts = np.bincount(evaluation.y[fold.train], minlength=shape[2])
        shares[fold.repeat, fold.test] = counts / counts.sum()
    if materials.conditions is not None:
        evaluation.responses = _respond(evaluation, materials)


def _respond(evaluation: ClassEvaluation, materials: Materials) -> list[Response]:
    """Return the responses of a classifier that is fitted to all rows."""
    shown, settings = evaluation.shown, evaluation.settings
    model = make_classifier(
        TRANSFER,
        evaluation.source,
        seed=settings["random_state"],
        max_epochs=settings["max_epochs"],
    ).fit(materials, evaluation.y)
    hits = (evaluation.y == shown).astype(np.float64)
    return find_responses(lambda some: model.predict_proba(some)[:, shown], materials, hits)


def _fit(
    step: _Step,
    materials: Materials,
    y: IntArray,
    source: Source,
    max_epochs: int | Literal["auto"],
) -> tuple[FloatArray, float]:
    """Return the probabilities of the test rows of a fold, and the seconds of the fit."""
    train, test = step.fold.train, step.fold.test
    model = make_classifier(step.model, source, seed=step.fold.seed, max_epochs=max_epochs)
    start = time.perf_counter()
    model.fit(materials.take(train), y[train])
    return model.predict_proba(materials.take(test)), time.perf_counter() - start
