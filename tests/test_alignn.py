"""ALIGNN: what it may not depend on, its depth groups, and the weights of the package alignn."""

import numpy as np
import pytest
import torch

from sktl.exceptions import InputError
from sktl.networks import ALIGNN
from sktl.networks._alignn import _alignn_name

TINY = {
    "n_alignn": 2,
    "n_gcn": 2,
    "hidden": 12,
    "expansion_width": 8,
    "n_distances": 10,
    "n_angles": 6,
}
DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
    ),
]


def crystal(n_atoms, seed, n_bonds=4):
    """Return a random graph: every atom has bonds, and both directions of each are there."""
    rng = np.random.default_rng(seed)
    source = np.repeat(np.arange(n_atoms), n_bonds)
    target = rng.integers(0, n_atoms, len(source))
    vectors = rng.normal(scale=2, size=(len(source), 3))
    source, target = np.concatenate([source, target]), np.concatenate([target, source])
    first, second = np.nonzero(target[:, None] == source)
    return {
        "numbers": torch.as_tensor(rng.integers(1, 104, n_atoms)),
        "crystal": torch.zeros(n_atoms, dtype=torch.int64),
        "source": torch.as_tensor(source),
        "target": torch.as_tensor(target),
        "vectors": torch.as_tensor(np.concatenate([vectors, -vectors]), dtype=torch.float32),
        "first": torch.as_tensor(first),
        "second": torch.as_tensor(second),
    }


def batch(crystals):
    """Return crystals behind each other, as one input."""
    atoms = bonds = 0
    parts = []
    for i, graph in enumerate(crystals):
        shifts = {"crystal": i, "source": atoms, "target": atoms, "first": bonds, "second": bonds}
        parts.append({name: part + shifts.get(name, 0) for name, part in graph.items()})
        atoms += len(graph["numbers"])
        bonds += len(graph["source"])
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


CRYSTALS = [crystal(n_atoms, seed) for seed, n_atoms in enumerate([1, 3, 5, 2])]
INPUTS = batch(CRYSTALS)


def make(n_outputs=3, **arguments):
    torch.manual_seed(1)
    network = ALIGNN(n_outputs, **{**TINY, **arguments})
    if arguments.get("n_element_features"):
        network.set_element_table(torch.randn(104, arguments["n_element_features"]))
    return network


@pytest.fixture(params=["layer", "batch", "table"])
def network(request):
    if request.param == "table":
        return make(n_element_features=7)
    return make(norm=request.param)


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_the_default_sizes_are_those_of_the_package():
    blocks = [f"{kind}{i}" for kind in ("alignn", "gcn") for i in range(1, 5)]
    assert ALIGNN().depth_groups == ("embedding", *blocks, "head")
    network = ALIGNN(n_element_features=92)
    two_norms_that_nothing_reads = 2 * 2 * 256
    found = sum(p.numel() for p in network.parameters())
    assert found == 4_026_753 - two_norms_that_nothing_reads


def test_forward_is_the_head_of_the_features(network):
    features = network.eval().features(**INPUTS)
    assert features.shape == (len(CRYSTALS), network.embedding_size) == (4, 12)
    assert torch.equal(network(**INPUTS), network.head(features))
    network.reset_head(0)
    assert torch.equal(network(**INPUTS), features)
    network.reset_head(2)
    assert torch.equal(network(**INPUTS), torch.zeros(4, 2))


def test_activations_are_one_vector_a_crystal_for_each_body_group(network):
    found = network.eval().activations(**INPUTS)
    assert tuple(found) == ("embedding", "alignn1", "alignn2", "gcn1", "gcn2")
    assert all(vectors.shape == (4, 12) for vectors in found.values())
    assert torch.equal(found["gcn2"], network.features(**INPUTS))
    atoms = network.body["embedding"].atoms(CRYSTALS[1]["numbers"])
    close(found["embedding"][1], atoms.mean(dim=0))


def test_depth_groups_hold_every_parameter_once(network):
    grouped = [id(p) for name in network.depth_groups for p in network.group(name).parameters()]
    assert sorted(grouped) == sorted(id(p) for p in network.parameters())


@pytest.mark.parametrize("depth", range(6))
def test_a_frozen_group_does_not_change_and_stays_in_evaluation_mode(network, depth):
    before = {
        name: {key: tensor.clone() for key, tensor in network.group(name).state_dict().items()}
        for name in network.depth_groups
    }
    network.freeze(depth)
    network.train()
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    network(**INPUTS).square().sum().backward()
    optimizer.step()
    for position, name in enumerate(network.depth_groups):
        frozen, after = position < depth, network.group(name).state_dict()
        assert all(torch.equal(before[name][key], after[key]) for key in after) == frozen
        assert all(module.training != frozen for module in network.group(name).modules())


