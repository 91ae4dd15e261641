"""A scikit-learn transformer around matminer's composition featurizers."""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from copy import deepcopy
from typing import TYPE_CHECKING, NamedTuple, NoReturn, Self, TypeAlias, TypeGuard

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from sktl._state import stored
from sktl._types import FloatArray, Formula, IntArray, MaterialsLike, ObjectArray
from sktl.exceptions import InputError, MissingElementDataError
from sktl.representations._compositions import Compositions
from sktl.representations._magpie import (
    MAGPIE_FEATURE_NAMES,
    MAX_LISTED,
    MISSING_POLICIES,
    MissingPolicy,
    list_reasons,
    magpie_attributes,
)
from sktl.representations._materials import Materials
from sktl.representations._symbols import SYMBOLS

if TYPE_CHECKING:
    from matminer.featurizers.base import BaseFeaturizer
    from pymatgen.core import Composition
    from sklearn.utils import Tags


@stored("matminer-transformer/1")
class MatminerTransformer(TransformerMixin, BaseEstimator):
    """Turn chemical formulas into the features of a matminer composition featurizer.

    Nothing is learned unless the featurizer itself learns; nothing is transferred.

    Parameters
    ----------
    featurizer : "magpie" or matminer featurizer, default="magpie"
        "magpie" gives the 145 physical attributes of Ward et al. [1]_, computed for all rows at
        once. Any other value is an instance of a matminer featurizer that takes a Composition,
        such as ``ElementProperty.from_preset("deml")`` or a MultipleFeaturizer; it is copied and
        called once for each distinct composition.
    missing : {"error", "impute", "nan"}, default="error"
        What to do with a row that needs an element for which there is no data: raise; fill in the
        mean over the elements (only for "magpie"; a matminer instance has its own parameter
        ``impute_nan``); or leave NaN.
    n_jobs : int or None, default=1
        Processes that call a matminer instance, -1 for all cores. "magpie" always uses one core.

    Attributes
    ----------
    featurizer_ : "magpie" or matminer featurizer
        A fitted copy of `featurizer`.
    n_features_in_ : int
        1, the column of formulas.

    Raises
    ------
    InputError
        If a parameter is wrong, the featurizer cannot use a row or its features are not numbers.
    FormulaError
        If a formula cannot be read.
    MissingElementDataError
        If ``missing="error"`` and a feature has no value. All of them name the row (0-based) and
        the formula, where matminer's own ``transform`` returns a row of NaN.

    See Also
    --------
    sktl.representations._magpie.magpie_attributes : What "magpie" computes, with its settings.

    Notes
    -----
    - Elements enter in order of atomic number and with the amounts as written, so ``Fe2O3`` and
      ``O3Fe2`` give the same numbers.
    - Featurizers of oxidation states (OxidationStates, CationProperty, ElectronAffinity,
      ElectronegativityDiff) need pymatgen Compositions with oxidation states: pass those, not
      formulas. "magpie" takes no notice of oxidation states.
    - CohesiveEnergy and CohesiveEnergyMP ask the Materials Project over the network.

    References
    ----------
    .. [1] L. Ward et al., npj Comput. Mater. 2, 16028 (2016), doi:10.1038/npjcompumats.2016.28
    .. [2] L. Ward et al., Comput. Mater. Sci. 152, 60 (2018),
       doi:10.1016/j.commatsci.2018.05.018

    Examples
    --------
    >>> transformer = MatminerTransformer().fit(["Fe2O3", "GaAs"])
    >>> transformer.transform(["LiFePO4"]).shape
    (1, 145)
    >>> transformer.get_feature_names_out()[:2].tolist()
    ['0-norm', '2-norm']

    >>> from matminer.featurizers.composition import Stoichiometry
    >>> features = MatminerTransformer(Stoichiometry(p_list=[0, 2])).fit_transform(["NaCl"])
    >>> features.round(3).tolist()
    [[2.0, 0.707]]
    """

    def __init__(
        self,
        featurizer: str | BaseFeaturizer = "magpie",
        *,
        missing: MissingPolicy = "error",
        n_jobs: int | None = 1,
    ) -> None:
        self.featurizer = featurizer
        self.missing = missing
        self.n_jobs = n_jobs

    def fit(self, X: MaterialsLike, y: object = None) -> Self:
        """Check the parameters, and fit a copy of the featurizer.

        Parameters
        ----------
        X : list, tuple, Series, one-column DataFrame or object array, shape (n,)
            Formulas or pymatgen Compositions.
        y : ignored

        Returns
        -------
        MatminerTransformer
            This transformer.
        """
        self._check_params()
        materials = Materials.read(X)
        formulas = materials.formulas
        self.featurizer_ = deepcopy(self.featurizer)
        if not isinstance(self.featurizer_, str):
            distinct, _ = _distinct_compositions(formulas, materials.compositions)
            self.featurizer_.fit(distinct)
        self.n_features_in_ = 1
        return self

    def transform(self, X: MaterialsLike) -> FloatArray:
        """Compute the features of each formula.

        Parameters
        ----------
        X : list, tuple, Series, one-column DataFrame or object array, shape (n,)
            Formulas or pymatgen Compositions.

        Returns
        -------
        ndarray of float64, shape (n, n_features_out)
            Features in the units of the featurizer; a DataFrame after
            ``set_output(transform="pandas")``.
        """
        check_is_fitted(self, "featurizer_")
        materials = Materials.read(X)
        formulas, compositions = materials.formulas, materials.compositions
        if isinstance(self.featurizer_, str):
            return magpie_attributes(compositions, missing=self.missing, formulas=formulas)
        distinct, inverse = _distinct_compositions(formulas, compositions)
        outcomes = _featurize(self.featurizer_, distinct, self.n_jobs)
        refused = {
            i: outcome
            for i, outcome in enumerate(outcomes)
            if isinstance(outcome, _Failure) and (self.missing == "error" or not outcome.lacks_data)
        }
        if refused:
            self._refuse(refused, formulas, inverse)
        features = np.full((len(distinct), len(self._names())), np.nan)
        for i, outcome in enumerate(outcomes):
            features[i] = outcome.features if isinstance(outcome, _Failure) else outcome
        return features[inverse]

    def get_feature_names_out(self, input_features: object = None) -> ObjectArray:
        """Return the names of the features, as matminer labels them.

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        ndarray of object, shape (n_features_out,)
        """
        check_is_fitted(self, "featurizer_")
        return np.array(self._names(), dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _names(self) -> list[str]:
        if isinstance(self.featurizer_, str):
            return list(MAGPIE_FEATURE_NAMES)
        return [str(name) for name in self.featurizer_.feature_labels()]

    def _check_params(self) -> None:
        if self.missing not in MISSING_POLICIES:
            raise InputError(f"Got missing={self.missing!r}, expected one of {MISSING_POLICIES}.")
        if isinstance(self.featurizer, str) and self.featurizer == "magpie":
            return
        methods = "fit", "featurize", "feature_labels"
        known = all(callable(getattr(self.featurizer, method, None)) for method in methods)
        if isinstance(self.featurizer, type) or not known:
            raise InputError(
                f"Got featurizer={self.featurizer!r}, expected 'magpie' or an instance of a "
                "matminer composition featurizer."
            )
        if self.missing == "impute":
            raise InputError(
                "Got missing='impute' with a featurizer instance, expected 'error' or 'nan'; "
                "construct the featurizer with impute_nan=True instead."
            )

    def _refuse(
        self,
        refused: dict[int, _Failure],
        formulas: list[Formula],
        inverse: IntArray,
    ) -> NoReturn:
        """Raise for the distinct compositions in `refused`, naming their rows in X."""
        rows = np.flatnonzero(np.isin(inverse, list(refused)))
        reasons = [
            f"row {row}: {_text(formulas[row])}: {refused[inverse[row]].reason}"
            for row in rows[:MAX_LISTED]
        ]
        lacks_data = all(failure.lacks_data for failure in refused.values())
        raise (MissingElementDataError if lacks_data else InputError)(
            f"Got {len(rows)} of {len(formulas)} rows that {type(self.featurizer_).__name__} "
            f"cannot featurize, expected none"
            + ("; missing='nan' leaves NaN:" if lacks_data else ":")
            + list_reasons(reasons, len(rows))
        )


class _Failure(NamedTuple):
    """In place of the features of a composition that has none, or not all."""

    reason: str
    lacks_data: bool
    features: list[float] | float = np.nan


_Outcome: TypeAlias = list[float] | _Failure


def _distinct_compositions(
    formulas: list[Formula], batch: Compositions
) -> tuple[list[Composition], IntArray]:
    """Return distinct pymatgen Compositions of formulas and what they are parsed to, and the place
    of each row among them."""
    from pymatgen.core import Composition

    bounds = batch.offsets.tolist()
    places: dict[Hashable, int] = {}
    distinct: list[Composition] = []
    inverse = []
    for row, formula in enumerate(formulas):
        entries = slice(bounds[row], bounds[row + 1])
        key: Hashable
        if _has_charges(formula):
            key = tuple(sorted((str(species), amount) for species, amount in formula.items()))
        else:
            key = batch.numbers[entries].tobytes(), batch.amounts[entries].tobytes()
        if key not in places:
            places[key] = len(distinct)
            symbols = [SYMBOLS[z - 1] for z in batch.numbers[entries]]
            amounts = dict(zip(symbols, batch.amounts[entries].tolist(), strict=True))
            distinct.append(formula if _has_charges(formula) else Composition(amounts))
        inverse.append(places[key])
    return distinct, np.array(inverse, dtype=np.int64)


def _has_charges(formula: Formula) -> TypeGuard[Composition]:
    """Tell if a formula is a pymatgen Composition with oxidation states."""
    if isinstance(formula, str):
        return False
    return any(getattr(species, "oxi_state", None) is not None for species in formula)


def _featurize(
    featurizer: BaseFeaturizer, compositions: list[Composition], n_jobs: int | None
) -> list[_Outcome]:
    """Return features or a `_Failure` for each composition."""
    workers = effective_n_jobs(n_jobs)
    if workers == 1 or len(compositions) < 2:
        return _featurize_many(featurizer, compositions)
    step = -(-len(compositions) // (4 * workers))
    chunks = (compositions[i : i + step] for i in range(0, len(compositions), step))
    parts = Parallel(n_jobs=n_jobs)(delayed(_featurize_many)(featurizer, chunk) for chunk in chunks)
    return [outcome for part in parts for outcome in part]


def _featurize_many(featurizer: BaseFeaturizer, compositions: list[Composition]) -> list[_Outcome]:
    """Featurize one after the other in this process."""
    labels = featurizer.feature_labels()
    with warnings.catch_warnings():
        # matminer 0.9 and pymatgen warn of the gaps that `missing` is about
        warnings.filterwarnings("ignore", message=r"\w+\(impute_nan=False\)")
        warnings.filterwarnings("ignore", message="No Pauling electronegativity")
        return [_featurize_one(featurizer, composition, labels) for composition in compositions]


def _featurize_one(
    featurizer: BaseFeaturizer, composition: Composition, labels: list[str]
) -> _Outcome:
    """Return the features of one composition, or a `_Failure` that says why not."""
    try:
        features = list(featurizer.featurize(composition))
    except Exception as error:  # whatever matminer raises is reported with its row
        reason = f"{type(error).__name__}: {str(error) or 'no reason given'}"
        if "oxidation state" in reason.lower():
            reason += " (pass pymatgen Compositions with oxidation states instead of formulas)"
        return _Failure(reason, lacks_data=isinstance(error, LookupError))
    if len(features) != len(labels):
        return _Failure(f"{len(features)} features for {len(labels)} labels", lacks_data=False)
    for label, feature in zip(labels, features, strict=True):
        if not isinstance(feature, int | float | np.number | np.bool_):
            return _Failure(f"{label!r} is {feature!r}, not a number", lacks_data=False)
    gaps = [str(label) for label, f in zip(labels, features, strict=True) if np.isnan(f)]
    if gaps:
        shown = ", ".join(gaps[:MAX_LISTED]) + (", ..." if len(gaps) > MAX_LISTED else "")
        elements = ", ".join(str(species) for species in composition)
        reason = f"no value for {shown} with the elements {elements}"
        return _Failure(reason, lacks_data=True, features=features)
    return features


def _text(formula: Formula) -> str:
    """Return a formula or Composition as it should look in a message."""
    return repr(formula) if isinstance(formula, str) else repr(formula.formula)
