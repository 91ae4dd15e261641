"""Crystals as rows of graphs: batches, order, memory of what was computed."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import joblib
import numpy as np
import pytest
import torch
from pymatgen.core import Lattice, Structure

from sktl.exceptions import InputError, StructureError
from sktl.representations import CrystalGraphs, _kept_graphs, _structure
from sktl.representations._crystal_rows import EDGE_WORK
from sktl.sources import run_rows

WholeGraphs = partial(CrystalGraphs, merged=False)
DTYPES = {
    "numbers": np.int64,
    "crystal": np.int64,
    "source": np.int64,
    "target": np.int64,
    "vectors": np.float32,
    "first": np.int64,
    "second": np.int64,
}


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch):
    """Start every test without remembered graphs."""
    monkeypatch.setattr(_kept_graphs, "_CACHE", _kept_graphs._GraphCache(2**24))


@pytest.fixture
def crystals():
    """Six crystals of 1 to 8 atoms."""
    centres = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    salt = Structure(
        Lattice.cubic(5.64), ["Na"] * 4 + ["Cl"] * 4, [*centres, *(centres + [0.5, 0, 0])]
    )
    body, ends = [[0, 0, 0], [0.5, 0.5, 0.5]], [[0, 0, 0]]
    return [
        Structure(Lattice.cubic(4.12), ["Cs", "Cl"], body),
        salt,
        Structure(Lattice.cubic(3.35), ["Po"], ends),
        Structure(
            Lattice.hexagonal(3.21, 5.21),
            ["Mg", "Mg"],
            [[1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]],
        ),
        Structure(Lattice.cubic(2.87), ["Fe", "Fe"], body),
        Structure(Lattice(2.82 * (1 - np.eye(3))), ["Na", "Cl"], body),
    ]


@pytest.fixture
def built(monkeypatch):
    """List of the numbers of atoms of the structures whose neighbours are searched for."""
    seen, search = [], _structure.nearest_bonds

    def counted(lattice, fractional, *args, **options):
        seen.append(len(fractional))
        return search(lattice, fractional, *args, **options)

    monkeypatch.setattr(_structure, "nearest_bonds", counted)
    return seen


def test_batch_is_the_union_of_its_crystals(crystals):
    rows = WholeGraphs().encode(crystals)
    indices = np.array([4, 1, 1, 2])
    batch, alone = rows[indices], [rows[[i]] for i in indices]
    assert {name: part.dtype for name, part in batch.items()} == DTYPES
    atoms = np.cumsum([0, *(len(each["numbers"]) for each in alone)])
    np.testing.assert_array_equal(batch["crystal"], np.repeat(np.arange(4), np.diff(atoms)))
    for place, each in enumerate(alone):
        here = batch["crystal"][batch["source"]] == place
        np.testing.assert_array_equal(
            batch["numbers"][atoms[place] : atoms[place + 1]], each["numbers"]
        )
        for name in ("source", "target"):
            np.testing.assert_array_equal(batch[name][here] - atoms[place], each[name])
        np.testing.assert_array_equal(batch["vectors"][here], each["vectors"])
        edges = np.flatnonzero(here)
        pairs = {(edges[i], edges[j]) for i, j in zip(each["first"], each["second"], strict=True)}
        chosen = here[batch["first"]]
        found = zip(batch["first"][chosen], batch["second"][chosen], strict=True)
        assert set(found) == pairs


def test_pairs_meet_at_an_atom_and_do_not_turn_back(crystals):
    batch = WholeGraphs().encode(crystals)[np.arange(6)]
    first, second, half = batch["first"], batch["second"], len(batch["source"]) // 2
    np.testing.assert_array_equal(batch["target"][first], batch["source"][second])
    assert (np.abs(first - second) != half).all()
    walk = np.abs(batch["vectors"][first] + batch["vectors"][second]).max(axis=1)
    assert walk.min() > 0.1


@pytest.mark.parametrize("cutoff", [0.1, 2.9, 4.0, 100.0])
def test_only_edges_below_the_angle_cutoff_are_paired(crystals, cutoff):
    every = WholeGraphs(mode="radius", cutoff=4.5).encode(crystals)[np.arange(6)]
    batch = WholeGraphs(mode="radius", cutoff=4.5, angle_cutoff=cutoff).encode(crystals)
    batch = batch[np.arange(6)]
    assert {name: part.dtype for name, part in batch.items()} == DTYPES
    short = np.linalg.norm(every["vectors"], axis=1) < cutoff
    kept = short[every["first"]] & short[every["second"]]
    assert kept.any() == (cutoff > 1) and kept.all() == (cutoff > 5)
    wanted = set(zip(every["first"][kept], every["second"][kept], strict=True))
    assert set(zip(batch["first"], batch["second"], strict=True)) == wanted
    assert len(batch["first"]) == len(wanted)
    for name in DTYPES.keys() - {"first", "second"}:
        np.testing.assert_array_equal(batch[name], every[name])


def test_the_angle_cutoff_stays_with_the_rows_and_needs_no_new_search(crystals, built):
    options = dict(angle_cutoff=3.0)
    whole, rows = WholeGraphs().encode(crystals), WholeGraphs(**options).encode(crystals)
    assert len(built) == 6
    assert all(a is b for a, b in zip(whole.graphs, rows.graphs, strict=True))
    assert whole.angle_cutoff is None and rows.angle_cutoff == 3.0
    wanted = rows[[1]]
    assert 0 < len(wanted["first"]) < len(whole[[1]]["first"])
    for again in (rows.take([1]), pickle.loads(pickle.dumps(rows)).take([1])):
        for name, part in again[[0]].items():
            np.testing.assert_array_equal(part, wanted[name])


def test_rows_protocol(crystals):
    rows = WholeGraphs().encode(crystals)
    assert len(rows) == 6 and rows.width is None
    assert rows.sizes.tolist() == [EDGE_WORK * len(rows[[i]]["source"]) for i in range(6)]
    some = rows.take(np.array([5, 0]))
    assert len(some) == 2 and some.sizes.tolist() == rows.sizes[[5, 0]].tolist()
    assert len(rows.take(rows.sizes > 2000)) == (rows.sizes > 2000).sum()
    for name, part in some[np.arange(2)].items():
        np.testing.assert_array_equal(part, rows[np.array([5, 0])][name])


def test_run_rows_restores_the_order(crystals):
    def sums(numbers, crystal, source, target, vectors, first, second):
        n = int(crystal.max()) + 1
        return torch.zeros(n, 1).index_add(0, crystal, numbers.float()[:, None])

    rows = WholeGraphs().encode(crystals)
    found = run_rows(sums, rows, batch_size=4)[:, 0]
    np.testing.assert_array_equal(found, [sum(each.atomic_numbers) for each in crystals])


def test_crystals_without_bonds(crystals):
    rows = WholeGraphs(mode="radius", cutoff=3.0).encode(crystals)
    assert rows.sizes[2] == EDGE_WORK and rows.sizes[4] == EDGE_WORK * 2 * (8 + 6)
    batch = rows[[2, 2]]
    assert {name: part.dtype for name, part in batch.items()} == DTYPES
    assert batch["numbers"].tolist() == [84, 84] and batch["vectors"].shape == (0, 3)


def test_equal_structures_are_built_once(crystals, built):
    WholeGraphs().encode([*crystals, crystals[1].copy()])
    assert sorted(built) == [1, 2, 2, 2, 2, 8]
    WholeGraphs(cutoff=5.0, n_jobs=None).encode(crystals[::-1])  # cutoff: without influence here
    assert len(built) == 6
    WholeGraphs(n_neighbours=8).encode(crystals)
    assert len(built) == 12


@pytest.mark.parametrize("change", ["lattice", "species", "places"])
def test_changed_structures_are_built_anew(crystals, built, change):
    structure = crystals[0].copy()
    WholeGraphs().encode([structure])
    if change == "lattice":
        structure.scale_lattice(structure.volume * 1.001)
    elif change == "species":
        structure[0] = "Rb"
    else:
        structure.translate_sites([0], [0.01, 0, 0])
    rows = WholeGraphs().encode([structure])
    assert len(built) == 2
    assert rows[[0]]["numbers"].tolist() == list(structure.atomic_numbers)


def test_memory_is_bounded(crystals, built, monkeypatch):
    graphs = WholeGraphs().encode(crystals).graphs
    cache = _kept_graphs._GraphCache(graphs[0].n_bytes + graphs[1].n_bytes)
    cache.put("a", graphs[0])
    cache.put("b", graphs[1])
    assert cache.get("a") is graphs[0] and cache.size == cache.limit
    cache.put("c", graphs[2])
    assert cache.get("b") is None and cache.get("a") is graphs[0]
    assert cache.size == graphs[0].n_bytes + graphs[2].n_bytes
    monkeypatch.setattr(_kept_graphs, "_CACHE", _kept_graphs._GraphCache(0))
    assert len(WholeGraphs().encode(crystals)) == 6 and _kept_graphs._CACHE.size == 0


def test_batches_do_not_write_into_remembered_graphs(crystals):
    batch = WholeGraphs().encode(crystals[:1])[[0]]
    for part in batch.values():
        part[...] = 0
    assert WholeGraphs().encode(crystals[:1])[[0]]["numbers"].tolist() == [55, 17]


def test_graphs_are_small(crystals):
    for graph in WholeGraphs().encode(crystals).graphs:
        assert graph.vectors.dtype == np.float32 and graph.source.dtype == np.int32
        assert graph.n_bytes <= 4 * len(graph.numbers) + 20 * len(graph.source)


def test_many_workers_find_the_same(crystals):
    wanted = WholeGraphs().encode(crystals)[np.arange(6)]
    _kept_graphs._CACHE.clear()
    with joblib.parallel_config(backend="threading"):
        found = WholeGraphs(n_jobs=2).encode(crystals)[np.arange(6)]
    for name, part in wanted.items():
        np.testing.assert_array_equal(found[name], part)


def test_threads_share_the_memory(crystals):
    with ThreadPoolExecutor(4) as pool:
        many = list(pool.map(lambda _: WholeGraphs().encode(crystals), range(8)))
    assert all((rows.sizes == many[0].sizes).all() for rows in many)
    assert _kept_graphs._CACHE.size == sum(graph.n_bytes for graph in many[0].graphs)


def test_pickle(crystals):
    rows = WholeGraphs().encode(crystals)
    again = pickle.loads(pickle.dumps(rows))
    for name, part in rows[np.arange(6)].items():
        np.testing.assert_array_equal(again[np.arange(6)][name], part)
    encoder = pickle.loads(pickle.dumps(WholeGraphs(mode="radius", cutoff=4.0)))
    assert (encoder.mode, encoder.cutoff) == ("radius", 4.0)


def test_structures_are_not_changed(crystals):
    copies = [each.copy() for each in crystals]
    WholeGraphs().encode(crystals)
    assert crystals == copies


@pytest.mark.parametrize(
    "options",
    [
        dict(mode="voronoi"),
        dict(cutoff=0),
        dict(cutoff=np.inf),
        dict(cutoff="8"),
        dict(angle_cutoff=0),
        dict(angle_cutoff=np.nan),
        dict(angle_cutoff="3"),
        dict(n_neighbours=0),
        dict(n_neighbours=2.5),
    ],
    ids=str,
)
def test_wrong_parameters(options):
    ((name, value),) = options.items()
    with pytest.raises(InputError, match=f"Got {name}={value!r}, expected"):
        CrystalGraphs(**options)


def test_bad_rows_are_named(crystals):
    bad = crystals[0].copy()
    bad.append("Cl", [0.5, 0.5, 0.52])
    with pytest.raises(StructureError, match=r"row 2 \('Cs1 Cl2'\)") as caught:
        WholeGraphs().encode([crystals[0], crystals[1], bad])
    assert caught.value.rows == [2]
    with pytest.raises(InputError, match="expected structures"):
        WholeGraphs().encode(["NaCl"])