@pytest.mark.parametrize("sizes", [{}, {"n_alignn": 0}, {"n_alignn": 1, "n_gcn": 1}], ids=str)
def test_gradients_reach_every_parameter_and_the_vectors(sizes):
    network = make(**sizes)
    vectors = INPUTS["vectors"].clone().requires_grad_()
    weights = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    (network(**{**INPUTS, "vectors": vectors}) * weights).sum().backward()
    assert [name for name, p in network.named_parameters() if not p.grad.abs().max() > 1e-8] == []
    assert torch.isfinite(vectors.grad).all()
    assert vectors.grad.abs().sum(dim=1).min() > 0


def test_gradients_are_those_of_finite_differences():
    network = make().double().eval()
    vectors = INPUTS["vectors"].double().requires_grad_()

    def outputs(vectors):
        return network(**{**INPUTS, "vectors": vectors}).sum()

    outputs(vectors).backward()
    rng = np.random.default_rng(0)
    for _ in range(5):
        step = 1e-5 * torch.as_tensor(rng.normal(size=vectors.shape))
        with torch.no_grad():
            change = outputs(vectors + step) - outputs(vectors - step)
        torch.testing.assert_close(change, 2 * (vectors.grad * step).sum(), rtol=1e-5, atol=1e-11)


def test_rotation_and_reflection_do_not_matter(network):
    network.eval()
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    for matrix in (rotation, -rotation):
        turned = INPUTS["vectors"] @ torch.as_tensor(matrix, dtype=torch.float32)
        close(network(**{**INPUTS, "vectors": turned}), network(**INPUTS))


def test_the_order_of_atoms_bonds_and_angles_does_not_matter(network):
    network.eval()
    random = torch.Generator().manual_seed(0)
    atoms, bonds, angles = (
        torch.randperm(len(INPUTS[name]), generator=random)
        for name in ("numbers", "source", "first")
    )
    atom_places, bond_places = atoms.argsort(), bonds.argsort()
    shuffled = {
        "numbers": INPUTS["numbers"][atoms],
        "crystal": INPUTS["crystal"][atoms],
        "source": atom_places[INPUTS["source"][bonds]],
        "target": atom_places[INPUTS["target"][bonds]],
        "vectors": INPUTS["vectors"][bonds],
        "first": bond_places[INPUTS["first"][angles]],
        "second": bond_places[INPUTS["second"][angles]],
    }
    close(network(**shuffled), network(**INPUTS))


def test_the_rest_of_the_batch_does_not_matter(network):
    together = network.eval()(**INPUTS)
    alone = torch.cat([network(**graph) for graph in CRYSTALS])
    close(together, alone)
    close(network(**batch(CRYSTALS[::-1])), together.flip(0))


def test_layer_norm_does_not_see_the_batch_in_training_either():
    network = make().train()
    close(network(**INPUTS), torch.cat([network(**graph) for graph in CRYSTALS]))


def turn_each_bond(graph):
    """Return other directions of the bonds of one crystal, of the same lengths."""
    half = graph["vectors"][: len(graph["vectors"]) // 2]
    turned = half[:, [1, 2, 0]] * torch.tensor([1.0, -1.0, 1.0])
    turned[::2] = half[::2]
    return torch.cat([turned, -turned])


def test_elements_distances_and_angles_matter(network):
    network.double().eval()
    inputs = {**INPUTS, "vectors": INPUTS["vectors"].double()}
    turned = torch.cat([turn_each_bond(graph) for graph in CRYSTALS]).double()
    for changed in (
        {"numbers": inputs["numbers"] % 103 + 1},
        {"vectors": inputs["vectors"] * 1.05},
        {"vectors": turned},
    ):
        change = (network(**{**inputs, **changed}) - network(**inputs)).abs().amax(dim=1)
        assert change[1:].min() > 1e-7  # the first crystal has one element


def test_crystals_of_one_element_are_alike_as_documented(network):
    one = {**INPUTS, "numbers": torch.full_like(INPUTS["numbers"], 6)}
    found = network.eval()(**one)
    close(found, found[:1].expand_as(found))


def test_without_alignn_blocks_the_angles_do_not_matter():
    network = make(n_alignn=0).eval()
    none = {name: INPUTS[name][:0] for name in ("first", "second")}
    assert torch.equal(network(**{**INPUTS, **none}), network(**INPUTS))


def test_an_atom_without_bonds_is_finite(network):
    lonely = {name: part[:0] for name, part in CRYSTALS[0].items()}
    lonely |= {"numbers": torch.tensor([2]), "crystal": torch.tensor([0])}
    for mode in (True, False):
        assert torch.isfinite(network.train(mode)(**lonely)).all()


def test_the_same_input_and_seed_give_the_same_output(network):
    network.eval()
    assert torch.equal(network(**INPUTS), network(**INPUTS))
    assert torch.equal(make()(**INPUTS), make()(**INPUTS))


@pytest.mark.parametrize("arguments", [{}, {"norm": "batch"}, {"n_element_features": 7}], ids=str)
def test_weights_travel_in_a_state_dict_of_floats(arguments):
    network, other = make(**arguments), ALIGNN(3, **{**TINY, **arguments})
    network.train()(**INPUTS)
    weights = network.state_dict()
    assert all(tensor.is_floating_point() for tensor in weights.values())
    other.load_state_dict(weights, strict=True)
    assert torch.equal(network.eval()(**INPUTS), other.eval()(**INPUTS))


def test_a_table_of_elements_is_set_before_use_and_never_trained():
    network = ALIGNN(1, **TINY, n_element_features=7)
    assert network(**INPUTS).isnan().all()
    network.set_element_table(torch.randn(104, 7))
    assert not network(**INPUTS).isnan().any()
    assert not any(name.endswith("table") for name, _ in network.named_parameters())
    with pytest.raises(InputError, match=r"Got an element table of shape \(7, 7\), expected \(104"):
        network.set_element_table(torch.zeros(7, 7))
    with pytest.raises(InputError, match="n_element_features=None"):
        make().set_element_table(torch.zeros(104, 7))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_gcn": 0}, "Got n_alignn=2, n_gcn=0"),
        ({"n_alignn": -1}, "Got n_alignn=-1"),
        ({"n_angles": 1}, "n_angles=1"),
        ({"cutoff": 0.0}, "cutoff=0.0"),
        ({"norm": "group"}, "Got norm='group', expected one of"),
    ],
    ids=str,
)
def test_impossible_arguments_are_errors(arguments, message):
    with pytest.raises(InputError, match=message):
        make(**arguments)


