"""What cells look like, what to write, and which of them have one repair."""

import math

import pytest

from sktl.exceptions import InputError, TableError
from sktl.representations import from_weight_percent, judge_formula, parse_formula
from sktl.tables import (
    CellRules,
    Table,
    by_kind,
    check_table,
    formula_problems,
    list_findings,
    read_measurements,
    read_numbers,
    read_values,
    repair_table,
    uncertainty_weights,
)

FORMULAS = {
    "zero for the letter O": {
        "Si02": "SiO2",
        "Fe203": "Fe2O3",
        "BaTi03": "BaTiO3",
        "Ca3Co409": "Ca3Co4O9",
        "Mg0": "MgO",
        "SnTe0.90Se010": None,
        "C0": None,
        "FeO0H": "FeOOH",
        "Fe203·H2O": "Fe2O3·H2O",
        "CoCrFe0Ni": None,
        "Al05Ga05As": None,
        "Bi2Te27Se03": None,
        "TiO02": None,
        "FeO01.5": None,
        "Al7075": None,
    },
    "phase or note": {
        "TiO2 (rutile)": "TiO2",
        "TiO2 [anatase]": "TiO2",
        "ZrO2, cubic": "ZrO2",
        "Fe2O3: hematite": "Fe2O3",
        "BaTiO3 (P4mm)": "BaTiO3",
        "Al0.5CoCrFeNi (fcc+bcc)": None,
        "α-Fe2O3": "Fe2O3",
        "2H-MoS2": "MoS2",
        "MoS2_1T": "MoS2",
        "SiO2 (amorphous)": "SiO2",
        "GaN thin film": "GaN",
        "ZnO (sample 3)": None,
        "SiC 6H": None,
        "n-type PbTe": None,
    },
    "note on the amounts": {
        "LiCoO2 (delithiated)": None,
        "TiO2 (5% excess)": None,
        "CeO2 (reduced)": None,
        "Na x CoO2": None,
        "BaTiO3(0.1Sr)": None,
        "FeO_x": None,
    },
    "hydrate in words": {"CuSO4 pentahydrate": "CuSO4·5H2O", "CaSO4 (hemihydrate)": "CaSO4·0.5H2O"},
    "hydrate without its dot": {
        "CuSO4 5H2O": "CuSO4·5H2O",
        "CuSO4 x 5H2O": "CuSO4·5H2O",
        "ZrOCl2×8H2O": "ZrOCl2·8H2O",
    },
    "letter for a digit, or digit for a letter": {"SnO.9SeO.1": None, "CaC12": None, "CsCI": None},
    "space with two readings": {"FeAl B2": None, "SrTiO3 Nb": None},
    "oxidation state": {"FeIII2O3": None},
    "dopant": {
        "ZnO:Al": None,
        "SrTiO3:Nb 1%": None,
        "YAG : Ce": None,
        "CaF2:0.5%Eu": None,
        "Nb-doped SrTiO3": None,
        "Al doped ZnO": None,
    },
    "alloy in weight per cent": {
        "Ti-6Al-4V": None,
        "Ti–6Al–4V": None,
        "Fe-18Cr-8Ni": None,
        "Al-4,5Cu": None,
        "80Ni-20Cr": None,
        "80Ni20Cr": None,
        "Ti6Al4V": None,
        "Ti6Al4V (bcc)": None,
        "CuZn37": None,
        "CuZn39Pb3": None,
        "AlSi10Mg": None,
        "FeCr18Ni10": None,
        "Ti-6Al-4V (as-cast)": None,
        "Cu-2wt%Be": "Cu0.8742Be0.1258",
        "Ti90Al6V4 (wt%)": "Ti0.86204Al0.10195V0.036",
    },
    "alloy in atomic per cent": {"Ni-50Ti at%": "Ni0.5Ti0.5", "Fe50Co50 (at.%)": "Fe0.5Co0.5"},
    "variable amount": {
        "La1-xSrxMnO3": None,
        "YBa2Cu3O7-δ": None,
        "CuSO4·xH2O": None,
        "Al2O3.nH2O": None,
        "SiOx": None,
        "ZnO (x=0.1)": None,
        "(1-x)PbTiO3-xBiScO3": None,
    },
    "mixture": {
        "70Bi2Te3-30Sb2Te3": None,
        "Al2O3/SiO2": None,
        "NaCl + KCl": None,
        "50 mol% Li2O - 50 mol% P2O5": None,
    },
    "core in a shell": {"SiO2@TiO2": None},
    "full stop with two readings": {
        "Li2O.2SiO2": None,
        "CoCl2.6H2O·2HCl": None,
        "CuSO45H2O": None,
        "V2O5.1.5H2O": None,
    },
    "bracket with two readings": {
        "(CuMnNi)75Zn25": None,
        "SrTiO3 (Nb)": None,
        "TiO2 {B}": None,
        "FeAl (B2)": None,
        "ZnO(Al)": None,
        "(MgCoNiCuZn)O": None,
    },
    "lower case or capitals by mistake": {
        "fe2o3": "Fe2O3",
        "FE2O3": "Fe2O3",
        "NACL": "NaCl",
        "si02": "SiO2",
        "cosb3": None,
        "SIO2": None,
        "TIO2": None,
        "Nal": None,
        "InAIAs": None,
        "aSi": None,
        "SAC305": None,
    },
    "date": {"3-Feb": None, "2024-02-03 00:00:00": None, "03.02.2024": None, "Feb-50": None},
    "charge": {
        "SO4^2-": "SO4",
        "SO₄²⁻": "SO4",
        "Na+": "Na",
        "Ca2+": "Ca",
        "O2-": "O",
        "NH4+": None,
    },
    "number before a symbol": {"¹³CO2": "CO2", "13C": "C", "2Fe2O3": "Fe2O3"}
    | {"2D MoS2": None, "6HSiC": None},
    "markup": {"Fe_2O_3": "Fe2O3", "La$_{0.7}$Sr$_{0.3}$MnO$_3$": "La0.7Sr0.3MnO3"}
    | {"TiO<sub>2</sub>": "TiO2"},
    "decimal comma": {"Fe0,98O": "Fe0.98O"},
    "site shared by elements": {"(Ti,Zr)O2": None},
    "name in words": {"alumina": None},
    "marks around a formula": {"'NaCl": "NaCl", "Fe2O3?": "Fe2O3"},
    "a number": {"3.1": None},
    "no value": {"n/a": None, "-": None, "#N/A": None},
}


