"""TransferStackRegressor: networks and trees, mixed by errors on held-out rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from sktl._checks import check_numbers, check_squares, one_target
from sktl._state import stored
from sktl._types import ArrayLike, FloatArray, MaterialsLike, PathLike
from sktl.estimators._criterion import ABSOLUTE, SQUARED, Criterion, check_criterion
from sktl.estimators._input import read_materials
from sktl.estimators._materials_regressor import MaterialsRegressor
from sktl.estimators._uncertainty import Features, Uncertainty
from sktl.estimators._upgrades import upgrade_stack
from sktl.estimators.stack._bases import Answer, BaseModel, make_bases, predict
from sktl.estimators.stack._mixing import middle_mean, select_shares
from sktl.estimators.stack._stack import Stack
from sktl.representations import Materials
from sktl.sources import Source

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

_SPREAD_FLOOR = 0.01


@stored("transfer-stack-regressor/2", upgrades=[upgrade_stack])
class TransferStackRegressor(MaterialsRegressor, Stack):
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
    criterion : {"absolute_error", "squared_error"}, default="absolute_error"
        What is made small: absolute errors, which makes for medians, or squared errors, which
        makes for means, and is what R2, and so `score`, asks for. By the latter the shares are
        chosen, the networks and boosted trees trained, and members mixed by their plain mean.
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
    Rows of one composition are held out together, so that polymorphs do not leak. Where there are
    ten members, those of a network are trained at once, five together, each by updates of low rank
    to the layers of the source (LoRA, doi:10.48550/arXiv.2106.09685); all ten take about four times
    as long as one `TransferRegressor`, for each source of formulas. Crystal-graph networks are not
    fine-tuned here, since that would take most of the time. The potential "chgnet" costs up to a
    second for each new crystal of eight atoms; see `HarmonicTransformer`.

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
        criterion: Criterion = ABSOLUTE,
        n_members: int | Literal["auto"] = "auto",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.source = source
        self.material = material
        self.estimators = estimators
        self.criterion = criterion
        self.n_members = n_members
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: MaterialsLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the members of all base models and choose their shares.

        Parameters
        ----------
        X : sequence of formulas or structures, or float array (n, d)
            As in `TransferRegressor`. Columns beside the material are features of the trees and the
            SVR too.
        y : array-like (n,)
            Targets, in any unit, of at most 1e100.
        sample_weight : array-like (n,), optional
            Weight of each row.

        Returns
        -------
        self
        """
        materials = read_materials(self, X, fitting=True)
        targets = one_target(check_numbers(materials, y, estimator=type(self).__name__))
        check_squares(materials, targets)
        check_criterion(self.criterion)
        self._nonnegative = bool((targets >= 0).all())
        return self._fit(materials, targets, targets, sample_weight)

    def _make_bases(
        self, sources: Sequence[Source], names: list[str], beside: list[str], n_rows: int, few: bool
    ) -> dict[str, BaseModel]:
        return make_bases(sources, names, beside, n_rows, few, self.criterion)

    @property
    def _answer(self) -> Answer:
        return predict

    def _learn_from(
        self, found: Sequence[FloatArray], targets: Sequence[FloatArray], weights: FloatArray
    ) -> None:
        """Choose the shares and learn the size of errors; lists hold one array a member."""
        together, y = np.concatenate(found), np.concatenate(targets)
        maes = np.average(np.abs(together - y[:, None]), axis=0, weights=weights)
        self.validation_mae_ = dict(zip(self.members_, maes.tolist(), strict=True))
        power = 2 if self.criterion == SQUARED else 1
        shares = select_shares(together, weights, lambda mix: np.abs(mix - y[:, None]) ** power)
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
        found = self._ask_members(materials, used)
        shares = np.concatenate(
            [np.full(len(part), self.weights_[name] / len(part)) for name, part in found.items()]
        )
        said = np.concatenate(list(found.values()))
        mixed = shares @ said if self.criterion == SQUARED else middle_mean(said, shares)
        predictions = np.maximum(mixed, self._lowest())[:, None]
        if not with_features:
            return predictions, []
        rows = np.stack(list(found.values()), axis=-1)
        return predictions, [self._features(part) for part in rows]

    def _shaped(self, values: FloatArray) -> FloatArray:
        return values[:, 0]

    def _lowest(self) -> float:
        return 0.0 if self._nonnegative else -np.inf
