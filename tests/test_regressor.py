"""TransferRegressor: repeatable, indifferent to scale and weights, frozen where asked."""

import re
from multiprocessing import get_all_start_methods, get_context

import numpy as np
import pytest
import torch
from sklearn.base import clone

from sktl import Policy, TransferRegressor, load_model
from sktl.exceptions import (
    InputError,
    TransferWarning,
)
from sktl.training import BoundedTarget

QUICK = dict(n_members=1, max_epochs=4, random_state=0, device="cpu")


@pytest.fixture(scope="module")
def rows(toy_rows):
    formulas, energies, volumes = toy_rows(60, seed=5)
    return formulas, energies + volumes


@pytest.fixture
def model(tiny_source):
    return TransferRegressor(tiny_source, **QUICK)


def fit_predict(model, X, y, **arguments):
    return clone(model).fit(X, y, **arguments).predict(X)


def test_an_int_repeats_bit_for_bit(model, rows, global_generators_untouched):
    for arm in (model, clone(model).set_params(source=None, max_epochs=1)):
        first = fit_predict(arm, *rows)
        state = torch.get_rng_state()
        torch.manual_seed(99)
        np.testing.assert_array_equal(fit_predict(arm, *rows), first)
        torch.set_rng_state(state)
        assert not np.array_equal(fit_predict(arm.set_params(random_state=1), *rows), first)


def test_a_generator_goes_on(model, rows):
    generator = np.random.RandomState(0)
    model.set_params(random_state=generator)
    first, second = (model.fit(*rows).predict(rows[0]) for _ in range(2))
    assert not np.array_equal(first, second)
    model.set_params(random_state=np.random.RandomState(0))
    np.testing.assert_array_equal(model.fit(*rows).predict(rows[0]), first)


def test_members_differ_and_are_averaged(model, rows):
    model.set_params(n_members=3).fit(*rows)
    assert len(model.networks_) == len(model.history_) == 3
    together, networks = model.predict(rows[0]), model.networks_
    each = []
    for network in networks:
        model.networks_ = [network]
        each.append(model.predict(rows[0]))
    assert not np.array_equal(each[0], each[1])
    np.testing.assert_allclose(np.mean(each, axis=0), together, rtol=1e-6)


def test_several_outputs(model, rows):
    formulas, y = rows
    Y = np.column_stack([y, 1e6 * y**2, -y])
    found = model.fit(formulas, Y).predict(formulas)
    assert found.shape == Y.shape
    errors, spread = np.abs(found - Y).mean(axis=0), np.abs(Y - np.median(Y, axis=0)).mean(axis=0)
    assert (errors < spread).all()
    assert model.fit(formulas, y[:, None]).predict(formulas).shape == (len(y), 1)
    assert model.fit(formulas, y).predict(formulas).shape == y.shape


def test_sample_weight_is_repeats(model, rows):
    formulas, y = rows
    weights = np.random.default_rng(0).integers(0, 4, len(y))
    repeated = np.repeat(np.arange(len(y)), weights)
    np.random.default_rng(1).shuffle(repeated)
    by_weight = model.fit(formulas, y, sample_weight=weights).predict(formulas)
    by_repeats = model.fit([formulas[i] for i in repeated], y[repeated]).predict(formulas)
    np.testing.assert_allclose(by_weight, by_repeats, rtol=1e-6)
    scaled = model.fit(formulas, y, sample_weight=0.125 * weights).predict(formulas)
    np.testing.assert_allclose(by_weight, scaled, rtol=1e-6)


def test_weight_zero_is_no_row(model, rows):
    formulas, y = rows
    spoilt = np.where(np.arange(len(y)) < 10, 1e6, y)
    weights = (np.arange(len(y)) >= 10).astype(float)
    found = model.fit(formulas, spoilt, sample_weight=weights).predict(formulas)
    np.testing.assert_allclose(found, model.fit(formulas[10:], y[10:]).predict(formulas), rtol=1e-6)


def test_repeated_compositions_with_other_targets(model, rows):
    formulas, y = rows
    order = np.random.default_rng(2).permutation(2 * len(y))
    X, targets = [(formulas * 2)[i] for i in order], np.concatenate([y, y + 1])[order]
    found = model.fit(formulas * 2, np.concatenate([y, y + 1])).predict(formulas)
    np.testing.assert_array_equal(model.fit(X, targets).predict(formulas), found)


