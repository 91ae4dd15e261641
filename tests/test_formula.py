"""The formula parser: what it reads, what it refuses, and its agreement with pymatgen."""

import csv
import os
import pickle
import random
import re
import time
from operator import itemgetter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sktl.exceptions import FormulaError
from sktl.representations._formula import ATOMIC_NUMBER, SYMBOLS, parse_formula, parse_formulas

MIRROR = Path(
    os.environ.get("SKTL_DATA_MIRROR", Path(__file__).parents[2] / "shared" / "data" / "mirror")
)
PIECES = [
    *["Fe", "O", "H", "C", "Na", "D", "Xx", "o", "e", "x", "F", "2", "0", "12", ".", "0.5", ".5"],
    *["1e-9", "(", ")", "[", "]", "·", "*", "H2O", "(H2O)", ".5H2O", ".H2O", "₂", " ", "\n", "+"],
    *[
        "-",
        "@",
        "{",
        "}",
        "½",
        "²",
        "é",
        "\t",
        "9" * 400,
        "I",
        "T",
        "V",
        "Pb",
        "1",
        "13",
        "Ca",
        "N20",
    ],
]


def rows_of(compositions):
    """Return {symbol: amount} of each row."""
    bounds = zip(compositions.offsets[:-1], compositions.offsets[1:], strict=True)
    return [
        {
            SYMBOLS[z - 1]: amount
            for z, amount in zip(
                compositions.numbers[a:b].tolist(), compositions.amounts[a:b].tolist(), strict=True
            )
        }
        for a, b in bounds
    ]


def check_paths_agree(text):
    """Assert that many-at-once reading accepts, refuses and gives what the exact parser does."""
    try:
        expected = parse_formula(text)
    except FormulaError:
        with pytest.raises(FormulaError) as caught:
            parse_formulas(["Fe2O3", text])
        assert caught.value.rows == [1]
    else:
        plain, row = rows_of(parse_formulas(["Fe2O3", text]))
        assert plain == {"O": 3, "Fe": 2}
        assert row == pytest.approx(expected, rel=1e-12)


