"""Fitted estimators go through pipes, pickles and copies, and need nothing of where they were."""

import copy
import multiprocessing
import pickle
from multiprocessing.reduction import ForkingPickler

import joblib
import numpy as np
import pytest
import torch

from sktl import (
    DeepFeatureTransformer,
    TransferClassifier,
    TransferRegressor,
    TransferStackRegressor,
)

FAST = {"max_epochs": 1, "random_state": 0}


@pytest.fixture
def rows(toy_rows):
    formulas, energies, _ = toy_rows(60, seed=8)
    return formulas, energies


def answer(model, X):
    """Return what an estimator makes of X."""
    for method in ("predict_proba", "predict", "transform"):
        if hasattr(model, method):
            return getattr(model, method)(X)
    raise AssertionError(f"{model} answers nothing")


def through_a_pipe(thing, method):
    """Return what a process sends that has ended before it is read."""
    context = multiprocessing.get_context(method)
    reader, writer = context.Pipe(duplex=False)
    sender = context.Process(target=writer.send, args=(thing,))
    sender.start()
    content = reader.recv_bytes()
    sender.join()
    return pickle.loads(content)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_fitted_estimators_outlive_the_process_that_sent_them(method, tiny_source, rows):
    models = [
        TransferRegressor(tiny_source, **FAST).fit(*rows),
        DeepFeatureTransformer(tiny_source, predictions=True).fit(rows[0]),
    ]
    for mine, other in zip(models, through_a_pipe(models, method), strict=True):
        np.testing.assert_array_equal(answer(other, rows[0]), answer(mine, rows[0]))


def test_no_estimator_holds_a_tensor_that_is_shared(
    tiny_source, tiny_crystal_source, toy_crystals, rows
):
    X, y = rows
    crystals, energies, _ = toy_crystals(20, seed=2)
    bases = [
        ("network", TransferRegressor(tiny_source, **FAST)),
        ("none", TransferRegressor(None, **FAST)),
    ]
    fitted = [
        (TransferClassifier(tiny_source, **FAST).fit(X, y > np.median(y)), X),
        (TransferRegressor(tiny_crystal_source, **FAST).fit(crystals, energies), crystals),
        (TransferRegressor(None, **FAST).fit(np.arange(60.0).reshape(30, 2), y[:30]), [[1.0, 2.0]]),
        (DeepFeatureTransformer(tiny_crystal_source).fit(crystals), crystals),
        (TransferStackRegressor(estimators=bases, n_members=2, random_state=0).fit(X, y), X),
    ]
    for model, asked in fitted:
        content = bytes(ForkingPickler.dumps(model))  # torch has told it how to share tensors
        assert b"torch.multiprocessing" not in content
        np.testing.assert_array_equal(answer(pickle.loads(content), asked), answer(model, asked))


def test_copies_are_whole_and_apart(tiny_source, rows, tmp_path):
    model = TransferRegressor(tiny_source, **FAST).fit(*rows)
    expected = model.predict(rows[0])
    joblib.dump(model, tmp_path / "model.joblib")
    for found in (
        joblib.load(tmp_path / "model.joblib"),
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
        copy.copy(model),
    ):
        np.testing.assert_array_equal(found.predict(rows[0]), expected)
        (network,) = found.networks_
        assert not network.training and not any(p.requires_grad for p in network.parameters())
    mine, other = model.networks_[0], copy.deepcopy(model).networks_[0]
    for weights in other.parameters():
        weights.data += 1
    np.testing.assert_array_equal(model.predict(rows[0]), expected)
    assert torch.equal(copy.copy(mine).head.weight, mine.head.weight)


def test_a_network_that_trains_comes_back_as_it_was(tiny_source):
    network = tiny_source.new_network(2)
    network.freeze(1)
    network.train()
    found = pickle.loads(pickle.dumps(network))
    assert [p.requires_grad for p in found.parameters()] == [
        p.requires_grad for p in network.parameters()
    ]
    assert [m.training for m in found.modules()] == [m.training for m in network.modules()]
    assert {type(p) for p in found.parameters()} == {torch.nn.Parameter}
    assert list(found.state_dict()) == list(network.state_dict())
