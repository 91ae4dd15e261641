"""Bonds of crystals: what symmetry demands of them, and known coordination."""

from collections import Counter

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from sktl.representations import CrystalGraphs
from sktl.representations._neighbours import (
    SHELL_TOLERANCE,
    bonds_within,
    edge_pairs,
    nearest_bonds,
    shortest_distance,
)

NEAREST = dict(n_neighbours=12)
RADIUS = dict(mode="radius", cutoff=4.3)
KINDS = pytest.mark.parametrize("options", [NEAREST, RADIUS], ids=["nearest", "radius"])


def batch_of(*structures, **options):
    rows = CrystalGraphs(merged=False, **options).encode(structures)
    return rows[np.arange(len(rows))]


def environments(batch):
    """Return how often each surrounding stands in a batch: species, distances and angles."""
    v, numbers, n_atoms = batch["vectors"].astype(float), batch["numbers"], len(batch["numbers"])
    lengths = np.linalg.norm(v, axis=1)
    around = [[] for _ in range(n_atoms)]
    for atom, other, length in zip(batch["source"], batch["target"], lengths, strict=True):
        around[atom].append((int(numbers[other]), round(float(length), 2)))
    first, second = batch["first"], batch["second"]
    cosines = -np.einsum("ij,ij->i", v[first], v[second]) / (lengths[first] * lengths[second])
    for pair in zip(batch["target"][first], cosines, lengths[first], lengths[second], strict=True):
        around[pair[0]].append(tuple(round(float(part), 2) + 0.0 for part in pair[1:]))
    return Counter(
        (int(z), tuple(sorted(each, key=str))) for z, each in zip(numbers, around, strict=True)
    )


def low_symmetry():
    """Return a triclinic crystal without equal atoms."""
    lattice = Lattice.from_parameters(4.13, 5.27, 6.81, 77, 84, 98)
    places = [[0.02, 0.11, 0.07], [0.41, 0.55, 0.18], [0.73, 0.21, 0.52], [0.18, 0.83, 0.79]]
    return Structure(lattice, ["Ca", "Ti", "O", "O"], places)


def face_centred(a, species, basis):
    """Return the conventional cell of a face-centred cubic crystal."""
    centres = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    places = (np.array(basis)[:, None] + centres).reshape(-1, 3) % 1
    return Structure(Lattice.cubic(a), np.repeat(species, 4), places)


def rock_salt():
    return face_centred(5.64, ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])


def diamond():
    return face_centred(3.567, ["C", "C"], [[0, 0, 0], [0.25, 0.25, 0.25]])


def copper():
    return face_centred(3.615, ["Cu"], [[0, 0, 0]])


def primitive_of(structure):
    """Return the primitive cell of what `face_centred` made."""
    lattice = Lattice(structure.lattice.a / 2 * (1 - np.eye(3)))
    kept = list(structure)[::4]
    species, places = [site.specie for site in kept], [site.coords for site in kept]
    return Structure(lattice, species, places, coords_are_cartesian=True)


def turned(structure):
    angle, axis = 1.234, np.array([1, 2, 3]) / 14**0.5
    cross = np.cross(np.eye(3), axis)
    turn = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return Structure(
        Lattice(structure.lattice.matrix @ turn), structure.species, structure.frac_coords
    )


def shifted(structure):
    places = structure.frac_coords + [0.37, -2.61, 0.93]
    return Structure(structure.lattice, structure.species, places)


def reordered(structure):
    return Structure.from_sites(list(structure)[::-1])


def in_other_cell(structure):
    matrix = np.array([[1, 1, 0], [0, 1, -1], [0, 0, 1]]) @ structure.lattice.matrix
    places = structure.cart_coords
    return Structure(Lattice(matrix), structure.species, places, coords_are_cartesian=True)


@KINDS
@pytest.mark.parametrize("change", [turned, shifted, reordered, in_other_cell])
@pytest.mark.parametrize("make", [low_symmetry, rock_salt, diamond])
def test_same_crystal_same_environments(make, change, options):
    structure = make()
    assert environments(batch_of(structure, **options)) == environments(
        batch_of(change(structure), **options)
    )


@KINDS
@pytest.mark.parametrize("scale", [[2, 1, 1], [[1, 1, 0], [-1, 1, 0], [0, 0, 1]]], ids=str)
@pytest.mark.parametrize("make", [low_symmetry, rock_salt])
def test_supercell_repeats_environments(make, scale, options):
    once, twice = (environments(batch_of(s, **options)) for s in (make(), make() * scale))
    assert twice == {each: 2 * count for each, count in once.items()}


