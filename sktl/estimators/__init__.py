"""scikit-learn estimators that start from pretrained networks."""

from sktl.estimators._classifier import TransferClassifier
from sktl.estimators._harmonic import HarmonicTransformer
from sktl.estimators._load import load_model
from sktl.estimators._provenance import read_examples
from sktl.estimators._regressor import TransferRegressor
from sktl.estimators._transformer import DeepFeatureTransformer
from sktl.estimators.stack import TransferStackClassifier, TransferStackRegressor

__all__ = [
    "DeepFeatureTransformer",
    "HarmonicTransformer",
    "TransferClassifier",
    "TransferRegressor",
    "TransferStackClassifier",
    "TransferStackRegressor",
    "load_model",
    "read_examples",
]