def test_symbols():
    assert len(SYMBOLS) == 118
    assert (ATOMIC_NUMBER["H"], ATOMIC_NUMBER["Fe"], ATOMIC_NUMBER["Og"]) == (1, 26, 118)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("Fe2O3", {"Fe": 2, "O": 3}),
        ("O3Fe2", {"Fe": 2, "O": 3}),
        ("Fe0.98O", {"Fe": 0.98, "O": 1}),
        ("Al.5Ga.5As", {"Al": 0.5, "Ga": 0.5, "As": 1}),
        ("Fe2.O3.", {"Fe": 2, "O": 3}),
        ("Fe1e-3O", {"Fe": 0.001, "O": 1}),
        ("H₂O", {"H": 2, "O": 1}),
        ("Fe₀.₉₈O", {"Fe": 0.98, "O": 1}),
        (" Fe2 O3\n", {"Fe": 2, "O": 3}),
        ("NaN", {"Na": 1, "N": 1}),
        ("CH3CH2OH", {"C": 2, "H": 6, "O": 1}),
        ("K4[Fe(CN)6]", {"K": 4, "Fe": 1, "C": 6, "N": 6}),
        ("{[(Fe)2O]3}2", {"Fe": 12, "O": 6}),
        ("(Li2O)0.5(P2O5) 0.5", {"Li": 1, "P": 1, "O": 3}),
        ("Y3N@C80", {"Y": 3, "N": 1, "C": 80}),
        ("D2O", {"H": 2, "O": 1}),
        ("HDO", {"H": 2, "O": 1}),
        ("La2Sr0CuO4", {"La": 2, "Cu": 1, "O": 4}),
        ("OgTs2", {"Og": 1, "Ts": 2}),
    ],
)
def test_reads(formula, expected):
    assert parse_formula(formula) == pytest.approx(expected)
    check_paths_agree(formula)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("CuSO4.5H2O", {"Cu": 1, "S": 1, "O": 9, "H": 10}),
        ("CuSO4·5H2O", {"Cu": 1, "S": 1, "O": 9, "H": 10}),
        ("CuSO4⋅5H2O", {"Cu": 1, "S": 1, "O": 9, "H": 10}),
        ("CuSO4•5H2O", {"Cu": 1, "S": 1, "O": 9, "H": 10}),
        ("CuSO4*5H2O", {"Cu": 1, "S": 1, "O": 9, "H": 10}),
        ("CuSO4 · 5 H2O", {"Cu": 1, "S": 1, "O": 9, "H": 10}),
        ("CuSO4 . 5(H2O)", {"Cu": 1, "S": 1, "O": 9, "H": 10}),
        ("CuSO4.H2O", {"Cu": 1, "S": 1, "O": 5, "H": 2}),
        ("NaCl.2H2O", {"Na": 1, "Cl": 1, "O": 2, "H": 4}),
        ("KAl(SO4)2.12H2O", {"K": 1, "Al": 1, "S": 2, "O": 20, "H": 24}),
        ("CaSO4.0.5H2O", {"Ca": 1, "S": 1, "O": 4.5, "H": 1}),
        ("Na0.35CoO2·1.3H2O", {"Na": 0.35, "Co": 1, "O": 3.3, "H": 2.6}),
        ("Na0.98Cl.2H2O", {"Na": 0.98, "Cl": 1, "O": 2, "H": 4}),
        ("3CdSO4·8H2O", {"Cd": 3, "S": 3, "O": 20, "H": 16}),
        ("[CuSO4·5H2O]2", {"Cu": 2, "S": 2, "O": 18, "H": 20}),
        # decimals, although water or an adduct could be meant
        ("Na0.5H2O", {"Na": 0.5, "H": 2, "O": 1}),
        ("Ba2Cu3O6.93Y", {"Ba": 2, "Cu": 3, "O": 6.93, "Y": 1}),
        ("Li1.3Al0.3Ti1.7(PO4)3", {"Li": 1.3, "Al": 0.3, "Ti": 1.7, "P": 3, "O": 12}),
    ],
)
def test_reads_hydrates(formula, expected):
    assert parse_formula(formula) == pytest.approx(expected)
    check_paths_agree(formula)


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("Fe0", "all amounts are zero"),
        ("Xx2O", "unknown element 'Xx'"),
        ("Feo", "unknown element 'Feo'"),
        ("fe2o3", "unexpected 'f'"),
        ("Fe2+", r"'\+'; charges"),
        ("SO4-2", "'-'; charges"),
        ("Fe²⁺", "'²'; charges"),
        ("(Fe", r"'\)' is missing"),
        ("Fe)2", "closes no bracket"),
        ("[Fe)2", "closes no bracket"),
        ("Fe()2", "empty"),
        ("Fe2 3", "unexpected '3'"),
        ("4H SiC", "unexpected '4'"),
        ("H2O·", "empty"),
        ("CuSO4.xH2O", "unexpected 'x'"),
        ("Fe" + "9" * 400, "not finite"),
        ("Al2O3.2SiO2.2H2O", "ambiguous"),
        ("Ca1.5SO4.2H2O", "ambiguous"),
        ("CaSO4.1.5H2O", "ambiguous"),
        ("(" * 50, "missing"),
        ("(" * 5000, "nested deeper than 100"),
        ("NaCl" + " " * 40000 + "1.5", "40,007 characters; a formula has at most 10,000"),
        ("3-Feb", "spreadsheet may have changed 'FeB3'"),
        ("Feb-03", "spreadsheet may have changed 'FeB3'"),
        (float("nan"), "keep_default_na=False"),
        (None, "type NoneType"),
        (3, "type int"),
        (b"Fe2O3", "type bytes"),
    ],
)
def test_refuses(formula, reason):
    with pytest.raises(FormulaError, match=reason):
        parse_formula(formula)
    with pytest.raises(FormulaError, match=f"(?s)row 1.*(?:{reason})") as caught:
        parse_formulas(["Fe2O3", formula, "NaCl"])
    assert caught.value.rows == [1]


