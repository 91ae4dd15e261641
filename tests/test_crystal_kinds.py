"""Kinds of CIF files that may be read as another crystal: read rightly, or refused."""

import re

import numpy as np
import pytest

from sktl import StructureReader
from sktl.exceptions import StructureError
from sktl.representations import list_crystals

CUBE = (4.0, 4.0, 4.0, 90, 90, 90)
SALT_CUBE = (5.64, 5.64, 5.64, 90, 90, 90)
TRIGONAL = (4.24, 4.24, 6.84, 90, 90, 120)
COLUMNS = ("label", "type_symbol", "fract_x", "fract_y", "fract_z")
LABELS = ("label", *COLUMNS[2:])
SALT = "Na1 Na 0 0 0\nCl1 Cl .5 .5 .5"
P1 = "_symmetry_space_group_name_H-M 'P 1'"
OPERATIONS = "loop_\n_symmetry_equiv_pos_as_xyz\n"
IDENTITY = OPERATIONS + "'x, y, z'"


def loop(columns, sites):
    return "\n".join(["loop_", *(f"_atom_site_{column}" for column in columns), sites, ""])


def cif(sites, *lines, cell=CUBE, columns=COLUMNS, head="data_x"):
    names = [f"_cell_length_{edge}" for edge in "abc"]
    names += [f"_cell_angle_{angle}" for angle in ("alpha", "beta", "gamma")]
    parts = [head, *(f"{name} {value}" for name, value in zip(names, cell, strict=True))]
    return "\n".join([*parts, *lines, loop(columns, sites)])


def named(name):
    return f"_symmetry_space_group_name_H-M '{name}'"


@pytest.fixture
def read(tmp_path):
    def read_content(content):
        path = tmp_path / "crystal.cif"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return StructureReader().transform([path])[0]

    return read_content


@pytest.fixture
def refused(read):
    def check(content, reason):
        with pytest.raises(StructureError, match="row 0: '.*crystal.cif': ") as caught:
            read(content)
        assert re.search(reason, str(caught.value)), str(caught.value)

    return check


@pytest.mark.parametrize("sign", ["-", "\u2212", "\u2013", "\u2010", "\u2011", "\u00ad", "\uff0d"])
def test_signs_are_kept(read, sign):
    crystal = read(cif(f"Ca1 Ca 0 0 0\nO1 O {sign}0.25 .5 .5", P1))
    assert 0.75 in np.round(crystal.frac_coords, 6)
    operations = f"{OPERATIONS}'x, y, z'\n'{sign}x, {sign}y, {sign}z'"
    assert len(read(cif("Ca1 Ca 0 0 0\nO1 O .2 .3 .4", operations))) == 3
    iodide = "Mg1 Mg 0 0 0\nI1 I .3333 .6667 .25"
    assert len(read(cif(iodide, named(f"P {sign}3 m 1"), cell=TRIGONAL))) == 3


def test_signs_of_old_encodings_and_bars(read, refused):
    text = cif("Ca1 Ca 0 0 0\nO1 O \u20130.25 .5 .5", P1)
    assert 0.75 in np.round(read(text.encode("cp1252")).frac_coords, 6)
    assert len(read(cif(SALT, named("F m 3\u0305 m"), cell=SALT_CUBE))) == 8
    refused(cif("Ca1 Ca 0 0 0\nO1 O \u00d00.25 .5 .5", P1), "site O1 has '\u00d00.25'")
    refused(cif("Ca1 Ca 0 0 0\nO1 O \u0663 .5 .5", P1), "expected a number")
    refused(cif(SALT, OPERATIONS + "'x, y, z'\n'\u00d0x, y, z'"), "cannot be read")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_marks_of_encodings(tmp_path, read, encoding):
    two = cif(SALT, P1) + cif(SALT, P1, head="data_y")
    assert len(read(cif(SALT, P1).encode(encoding))) == 2
    (tmp_path / "two.cif").write_bytes(two.replace("\n", "\r\n").encode(encoding))
    assert [name for name, *_ in list_crystals(tmp_path / "two.cif")] == ["x", "y"]


