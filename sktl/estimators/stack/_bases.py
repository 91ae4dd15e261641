"""The base models of the stack, as records, and the features that some of them read."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, PowerTransformer

from sktl._types import AnyArray, FloatArray, IntArray
from sktl.estimators._classifier import TransferClassifier
from sktl.estimators._criterion import ABSOLUTE, Criterion
from sktl.estimators._harmonic import HarmonicTransformer
from sktl.estimators._input import read_materials
from sktl.estimators._regressor import TransferRegressor
from sktl.estimators._transformer import DeepFeatureTransformer
from sktl.estimators.stack._svr import RESPONSE, svr_on_compositions, svrs_on_crystals
from sktl.exceptions import InputError
from sktl.representations import RESPONSES, Materials, MatminerTransformer
from sktl.sources import Source, find_architecture
from sktl.training import Policy, count_fit

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
MOST_FOR_SVR = 5000
EPOCHS_FOR_FEW = 24
TOGETHER = 5
"""Networks at most that are trained at once, whatever the number of jobs."""

_EXTRA, _BOOSTED = "extra trees", "boosted trees"
_TREES = {
    _EXTRA: ExtraTreesRegressor(max_features=0.33),
    _BOOSTED: HistGradientBoostingRegressor(
        max_iter=400,
        learning_rate=0.05,
        max_features=0.3,
        min_samples_leaf=5,
        early_stopping=False,
    ),
}
_FOR_FEW: dict[str, dict[str, Any]] = {  # of ten members each
    _EXTRA: {"n_estimators": 50},
    _BOOSTED: {"max_iter": 200, "learning_rate": 0.1, "max_bins": 64},
}

_CLASS_TREES = {
    _EXTRA: ExtraTreesClassifier(n_estimators=200),
    "random forest": RandomForestClassifier(n_estimators=200),
    _BOOSTED: HistGradientBoostingClassifier(
        max_iter=150, learning_rate=0.05, max_features=0.3, min_samples_leaf=5, early_stopping=False
    ),
}
Answer: TypeAlias = "Callable[[BaseEstimator, Any], AnyArray]"
"""Returns what a fitted estimator says of rows."""


@dataclass(frozen=True)
class BaseModel:
    """A base model of a stack.

    Attributes
    ----------
    name : str
        Its name in the stack.
    estimator : regressor or classifier
        Not fitted.
    reads : {"materials", "features", "rows"}
        What it takes as X: the `Materials`, the stack's features of them, or the rows as the user
        gave them.
    at_once : bool, default=False
        Whether it is a network of which several members are trained at once.
    """

    name: str
    estimator: BaseEstimator
    reads: Literal["materials", "features", "rows"]
    at_once: bool = False

    @property
    def is_network(self) -> bool:
        """Whether it is a fine-tuned network."""
        return isinstance(self.estimator, TransferRegressor | TransferClassifier)

    def groups(self, n_members: int) -> list[slice]:
        """Return which members are fitted by one call."""
        n_calls = math.ceil(n_members / TOGETHER) if self.at_once else n_members
        ends = [n_members * k // n_calls for k in range(n_calls + 1)]
        return [slice(*pair) for pair in itertools.pairwise(ends)]

    def fit_members(
        self,
        inputs: Mapping[str, Any],
        y: AnyArray,
        weights: FloatArray | None,
        parts: Sequence[tuple[IntArray, IntArray]],
        seeds: Sequence[int],
        answer: Answer,
    ) -> list[tuple[BaseEstimator, AnyArray]]:
        """Return fitted copies, and what each says of the rows that are held out from it.

        Parameters
        ----------
        inputs : dict
            What `reads` names, of all rows.
        y : array (n,)
        weights : float array (n,) or None
        parts : list of tuple of int array
            The rows to fit each copy to, and its held-out rows.
        seeds : list of int
            For every random state that is not set, of each copy.
        answer : callable
            Takes a fitted copy and rows, and returns what it says of them.
        """
        X = inputs[self.reads]
        if self.at_once and isinstance(self.estimator, TransferRegressor):
            model = clone(self.estimator)
            materials = read_materials(model, X, fitting=True)
            chosen = [rows for rows, _ in parts]
            members = model._fit_apart(materials, y, weights, chosen, seeds)
        else:
            members = [
                self._fit_copy(X, y, weights, rows, seed)
                for (rows, _), seed in zip(parts, seeds, strict=True)
            ]
        return [
            (member, answer(member, _take(X, held_out)))
            for member, (_, held_out) in zip(members, parts, strict=True)
        ]

    def _fit_copy(
        self, X: Any, y: AnyArray, weights: FloatArray | None, rows: IntArray, seed: int
    ) -> BaseEstimator:
        """Return a copy that is fitted to some rows."""
        member = clone(self.estimator)
        unset = {
            name: seed
            for name, value in member.get_params().items()
            if value is None and (name == "random_state" or name.endswith("__random_state"))
        }
        member.set_params(**unset)
        given = {} if weights is None else {"sample_weight": weights[rows]}
        X, y = _take(X, rows), y[rows]
        if self.is_network:  # the stack itself remembers the rows
            member._fit(read_materials(member, X, fitting=True), y, with_domain=False, **given)
        else:
            member.fit(X, y, **given)
            count_fit()
        return member


def given_bases(estimators: Any) -> dict[str, BaseModel]:
    """Return pairs of name and estimator as records by name."""
    try:
        named = {name: base for name, base in estimators if hasattr(base, "fit")}
    except (TypeError, ValueError):
        named = {}
    if not named or len(named) < len(estimators):
        raise InputError(
            f"Got estimators={estimators!r}, expected 'auto' or a list of (str, estimator), with "
            "names of their own."
        )
    networks = TransferRegressor | TransferClassifier
    return {
        name: BaseModel(name, base, "materials" if isinstance(base, networks) else "rows")
        for name, base in named.items()
    }


def make_bases(
    sources: Sequence[Source],
    names: list[str],
    beside: list[str],
    n_rows: int,
    few: bool,
    criterion: Criterion = ABSOLUTE,
) -> dict[str, BaseModel]:
    """Return the base models of sources, records by name.

    Parameters
    ----------
    sources : list of Source
        Those that read formulas are fine-tuned.
    names : list of str
        Of the features.
    beside : list of str
        Names of the columns that stand beside the material, which follow the features.
    n_rows : int
        Number of training rows; with many there is no support vector regressor.
    few : bool
        There are many members: networks that can be joined are trained at once, the others for more
        epochs, and trees are smaller.
    criterion : {"absolute_error", "squared_error"}, default="absolute_error"
        What networks and boosted trees are trained by.
    """
    bases = [_network(each, criterion, few) for each in sources if not reads_crystals(each)]
    others = {name: clone(base) for name, base in _TREES.items()}
    others[_BOOSTED].set_params(loss=criterion)
    if few:
        for name, settings in _FOR_FEW.items():
            others[name].set_params(**settings)
    if beside:  # a few columns among many attributes would be out of sight at most splits
        others[_EXTRA].set_params(max_features=1.0)
    if n_rows <= MOST_FOR_SVR:
        if any(map(reads_crystals, sources)):
            properties = {each for source in sources for each in source.card.property_names}
            embedded = [source.card.id for source in _known(sources) if reads_crystals(source)]
            others |= svrs_on_crystals(names, beside, properties, embedded)
        else:
            others |= svr_on_compositions(len(names), len(beside))
    bases += [BaseModel(name, base, "features") for name, base in others.items()]
    return {base.name: base for base in bases}


def _network(source: Source, criterion: Criterion, few: bool) -> BaseModel:
    """Return the base model that fine-tunes a source; of few rows each alone for longer."""
    at_once = few and source.network.joins_members
    network = TransferRegressor(
        source,
        criterion=criterion,
        max_epochs=EPOCHS_FOR_FEW if few and not at_once else "auto",
        policy=Policy(validation_fraction=0.0),
    )
    return BaseModel(f"fine-tuned {source.card.id}", network, "materials", at_once=at_once)


def make_class_bases(sources: Sequence[Source], beside: Sequence[str]) -> dict[str, BaseModel]:
    """Return the base models of sources for classes, records by name; see `make_bases`."""
    policy = Policy(validation_fraction=0.0)
    bases = [
        BaseModel(
            f"fine-tuned {source.card.id}",
            TransferClassifier(source, n_members=1, policy=policy),
            "materials",
        )
        for source in sources
        if not reads_crystals(source)
    ]
    trees = {name: clone(base) for name, base in _CLASS_TREES.items()}
    if beside:  # a few columns among many attributes would be out of sight at most splits
        trees[_EXTRA].set_params(max_features=1.0)
    bases += [BaseModel(name, base, "features") for name, base in trees.items()]
    return {base.name: base for base in bases}


def make_features(
    materials: Materials, sources: Sequence[Source], n_jobs: int | None
) -> FeatureUnion:
    """Return fitted features of rows: physical attributes and what the sources know.

    Beside another source of crystals, a machine-learning interatomic potential gives only the
    harmonic (vibrational and elastic) response; one whose response is slow, only the embedding.
    """
    attributes = [("attributes", MatminerTransformer("magpie", missing="impute"))]
    knowledge = [(source.card.id, _knowledge(source)) for source in _known(sources)]
    responses = [
        (RESPONSE + each.card.id, _harmonic(each, n_jobs)) for each in sources if _responds(each)
    ]
    return FeatureUnion(attributes + knowledge + responses).fit(materials)


def _known(sources: Sequence[Source]) -> Sequence[Source]:
    """Return the sources that give predictions, and embeddings of crystals."""
    others = [source for source in sources if not _responds(source)]
    return others if any(map(reads_crystals, others)) else sources


def _responds(source: Source) -> bool:
    """Tell whether a source is a potential whose harmonic response is quick enough for a stack."""
    network = source.card.network["name"]
    return source.card.is_potential and not find_architecture(network).slow_response


def reads_crystals(source: Source) -> bool:
    """Tell whether a source reads crystals."""
    return source.representation.reads == "structures"


def _knowledge(source: Source) -> DeepFeatureTransformer:
    """Return what gives the features of a source; of crystals, predictions alone tell little."""
    layers = "last" if reads_crystals(source) else []
    return DeepFeatureTransformer(source, layers=layers, predictions=True)


def _harmonic(source: Source, n_jobs: int | None) -> Pipeline:
    """Return what gives the harmonic response in a potential.

    Frequencies stay as they are, so that the few of stiff light bonds stand far from the others.
    The rest is made nearly normal, and ends where the rows that it was fitted to end: beyond, a
    power may run away.
    """
    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    transformer = HarmonicTransformer(source, n_jobs=n_jobs)
    n_frequencies = sum(name.startswith("frequency") for name in RESPONSES)
    frequencies, others = np.split(np.arange(len(RESPONSES)), [n_frequencies])
    scaler = make_column_transformer(
        ("passthrough", frequencies.tolist()),
        (make_pipeline(PowerTransformer(), MinMaxScaler(clip=True)), others.tolist()),
        verbose_feature_names_out=False,
    )
    return make_pipeline(transformer, imputer, scaler)


def predict(member: BaseEstimator, X: Any) -> FloatArray:
    """Return the predictions (n,) of a fitted regressor."""
    return member.predict(X)


def predict_chances(member: BaseEstimator, X: Any, classes: AnyArray) -> FloatArray:
    """Return the probabilities (n, c) of classes (c,) that a fitted classifier gives.

    Those of classes that none of its training rows had are 0.
    """
    chances = np.zeros((len(X), len(classes)))
    chances[:, np.searchsorted(classes, member.classes_)] = member.predict_proba(X)
    return chances


def _take(X: Any, rows: IntArray) -> Any:
    """Return some rows of materials, of an array or of a list."""
    if isinstance(X, list):
        return [X[row] for row in rows]
    return X[rows] if isinstance(X, np.ndarray) else X.take(rows)