@pytest.mark.parametrize(
    "formula",
    [
        "Fe0Co1",
        "Li0CoO2",
        "Fe0.05Ni0.95",
        "C60",
        "K20",
        "B105",
        "Ba20Hg103",
        "Al108Mn48",
        "Fe1e-05O",
    ]
    + ["La2Sr0CuO4", "Al0Ga1As", "Al.5Ga.5As", "La3CI5", "YCI", "CI4", "LiC12", "KC8", "C1Pt1"]
    + ["VI3", "CH3I", "Yb3Rh4Sn13", "Sr Ti O3", "Fe 2 O 3", "Ca (OH)2", "Mg3(VO4)2", "K(F)2"]
    + ["Na2SO4·10H2O", "C12H22O11", "V2O5·1.5H2O", "Cu(FeNi)2S4", "H6PbCI3N", "2Fe2O3·3H2O"]
    + ["Mg(OH)2", "(NH4)2SO4", "(NaCl)50(KCl)50", "(GeTe)85(AgSbTe2)15", "(BiSb)2Te3", "Al4Ba4H20"],
)
def test_reads_ordinary_formulas_without_doubt(formula):
    parse_formula(formula)
    check_paths_agree(formula)


@pytest.mark.parametrize(
    "cell",
    ["a" * 10**6, "Fe02" * 2500, "Fe2.O" * 2000, ". " * 5000, "(FeCo)5" * 1400, "x" * 200]
    + ["\x1b[31m" * 100],
    ids=len,
)
def test_work_and_message_are_bounded(cell):
    start = time.perf_counter()
    try:
        parse_formula(cell)
    except FormulaError as error:
        assert len(str(error)) < 700
        assert str(error).isprintable()
    assert time.perf_counter() - start < 2


def test_lists_first_five_bad_rows():
    formulas = ["Fe2O3", "3-Feb"] * 4 + [None, "Xx"]
    with pytest.raises(FormulaError) as caught:
        parse_formulas(formulas)
    assert caught.value.rows == [1, 3, 5, 7, 8, 9]
    message = str(caught.value)
    assert "6 of 10" in message and "row 8" in message and "and 1 more" in message
    assert "row 9" not in message
    assert pickle.loads(pickle.dumps(caught.value)).rows == caught.value.rows


@pytest.mark.parametrize("formulas", ["Fe2O3", b"Fe2O3"])
def test_refuses_a_single_string(formulas):
    with pytest.raises(FormulaError, match="expected a sequence"):
        parse_formulas(formulas)


def test_empty_batch():
    assert len(parse_formulas([])) == 0


def test_containers_agree():
    formulas = ["Fe2O3", "K4[Fe(CN)6]"]
    expected = parse_formulas(formulas).keys()
    for same in (tuple(formulas), np.array(formulas), np.array(formulas, dtype=object)):
        assert parse_formulas(same).keys() == expected


def test_rows_beyond_one_block():
    formulas = ["Fe2O3", "Ca3(PO4)2", "NaCl", "CuSO4.5H2O"] * 5000
    assert parse_formulas(formulas).keys() == parse_formulas(formulas[:4]).keys() * 5000
    formulas[17777] = "Qq"
    with pytest.raises(FormulaError, match="row 17777"):
        parse_formulas(formulas)