@pytest.mark.parametrize(
    "text",
    [
        cif(SALT, P1, head="DATA_x").replace("loop_", "LOOP_"),
        cif(SALT, P1, "loop_\n_publ_author_name"),
        cif(SALT, P1) + "loop_\n_atom_site_aniso_label\n_atom_site_aniso_U_11\n",
        cif(SALT, P1, "_publ_section_title 'NaCl crystal #2 of three'"),
        cif(SALT, P1, "_publ_section_title\n;\ndata_collection was\nloop_ of it\n;"),
        cif(SALT, P1, "_publ_section_title '''NaCl\nof two lines'''"),
        "data_global\n_publ_text\n;\nthe _atom_site_ items\n;\n" + cif(SALT, P1),
        cif(SALT, P1) + "data_y\n" + loop(("aniso_label", "aniso_U_11"), "Na1 .1\nCl1 .1"),
        cif(SALT, P1, head="data_x_powder_pattern"),
        cif(SALT, P1, "_cell_length_a 4.0", "_journal_year 2020", "_journal_year 2021"),
        cif(SALT, P1) + loop(("label", "occupancy"), "Na1 1\nCl1 1"),
        cif(SALT, P1).replace("Na1 Na", "Na\u03b1 Na"),
        cif(SALT, P1, cell=("4.0\u00c5", "'4.0 \u212b'", 4, "90\u00b0", 90, 90)),
    ],
)
def test_texts_around_the_crystal(read, text):
    assert len(read(text)) == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (cif("Ca1 Ca 0 0 0", P1) + loop(COLUMNS, "H1 H .6 .6 .6"), "states _atom_site_label twice"),
        (cif(SALT, P1, "_cell_length_a 4.1"), "_cell_length_a twice, as '4.0' and '4.1'"),
        (cif(SALT, P1, "_chemical_formula_sum 'Cl H Na'", "_chemical_formula_sum 'Cl Na'"),
         "_chemical_formula_sum twice"),
        (cif(SALT, P1) + loop(("label", "occupancy"), "Cl1 .5\nNa1 1"), "label twice"),
        (cif("Na1 Na 0 0 0\nCl1 Cl .5 .5", P1), "9 values for 5 names: a value is missing"),
        (cif(SALT, P1, "_publ_section_title NaCl crystal"), "'crystal' without a name before it"),
    ],
)  # fmt: skip
def test_what_is_stated_twice_or_in_part(refused, text, reason):
    refused(text, reason)


GROUPS = [
    *map(named, ["F m 3bar m", "Fm3-m", "F m \\bar{3} m", "Fm-3m (No. 225)", "F m -3 m"]),
    "_space_group_name_H-M 'F m -3 m'",
    "_symmetry_IT_number 225",
    "_symmetry_group_IT_number 225",
    "_space_group_number 225",
    "_space_group_name_Hall '-F 4 2 3'",
]
OTHERS = [
    *map(named, ["-F 4 2 3", "F 4/m m m", "C -1"]),
    named("F m -3 m") + "\n_space_group_IT_number 1",
    named("F m -3 m") + "\n_space_group_IT_number 221",
    named("F m -3 m") + "\n_space_group_name_Hall 'P 1'",
    named("F m -3 m") + "\n_space_group_name_H-M_alt 'P 1'",
    P1 + "\n_space_group_IT_number 225",
    "_space_group_IT_number 1\n_symmetry_Int_Tables_number 225",
    "_space_group_name_Hall 'F 4 2 3 -1'",
    "_space_group_magn.number_BNS 225.116",
    "_symmetry_cell_setting cubic",
]


