"""Merged graphs of crystals: what stands once tells a network what all copies told it."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from pymatgen.core import Lattice, Structure

from sktl.networks import ALIGNN, CHGNet
from sktl.representations import ChgnetGraphs, CrystalGraphs

TINY_ALIGNN = {"n_alignn": 2, "n_gcn": 2, "hidden": 12, "n_distances": 10, "n_angles": 6}
TINY_CHGNET = {"n_interactions": 3, "hidden": 8, "n_readout": 2, "n_distances": 5, "n_angles": 3}
SALT = Structure(Lattice(2.82 * (1 - np.eye(3))), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
IRON = Structure(2.87 / 2 * (1 - 2 * np.eye(3)), ["Fe"], [[0, 0, 0]])
RUTILE = Structure(
    Lattice.tetragonal(4.6, 2.96),
    ["Ti", "Ti", "O", "O", "O", "O"],
    [
        *([0, 0, 0], [0.5, 0.5, 0.5], [0.305, 0.305, 0], [0.695, 0.695, 0]),
        *([0.195, 0.805, 0.5], [0.805, 0.195, 0.5]),
    ],
)
CHIRAL = Structure(
    Lattice.hexagonal(4.37, 4.95), ["Se"] * 3, [[0.22, 0, 1 / 3], [0, 0.22, 2 / 3], [0.78, 0.78, 0]]
)
TRICLINIC = Structure(
    Lattice.from_parameters(3.3, 4.2, 5.4, 77, 84, 98),
    ["Ca", "Ti", "O", "O"],
    [[0.02, 0.11, 0.07], [0.41, 0.55, 0.18], [0.73, 0.21, 0.52], [0.18, 0.83, 0.79]],
)
CRYSTALS = [SALT, IRON, RUTILE, TRICLINIC, CHIRAL, SALT * [2, 2, 1]]
IDS = ["salt", "iron", "rutile", "triclinic", "chiral", "supercell"]
KINDS = {
    "alignn": (CrystalGraphs, partial(ALIGNN, 3, **TINY_ALIGNN)),
    "alignn, short angles": (
        partial(CrystalGraphs, angle_cutoff=3.0),
        partial(ALIGNN, 3, **TINY_ALIGNN),
    ),
    "alignn, batch norm": (CrystalGraphs, partial(ALIGNN, 3, **TINY_ALIGNN, norm="batch")),
    "chgnet": (ChgnetGraphs, partial(CHGNet, 3, **TINY_CHGNET)),
}


def batch_of(graphs, crystals, merged):
    rows = graphs(merged=merged).encode(crystals)
    return {name: torch.as_tensor(part) for name, part in rows[np.arange(len(rows))].items()}


def make(kind):
    torch.manual_seed(1)
    return KINDS[kind][1]()


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_every_group_of_a_network_hands_on_the_same(kind):
    network, graphs = make(kind).eval(), KINDS[kind][0]
    whole = network.activations(**batch_of(graphs, CRYSTALS, merged=False))
    found = network.activations(**batch_of(graphs, CRYSTALS, merged=True))
    assert tuple(found) == tuple(whole)
    for name, vectors in whole.items():
        close(found[name], vectors)


@pytest.mark.parametrize("kind", ["alignn", "chgnet"])
def test_a_network_learns_the_same(kind):
    gradients = []
    for merged in (False, True):
        network = make(kind).train()
        outputs = network(**batch_of(KINDS[kind][0], CRYSTALS, merged))
        outputs.square().sum().backward()
        gradients.append([parameter.grad for parameter in network.parameters()])
    for expected, found in zip(*gradients, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("graphs", [CrystalGraphs, ChgnetGraphs])
@pytest.mark.parametrize("crystal", CRYSTALS, ids=IDS)
def test_copies_add_up_to_the_crystal(graphs, crystal):
    whole, found = (batch_of(graphs, [crystal], merged) for merged in (False, True))
    assert found["atom_multiplicity"].sum() == len(crystal)
    edges = found["bond_multiplicity"] * found["atom_multiplicity"][found["target"]]
    assert edges.sum() == len(whole["source"])
    # half of the edges may stand for two, so that the angles at them count half
    reverse = edges.roll(len(edges) // 2)
    torch.testing.assert_close(edges, reverse)
    angles = found["angle_multiplicity"] * edges[found["second"]]
    assert angles.sum() == len(whole["first"])
    cosines = found["cosines"].repeat_interleave((2 * angles).round().long())  # each twice
    vectors = torch.nn.functional.normalize(whole["vectors"])
    expected = -(vectors[whole["first"]] * vectors[whole["second"]]).sum(dim=1)
    torch.testing.assert_close(cosines.sort()[0][::2], expected.sort()[0], rtol=0, atol=1e-4)


def test_what_symmetry_makes_alike_stands_once():
    salt = CrystalGraphs(n_neighbours=6).encode([SALT, SALT * [3, 2, 2]])
    for batch in (salt[[0]], salt[[1]]):
        assert sorted(batch["numbers"]) == [11, 17]
        assert batch["bond_multiplicity"].tolist() == [6, 6]
        assert sorted(batch["cosines"].round(4).tolist()) == [-1, -1, 0, 0]
        assert sorted(batch["angle_multiplicity"]) == [1, 1, 4, 4]
    assert salt.sizes[0] == salt.sizes[1]
    assert len(batch_of(CrystalGraphs, [CHIRAL], True)["numbers"]) == 1  # a screw axis


def test_a_crystal_without_symmetry_stays_whole():
    shaken = (SALT * [2, 1, 1]).copy()
    shaken.perturb(0.05)
    for crystal in (TRICLINIC, shaken):
        whole, found = (batch_of(CrystalGraphs, [crystal], merged) for merged in (False, True))
        assert {name: part.shape for name, part in whole.items()}.items() <= {
            name: part.shape for name, part in found.items()
        }.items()
        assert found["atom_multiplicity"].tolist() == [1] * len(crystal)


def test_rows_are_taken_joined_and_pickled():
    rows = CrystalGraphs().encode(CRYSTALS)
    some = pickle.loads(pickle.dumps(rows.take([4, 0])))
    for name, part in rows[[4, 0]].items():
        np.testing.assert_array_equal(some[np.arange(2)][name], part)
    network = make("alignn").eval()
    alone = [network(**batch_of(CrystalGraphs, [crystal], True)) for crystal in CRYSTALS]
    close(network(**batch_of(CrystalGraphs, CRYSTALS, True)), torch.cat(alone))


def test_atoms_without_bonds():
    far = Structure(Lattice.cubic(9), ["He", "Ne"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    found = batch_of(partial(CrystalGraphs, mode="radius", cutoff=3.0), [far, SALT], True)
    assert found["crystal"].tolist() == [0, 0, 1, 1]
    assert torch.isfinite(make("alignn")(**found)).all()
    alone = batch_of(partial(CrystalGraphs, mode="radius", cutoff=3.0), [far], True)
    assert len(alone["source"]) == len(alone["first"]) == 0
    assert torch.isfinite(make("chgnet")(**alone)).all()