@KINDS
@pytest.mark.parametrize("make", [rock_salt, diamond, copper])
def test_primitive_and_conventional_cell(make, options):
    primitive = primitive_of(make())
    assert len(primitive) == len(make()) // 4
    small, large = (environments(batch_of(s, **options)) for s in (primitive, make()))
    assert large == {each: 4 * count for each, count in small.items()}


@pytest.mark.parametrize(
    ("make", "k", "shell", "distance"),
    [
        (rock_salt, 6, 6, 5.64 / 2),
        (rock_salt, 1, 6, 5.64 / 2),
        (diamond, 4, 4, 3.567 * 3**0.5 / 4),
        (copper, 12, 12, 3.615 / 2**0.5),
    ],
)
def test_known_coordination(make, k, shell, distance):
    batch = batch_of(make(), n_neighbours=k)
    assert set(np.bincount(batch["source"])) == {shell}
    np.testing.assert_allclose(np.linalg.norm(batch["vectors"], axis=1), distance, rtol=1e-6)


def test_rock_salt_binds_unlike_atoms():
    batch = batch_of(rock_salt(), n_neighbours=6)
    assert (batch["numbers"][batch["source"]] != batch["numbers"][batch["target"]]).all()


def test_a_shell_is_whole():
    batch = batch_of(diamond(), n_neighbours=5)
    assert set(np.bincount(batch["source"])) == {4 + 12}


def test_angle_of_diamond():
    batch = batch_of(diamond(), n_neighbours=4)
    v = batch["vectors"] / np.linalg.norm(batch["vectors"], axis=1, keepdims=True)
    cosines = -(v[batch["first"]] * v[batch["second"]]).sum(axis=1)
    np.testing.assert_allclose(np.degrees(np.arccos(cosines)), 109.4712, atol=1e-3)
    assert len(cosines) == 8 * 4 * 3


@KINDS
def test_every_edge_has_its_reverse_once(options):
    batch = batch_of(low_symmetry(), primitive_of(copper()), **options)
    half = len(batch["source"]) // 2
    np.testing.assert_array_equal(batch["source"][:half], batch["target"][half:])
    np.testing.assert_array_equal(batch["target"][:half], batch["source"][half:])
    np.testing.assert_array_equal(batch["vectors"][:half], -batch["vectors"][half:])
    edges = np.column_stack([batch["source"], batch["target"], batch["vectors"].round(3) + 0.0])
    assert len(np.unique(edges, axis=0)) == len(edges)


@KINDS
def test_vectors_lead_to_images(options):
    structure = shifted(low_symmetry())
    batch = batch_of(structure, **options)
    places = structure.frac_coords
    ends = batch["source"], batch["target"]
    images = structure.lattice.get_fractional_coords(batch["vectors"]) - (
        places[ends[1]] - places[ends[0]]
    )
    np.testing.assert_allclose(images, images.round(), atol=1e-5)
    for i, j, image, vector in zip(*ends, images.round(), batch["vectors"], strict=True):
        distance = structure.get_distance(i, j, jimage=image)
        assert np.linalg.norm(vector) == pytest.approx(distance, abs=1e-5)


def test_radius_finds_all_neighbours():
    structure = low_symmetry()
    batch = batch_of(structure, **RADIUS)
    for i, found in enumerate(structure.get_all_neighbors(RADIUS["cutoff"])):
        lengths = np.linalg.norm(batch["vectors"][batch["source"] == i], axis=1)
        np.testing.assert_allclose(np.sort(lengths), sorted(n.nn_distance for n in found), 1e-5)


def test_nearest_holds_each_atoms_shell_and_no_bond_that_is_in_no_shell():
    structure = low_symmetry()
    batch = batch_of(structure, **NEAREST)
    lengths = np.linalg.norm(batch["vectors"], axis=1)
    limits = np.array(
        [sorted(n.nn_distance for n in each)[11] for each in structure.get_all_neighbors(9.0)]
    )
    assert (np.bincount(batch["source"]) >= 12).all()
    reach = np.maximum(limits[batch["source"]], limits[batch["target"]])
    assert (lengths <= reach + SHELL_TOLERANCE + 1e-5).all()