@pytest.mark.parametrize("group", GROUPS)
def test_names_of_groups(read, refused, group):
    assert len(read(cif(SALT, group, cell=SALT_CUBE))) == 8
    for operations in (IDENTITY, IDENTITY + "\n'-x, -y, -z'"):
        refused(cif(SALT, group, operations, cell=SALT_CUBE), "symmetry operations are not those")


@pytest.mark.parametrize("group", OTHERS)
def test_groups_that_are_unknown_or_disagree(refused, group):
    for operations in ((), (IDENTITY,), (IDENTITY + "\n'-x, -y, -z'",)):
        refused(cif(SALT, group, *operations, cell=SALT_CUBE), "space group|symmetry operations")


@pytest.mark.parametrize(
    "lines",
    [
        (P1,),
        (IDENTITY,),
        (P1, "_space_group_IT_number 1", "_symmetry_cell_setting triclinic", IDENTITY),
        (P1, "_symmetry_cell_setting cubic", IDENTITY),
        (named("C -1"), IDENTITY, "_chemical_formula_sum 'Cl Na'", "_cell_formula_units_Z 1"),
        (named("P m -3 m"), IDENTITY),
    ],
)
def test_all_atoms_of_a_cell(read, lines):
    assert len(read(cif(SALT, *lines))) == 2


SITE = "Ca Ca .11 .22 .33"


@pytest.mark.parametrize(
    ("name", "cell", "n_atoms"),
    [
        ("C 2/m", (5, 6, 7, 90, 100, 90), 8),
        ("C 2/m", (5, 6, 7, 90, 90, 100), None),
        ("C 2/c", (5, 6, 7, 90, 90, 100), None),
        ("P 21/c", (5, 6, 7, 90, 100, 90), 4),
        ("P 21/c", (5, 6, 7, 90, 90, 100), None),
        ("P 21/n", (5, 6, 7, 90, 100, 90), 4),
        ("P 21/b", (5, 6, 7, 90, 90, 100), 4),
        ("P 21", (5, 6, 7, 90, 90, 100), 2),
        ("P 42", (5, 5, 7, 90, 90, 90), 4),
        ("P 4 2", (5, 5, 7, 90, 90, 90), None),
        ("P 2 3", (5, 5, 5, 90, 90, 90), 12),
        ("R 3 2", (5, 5, 7, 90, 90, 120), 18),
    ],
)
def test_settings_that_fit_the_cell(read, refused, name, cell, n_atoms):
    text = cif(SITE, named(name), cell=cell)
    if n_atoms is None:
        refused(text, "does not fit to the space group|is not known")
    else:
        assert len(read(text)) == n_atoms


@pytest.mark.parametrize(
    ("hall", "n_atoms"), [("P 3 2", 6), ("P 32", 3), ("P 6 2", 12), ("P 62", 6), ("-P3", 6)]
)
def test_blanks_of_hall_symbols(read, hall, n_atoms):
    text = cif(SITE, f"_space_group_name_Hall '{hall}'", cell=(5, 5, 7, 90, 90, 120))
    assert len(read(text)) == n_atoms


MAGNETIC = "loop_\n_space_group_symop_magn_operation.id\n_space_group_symop_magn_operation.xyz\n"
CENTRING = MAGNETIC.replace("operation", "centering")


def test_magnetic_and_modulated_crystals(read, refused):
    inverted = MAGNETIC + "1 x,y,z,+1\n2 -x,-y,-z,-1\n"
    assert len(read(cif(SITE, inverted))) == 2
    assert len(read(cif(SITE, inverted + CENTRING + "1 x,y,z,+1\n2 x+1/2,y,z,-1"))) == 4
    assert len(read(cif(SITE, inverted + "3 x,y,z,-1\n4 -x,-y,-z,+1"))) == 2
    turned = MAGNETIC + "1 x,y,z,+1\n2 -y,x,z,+1\n"
    refused(cif(SITE, turned), "no group")
    turned += "3 -x,-y,z,+1\n4 y,-x,z,+1"
    refused(cif(SITE, turned, cell=(5, 6, 7, 90, 90, 90)), "cell does not fit")
    refused(cif(SITE, inverted, IDENTITY), "operations twice, 1 and 2 that disagree")
    refused(cif(SITE, inverted, "_space_group_magn.number_BNS 62.441"), "surely not those")
    refused(cif(SALT, IDENTITY, "_cell_modulation_dimension 1"), "modulated")


