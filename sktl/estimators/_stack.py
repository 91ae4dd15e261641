"""TransferStackRegressor: networks and trees, mixed by errors on rows not trained on."""

import numbers

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import RegressorMixin, clone
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state
from sklearn.utils.validation import column_or_1d

from sktl._checks import check_numbers, check_weights
from sktl._state import stored
from sktl.estimators._applicability import Applicable
from sktl.estimators._base import TransferEstimator
from sktl.estimators._files import SavedModel
from sktl.estimators._input import ReadsMaterials, group_rows, read_compositions, read_input
from sktl.estimators._provenance import record_training
from sktl.estimators._stack_bases import (
    make_bases,
    make_features,
    name_bases,
    reads_crystals,
    reads_features,
)
from sktl.estimators._uncertainty import UncertainPredictions, Uncertainty
from sktl.estimators._versions import VersionedEstimator
from sktl.exceptions import InputError
from sktl.sources import load_source
from sktl.training import count_fit, expect_fits, one_thread

FEW_ROWS = 5000
FEW_CRYSTALS = 200
MOST_MEMBERS, FEWEST_MEMBERS = 10, 3
SELECTION_STEPS = 100
_SPREAD_FLOOR = 0.01
_MIDDLE = (0.4, 0.6)


@stored("transfer-stack-regressor/1")
class TransferStackRegressor(
    UncertainPredictions, Applicable, SavedModel, RegressorMixin, VersionedEstimator
):
    """Predict a property of materials with fine-tuned networks and trees, mixed by validation.

    The base models are a network fine-tuned from each source of formulas and, on physical
    attributes plus the sources' own predictions, extremely randomised trees, boosted trees and, up
    to 5,000 rows, support vectors. Of a source of crystals these read the embedding too, and of a
    potential the harmonic response (nothing else, if there is another source of crystals), which
    half of the support vectors leave out. Each is fitted several times (its members), each time
    with another tenth of the rows held back. The predictions on rows held back choose how the base
    models are mixed, with weights that are not negative and sum to 1, and calibrate the
    uncertainty. All members predict, so nothing is trained twice. A prediction is the weighted mean
    of the middle fifth of what all members of all base models say: nearly their median, which a few
    wrong ones do not move, and which stays zero where most say zero.

    Parameters
    ----------
    source : str, path-like, Source or a list of these, default="mpt"
        Sources to fine-tune, where they read formulas, and which the other base models read; see
        `TransferRegressor`. With structures as X, sources of formulas and of crystals go together.
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
        Mean absolute error of each base model on the rows held back.
    features_ : FeatureUnion or None
        What gives physical attributes and what the sources know, with ``estimators="auto"``.
    uncertainty_ : Uncertainty
        What the errors on the rows held back teach.
    training_sha256_ : str
        Hash of the training rows, whatever their order.
    examples_ : list
        Three training rows, by which a model that was saved is checked when it is loaded.
    n_features_in_ : int
        1 for formulas and structures, else the number of numeric columns.

    Raises
    ------
    FormulaError, StructureError, UnseenElementError, InputError
        X, y or a parameter cannot be used; the message names the row and the value.

    See Also
    --------
    TransferRegressor : One fine-tuned network: faster to fit and to predict.
    HarmonicTransformer : What a potential adds, as features for other models.

    Notes
    -----
    Rows of one composition are held back together, so that polymorphs do not leak. With 10
    members the networks take 24 passes over the rows, twice as many as `TransferRegressor` does on
    its own: the average of many members does not mind that each fits its rows more closely. `fit`
    takes about as many times the time of one `TransferRegressor` as there are sources of formulas
    times members, with 24 passes twice that. Networks of crystals are not fine-tuned here, since
    that would take most of the time. A potential ("chgnet") costs up to a second for each new
    crystal of eight atoms; see `HarmonicTransformer`.

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
        source="mpt",
        *,
        estimators="auto",
        n_members="auto",
        n_jobs=None,
        random_state=None,
    ):
        self.source = source
        self.estimators = estimators
        self.n_members = n_members
        self.n_jobs = n_jobs
        self.random_state = random_state

    @one_thread()
    def fit(self, X, y, sample_weight=None):
        """Fit the members of all base models and choose their shares.

        Parameters
        ----------
        X : sequence of formulas or structures, or float array (n, d)
            As in `TransferRegressor`.
        y : array-like (n,)
            Targets, in any unit and of any scale.
        sample_weight : array-like (n,), optional
            Weight of each row.

        Returns
        -------
        self
        """
        vars(self).pop("members_", None)  # if this fit fails, the estimator is not fitted
        X = read_input(self, X, fitting=True)
        y = check_numbers(X, y, estimator=type(self).__name__)
        if y.size != len(y):
            raise InputError(f"Got y of shape {y.shape}, expected one target, (n,).")
        y = column_or_1d(y, warn=True)
        weights = check_weights(X, sample_weight)
        groups = group_rows(read_compositions(X))
        rows = np.lexsort((weights, y, groups))  # the order of the rows does not matter
        rows = rows[weights[rows] > 0]
        sources = self._load_sources()
        few = len(rows) <= (FEW_CRYSTALS if any(map(reads_crystals, sources)) else FEW_ROWS)
        generator = check_random_state(self.random_state)
        folds = [rows[held] for held in self._folds(groups[rows], few, generator)]
        parts = [(rows[~np.isin(rows, held)], held) for held in folds]
        seeds = generator.randint(2**31 - 1, size=len(folds))
        bases = self._make_bases(X, sources, few, len(rows))
        inputs = self._inputs(X, bases)
        given = None if sample_weight is None else weights
        jobs = [(name, k) for name in bases for k in range(len(folds))]
        networks = [each for each in bases.values() if isinstance(each, TransferEstimator)]
        expect_fits(len(folds) * len(networks), len(folds) * (len(bases) - len(networks)))
        fitted = Parallel(n_jobs=self.n_jobs)(
            delayed(_fit_member)(bases[name], inputs[name], y, given, parts[k], int(seeds[k]))
            for name, k in jobs
        )
        found = {name: [] for name in bases}
        self.members_ = {name: [] for name in bases}
        for (name, _), (member, predictions) in zip(jobs, fitted, strict=True):
            self.members_[name].append(member)
            found[name].append(predictions)
        self._nonnegative = bool((y >= 0).all())
        self._learn_from_held_rows(
            [np.column_stack(part) for part in zip(*found.values(), strict=True)],
            [y[fold] for fold in folds],
            np.concatenate([weights[fold] for fold in folds]),
        )
        record_training(self, X, y, weights)
        embedder = self._embedder()
        self.domain_ = None
        if embedder is not None:
            features, batch = embedder._embed(X)
            self._learn_domain(X, y, group_rows(batch), features, batch)
        return self

    def _embedder(self):
        """Return the first member that is a fine-tuned network, or None."""
        members = [member for part in self.members_.values() for member in part]
        return next((each for each in members if isinstance(each, TransferEstimator)), None)

    def _check_elements(self, data):
        """Fail for rows with elements that a source does not know."""
        readers = [members[0] for members in self.members_.values()]
        if self.features_ is not None:
            readers += [step for _, step in self.features_.transformer_list]
        for reader in readers:
            reader = reader[0] if isinstance(reader, Pipeline) else reader
            if isinstance(reader, ReadsMaterials):
                reader.input_.read(data)

    def _learn_from_held_rows(self, found, targets, weights):
        """Choose the shares and learn the size of errors; lists hold one array a member."""
        together, y = np.concatenate(found), np.concatenate(targets)
        maes = np.average(np.abs(together - y[:, None]), axis=0, weights=weights)
        self.validation_mae_ = dict(zip(self.members_, maes.tolist(), strict=True))
        shares = _select(together, y, weights)
        self.weights_ = dict(zip(self.members_, shares.tolist(), strict=True))
        self._spread_floor = _SPREAD_FLOOR * maes.min()
        errors = [
            np.abs(part @ shares - target)[:, None]
            for part, target in zip(found, targets, strict=True)
        ]
        self.uncertainty_ = Uncertainty(
            [self._features(part) for part in found], errors, weights, alike=True
        )

    def _features(self, predictions):
        """Return what tells of the size of an error: predictions (n, b) and their differences."""
        mixed = predictions @ list(self.weights_.values())
        apart = np.abs(predictions - mixed[:, None])
        return np.column_stack(
            [predictions, apart, np.log(apart.mean(axis=1) + self._spread_floor)]
        )

    def _predict_rows(self, data, with_features):
        used = [name for name, share in self.weights_.items() if share or with_features]
        inputs = self._inputs(data, used)
        found = {
            name: np.array([member.predict(inputs[name]) for member in self.members_[name]])
            for name in used
        }
        shares = np.concatenate(
            [np.full(len(part), self.weights_[name] / len(part)) for name, part in found.items()]
        )
        mixed = _middle(np.concatenate(list(found.values())), shares)
        predictions = np.maximum(mixed, self._lowest())[:, None]
        if not with_features:
            return predictions, None
        rows = np.stack(list(found.values()), axis=-1)
        return predictions, [self._features(part) for part in rows]

    def _shaped(self, values):
        return values[:, 0]

    def _lowest(self):
        return 0.0 if self._nonnegative else -np.inf

    def _makes_bases(self):
        return isinstance(self.estimators, str) and self.estimators == "auto"

    def _load_sources(self):
        """Return the sources of the base models that are made here."""
        self.features_, self.sources_ = None, {}
        if not self._makes_bases():
            return []
        many = isinstance(self.source, list | tuple)
        sources = [load_source(each) for each in (self.source if many else [self.source])]
        self.sources_ = {source.card.id: source.sha256 for source in sources}
        return sources

    def _make_bases(self, X, sources, few, n_rows):
        """Return the unfitted base models by name, and fit what gives the features of some."""
        if not self._makes_bases():
            return name_bases(self.estimators)
        self.features_ = make_features(X, sources, self.n_jobs)
        return make_bases(sources, self.features_, n_rows, few)

    def _inputs(self, X, names):
        """Return what each base model reads: X, or its features."""
        readers = [name for name in names if self._makes_bases() and reads_features(name)]
        if not readers:
            return dict.fromkeys(names, X)
        return dict.fromkeys(names, X) | dict.fromkeys(readers, self.features_.transform(X))

    def _folds(self, groups, few, generator):
        """Return the rows that each member holds back; rows of one group stay together."""
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
        seed = int(generator.randint(2**31 - 1))
        splitter = GroupKFold(n_folds, shuffle=True, random_state=seed)
        return [held for _, held in splitter.split(groups, groups=groups)][:n_members]


def _fit_member(base, X, y, weights, part, seed):
    """Return a base model fitted to the rows of a part, and its predictions for those held back."""
    rows, held = part
    member = clone(base)
    unset = {
        name: seed
        for name, value in member.get_params().items()
        if value is None and (name == "random_state" or name.endswith("__random_state"))
    }
    member.set_params(**unset)
    given = {} if weights is None else {"sample_weight": weights[rows]}
    is_network = isinstance(member, TransferEstimator)
    if is_network:
        member._keeps_domain = False
    member.fit(_take(X, rows), y[rows], **given)
    if not is_network:
        count_fit()
    return member, member.predict(_take(X, held))


def _take(X, rows):
    return [X[row] for row in rows] if isinstance(X, list) else X[rows]


def _middle(values, weights):
    """Return the mean of the middle fifth of each column of values (k, n), weighted by (k,)."""
    order = np.argsort(values, axis=0)
    after = np.cumsum(weights[order], axis=0)
    low, high = _MIDDLE
    shares = np.minimum(after, high) - np.maximum(after - weights[order], low)
    shares = np.maximum(shares, 0)
    return (np.take_along_axis(values, order, axis=0) * shares).sum(axis=0) / shares.sum(axis=0)


def _select(predictions, y, weights):
    """Return non-negative shares of the columns of predictions (n, b) that lower the error of y.

    Models are added one at a time, with replacement, each time the one whose addition gives the
    lowest mean absolute error; the shares are how often each was added.
    """
    counts = np.zeros(predictions.shape[1])
    total = np.zeros(len(y))
    for step in range(1, SELECTION_STEPS + 1):
        errors = weights @ np.abs((total[:, None] + predictions) / step - y[:, None])
        best = int(np.argmin(errors))
        counts[best] += 1
        total += predictions[:, best]
    return counts / counts.sum()
