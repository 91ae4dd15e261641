"""The base models of `TransferStackRegressor`, and the features that some of them read."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Matern
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MinMaxScaler, PowerTransformer, StandardScaler
from sklearn.svm import SVR

from sktl._state import stored
from sktl.estimators._harmonic import HarmonicTransformer
from sktl.estimators._regressor import TransferRegressor
from sktl.estimators._transformer import DeepFeatureTransformer
from sktl.exceptions import InputError
from sktl.representations import RESPONSES, MatminerTransformer

MOST_FOR_VECTORS = 5000
EPOCHS_FOR_FEW = 24
_ON_FEATURES = {
    "extra trees": ExtraTreesRegressor(max_features=0.33),
    "boosted trees": HistGradientBoostingRegressor(
        loss="absolute_error",
        max_iter=400,
        learning_rate=0.05,
        max_features=0.3,
        min_samples_leaf=5,
        early_stopping=False,
    ),
}
VECTORS = "support vectors"
LED_VECTORS = "support vectors, led by the sources"
TREND_VECTORS = "support vectors, linear trend"
_ON_RESPONSE = ", with the response"
_RESPONSE = "response of "
_REACH = 0.33  # of the support vectors' kernel: gamma times the number of columns
_LENGTH = 2.0  # of their kernel on crystals, over the root of the sum of squared weights
_TELLING = 3.0  # weight of a source's predictions and of the response in this kernel: few, but they
_LED = 20.0  # tell much; and of the predictions for support vectors that are led by them


def make_features(X, sources, n_jobs):
    """Return fitted features of rows: physical attributes and what the sources know.

    Beside another source of crystals, a potential tells nothing but the harmonic response: two
    embeddings are worse than one.
    """
    attributes = [("attributes", MatminerTransformer("magpie", missing="impute"))]
    potentials = [source for source in sources if source.card.is_potential]
    others = [source for source in sources if not source.card.is_potential]
    known = others if any(map(reads_crystals, others)) else sources
    knowledge = [(source.card.id, _knowledge(source)) for source in known]
    responses = [(_RESPONSE + each.card.id, _harmonic(each, n_jobs)) for each in potentials]
    return FeatureUnion(attributes + knowledge + responses).fit(X)


def make_bases(sources, features, n_rows, few):
    """Return the unfitted base models by name.

    Parameters
    ----------
    sources : list of Source
        Those that read formulas are fine-tuned.
    features : FeatureUnion
        What `make_features` returned.
    n_rows : int
        Number of training rows; with many there are no support vectors.
    few : bool
        The networks take more passes.
    """
    settings = {"validation_fraction": 0.0, "max_epochs": EPOCHS_FOR_FEW if few else "auto"}
    bases = {
        f"fine-tuned {source.card.id}": TransferRegressor(source, **settings)
        for source in sources
        if not reads_crystals(source)
    }
    bases |= {name: clone(base) for name, base in _ON_FEATURES.items()}
    if n_rows > MOST_FOR_VECTORS:
        return bases
    names = [name.rpartition("__") for name in features.get_feature_names_out()]
    if not any(map(reads_crystals, sources)):
        return bases | {VECTORS: _vectors(len(names))}
    return bases | _vectors_on_crystals(names, sources)


def reads_features(name):
    """Tell whether the base model of this name reads features, and not formulas."""
    return name in _ON_FEATURES or name.startswith(VECTORS)


def reads_crystals(source):
    """Tell whether a source reads crystals."""
    return source.representation.reads == "structures"


def name_bases(estimators):
    """Return pairs of name and estimator as a dict."""
    try:
        named = {name: base for name, base in estimators if hasattr(base, "fit")}
    except (TypeError, ValueError):
        named = {}
    if not named or len(named) < len(estimators):
        raise InputError(
            f"Got estimators={estimators!r}, expected 'auto' or a list of (str, regressor), with "
            "names of their own."
        )
    return named


@stored("logarithmic-target/1")
class LogarithmicTarget(TransformerMixin, BaseEstimator):
    """Put targets that are not negative on a logarithmic scale, and others on a linear one.

    z is log(1 + y / m), with the median m of the positive targets, and is centred and divided by
    its standard deviation. What is turned back stays within the range of the training targets.
    """

    def fit(self, y):
        """Learn the scale of targets (n, 1)."""
        above = y[y > 0]
        self.unit_ = float(np.median(above)) if len(above) and (y >= 0).all() else None
        self.range_ = float(y.min()), float(y.max())
        scaled = self._scale(y)
        self.center_, self.width_ = float(scaled.mean()), float(scaled.std()) or 1.0
        return self

    def transform(self, y):
        """Return targets (n, 1) as z."""
        return (self._scale(y) - self.center_) / self.width_

    def inverse_transform(self, z):
        """Return z (n, 1) as targets."""
        scaled = z * self.width_ + self.center_
        if self.unit_ is not None:
            scaled = self.unit_ * np.expm1(
                np.minimum(scaled, np.log1p(self.range_[1] / self.unit_))
            )
        return np.clip(scaled, *self.range_)

    def _scale(self, y):
        return y if self.unit_ is None else np.log1p(y / self.unit_)


@stored("column-weights/1")
class ColumnWeights(TransformerMixin, BaseEstimator):
    """Multiply columns by weights (d,)."""

    def __init__(self, weights):
        self.weights = weights

    def fit(self, X, y=None):
        """Learn nothing."""
        return self

    def transform(self, X):
        """Return the columns X (n, d), each times its weight."""
        return X * self.weights

    def __sklearn_is_fitted__(self):
        return True


def _knowledge(source):
    """Return what gives the features of a source; of crystals, predictions alone tell little."""
    layers = "last" if reads_crystals(source) else []
    return DeepFeatureTransformer(source, layers=layers, predictions=True)


def _harmonic(source, n_jobs):
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


def _vectors(n_columns):
    kernel = make_pipeline(StandardScaler(), SVR(C=10.0, epsilon=0.01, gamma=_REACH / n_columns))
    return TransformedTargetRegressor(kernel, transformer=StandardScaler())


def _vectors_on_crystals(names, sources):
    """Return support vectors by name; features are named by where they are from, and what."""
    found = {}
    is_response = np.array([origin.startswith(_RESPONSE) for origin, _, _ in names])
    properties = {each for source in sources for each in source.card.property_names}
    is_prediction = np.array([name in properties for _, _, name in names]) & ~is_response
    readers = {"": 0.0, _ON_RESPONSE: _TELLING} if is_response.any() else {"": 0.0}
    for suffix, response in readers.items():
        for name, prediction, trend in (
            (VECTORS, _TELLING, False),
            (LED_VECTORS, _LED, False),
            (TREND_VECTORS, _TELLING, True),
        ):
            weights = np.select([is_response, is_prediction], [response, prediction], 1.0)
            found[name + suffix] = _weighted_vectors(weights, trend)
    return found


def _weighted_vectors(weights, trend):
    """Return support vectors with a kernel and a scale of the target for few, unlike crystals.

    Far from all training rows they predict the middle, or with a `trend` a linear function.
    """
    norm = np.linalg.norm(weights)
    kernel = Matern(length_scale=_LENGTH * norm, nu=1.5)
    if trend:
        kernel += ConstantKernel(1 / norm**2) * DotProduct(0.0, "fixed")
    vectors = SVR(kernel=kernel, C=10.0, epsilon=0.01)
    vectors = make_pipeline(StandardScaler(), ColumnWeights(weights), vectors)
    return TransformedTargetRegressor(vectors, transformer=LogarithmicTarget())
