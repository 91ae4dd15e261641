"""CHGNet: what it may not depend on, how bonds fade out, and the weights of the package chgnet."""

import math

import numpy as np
import pytest
import torch
from pymatgen.core import Lattice, Structure

from sktl.exceptions import InputError
from sktl.networks import CHGNet
from sktl.networks._chgnet import _chgnet_names
from sktl.networks._chgnet_blocks import AngularBasis, RadialBasis
from sktl.representations import CrystalGraphs

TINY = {"n_interactions": 3, "hidden": 8, "n_readout": 2, "n_distances": 5, "n_angles": 3}
GRAPHS = {"mode": "radius", "cutoff": 6.0, "angle_cutoff": 3.0}
ARGUMENTS = {"atom_graph_cutoff": 6, "bond_graph_cutoff": 3, "cutoff_coeff": 8}
GROUPS = ("embedding", "interaction1", "interaction2", "interaction3", "readout", "head")
DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
    ),
]

TRICLINIC = Structure(
    Lattice.from_parameters(3.3, 4.2, 5.4, 77, 84, 98),
    ["Ca", "Ti", "O", "O"],
    [[0.02, 0.11, 0.07], [0.41, 0.55, 0.18], [0.73, 0.21, 0.52], [0.18, 0.83, 0.79]],
)
SALT = Structure(2.01 * (1 - np.eye(3)), ["Li", "F"], [[0, 0, 0], [0.5, 0.5, 0.5]])
IRON = Structure(2.87 / 2 * (1 - 2 * np.eye(3)), ["Fe"], [[0, 0, 0]])
CRYSTALS = [TRICLINIC, SALT, IRON]


def graphs(*crystals, **options):
    rows = CrystalGraphs(**{**GRAPHS, "merged": False, **options}).encode(crystals)
    return {name: torch.as_tensor(part) for name, part in rows[np.arange(len(rows))].items()}


INPUTS = graphs(*CRYSTALS)


def make(n_outputs=3, **arguments):
    torch.manual_seed(1)
    network = CHGNet(n_outputs, **{**TINY, **arguments})
    network.body["readout"].reference.normal_()
    return network


def outputs(*crystals, **options):
    with torch.no_grad():
        return make()(**graphs(*crystals, **options))


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_the_default_sizes_are_those_of_the_package():
    assert CHGNet().depth_groups == (*GROUPS[:4], "interaction4", "readout", "head")
    found = sum(p.numel() for p in CHGNet(n_elements=94).parameters())
    reference, moments, last_angles, row_0, head = 94, 65, 257 * 128 + 4 * 64, 64, 4 * 64 + 2 + 1
    assert found == 412_525 - reference - moments - last_angles + row_0 + head


def test_forward_is_the_head_of_the_features():
    network = make()
    features = network.features(**INPUTS)
    assert features.shape == (3, network.embedding_size) == (3, 3 * 8 + 2)
    assert torch.equal(network(**INPUTS), network.head(features))
    network.reset_head(0)
    assert torch.equal(network(**INPUTS), features)
    network.reset_head(2)
    assert torch.equal(network(**INPUTS), torch.zeros(3, 2))


def test_the_embedding_is_what_interactions_hand_on_beside_two_energies():
    network = make()
    found = network.activations(**INPUTS)
    assert tuple(found) == GROUPS[:-1]
    assert torch.equal(found["readout"], network.features(**INPUTS))
    vectors = torch.cat([found[f"interaction{i}"] for i in (1, 2, 3)], dim=1)
    close(found["readout"][:, :24], vectors)
    reference = network.body["readout"].reference
    means = [reference[list(crystal.atomic_numbers)].mean() for crystal in CRYSTALS]
    close(found["readout"][:, 25], torch.stack(means))


def test_depth_groups_hold_every_parameter_once():
    network = make()
    grouped = [id(p) for name in network.depth_groups for p in network.group(name).parameters()]
    assert sorted(grouped) == sorted(id(p) for p in network.parameters())


