"""What the stacks for numbers and for classes share: base models, each with several members."""

from __future__ import annotations

import numbers
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

import numpy as np
from joblib import Parallel, delayed
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state

from sktl._checks import check_weights
from sktl._types import AnyArray, ArrayLike, FloatArray, IntArray, PathLike
from sktl.estimators._base import MaterialsModel
from sktl.estimators._classifier import TransferClassifier
from sktl.estimators._input import MaterialsEstimator
from sktl.estimators._members import learn_domain
from sktl.estimators._provenance import record_training
from sktl.estimators._regressor import TransferRegressor
from sktl.estimators.stack._bases import (
    Answer,
    BaseModel,
    given_bases,
    make_features,
    reads_crystals,
)
from sktl.estimators.stack._sources import stack_sources
from sktl.exceptions import InputError
from sktl.representations import Materials, label_rows
from sktl.sources import Source
from sktl.training import expect_fits, one_thread

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import FeatureUnion

FEW_ROWS = 5000
FEW_CRYSTALS = 200
MOST_MEMBERS, FEWEST_MEMBERS = 10, 3

_Part: TypeAlias = tuple[IntArray, IntArray]
"""The rows of a member, and its held-out rows."""


class Stack(MaterialsModel):
    """Base models, each with several members that have other rows held out."""

    members_: dict[str, list[BaseEstimator]]
    weights_: dict[str, float]
    features_: FeatureUnion | None

    source: PathLike | Source | Sequence[PathLike | Source]
    estimators: Literal["auto"] | Sequence[tuple[str, BaseEstimator]]
    n_members: int | Literal["auto"]
    n_jobs: int | None
    random_state: int | np.random.RandomState | None

    @abstractmethod
    def _make_bases(
        self, sources: Sequence[Source], names: list[str], beside: list[str], n_rows: int, few: bool
    ) -> dict[str, BaseModel]:
        """Return the base models of sources, records by name."""

    @property
    @abstractmethod
    def _answer(self) -> Answer:
        """How a fitted member is asked: the function picks what it says of rows X."""

    @abstractmethod
    def _learn_from(
        self, found: Sequence[AnyArray], targets: Sequence[AnyArray], weights: FloatArray
    ) -> None:
        """Choose the shares by held-out rows; lists hold one array a member.

        `found` are what all base models say of them, (n_k, b) or, of c classes, (n_k, b, c).
        """

    @one_thread()
    def _fit(
        self,
        materials: Materials,
        y: AnyArray,
        ranks: AnyArray,
        sample_weight: ArrayLike | None,
    ) -> Self:
        """Fit to checked input; `ranks` are numbers by which targets `y` are put in order."""
        self.__dict__.pop("members_", None)  # if this fit fails, the estimator is not fitted
        weights = check_weights(materials, sample_weight)
        sources = self._load_sources(materials.kind)
        rows, groups = _canonical_rows(materials, ranks, weights)
        few = len(rows) <= (FEW_CRYSTALS if any(map(reads_crystals, sources)) else FEW_ROWS)
        parts, seeds = self._split(rows, groups, ranks, few)
        bases = self._choose_bases(materials, sources, len(rows), few)
        inputs = self._inputs(materials, {base.reads for base in bases.values()})
        given = None if sample_weight is None else weights
        self.members_, found = self._fit_members(bases, inputs, y, given, parts, seeds)
        self.reads_ = {name: base.reads for name, base in bases.items()}
        held_out = [rows for _, rows in parts]
        self._learn_from(
            found,
            [ranks[rows] for rows in held_out],
            np.concatenate([weights[rows] for rows in held_out]),
        )
        record_training(self, materials, y, weights)
        networks = self._tuned_networks()
        self.domain_ = learn_domain(networks[0], materials, y) if networks else None
        return self

    def _load_sources(self, kind: str) -> list[Source]:
        """Return the sources of the base models that are made here."""
        self.sources_ = {}
        if not self._makes_bases():
            return []
        sources = stack_sources(self.source, kind)
        self.sources_ = {source.card.id: source.sha256 for source in sources}
        return sources

    def _folds(self, ranks: AnyArray, groups: IntArray, n_folds: int, seed: int) -> list[IntArray]:
        """Return folds of rows, those of one group together; `ranks` are their targets."""
        splitter = GroupKFold(n_folds, shuffle=True, random_state=seed)
        return [fold for _, fold in splitter.split(groups, groups=groups)]

    def _split(
        self, rows: IntArray, groups: IntArray, ranks: AnyArray, few: bool
    ) -> tuple[list[_Part], list[int]]:
        """Return for each member its rows and its held-out rows, and its seed.

        Rows of one group stay together.
        """
        n_groups, n_members = len(np.unique(groups)), self.n_members
        if n_members == "auto":
            n_members = MOST_MEMBERS if few else FEWEST_MEMBERS
        if not isinstance(n_members, numbers.Integral) or not 2 <= n_members <= MOST_MEMBERS:
            raise InputError(
                f"Got n_members={n_members!r}, expected 'auto' or an integer from 2 to "
                f"{MOST_MEMBERS}."
            )
        n_folds = min(MOST_MEMBERS, n_groups)
        if n_folds < 2:
            raise InputError(
                f"Got n_samples = {len(groups)} rows, all of one composition, expected two or more "
                "compositions."
            )
        generator = check_random_state(self.random_state)
        folds = self._folds(ranks[rows], groups, n_folds, int(generator.randint(2**31 - 1)))
        folds = [rows[fold] for fold in folds][:n_members]
        parts = [(rows[~np.isin(rows, fold)], fold) for fold in folds]
        return parts, generator.randint(2**31 - 1, size=len(parts)).tolist()

    def _choose_bases(
        self, materials: Materials, sources: Sequence[Source], n_rows: int, few: bool
    ) -> dict[str, BaseModel]:
        """Return the base models by name, and fit what gives the features of some."""
        self.features_ = None
        if not self._makes_bases():
            return given_bases(self.estimators)
        self.features_ = make_features(materials.alone(), sources, self.n_jobs)
        names = self.features_.get_feature_names_out().tolist()
        beside = [] if self.conditions_ is None else self.conditions_.names
        return self._make_bases(sources, names, beside, n_rows, few)

    def _makes_bases(self) -> bool:
        return isinstance(self.estimators, str) and self.estimators == "auto"

    def _inputs(self, materials: Materials, wanted: Collection[str]) -> dict[str, Any]:
        """Return what base models read: the materials, features of them, or the plain rows."""
        made: dict[str, Any] = {"materials": materials}
        if "rows" in wanted:
            made["rows"] = materials.plain_rows()
        if "features" in wanted and self.features_ is not None:
            made["features"] = self.features_.transform(materials.alone())
            if self.conditions_ is not None and materials.conditions is not None:
                beside = self.conditions_.plain(materials.conditions)
                made["features"] = np.hstack([made["features"], beside])
        return {name: made[name] for name in wanted}

    def _fit_members(
        self,
        bases: Mapping[str, BaseModel],
        inputs: Mapping[str, Any],
        y: AnyArray,
        weights: FloatArray | None,
        parts: Sequence[_Part],
        seeds: Sequence[int],
    ) -> tuple[dict[str, list[BaseEstimator]], list[AnyArray]]:
        """Return the fitted members of each base model, and what they say of held-out rows.

        Returns
        -------
        members : dict of str to list of estimator
        found : list of float array (n_k, b) or (n_k, b, c)
            For each part, what each base model says.
        """
        calls = [(base, group) for base in bases.values() for group in base.groups(len(parts))]
        networks = sum(base.is_network for base, _ in calls)
        expect_fits(networks, len(calls) - networks)
        found = Parallel(n_jobs=self.n_jobs)(
            delayed(base.fit_members)(inputs, y, weights, parts[group], seeds[group], self._answer)
            for base, group in calls
        )
        fitted = [each for group in found for each in group]
        each = [fitted[k : k + len(parts)] for k in range(0, len(fitted), len(parts))]
        members = {name: [m for m, _ in part] for name, part in zip(bases, each, strict=True)}
        said = zip(*[[values for _, values in part] for part in each], strict=True)
        return members, [np.stack(part, axis=1) for part in said]

    def _ask_members(self, materials: Materials, names: Collection[str]) -> dict[str, AnyArray]:
        """Return what each member of some base models says, (m, n) or (m, n, c), by name."""
        inputs = self._inputs(materials, {self.reads_[name] for name in names})
        for name in self.members_.keys() - set(names):  # what has no share still says what is wrong
            reader = self.members_[name][0]
            if isinstance(reader, MaterialsEstimator):
                reader.input_.read(materials)
        return {
            name: np.array(
                [self._answer(each, inputs[self.reads_[name]]) for each in self.members_[name]]
            )
            for name in names
        }

    def _tuned_networks(self) -> list[TransferRegressor | TransferClassifier]:
        """Return all members that are fine-tuned networks."""
        members = [member for part in self.members_.values() for member in part]
        return [
            each for each in members if isinstance(each, TransferRegressor | TransferClassifier)
        ]

    def _embedder(self) -> TransferRegressor | TransferClassifier:
        return self._tuned_networks()[0]

    def _check_elements(self, materials: Materials) -> None:
        readers = [members[0] for members in self.members_.values()]
        if self.features_ is not None:
            readers += [step for _, step in self.features_.transformer_list]
        for reader in readers:
            reader = reader[0] if isinstance(reader, Pipeline) else reader
            if isinstance(reader, MaterialsEstimator):
                reader.input_.read(materials)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "members_")


def _canonical_rows(
    materials: Materials, ranks: AnyArray, weights: FloatArray
) -> tuple[IntArray, IntArray]:
    """Return the rows with a weight, whatever their order before, and the group of each."""
    batch = materials.items if materials.kind == "columns" else materials.compositions
    groups = label_rows(batch)
    rows = np.lexsort((weights, ranks, groups))
    rows = rows[weights[rows] > 0]
    return rows, groups[rows]
