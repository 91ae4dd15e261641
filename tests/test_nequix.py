"""Nequix: what it may not depend on, the files of its publisher, and its sources."""

import io
import json
import os

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from pymatgen.core import Lattice, Structure

import sktl
from sktl.cli import main
from sktl.exceptions import InputError, SourceIntegrityError, SourceNotFoundError
from sktl.networks import Nequix, check_network
from sktl.representations import Crystals, NequixGraphs
from sktl.sources import run_rows
from sktl.sources._nequix import read_nequix

pytest.importorskip("e3nn", reason="the extra structures is not installed")

HEADER = {
    "cutoff": 6.0,
    "atomic_numbers": [3, 8, 9, 20, 22, 26],
    "hidden_irreps": "8x0e + 4x1o + 3x2e",
    "lmax": 3,
    "n_layers": 3,
    "radial_basis_size": 4,
    "radial_mlp_size": 6,
    "radial_mlp_layers": 1,
    "radial_polynomial_p": 6.0,
    "index_weights": False,
    "layer_norm": True,
    "scale": 0.7,
    "shift": 0.1,
    "avg_n_neighbors": 40.0,
}
# widths of paths to degrees 0, 1 and 2, by degree of the neighbour: counted by hand
RECEIVED = [8 + 4 + 3, 8 + 2 * 4 + 2 * 3, 8 + 2 * 4 + 2 * 3]
SHAPES = [
    *[(6,), (4, 6), (6, 18), (6, 6), (6, 15), (6, 4), (6, 3), (6, 15), (15,), (4,), (3,)],
    *[(4, 6), (6, sum(RECEIVED)), (8, 8), (4, 4), (3, 3)],
    *[(RECEIVED[0], 15), (RECEIVED[1], 4), (RECEIVED[2], 3)],
    *[(8, 15), (4, 4), (3, 3), (15,), (4,), (3,)],
    *[(4, 6), (6, RECEIVED[0]), (8, 8), (4, 4), (3, 3), (RECEIVED[0], 8), (8, 8), (8,), (8, 1)],
]

TRICLINIC = Structure(
    Lattice.from_parameters(3.3, 4.2, 5.4, 77, 84, 98),
    ["Ca", "Ti", "O", "O"],
    [[0.02, 0.11, 0.07], [0.41, 0.55, 0.18], [0.73, 0.21, 0.52], [0.18, 0.83, 0.79]],
)
SALT = Structure(2.01 * (1 - np.eye(3)), ["Li", "F"], [[0, 0, 0], [0.5, 0.5, 0.5]])
IRON = Structure(2.87 / 2 * (1 - 2 * np.eye(3)), ["Fe"], [[0, 0, 0]])
RUTILE = Structure(
    Lattice.tetragonal(4.6, 2.96),
    ["Ti", "Ti", "O", "O", "O", "O"],
    [[0, 0, 0], [0.5] * 3, [0.305, 0.305, 0], [-0.305, -0.305, 0]]
    + [[0.805, 0.195, 0.5], [0.195, 0.805, 0.5]],
)
CRYSTALS = [TRICLINIC, SALT, IRON, RUTILE]


def made_up():
    generator = np.random.default_rng(0)
    return [generator.normal(size=shape).astype(np.float32) for shape in SHAPES]


def content(header=HEADER, arrays=None):
    stream = io.BytesIO()
    for array in made_up() if arrays is None else arrays:
        np.save(stream, array)
    return json.dumps(header).encode() + b"\n" + stream.getvalue()


@pytest.fixture(scope="module")
def network():
    return Nequix.from_nequix(*read_nequix(content())).eval()


@pytest.fixture
def nequix_files(mirror):
    if not (mirror / "nequix" / "models").is_dir():
        pytest.skip("the mirror has no files of nequix")


def outputs(network, *crystals, merged=True):
    rows = NequixGraphs(merged=merged).encode(Crystals.from_structures(crystals))
    return run_rows(network.features, rows)


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-4)


def turned(structure):
    angle, axis = 1.234, np.array([1, 2, 3]) / 14**0.5
    cross = np.cross(np.eye(3), axis)
    turn = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return Structure(structure.lattice.matrix @ turn, structure.species, structure.frac_coords)


def mirrored(structure):
    return Structure(-structure.lattice.matrix, structure.species, structure.frac_coords)


def reordered(structure):
    return Structure.from_sites(list(structure)[::-1])


