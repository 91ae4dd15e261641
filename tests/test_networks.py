"""Every network obeys one grammar: depth groups, features, a head."""

import itertools

import numpy as np
import pytest
import torch

from sktl.exceptions import InputError
from sktl.networks import ColumnNet, CompositionNet, ElemNet
from sktl.representations import ElementFractions, ElementTokens, parse_formulas

TINY = {"width": 16, "hidden": 16, "trunk_width": 24, "n_trunk": 2, "n_attention": 1, "n_heads": 2}
FORMULAS = ["NaCl", "Fe2O3", "Si", "LiFePO4", "Cu0.7Zn0.3", "La0.7Sr0.3MnO3"]


def tensors(rows):
    return {name: torch.as_tensor(part) for name, part in rows[np.arange(len(rows))].items()}


def make(kind, n_outputs=3, dropout=0.0):
    torch.manual_seed(1)
    compositions = parse_formulas(FORMULAS)
    if kind == "composition":
        inputs = tensors(ElementTokens().encode(compositions))
        return CompositionNet(n_outputs, dropout=dropout, **TINY), inputs
    inputs = tensors(ElementFractions().encode(compositions))
    if kind == "elemnet":
        return ElemNet(n_outputs), inputs
    return ColumnNet(n_outputs, n_inputs=103, width=24, n_trunk=2, dropout=dropout), inputs


@pytest.fixture(params=["composition", "elemnet", "columns"])
def kind(request):
    return request.param


def tokens(numbers, fractions):
    return {"numbers": torch.tensor([numbers]), "fractions": torch.tensor([fractions])}