@pytest.mark.parametrize(
    ("kind", "cell", "repair"),
    [(kind, cell, repair) for kind, cells in FORMULAS.items() for cell, repair in cells.items()],
)
def test_a_formula_has_a_kind_and_a_repair_only_where_it_has_one_reading(kind, cell, repair):
    fault = judge_formula(cell)
    assert (fault.kind, fault.repair) == (kind, repair)
    if repair is not None:
        assert judge_formula(repair) is None and repair in fault.write


@pytest.mark.parametrize(
    "cell",
    ["CO2", "NI3", "COS", "HOF", "KSCN", "Ti3AlC2", "D2O", "CuSO4•5H2O", "Fe₂O₃", "Fe2O3\u200b"]
    + ["Ca (OH)2", "Ti6Al4V1", "Cu1Zn37", "AlMg3", "AlB12", "S1I1O2", "Y3N@C80", "NaN"],
)
def test_ordinary_formulas_are_read(cell):
    assert judge_formula(cell) is None


def test_alloys_by_weight_become_fractions_of_atoms():
    amounts = parse_formula(from_weight_percent("Ti-6Al-4V"))
    total = 90 / 47.867 + 6 / 26.982 + 4 / 50.942
    assert amounts["Ti"] == pytest.approx(90 / 47.867 / total, abs=1e-4)
    for same in (
        "Ti–6Al–4V",
        "Ti6Al4V",
        "Ti-6%Al-4%V",
        "Ti-6wt.%Al-4wt.%V",
        "Ti-6Al-4V (bcc)",
        "Ti 6Al 4V",
    ):
        assert from_weight_percent(same) == from_weight_percent("Ti-6Al-4V")
    assert from_weight_percent("CuZn39Pb3") == from_weight_percent("Cu-39Zn-3Pb")
    for other in (
        "Fe2O3",
        "Ni-50Ti at%",
        "Ti-60Al-60V",
        "Xx-6Al",
        "Ti-6Ti",
        "CO-3Fe",
        "AlSi10Mg",
        "",
    ):
        assert from_weight_percent(other) is None