def repeated(structure):
    return structure * [[1, 1, 0], [-1, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize("change", [turned, mirrored, reordered, repeated])
@pytest.mark.parametrize("merged", [True, False])
def test_the_description_of_a_crystal_does_not_matter(network, change, merged):
    expected = outputs(network, *CRYSTALS, merged=False)
    close(outputs(network, *map(change, CRYSTALS), merged=merged), expected)
    assert np.abs(expected[0] - expected[3]).max() > 0.01


@pytest.mark.parametrize("noise", [0.0, 3e-5, 3e-4, 0.02])
def test_one_atom_of_each_orbit_is_enough(network, noise):
    crystals = [structure.copy() * [2, 1, 1] for structure in CRYSTALS]
    for seed, structure in enumerate(crystals):
        shifts = np.random.default_rng(seed).normal(scale=noise, size=(len(structure), 3))
        for place, shift in enumerate(shifts):
            structure.translate_sites(place, shift, frac_coords=False)
    atol = 2e-4 + 3 * noise if noise < 1e-4 else 2e-4
    found, expected = (outputs(network, *crystals, merged=merged) for merged in (True, False))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=atol)


def test_orbits_of_rutile_are_those_of_its_space_group():
    (graph,) = NequixGraphs().encode(Crystals.from_structures([RUTILE])).graphs
    assert graph.atom_multiplicity.tolist() == [2, 4]
    assert np.bincount(graph.sites).tolist() == [8, 4]  # mmm and m2m
    whole = NequixGraphs(merged=False).encode(Crystals.from_structures([RUTILE])).graphs[0]
    counts = np.bincount(graph.target, graph.bond_multiplicity) @ graph.atom_multiplicity
    assert counts == 2 * len(whole.source) and len(graph.source) < len(whole.source) / 4


def test_neighbours_fade_out(network):
    def energy(length):
        cell = Structure(Lattice.cubic(30), ["Ti", "O"], [[0, 0, 0], [length / 30, 0, 0]])
        return network.double()(
            **{
                name: torch.as_tensor(part).double()
                if part.dtype.kind == "f"
                else torch.as_tensor(part)
                for name, part in NequixGraphs(merged=False)
                .encode(Crystals.from_structures([cell]))[[0]]
                .items()
            }
        ).item()

    found = np.array([energy(length) for length in (5.5, 5.9, 5.999, 6.001)])
    network.float()
    assert abs(found[0] - found[3]) > 10 * abs(found[1] - found[3])
    assert abs(found[2] - found[3]) < 1e-5


def test_the_network_keeps_the_grammar(network):
    check_network(network)
    assert network.depth_groups == (
        *("embedding", "interaction1", "interaction2", "interaction3", "readout", "head"),
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[("lmax", 2.5), ("lmax", None), ("cutoff", 1e9), ("index_weights", True)],
        *[("hidden_irreps", "8x1o"), ("hidden_irreps", 3), ("atomic_numbers", [3, 3])],
        *[("n_layers", 2), ("scale", float("nan")), ("layer_norm", 0)],
    ],
)
def test_another_header_is_refused(key, value):
    with pytest.raises(InputError, match=rf"{key}=|arrays, expected|with the shape"):
        Nequix.from_nequix(*read_nequix(content(HEADER | {key: value})))


@pytest.mark.parametrize("kind", ["shape", "type", "nan", "missing", "more"])
def test_other_arrays_are_refused(kind):
    arrays = made_up()
    changed = {
        "shape": arrays[5].T,
        "type": arrays[5].astype(np.float64),
        "nan": arrays[5] * np.float32("nan"),
    }
    if kind in changed:
        arrays[5] = changed[kind]
    arrays = arrays[:-1] if kind == "missing" else arrays
    arrays = [*arrays, arrays[0]] if kind == "more" else arrays
    with pytest.raises(InputError, match="Got (array 5|3[0-9] arrays|4[0-9] arrays)"):
        Nequix.from_nequix(*read_nequix(content(arrays=arrays)))


def test_a_damaged_file_is_refused_and_nothing_of_it_runs():
    whole = content()
    objects = np.array([os.getcwd], dtype=object)
    stream = io.BytesIO()
    np.save(stream, objects, allow_pickle=True)
    damaged = [whole[:-7], whole[1:], b"", b"[1]\n", whole.replace(b"NUMPY", b"NUMPX", 1)]
    for each in [*damaged, json.dumps(HEADER).encode() + b"\n" + stream.getvalue()]:
        with pytest.raises(SourceIntegrityError, match="Got a file"):
            read_nequix(each)


def test_without_the_file_the_message_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("SKTL_DATA_MIRROR", str(tmp_path))
    monkeypatch.setattr("sktl.sources._registry._loaded", {})
    assert "nequix-omat" not in sktl.list_sources()
    with pytest.raises(SourceNotFoundError, match="sktl sources fetch nequix-omat"):
        sktl.load_source("nequix-omat")


@pytest.mark.usefixtures("nequix_files")
def test_energies_are_those_of_the_publisher():
    diamond, salts = 5.469, {"MgO": 4.256, "NaCl": 5.692}
    crystals = [Structure.from_spacegroup("Fd-3m", Lattice.cubic(diamond), ["Si"], [[0, 0, 0]])]
    for formula, edge in salts.items():
        elements = ["Mg", "O"] if formula == "MgO" else ["Na", "Cl"]
        crystals.append(
            Structure.from_spacegroup(
                "Fm-3m", Lattice.cubic(edge), elements, [[0, 0, 0], [0.5, 0.5, 0.5]]
            )
        )
    energies = sktl.DeepFeatureTransformer("nequix-mp", layers=[], predictions=True)
    found = energies.fit_transform(crystals)[:, 0]
    np.testing.assert_allclose(found, [-5.425629, -5.978487, -3.385190], atol=1e-5)


@pytest.mark.usefixtures("nequix_files")
@pytest.mark.parametrize("name", ["nequix-omat", "nequix-mp"])
def test_sources_are_fetched_and_predict_what_their_cards_say(name):
    shown = CliRunner().invoke(main, ["sources", "fetch", name])
    assert shown.exit_code == 0 and f"{name}: here." in shown.output
    source = sktl.load_source(name)
    assert name in sktl.list_sources() and source.card.is_potential
    assert source.verify() < 1e-5
    layers = sktl.DeepFeatureTransformer(name, layers=["interaction1", "interaction3"])
    assert layers.fit_transform([SALT, RUTILE]).shape == (2, 2 * 2 * 128)
