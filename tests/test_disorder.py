"""Disordered crystals: refused, or read as a mix that keeps the physics of occupancies."""

from importlib.util import find_spec

import numpy as np
import pytest
import torch
from pymatgen.core import Composition, Lattice, Structure
from sklearn.pipeline import make_pipeline

from sktl import DeepFeatureTransformer, HarmonicTransformer, StructureReader, TransferRegressor
from sktl.exceptions import InputError, StructureError
from sktl.networks import ALIGNN, CHGNet, Nequix
from sktl.representations import ChgnetGraphs, CrystalGraphs, Crystals, NequixGraphs
from sktl.sources import run_rows

NETWORKS = {
    "alignn": (lambda: ALIGNN(2, hidden=8, n_alignn=2, n_gcn=2), CrystalGraphs),
    "chgnet": (lambda: CHGNet(2, n_interactions=3, hidden=8), ChgnetGraphs),
    "nequix": (lambda: Nequix(2, n_interactions=3, widths=(8, 4, 2)), NequixGraphs),
}
PLACES = [[0, 0, 0], [0.5, 0.5, 0.03], [0.48, 0, 0.5], [0, 0.53, 0.5]]
CELL = Lattice.from_parameters(4.1, 4.3, 4.6, 84, 97, 92)


@pytest.fixture(params=NETWORKS)
def network(request):
    if request.param == "nequix" and find_spec("e3nn") is None:
        pytest.skip("the extra structures is not installed")
    make, representation = NETWORKS[request.param]
    torch.manual_seed(0)
    made = make().eval()
    for module in made.modules():
        if hasattr(module, "table") and isinstance(module.table, torch.Tensor):
            module.table.normal_()
    return made, representation()


def mixed(*species, places=PLACES):
    return StructureReader(disordered="mix").transform([Structure(CELL, species, places)])[0]


def outputs(network, *structures):
    made, representation = network
    rows = representation.encode(Crystals.from_structures(structures))
    return run_rows(made, rows)


def close(found, expected, atol=1e-5):
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=atol)


def test_occupancies_of_one_and_zero_are_the_ordered_crystal(network):
    ordered = Structure(CELL, ["Li", "Na", "O", "S"], PLACES)
    same = mixed({"Li": 1.0, "Na": 0.0}, {"Na": 1.0}, "O", "S")
    close(outputs(network, same), outputs(network, ordered))
    nearly = mixed({"Li": 1 - 1e-5, "Na": 1e-5}, "Na", "O", "S")
    close(outputs(network, nearly), outputs(network, ordered), atol=5e-3)


def test_a_site_in_two_halves_of_one_element_is_that_element(network):
    ordered = Structure(CELL, ["Li", "Na", "O", "S"], PLACES)
    halves = mixed({"Li": 0.5}, {"Li": 0.5}, "Na", "O", "S", places=[PLACES[0], *PLACES])
    close(outputs(network, halves), outputs(network, ordered))


def test_outputs_are_smooth_in_the_occupancy(network):
    shares = np.linspace(0.05, 0.95, 19)
    crystals = [mixed({"Li": x, "K": 1 - x}, {"Na": 0.8}, "O", "S") for x in shares]
    found = outputs(network, *crystals)
    steps = np.abs(np.diff(found, axis=0))
    assert (steps.sum(axis=0) > 1e-4).all()
    assert (np.abs(np.diff(found, n=2, axis=0)).max(axis=0) < 0.6 * steps.max(axis=0)).all()


def test_an_empty_share_is_an_absence(network):
    full, half, empty = (
        mixed({"Li": share} if share < 1 else "Li", "Na", "O", "S") for share in (1.0, 0.5, 1e-6)
    )
    without = Structure(CELL, ["Na", "O", "S"], PLACES[1:])
    found = outputs(network, full, half, empty, without)
    assert np.abs(found[0] - found[1]).max() > 1e-4
    if isinstance(network[0], CHGNet):
        close(found[2], found[3], atol=1e-3)


def test_the_description_of_a_disordered_crystal_does_not_matter(network):
    crystal = mixed({"Li": 0.3, "K": 0.6}, {"Na": 0.8, "Al": 0.2}, "O", "S")
    other = crystal * [[1, 1, 0], [-1, 1, 0], [0, 0, 1]]
    turned = Structure.from_sites(list(crystal)[::-1])
    again = StructureReader(disordered="mix").transform([other, turned])
    found = outputs(network, crystal, *again)
    close(found[1:], found[[0, 0]], atol=1e-4)


def test_the_composition_is_that_of_the_shares():
    crystal = mixed({"Li": 0.3, "K": 0.6}, "Na", "O", "S")
    found = Crystals.from_structures([crystal]).compositions
    expected = Composition("Li0.3K0.6NaOS")
    assert dict(zip(found.numbers.tolist(), found.amounts.tolist(), strict=True)) == pytest.approx(
        {element.Z: amount for element, amount in expected.items()}
    )
    other = mixed({"Li": 0.4, "K": 0.5}, "Na", "O", "S")
    assert len({*Crystals.from_structures([crystal, other]).keys()}) == 2


def test_by_default_it_is_refused_and_the_message_names_both_ways_out():
    crystal = Structure(CELL, [{"Li": 0.5}, "Na", "O", "S"], PLACES)
    read = StructureReader().transform([crystal])
    with pytest.raises(StructureError, match=r"disordered='mix'.*source of formulas") as caught:
        Crystals.from_structures(read)
    assert caught.value.rows == [0]
    assert crystal.properties == {}
    with pytest.raises(InputError, match="disordered='yes', expected 'refuse' or 'mix'"):
        StructureReader(disordered="yes").transform([crystal])


@pytest.mark.parametrize(
    ("species", "places", "problem"),
    [
        ([{"Li": 0.9}, {"Na": 0.8}], [[0, 0, 0], [0.05, 0, 0]], "closer than 0.5 A"),
        ([{"D": 0.9}, {"X": 0.4}], PLACES[:2], "which is no element"),
    ],
)
def test_what_is_no_mix_is_refused(species, places, problem):
    structure = Structure(CELL, ["Li"] * len(species), places)
    for site, content in zip(structure, species, strict=True):
        amounts = content if isinstance(content, dict) else {content: 1}
        site._species = Composition(amounts, allow_negative=True)
    with pytest.raises(StructureError, match=problem):
        Crystals.from_structures(StructureReader(disordered="mix").transform([structure]))


def test_estimators_take_mixes(tiny_crystal_source, toy_crystals):
    structures, energies, _ = toy_crystals(24, seed=1)
    symbols = [sorted({site.specie.symbol for site in structure}) for structure in structures]
    for structure, (first, *_) in zip(structures, symbols, strict=True):
        structure.replace_species({first: {first: 0.9}})
    model = make_pipeline(
        StructureReader(disordered="mix"),
        TransferRegressor(tiny_crystal_source, max_epochs=1, random_state=0),
    )
    assert np.isfinite(model.fit(structures, energies).predict(structures)).all()
    features = make_pipeline(
        StructureReader(disordered="mix"), DeepFeatureTransformer(tiny_crystal_source)
    )
    assert np.isfinite(features.fit_transform(structures)).all()


@pytest.mark.skipif(find_spec("chgnet") is None, reason="the package chgnet is not installed")
def test_a_mix_has_no_phonons():
    crystal = mixed({"Li": 0.5}, "Na", "O", "S")
    with pytest.raises(StructureError, match="expected ordered ones"):
        HarmonicTransformer("chgnet").fit_transform([crystal])
