"""The boundary where crystals come in: containers, and what is refused."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from pymatgen.core import Composition, DummySpecies, Lattice, Structure

from sktl._containers import as_objects
from sktl.exceptions import InputError, SktlError, StructureError
from sktl.representations import Materials, check_structures
from sktl.representations._neighbours import nearest_bonds

BODY = [[0, 0, 0], [0.5, 0.5, 0.5]]
SALT = Structure(Lattice.cubic(4.12), ["Cs", "Cl"], BODY)
IRON = Structure(Lattice.cubic(2.87), ["Fe", "Fe"], BODY)
POLONIUM = Structure(Lattice.cubic(3.35), ["Po"], BODY[:1])
CRYSTALS = [SALT, IRON, POLONIUM]
COLUMN = as_objects(CRYSTALS)[:, None]


@pytest.mark.parametrize(
    "X",
    [
        CRYSTALS,
        tuple(CRYSTALS),
        [[crystal] for crystal in CRYSTALS],
        pd.Series(CRYSTALS, index=[7, 7, 1]),
        pd.DataFrame({"structure": CRYSTALS}, index=[2, 1, 0]),
        COLUMN[:, 0],
        COLUMN,
    ],
    ids=lambda X: f"{type(X).__name__}-{getattr(X, 'shape', '')}",
)
def test_structures_of_any_container(X):
    for found in (Materials.read(X).items, check_structures(X)):
        assert isinstance(found, list) and len(found) == 3
        assert all(a is b for a, b in zip(found, CRYSTALS, strict=True))


@pytest.mark.parametrize(
    "X",
    [["NaCl", "GaAs"], [Composition("NaCl")], np.eye(3), [[1.0, 2.0]], pd.DataFrame({"a": [1.0]})],
    ids=repr,
)
def test_something_else(X):
    assert Materials.read(X).kind != "structures"
    with pytest.raises(InputError, match="expected structures|without structures, expected"):
        check_structures(X)


def test_one_structure_is_no_sequence():
    with pytest.raises(InputError, match=re.escape("Got X='Cs1 Cl1', a structure, expected")):
        Materials.read(SALT)


def test_structures_beside_something_else():
    with pytest.raises(InputError, match="Got 'NaCl' in row 1 of X, expected a Structure"):
        Materials.read([SALT, "NaCl"])


@pytest.mark.parametrize("crystals", [[SALT, IRON], [POLONIUM], [POLONIUM, POLONIUM]])
def test_structures_that_numpy_took_apart(crystals):
    sites = np.array(crystals, dtype=object)
    assert sites.shape == (len(crystals), len(crystals[0]))
    with pytest.raises(InputError, match="sites of structures, into which numpy takes"):
        Materials.read(sites)


def test_frame_with_a_structure_column_among_others():
    frame = pd.DataFrame({"T": [300.0, 400.0], "structure": [SALT, IRON]})
    message = re.escape("expected one column of structures: X[['structure']]")
    with pytest.raises(InputError, match=message):
        Materials.read(frame)


def broken(number):
    """Return a structure that cannot be used, and what is said of it."""
    nan = float("nan")
    half = [{"Na": 0.5, "K": 0.5}, "Cl"]
    return [
        (Structure(Lattice.cubic(4), [], []), "it has no atoms"),
        (Structure(Lattice(np.full((3, 3), nan)), ["Na"], BODY[:1]), "is not finite"),
        (Structure(Lattice(np.zeros((3, 3))), ["Na"], BODY[:1]), "has a volume of 0 A^3"),
        (Structure(Lattice([[9, 0, 0], [0, 9, 0], [9, 9, 1e-4]]), ["Na"], BODY[:1]), "volume of"),
        (Structure(Lattice.orthorhombic(0.4, 9, 9), ["Na"], BODY[:1]), "edges of 0.4, 9, 9 A"),
        (Structure(Lattice(4 * np.eye(3), pbc=(True, True, False)), ["Na"], BODY[:1]), "periodi"),
        (Structure(Lattice.cubic(4), ["Na", "Cl"], [[0, 0, 0], [0, nan, 0]]), "site 1 has the coo"),
        (Structure(Lattice.cubic(4), half, BODY), "site 0 is disordered: K:0.5, Na:0.5"),
        (Structure(Lattice.cubic(4), [{"Na": 0.9}], BODY[:1]), "site 0 is disordered: Na:0.9"),
        (Structure(Lattice.cubic(4), [DummySpecies("X")], BODY[:1]), "which is no element"),
        (
            Structure(Lattice.cubic(4), ["Na", "Cl"], [[0, 0, 0.01], [0, 0, 0.99]]),
            "sites 0 (Na) and 1 (Cl) are 0.08 A apart, closer than 0.5 A",
        ),
        (
            Structure(Lattice.cubic(4), ["Na", "Cl", "Cl"], [[0, 0, 0], BODY[1], BODY[1]]),
            "sites 1 (Cl) and 2 (Cl) are 0 A apart",
        ),
        (
            Structure(Lattice([[9, 0, 0], [0, 9, 0], [9, 0.1, 0.4]]), ["Na"], BODY[:1]),
            "site 0 (Na) and its image are 0.412 A apart",
        ),
        (Structure(Lattice.cubic(5e4), ["Na"], BODY[:1]), "has a volume of 1.25e+14 A^3, expected"),
    ][number]


@pytest.mark.parametrize("number", range(14))
def test_structures_that_are_refused(number):
    structure, message = broken(number)
    expected = f"Got 1 of 2 structures .*row 1 \\({structure.formula!r}\\): .*{re.escape(message)}"
    with pytest.raises(StructureError, match=re.compile(expected, re.DOTALL)) as caught:
        check_structures([SALT, structure])
    assert caught.value.rows == [1]


def test_all_bad_rows_are_listed():
    bad = broken(0)[0]
    with pytest.raises(StructureError, match=r"(?s)Got 7 of 9.*\n  and rows 7, 8$") as caught:
        check_structures([SALT, bad, bad, IRON, bad, bad, bad, bad, bad])
    assert caught.value.rows == [1, 2, 4, 5, 6, 7, 8]


def test_oxidation_states_and_odd_cells_are_fine():
    ions = SALT.copy().add_oxidation_state_by_element({"Cs": 1, "Cl": -1})
    left_handed = Structure(Lattice(IRON.lattice.matrix[::-1]), ["Fe", "Fe"], BODY)
    far = Structure(SALT.lattice, ["Cs", "Cl"], [[3, -2, 0], [7.5, 0.5, -9.5]])
    assert len(check_structures([ions, left_handed, far])) == 3


def test_error_keeps_its_rows_in_a_pickle():
    error = pickle.loads(pickle.dumps(StructureError("message", rows=[3, 5])))
    assert isinstance(error, SktlError) and isinstance(error, ValueError)
    assert (str(error), error.rows) == ("message", [3, 5])


@pytest.mark.parametrize("far", [1e12, 2e6])
def test_coordinates_beyond_reason_are_refused(far):
    salt = Structure(Lattice.cubic(4.2), ["Mg", "O"], [[0, 0, 0], [far, 0.5, 0.5]])
    with pytest.raises(StructureError, match=r"row 0 .*: site 1 .* beyond 1e\+06"):
        check_structures([salt])


def test_a_huge_cell_is_searched_in_little_memory():
    wide = Structure(Lattice.cubic(460), ["Na"] * 300, np.random.default_rng(0).random((300, 3)))
    assert check_structures([wide]) == [wide]


def test_a_skewed_cell_is_searched_in_its_reduced_cell():
    skewed = [[3.0, 0, 0], [300000.0, 3.0, 0], [99999.0, 99999.0, 3.0]]
    crystal = Structure(Lattice(skewed), ["Po"], [[0, 0, 0]])
    assert len(check_structures([crystal])) == 1
    source, _, vectors = nearest_bonds(crystal.lattice.matrix, crystal.frac_coords, 6)
    assert len(source) == 3 and np.allclose(np.linalg.norm(vectors, axis=1), 3.0, atol=1e-3)