@pytest.mark.parametrize(("scale", "offset"), [(1e-12, 0), (1, 1e9), (1e200, 0), (1e-200, 0)])
def test_targets_of_any_magnitude(model, rows, scale, offset):
    formulas, y = rows
    plain = fit_predict(model, formulas, y)
    found = fit_predict(model, formulas, scale * y + offset)
    np.testing.assert_allclose((found - offset) / scale, plain, rtol=1e-4)


@pytest.mark.parametrize("value", [0.0, 5.0, -3e-12])
@pytest.mark.parametrize("n", [2, 20])
def test_constant_target(model, rows, value, n):
    formulas = rows[0][:n]
    for arm in (model, clone(model).set_params(source=None, max_epochs=1)):
        np.testing.assert_array_equal(fit_predict(arm, formulas, np.full(n, value)), value)


def test_one_constant_output_among_several(model, rows):
    formulas, y = rows
    found = fit_predict(model, formulas, np.column_stack([y, np.full(len(y), 7.0)]))
    np.testing.assert_array_equal(found[:, 1], 7.0)
    assert found[:, 0].std() > 0


@pytest.mark.parametrize("n", [2, 3, 5, 10, 30])
def test_few_rows(tiny_source, rows, n):
    formulas, y = rows
    for source in (tiny_source, None):
        fitted = TransferRegressor(source, max_epochs=2, device="cpu").fit(formulas[:n], y[:n])
        assert np.isfinite(fitted.predict(formulas)).all()


def test_too_few_rows(model):
    for X, y, weights in (
        (["NaCl"], [1.0], None),
        (["NaCl", "ClNa"], [1.0, 1.0], None),
        (["NaCl", "GaAs"], [1.0, 2.0], [1, 0]),
    ):
        with pytest.raises(InputError, match=r"Got n_samples = 1 distinct .* at least 2"):
            model.fit(X, y, sample_weight=weights)


def test_zero_inflated_targets(model, toy_rows):
    formulas, _, volumes = toy_rows(250, seed=9)
    y = np.maximum(0, volumes - np.median(volumes))
    model.set_params(max_epochs=15)
    found = model.fit(formulas[:150], y[:150]).predict(formulas[150:])
    zero = y[150:] == 0
    assert model.target_.rule == "gated"
    assert (found >= 0).all() and not np.signbit(found).any()
    assert ((found == 0) == zero).mean() > 0.75
    errors = {}
    for rule in model.target_.rules:
        model.target_.rule = rule
        assert (model.predict(formulas) >= 0).all()
        errors[rule] = np.abs(model.predict(formulas[150:]) - y[150:]).mean()
    assert errors["gated"] < errors["value"]
    plain = clone(model).set_params(head="linear").fit(formulas[:150], y[:150])
    assert not hasattr(plain.target_, "rule")
    assert (plain.predict(formulas) < 0).any()


@pytest.mark.parametrize(
    ("change", "modelled"),
    [
        (lambda y: np.maximum(0, y), True),
        (lambda y: np.abs(y), False),
        (lambda y: np.where(y > 0, 0, y), False),
        (lambda y: np.column_stack([np.maximum(0, y)] * 2), False),
    ],
    ids=["half zeros", "no zeros", "negative", "two outputs"],
)
def test_zeros_that_are_modelled(model, rows, change, modelled):
    formulas, y = rows
    y = change(y - np.median(y) + 1e-3)
    model.set_params(max_epochs=1)
    assert hasattr(model.fit(formulas, y).target_, "rule") == modelled
    if y.ndim == 2 or (y < 0).any():
        with pytest.raises(InputError, match="head='zero-inflated', expected one target column"):
            model.set_params(head="zero-inflated").fit(formulas, y)
    else:
        assert hasattr(model.set_params(head="zero-inflated").fit(formulas, y).target_, "rule")


GROUPS = ("embedding", "attention1", "trunk1", "trunk2", "head")


@pytest.mark.parametrize("depth", range(len(GROUPS)))
def test_frozen_groups_stay_as_pretrained(model, tiny_source, rows, depth):
    fitted = model.set_params(freeze_depth=depth).fit(*rows)
    (network,) = fitted.networks_
    assert network.depth_groups == GROUPS
    for i, name in enumerate(GROUPS[:-1]):
        before = tiny_source.network.group(name).state_dict()
        after = network.group(name).state_dict()
        same = [torch.equal(before[key], after[key]) for key in before]
        assert all(same) if i < depth else not any(same)
    assert any(parameter.any() for parameter in network.head.parameters())