def equal_states(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_forward_is_the_head_of_the_features(kind):
    network, inputs = make(kind)
    network.eval()
    features = network.features(**inputs)
    assert features.shape == (len(FORMULAS), network.embedding_size)
    assert torch.equal(network(**inputs), network.head(features))
    assert network(**inputs).shape == (len(FORMULAS), 3)


def test_depth_groups_hold_every_parameter_once(kind):
    network, _ = make(kind)
    grouped = [id(p) for name in network.depth_groups for p in network.group(name).parameters()]
    assert sorted(grouped) == sorted(id(p) for p in network.parameters())
    assert network.depth_groups[-1] == "head"


def test_depth_groups_are_named_in_order_from_the_input():
    network, _ = make("composition")
    assert network.depth_groups == ("embedding", "attention1", "trunk1", "trunk2", "head")
    assert ElemNet().depth_groups == (*(f"layer{i}" for i in range(1, 17)), "head")


def test_elemnet_has_the_published_widths_and_dropout():
    network = ElemNet()
    widths = [m.out_features for m in network.modules() if isinstance(m, torch.nn.Linear)]
    assert widths == [1024] * 4 + [512] * 3 + [256] * 3 + [128] * 3 + [64] * 2 + [32, 1]
    dropout = {
        name: module.p
        for name in network.body
        for module in network.body[name]
        if isinstance(module, torch.nn.Dropout)
    }
    assert dropout == {"layer4": 0.2, "layer7": 0.1, "layer10": 0.3, "layer13": 0.2}


def test_activations_are_one_vector_a_row_for_each_body_group(kind):
    network, inputs = make(kind)
    found = network.eval().activations(**inputs)
    assert tuple(found) == network.depth_groups[:-1]
    assert all(len(vectors) == len(FORMULAS) and vectors.ndim == 2 for vectors in found.values())
    assert torch.equal(list(found.values())[-1], network.features(**inputs))


def test_composition_activations_have_the_documented_widths():
    network, inputs = make("composition")
    widths = [vectors.shape[1] for vectors in network.activations(**inputs).values()]
    assert widths == [32, 32, 24, 24]


def test_a_head_of_no_outputs_returns_the_features(kind):
    network, inputs = make(kind)
    network.eval().reset_head(0)
    assert torch.equal(network(**inputs), network.features(**inputs))


def test_a_new_head_is_zero_and_draws_no_random_numbers(kind):
    network, inputs = make(kind)
    before = torch.get_rng_state()
    network.eval().reset_head(2)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(network(**inputs), torch.zeros(len(FORMULAS), 2))


@pytest.mark.parametrize("columns", [[2, 0], (1,), np.array([0, 1, 2])], ids=str)
def test_kept_outputs_are_columns_of_the_former_ones(kind, columns):
    network, inputs = make(kind)
    before = network.eval()(**inputs)
    network.keep_outputs(columns)
    torch.testing.assert_close(network(**inputs), before[:, list(columns)])


def train_a_step(network, inputs):
    network.train()
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    network(**inputs).square().sum().backward()
    optimizer.step()


@pytest.mark.parametrize("depth", [0, 1, 2, 4])
def test_a_frozen_group_does_not_change_and_stays_in_evaluation_mode(kind, depth):
    network, inputs = make(kind, dropout=0.5)
    depth = min(depth, len(network.depth_groups) - 1)
    before = {
        name: {key: tensor.clone() for key, tensor in network.group(name).state_dict().items()}
        for name in network.depth_groups
    }
    network.freeze(depth)
    train_a_step(network, inputs)
    for position, name in enumerate(network.depth_groups):
        frozen = position < depth
        assert equal_states(before[name], network.group(name).state_dict()) == frozen
        assert all(module.training != frozen for module in network.group(name).modules())


def test_features_of_a_frozen_body_do_not_drop_out(kind):
    network, inputs = make(kind, dropout=0.5)
    network.train()
    assert not torch.equal(network.features(**inputs), network.features(**inputs))
    network.freeze(len(network.depth_groups) - 1)
    network.train()
    assert torch.equal(network.features(**inputs), network.features(**inputs))


def test_freezing_can_be_taken_back(kind):
    network, _ = make(kind)
    network.freeze(len(network.depth_groups) - 1)
    network.freeze(0)
    assert all(p.requires_grad for p in network.parameters())
    assert all(module.training for module in network.modules())


@pytest.mark.parametrize("depth", [-1, 5, 1.0, "embedding", None])
def test_an_impossible_depth_is_an_error_that_names_the_groups(depth):
    network, _ = make("composition")
    with pytest.raises(InputError, match=r"Got freeze_depth=.*embedding, attention1, trunk1"):
        network.freeze(depth)


def test_the_order_of_the_elements_does_not_matter():
    network, _ = make("composition")
    network.eval()
    numbers, fractions = [3, 8, 15, 26], [1 / 7, 4 / 7, 1 / 7, 1 / 7]
    expected = network(**tokens(numbers, fractions))
    for order in itertools.permutations(range(4)):
        shuffled = tokens([numbers[i] for i in order], [fractions[i] for i in order])
        torch.testing.assert_close(network(**shuffled), expected, rtol=1e-4, atol=1e-5)


def test_padding_and_the_rest_of_the_batch_do_not_matter():
    network, inputs = make("composition")
    network.eval()
    together = network(**inputs)
    for row, formula in enumerate(FORMULAS):
        alone = network(**tensors(ElementTokens().encode(parse_formulas([formula]))))
        torch.testing.assert_close(together[row : row + 1], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("element", [1, 8, 92])
def test_a_vanishing_element_vanishes(element):
    network, _ = make("composition")
    network.eval()
    without = network(**tokens([11, 17], [0.5, 0.5]))
    distances = []
    for fraction in (1e-2, 1e-5, 1e-8, 1e-20, 1e-37):
        rest = (1 - fraction) / 2
        found = network(**tokens([11, 17, element], [rest, rest, fraction]))
        distances.append(float((found - without).detach().abs().max()))
    assert distances[-1] < 1e-6 < distances[0]
    zero = network(**tokens([11, 17, element], [0.5, 0.5, 0.0]))
    torch.testing.assert_close(zero, without, rtol=1e-4, atol=1e-6)


def test_a_small_change_of_the_composition_is_a_small_change_of_the_output():
    network, _ = make("composition")
    network.eval()
    one = network(**tokens([11, 17, 19], [0.5, 0.5 - 1e-4, 1e-4]))
    other = network(**tokens([11, 17, 19], [0.5, 0.5 - 1.01e-4, 1.01e-4]))
    torch.testing.assert_close(one, other, rtol=0, atol=1e-2)


@pytest.mark.parametrize(
    "arguments", [{"n_trunk": 0}, {"width": 15, "n_heads": 2}, {"n_heads": 0}], ids=str
)
def test_impossible_shapes_are_errors(arguments):
    with pytest.raises(InputError, match="Got n_trunk="):
        CompositionNet(1, **{**TINY, **arguments})


def test_a_network_without_attention_works():
    network = CompositionNet(1, **{**TINY, "n_attention": 0, "n_trunk": 1})
    assert network.depth_groups == ("embedding", "trunk1", "head")
    assert network(**tokens([11, 17], [0.5, 0.5])).shape == (1, 1)