def test_pymatgen_compositions():
    pymatgen = pytest.importorskip("pymatgen.core")
    charged = pymatgen.Composition({"Fe2+": 1, "Fe3+": 2, "O2-": 4})
    plain = pymatgen.Composition("Ca3(PO4)2")
    assert rows_of(parse_formulas([charged, "NaCl", plain])) == [
        {"O": 4, "Fe": 3},
        {"Na": 1, "Cl": 1},
        {"O": 8, "P": 2, "Ca": 3},
    ]
    with pytest.raises(FormulaError, match="unknown element 'X'") as caught:
        parse_formulas([plain, pymatgen.Composition({pymatgen.DummySpecies("X"): 1, "O": 1})])
    assert caught.value.rows == [1]
    with pytest.raises(FormulaError, match="negative"):
        parse_formulas([pymatgen.Composition({"Fe": -1, "O": 2}, allow_negative=True)])
    with pytest.raises(FormulaError, match="empty"):
        parse_formulas([pymatgen.Composition({})])
    with pytest.raises(FormulaError, match="expected a sequence"):
        parse_formulas(plain)


def test_fast_and_exact_path_agree_on_random_pieces():
    generator = random.Random(0)
    for _ in range(4000):
        check_paths_agree("".join(generator.choices(PIECES, k=generator.randint(1, 8))))


@settings(max_examples=500)
@given(st.lists(st.sampled_from(PIECES), max_size=10).map("".join) | st.text(max_size=12))
def test_fast_and_exact_path_agree_on_any_text(text):
    check_paths_agree(text)


AMOUNTS = (
    st.integers(1, 19)
    | st.integers(21, 99)
    | st.integers(1, 199).map(lambda hundredths: hundredths / 100)
)


@st.composite
def written_formulas(draw):
    """Return amounts by element, and a text that says so: in any order, with spaces, subscripts."""
    amounts = draw(st.dictionaries(st.sampled_from(SYMBOLS), AMOUNTS, min_size=1, max_size=5))
    whole = all(isinstance(amount, int) for amount in amounts.values())
    subscripts = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉") if draw(st.booleans()) else {}
    parts = []
    space = draw(st.sampled_from(["", "", " ", "\t"]))
    for symbol in draw(st.permutations(list(amounts))):
        number = "" if whole and amounts[symbol] == 1 else str(amounts[symbol])
        parts.append(f"{symbol}{number.translate(subscripts)}{space}")
    return amounts, "".join(parts)


@given(written_formulas())
def test_what_is_written_is_read_in_any_order_and_typography(written):
    amounts, text = written
    assert parse_formula(text) == pytest.approx(amounts, rel=1e-12)
    (row,) = rows_of(parse_formulas([text]))
    assert row == pytest.approx(amounts, rel=1e-12)


@given(written_formulas(), st.integers(2, 9), st.sampled_from(["()", "[]", "{}"]))
def test_a_multiple_is_the_same_composition(written, factor, brackets):
    _, text = written
    multiple = f"{brackets[0]}{text}{brackets[1]}{factor}"
    assert parse_formulas([multiple]).keys() == parse_formulas([text]).keys()


def mirror_formulas():
    """Return every distinct formula of the mirror."""
    if not MIRROR.is_dir():
        pytest.skip(f"no data mirror at {MIRROR}: set SKTL_DATA_MIRROR")
    found = set()
    for path in sorted(MIRROR.rglob("*.csv")):
        with path.open(newline="") as file:
            rows = csv.reader(file)
            header = next(rows)
            column = {"formula", "pretty_comp"}.intersection(header)
            if column:
                found.update(map(itemgetter(header.index(column.pop())), rows))
    return sorted(found)


def test_agrees_with_pymatgen_on_the_mirror():
    pymatgen = pytest.importorskip("pymatgen.core")
    formulas = mirror_formulas()
    dates = [f for f in formulas if "-" in f]
    assert set(dates) <= {"2-Feb", "3-Feb"}
    odd = [f for f in formulas if re.search(r"[^A-Za-z0-9()]", f) and f not in dates]
    plain = sorted(set(formulas).difference(odd, dates))
    sample = odd + random.Random(0).sample(plain, min(3000, len(plain)))
    compositions = parse_formulas(sample)
    for formula, row in zip(sample, rows_of(compositions), strict=True):
        assert row == pytest.approx(pymatgen.Composition(formula).get_el_amt_dict(), rel=1e-8)