def test_lists_of_operations_that_disagree_or_are_rounded(read, refused):
    other = "loop_\n_space_group_symop_operation_xyz\n'x, y, z'\n'-x, -y, -z'"
    refused(cif(SITE, IDENTITY, other), "operations twice, 2 and 1 that disagree")
    assert len(read(cif(SITE, IDENTITY + "\n'-x,-y,-z'", other))) == 2
    hexagonal = (5, 5, 7, 90, 90, 120)
    screw = OPERATIONS + "'x,y,z'\n'-y,x-y,z+0.33'\n"
    refused(cif(SITE, screw, cell=hexagonal), "no group")
    crystal = read(cif(SITE, screw + "'-x+y,-x,z+0.67'", cell=hexagonal))
    heights = np.sort(crystal.frac_coords[:, 2] % 1)
    np.testing.assert_allclose(np.diff(heights), 1 / 3, atol=1e-6)


PEROXIDE = "Mg1 Mg 0 0 0\nO1 O .3333 .6667 .22\nO2 O .6667 .3333 .78"
GYPSUM = """Ca1 Ca 0 0 0
S1 S .5 .5 .5
O1 O .5 .5 .2
O2 O .5 .5 .8
O3 O .5 .2 .5
O4 O .5 .8 .5
Ow1 O .1 .5 .1
H1 H .1 .6 .2
H2 H .1 .4 .2
Ow2 O .9 .5 .5
H3 H .9 .6 .6
H4 H .9 .4 .6"""


def formula(text, kind="sum"):
    return f"_chemical_formula_{kind} '{text}'"


@pytest.mark.parametrize(
    "lines",
    [
        (formula("Mg 2+, 2(O H 1-)", "moiety"),),
        (formula("Mg O2, 2(H2 O)", "moiety"),),
        (formula("Mg O2, 2(H2 O)"),),
        (formula("Mg O2 Hx"),),
        (formula("Mg O2 (H2 O)x"),),
        (formula("(Mg H2 O2)n"),),
        (formula("Mg O~2~ H~2~"),),
        (formula("MgO2 * 2 H2O", "structural"),),
        (formula("{Mg (O H)2}n", "structural"),),
        (formula("Mg O2"), formula("Mg (O H)2", "moiety")),
        (formula("Mg O2"), formula("MgO2.nH2O", "structural")),
    ],
)
def test_each_formula_is_looked_at(refused, lines):
    refused(cif(PEROXIDE, P1, *lines), "states the formula .* but is read as .*H has no sites")


@pytest.mark.parametrize(
    "lines",
    [
        (formula("Mg O2"),),
        (formula("Mg 2+, 2(O 1-)", "moiety"),),
        (formula("(Mg O2)n", "moiety"),),
        (formula("Mg O2 1+"),),
        (formula("Mg.5 O1."),),
        (formula("Magnesium peroxide", "structural"),),
        (formula("Mg O2"), formula("Mg0.98 Fe0.02 O2", "analytical")),
    ],
)
def test_formulas_that_agree(read, lines):
    assert read(cif(PEROXIDE, P1, *lines)).formula == "Mg1 O2"


@pytest.mark.parametrize(
    "text", ["CaSO4.2H2O", "Ca S O4 . 2H2 O", "CaSO4\u00b72H2O", "Ca S O4, 2(H2 O)", "H4 Ca S O6"]
)
def test_hydrates_with_all_hydrogen(read, refused, text):
    cell = (6, 6, 6, 90, 90, 90)
    assert read(cif(GYPSUM, P1, formula(text, "structural"), cell=cell)).formula == "Ca1 H4 S1 O6"
    dry = GYPSUM[: GYPSUM.index("\nOw2")]
    refused(cif(dry, P1, formula(text, "structural"), cell=cell), "states the formula")