NUMBERS = {
    "below or above a limit": {"<0.1": None, "< 0.1": None, "≤0.1": None, ">=5": None}
    | {"at most 3": None},
    "approximate": {"~3.4": None, "≈3.4": None, "ca. 3.4": None},
    "with an uncertainty": {"3.4(1)": None, "2.4±0.1": None, "2.4 +/- 0.1": None, "12(1)": None}
    | {"3.4(0.1)": None, "(3.4±0.1)": None, "3.4+0.1-0.2": None, "3.4 +0.1/-0.2": None}
    | {"3.4±0": None},
    "uncertainty or note": {"3.4 (1)": None, "3.4 (0.1)": None, "1.1(1.2)": None},
    "range or decimal number": {"1..5": None, "1...5": None, "1…5": None},
    "range with one power of ten": {"1-5e3": None, "1 to 5e3": None},
    "range": {"1.5..2.5": None, "1 ... 5": None, "1e3-5e3": None, "500-1e3": None}
    | {"7.6-7.8": None, "7.6–7.8": None, "7.6 to 7.8": None, "-5 - -3": None},
    "range or power of ten": {"10-12": None},
    "with a unit": {"3.1 eV": "3.1", "3.1eV": "3.1", "90%": None, "310 meV": None}
    | {"<0.1 eV": "<0.1", "(3.4±0.1) eV": "(3.4±0.1)", "3.4(1) eV": "3.4(1)"},
    "letter in a number": {"1.O": None, "1l": None, "0.S": None, "O.5": None, "l2": None},
    "not measured": {"": None, "n/a": None, "n.d.": None, "n. d.": None, "-": None}
    | {"not measured": None, "<LOD": None, "?": None, "—": None, "nan": None},
    "error of a spreadsheet": {"#DIV/0!": None, "#N/A": None},
    "true or false": {"True": None},
    "date": {"2024-02-03 00:00:00": None, "12:30": None, "3-Feb": None, "03-04": None},
    "power of ten": {"1.5×10^-3": "1.5e-3", "1.5·10⁻³": "1.5e-3", "1.5x10-3": None}
    | {"1.5D-3": "1.5e-3"},
    "number that is too large": {"1e999": None},
    "room temperature": {"RT": None},
    "space in a number": {"1 234.5": "1234.5", "1 234 567": "1234567", "300 500": None}
    | {"25 100": None, "1.4 E-03": "1.4E-03", "1.4e 3": "1.4e3"},
    "marks around a number": {"'3.4": "3.4", "=3.4": "3.4"},
    "number in brackets": {"(3.4)": None},
    "number with a note": {"3.4*": None, "3.4 (exp.)": None, "3.4 [12]": None},
    "several numbers": {"3.4/3.5": None, "3.4, 3.5": None, "3.4 3.5": None},
    "decimal mark with two readings": {"0,125": None, "1,234": None, "<0,1": None, ",5": None}
    | {"1,5e-3": None, "1,5 eV": None, "1,200 K": None, "2,4±0,1": None, "(2,4±0,1) eV": None},
    "not a number": {"high": None, "1.2.3": None, "inf": None, "0x10": None, "7.8-7.6": None},
}


def column(*cells):
    return Table(("x",), [[cell] for cell in cells], list(range(2, len(cells) + 2)))


