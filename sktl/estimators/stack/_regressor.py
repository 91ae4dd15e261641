"""TransferStackRegressor: networks and trees, mixed by errors on held-out rows."""

from __future__ import annotations

import numbers
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

import numpy as np
from joblib import Parallel, delayed
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state

from sktl._checks import check_numbers, check_weights, one_target
from sktl._state import stored
from sktl._types import ArrayLike, FloatArray, IntArray, MaterialsLike, PathLike
from sktl.estimators._base import MaterialsRegressor
from sktl.estimators._input import MaterialsEstimator, read_materials
from sktl.estimators._members import learn_domain
from sktl.estimators._provenance import record_training
from sktl.estimators._regressor import TransferRegressor
from sktl.estimators._uncertainty import Features, Uncertainty
from sktl.estimators._upgrades import upgrade_stack
from sktl.estimators.stack._bases import (
    BaseModel,
    given_bases,
    make_bases,
    make_features,
    reads_crystals,
)
from sktl.estimators.stack._mixing import middle_mean, select_shares
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
_SPREAD_FLOOR = 0.01

_Part: TypeAlias = tuple[IntArray, IntArray]
"""The rows of a member, and its held-out rows."""


@stored("transfer-stack-regressor/2", upgrades=[upgrade_stack])
class TransferStackRegressor(MaterialsRegressor):
    """Predict a property of materials with fine-tuned networks and trees, mixed by validation.

    A network is fine-tuned from each source of formulas. The other base models are extremely
    randomised trees, boosted trees and, up to 5,000 rows, support vector regressors (SVR). They
    read physical attributes and the sources' own predictions. Of sources of crystals they read the
    embeddings too, an SVR one of them. Of the potential "chgnet" they read the harmonic
    (vibrational and elastic) response, and nothing else if there is another source of crystals;
    half of the SVRs leave the response out.

    Each base model is fitted several times (its members), each time with another tenth of the rows
    held out. The predictions on held-out rows choose how the base models are mixed, with weights
    that are not negative and sum to 1, and calibrate the uncertainty. All members predict, so
    nothing is trained twice. A prediction is the weighted mean of the middle fifth of what all
    members of all base models say. That is nearly their median: a few wrong ones do not move it,
    and it stays zero where most say zero.

    Parameters
    ----------
    source : str, path-like, Source or a list of these, default="auto"
        Sources of formulas are fine-tuned; the other base models read features of all sources. See
        `TransferRegressor`. With structures as X, sources of formulas and of crystals can be mixed.
        "auto" is "mpt" for formulas, and "oqmd", "mpt-structure" and "nequix-omat" for structures;
        the last is fetched once, and left out with a warning where that is not possible.
    material : str, default="auto"
        Name of the column of formulas or structures, where X is a frame with further columns:
        temperature, processing, level of theory and the like. "auto" takes the only column that
        can be it.
    estimators : "auto" or list of (str, estimator), default="auto"
        Other base models with names of their own, regressors that take X as it is given to
        `fit`; `source` is then not used.
    n_members : "auto" or int, default="auto"
        Members of each base model, 2 to 10; "auto" is 10 up to 5,000 rows (200, if a source reads
        crystals) and 3 for more.
    n_jobs : int or None, default=None
        Members fitted at a time, as in joblib.
    random_state : int, RandomState or None, default=None
        An int makes fits on the CPU repeat bit for bit.

    Attributes
    ----------
    sources_ : dict of str to str
        Id and SHA-256 of each source.
    weights_ : dict of str to float
        Share of each base model in the predictions.
    members_ : dict of str to list of estimator
        The fitted members of each base model.
    validation_mae_ : dict of str to float
        Mean absolute error of each base model on the held-out rows.
    features_ : FeatureUnion or None
        Makes physical attributes and features from the sources, with ``estimators="auto"``.
    uncertainty_ : Uncertainty
        Learned from the errors on the held-out rows.
    training_sha256_ : str
        Hash of the training rows, whatever their order.
    examples_ : list
        Three training rows, on which a saved model is checked when it is loaded.
    material_ : str or None
        Name of the column of the materials, where others stand beside it.
    conditions_ : ConditionColumns or None
        What the training rows say of these others: ranges, categories.
    n_features_in_ : int
        Columns of X: 1 for formulas and structures alone.

    Raises
    ------
    FormulaError, StructureError, UnseenElementError, InputError
        X, y or a parameter cannot be used; the message names the row and the value.

    See Also
    --------
    TransferRegressor : One fine-tuned network: faster to fit and to predict.
    HarmonicTransformer : The harmonic response, as features for other models.

    Notes
    -----
    Rows of one composition are held out together, so that polymorphs do not leak. With 10 members
    the networks are trained for 24 epochs, twice as many as in `TransferRegressor`: in the average
    of many members it does no harm that each overfits a little. `fit` takes the time of one
    `TransferRegressor`, times the number of sources of formulas, times the number of members, and
    with 24 epochs twice that. Crystal-graph networks are not fine-tuned here, since that would take
    most of the time. The potential "chgnet" costs up to a second for each new crystal of eight
    atoms; see `HarmonicTransformer`.

    References
    ----------
    Choice of the weights: Caruana et al., Ensemble selection from libraries of models,
    doi:10.1145/1015330.1015432. Members as folds: Breiman, Stacked regressions,
    doi:10.1007/BF00117832.

    Examples
    --------
    >>> from sklearn.dummy import DummyRegressor
    >>> from sktl import TransferRegressor, TransferStackRegressor
    >>> bases = [("oqmd", TransferRegressor(max_epochs=1)), ("median", DummyRegressor())]
    >>> model = TransferStackRegressor(estimators=bases, n_members=2, random_state=0)
    >>> model = model.fit(["NaCl", "GaAs", "TiO2", "Cu"], [8.5, 1.4, 3.2, 0.0])
    >>> model.predict(["ZnO", "Si"]).shape
    (2,)
    """

    def __init__(
        self,
        source: PathLike | Source | Sequence[PathLike | Source] = "auto",
        *,
        material: str = "auto",
        estimators: Literal["auto"] | Sequence[tuple[str, BaseEstimator]] = "auto",
        n_members: int | Literal["auto"] = "auto",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.source = source
        self.material = material
        self.estimators = estimators
        self.n_members = n_members
        self.n_jobs = n_jobs
        self.random_state = random_state

    @one_thread()
    def fit(self, X: MaterialsLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the members of all base models and choose their shares.

        Parameters
        ----------
        X : sequence of formulas or structures, or float array (n, d)
            As in `TransferRegressor`. Columns beside the material are features of the trees and the
            SVR too.
        y : array-like (n,)
            Targets, in any unit and of any scale.
        sample_weight : array-like (n,), optional
            Weight of each row.

        Returns
        -------
        self
        """
        self.__dict__.pop("members_", None)  # if this fit fails, the estimator is not fitted
        materials = read_materials(self, X, fitting=True)
        targets = one_target(check_numbers(materials, y, estimator=type(self).__name__))
        weights = check_weights(materials, sample_weight)
        sources = self._load_sources(materials.kind)
        rows, groups = _canonical_rows(materials, targets, weights)
        few = len(rows) <= (FEW_CRYSTALS if any(map(reads_crystals, sources)) else FEW_ROWS)
        parts, seeds = self._split(rows, groups, few)
        bases = self._make_bases(materials, sources, few, len(rows))
        inputs = self._inputs(materials, {base.reads for base in bases.values()})
        given = None if sample_weight is None else weights
        self.members_, found = self._fit_members(bases, inputs, targets, given, parts, seeds)
        self.reads_ = {name: base.reads for name, base in bases.items()}
        self._nonnegative = bool((targets >= 0).all())
        held_out = [rows for _, rows in parts]
        self._learn_from(
            found,
            [targets[rows] for rows in held_out],
            np.concatenate([weights[rows] for rows in held_out]),
        )
        record_training(self, materials, targets, weights)
        networks = self._tuned_networks()
        self.domain_ = learn_domain(networks[0], materials, targets) if networks else None
        return self

    def _load_sources(self, kind: str) -> list[Source]:
        """Return the sources of the base models that are made here."""
        self.sources_ = {}
        if not self._makes_bases():
            return []
        sources = stack_sources(self.source, kind)
        self.sources_ = {source.card.id: source.sha256 for source in sources}
        return sources

    def _split(self, rows: IntArray, groups: IntArray, few: bool) -> tuple[list[_Part], list[int]]:
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
        seed = int(generator.randint(2**31 - 1))
        splitter = GroupKFold(n_folds, shuffle=True, random_state=seed)
        folds = [rows[fold] for _, fold in splitter.split(groups, groups=groups)][:n_members]
        parts = [(rows[~np.isin(rows, fold)], fold) for fold in folds]
        return parts, generator.randint(2**31 - 1, size=len(parts)).tolist()

    def _make_bases(
        self, materials: Materials, sources: Sequence[Source], few: bool, n_rows: int
    ) -> dict[str, BaseModel]:
        """Return the base models by name, and fit what gives the features of some."""
        self.features_: FeatureUnion | None = None
        if not self._makes_bases():
            return given_bases(self.estimators)
        self.features_ = make_features(materials.alone(), sources, self.n_jobs)
        names = self.features_.get_feature_names_out().tolist()
        beside = [] if self.conditions_ is None else self.conditions_.names
        return make_bases(sources, names, beside, n_rows, few)

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
        y: FloatArray,
        weights: FloatArray | None,
        parts: Sequence[_Part],
        seeds: Sequence[int],
    ) -> tuple[dict[str, list[BaseEstimator]], list[FloatArray]]:
        """Return the fitted members of each base model, and the predictions for held-out rows.

        Returns
        -------
        members : dict of str to list of estimator
        found : list of float array (n_k, b)
            For each part a column of each base model.
        """
        n_networks = sum(base.is_network for base in bases.values())
        expect_fits(len(parts) * n_networks, len(parts) * (len(bases) - n_networks))
        fitted = Parallel(n_jobs=self.n_jobs)(
            delayed(base.fit_member)(inputs, y, weights, part, seed)
            for base in bases.values()
            for part, seed in zip(parts, seeds, strict=True)
        )
        each = [fitted[k : k + len(parts)] for k in range(0, len(fitted), len(parts))]
        members = {name: [m for m, _ in part] for name, part in zip(bases, each, strict=True)}
        predicted = zip(*[[values for _, values in part] for part in each], strict=True)
        return members, list(map(np.column_stack, predicted))

    def _learn_from(
        self, found: Sequence[FloatArray], targets: Sequence[FloatArray], weights: FloatArray
    ) -> None:
        """Choose the shares and learn the size of errors; lists hold one array a member."""
        together, y = np.concatenate(found), np.concatenate(targets)
        maes = np.average(np.abs(together - y[:, None]), axis=0, weights=weights)
        self.validation_mae_ = dict(zip(self.members_, maes.tolist(), strict=True))
        shares = select_shares(together, y, weights)
        self.weights_ = dict(zip(self.members_, shares.tolist(), strict=True))
        self._spread_floor = _SPREAD_FLOOR * maes.min()
        errors = [
            np.abs(part @ shares - target)[:, None]
            for part, target in zip(found, targets, strict=True)
        ]
        self.uncertainty_ = Uncertainty(
            [self._features(part) for part in found], errors, weights, alike=True
        )

    def _features(self, predictions: FloatArray) -> FloatArray:
        """Return features of the size of an error: predictions (n, b) and their differences."""
        mixed = predictions @ list(self.weights_.values())
        apart = np.abs(predictions - mixed[:, None])
        return np.column_stack(
            [predictions, apart, np.log(apart.mean(axis=1) + self._spread_floor)]
        )

    def _predict_rows(
        self, materials: Materials, with_features: bool
    ) -> tuple[FloatArray, Features]:
        used = [name for name, share in self.weights_.items() if share or with_features]
        inputs = self._inputs(materials, {self.reads_[name] for name in used})
        found = {
            name: np.array(
                [member.predict(inputs[self.reads_[name]]) for member in self.members_[name]]
            )
            for name in used
        }
        shares = np.concatenate(
            [np.full(len(part), self.weights_[name] / len(part)) for name, part in found.items()]
        )
        mixed = middle_mean(np.concatenate(list(found.values())), shares)
        predictions = np.maximum(mixed, self._lowest())[:, None]
        if not with_features:
            return predictions, []
        rows = np.stack(list(found.values()), axis=-1)
        return predictions, [self._features(part) for part in rows]

    def _shaped(self, values: FloatArray) -> FloatArray:
        return values[:, 0]

    def _lowest(self) -> float:
        return 0.0 if self._nonnegative else -np.inf

    def _tuned_networks(self) -> list[TransferRegressor]:
        """Return all members that are fine-tuned networks."""
        members = [member for part in self.members_.values() for member in part]
        return [each for each in members if isinstance(each, TransferRegressor)]

    def _embedder(self) -> TransferRegressor:
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
    materials: Materials, y: FloatArray, weights: FloatArray
) -> tuple[IntArray, IntArray]:
    """Return the rows with a weight, whatever their order before, and the group of each."""
    batch = materials.items if materials.kind == "columns" else materials.compositions
    groups = label_rows(batch)
    rows = np.lexsort((weights, y, groups))
    rows = rows[weights[rows] > 0]
    return rows, groups[rows]