WET = ["Ow1", "OW", "OH1", "Wat1", "HOH", "Hoh1", "Aq1", "Oaq1", "O-H", "O(H)1", "O1H", "H2O"]


@pytest.mark.parametrize("label", [*WET, "D2O", "O1W", "W1", "Wa"])
def test_labels_that_mean_hydrogen(refused, label):
    for formulas in ((), (formula("Ca O"),)):
        refused(cif(f"Ca1 Ca 0 0 0\n{label} O .5 .5 .5", P1, *formulas), "means hydrogen")
    elsewhere = f"Ca1 Ca 0 0 0\n{label} O .5 .5 .5\nO1 O .5 0 0\nH1 H .5 .2 .1"
    refused(cif(elsewhere, P1), "means hydrogen")
    if label in WET:
        refused(cif(f"Ca1 0 0 0\n{label} .5 .5 .5", P1, columns=LABELS), "means hydrogen")


@pytest.mark.parametrize("label", ["T1", "Si/Al", "Si,Al"])
def test_labels_of_no_one_element(refused, label):
    refused(cif(f"Ca1 0 0 0\n{label} .5 .5 .5", P1, columns=LABELS), "has no type|two elements")


@pytest.mark.parametrize("label", ["O1", "OA", "OB1", "O1A", "Oz", "O_1", "O(1)", "O1'"])
def test_labels_of_plain_oxygen(read, label):
    assert read(cif(f"Ca1 Ca 0 0 0\n{label} O .5 .5 .5", P1)).formula == "Ca1 O1"
    series = f"Ca1 Ca 0 0 0\nO1G O .5 .5 .5\nO1H O .5 .2 .5\n{label} O 0 .5 0"
    assert read(cif(series, P1)).formula == "Ca1 O3"


@pytest.mark.parametrize(
    ("label", "kind"),
    [("C1", "CO3"), ("N1", "NO3"), ("P1", "PO4"), ("O1", "HO"), ("O1", "HO-"), ("N1", "NH4"),
     ("B1", "BH4"), ("C1", "CN"), ("H1", "H2")],
)  # fmt: skip
def test_types_that_are_groups(refused, label, kind):
    for other in ("Ca1 Ca", "K1 K"):
        refused(
            cif(f"{other} 0 0 0\n{label} {kind} .5 .5 .5", P1), f"{label} has the type '{kind}'"
        )


@pytest.mark.parametrize(
    ("label", "kind", "symbol"),
    [("Co1", "CO", "Co"), ("CO1", "CO", "Co"), ("SI1", "SI4+", "Si"), ("NI1", "NI2+", "Ni"),
     ("CL1", "CL", "Cl"), ("CO3", "CO3", "Co"), ("Co1", "Co2+", "Co"), ("H2", "H2", "H"),
     ("O2", "O2-", "O")],
)  # fmt: skip
def test_types_that_are_elements(read, label, kind, symbol):
    crystal = read(cif(f"K1 K 0 0 0\n{label} {kind} .5 .5 .5", P1))
    assert {element.symbol for element in crystal.composition.elements} == {"K", symbol}


def test_alternatives_have_occupancies(read, refused):
    columns = (*COLUMNS, "disorder_assembly", "disorder_group", "occupancy")
    sites = "Ca1 Ca 0 0 0 . . 1\nO1A O .5 .5 .4 A 1 {}\nO1B O .5 .5 .6 A {} {}"
    refused(cif(sites.format(1, 2, 1), P1, columns=columns), "groups '1' and '2' of disorder")
    assert len(read(cif(sites.format(0.5, 2, 0.5), P1, columns=columns))) == 3
    assert len(read(cif(sites.format(1, 1, 1), P1, columns=columns))) == 3
