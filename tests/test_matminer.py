"""MatminerTransformer obeys scikit-learn's contract with formulas, and is never silent."""

import pickle
import subprocess
import sys
import warnings
from inspect import signature

import numpy as np
import pandas as pd
import pytest
from pymatgen.core import Composition
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sktl.exceptions import FormulaError, InputError, MissingElementDataError
from sktl.representations._magpie import MAGPIE_FEATURE_NAMES
from sktl.representations._matminer import MatminerTransformer

FORMULAS = ["Fe2O3", "NaCl", "GaAs", "LiFePO4", "Al0.5Ga0.5As", "Fe2O3", "NaN", "SiO2"]


class CountingFeaturizer:
    """A featurizer in matminer's style that counts its calls."""

    def __init__(self):
        self.calls = 0

    def fit(self, X, y=None):
        self.smallest_ = min(composition.num_atoms for composition in X)
        return self

    def featurize(self, composition):
        self.calls += 1
        return [composition.num_atoms - self.smallest_]

    def feature_labels(self):
        return ["atoms"]


def quietly(make, *args, **kwargs):
    """Call a matminer constructor without its warning on impute_nan."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make(*args, **kwargs)


@pytest.fixture(scope="module")
def matminer():
    from matminer.featurizers import composition

    return composition


@pytest.fixture(params=["magpie", "stoichiometry", "multiple"])
def transformer(request, matminer):
    from matminer.featurizers.base import MultipleFeaturizer

    if request.param == "magpie":
        return MatminerTransformer()
    if request.param == "stoichiometry":
        return MatminerTransformer(matminer.Stoichiometry(num_atoms=True))
    parts = [matminer.Stoichiometry(), quietly(matminer.BandCenter, impute_nan=True)]
    return MatminerTransformer(MultipleFeaturizer(parts))


def test_all_containers_agree(transformer):
    column = np.empty(len(FORMULAS), dtype=object)
    column[:] = FORMULAS
    expected = transformer.fit_transform(FORMULAS)
    assert expected.dtype == np.float64
    assert expected.shape == (len(FORMULAS), len(transformer.get_feature_names_out()))
    containers = [
        tuple(FORMULAS),
        column,
        np.array(FORMULAS),
        column[:, None],
        pd.Series(FORMULAS, index=range(7, 15)),
        pd.DataFrame({"formula": FORMULAS}),
        [Composition(formula) for formula in FORMULAS],
        [Composition(f) if i % 2 else f for i, f in enumerate(FORMULAS)],
    ]
    for container in containers:
        np.testing.assert_array_equal(transformer.fit_transform(container), expected)


def test_element_order_is_irrelevant(transformer):
    transformer.fit(FORMULAS)
    features = transformer.transform(["Fe2O3", "O3Fe2", "(FeO1.5)2"])
    np.testing.assert_array_equal(features[0], features[1])
    np.testing.assert_array_equal(features[0], features[2])


def test_rows_do_not_depend_on_their_batch(transformer):
    expected = transformer.fit_transform(FORMULAS)
    np.testing.assert_array_equal(transformer.transform(FORMULAS[::-1]), expected[::-1])
    for row, formula in enumerate(FORMULAS):
        np.testing.assert_array_equal(transformer.transform([formula]), expected[[row]])


def test_input_and_transformer_stay_as_they_are(transformer):
    column = np.empty(len(FORMULAS), dtype=object)
    column[:] = FORMULAS
    column.flags.writeable = False
    transformer.fit(column)
    before = pickle.dumps(transformer)
    transformer.transform(column)
    assert pickle.dumps(transformer) == before
    assert column.tolist() == FORMULAS
    public = {name for name in vars(transformer) if not name.startswith("_")}
    assert public == {"featurizer", "missing", "n_jobs", "featurizer_", "n_features_in_"}


def test_clone_and_pickle(transformer):
    transformer.set_params(missing="nan", n_jobs=2)
    copy = quietly(clone, transformer)
    assert (copy.missing, copy.n_jobs) == ("nan", 2)
    assert not hasattr(copy, "featurizer_")
    transformer.set_params(n_jobs=1)
    expected = transformer.fit_transform(FORMULAS)
    np.testing.assert_array_equal(copy.set_params(n_jobs=1).fit_transform(FORMULAS), expected)
    revived = pickle.loads(pickle.dumps(transformer))
    np.testing.assert_array_equal(revived.transform(FORMULAS), expected)
    assert revived.get_feature_names_out().tolist() == transformer.get_feature_names_out().tolist()


def test_not_fitted(transformer):
    with pytest.raises(NotFittedError):
        transformer.transform(FORMULAS)
    with pytest.raises(NotFittedError):
        transformer.get_feature_names_out()


def test_pandas_output(transformer):
    frame = pd.DataFrame({"formula": FORMULAS}, index=[f"id{i}" for i in range(len(FORMULAS))])
    expected = transformer.fit_transform(frame)
    table = transformer.set_output(transform="pandas").fit_transform(frame)
    assert list(table.columns) == list(transformer.get_feature_names_out())
    assert table.index.tolist() == frame.index.tolist()
    np.testing.assert_array_equal(table.to_numpy(), expected)
    assert len(transformer.transform(FORMULAS)) == len(FORMULAS)


def test_bad_formula_is_named(transformer):
    transformer.fit(FORMULAS)
    for bad in ("3-Feb", "Fe2Xy3", ""):
        with pytest.raises(FormulaError, match="row 2") as caught:
            transformer.transform(["NaCl", "Fe", bad])
        assert repr(bad) in str(caught.value)
        assert caught.value.rows == [2]
    with pytest.raises(InputError, match="expected formulas"):
        transformer.transform([[1.0, 2.0], [3.0, 4.0]])
    with pytest.raises(InputError, match="expected a sequence"):
        transformer.transform("NaCl")


def test_magpie_in_pipeline_union_columns_and_search():
    y = np.arange(len(FORMULAS), dtype=float)
    pipeline = Pipeline(
        [("magpie", MatminerTransformer()), ("scale", StandardScaler()), ("ridge", Ridge())]
    )
    assert pipeline.fit(FORMULAS, y).predict(FORMULAS).shape == y.shape
    assert len(pipeline[:-1].get_feature_names_out()) == 145
    union = FeatureUnion([("a", MatminerTransformer()), ("b", MatminerTransformer())])
    assert union.fit_transform(FORMULAS).shape == (len(FORMULAS), 290)
    frame = pd.DataFrame({"formula": FORMULAS, "temperature": y})
    for selection in ("formula", ["formula"]):
        columns = ColumnTransformer(
            [("f", MatminerTransformer(), selection)], remainder="passthrough"
        )
        assert columns.fit_transform(frame).shape == (len(FORMULAS), 146)
        assert columns.get_feature_names_out()[0] == "f__0-norm"
    search = GridSearchCV(pipeline, {"magpie__missing": ["error", "impute"]}, cv=2)
    assert search.fit(np.array(FORMULAS, dtype=object), y).best_params_


def test_featurizer_is_a_parameter_for_search(matminer):
    pipeline = make_pipeline(MatminerTransformer(), DummyRegressor())
    grid = {"matminertransformer__featurizer": ["magpie", matminer.Stoichiometry()]}
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise")
    search.fit(FORMULAS, np.zeros(len(FORMULAS)))
    assert len(search.cv_results_["params"]) == 2


def test_magpie_missing_data_policies():
    formulas = ["NaCl", "Na2He"]
    with pytest.raises(MissingElementDataError, match="row 1: 'Na2He': He .MeltingT"):
        MatminerTransformer().fit_transform(formulas)
    with pytest.raises(MissingElementDataError, match="row 1"):
        MatminerTransformer().fit_transform([Composition(formula) for formula in formulas])
    assert np.isfinite(MatminerTransformer(missing="impute").fit_transform(formulas)).all()
    gaps = np.isnan(MatminerTransformer(missing="nan").fit_transform(formulas))
    assert not gaps[0].any() and gaps[1].any()


def test_wrong_parameters(matminer):
    for params, message in [
        ({"missing": "drop"}, "Got missing='drop'"),
        ({"featurizer": "deml"}, "Got featurizer='deml'"),
        ({"featurizer": matminer.Stoichiometry}, "expected 'magpie' or an instance"),
        ({"featurizer": matminer.Stoichiometry(), "missing": "impute"}, "impute_nan=True"),
    ]:
        with pytest.raises(InputError, match=message):
            MatminerTransformer(**params).fit(FORMULAS)


def test_repeated_formulas_are_computed_once():
    transformer = MatminerTransformer(CountingFeaturizer())
    features = transformer.fit_transform(["NaCl", "Fe2O3", "ClNa", "NaCl", Composition("O3Fe2")])
    assert features[:, 0].tolist() == [0, 3, 0, 0, 3]
    assert transformer.featurizer_.calls == 2
    assert transformer.featurizer.calls == 0, "the user's featurizer is not touched"


def test_n_jobs_gives_the_same_numbers(matminer):
    featurizer = quietly(matminer.ElementProperty.from_preset, "magpie", impute_nan=True)
    expected = MatminerTransformer(featurizer).fit_transform(FORMULAS)
    parallel = MatminerTransformer(featurizer, n_jobs=2).fit_transform(FORMULAS)
    np.testing.assert_array_equal(parallel, expected)
    magpie = MatminerTransformer(n_jobs=2).fit_transform(FORMULAS)
    np.testing.assert_allclose(expected, magpie[:, 6:138], rtol=0, atol=1e-9)
    with pytest.raises(InputError, match="row 1: 'NaCl': ValueError: Oxidation states"):
        MatminerTransformer(matminer.OxidationStates(), n_jobs=2).fit(FORMULAS).transform(
            [Composition({"Fe2+": 1, "O2-": 1}), "NaCl"]
        )


CASES = [
    "ElementFraction",
    "TMetalFraction",
    "BandCenter",
    "Meredig",
    "IonProperty",
    "ValenceOrbital",
    "Miedema",
    "YangSolidSolution",
    "AtomicPackingEfficiency",
    "ElementProperty:magpie",
    "ElementProperty:deml",
    "ElementProperty:matminer",
    "ElementProperty:matscholar_el",
    "ElementProperty:megnet_el",
]


@pytest.mark.parametrize("case", CASES)
def test_featurizers_of_matminer(matminer, case):
    name, _, preset = case.partition(":")
    featurizer_class = getattr(matminer, name)
    if preset:
        featurizer = quietly(featurizer_class.from_preset, preset, impute_nan=True)
    elif "impute_nan" in signature(featurizer_class).parameters:
        featurizer = quietly(featurizer_class, impute_nan=True)
    else:
        featurizer = featurizer_class()
    formulas = ["FeNi", "CuZn", "Al3Ti", "FeNi"]
    transformer = MatminerTransformer(featurizer, missing="nan")
    features = transformer.fit_transform(formulas)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = [featurizer.featurize(Composition(formula)) for formula in formulas]
    np.testing.assert_allclose(features, np.array(expected, dtype=float), rtol=1e-9, atol=1e-9)
    assert features.shape[1] == len(transformer.get_feature_names_out())


def test_oxidation_states_need_decorated_compositions(matminer):
    transformer = MatminerTransformer(matminer.OxidationStates()).fit(FORMULAS)
    with pytest.raises(InputError, match="(?s)2 of 2.*row 0: 'NaCl'.*pass pymatgen Compositions"):
        transformer.transform(["NaCl", "Fe2O3"])
    decorated = [
        Composition({"Fe2+": 1, "O2-": 1}),
        Composition({"Fe3+": 2, "O2-": 3}),
        Composition({"Fe3+": 2, "Fe2+": 1, "O2-": 4}),
    ]
    features = transformer.transform(decorated)
    names = transformer.get_feature_names_out().tolist()
    assert features[:, names.index("range oxidation state")].tolist() == [4, 5, 5]


def test_gaps_of_a_featurizer_are_named(matminer):
    deml = quietly(matminer.ElementProperty.from_preset, "deml", impute_nan=False)
    formulas = ["NaCl", "PuO2", "NaCl", "PuO2"]
    with pytest.raises(MissingElementDataError, match="(?s)2 of 4.*row 1: 'PuO2'.*row 3: 'PuO2'"):
        MatminerTransformer(deml).fit_transform(formulas)
    features = MatminerTransformer(deml, missing="nan").fit_transform(formulas)
    assert np.isnan(features).any(axis=1).tolist() == [False, True, False, True]


def test_features_that_are_no_numbers_are_refused(matminer):
    transformer = MatminerTransformer(matminer.AtomicOrbitals()).fit(FORMULAS)
    with pytest.raises(InputError, match="row 0: 'NaCl': 'HOMO_character' is .*not a number"):
        transformer.transform(["NaCl"])
    with pytest.raises(InputError, match="'Weight Fraction' is .*not a number"):
        MatminerTransformer(quietly(matminer.WenAlloys)).fit_transform(["FeNi"])


def test_import_loads_neither_matminer_nor_pymatgen():
    code = (
        "import sys, sktl.representations._matminer; "
        "assert not {'matminer', 'pymatgen', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_names_are_those_of_the_attributes():
    names = MatminerTransformer().fit(FORMULAS).get_feature_names_out()
    assert names.tolist() == list(MAGPIE_FEATURE_NAMES)
