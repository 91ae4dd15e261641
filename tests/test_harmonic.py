"""Harmonic responses: derivatives, springs whose answer is known, symmetry, what is kept."""

import dataclasses
import pickle

import numpy as np
import pytest
import torch
from joblib import parallel_config
from pymatgen.core import Lattice, Structure
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVR

from sktl import HarmonicTransformer, Source, TransferStackRegressor, load_model, load_source
from sktl.estimators.stack._bases import make_features
from sktl.exceptions import InputError, UnseenElementError
from sktl.networks import CHGNet, energy_curvature
from sktl.representations import (
    RESPONSES,
    ChgnetGraphs,
    CrystalGraphs,
    Crystals,
    cell_symmetry,
    complete_by_symmetry,
    harmonic_response,
    independent_distortions,
    standard_supercell,
)
from sktl.representations._phonons import mesh_frequencies

TINY = {"n_interactions": 2, "hidden": 8, "n_readout": 1, "n_distances": 5, "n_angles": 3}
SPRING, EDGE = 1.5, 4.0  # eV/Angstrom^2, Angstrom
CAESIUM = Structure(Lattice.cubic(EDGE), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
RUTILE = Structure(
    Lattice.tetragonal(4.6, 2.96),
    ["Ti", "Ti", "O", "O", "O", "O"],
    [
        *([0, 0, 0], [0.5, 0.5, 0.5], [0.305, 0.305, 0], [0.695, 0.695, 0]),
        *([0.195, 0.805, 0.5], [0.805, 0.195, 0.5]),
    ],
)
QUARTZ_LIKE = Structure(
    Lattice.hexagonal(4.9, 5.4),
    ["Si", "O", "O"],
    [[0.47, 0, 2 / 3], [0.41, 0.27, 0.12], [0.73, 0.14, 0.79]],
)


def inputs_of(structure, **options):
    options = options or {"mode": "radius", "cutoff": 6.0, "angle_cutoff": 3.0}
    return CrystalGraphs(merged=False, **options).encode([structure])[np.arange(1)]


def tiny_network():
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(3)
        network = CHGNet(1, **TINY)
        torch.nn.init.normal_(network.head.weight)
    return network.eval().requires_grad_(False)


def energy(**inputs):
    return tiny_network()(**inputs)[:, 0]


@pytest.fixture(scope="module")
def potential(tiny_crystal_source):
    """Source of random weights that says it learned forces."""
    card = tiny_crystal_source.card
    card = dataclasses.replace(
        card,
        id="toy.potential@1",
        elements=tuple(range(1, 90)),
        properties=card.properties[:1],
        network={"name": "chgnet", "arguments": TINY},
        representation={"name": ChgnetGraphs.name, "version": ChgnetGraphs.version},
        reference={},
        training={**card.training, "settings": {"labels": ["energy", "forces"]}},
    )
    return Source(card, tiny_network())


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("SKTL_CACHE", str(tmp_path / "cache"))


def test_derivatives_are_those_of_the_energy():
    network = tiny_network().double()
    inputs = inputs_of(QUARTZ_LIKE)
    inputs["vectors"] = inputs["vectors"].astype(np.float64)

    def moved(distortions):
        shifts, (xx, yy, zz, yz, xz, xy) = distortions[:9].reshape(3, 3), distortions[9:]
        strain = np.array([[xx, xy / 2, xz / 2], [xy / 2, yy, yz / 2], [xz / 2, yz / 2, zz]])
        vectors = inputs["vectors"] @ (np.eye(3) + strain)
        vectors = vectors + shifts[inputs["target"]] - shifts[inputs["source"]]
        given = {name: torch.as_tensor(part) for name, part in inputs.items()}
        return float(network(**given | {"vectors": torch.as_tensor(vectors)})[0, 0])

    found = energy_curvature(lambda **given: network(**given)[:, 0], inputs)
    assert found.shape == (15, 15)
    np.testing.assert_allclose(found, found.T, atol=1e-5 * np.abs(found).max())
    step, axes = 1e-3, np.eye(15)
    for i, j in [(0, 0), (1, 5), (3, 8), (2, 9), (4, 13), (9, 9), (10, 11), (12, 14), (14, 14)]:
        ends = [
            sign * other * moved(step * (sign * axes[i] + other * axes[j]))
            for sign in (1, -1)
            for other in (1, -1)
        ]
        expected = sum(ends) / (4 * step**2)
        assert found[i, j] == pytest.approx(expected, rel=2e-3, abs=1e-4 * np.abs(found).max())


def springs(**inputs):
    """Return the energy of springs along the eight bonds of a cell of caesium chloride."""
    lengths = inputs["vectors"].norm(dim=1)
    return SPRING / 4 * ((lengths - EDGE * 0.75**0.5) ** 2).sum().reshape(1)  # both directions


def test_springs_give_the_frequency_and_moduli_of_textbooks():
    inputs = inputs_of(CAESIUM, mode="radius", cutoff=0.9 * EDGE)
    assert len(inputs["source"]) == 16
    found = harmonic_response(inputs["numbers"], CAESIUM.volume, energy_curvature(springs, inputs))
    found = dict(zip(RESPONSES, found, strict=True))
    masses = [132.905, 35.453]
    reduced = masses[0] * masses[1] / sum(masses)
    frequency = 521.4709 * np.sqrt(8 / 3 * SPRING / reduced)
    for name in ("frequency_max", "frequency_mean", "frequency_min", "frequency_50"):
        assert found[name] == pytest.approx(frequency, rel=1e-3)
    modulus = 8 * SPRING * (0.75 * EDGE**2) / 9 / EDGE**3 * 160.2177  # of all, by Cauchy
    assert found["bulk_modulus"] == pytest.approx(modulus, rel=1e-3)
    assert found["shear_modulus"] == pytest.approx(0.6 * modulus, rel=1e-3)
    assert found["stiffness_max"] == pytest.approx(3 * modulus, rel=1e-3)
    assert found["relaxed_bulk_modulus"] == pytest.approx(modulus, rel=1e-3)
    assert found["compliance"] == pytest.approx(3 / (8 / 3 * SPRING * 2) / 2, rel=1e-3)
    assert found["piezoelectric"] == pytest.approx(0, abs=1e-4)  # each atom is a centre


def _turn(axis, angle):
    from pymatgen.core.operations import SymmOp

    return SymmOp.from_axis_angle_and_translation(axis, angle, angle_in_radians=True)


def salt(*angles):
    """Return rock salt, a supercell of it, turned by angles about x and z."""
    crystal = Structure(Lattice(2.8 * (1 - np.eye(3))), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    crystal.make_supercell(2)
    for axis, angle in zip(np.eye(3)[[0, 2]], angles, strict=True):
        crystal.apply_operation(_turn(axis, angle))
    return crystal


@pytest.mark.parametrize(
    ("structure", "n_distortions"),
    [(salt(0, 0), 3), (salt(0.4, 1.1), 3), (RUTILE, 4), (QUARTZ_LIKE, 15)],
    ids=["salt", "salt turned", "rutile", "no symmetry"],
)
def test_symmetry_saves_work_and_changes_nothing(structure, n_distortions):
    symmetry = cell_symmetry(*cell_of(structure))
    inputs = inputs_of(structure)
    whole = energy_curvature(energy, inputs)
    scale = np.abs(whole).max()
    for displacements in (True, False):
        distortions = independent_distortions(symmetry, displacements)
        products = energy_curvature(energy, inputs, distortions)
        np.testing.assert_allclose(products, distortions @ whole, atol=1e-4 * scale)
        completed = complete_by_symmetry(distortions, products, symmetry)
        expected = whole.copy()
        if displacements:
            assert len(distortions) == n_distortions
        else:
            expected[:-6, :-6] = np.nan
        np.testing.assert_allclose(completed, expected, atol=1e-4 * scale)


def cell_of(structure):
    return Crystals.from_structures([structure]).arrays[0]


def test_a_supercell_holds_phonons_at_the_edge_of_the_zone():
    primitive = EDGE / 2 * (1 - 2 * np.eye(3))
    numbers, lattice, fractional = standard_supercell([55], primitive, np.zeros((1, 3)), 8)
    assert len(numbers) == 8
    crystal = Structure(lattice, numbers, fractional)
    inputs = inputs_of(crystal, mode="radius", cutoff=0.9 * EDGE)
    hessian = energy_curvature(springs, inputs)
    found = dict(zip(RESPONSES, harmonic_response(numbers, crystal.volume, hessian), strict=True))
    highest = 521.4709 * np.sqrt(16 / 3 * SPRING / 132.905)  # at H, where neighbours oppose
    assert found["frequency_max"] == pytest.approx(highest, rel=1e-3)


def test_phonons_on_a_mesh_are_those_of_springs():
    primitive = EDGE / 2 * (1 - 2 * np.eye(3)), np.zeros((1, 3))
    whole, cell = (standard_supercell([55], *primitive, n) for n in (0, 27))
    crystal = Structure(cell[1], cell[0], cell[2])
    hessian = energy_curvature(springs, inputs_of(crystal, mode="radius", cutoff=0.9 * EDGE))
    found = mesh_frequencies(cell, whole, hessian[:-6, :-6], np.array([132.905]))
    # each of eight neighbours pulls along its diagonal of the cube
    steps = (np.indices((8, 8, 8)).reshape(3, -1).T[:256] + 0.5) / 8 - 0.5
    waves = steps @ (2 * np.pi * np.linalg.inv(whole[1]).T)
    bonds = np.array([[x, y, z] for x in (1, -1) for y in (1, -1) for z in (1, -1)]) / 2 * EDGE
    units = bonds / np.linalg.norm(bonds[0])
    factors = SPRING * (1 - np.cos(waves @ bonds.T)) / 132.905
    expected = np.linalg.eigvalsh(np.einsum("qb,bi,bj->qij", factors, units, units))
    np.testing.assert_allclose((found / 521.4709) ** 2, expected, atol=2e-3 * expected.max())


def test_phonons_give_heat_capacity_and_entropy(potential):
    crystals = [CAESIUM, RUTILE]
    transformer = HarmonicTransformer(potential, phonons=True).fit(crystals)
    found = transformer.transform(crystals)
    np.testing.assert_array_equal(
        found[:, :17], HarmonicTransformer(potential).fit_transform(crystals)
    )
    names = list(transformer.get_feature_names_out())
    assert names[17:] == ["last_peak", "heat_capacity", "vibrational_entropy"]
    assert (found[:, 17] <= 1.2 * found[:, 0]).all() and (found[:, 18] <= 3 * 8.3145).all()
    (nothing,) = HarmonicTransformer(potential, max_atoms=5, phonons=True).fit_transform([RUTILE])
    assert np.isnan(nothing[17:]).all()


@pytest.mark.parametrize("structure", [CAESIUM, RUTILE, QUARTZ_LIKE])
def test_a_supercell_is_the_same_crystal(structure):
    given = cell_of(structure)
    numbers, lattice, fractional = standard_supercell(*given, 24)
    assert len(numbers) == {2: 16, 3: 24, 6: 24}[len(structure)]
    basis = lattice @ np.linalg.inv(given[1])
    np.testing.assert_allclose(basis, np.round(basis), atol=1e-6)
    assert abs(np.linalg.det(basis)) == pytest.approx(len(numbers) / len(structure))
    apart = (fractional @ basis)[:, None] - given[2]
    apart = np.linalg.norm((apart - np.round(apart)) @ given[1], axis=2)
    np.testing.assert_allclose(apart.min(axis=1), 0, atol=1e-5)
    np.testing.assert_array_equal(given[0][apart.argmin(axis=1)], numbers)


def test_a_supercell_is_not_larger_than_allowed_nor_than_it_needs_to_be():
    assert len(standard_supercell(*cell_of(RUTILE), 11)[0]) == 6
    assert len(standard_supercell(*cell_of(RUTILE), 5)[0]) == 6
    wide = Structure(Lattice.tetragonal(12, 3), ["Si"], [[0, 0, 0]])
    lattice = standard_supercell(*cell_of(wide), 99)[1]
    np.testing.assert_allclose(sorted(np.linalg.norm(lattice, axis=1)), [12, 12, 12])


def test_the_choice_of_cell_does_not_matter(potential):
    transformer = HarmonicTransformer(potential, max_atoms=12).fit([RUTILE])
    sheared = RUTILE.copy()
    sheared.make_supercell([[1, 0, 1], [0, 1, 0], [0, 0, 2]])
    found, other = transformer.transform([RUTILE, sheared])
    assert np.isfinite(found).all()
    np.testing.assert_allclose(other, found, rtol=2e-3, atol=1e-4 * np.abs(found).max())


def test_atoms_without_symmetry_stand_for_themselves():
    generator = np.random.default_rng(0)
    fractional = generator.random((3, 3))
    lattice = np.diag([4.0, 5.0, 6.0]) + generator.normal(size=(3, 3)) / 10
    symmetry = cell_symmetry(np.array([8, 8, 8]), lattice, fractional)
    np.testing.assert_array_equal(symmetry.permutations, [[0, 1, 2]])
    assert len(independent_distortions(symmetry)) == 15


def test_place_and_order_of_atoms_do_not_matter(potential):
    turned = QUARTZ_LIKE.copy()
    turned.apply_operation(_turn([1, 2, 3], 0.7))
    order = Structure.from_sites([QUARTZ_LIKE[i] for i in (2, 0, 1)])
    transformer = HarmonicTransformer(potential).fit([QUARTZ_LIKE])
    found = transformer.transform([QUARTZ_LIKE, turned, order])
    assert np.isfinite(found).all()
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=2e-3, atol=1e-4 * np.abs(found[0]).max())


def test_it_is_a_transformer_like_others(potential):
    crystals = [CAESIUM, RUTILE, QUARTZ_LIKE, CAESIUM]
    transformer = clone(HarmonicTransformer(potential, max_atoms=8, n_jobs=2))
    with parallel_config("threading"):
        found = transformer.fit_transform(crystals)
        model = make_pipeline(transformer, SVR()).fit(crystals, [1.0, 2.0, 3.0, 1.0])
        predicted = model.predict([RUTILE])
        again = pickle.loads(pickle.dumps(model)).predict([RUTILE])  # as in other processes
    assert found.shape == (4, 17) == (4, len(transformer.get_feature_names_out()))
    np.testing.assert_array_equal(found[0], found[3])
    assert np.isfinite(predicted).all()
    np.testing.assert_allclose(again, predicted)


def test_large_cells_have_elastic_features_only(potential):
    small, large = (
        HarmonicTransformer(potential, max_atoms=n).fit_transform([RUTILE])[0] for n in (6, 5)
    )
    elastic = [RESPONSES.index(name) for name in RESPONSES[7:11]]
    np.testing.assert_allclose(large[elastic], small[elastic])
    assert np.isnan(np.delete(large, elastic)).all() and np.isfinite(small).all()


def test_what_was_computed_is_kept_and_never_trusted_when_damaged(potential, tmp_path, monkeypatch):
    potential.save(tmp_path / "potential.safetensors")
    source = load_source(tmp_path / "potential.safetensors")
    transformer = HarmonicTransformer(source).fit([RUTILE])
    found = transformer.transform([RUTILE, CAESIUM])
    kept = sorted((tmp_path / "cache").rglob("*.npy"))
    assert len(kept) == 2
    kept[0].write_bytes(kept[0].read_bytes()[:-9])
    calls = []

    def count(*arguments):
        calls.append(arguments)
        return energy_curvature(*arguments)

    monkeypatch.setattr("sktl.estimators._harmonic.energy_curvature", count)
    np.testing.assert_array_equal(transformer.transform([RUTILE, CAESIUM]), found)
    assert len(calls) == 1


def test_a_cache_that_cannot_be_written_is_no_obstacle(potential, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("SKTL_CACHE", str(tmp_path / "file"))
    potential.save(tmp_path / "potential.safetensors")
    transformer = HarmonicTransformer(tmp_path / "potential.safetensors")
    assert np.isfinite(transformer.fit_transform([CAESIUM])).all()


def test_mistakes_are_named(potential, tiny_crystal_source):
    with pytest.raises(NotFittedError):
        HarmonicTransformer(potential).transform([CAESIUM])
    with pytest.raises(InputError, match="expected one that learned forces"):
        HarmonicTransformer(tiny_crystal_source).fit([CAESIUM])
    with pytest.raises(InputError, match="max_atoms=-1"):
        HarmonicTransformer(potential, max_atoms=-1).fit([CAESIUM])
    with pytest.raises(InputError, match="row 1|structures"):
        HarmonicTransformer(potential).fit(["NaCl"])
    card = dataclasses.replace(potential.card, elements=(17, 55))
    with pytest.raises(UnseenElementError, match="row 1"):
        HarmonicTransformer(Source(card, tiny_network())).fit([CAESIUM, RUTILE])


def test_a_stack_takes_the_response_of_a_potential(
    potential, tiny_source, toy_crystals, few_steps, tmp_path
):
    structures, energies, _ = toy_crystals(24, seed=5)
    potential.save(tmp_path / "potential.safetensors")  # what has a file is computed once
    sources = [tiny_source, tmp_path / "potential.safetensors"]
    stack = TransferStackRegressor(sources, n_members=2, random_state=0)
    with few_steps():
        stack.fit(structures, energies)
    names = stack.features_.get_feature_names_out()
    assert [name.rpartition("__")[2] for name in names[-17:]] == list(RESPONSES)
    assert np.isfinite(stack.features_.transform(structures)).all()
    vectors = {name for name in stack.weights_ if name.startswith("SVR")}
    assert {name.endswith("with the response") for name in vectors} == {True, False}
    assert {"linear trend" in name for name in vectors} == {True, False}
    found = stack.predict(structures[:10])
    stack.save(tmp_path / "stack.sktl")
    np.testing.assert_allclose(load_model(tmp_path / "stack.sktl").predict(structures[:10]), found)


def test_what_is_unlike_all_rows_does_not_run_away(tiny_source, potential, toy_crystals):
    structures = toy_crystals(12, seed=5)[0]
    features = make_features(structures, [tiny_source, potential], None)
    names = [name.rpartition("__")[2] for name in features.get_feature_names_out()]
    others = [names.index(name) for name in RESPONSES if not name.startswith("frequency")]
    squeezed = [structure.copy() for structure in structures]
    for structure in squeezed:
        structure.scale_lattice(structure.volume / 2)
    found = features.transform(squeezed)[:, others]
    assert found.min() >= 0 and found.max() <= 1 and np.isin(found, (0, 1)).any()


def test_columns_that_are_missing_in_all_rows_do_not_stop_a_pipeline(potential):
    transformer = HarmonicTransformer(potential, max_atoms=1)
    imputer = SimpleImputer(keep_empty_features=True)
    found = make_pipeline(transformer, imputer).fit_transform([RUTILE, CAESIUM])
    assert found.shape == (2, 17) and np.isfinite(found).all()
