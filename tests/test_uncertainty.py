"""Standard deviations and intervals of TransferRegressor: honest, finite, in the unit of y."""

import numpy as np
import pytest
from sklearn.base import clone

from sktl import Policy, TransferRegressor
from sktl.exceptions import InputError

N_TRAIN = 600


@pytest.fixture(scope="module")
def noisy():
    """Numeric rows whose noise grows with the first column: X, y, and how large the noise is."""
    generator = np.random.default_rng(0)
    X = generator.uniform(-1, 1, size=(2 * N_TRAIN, 3))
    size = 0.05 + 0.6 * (X[:, 0] + 1)
    return X, 2 * X[:, 1] + size * generator.laplace(size=len(X)), size


@pytest.fixture(scope="module")
def fitted(noisy):
    X, y, _ = noisy
    model = TransferRegressor(
        None,
        network_arguments={"width": 64},
        max_epochs=15,
        policy=Policy(validation_fraction=0.3),
        random_state=0,
    )
    return model.fit(X[:N_TRAIN], y[:N_TRAIN])


def covered(intervals, y):
    return ((intervals[:, 0] <= y) & (y <= intervals[:, 1])).mean()


def test_intervals_cover_what_they_promise(fitted, noisy):
    X, y, _ = noisy
    for coverage in (0.5, 0.8, 0.9, 0.95):
        intervals = fitted.predict_interval(X[N_TRAIN:], coverage=coverage)
        assert intervals.shape == (N_TRAIN, 2)
        assert abs(covered(intervals, y[N_TRAIN:]) - coverage) < 0.07


def test_standard_deviations_follow_the_noise(fitted, noisy):
    X, y, size = noisy
    predictions, std = fitted.predict(X[N_TRAIN:], return_std=True)
    np.testing.assert_array_equal(predictions, fitted.predict(X[N_TRAIN:]))
    assert np.corrcoef(std, size[N_TRAIN:])[0, 1] > 0.7
    error = np.sqrt(np.mean((predictions - y[N_TRAIN:]) ** 2))
    assert 0.7 < np.sqrt(np.mean(std**2)) / error < 1.4


def test_wider_for_more_coverage_and_around_the_prediction(fitted, noisy):
    X = noisy[0][:50]
    narrow, wide = (fitted.predict_interval(X, coverage=share) for share in (0.5, 0.95))
    assert (wide[:, 1] - wide[:, 0] > narrow[:, 1] - narrow[:, 0]).all()
    np.testing.assert_allclose(wide.mean(axis=1), fitted.predict(X), atol=1e-12)


def test_all_at_once_is_what_each_alone_is(fitted, noisy):
    X = noisy[0][:50]
    predictions, std, intervals = fitted.predict(X, return_std=True, coverage=0.8)
    np.testing.assert_array_equal(predictions, fitted.predict(X))
    np.testing.assert_array_equal(std, fitted.predict(X, return_std=True)[1])
    np.testing.assert_array_equal(intervals, fitted.predict_interval(X, coverage=0.8))


def test_the_scale_of_y_is_the_scale_of_the_uncertainty(fitted, noisy):
    X, y, _ = noisy
    other = clone(fitted).fit(X[:N_TRAIN], 1000 * y[:N_TRAIN] - 7)
    expected = fitted.predict(X[:20], return_std=True)[1]
    np.testing.assert_allclose(
        other.predict(X[:20], return_std=True)[1], 1000 * expected, rtol=1e-2
    )


def test_several_outputs_have_an_uncertainty_each(noisy):
    X, y, _ = noisy
    both = np.column_stack([y, 100 * X[:, 2]])
    model = TransferRegressor(None, max_epochs=3, n_members=2, random_state=0).fit(X, both)
    predictions, std = model.predict(X[:9], return_std=True)
    assert predictions.shape == std.shape == (9, 2)
    assert model.predict_interval(X[:9]).shape == (9, 2, 2)
    assert model.uncertainty_.mae.shape == (2,)


def test_no_end_of_an_interval_is_below_what_can_be(toy_rows, tiny_source):
    formulas, y, _ = toy_rows(80, seed=1)
    y = np.where(y < np.median(y), 0.0, np.abs(y))
    model = TransferRegressor(tiny_source, max_epochs=2, random_state=0).fit(formulas, y)
    assert (model.predict_interval(formulas, coverage=0.8) >= 0).all()


def test_an_exact_model_has_no_width(noisy):
    X = noisy[0]
    model = TransferRegressor(None, max_epochs=1, random_state=0).fit(X, np.full(len(X), 3.0))
    predictions, std = model.predict(X, return_std=True)
    np.testing.assert_array_equal(predictions, 3.0)
    np.testing.assert_array_equal(std, 0.0)
    np.testing.assert_array_equal(model.predict_interval(X), 3.0)


@pytest.mark.parametrize("coverage", [0, 1, 1.5, -0.1, "0.9", None])
def test_a_coverage_that_is_none(fitted, noisy, coverage):
    with pytest.raises(InputError, match="0 < coverage < 1"):
        fitted.predict_interval(noisy[0][:3], coverage=coverage)


def test_more_coverage_than_the_rows_can_tell(fitted, noisy):
    with pytest.raises(InputError, match="calibrated on 180 rows"):
        fitted.predict_interval(noisy[0][:3], coverage=0.999)


def test_without_validation_rows_there_is_no_uncertainty(toy_rows, tiny_source):
    formulas, y, _ = toy_rows(20, seed=1)
    model = TransferRegressor(tiny_source, max_epochs=1, random_state=0).fit(formulas, y)
    assert model.uncertainty_ is None
    for ask in (model.predict_interval, lambda X: model.predict(X, return_std=True)):
        with pytest.raises(InputError, match="without held-out rows.*fit on more rows"):
            ask(formulas)


def test_rows_of_one_composition_say_that_others_are_missing():
    model = TransferRegressor("oqmd", max_epochs=1, random_state=0).fit(["Fe"] * 60, range(60))
    with pytest.raises(InputError, match="of several compositions"):
        model.predict(["Fe"], return_std=True)
