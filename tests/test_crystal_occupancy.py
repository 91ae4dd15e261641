"""Occupancies, cells and coordinates at their limits, from CIF files and from Atoms of ASE."""

import subprocess
import sys

import numpy as np
import pytest

from sktl import StructureReader
from sktl.exceptions import StructureError
from sktl.representations import Materials, check_structures

ase = pytest.importorskip("ase")

CIF = """data_x
_cell_length_a {a}
_cell_length_b {b}
_cell_length_c {c}
_cell_angle_alpha {alpha}
_cell_angle_beta {beta}
_cell_angle_gamma {gamma}
_symmetry_space_group_name_H-M '{name}'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
{sites}
"""
FRAME = """2
Lattice="4 0 0 0 4 0 0 0 4" Properties=species:S:1:pos:R:3{columns} pbc="T T T"{words}
{first}
O 2 2 2 1
"""
IRON = "Fe1 Fe 0 0 0 {}\nO1 O .5 .5 .5 1"


def cif(sites, name="P 1", cell=(4, 4, 4, 90, 90, 90)):
    parts = dict(zip(("a", "b", "c", "alpha", "beta", "gamma"), cell, strict=True))
    return CIF.format(sites=sites, name=name, **parts)


@pytest.fixture
def write(tmp_path):
    def write_text(text, name="crystal.cif"):
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write_text


def read(path):
    return StructureReader(disordered="mix").transform([path])[0]


@pytest.mark.parametrize("share", ["1.002", "1.005(4)", ".", "1"])
def test_occupancies_that_are_rounded(write, share):
    crystal = read(write(cif(IRON.format(share))))
    assert crystal.is_ordered and len(crystal) == 2
    shared = read(write(cif("Fe1 Fe 0 0 0 .667\nCo1 Co 0 0 0 .334")))
    assert shared[0].species.num_atoms == pytest.approx(1)


def test_isotopes_on_one_site(write):
    sites = "Fe1 Fe 0 0 0 1\nH1 H .5 .5 .5 .5\nD1 D .5 .5 .5 .5"
    assert read(write(cif(sites))).formula == "Fe1 H1"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (cif(IRON.format(1) + "\nCo1 Co 0 0 0 1"), "occupancies of a site add up to 2"),
        (cif(IRON.format("-0.5")), "occupancy '-0.5', expected a number of at least 0"),
        (cif(IRON.format(1), cell=(0, 4, 4, 90, 90, 90)), "_cell_length_a is '0', expected"),
        (cif(IRON.format(1), cell=(-4, 4, 4, 90, 90, 90)), "_cell_length_a is '-4', expected"),
        (cif(IRON.format(1), cell=(4, 4, 4, 0, 90, 90)), "above 0 and below 180"),
        (cif(IRON.format(1), cell=(4, 4, 4, 150, 150, 150)), "no cell has the angles 150, 150"),
        (cif("Ca Ca 0 0 0 1\nF F .2499 .2499 .2499 1", "F m -3 m"), "F and its image are 0.0"),
        (cif("Mg Mg .333 .667 .25 1", "P 63/m m c", (3.2, 3.2, 5.2, 90, 90, 120)), "more digits"),
    ],
)
def test_what_is_beyond_limits(write, text, reason):
    with pytest.raises(StructureError, match=reason):
        read(write(text))


def test_the_first_crystal_of_a_noble_gas(write):
    path = write(cif("Ar1 Ar 0 0 0 1", "F m -3 m"))
    code = (
        f"from sktl import StructureReader; print(len(StructureReader().transform([{path!r}])[0]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "4"


@pytest.mark.parametrize(
    ("columns", "words", "first", "reason"),
    [
        (":occupancy:R:1", "", "Fe 0 0 0 .5", "occupancy 0.5, which Atoms cannot hold"),
        ("", ' occupancy="_JSON {\\"0\\": {\\"Fe\\": 0.5}}"', "Fe 0 0 0", "occupancy 0.5"),
        ("", "", "D 0 0 0", "species 'D', which is no element of ASE"),
        ("", "", "X 0 0 0", "atom 0 has the atomic number 0, which is no element"),
        (":occupancy:R:1", "", "Fe 0 0 0 1", None),
    ],
)
def test_frames(write, columns, words, first, reason):
    path = write(FRAME.format(columns=columns, words=words, first=first), "a.extxyz")
    if reason is None:
        assert read(path).formula == "Fe1 O1"
        return
    with pytest.raises(StructureError, match=reason):
        read(path)


class Phonon:
    """What has atoms and a cell, but does not say where it is periodic."""

    def get_atomic_numbers(self):
        return [11, 17]

    def get_cell(self):
        return 4 * np.eye(3)


PLACES = {"cell": [4, 4, 4], "scaled_positions": [[0, 0, 0], [0.5, 0.5, 0.5]], "pbc": True}


@pytest.mark.parametrize(
    ("atoms", "reason"),
    [
        (ase.Atoms("XCl", **PLACES), "atom 0 has the atomic number 0, which is no element"),
        (ase.Atoms(numbers=[11, 119], **PLACES), "atom 1 has the atomic number 119"),
        (Phonon(), "no pbc or no get_positions"),
        (ase.Atoms("FeO", info={"occupancy": {"0": {"Fe": 0.5}, "1": {"O": 1}}}, **PLACES),
         "occupancy 0.5, which Atoms cannot hold"),
    ],
)  # fmt: skip
def test_atoms_that_are_no_crystal(atoms, reason):
    for use in (StructureReader().transform, check_structures, Materials.read):
        with pytest.raises(StructureError, match=f"row 0: .*{reason}"):
            use([atoms])


def test_atoms_with_whole_occupancies():
    whole = ase.Atoms("FeO", info={"occupancy": {"0": {"Fe": 1}, "1": {"O": 1}}}, **PLACES)
    assert check_structures([whole])[0].formula == "Fe1 O1"
