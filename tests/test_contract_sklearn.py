"""Every public estimator passes scikit-learn's own suite, with no expected failures."""

import pytest
from sklearn.dummy import DummyRegressor
from sklearn.exceptions import SkipTestWarning
from sklearn.linear_model import Ridge
from sklearn.utils.estimator_checks import parametrize_with_checks

from sktl import (
    DeepFeatureTransformer,
    MatminerTransformer,
    TransferClassifier,
    TransferRegressor,
    TransferStackRegressor,
)

QUICK = dict(source=None, n_members=1, device="cpu")
INSTANCES = [
    TransferRegressor(max_epochs=15, learning_rate=3e-3, **QUICK),
    TransferClassifier(max_epochs=10, learning_rate=3e-3, **QUICK),
    TransferStackRegressor(estimators=[("ridge", Ridge()), ("mean", DummyRegressor())]),
    DeepFeatureTransformer(source=None, device="cpu"),
    MatminerTransformer(),
]

with pytest.warns(SkipTestWarning, match="MatminerTransformer"):  # knows no input but formulas
    SUITE = parametrize_with_checks(INSTANCES)
    CHECKS = list(SUITE.args[1])


@pytest.mark.parametrize(SUITE.args[0], CHECKS, **SUITE.kwargs)
def test_sklearn_suite(estimator, check):
    check(estimator)
