"""POSCAR files are read as VASP reads them; what disagrees within one is refused."""

import re

import numpy as np
import pytest

from sktl import StructureReader
from sktl.exceptions import StructureError

CELL = "4.2 0 0\n0 4.2 0\n0 0 4.2\n"
OXIDE = f"c\n1.0\n{CELL}Mg O\n1 1\nDirect\n0 0 0\n.5 .5 .5\n"
CARTESIAN = OXIDE.replace("Direct", "Cartesian").replace(".5 .5 .5", "1.0 2.1 2.1")
UNNAMED = OXIDE.replace("Mg O\n", "")


@pytest.fixture
def read(tmp_path):
    def read_text(text):
        path = tmp_path / "POSCAR"
        path.write_text(text, encoding="utf-8")
        return StructureReader().transform([path])[0]

    return read_text


def rows(first, second, text=OXIDE):
    return text.replace("0 0 0\n.5 .5 .5\n", f"{first}\n{second}\n")


@pytest.mark.parametrize(
    ("scale", "edges"),
    [("2", (8.4, 8.4, 8.4)), ("-592.704", (8.4, 8.4, 8.4)), ("1 2 3", (4.2, 8.4, 12.6)),
     ("1.d0", (4.2, 4.2, 4.2)), ("1.0 ! scale", (4.2, 4.2, 4.2))],
)  # fmt: skip
def test_scales(read, scale, edges):
    crystal = read(CARTESIAN.replace("1.0", scale, 1))
    np.testing.assert_allclose(crystal.lattice.abc, edges, rtol=1e-9)
    np.testing.assert_allclose(crystal.frac_coords[1], [1 / 4.2, 0.5, 0.5], rtol=1e-9)


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        (OXIDE.replace("Mg O", "Mg_pv/f474ac0d O_s/79d9"), "Mg1 O1"),
        (OXIDE.replace("Mg O", "Mg2+ O2-"), "Mg1 O1"),
        (OXIDE.replace("Mg O", "Mg D"), "Mg1 H1"),
        (OXIDE.replace("Mg O\n1 1", "Mg\nO\n1\n1"), "Mg1 O1"),
        (OXIDE.replace("1 1", "1 1 ! of each").replace("4.2 0 0", "4.2 0 0 ! a"), "Mg1 O1"),
        (OXIDE.replace("Direct", "Selective dynamics\nDirect"), "Mg1 O1"),
        (rows("0 0 0 T T F", ".5 .5 .5 F F F"), "Mg1 O1"),
        (rows("0 0 0 Mg1", ".5 .5 .5 O2"), "Mg1 O1"),
        (rows("0 0 0 Mg", ".5 .5 .5 F", UNNAMED), "Mg1 F1"),
        (rows("0 0 0", "0.5-0.5 .5"), "Mg1 O1"),
        (OXIDE + "\n0 0 0\n0 0 0\n", "Mg1 O1"),
        (OXIDE + "Cartesian\n0 0 0\n0 0 0\n", "Mg1 O1"),
        (OXIDE.replace("Mg O", "Mg1 O1"), "Mg1 O1"),
        (OXIDE + "Lattice velocities\n1\n" + "0 0 0\n" * 6 + "\n0 0 0\n0 0 0\n", "Mg1 O1"),
    ],
)
def test_what_is_read(read, text, formula):
    assert read(text).composition.element_composition.formula.replace("D", "H") == formula


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (OXIDE.replace("1 1", "1"), "2 species, 'Mg O', but 1 numbers of atoms"),
        (OXIDE.replace("Mg O", "Mg O H"), "3 species, 'Mg O H', but 2 numbers of atoms"),
        (OXIDE + ".2 .2 .2\n", "states 2 atoms, but '.2 .2 .2' follows them"),
        (OXIDE + "\n.2 .2 .2\n", "states 2 atoms, but '.2 .2 .2' follows them"),
        (OXIDE + OXIDE, "states 2 atoms, but 'c' follows them"),
        (OXIDE + "\n" + OXIDE, "states 2 atoms, but 'c' follows them"),
        (rows("0 0 0 O", ".5 .5 .5 Mg"), "line 9 is an atom of O, but the line of species has Mg"),
        (rows("0 0 0 T T T", ".5 .5 .5 T T T", UNNAMED), "cannot be determined"),
        (rows("0 0 0 F F F", ".5 .5 .5 F F F", UNNAMED), "cannot be determined"),
        (OXIDE.replace("Mg O", "MG O"), "'MG', which is no element: write 'Mg'"),
        (OXIDE.replace("Mg O", "MgO"), "'MgO', which is no element"),
        (OXIDE.replace("Mg O", "Mg H.5"), "'H.5', which is no element"),
        (OXIDE.replace(".5 .5 .5\n", ""), "line 10 is missing, expected three numbers"),
        (OXIDE.replace("Direct\n", ""), "line 8 is '0 0 0', expected 'Direct' or 'Cartesian'"),
        (OXIDE.replace("Direct\n", "Direct\n\n"), "line 9 is '', expected three numbers"),
        (OXIDE.replace("1.0", "scale"), "line 2 is 'scale', expected one scale, or three"),
        (OXIDE.replace("1.0", "0"), "line 2 is '0', expected one scale, or three above 0"),
        (OXIDE.replace("0 4.2 0", "4.2 0 0"), "has no volume"),
    ],
)
def test_what_disagrees_is_refused(read, text, reason):
    with pytest.raises(StructureError, match=r"row 0: '.*POSCAR': .*" + re.escape(reason)):
        read(text)