def test_training_leaves_the_source_alone(model, tiny_source, rows):
    before = tiny_source.to_bytes()
    model.fit(*rows)
    model.set_params(head="source")
    with pytest.warns(TransferWarning):
        model.fit(rows[0], rows[1] + 100)
    assert tiny_source.to_bytes() == before


@pytest.mark.parametrize("depth", [5, -1, 2.5, True, "all", None])
def test_freeze_depth_out_of_range(model, rows, depth):
    message = f"freeze_depth={depth!r}, expected"
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        model.set_params(freeze_depth=depth).fit(*rows)
    if depth == 5:
        assert "the depth groups are embedding, attention1, trunk1, trunk2, head" in str(
            caught.value
        )


def test_a_fit_is_the_same_however_many_threads_torch_has(tiny_source, toy_rows):
    formulas, energies, _ = toy_rows(60, seed=6)
    model = TransferRegressor(tiny_source, max_epochs=1, random_state=0)
    found, before = [], torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            model.fit(formulas, energies)
            assert torch.get_num_threads() == threads
            found.append(model.networks_[0].state_dict())
    finally:
        torch.set_num_threads(before)
    for name, one in found[0].items():
        assert torch.equal(one, found[1][name]), name


@pytest.mark.skipif("fork" not in get_all_start_methods(), reason="this system has no fork")
def test_a_forked_process_predicts_as_its_parent_that_used_several_threads(tiny_source, toy_rows):
    formulas, energies, _ = toy_rows(400, seed=6)
    model = TransferRegressor(tiny_source, max_epochs=1, random_state=0).fit(formulas, energies)
    threads, context = torch.get_num_threads(), get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    worker = context.Process(target=lambda: sender.send(model.predict(formulas)))
    try:
        torch.set_num_threads(2)
        expected = model.predict(formulas)
        worker.start()
        assert receiver.poll(60), "the worker hangs"
        np.testing.assert_allclose(receiver.recv(), expected, rtol=1e-6)
    finally:
        torch.set_num_threads(threads)
        worker.kill()
        worker.join()


def test_numbers_that_overflow_are_refused(model):
    X = np.random.default_rng(0).normal(size=(30, 2))
    X[3, 1] = -1e300
    with pytest.raises(InputError, match=r"Got X=-1e\+300 in row 3, column 1, expected numbers of"):
        TransferRegressor(None, max_epochs=1).fit(X, X[:, 0])


def test_a_training_that_diverges_says_what_to_change():
    X = np.random.default_rng(0).normal(size=(30, 2))
    model = TransferRegressor(None, max_epochs=5, learning_rate=1e12, random_state=0)
    with pytest.raises(InputError, match="training diverged: got learning_rate=1000000000000.0"):
        model.fit(X, X[:, 0])


def test_a_prediction_that_is_not_finite_is_an_error(model, rows):
    fitted = clone(model).fit(*rows)
    with torch.no_grad():
        fitted.networks_[0].head.weight.fill_(3e38)
    for ask in (fitted.predict, fitted.screen, fitted.predict_interval):
        with pytest.raises(InputError, match=r"Got a prediction of .* row \d+ .* finite number"):
            ask(rows[0])


def test_limits_count_only_where_they_are_not_kept(tiny_source, toy_rows):
    formulas, energies, _ = toy_rows(60, seed=4)
    limit = float(np.quantile(energies, 0.6))
    bounds = (energies > limit).astype(int)  # known to be above the limit, not by how much
    values = np.minimum(energies, limit)
    model = TransferRegressor(tiny_source, max_epochs=20, random_state=0)
    plain = clone(model).fit(formulas, values).predict(formulas)
    bounded = clone(model).fit(formulas, values, bounds=bounds)
    found, above = bounded.predict(formulas), bounds == 1
    assert found[above].mean() > plain[above].mean() + 0.01
    assert np.abs(found - energies).mean() < np.abs(plain - energies).mean()
    same = clone(model).fit(formulas, values, bounds=np.zeros(60, dtype=int)).predict(formulas)
    np.testing.assert_array_equal(same, plain)


def test_the_loss_of_a_limit_is_zero_on_its_side():
    loss = BoundedTarget(np.array([[1.0, 0], [2.0, 1]]), np.ones(2)).criterion()
    z = torch.tensor([[1.0, -1.0], [1.0, 1.0], [1.0, 0.0]])
    losses = [
        [float(loss(torch.tensor([[p]]), (row[None], torch.ones(1)))) for row in z]
        for p in (0.0, 3.0)
    ]
    assert losses == [[0.0, 1.0, 1.0], [2.0, 0.0, 2.0]]