@pytest.mark.parametrize(
    ("kind", "cell", "repair"),
    [(kind, cell, repair) for kind, cells in NUMBERS.items() for cell, repair in cells.items()],
)
def test_a_number_has_a_kind_and_a_repair_only_where_it_has_one_reading(kind, cell, repair):
    table = column("1.5", "2.25", "3.125", cell, "4.5")
    found = read_measurements(table, "x", CellRules(unit="eV"))
    (bad,) = found.findings
    assert (bad.kind, bad.repair, bad.line) == (kind, repair, 5)
    assert math.isnan(found.numbers[3]) and found.numbers[4] == 4.5
    if repair is not None and kind != "with a unit":
        assert read_numbers(column("1.5", repair), "x")[1] == []


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("1\N{NO-BREAK SPACE}234.5", 1234.5),
        ("1\N{THIN SPACE}234.5", 1234.5),
        ("1'234.5", 1234.5),
        ("\N{MINUS SIGN}2.5\N{NO-BREAK SPACE}", -2.5),
        ("\ufeff2.5\u200b", 2.5),
        ("1e-3", 0.001),
        (".5", 0.5),
        ("5.", 5.0),
    ],
)
def test_marks_that_do_not_change_a_number(cell, number):
    assert read_numbers(column("1.5", "2.25", cell), "x") == ([1.5, 2.25, number], [])
    mirrored = cell.translate({44: 46, 46: 44})
    assert read_numbers(column("1,5", "2,25", mirrored), "x") == ([1.5, 2.25, number], [])


@pytest.mark.parametrize("cell", ["1.200 K", "'1.200", "1.200\N{NO-BREAK SPACE}K"])
def test_a_repair_has_one_reading_in_its_column(cell):
    rules = CellRules(unit="K")
    (bad,) = read_measurements(column("850", "142", cell, "1811"), "x", rules).findings
    assert bad.repair is None and "'1.2' or '1200'" in bad.reason
    (bad,) = read_measurements(column("8.5", "142", cell, "1811"), "x", rules).findings
    assert bad.repair == "1.200"
    (bad,) = read_measurements(column("850", "142", "300 K"), "x", rules).findings
    assert bad.repair == "300"


def test_a_letter_that_is_the_unit_is_no_digit():
    (bad,) = read_measurements(column("1.5", "2.5S"), "x", CellRules(unit="S")).findings
    assert (bad.kind, bad.repair) == ("with a unit", "2.5")


def test_uncertainties_in_other_notations():
    cells = ["1.5", "3.4(0.1)", "(2.4±0.2)", "3.4+0.1-0.2", "3.4±0"]
    found = read_measurements(column(*cells), "x", CellRules(uncertain="value"))
    assert found.numbers == [1.5, 3.4, 2.4, 3.4, 3.4] and found.findings == []
    found = read_measurements(column(*cells), "x", CellRules(uncertain="weight"))
    assert found.uncertainties[1:3] == [0.1, 0.2]
    assert [bad.value for bad in found.findings] == cells[3:]
    rules = CellRules(uncertain="value", ranges="middle")
    refused = ["3.4 (1)", "1.1(1.2)", "1..5", "1...5", "1-5e3"]
    assert [
        bad.value for bad in read_measurements(column("1.5", *refused), "x", rules).findings
    ] == refused


MEASURED = column("1.5", "<0.1", ">5", "~3.4", "2.4±0.1", "3.45(12)", "7.6-7.8", "2.25")


def test_options_read_what_is_refused_by_default():
    assert len(read_measurements(MEASURED, "x").findings) == 6
    rules = CellRules(censored="bound", uncertain="value", ranges="middle")
    found = read_measurements(MEASURED, "x", rules)
    assert found.numbers == [1.5, 0.1, 5, 3.4, 2.4, 3.45, 7.7, 2.25]
    assert found.sides == [0, -1, 1, 0, 0, 0, 0, 0] and found.findings == []
    rules = CellRules(censored="drop", uncertain="weight", ranges="drop")
    found = read_measurements(MEASURED, "x", rules)
    assert [bad.value for bad in found.findings] == ["~3.4"]  # it states no uncertainty
    assert [each.value for each in found.left_out] == ["<0.1", ">5", "7.6-7.8"]
    assert found.uncertainties[4:6] == [0.1, 0.12] and math.isnan(found.uncertainties[0])
    assert math.isnan(found.numbers[1]) and found.numbers[4] == 2.4
    with pytest.raises(InputError, match="censored='keep'"):
        CellRules(censored="keep")