@pytest.mark.parametrize("depth", range(6))
def test_a_frozen_group_does_not_change(depth):
    network = make()
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    network.freeze(depth)
    network.train()
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    network(**INPUTS).square().sum().backward()
    optimizer.step()
    after = network.state_dict()
    for position, name in enumerate(GROUPS):
        start = "head." if name == "head" else f"body.{name}."
        keys = [key for key in before if key.startswith(start) and "reference" not in key]
        assert all(torch.equal(before[key], after[key]) for key in keys) == (position < depth)
    assert torch.equal(before["body.readout.reference"], after["body.readout.reference"])


@pytest.mark.parametrize("sizes", [{}, {"n_interactions": 2}, {"n_readout": 0}], ids=str)
def test_gradients_reach_every_parameter_and_the_vectors(sizes):
    network, inputs = make(**sizes), graphs(TRICLINIC)
    vectors = inputs["vectors"].clone().requires_grad_()
    weights = torch.tensor([1.0, -2.0, 3.0])
    (network(**{**inputs, "vectors": vectors}) * weights).sum().backward()
    assert [name for name, p in network.named_parameters() if not p.grad.abs().max() > 1e-8] == []
    assert torch.isfinite(vectors.grad).all() and vectors.grad.abs().max() > 1e-4


def turned(structure):
    angle, axis = 1.234, np.array([1, 2, 3]) / 14**0.5
    cross = np.cross(np.eye(3), axis)
    turn = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return Structure(structure.lattice.matrix @ turn, structure.species, structure.frac_coords)


def shifted(structure):
    places = structure.frac_coords + [0.37, -2.61, 0.93]
    return Structure(structure.lattice, structure.species, places)


def reordered(structure):
    return Structure.from_sites(list(structure)[::-1])


def in_other_cell(structure):
    matrix = np.array([[1, 1, 0], [0, 1, -1], [0, 0, 1]]) @ structure.lattice.matrix
    places = structure.cart_coords
    return Structure(matrix, structure.species, places, coords_are_cartesian=True)


