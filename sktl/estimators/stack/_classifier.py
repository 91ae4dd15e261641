"""TransferStackClassifier: networks and trees, mixed by cross-entropy on held-out rows."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.model_selection import StratifiedGroupKFold

from sktl._checks import check_labels
from sktl._state import stored
from sktl._types import AnyArray, ArrayLike, FloatArray, IntArray, MaterialsLike, PathLike
from sktl.estimators._input import read_materials
from sktl.estimators._materials_classifier import MaterialsClassifier
from sktl.estimators._uncertainty import Features
from sktl.estimators.stack._bases import Answer, BaseModel, make_class_bases, predict_chances
from sktl.estimators.stack._mixing import select_shares
from sktl.estimators.stack._stack import Stack
from sktl.exceptions import InputError
from sktl.representations import Materials
from sktl.sources import Source

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

ATTEMPTS = 20  # to find folds after each of which two classes are left
_LEAST = 1e-3  # chance of the class that is there: none is certain of being wrong


@stored("transfer-stack-classifier/1")
class TransferStackClassifier(MaterialsClassifier, Stack):
    """Predict classes of materials with fine-tuned networks and trees, mixed by validation.

    A network is fine-tuned from each source of formulas. The other base models are extremely
    randomised trees, a random forest and boosted trees, which read physical attributes and the
    sources' own predictions; of a source of crystals they read the embedding too, and of a
    machine-learning interatomic potential the harmonic response.

    Each base model is fitted several times (its members), each time with another tenth of the rows
    held out, rows of one composition together and classes in proportion. The probabilities on
    held-out rows choose how the base models are mixed, by cross-entropy, with weights that are not
    negative and sum to 1, and calibrate the mixture. All members predict.

    Parameters
    ----------
    source : str, path-like, Source or a list of these, default="auto"
        Sources of formulas are fine-tuned; the other base models read features of all sources.
        "auto" and crystals are as in `TransferStackRegressor`.
    material : str, default="auto"
        Name of the column of formulas or structures, where X is a frame with further columns; see
        `TransferRegressor`.
    estimators : "auto" or list of (str, estimator), default="auto"
        Other base models with names of their own, classifiers with ``predict_proba`` that take X
        as it is given to `fit`; `source` is then not used.
    n_members : "auto" or int, default="auto"
        Members of each base model, 2 to 10; "auto" is 10 up to 5,000 rows (200, if a source reads
        crystals) and 3 for more.
    n_jobs : int or None, default=None
        Members fitted at a time, as in joblib.
    random_state : int, RandomState or None, default=None
        An int makes fits on the CPU repeat bit for bit.

    Attributes
    ----------
    classes_ : ndarray (c,)
        The class labels, sorted.
    sources_ : dict of str to str
        Id and SHA-256 of each source.
    weights_ : dict of str to float
        Share of each base model in the probabilities.
    members_ : dict of str to list of estimator
        The fitted members of each base model.
    validation_log_loss_ : float
        Mean cross-entropy of the calibrated mixture on the held-out rows.
    base_log_losses_ : dict of str to float
        That of each base model.
    temperature_ : float
        Above 1 where the mixture was too sure of itself on the held-out rows.
    features_ : FeatureUnion or None
        Makes physical attributes and features from the sources, with ``estimators="auto"``.
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
    TransferClassifier : Fine-tuned networks alone: faster to fit and to predict.
    TransferStackRegressor : The same for numbers.

    References
    ----------
    Choice of the weights: Caruana et al., Ensemble selection from libraries of models,
    doi:10.1145/1015330.1015432. Calibration: Guo et al., doi:10.48550/arXiv.1706.04599.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> from sktl import TransferClassifier, TransferStackClassifier
    >>> bases = [("mpt", TransferClassifier(n_members=1)), ("frequency", DummyClassifier())]
    >>> model = TransferStackClassifier(estimators=bases, n_members=2, random_state=0)
    >>> formulas = ["NaCl", "GaAs", "TiO2", "Cu", "MgO", "Al"]
    >>> kinds = ["ionic", "covalent", "ionic", "metal", "ionic", "metal"]
    >>> model.fit(formulas, kinds).predict_proba(["ZnO", "Si"]).shape
    (2, 3)
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

    def fit(self, X: MaterialsLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the members of all base models and choose their shares.

        Parameters
        ----------
        X : sequence of formulas or structures, or float array (n, d)
            As in `TransferRegressor`. Columns beside the material are features of the trees too.
        y : array-like (n,)
            Class labels: numbers, strings or booleans; two or more classes.
        sample_weight : array-like (n,), optional
            Weight of each row.

        Returns
        -------
        self
        """
        materials = read_materials(self, X, fitting=True)
        labels = check_labels(materials, y, estimator=type(self).__name__)
        place = self._learn_classes(labels)
        return self._fit(materials, labels, place, sample_weight)

    def _folds(self, ranks: AnyArray, groups: IntArray, n_folds: int, seed: int) -> list[IntArray]:
        pairs, place = np.unique(np.column_stack([groups, ranks]), axis=0, return_inverse=True)
        n_folds = max(2, min(n_folds, int(np.bincount(pairs[:, 1]).max())))
        for attempt in range(ATTEMPTS):
            splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed + attempt)
            with warnings.catch_warnings():  # of a class with fewer rows than folds
                warnings.simplefilter("ignore", UserWarning)
                parts = list(splitter.split(pairs, pairs[:, 1], pairs[:, 0]))
            if all(len(np.unique(pairs[kept, 1])) > 1 for kept, _ in parts):
                return [np.flatnonzero(np.isin(place.ravel(), fold)) for _, fold in parts]
        name = self.classes_.tolist()[np.bincount(pairs[:, 1]).argmax()]
        raise InputError(
            f"Got all rows but those of a few compositions in the class {name!r}, expected two "
            "classes or more that stay when rows are held out: each needs rows of two or more "
            "compositions."
        )

    def _make_bases(
        self, sources: Sequence[Source], names: list[str], beside: list[str], n_rows: int, few: bool
    ) -> dict[str, BaseModel]:
        return make_class_bases(sources, beside)

    @property
    def _answer(self) -> Answer:
        return partial(predict_chances, classes=self.classes_)

    def _learn_from(
        self, found: Sequence[FloatArray], targets: Sequence[IntArray], weights: FloatArray
    ) -> None:
        """Choose the shares and the temperature; lists hold one array a member."""
        together, place = np.concatenate(found), np.concatenate(targets)
        told = together[np.arange(len(place)), :, place]
        costs = np.average(_cost(told), axis=0, weights=weights)
        self.base_log_losses_ = dict(zip(self.members_, costs.tolist(), strict=True))
        shares = select_shares(told, weights, _cost)
        self.weights_ = dict(zip(self.members_, shares.tolist(), strict=True))
        mixed = np.einsum("nbc,b->nc", together, shares)

        def cost(logarithm: float) -> float:
            tempered = _tempered(mixed, float(np.exp(logarithm)))
            return float(np.average(_cost(tempered[np.arange(len(place)), place]), weights=weights))

        found_at = minimize_scalar(cost, bounds=(-0.4, 1.0), method="bounded")
        self.temperature_, self.validation_log_loss_ = float(np.exp(found_at.x)), found_at.fun

    def _predict_rows(
        self, materials: Materials, with_features: bool
    ) -> tuple[FloatArray, Features]:
        used = [name for name, share in self.weights_.items() if share]
        found = self._ask_members(materials, used)
        mixed = sum(self.weights_[name] * part.mean(axis=0) for name, part in found.items())
        return _tempered(mixed, self.temperature_), []


def _cost(told: FloatArray) -> FloatArray:
    """Return the cross-entropy of the probabilities of classes that are there."""
    return -np.log(np.maximum(told, _LEAST))


def _tempered(chances: FloatArray, temperature: float) -> FloatArray:
    """Return probabilities (n, c) raised to 1 / temperature, each row with the sum 1."""
    raised = chances ** (1 / temperature)
    return raised / raised.sum(axis=1, keepdims=True)