@pytest.mark.parametrize(
    ("bounds", "head", "message"),
    [
        ([0, 2, 0], "auto", r"bounds\[1\]"),
        ([0, 1], "auto", "one for each row"),
        ([1, -1, 1], "auto", "expected values in some"),
        ([0, 1, 0], "source", "head='source' with bounds"),
    ],
)
def test_wrong_bounds_are_refused(tiny_source, bounds, head, message):
    model = TransferRegressor(tiny_source, head=head, max_epochs=1)
    with pytest.raises(InputError, match=message):
        model.fit(["NaCl", "MgO", "Si"], [1.0, 2.0, 3.0], bounds=bounds)


def skewed(rows):
    """Return formulas, each with ten values whose mean is far above their median."""
    draws = np.random.default_rng(0).exponential(size=(12, 10)) ** 2
    return [formula for formula in rows[0][:12] for _ in range(10)], draws.ravel()


def test_means_for_squared_errors_and_medians_for_absolute_ones(tiny_source, rows):
    formulas, y = skewed(rows)
    found = {}
    for criterion in ("absolute_error", "squared_error"):
        policy = Policy(validation_fraction=0.0)  # a held-out row may hold much of the mean
        given = {"criterion": criterion, "policy": policy, "max_epochs": 12, "random_state": 0}
        model = TransferRegressor(tiny_source, **given)
        found[criterion] = model.fit(formulas, y).predict(formulas)
    assert found["absolute_error"].mean() < 0.6 * y.mean()
    assert abs(found["squared_error"].mean() - y.mean()) < 0.2 * y.mean()
    assert found["squared_error"].min() >= 0
    squares = {name: ((part - y) ** 2).mean() for name, part in found.items()}
    errors = {name: np.abs(part - y).mean() for name, part in found.items()}
    assert squares["squared_error"] < squares["absolute_error"]
    assert errors["absolute_error"] < errors["squared_error"]


def test_held_out_rows_tell_how_means_follow_from_medians(tiny_source, toy_rows, tmp_path):
    formulas, y, _ = toy_rows(700, seed=3)
    y = (y - y.min() + 1) * np.random.default_rng(0).choice([0.5, 4], len(y), p=[0.7, 0.3])
    new, true, _ = toy_rows(300, seed=5)
    true = (true - true.min() + 1) * (0.7 * 0.5 + 0.3 * 4)
    given = {"max_epochs": 8, "policy": Policy(validation_fraction=0.3), "random_state": 0}
    made = TransferRegressor(tiny_source, criterion="squared_error", **given)
    model = made.fit(formulas, y)
    ((slope, offset),) = model.target_.lines
    assert (slope, offset) != (1.0, 0.0)
    medians = clone(made).set_params(criterion="absolute_error").fit(formulas, y).predict(new)
    means = model.predict(new)
    assert means.min() >= 0
    assert abs(means.mean() - true.mean()) < abs(medians.mean() - true.mean())
    model.save(tmp_path / "m.sktl")
    assert np.array_equal(load_model(tmp_path / "m.sktl").predict(new), means)


def test_large_groups_that_leave_few_held_out_rows_do_not_make_means_medians(tiny_source, rows):
    draws = np.random.default_rng(1).exponential(size=(12, 15)) ** 2
    formulas, y = [formula for formula in rows[0][:12] for _ in range(15)], draws.ravel()
    found = {}
    for criterion in ("absolute_error", "squared_error"):
        policy = Policy(validation_fraction=0.12)  # 21 rows, of which 15 are one whole group
        given = {"criterion": criterion, "policy": policy, "max_epochs": 12, "random_state": 0}
        model = TransferRegressor(tiny_source, **given).fit(formulas, y)
        found[criterion] = model.predict(formulas).mean()
    assert found["squared_error"] > 1.3 * found["absolute_error"]


def test_what_means_do_not_go_with(tiny_source, rows):
    formulas, y = skewed(rows)
    model = TransferRegressor(tiny_source, criterion="squared_error", device="cpu")
    with pytest.raises(InputError, match="Got bounds with criterion='squared_error'"):
        model.fit(formulas, y, bounds=(np.arange(len(y)) < 5).astype(int))
    with pytest.raises(InputError, match="head='zero-inflated' with criterion='squared_error'"):
        clone(model).set_params(head="zero-inflated").fit(formulas, y)
    with pytest.raises(InputError, match="Got criterion='mse', expected one of"):
        clone(model).set_params(criterion="mse").fit(formulas, y)
