"""CIF files are read as the crystal that they state, or refused with the reason."""

import pytest
from pymatgen.core import Lattice, Structure
from pymatgen.io.cif import CifWriter

from sktl import StructureReader
from sktl.exceptions import StructureError

CUBE = (4.0, 4.0, 4.0, 90, 90, 90)
SALT = "Na1 Na 0 0 0\nCl1 Cl .5 .5 .5"
SILICON = (5.43, 5.43, 5.43, 90, 90, 90)
P1 = "_symmetry_space_group_name_H-M 'P 1'"
COLUMNS = ("label", "type_symbol", "fract_x", "fract_y", "fract_z")
FACE_CENTRED = """loop_
_space_group_symop_operation_xyz
'x, y, z'
'x, y+1/2, z+1/2'
'x+1/2, y, z+1/2'
'x+1/2, y+1/2, z'"""


def cif(sites, *lines, cell=CUBE, columns=COLUMNS):
    names = [f"_cell_length_{edge}" for edge in "abc"]
    names += [f"_cell_angle_{angle}" for angle in ("alpha", "beta", "gamma")]
    parts = ["data_x", *(f"{name} {value}" for name, value in zip(names, cell, strict=True))]
    loop = ["loop_", *(f"_atom_site_{column}" for column in columns)]
    return "\n".join([*parts, *lines, *loop, sites, ""])


@pytest.fixture
def read(tmp_path):
    def read_text(text):
        path = tmp_path / "crystal.cif"
        path.write_text(text, encoding="utf-8")
        return StructureReader().transform([path])[0]

    return read_text


