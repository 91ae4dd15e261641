"""The stack: fine-tuned networks, trees and support vector regressors, mixed by validation."""

from sktl.estimators.stack._classifier import TransferStackClassifier
from sktl.estimators.stack._regressor import TransferStackRegressor

__all__ = ["TransferStackClassifier", "TransferStackRegressor"]
