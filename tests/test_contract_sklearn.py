"""Every public estimator passes scikit-learn's own suite, with no expected failures."""

import re

import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.exceptions import SkipTestWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils.estimator_checks import parametrize_with_checks

import sktl

QUICK = dict(source=None, n_members=1, network_arguments={"width": 64}, device="cpu")
# Arguments by which an estimator takes numeric columns and is quick, where its own do not.
SETTINGS = {
    "TransferRegressor": dict(max_epochs=15, learning_rate=3e-3, **QUICK),
    "TransferClassifier": dict(max_epochs=10, learning_rate=3e-3, **QUICK),
    "TransferStackRegressor": dict(estimators=[("ridge", Ridge()), ("mean", DummyRegressor())]),
    "TransferStackClassifier": dict(
        estimators=[("logistic", LogisticRegression()), ("shares", DummyClassifier())]
    ),
    "DeepFeatureTransformer": dict(source=None, device="cpu"),
}
PUBLIC = {name: getattr(sktl, name) for name in sktl.__all__}
INSTANCES = [
    made(**SETTINGS.get(name, {}))
    for name, made in PUBLIC.items()
    if isinstance(made, type) and hasattr(made, "get_params")
]
NOT_NUMERIC = {"HarmonicTransformer", "MatminerTransformer", "StructureReader"}

with pytest.warns(SkipTestWarning) as caught:  # those know no input but formulas or structures
    SUITE = parametrize_with_checks(INSTANCES)
    CHECKS = list(SUITE.args[1])
SKIPPED = {re.search(r"\w+", str(each.message).split("estimator ")[-1])[0] for each in caught}


def test_only_what_reads_no_numbers_is_left_out():
    assert SKIPPED == NOT_NUMERIC


@pytest.mark.parametrize(SUITE.args[0], CHECKS, **SUITE.kwargs)
def test_sklearn_suite(estimator, check):
    check(estimator)
