"""What fits are made of: targets and their scales, rows and their splits, the loop."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sktl.exceptions import InputError
from sktl.networks import ColumnNet, ElemNet
from sktl.representations._rows import ColumnRows
from sktl.sources import find_architecture
from sktl.training import (
    ClassTarget,
    LabelledRows,
    NumberTarget,
    Policy,
    ZeroInflatedTarget,
    merge_rows,
    split_rows,
    train,
)

N_ROWS = 64


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30),
    st.integers(-200, 200),
    st.integers(0, 2**31),
)
def test_numbers_come_back(values, exponent, seed):
    y = np.array(values)[:, None] * 10.0**exponent
    weights = np.random.default_rng(seed).uniform(0.1, 3, len(y))
    target = NumberTarget(y, weights)
    z = target.encode(y)
    assert z.dtype == np.float32 and np.isfinite(z).all()
    spread = np.ptp(y)
    np.testing.assert_allclose(target.decode(z[None]), y, rtol=1e-11, atol=1e-4 * spread)


def test_centre_and_scale_of_weighted_rows():
    y, weights = np.array([[3.0], [1.0], [7.0], [100.0]]), np.array([2.0, 1.0, 3.0, 1.0])
    repeated = np.repeat(y[:, 0], weights.astype(int))
    target = NumberTarget(y, weights)
    np.testing.assert_allclose(target.center, np.median(repeated))
    np.testing.assert_allclose(target.scale, np.std(repeated))
    even = NumberTarget(np.array([[1.0], [2.0], [4.0], [9.0]]), np.full(4, 0.1))
    np.testing.assert_allclose(even.center, 3.0)


def test_members_are_averaged_in_the_scale_of_training():
    target = NumberTarget(np.array([[0.0], [2.0], [10.0]]), np.ones(3))
    outputs = np.array([[[1.0]], [[-2.0]]])
    expected = target.center - 0.5 * target.scale
    np.testing.assert_allclose(target.decode(outputs)[0], expected)


def zero_inflated(rule="value"):
    y = np.array([0.0, 0, 0, 1, 2, 3])[:, None]
    return ZeroInflatedTarget(y, np.ones(6), rule), y


def outputs_for(target, value, chance, positive):
    """Return outputs (1, n, 3) that mean these values and chances of y > 0."""
    columns = [value, np.log(chance) - np.log1p(-chance), positive]
    scaled = [(np.asarray(c) - target.center) / target.scale for c in (columns[0], columns[2])]
    return np.stack([scaled[0], columns[1], scaled[1]], axis=-1)[None]


def test_rules_of_zero_inflated_targets():
    target, y = zero_inflated()
    np.testing.assert_array_equal(target.encode(y)[:, 1], [0, 0, 0, 1, 1, 1])
    outputs = outputs_for(target, [-0.5, 2.0], np.array([0.25, 0.75]), [4.0, 4.0])
    for rule, expected in (("value", [0, 2]), ("gated", [0, 4]), ("expected", [1, 3])):
        target.rule = rule
        np.testing.assert_allclose(target.decode(outputs)[:, 0], expected)


@pytest.mark.parametrize("rule", ZeroInflatedTarget.rules)
def test_the_best_rule_on_validation_rows_is_chosen(rule):
    target, y = zero_inflated()
    wrong, chance = np.full(6, 9.0), np.where(y[:, 0] > 0, 0.75, 0.25)
    given_positive = {"value": wrong, "gated": y[:, 0], "expected": y[:, 0] / 0.75}[rule]
    value = y[:, 0] if rule == "value" else wrong
    target.choose(outputs_for(target, value, chance, given_positive), y, np.ones(6))
    assert target.rule == rule


@pytest.mark.parametrize(
    ("y", "fits"),
    [
        ([0, 0, 1, 2], True),
        ([0, 1, 1, 2, 1, 1, 1, 1, 1, 1], True),
        ([0, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1], False),
        ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], False),
        ([0, 0, 0], False),
        ([0, 0, 1, -1], False),
        ([[0, 0], [1, 1]], False),
    ],
)
def test_targets_that_are_zero_inflated(y, fits):
    y = np.array(y, dtype=float).reshape(len(y), -1)
    assert ZeroInflatedTarget.fits(y, np.ones(len(y))) == fits


def test_class_chances():
    target = ClassTarget(3)
    chances = target.decode(np.array([[[1000.0, 0.0, -1000.0]], [[0.0, 0.0, 0.0]]]))
    np.testing.assert_allclose(chances, [[2 / 3, 1 / 6, 1 / 6]])


@given(
    st.lists(st.integers(0, 30), min_size=2, max_size=150),
    st.floats(0, 0.99),
    st.integers(0, 2**31 - 1),
)
def test_groups_stay_together_in_a_split(groups, fraction, seed):
    groups = np.array(groups)
    training, validation = split_rows(groups, fraction, seed)
    both = np.concatenate([training, validation])
    assert sorted(both) == list(range(len(groups)))
    assert not set(groups[training]) & set(groups[validation])
    assert len(training) > 0 and len(validation) <= fraction * len(groups) + 1e-6
    assert len(validation) == 0 or len(validation) >= 5


def test_a_split_takes_its_share_and_depends_on_the_seed():
    groups = np.arange(200)
    splits = [split_rows(groups, 0.1, seed)[1] for seed in (0, 0, 1)]
    assert [len(part) for part in splits] == [20, 20, 20]
    assert np.array_equal(splits[0], splits[1]) and not np.array_equal(splits[0], splits[2])


@given(st.integers(0, 2**31 - 1))
def test_merged_rows_do_not_depend_on_order(seed):
    generator = np.random.default_rng(seed)
    groups, y = generator.integers(0, 5, 20), generator.integers(0, 3, (20, 1)).astype(float)
    weights = generator.integers(0, 3, 20) + np.eye(20)[0]
    rows, merged = merge_rows(groups, y, weights)
    assert np.isclose(merged.mean(), 1)
    kinds = list(zip(groups[rows], y[rows, 0], strict=True))
    assert kinds == sorted({(g, v) for g, v, w in zip(groups, y[:, 0], weights, strict=True) if w})
    order = generator.permutation(20)
    again, other = merge_rows(groups[order], y[order], weights[order])
    assert kinds == list(zip(groups[order][again], y[order][again, 0], strict=True))
    np.testing.assert_allclose(other, merged)


@pytest.fixture
def data():
    columns = np.random.default_rng(0).normal(size=(N_ROWS, 3))
    z = columns[:, :1].astype(np.float32)
    return ColumnRows(columns.astype(np.float32)), z


def new_network(kind=ColumnNet):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = kind(1, n_inputs=3)
    network.reset_head(1)
    return network


def error(network, rows, z):
    with torch.inference_mode():
        found = network(columns=torch.as_tensor(rows.columns)).numpy()
    return np.abs(found - z).mean()


def run(data, policy, *, kind=ColumnNet, seed=0, valid=None):
    criterion = NumberTarget(np.array([[0.0], [1.0]]), np.ones(2)).criterion()
    network = new_network(kind)
    history = train(network, LabelledRows(*data), criterion, policy, seed=seed, valid=valid)
    return network, history


def test_training_lowers_the_loss(data, global_generators_untouched):
    policy = Policy(max_epochs=20, batch_size=16, learning_rate=1e-2, head_rate_factor=1.0)
    network, history = run(data, policy)
    assert error(network, *data) < 0.3 * error(new_network(), *data)
    assert len(history) == 20 and history[-1, "train_loss"] < history[0, "train_loss"]
    again, _ = run(data, policy)
    other, _ = run(data, policy, seed=1)
    assert error(again, *data) == error(network, *data) != error(other, *data)


def test_validation_rows_are_watched_and_change_nothing(data):
    rows, z = data
    policy = Policy(max_epochs=6, batch_size=16, learning_rate=1e-3, head_rate_factor=1.0)
    network, history = run(data, policy, valid=LabelledRows(rows, -z))
    np.testing.assert_allclose(error(network, rows, -z), history[-1, "valid_loss"], rtol=1e-5)
    alone, _ = run(data, policy)
    assert error(alone, rows, z) == error(network, rows, z)


def test_dropout_rests_in_frozen_groups(data):
    network, _ = run(
        data,
        Policy(max_epochs=1, batch_size=64, learning_rate=1e-3, head_rate_factor=1.0),
        kind=ElemNet,
    )
    network.freeze(7)
    network.train()
    modes = {name: network.group(name).training for name in network.depth_groups}
    assert [name for name, mode in modes.items() if not mode] == [f"layer{i}" for i in range(1, 8)]


def test_the_head_learns_at_its_own_rate(data):
    policy = dict(max_epochs=1, batch_size=64, learning_rate=1e-6)
    moves = []
    for factor in (1.0, 1000.0):
        network, _ = run(data, Policy(head_rate_factor=factor, weight_decay=0, **policy))
        before, after = new_network(), network
        moves.append((after.head.weight - before.head.weight).abs().max().item())
    assert moves[1] > 100 * moves[0] > 0


def test_rows_of_weight_zero_teach_nothing(data):
    rows, z = data
    weights = (np.arange(N_ROWS) < 32).astype(float)
    spoilt = np.where(weights[:, None] > 0, z, 1e6).astype(np.float32)
    policy = Policy(max_epochs=3, batch_size=64, learning_rate=1e-2, head_rate_factor=1.0)
    found, _ = run((rows, spoilt, weights), policy)
    expected, _ = run((rows, z, weights), policy)
    assert error(found, rows, z) == error(expected, rows, z)


def test_a_head_starts_as_a_linear_model():
    generator = np.random.default_rng(0)
    features = generator.normal(size=(300, 5)).astype(np.float32)
    y = 3.0 + features @ [2.0, -1.0, 0.0, 0.0, 0.5]
    y[:6] += 100.0  # which absolute errors forgive
    weights = np.ones(300)
    target = NumberTarget(y[:, None], weights)
    head = torch.nn.Linear(5, 1)
    target.start_head(head, features, target.encode(y[:, None]), weights)
    with torch.no_grad():
        found = target.decode(head(torch.as_tensor(features)).numpy()[None])[:, 0]
    assert np.abs(found - y)[6:].mean() < 0.3


def test_the_head_of_a_zero_inflated_target_starts_with_its_values():
    generator = np.random.default_rng(0)
    features = generator.normal(size=(400, 3)).astype(np.float32)
    y = np.maximum(0.0, 1.0 + 2.0 * features[:, :1])
    target = ZeroInflatedTarget(y, np.ones(400))
    head = torch.nn.Linear(3, 3)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    target.start_head(head, features, target.encode(y), np.ones(400))
    with torch.no_grad():
        outputs = head(torch.as_tensor(features)).numpy()[None]
    assert not outputs[..., 1].any()  # no opinion on which are zero
    above = y[:, 0] > 0
    errors = np.abs(target.center + target.scale * outputs[0] - y)[above]
    assert errors[:, 2].mean() < errors[:, 0].mean() < y[above].std()


@pytest.mark.parametrize(
    "change",
    [
        {"validation_fraction": 1.0},
        {"validation_fraction": -0.1},
        {"batch_size": 0},
        {"head_rate_factor": 0.0},
        {"weight_decay": -1.0},
        {"warmup": 2.0},
        {"average": "much"},
    ],
    ids=str,
)
def test_unusable_settings_of_a_policy_are_named(change):
    ((name, value),) = change.items()
    with pytest.raises(InputError, match=f"Got {name}={value!r}, expected"):
        Policy(**change)


def test_a_policy_follows_the_number_of_rows():
    few = Policy().resolve(50, find_architecture("composition"), pretrained=True)
    many = Policy(max_epochs=3).resolve(20_000, find_architecture("alignn"), pretrained=False)
    scratch = Policy().resolve(50, find_architecture("composition"), pretrained=False)
    assert (few.batch_size, few.max_epochs, few.learning_rate) == (16, 50, 6e-4)
    assert (scratch.batch_size, scratch.max_epochs, scratch.learning_rate) == (32, 100, 1e-3)
    assert (many.batch_size, many.max_epochs, many.learning_rate) == (128, 3, 3e-3)
