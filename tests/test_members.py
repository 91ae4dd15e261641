"""Members that are trained at once: each learns from its own rows, and ends as a plain network."""

import numpy as np
import pytest
import torch
from torch import nn

from sktl import Policy, TransferRegressor, TransferStackRegressor
from sktl.estimators._input import read_materials
from sktl.networks import CompositionNet, ConditionedNetwork, JoinedMembers

SMALL = {"width": 16, "n_attention": 1, "n_heads": 2, "hidden": 16, "trunk_width": 24, "n_trunk": 1}


def composition_net():
    torch.manual_seed(0)
    return CompositionNet(2, **SMALL)


def conditioned_net():
    torch.manual_seed(0)
    return ConditionedNetwork(2, network=CompositionNet(2, **SMALL), n_conditions=3)


def copies(make, n_members=3):
    """Return members with the same body and heads that differ."""
    members = [make() for _ in range(n_members)]
    for seed, member in enumerate(members):
        torch.manual_seed(seed)
        nn.init.normal_(member.head.weight)
        member.eval()
    return members


def some_rows(make, n):
    torch.manual_seed(1)
    fractions = torch.rand(n, 2)
    found = {
        "numbers": torch.randint(1, 90, (n, 2)),
        "fractions": fractions / fractions.sum(dim=1, keepdim=True),
    }
    return found | ({"conditions": torch.randn(n, 3)} if make is conditioned_net else {})


def by_member(members, rows):
    """Return what each member says of its part of the rows."""
    parts = {name: part.chunk(len(members)) for name, part in rows.items()}
    with torch.no_grad():
        return torch.cat(
            [
                member(**{name: part[k] for name, part in parts.items()})
                for k, member in enumerate(members)
            ]
        )


@pytest.mark.parametrize("make", [composition_net, conditioned_net])
def test_joined_members_say_what_each_says(make):
    members, rows = copies(make), some_rows(make, 12)
    joined = JoinedMembers(members, seed=0)
    joined.network.eval()
    with torch.no_grad():
        found = joined.network(**rows)
    np.testing.assert_allclose(found, by_member(members, rows), atol=1e-5)


@pytest.mark.parametrize("make", [composition_net, conditioned_net])
def test_what_they_learn_they_take_along(make):
    members, rows = copies(make), some_rows(make, 12)
    before = by_member(members, rows)
    joined = JoinedMembers(members, seed=0)
    joined.network.eval()
    optimizer = torch.optim.Adam(joined.network.parameters(), lr=0.01)
    for _ in range(5):
        optimizer.zero_grad()
        joined.network(**rows).square().sum().backward()
        optimizer.step()
    with torch.no_grad():
        after = joined.network(**rows)
    assert (after - before).abs().max() > 0.1
    joined.part()
    np.testing.assert_allclose(by_member(members, rows), after, atol=1e-5)


def test_depth_groups_that_are_frozen_stay():
    members = copies(composition_net)
    for member in members:
        member.freeze(2)
    frozen = {name for name, each in members[0].named_parameters() if not each.requires_grad}
    before = {name: each.clone() for name, each in members[0].named_parameters()}
    joined = JoinedMembers(members, seed=0)
    rows = some_rows(composition_net, 12)
    optimizer = torch.optim.Adam(joined.network.parameters(), lr=0.01)
    for _ in range(3):
        optimizer.zero_grad()
        joined.network(**rows).square().sum().backward()
        optimizer.step()
    joined.part()
    after = dict(members[0].named_parameters())
    assert frozen == {name for name in before if torch.equal(before[name], after[name])}


@pytest.fixture(scope="module")
def rows(toy_rows):
    formulas, energies, volumes = toy_rows(80, seed=5)
    return formulas, energies + volumes


def test_a_regressor_of_several_members(rows, tiny_source, tmp_path):
    formulas, y = rows
    settings = {"n_members": 3, "max_epochs": 15, "random_state": 0}
    model = TransferRegressor(tiny_source, **settings).fit(formulas, y)
    assert len(model.networks_) == len(model.history_) == 3
    outputs = [network.head.weight.detach().numpy() for network in model.networks_]
    assert not np.allclose(outputs[0], outputs[1])
    assert np.isfinite(model.history_[0][-1, "valid_loss"])
    assert np.abs(model.predict(formulas) - y).mean() < 0.5 * np.abs(y - np.median(y)).mean()
    again = TransferRegressor(tiny_source, **settings).fit(formulas, y)
    np.testing.assert_array_equal(again.predict(formulas), model.predict(formulas))


def test_held_out_rows_reach_no_member_that_holds_them_out(rows, tiny_source):
    formulas, y = map(np.asarray, rows)
    policy = Policy(validation_fraction=0.0)
    everything = np.arange(len(y))
    parts = [everything[10:], everything[:-10]]

    def predict(targets):
        model = TransferRegressor(tiny_source, max_epochs=3, policy=policy)
        members = fit_apart(model, formulas, targets, parts)
        return [member.predict(formulas) for member in members]

    swapped = y.copy()
    swapped[:10] = y[:10][::-1]  # held out by the first; median and spread stay
    first, second = predict(y)
    first_again, second_again = predict(swapped)
    np.testing.assert_allclose(first, first_again, atol=1e-6)
    assert np.abs(second - second_again).max() > 1e-3


def fit_apart(model, formulas, y, parts):
    """Fit members as a stack does."""
    materials = read_materials(model, formulas, fitting=True)
    return model._fit_apart(materials, y, None, parts, [1, 2])


def test_members_of_a_stack_are_regressors_of_their_own(rows, tiny_source, few_steps):
    formulas, y = rows
    with few_steps():
        stack = TransferStackRegressor(tiny_source, n_members=3, random_state=0).fit(formulas, y)
    networks = next(iter(stack.members_.values()))
    found = np.array([member.predict(formulas) for member in networks])
    assert found.shape == (3, len(y)) and np.ptp(found, axis=0).max() > 1e-3
    assert len({member.training_sha256_ for member in networks}) == 3
