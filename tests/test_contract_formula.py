"""What every public estimator promises on formulas: containers, invariances, named errors, safety.

scikit-learn's suite knows numeric columns only.
"""

import os
import pickle
import re
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from matminer.featurizers.composition import ElementFraction
from pymatgen.core import Composition
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.pipeline import make_pipeline

import sktl
from sktl import (
    DeepFeatureTransformer,
    MatminerTransformer,
    Policy,
    TransferClassifier,
    TransferRegressor,
    TransferStackClassifier,
    TransferStackRegressor,
)
from sktl.exceptions import (
    FormulaError,
    InputError,
    MissingElementDataError,
    TransferWarning,
    UnseenElementError,
)

N_ROWS = 30
QUICK = dict(max_epochs=3, random_state=0, device="cpu")
PRETRAINED = {
    "regressor": lambda source: TransferRegressor(
        source, policy=Policy(validation_fraction=0.2), **QUICK
    ),
    "classifier": lambda source: TransferClassifier(source, n_members=2, **QUICK),
    "transformer": lambda source: DeepFeatureTransformer(
        source, layers="all", predictions=True, device="cpu"
    ),
}
ALL = PRETRAINED | {
    "matminer": lambda source: MatminerTransformer(),
    "stack": lambda source: TransferStackRegressor(
        estimators=[
            ("tuned", TransferRegressor(source, policy=Policy(validation_fraction=0.0), **QUICK)),
            ("mean", DummyRegressor()),
        ],
        n_members=2,
        random_state=0,
    ),
}
ALL["stack of classes"] = lambda source: TransferStackClassifier(
    estimators=[
        (
            "tuned",
            TransferClassifier(
                source, n_members=1, policy=Policy(validation_fraction=0.0), **QUICK
            ),
        ),
        ("shares", DummyClassifier()),
    ],
    n_members=2,
    random_state=0,
)

STRUCTURES_ONLY = {"HarmonicTransformer", "StructureReader"}


def test_every_public_estimator_is_tried(tiny_source):
    tried = {type(make(tiny_source)).__name__ for make in ALL.values()}
    public = {name for name in sktl.__all__ if hasattr(getattr(sktl, name), "get_params")}
    assert tried | STRUCTURES_ONLY == public


class Case:
    """An unfitted estimator, rows for it, and what it makes of them."""

    def __init__(self, name, source, toy_rows):
        self.name = name
        self.estimator = ALL[name](source)
        self.formulas, energies, volumes = toy_rows(N_ROWS, seed=3)
        self.y = energies + volumes
        if is_classifier(self.estimator):
            self.y = np.array(["low", "high"])[(self.y > np.median(self.y)).astype(int)]
        self.fitted = self.fit(self.formulas)
        """Fitted to all rows, for tests that only ask it."""
        self.reference = outputs(self.fitted, self.formulas)

    def fit(self, X, y=None):
        return clone(self.estimator).fit(X, self.y if y is None else y)

    def run(self, X, y=None):
        return outputs(self.fit(X, y), X)


def outputs(fitted, X):
    """Return predictions, probabilities or features, whichever the estimator gives."""
    for method in ("predict_proba", "predict", "transform"):
        if hasattr(fitted, method):
            return getattr(fitted, method)(X)
    raise TypeError(f"{fitted!r} gives nothing")


@pytest.fixture(scope="module")
def cases(tiny_source, toy_rows):
    return {name: Case(name, tiny_source, toy_rows) for name in ALL}


@pytest.fixture(params=ALL)
def case(cases, request):
    return cases[request.param]


@pytest.fixture(params=PRETRAINED)
def pretrained(cases, request):
    return cases[request.param]


def same(found, expected, tolerance=1e-5):
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * scale)


