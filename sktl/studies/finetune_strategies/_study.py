"""The strategies of Devi et al. 2024, doi:10.1038/s41524-024-01486-1, on its structures and trials.

What is compared, as unfitted estimators that read structures. "scratch" trains ALIGNN from random
weights; "fine-tune" starts from a source with a new head; "frozen features" fits a support
vector regressor (SVR) to the activations of all depth groups of a source, which stays as it was;
"stack" is `TransferStackRegressor` on one source or on several of formulas and structures. "freeze
depth" and "learning rate" vary one setting of "fine-tune"; "pairwise" and "pretraining size"
fine-tune a source that the study pretrains on one property, or on some of its rows.

Points are the rows of a trial, those that the publisher validated on included: whatever is chosen
is chosen among them. "jarvis2d" has one trial, of all rows; smaller trials are drawn from it here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from sktl.datasets import fetch_finetune_strategies
from sktl.estimators import DeepFeatureTransformer, TransferRegressor, TransferStackRegressor
from sktl.studies._names import check_names
from sktl.studies._results import make_result
from sktl.studies._runs import Run
from sktl.studies.finetune_strategies._sources import Pretraining, pretrained

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline

    from sktl._types import FloatArray, IntArray, PathLike
    from sktl.datasets import FinetuneStrategiesSet

_Names: TypeAlias = tuple[str, ...]
_Numbers: TypeAlias = tuple[int, ...]

SUBSTITUTE = ("bg", "fe")
"""Properties whose published test set has no structures; other rows stand in for it."""

WHOLE = ("ph", "dc", "pz", "ebg", "gv")
SHEET = "jarvis2d"
SHEET_POINTS = 993
SHEET_SIZES = {200: 200, 800: SHEET_POINTS}
"""Points of "jarvis2d" where the other properties have so many."""

POINTS = (10, 100, 200, 500, 800)
TRIALS = (1, 2, 3, 4, 5)
STRUCTURE_SOURCE = "mpt-structure"
STRUCTURE_SOURCES = (STRUCTURE_SOURCE, "chgnet")
EQUIVARIANT_SOURCE = "nequix-omat"
FORMULA_SOURCE, RICH_FORMULA_SOURCE = "oqmd", "mpt"
RATES = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 1e-5)
SIZES = (200, 800)
LEARNED = {
    **dict.fromkeys((STRUCTURE_SOURCE, *SUBSTITUTE), SUBSTITUTE),
    RICH_FORMULA_SOURCE: (*SUBSTITUTE, "gv", "ph"),
}
"""Properties of the study on which a source is not judged. It has learned them, test rows included,
or others of their kind (elastic moduli and Debye temperatures), or was pretrained on their
compositions."""

_N_GROUPS = 6  # depth groups of the structure source, without the head


def _median(seed: int) -> DummyRegressor:
    return DummyRegressor(strategy="median")


def _transfer(seed: int, **parameters: Any) -> TransferRegressor:
    return TransferRegressor(**parameters, trees=False, random_state=seed)


def _frozen(seed: int, source: str) -> Pipeline:
    return make_pipeline(
        DeepFeatureTransformer(source, layers="all"),
        StandardScaler(),
        TransformedTargetRegressor(SVR(C=10.0, epsilon=0.01), transformer=StandardScaler()),
    )


def _stack(seed: int, sources: _Names) -> TransferStackRegressor:
    return TransferStackRegressor(list(sources), random_state=seed)


STRATEGIES: dict[str, dict[str, Callable[[int], BaseEstimator]]] = {
    "Base": {"median": _median},
    "scratch": {"ALIGNN": partial(_transfer, source=None, network="alignn")},
    "frozen features": {
        name: partial(_frozen, source=name) for name in (*STRUCTURE_SOURCES, EQUIVARIANT_SOURCE)
    },
    "fine-tune": {
        name: partial(_transfer, source=name) for name in (*STRUCTURE_SOURCES, FORMULA_SOURCE)
    },
    "stack": {
        " + ".join(names): partial(_stack, sources=names)
        for names in (
            (FORMULA_SOURCE,),
            (STRUCTURE_SOURCE,),
            (FORMULA_SOURCE, STRUCTURE_SOURCE),
            (FORMULA_SOURCE, *STRUCTURE_SOURCES),
            (FORMULA_SOURCE, STRUCTURE_SOURCE, EQUIVARIANT_SOURCE),
            (RICH_FORMULA_SOURCE, STRUCTURE_SOURCE),
            (RICH_FORMULA_SOURCE, *STRUCTURE_SOURCES),
        )
    },
    "freeze depth": {
        f"{STRUCTURE_SOURCE}, {depth} frozen": partial(
            _transfer, source=STRUCTURE_SOURCE, freeze_depth=depth
        )
        for depth in range(1, _N_GROUPS + 1)
    },
    "learning rate": {
        f"{STRUCTURE_SOURCE}, rate {rate:g}": partial(
            _transfer, source=STRUCTURE_SOURCE, learning_rate=rate
        )
        for rate in RATES
    },
    "pairwise": {name: partial(_transfer, source=Pretraining(name)) for name in SUBSTITUTE},
    "pretraining size": {
        f"{name}, {n_rows} rows": partial(_transfer, source=Pretraining(name, n_rows))
        for name in SUBSTITUTE
        for n_rows in SIZES
    },
}
# What is run: configurations, properties, points and trials.
_ALL = (*WHOLE, SHEET)
_VARIED = ("freeze depth", "learning rate", "pretraining size", "pairwise")
BUDGETS: dict[str, list[tuple[_Names, _Names, _Numbers, _Numbers]]] = {
    "quick": [(("Base", "frozen features", "fine-tune"), ("ph", "dc"), (10, 100), (1, 2))],
    "cpu": [
        (("Base", "frozen features", "fine-tune", "stack"), _ALL, (100, 800), TRIALS),
        (("scratch",), _ALL, (100, 800), TRIALS),
        (("stack",), _ALL, (200,), TRIALS),
        (_VARIED, ("ph", "dc"), (100,), (1, 2)),
    ],
    "gpu": [(tuple(STRATEGIES), (*_ALL, *SUBSTITUTE), POINTS, TRIALS)],
}


def list_runs(
    budget: str = "cpu",
    datasets: Sequence[str] | None = None,
    configurations: Sequence[str] | None = None,
    variants: Sequence[str] | None = None,
) -> list[Run]:
    """Return the runs of the study, those with fewer points first.

    Parameters
    ----------
    budget : {"quick", "cpu", "gpu"}
        How much of the study. "cpu" takes days on two cores, "quick" under an hour.
    datasets : sequence of str or None
        Properties; None for all of the budget.
    configurations, variants : sequence of str or None
        Names out of `STRATEGIES`; None for all of the budget.

    Returns
    -------
    list of Run
        ``seed`` is the publisher's trial. The variant ends in the number of points. "jarvis2d" has
        one trial of all its points, and five of 200 that are drawn from them. No source is judged
        on a property that it has `LEARNED`.

    Raises
    ------
    InputError
        If there is no such budget, property, configuration or variant.
    """
    (budget,) = check_names("budget", [budget], BUDGETS)
    names = sorted({name for made in STRATEGIES.values() for name in made})
    chosen_sets = check_names("dataset", datasets, (*_ALL, *SUBSTITUTE))
    chosen = check_names("configuration", configurations, STRATEGIES)
    chosen_variants = check_names("variant", variants, names)
    runs = {
        (points, Run(dataset, configuration, f"{variant}, {points} points", trial)): None
        for wanted, properties, sizes, trials in BUDGETS[budget]
        for configuration in wanted
        for dataset in properties
        for points in (_sheet_sizes(sizes) if dataset == SHEET else sizes)
        for trial in (trials[:1] if points == SHEET_POINTS else trials)
        for variant in STRATEGIES[configuration]
        if dataset in chosen_sets and configuration in chosen and variant in chosen_variants
        if not any(dataset in LEARNED.get(source, ()) for source in _sources(variant))
    }
    return [run for _, run in sorted(runs, key=lambda found: found[0])]


def _sheet_sizes(sizes: _Numbers) -> list[int]:
    return [SHEET_SIZES[size] for size in sizes if size in SHEET_SIZES]


def _points_and_test(
    data: FinetuneStrategiesSet, dataset: str, points: int, trial: int
) -> tuple[IntArray, IntArray]:
    """Return the rows of a trial to learn from, and its test rows."""
    if dataset != SHEET or points == SHEET_POINTS:
        rows = data.trial(points, trial)
        return np.concatenate([rows.train, rows.val]), rows.test
    learned, test = _points_and_test(data, dataset, SHEET_POINTS, 1)
    drawn = np.random.default_rng(trial).choice(len(learned), points, replace=False)
    return learned[np.sort(drawn)], test


def _sources(variant: str) -> list[str]:
    """Return the names of sources in the name of a variant, and what else it says."""
    return variant.replace(", ", " + ").split(" + ")


def do_run(
    run: Run,
    folder: PathLike | None = None,
    sources: PathLike = "sources",
    held_out: Collection[str] = (),
) -> tuple[dict[str, Any], FloatArray]:
    """Fit the model of a run to the points of a trial and score it on the test rows.

    Parameters
    ----------
    run : Run
        What to fit.
    folder : path-like or None
        Where the data are; see `fetch_finetune_strategies`.
    sources : path-like, default="sources"
        Where the sources that the study pretrains are kept.
    held_out : collection of str
        Digests of compositions that do not enter this pretraining.

    Returns
    -------
    row : dict
        See ``sktl.studies._runs.COLUMNS``; errors in the unit of the property.
    predictions : ndarray (n_test,) or (2, n_test)
        In the unit of the property; their standard deviations below them if the model knows them.
    """
    variant, _, points = run.variant.removesuffix(" points").rpartition(", ")
    data = fetch_finetune_strategies(run.dataset, folder=folder)
    train, test = _points_and_test(data, run.dataset, int(points), run.seed)
    model = STRATEGIES[run.configuration][variant](run.seed)
    plan = getattr(model, "source", None)
    if isinstance(plan, Pretraining):
        model.set_params(source=pretrained(plan, folder, sources, held_out))
    structures = data.structures
    row, predictions = make_result(
        model,
        [structures[i] for i in train],
        data.y[train],
        [structures[i] for i in test],
        data.y[test],
    )
    digest = data.sha256["structures.parquet"]
    return row | {"unit": data.unit, "train_sha256": digest, "test_sha256": digest}, predictions
