"""The estimators inside scikit-learn's own machinery, on formulas."""

import numpy as np
import pandas as pd
import pytest
from matminer.featurizers.composition import ElementFraction
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import StackingClassifier, StackingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    cross_val_predict,
    cross_val_score,
    learning_curve,
)
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sktl import (
    DeepFeatureTransformer,
    MatminerTransformer,
    TransferClassifier,
    TransferRegressor,
    register_source,
)

QUICK = dict(n_members=1, max_epochs=3, random_state=0, device="cpu")


@pytest.fixture(scope="module")
def rows(toy_rows):
    formulas, energies, volumes = toy_rows(60, seed=4)
    return formulas, energies + volumes


@pytest.fixture
def regressor(tiny_source):
    return TransferRegressor(tiny_source, **QUICK)


@pytest.fixture
def features(tiny_source):
    return DeepFeatureTransformer(tiny_source, device="cpu")


def test_pipeline_behind_physical_attributes(rows):
    formulas, y = rows
    model = Pipeline(
        [("attributes", MatminerTransformer()), ("network", TransferRegressor(None, **QUICK))]
    ).fit(formulas, y)
    assert model.n_features_in_ == 1 and model[-1].n_features_in_ == 145
    assert np.isfinite(model.predict(pd.Series(formulas[:5]))).all()


def test_pipeline_behind_elemental_fractions(rows, regressor):
    formulas, y = rows
    model = make_pipeline(MatminerTransformer(ElementFraction()), regressor).fit(formulas, y)
    direct = clone(regressor).fit(formulas, y)
    np.testing.assert_allclose(model.predict(formulas), direct.predict(formulas), rtol=1e-5)
    assert model[-1].source_ == direct.source_


def test_feature_union_with_matminer(rows, features):
    formulas, y = rows
    union = FeatureUnion([("physical", MatminerTransformer()), ("deep", features)])
    model = make_pipeline(union, StandardScaler(), Ridge()).fit(formulas, y)
    assert model.score(formulas, y) > 0.9
    names = model[:-1].get_feature_names_out()
    assert len(names) == 145 + 24
    assert names[0] == "physical__0-norm" and names[-1] == "deep__trunk2_23"


@pytest.mark.parametrize("column", ["formula", ["formula"]])
def test_column_transformer(rows, features, column):
    formulas, y = rows
    frame = pd.DataFrame({"T": np.linspace(100, 400, len(y)), "formula": formulas})
    columns = ColumnTransformer([("deep", features, column), ("rest", StandardScaler(), ["T"])])
    model = make_pipeline(columns, Ridge()).fit(frame, y)
    assert model.predict(frame[["formula", "T"]]).shape == y.shape
    assert columns.fit_transform(frame).shape == (60, 25)


def test_grid_search_in_two_processes(rows, tiny_source):
    formulas, y = rows
    register_source(tiny_source, "grid-search-tiny", overwrite=True)
    search = GridSearchCV(
        TransferRegressor("grid-search-tiny", **QUICK),
        {"freeze_depth": [0, 2, 4]},
        cv=KFold(2, shuffle=True, random_state=0),
        scoring="neg_mean_absolute_error",
        n_jobs=2,
        error_score="raise",
    ).fit(formulas, y)
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all() and len(set(scores)) == 3
    here = clone(search).set_params(n_jobs=1).fit(formulas, y)
    np.testing.assert_allclose(here.cv_results_["mean_test_score"], scores, rtol=1e-6)
    np.testing.assert_allclose(here.predict(formulas), search.predict(formulas), rtol=1e-6)


def test_grid_search_over_layers_and_sources(rows, tiny_source):
    formulas, y = rows
    model = make_pipeline(DeepFeatureTransformer(tiny_source, device="cpu"), Ridge())
    name = "deepfeaturetransformer__"
    grid = {f"{name}layers": np.arange(-2, 1), f"{name}source": [tiny_source, None]}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(formulas, y)
    assert search.best_params_[f"{name}source"] is tiny_source


def test_transformed_target(rows, regressor):
    formulas, y = rows
    y = np.exp(y)
    model = TransformedTargetRegressor(regressor, func=np.log, inverse_func=np.exp).fit(formulas, y)
    direct = clone(regressor).fit(formulas, np.log(y)).predict(formulas)
    np.testing.assert_allclose(model.predict(formulas), np.exp(direct), rtol=1e-6)


def test_stacking_regressor(rows, regressor, features):
    formulas, y = rows
    members = [("tuned", regressor), ("deep", make_pipeline(features, Ridge()))]
    model = StackingRegressor(members, Ridge(), cv=2).fit(formulas, y)
    assert model.score(formulas, y) > 0.5


def test_stacking_classifier(rows, tiny_source, features):
    formulas, y = rows
    classes = np.where(y > np.median(y), "large", "small")
    classifier = TransferClassifier(tiny_source, **QUICK)
    deep = make_pipeline(features, StandardScaler(), LogisticRegression())
    model = StackingClassifier([("tuned", classifier), ("deep", deep)], cv=2)
    assert model.fit(formulas, classes).score(formulas, classes) > 0.7


@pytest.mark.parametrize("container", [list, pd.Series, np.array])
def test_cross_validation(rows, regressor, container):
    formulas, y = rows
    X = container(formulas)
    splits = GroupKFold(2)
    found = cross_val_predict(regressor, X, y, cv=splits, groups=formulas)
    assert found.shape == y.shape and np.isfinite(found).all()
    train, test = next(splits.split(formulas, y, formulas))
    direct = clone(regressor).fit([formulas[i] for i in train], y[train])
    np.testing.assert_array_equal(found[test], direct.predict([formulas[i] for i in test]))


def test_scores_and_curves(rows, regressor, tiny_source):
    formulas, y = rows
    assert np.isfinite(cross_val_score(regressor, formulas, y, cv=2)).all()
    sizes, _, scores = learning_curve(regressor, formulas, y, train_sizes=[10, 20], cv=2)
    assert sizes.tolist() == [10, 20] and np.isfinite(scores).all()
    classifier = TransferClassifier(tiny_source, **QUICK)
    classes = (y > np.median(y)).astype(int)
    found = cross_val_predict(classifier, formulas, classes, cv=2, method="predict_proba")
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_pandas_output(rows, features):
    formulas, _ = rows
    series = pd.Series(formulas[:4], index=list("abcd"))
    for transformer in (features.set_params(predictions=True), MatminerTransformer()):
        transformer = clone(transformer).set_output(transform="pandas").fit(formulas)
        for X in (series, series.to_frame("formula"), formulas[:4]):
            frame = transformer.transform(X)
            assert isinstance(frame, pd.DataFrame)
            assert frame.columns.tolist() == transformer.get_feature_names_out().tolist()
        assert transformer.transform(series.to_frame()).index.tolist() == list("abcd")