CONTAINERS = {
    "tuple": tuple,
    "Series": lambda formulas: pd.Series(formulas, index=np.arange(N_ROWS)[::-1]),
    "string Series": lambda formulas: pd.Series(formulas, dtype="string"),
    "one-column frame": lambda formulas: pd.DataFrame({"formula": formulas}, index=[5] * N_ROWS),
    "object array": lambda formulas: np.array(formulas, dtype=object),
    "object column": lambda formulas: np.array(formulas, dtype=object)[:, None],
    "str array": np.array,
    "str column": lambda formulas: np.array(formulas)[:, None],
    "Composition": lambda formulas: [Composition(formula) for formula in formulas],
    "mixed": lambda formulas: [Composition(formulas[0]), *formulas[1:]],
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_containers_agree(case, container):
    X = CONTAINERS[container](case.formulas)
    np.testing.assert_array_equal(case.run(X), case.reference)


def test_a_target_in_any_container(case):
    for y in (case.y.tolist(), pd.Series(case.y, index=np.arange(N_ROWS)[::-1])):
        np.testing.assert_array_equal(case.run(case.formulas, y), case.reference)


def test_elemental_fractions_agree_with_formulas(pretrained):
    featurizer = ElementFraction()
    fractions = np.array([featurizer.featurize(Composition(text)) for text in pretrained.formulas])
    same(pretrained.run(fractions), pretrained.reference)
    same(
        pretrained.run(pd.DataFrame(fractions, columns=featurizer.feature_labels())),
        pretrained.reference,
    )
    with pytest.raises(InputError, match="was fitted on formulas"):
        outputs(pretrained.fitted, fractions)
    with pytest.raises(InputError, match="was fitted on columns"):
        outputs(pretrained.fit(fractions), pretrained.formulas)


def test_ways_to_write_a_composition(case):
    formulas = ["Fe2O3", "O3Fe2", "Fe4O6", "Fe0.4O0.6", "(FeO)2O", "Fe1.0FeO3", " Fe2O3 "]
    found = outputs(case.fitted, formulas)
    same(found[1:], np.repeat(found[:1], len(formulas) - 1, axis=0), 1e-7)


def test_rows_do_not_see_each_other(case):
    fitted = case.fitted
    order = np.random.default_rng(0).permutation(N_ROWS)
    same(outputs(fitted, [case.formulas[i] for i in order]), case.reference[order])
    alone = [outputs(fitted, [formula]) for formula in case.formulas[:5]]
    same(np.concatenate(alone), case.reference[:5])
    same(outputs(fitted, case.formulas * 40)[-N_ROWS:], case.reference)


def test_order_of_training_rows(case):
    order = np.random.default_rng(1).permutation(N_ROWS)
    fitted = case.fit([case.formulas[i] for i in order], case.y[order])
    np.testing.assert_array_equal(outputs(fitted, case.formulas), case.reference)


@pytest.mark.parametrize(("slope", "offset"), [(27.2114, 0.0), (1e-3, -7.3), (-3.7, 12.9)])
def test_affine_in_y(cases, slope, offset):
    case = cases["regressor"]
    same(case.run(case.formulas, slope * case.y + offset), slope * case.reference + offset, 1e-4)


BAD_ROWS = ["3-Feb", "Xx2O", None, 3.5, "", "Fe2O3)", float("nan"), "fe2o3", "H-1"]


@pytest.mark.parametrize("bad", BAD_ROWS, ids=repr)
def test_a_bad_row_is_named(case, bad):
    X = [*case.formulas[:7], bad, *case.formulas[8:]]
    fitted = case.fitted
    for call in (
        lambda: case.fit(X).get_params() and outputs(fitted, X),
        lambda: outputs(fitted, X),
    ):
        with pytest.raises(FormulaError, match=rf"row 7\b.*{re.escape(repr(bad))}") as caught:
            call()
        assert caught.value.rows == [7]


def test_several_bad_rows(case):
    X = ["3-Feb" if i % 3 == 0 else formula for i, formula in enumerate(case.formulas)]
    with pytest.raises(FormulaError) as caught:
        outputs(case.fitted, pd.Series(X, index=np.arange(N_ROWS) + 100))
    assert caught.value.rows == list(range(0, N_ROWS, 3))


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([], "list with 0 rows, expected at least one"),
        (np.array([], dtype=object), "ndarray with 0 rows, expected at least one"),
        ("NaCl", "sequence of formulas"),
        (Composition("NaCl"), "sequence of formulas"),
        (pd.DataFrame({"name": ["alloy 7"], "T": [3.0]}), "one column of formulas"),
        (np.array([["NaCl", "GaAs"]], dtype=object), "one column of formulas"),
    ],
    ids=["list", "array", "str", "Composition", "frame", "wide"],
)
def test_no_column_of_formulas(case, X, message):
    fitted = case.fitted
    with pytest.raises(ValueError, match=message):
        case.fit(X, case.y[: len(X)])
    with pytest.raises(ValueError, match=message):
        outputs(fitted, X)