@pytest.mark.parametrize("start", [1.0, 3.0, 8.0, 20.0])
def test_start_of_the_search_has_no_influence(start):
    structure = low_symmetry()
    arguments = structure.lattice.matrix, structure.frac_coords, 12
    for found, wanted in zip(
        nearest_bonds(*arguments, start=start), nearest_bonds(*arguments), strict=True
    ):
        np.testing.assert_array_equal(found, wanted)


def test_search_grows_in_a_large_cell():
    source, _, vectors = nearest_bonds(np.eye(3) * 20, np.zeros((1, 3)), 12)
    assert 2 * len(source) == 6 + 12
    lengths = np.sort(np.linalg.norm(vectors, axis=1))
    np.testing.assert_allclose(lengths, [20.0] * 3 + [20 * 2**0.5] * 6, rtol=1e-6)


def test_rounded_coordinates_do_not_split_a_shell():
    structure = rock_salt()
    noise = np.random.default_rng(0).uniform(-1e-4, 1e-4, (8, 3))
    rough = Structure(structure.lattice, structure.species, structure.frac_coords + noise)
    counts = [np.bincount(batch_of(s, n_neighbours=12)["source"]) for s in (structure, rough)]
    np.testing.assert_array_equal(*counts)


def test_radius_is_smooth_in_the_places_of_atoms():
    structure, cutoff = low_symmetry(), RADIUS["cutoff"]
    shell = min(
        (n for n in structure.get_neighbors(structure[1], 6.0) if n.nn_distance > cutoff),
        key=lambda n: n.nn_distance,
    )
    step = (shell.coords - structure[1].coords) * (shell.nn_distance - cutoff) / shell.nn_distance
    direction = step / np.linalg.norm(step)
    sums, counts = [], []
    for move in np.arange(-5, 6) * 1e-4:
        moved = structure.copy()
        moved.translate_sites([1], step + move * direction, frac_coords=False)
        lengths = np.linalg.norm(batch_of(moved, **RADIUS)["vectors"], axis=1)
        counts.append(len(lengths))
        sums.append(((1 - lengths / cutoff) ** 3).clip(0).sum())
    assert len(set(counts)) > 1, "no atom crosses the cut-off"
    assert np.abs(np.diff(sums)).max() < 1e-3
    assert np.abs(np.diff(sums, 2)).max() < 1e-5


def test_small_moves_away_from_the_cutoff_change_no_bond():
    structure = low_symmetry()
    near = [n.nn_distance for each in structure.get_all_neighbors(5) for n in each]
    assert np.abs(np.array(near) - RADIUS["cutoff"]).min() > 1e-3
    moved = structure.copy()
    moved.translate_sites([2], [1e-4, 0, 0], frac_coords=False)
    before, after = batch_of(structure, **RADIUS), batch_of(moved, **RADIUS)
    for name in ("source", "target", "first", "second"):
        np.testing.assert_array_equal(before[name], after[name])
    np.testing.assert_allclose(before["vectors"], after["vectors"], atol=2e-4)


def test_pairs_of_edges_are_all_walks_of_two_bonds():
    generator = np.random.default_rng(0)
    ends = generator.integers(0, 6, (2, 15))
    source, target = np.concatenate(ends), np.concatenate(ends[::-1])
    expected = {
        (e, f)
        for e in range(30)
        for f in range(30)
        if target[e] == source[f] and f != (e + 15) % 30
    }
    first, second = edge_pairs(source, target, 6)
    found = list(zip(first.tolist(), second.tolist(), strict=True))
    assert len(found) == len(set(found)) and set(found) == expected


def test_no_bonds_within_a_small_radius():
    source, target, vectors = bonds_within(np.eye(3) * 3, np.zeros((1, 3)), 2.9)
    assert (len(source), len(target), vectors.shape) == (0, 0, (0, 3))
    assert [len(part) for part in edge_pairs(source, target, 1)] == [0, 0]


def test_shortest_distance_counts_images():
    places = np.array([[0, 0, 0.0], [0.5, 0.5, 0.98], [0.5, 0.5, 0.01]])
    assert shortest_distance(np.eye(3) * 4, places, 0.1) is None
    first, second, distance = shortest_distance(np.eye(3) * 4, places, 0.5)
    assert {first, second} == {1, 2} and distance == pytest.approx(0.12)
    assert shortest_distance(np.diag([4, 4, 0.4]), places[:1], 0.5)[:2] == (0, 0)
