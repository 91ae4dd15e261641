"""One place scores: what is measured of a model on held-out rows, whoever asks."""

import numpy as np
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.metrics import mean_absolute_error, r2_score

from sktl.evaluation import (
    fit_and_score,
    predict_intervals,
    score_intervals,
    score_predictions,
)
from sktl.exceptions import InputError

Y = np.array([1.0, 2.0, 4.0])


def test_a_fit_is_scored_on_the_held_out_rows_alone():
    weights = np.array([1.0, 1.0, 0.0])
    model = DummyRegressor()
    found = fit_and_score(
        model, np.zeros((3, 1)), Y, np.zeros((2, 1)), Y[1:], sample_weight=weights
    )
    assert found.predictions.tolist() == [1.5, 1.5]
    assert found.scores == (mean_absolute_error(Y[1:], [1.5, 1.5]), r2_score(Y[1:], [1.5, 1.5]))
    assert found.fit_seconds >= 0 and found.predict_seconds >= 0
    assert model.constant_.item() == 1.5


def test_a_single_row_has_an_error_and_no_r2():
    mae, r2 = score_predictions(Y[:1], Y[1:2])
    assert mae == 1.0 and np.isnan(r2)


def test_rows_without_an_interval_do_not_count():
    intervals = np.array([[0.0, 2.0], [np.nan, np.nan], [0.0, 3.0]])
    assert score_intervals(Y, intervals) == (0.5, 2.5)
    both = np.stack([intervals, [[0.0, 2.0], [1.0, 3.0], [3.0, 5.0]]])
    assert score_intervals(Y, both) == (pytest.approx(4 / 5), pytest.approx(11 / 5))


def test_intervals_end_where_the_model_can_give_no_more():
    class Model:
        def predict_interval(self, X, coverage):
            if coverage > 0.9:
                raise InputError("too few rows")
            return np.tile([-coverage, coverage], (len(X), 1))

    found = predict_intervals(Model(), Y, [0.5, 0.9, 0.95])
    assert list(found) == [0.5, 0.9] and found[0.9].shape == (3, 2)