def test_an_element_that_the_source_never_saw(pretrained):
    X = [*pretrained.formulas[:4], "FmO2", *pretrained.formulas[5:]]
    fitted = pretrained.fitted
    for call in (lambda: pretrained.fit(X), lambda: outputs(fitted, X)):
        with pytest.raises(
            UnseenElementError, match=r"Got Fm in 1 of 30 rows, first in row 4 \('FmO2'\)"
        ) as caught:
            call()
        assert caught.value.rows == [4]
    lenient = clone(pretrained.estimator).set_params(unseen_elements="warn")
    with pytest.warns(TransferWarning, match="first in row 4") as while_fitting:
        lenient.fit(X, pretrained.y)
    with pytest.warns(TransferWarning, match="Got Fm in 1 of 30 rows") as while_asked:
        found = outputs(lenient, X)
    with pytest.warns(TransferWarning) as in_a_pipeline:
        make_pipeline(lenient).fit(X, pretrained.y)
    for caught in (while_fitting, while_asked, in_a_pipeline):  # on the line of the caller
        assert {each.filename for each in caught} == {__file__}
    assert np.isfinite(found).all()
    with pytest.raises(UnseenElementError, match=r"Got Og .*row 0 \('OgO2'\)"):
        outputs(lenient, ["OgO2"])
    with pytest.raises(InputError, match="unseen_elements='ignore'"):
        clone(lenient).set_params(unseen_elements="ignore").fit(pretrained.formulas, pretrained.y)


def test_an_element_without_physical_attributes():
    X = ["NaCl", "OgO2"]
    with pytest.raises(MissingElementDataError, match="row 1: 'OgO2': Og"):
        MatminerTransformer().fit_transform(X)
    for missing in ("nan", "impute"):
        found = MatminerTransformer(missing=missing).fit_transform(X)
        assert np.isfinite(found).all(axis=1).tolist() == [True, missing == "impute"]


def test_inputs_are_not_changed(case):
    X = np.array(case.formulas, dtype=object)[:, None]
    frame, y, weights = pd.DataFrame(X), case.y.copy(), np.arange(N_ROWS, dtype=float)
    X.flags.writeable = y.flags.writeable = weights.flags.writeable = False
    copies = X.copy(), frame.copy(), y.copy()
    np.testing.assert_array_equal(case.run(X, y), case.reference)
    case.run(frame, y)
    if is_classifier(case.estimator) or is_regressor(case.estimator):
        clone(case.estimator).fit(X, y, sample_weight=weights)
        np.testing.assert_array_equal(weights, np.arange(N_ROWS))
    np.testing.assert_array_equal(X, copies[0])
    pd.testing.assert_frame_equal(frame, copies[1])
    np.testing.assert_array_equal(y, copies[2])


def test_using_it_leaves_it_as_it_was(case):
    fitted = case.fit(case.formulas)
    before = pickle.dumps(fitted)
    outputs(fitted, case.formulas)
    assert pickle.dumps(fitted) == before
    np.testing.assert_array_equal(outputs(fitted, case.formulas), case.reference)
    fitted.fit(case.formulas[:20], case.y[:20])
    again = outputs(fitted.fit(case.formulas, case.y), case.formulas)
    np.testing.assert_array_equal(again, case.reference)


def test_clone_and_pickle(case):
    copy = clone(case.estimator)
    parameters = case.estimator.get_params(deep=False)
    for name, value in copy.get_params(deep=False).items():
        assert value is parameters[name] or isinstance(value, list | tuple)
    unfitted = pickle.loads(pickle.dumps(case.estimator))
    np.testing.assert_array_equal(
        outputs(unfitted.fit(case.formulas, case.y), case.formulas), case.reference
    )
    fitted = pickle.loads(pickle.dumps(case.fitted))
    np.testing.assert_array_equal(outputs(fitted, case.formulas), case.reference)


OTHER_PROCESS = """
import sys, joblib
models, X = joblib.load(sys.argv[1])
names = {"predict_proba", "predict", "transform"}
found = {}
for name, model in models.items():
    method = next(m for m in ("predict_proba", "predict", "transform") if hasattr(model, m))
    found[name] = getattr(model, method)(X)
joblib.dump(found, sys.argv[2])
"""


def test_fitted_estimators_work_in_another_process(cases, tmp_path):
    models = {name: case.fitted for name, case in cases.items()}
    joblib.dump((models, cases["regressor"].formulas), tmp_path / "models.joblib")
    files = [str(tmp_path / "models.joblib"), str(tmp_path / "found.joblib")]
    environment = os.environ | {"SKTL_CACHE": str(tmp_path / "empty cache")}
    subprocess.run(
        [sys.executable, "-W", "error", "-c", OTHER_PROCESS, *files], env=environment, check=True
    )
    for name, found in joblib.load(files[1]).items():
        np.testing.assert_array_equal(found, cases[name].reference)