@pytest.mark.parametrize("device", DEVICES)
def test_training_learns_on_each_device(device):
    network = make(n_outputs=1).to(device)
    inputs = {name: part.to(device) for name, part in INPUTS.items()}
    wanted = torch.tensor([[1.0], [-1.0], [0.5], [-0.5]], device=device)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    losses = []
    for _ in range(60):
        loss = (network(**inputs) - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.1 * losses[0]


def package_weights(network):
    """Return the weights of a network as the package alignn names them, and its table."""
    weights = network.state_dict()
    table = weights.pop("body.embedding.atoms.0.table")
    weights = {_alignn_name(name): tensor for name, tensor in weights.items()}
    weights["edge_embedding.0.centers"] = torch.linspace(0, 8, 10)
    weights["gcn_layers.1.bn_edges.weight"] = torch.ones(12)
    return weights, table


@pytest.mark.parametrize("norm", ["layer", "batch"])
def test_weights_of_the_package_are_taken_over_by_name(norm):
    network = make(n_element_features=7, norm=norm)
    network.train()(**INPUTS)
    found = ALIGNN.from_alignn(*package_weights(network))
    assert torch.equal(found.eval()(**INPUTS), network.eval()(**INPUTS))


def test_other_weights_are_errors():
    weights, table = package_weights(make(n_element_features=7))
    with pytest.raises(InputError, match=r"that are not those of alignn: 'fc.weight'"):
        ALIGNN.from_alignn({}, table)
    with pytest.raises(InputError, match=r"does not have: \['fc3.bias'\]"):
        ALIGNN.from_alignn({**weights, "fc3.bias": torch.zeros(1)}, table)
    with pytest.raises(InputError, match="that are not those of alignn: Error[^$]*gate_edge"):
        wrong = {"gcn_layers.0.edge_gate.weight": torch.zeros(3, 3)}
        ALIGNN.from_alignn({**weights, **wrong}, table)
    with pytest.raises(InputError, match="Got an element table of shape"):
        ALIGNN.from_alignn(weights, table[:, :3])


def test_outputs_are_those_of_the_package_alignn():
    theirs = pytest.importorskip(
        "alignn.models.alignn_atomwise_pure", reason="the package alignn is not installed"
    )
    graphs = pytest.importorskip("alignn.torch_graph_builder")
    torch.manual_seed(0)
    config = theirs.ALIGNNAtomWisePureConfig(
        name="alignn_atomwise_pure", atom_input_features=7, hidden_features=12
    )
    config.calculate_gradient = False
    model = theirs.ALIGNNAtomWisePure(config).eval()
    table = torch.randn(104, 7)
    network = ALIGNN.from_alignn(model.state_dict(), table).eval()
    bonds = graphs.TorchGraph(
        num_nodes=len(INPUTS["numbers"]),
        src=INPUTS["source"],
        dst=INPUTS["target"],
        ndata={"atom_features": table[INPUTS["numbers"]]},
        edata={"r": INPUTS["vectors"].clone()},
        batch_num_nodes=torch.bincount(INPUTS["crystal"]),
    )
    angles = graphs.TorchGraph(len(INPUTS["source"]), INPUTS["first"], INPUTS["second"])
    expected = model((bonds, angles, None))["out"]
    close(network(**INPUTS).squeeze(1), expected)