def test_options_follow_the_mark_of_the_column():
    table = column("1,5", "2,25", "<0,1", "2,4±0,1", "3,4(1)", "7,6–7,8")
    rules = CellRules(censored="bound", uncertain="value", ranges="middle")
    assert read_measurements(table, "x", rules).numbers == [1.5, 2.25, 0.1, 2.4, 3.4, 7.7]


def test_weights_follow_uncertainties_within_limits():
    assert uncertainty_weights([0.1, 0.2, 0.4, math.nan]) == pytest.approx([4, 1, 0.25, 1])
    assert uncertainty_weights([1e-9, 1, 1, 1e9]) == [10, 1, 1, 0.1]
    assert uncertainty_weights([math.nan]) == [1]


def test_a_column_is_numbers_or_words_with_missing_cells():
    found = read_values(column("300", "", "n/a", "500,5", "77"), "x")
    assert found.numeric and found.values[0] == 300 and found.values[3] == 500.5
    assert math.isnan(found.values[1]) and math.isnan(found.values[2]) and found.findings == []
    (bad,) = read_values(column("300", "77", "about 400"), "x").findings
    assert bad.kind == "approximate"
    found = read_values(column("cast", " rolled ", "", "n/a", "-", "none"), "x")
    assert not found.numeric and found.values == ["cast", "rolled", None, None, None, "none"]
    (bad,) = read_values(column("25", "RT", "30"), "x").findings
    assert bad.kind == "room temperature" and "298 in K" in bad.write
    (bad,) = read_values(column("cast", "2024-02-03 00:00:00", "cast"), "x").findings
    assert bad.kind == "date"
    found = read_values(column("cast", "n.d.", "#N/A", "not measured", "trace"), "x")
    assert found.values[:2] == ["cast", None] and found.values[3:] == [None, "trace"]
    assert [bad.kind for bad in found.findings] == ["error of a spreadsheet"]
    assert read_values(column("304", "316"), "x", numeric=False).values == ["304", "316"]
    assert read_values(column("hot", "300"), "x", numeric=True).findings[0].value == "hot"


def test_findings_of_one_kind_are_counted():
    table = Table(("f",), [["Si02"]] * 30 + [["ZnO:Al"]], list(range(2, 33)))
    found = formula_problems(table, "f")
    lines = list_findings(found)
    assert len(lines) == 7 and lines[-1] == "and 25 more: zero for the letter O"
    assert {kind: len(group) for kind, group in by_kind(found).items()} == {
        "zero for the letter O": 30,
        "dopant": 1,
    }


def test_repairs_are_those_with_one_reading():
    header = ("formula", "gap (eV)", "T")
    cells = [["Si02", "9.5 eV", "300"], ["ZnO:Al", "3,3", "n/a"], ["GaAs", "1.5", ""], ["C0"]]
    table = Table(header, cells, [2, 3, 4, 5])
    found = check_table(table, formula_problems(table, "formula"), besides=["formula"])
    repaired, repairs = repair_table(table, found)
    assert repaired.cells[0] == ["SiO2", "9.5", "300"] and repaired.cells[1:] == table.cells[1:]
    assert [(each.line, each.value, each.repair) for each in repairs] == [
        (2, "Si02", "SiO2"),
        (2, "9.5 eV", "9.5"),
    ]
    left = [each.value for each in found if each not in repairs]
    assert left == ["ZnO:Al", "3,3", "n/a", "C0"]  # the last row is too short


def test_thousands_or_decimals_in_doubt_are_findings_of_a_check():
    table = column("1,234", "2,345", "12")
    with pytest.raises(TableError, match="--decimal"):
        read_numbers(table, "x")
    assert [each.value for each in check_table(table, targets=["x"])] == ["1,234", "2,345"]