def named(name):
    return f"_space_group_name_H-M_alt '{name}'"


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        (cif("Fe1 Fe 0 0 0 .\nO1 O .5 .5 .5 ?", P1, columns=(*COLUMNS, "occupancy")), "Fe1 O1"),
        (cif(SALT, "_symmetry_space_group_name_H-M 'F m 3 m'"), "Na4 Cl4"),
        (cif(SALT, "_space_group_name_H-M_alt 'F m -3 m'"), "Na4 Cl4"),
        (cif(SALT, "_space_group_IT_number 225"), "Na4 Cl4"),
        (cif(SALT, "_space_group.IT_number 225"), "Na4 Cl4"),
        (cif(SALT, "_SPACE_GROUP_IT_NUMBER 225"), "Na4 Cl4"),
        (cif(SALT, "_space_group_name_Hall '-F 4 2 3'"), "Na4 Cl4"),
        (cif(SALT, FACE_CENTRED), "Na4 Cl4"),
        (cif(SALT, P1, "_chemical_formula_sum 'Cl Na'", "_cell_formula_units_Z 1"), "Na1 Cl1"),
        (cif("Si Si 0 0 0", "_space_group_name_H-M_alt 'F d -3 m :1'", cell=SILICON), "Si8"),
        (cif("Si Si .125 .125 .125", named("F d -3 m Z"), cell=SILICON), "Si8"),
        (cif("Si Si .125 .125 .125", named("F d 3 m"), "_chemical_formula_sum Si",
             "_cell_formula_units_Z 8", cell=SILICON), "Si8"),
        (cif("Bi Bi .4 .4 .4\nTe1 Te 0 0 0\nTe2 Te .2097 .2097 .2097", named("R -3 m"),
             cell=(10.476, 10.476, 10.476, 24.16, 24.16, 24.16)), "Bi2 Te3"),
        (cif("Bi Bi 0 0 .4\nTe1 Te 0 0 0\nTe2 Te 0 0 .2097", named("R -3 m :H"),
             cell=(4.385, 4.385, 30.49, 90, 90, 120)), "Bi6 Te9"),
        (cif("Ca1 0 0 0\nO1 .5 .5 .5", P1, columns=("label", *COLUMNS[2:])), "Ca1 O1"),
        (cif("O1 O 0 0 0\nD1 D .2 .2 .2\nD2 D .8 .2 .2", P1, "_chemical_formula_sum 'H2 O'"),
         "H2 O1"),
    ],
)  # fmt: skip
def test_the_crystal_that_is_stated(read, text, formula):
    found = read(text)
    expected = {part for part in formula.split()}
    assert set(found.formula.split()) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (cif("Mg Mg 0 0 0\nO O .3 .3 .3\nO2 O .7 .7 .7", P1, "_chemical_formula_sum 'H2 Mg O2'"),
         "states the formula 'H2 Mg O2' but is read as 'Mg1 O2', H has no sites"),
        (cif("Li1 Li 0 0 0\nO1 O .5 .5 .5", P1, "_chemical_formula_sum 'Li2 O'"), "'Li1 O1'"),
        (cif("Mg Mg 0 0 0\nO O .3 .3 .3\nO2 O .7 .7 .7", P1,
             "_chemical_formula_structural 'Mg(OH)2'"), "H has no sites"),
        (cif(SALT, P1, "_chemical_formula_sum 'Cl Na'", "_cell_formula_units_Z 4"),
         "not 4 formula units"),
        (cif(SALT, P1, "_exptl_crystal_density_diffrn 8.2"), "8.2 as _exptl_crystal_density"),
        (cif(SALT, P1, "_cell_volume 128"), "128 as _cell_volume"),
        (cif(SALT, P1, "loop_\n_atom_type_symbol\nNa\nCl\nH"), "the element H"),
        (cif("O1 O 0 0 0 2", P1, columns=(*COLUMNS, "attached_hydrogens")), "2 hydrogens"),
        (cif("Ca1 0 0 0\nOH1 .5 .5 .5", P1, columns=("label", *COLUMNS[2:])), "OH1"),
        (cif("Ca1 0 0 0\nWat .5 .5 .5", P1, columns=("label", *COLUMNS[2:])), "Wat"),
        (cif("Ca1 Ca 0 0 0\nOw O .5 .5 .5", P1), "'Ow' means hydrogen"),
        (cif("CA1 0 0 0\nO1 .5 .5 .5", P1, columns=("label", *COLUMNS[2:])), "CA1 has no type"),
        (cif("M1 M 0 0 0", P1), "'M', which is no element"),
        (cif("Na1 Na 0 0 0\nH1 H . . .", P1), "H1 has '.' as _atom_site_fract_x"),
        (cif("Na1 Na 0 0 0 half", P1, columns=(*COLUMNS, "occupancy")), "occupancy 'half'"),
        (cif(SALT), "neither symmetry operations nor a space group"),
        (cif(SALT, named("Q m m m")), "'Q m m m'"),
        (cif(SALT, named("F m -3 m"), "_space_group_IT_number 221"), "not known"),
        (cif(SALT, named("P 63/m m c")), "cell does not fit to the space group"),
        (cif(SALT, named("F m -3 m"), "loop_\n_symmetry_equiv_pos_as_xyz\n'x, y, z'"),
         "1 symmetry operations are not those of the space group"),
        (cif(SALT, FACE_CENTRED.rpartition("\n")[0]), "some are missing"),
        (cif(SALT, FACE_CENTRED.replace("'x, y, z'", "'x, y, w'")), "'x, y, w' cannot be read"),
        (cif("Si Si .125 .125 .125", named("F d -3 m"), cell=SILICON), "which origin"),
    ],
)  # fmt: skip
def test_what_may_be_another_crystal_is_refused(read, text, reason):
    with pytest.raises(StructureError, match=r"row 0: '.*crystal\.cif': ") as caught:
        read(text)
    assert reason in str(caught.value)


def test_all_atoms_of_the_cell_with_the_name_of_the_group(read):
    salt = Structure.from_spacegroup(
        "Fm-3m", Lattice.cubic(5.6), ["Na", "Cl"], [[0] * 3, [0.5] * 3]
    )
    text = str(CifWriter(salt)).replace("'P 1'", "'F m -3 m'").replace("number   1", "number   225")
    assert len(read(text.replace("P 1", "'F m -3 m'"))) == 8


@pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING:DeprecationWarning")
@pytest.mark.parametrize("symprec", [None, 0.01])
def test_what_pymatgen_writes(read, symprec):
    cell = Lattice.hexagonal(3.8, 6.2)
    wurtzite = Structure.from_spacegroup(
        "P6_3mc", cell, ["Zn2+", "S2-"], [[1 / 3, 2 / 3, 0], [1 / 3, 2 / 3, 0.37]]
    )
    found = read(str(CifWriter(wurtzite, symprec=symprec)))
    assert len(found) == len(wurtzite) and found.matches(wurtzite)