def repeated(structure):
    return structure * [[1, 1, 0], [-1, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize("change", [turned, shifted, reordered, in_other_cell, repeated])
def test_the_same_crystal_has_the_same_output(change):
    close(outputs(*map(change, CRYSTALS)), outputs(*CRYSTALS))


def test_a_crystal_does_not_depend_on_the_others_of_its_batch():
    alone = torch.cat([outputs(crystal) for crystal in CRYSTALS])
    close(outputs(*CRYSTALS), alone)
    close(outputs(*CRYSTALS[::-1]), alone.flip(0))


def test_elements_lengths_and_angles_matter():
    base = outputs(TRICLINIC)
    stretched, bent, other = (TRICLINIC.copy() for _ in range(3))
    stretched.scale_lattice(stretched.volume * 1.01)
    bent.translate_sites([0], [0.01, 0, 0])
    other[0] = "Sr"
    for changed in (stretched, bent, other):
        assert (outputs(changed) - base).abs().max() > 1e-5
    none = {name: INPUTS[name][:0] for name in ("first", "second")}
    change = (make()(**{**INPUTS, **none}) - make()(**INPUTS)).abs().amax(dim=1)
    assert change.min() > 1e-5


@pytest.mark.parametrize("options", [{"cutoff": 6.6}, {"angle_cutoff": 3.5}], ids=str)
def test_bonds_and_angles_beyond_the_cutoffs_change_nothing(options):
    larger = graphs(*CRYSTALS, **options)
    assert sum(map(len, larger.values())) > sum(map(len, INPUTS.values()))
    close(make()(**larger), make()(**INPUTS))


def chain(length, angle=True):
    """Return atoms 0, 1 and 2 with a bond of 2 Angstrom from 0 to 1, and one from 1 to 2."""
    vectors = torch.tensor([[2.0, 0, 0], [0.3, 0.4, 0]], dtype=torch.float64)
    vectors = torch.stack([vectors[0], vectors[1] * length / 0.5])
    pairs = torch.tensor([[0, 3], [1, 2]] if angle else [[], []], dtype=torch.int64)
    return {
        "numbers": torch.tensor([6, 7, 8]),
        "crystal": torch.tensor([0, 0, 0]),
        "source": torch.tensor([0, 1, 1, 2]),
        "target": torch.tensor([1, 2, 0, 1]),
        "vectors": torch.cat([vectors, -vectors]),
        "first": pairs[0],
        "second": pairs[1],
    }


def third_order(change, cutoff):
    """Check that a change is 0 beyond a cutoff, towards which it falls like the third power."""
    assert torch.equal(change(cutoff + 1e-3), torch.zeros(1, 3, dtype=torch.float64))
    near, far = (change(cutoff * (1 - step)).abs() for step in (0.01, 0.02))
    assert near.max() > 1e-12
    assert (near < far / 6).all()


def test_a_bond_fades_out_smoothly():
    network = make().double()
    last = network(**chain(6.5))
    third_order(lambda length: network(**chain(length)) - last, 6.0)


def test_an_angle_fades_out_smoothly():
    network = make().double()
    third_order(lambda length: network(**chain(length)) - network(**chain(length, False)), 3.0)


def test_outputs_change_smoothly_where_bonds_enter_the_graph():
    volumes = np.linspace(0.99, 1.01, 81) * TRICLINIC.volume
    crystals = [TRICLINIC.copy().scale_lattice(volume) for volume in volumes]
    sizes = [len(graphs(each)["source"]) for each in crystals]
    assert max(sizes) > min(sizes)
    steps = outputs(*crystals).diff(dim=0)
    assert (steps.diff(dim=0).abs() < 0.05 * steps.abs().amax(dim=0) + 2e-6).all()


def test_bases_are_their_formulas():
    lengths = torch.tensor([0.7, 2.4, 3.9, 4.1], dtype=torch.float64)
    found = RadialBasis(3, 4.0, 6).double()(lengths)
    for row, r in zip(found.tolist(), lengths.tolist(), strict=True):
        x = r / 4
        envelope = 1 - 28 * x**6 + 48 * x**7 - 21 * x**8 if x < 1 else 0
        waves = [math.sqrt(0.5) * math.sin(k * math.pi * x) / r for k in (1, 2, 3)]
        assert row == pytest.approx([envelope * wave for wave in waves], abs=1e-7)
    angle = 2.1
    found = AngularBasis(2).double()(torch.tensor([math.cos(angle)], dtype=torch.float64))
    waves = [math.sqrt(0.5), *(f(k * angle) for f in (math.sin, math.cos) for k in (1, 2))]
    assert found[0].tolist() == pytest.approx([w / math.sqrt(math.pi) for w in waves], abs=1e-5)


def test_atoms_without_bonds_or_angles_are_finite():
    lonely = graphs(Structure(Lattice.cubic(9.0), ["He"], [[0, 0, 0]]))
    apart = graphs(Structure(Lattice.cubic(4.0), ["He"], [[0, 0, 0]]))
    assert (len(lonely["source"]), len(apart["first"])) == (0, 0) < (1, len(apart["source"]))
    for inputs in (lonely, apart):
        found = make()(**inputs)
        assert found.shape == (1, 3) and torch.isfinite(found).all()


def test_weights_travel_in_a_state_dict_of_floats():
    network, other = make(), CHGNet(3, **TINY)
    weights = network.state_dict()
    assert all(tensor.is_floating_point() for tensor in weights.values())
    other.load_state_dict(weights, strict=True)
    assert torch.equal(network(**INPUTS), other(**INPUTS))
    assert torch.equal(network(**INPUTS), make()(**INPUTS))


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_interactions": 1},
        {"n_distances": 0},
        {"n_angles": 0},
        {"exponent": 0},
        {"cutoff": 0.0},
        {"angle_cutoff": -1.0},
    ],
    ids=str,
)
def test_impossible_arguments_are_errors(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(InputError, match=f"{name}={value!r}.*expected"):
        make(**wrong)


@pytest.mark.parametrize("device", DEVICES)
def test_training_learns_on_each_device(device):
    network = make(n_outputs=1).to(device)
    inputs = {name: part.to(device) for name, part in INPUTS.items()}
    wanted = torch.tensor([[1.0], [-1.0], [0.5]], device=device)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    losses = []
    for _ in range(40):
        loss = (network(**inputs) - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.1 * losses[0]


def package_weights(network):
    """Return the weights of a network's body as the package chgnet names and shapes them."""
    weights = {"site_wise.weight": torch.zeros(1, 8), "angle_layers.1.any": torch.zeros(1)}
    for name, tensor in network.state_dict().items():
        if name.startswith("body."):
            names = _chgnet_names(name, TINY["n_readout"])
            weights |= zip(names, tensor.chunk(len(names)), strict=True)
    weights["atom_embedding.embedding.weight"] = weights["atom_embedding.embedding.weight"][1:]
    weights["composition_model.fc.weight"] = weights["composition_model.fc.weight"][1:].view(1, -1)
    return weights


def test_weights_of_the_package_are_taken_over_by_name():
    network = make(n_elements=94)
    found = CHGNet.from_chgnet(package_weights(network), ARGUMENTS)
    features = network.features(**INPUTS)
    assert torch.equal(found.features(**INPUTS), features)
    close(found(**INPUTS).squeeze(1), features[:, -2] + features[:, -1])


def test_cutoffs_come_from_the_arguments():
    arguments = {"atom_graph_cutoff": 5, "bond_graph_cutoff": 2.5, "cutoff_coeff": 6}
    found = CHGNet.from_chgnet(package_weights(make()), arguments)
    own = make(cutoff=5, angle_cutoff=2.5, exponent=6)
    assert torch.equal(found.features(**INPUTS), own.features(**INPUTS))


def test_other_weights_are_errors():
    weights = package_weights(make())
    with pytest.raises(InputError, match="not those of chgnet: 'atom_embedding.embedding.weight'"):
        CHGNet.from_chgnet({}, ARGUMENTS)
    with pytest.raises(InputError, match="not those of chgnet: 'cutoff_coeff'"):
        CHGNet.from_chgnet(weights, {"atom_graph_cutoff": 6, "bond_graph_cutoff": 3})
    with pytest.raises(InputError, match=r"does not have: \['bond_conv_layers.1.mlp_out.layers"):
        other = {"bond_conv_layers.1.mlp_out.layers.1.bias": torch.zeros(8)}
        CHGNet.from_chgnet({**weights, **other}, ARGUMENTS)
    with pytest.raises(InputError, match="not those of chgnet: Error[^$]*interaction3.norm"):
        wrong = {"readout_norm.weight": torch.zeros(3)}
        CHGNet.from_chgnet({**weights, **wrong}, ARGUMENTS)
    with pytest.raises(InputError, match="gMLP_norm=None, expected 'layer'"):
        CHGNet.from_chgnet(weights, {**ARGUMENTS, "gMLP_norm": None})


@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad")  # in the package
def test_outputs_are_those_of_the_package_chgnet():
    theirs = pytest.importorskip(
        "chgnet.model.model", reason="the package chgnet is not installed", exc_type=ImportError
    )
    torch.manual_seed(0)
    model = theirs.CHGNet(num_radial=5, num_angular=7, n_conv=3, mlp_hidden_dims=[64, 64]).eval()
    network = CHGNet.from_chgnet(model.state_dict(), model.model_args)
    expected = model.predict_structure(CRYSTALS, task="e", return_crystal_feas=True)
    found = network(**INPUTS).squeeze(1).detach()
    close(found, torch.tensor([float(each["e"]) for each in expected]))
    sums = torch.tensor(np.array([each["crystal_fea"] for each in expected]))
    atoms = torch.tensor([len(each) for each in CRYSTALS]).unsqueeze(1)
    close(network.activations(**INPUTS)["interaction3"].detach(), sums / atoms)
