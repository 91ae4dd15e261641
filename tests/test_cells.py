"""Cells as laboratories write them: each is read as it was written, or refused and named."""

import math

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sktl.exceptions import TableError
from sktl.tables import (
    Table,
    check_table,
    find_column,
    find_formulas,
    formula_problems,
    names_column,
    read_numbers,
    read_table,
    read_values,
    write_table,
)


def column(*cells):
    return Table(("x",), [[cell] for cell in cells], list(range(2, len(cells) + 2)))


def with_gap(header):
    return names_column(header, ["formula"]) and names_column(header, ["gap"])


@pytest.mark.parametrize("decimal", ["auto", ".", ","])
@pytest.mark.parametrize("name", ["t.xlsx", "t.parquet"])
def test_a_typed_number_has_no_decimal_mark(tmp_path, name, decimal):
    frame = pd.DataFrame({"formula": ["GaAs", "InP", "Si"], "gap": [1.42, 1.344, 2.0]})
    write = frame.to_excel if name == "t.xlsx" else frame.to_parquet
    write(tmp_path / name, index=False)
    assert read_numbers(read_table(tmp_path / name), "gap", decimal) == ([1.42, 1.344, 2.0], [])


def test_text_beside_typed_numbers_keeps_its_mark(tmp_path, workbook):
    path = workbook(tmp_path / "t.xlsx", data=[["x"], [1.42], ["1,5"], ["2,25"], ["2.5"]])
    numbers, (bad,) = read_numbers(read_table(path), "x")
    assert numbers[:3] == [1.42, 1.5, 2.25] and bad.line == 5


@pytest.mark.parametrize(
    ("cells", "odd", "readings"),
    [
        (["8,5", "1,42", "2.2", "12,1"], "2.2", "2.2 .* 22 "),
        (["8.5", "1.42", "0,125", "12.1"], "0,125", "0.125 .* 125 "),
        (["8.5", "1.42", "1,234", "12.1"], "1,234", "1.234 .* 1234 "),
        (["8,5", "1,42", "1.234", "12,1"], "1.234", "1.234 .* 1234 "),
        (["8.5", "1.42", "1.234,5", "12.1"], "1.234,5", "1234.5 .* 1.2345 "),
    ],
)
def test_the_odd_cell_is_named_with_both_readings(cells, odd, readings):
    numbers, (bad,) = read_numbers(column(*cells), "x")
    assert bad.value == odd and math.isnan(numbers[cells.index(odd)])
    assert len([number for number in numbers if math.isfinite(number)]) == 3
    with pytest.raises(AssertionError, match=readings):
        raise AssertionError(bad.reason)


@pytest.mark.parametrize("cell", ["0,125", "1,34", "12,34,567", "1,2345", "01,234", ",5"])
def test_a_separator_is_never_deleted_where_it_groups_nothing(cell):
    assert len(read_numbers(column("1.5", "2.25", cell), "x")[1]) == 1
    assert len(read_numbers(column("1.5", cell), "x", ".")[1]) == 1
    mirrored = cell.translate({44: 46, 46: 44})
    assert len(read_numbers(column("1,5", mirrored), "x", ",")[1]) == 1


def test_thousands_are_read_where_another_cell_shows_them():
    assert read_numbers(column("1,234,567.8", "1,234", "2.5"), "x")[0] == [1234567.8, 1234, 2.5]
    assert read_numbers(column("1.234,5", "1.234", "2,5"), "x")[0] == [1234.5, 1234, 2.5]
    assert read_numbers(column("1.234", "2.345"), "x")[0] == [1.234, 2.345]


@pytest.mark.parametrize("cell", ["1.234E-05", "5.678e03", "-2.500E+3", "1.234.567e2"])
def test_before_an_exponent_no_separator_groups_thousands(cell):
    numbers, (bad,) = read_numbers(column("2,5E-03", cell, "1.000,5"), "x")
    assert (numbers[0], numbers[2], bad.value) == (0.0025, 1000.5, cell)
    assert "without the point" not in bad.reason
    assert len(read_numbers(column(cell, cell), "x", ",")[1]) == 2
    mirrored = cell.translate({44: 46, 46: 44})
    assert [bad.value for bad in read_numbers(column(mirrored, "8.5"), "x", ".")[1]] == [mirrored]


COMMAS = [
    "formula;Tm (K);density\nFe;1.811;7,87\nMgO;3.125;3,58\nSn;505;7,31\n",
    "formula\tTm (K)\tdensity\nFe\t1.811\t7,87\nMgO\t3.125\t3,58\n",
    "formula;Tm (K);year;density\nFe;1.811;2001;7\nMgO;3.125;2002;3,58\nSn;505;2003;\n",
    'formula,Tm (K),density\nFe,1.811,"7,87"\nMgO,3.125,"3,58"\n',
    "formula;Tm (K);density;date\nFe;1.811;7,87;03.02\nMgO;3.125;3,58;04.05\n",
]
POINTS = [
    "formula,Tm (K),density\nFe,1.811,7.87\nMgO,3.125,3.58\n",
    "formula,Tm (K)\nFe,1.811\nMgO,3.125\n",
    "formula;Tm (K)\nFe;1.811\nMgO;3.125\n",
    "formula\tTm (K)\nFe\t1.811\nMgO\t3.125\n",
    'formula,Tm (K),ref\nFe,1.811,"1,2"\nMgO,3.125,3\nSn,1.505,4\n',
    'formula,Tm (K),hkl,d\nFe,1.811,"1,1",2.87\nMgO,3.125,"1,2",4.21\n',
    "formula;Tm (K);d;e\nFe;1.811;2.87;1,2\nMgO;3.125;4.21;0.5\n",
]


@pytest.mark.parametrize("text", COMMAS)
def test_thousands_or_decimals_are_in_doubt_where_other_columns_have_commas(tmp_path, text):
    (tmp_path / "t.csv").write_text(text)
    table = read_table(tmp_path / "t.csv")
    for read in (read_numbers, read_values):
        with pytest.raises(TableError, match=r"line 2, Tm \(K\): '1.811' may be .*--decimal"):
            read(table, "Tm (K)")
    assert read_numbers(table, "Tm (K)", ",")[0][:2] == [1811, 3125]
    assert read_numbers(table, "Tm (K)", ".")[0][:2] == [1.811, 3.125]
    assert [bad.value for bad in check_table(table, targets=["Tm (K)"])] == ["1.811", "3.125"]


@pytest.mark.parametrize("text", POINTS)
def test_points_are_decimal_where_no_other_column_has_commas(tmp_path, text):
    (tmp_path / "t.csv").write_text(text)
    table = read_table(tmp_path / "t.csv")
    assert read_numbers(table, "Tm (K)")[0][:2] == [1.811, 3.125]
    assert read_values(table, "Tm (K)").values[:2] == [1.811, 3.125]


def test_a_mantissa_has_a_decimal_mark():
    assert read_numbers(column("1.234E-05", "5.678e3"), "x") == ([1.234e-5, 5678], [])
    assert read_numbers(column("1,234E-05", "5,678e3"), "x") == ([1.234e-5, 5678], [])
    assert read_numbers(column("12e3", "1.234,5"), "x", ",") == ([12e3, 1234.5], [])


KINDS = ["csv"] * 5 + ["xlsx"]
MARKS = st.sampled_from([".", ","])
NUMBERS = st.tuples(
    st.integers(0, 10**7), st.integers(0, 4), st.sampled_from(["", "", "-"]), st.booleans()
)


def write_number(number, mark):
    """Return a number as text, grouped or not, and its value."""
    integer, digits, sign, grouped = number
    text = f"{integer / 10**digits:{',' if grouped else ''}.{digits}f}"
    value = float(sign + text.replace(",", ""))
    return sign + (text if mark == "." else text.translate({44: 46, 46: 44})), value


@st.composite
def measured(draw):
    """Return a column of numbers in one notation, of which a few may be in the other."""
    mark = draw(MARKS)
    whole = draw(st.lists(NUMBERS, min_size=3, max_size=8))
    odd = draw(st.lists(NUMBERS, max_size=1))
    cells = [write_number(number, mark) for number in whole]
    cells += [write_number(number, "," if mark == "." else ".") for number in odd]
    return mark, len(whole), cells


def is_evident(cells, mark):
    """Whether more cells can only be read with this mark than with the other."""
    refused = {
        each: sum(len(read_numbers(column(cell), "x", each)[1]) for cell in cells) for each in ".,"
    }
    return refused[mark] < refused["," if mark == "." else "."]


@settings(
    max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(measured(), st.sampled_from(";\t|"), st.sampled_from(KINDS), st.data())
def test_each_number_is_read_as_written_or_refused(tmp_path, workbook, made, delimiter, kind, data):
    mark, n_whole, cells = made
    title = data.draw(st.sampled_from([[], [["Sample list"]], [["Sample list"], []]]))
    nameless = data.draw(st.booleans())
    header = ["", "formula", "gap (eV)", ""] if nameless else ["formula", "gap (eV)"]
    rows = [["0", "NaCl", text, ""] if nameless else ["NaCl", text] for text, _ in cells]
    path = tmp_path / f"t.{kind}"
    if kind == "xlsx":
        workbook(path, notes=[["measured in spring"]], data=[*title, header, *rows])
    else:
        lines = [delimiter.join(row) for row in (*title, header, *rows)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    table = read_table(path, wanted=with_gap)
    assert find_formulas(table) == "formula" and table.header_line == len(title) + 1
    texts = [text for text, _ in cells]
    for decimal in ("auto", mark):
        if decimal == "auto" and not is_evident(texts, mark):
            continue  # 1.234 alone is 1.234, as always
        try:
            numbers, problems = read_numbers(table, find_column(table, "gap").name, decimal)
        except TableError as error:
            assert "--decimal" in str(error)
            continue
        refused = {problem.row for problem in problems}
        for row, (_, value) in enumerate(cells[:n_whole]):
            assert row in refused or numbers[row] == value, (texts, decimal)


@pytest.mark.parametrize("name", ["t.csv", "t.xlsx"])
def test_two_columns_of_one_name_matter_where_that_name_is_asked_for(tmp_path, name):
    rows = [["formula", "gap", "gap", ""], ["NaCl", "8.5", "17", "a"], ["Si", "1.1", "2.2", "b"]]
    table = Table(tuple(rows[0]), rows[1:], [2, 3])
    write_table(tmp_path / name, table)
    found = read_table(tmp_path / name, wanted=with_gap)
    assert found.header == table.header and found.cells == rows[1:]
    assert find_column(found, "formula").name == "formula"
    with pytest.raises(TableError, match="all different"):
        find_column(found, "Gap")
    with pytest.raises(TableError, match="rename"):
        found.column("gap")


@pytest.mark.parametrize("text", ["formula,gap,\nNaCl,8.5,\n", ",formula,gap\n7,NaCl,8.5\n"])
def test_a_column_without_a_name_passes_through(tmp_path, text):
    (tmp_path / "t.csv").write_text(text)
    table = read_table(tmp_path / "t.csv", wanted=with_gap)
    assert read_numbers(table, "gap") == ([8.5], [])
    write_table(tmp_path / "out.csv", table)
    assert (tmp_path / "out.csv").read_text() == text


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        ("formula,gap,\nNaCl,8,5\nGaAs,1,42\n", [2, 3]),
        ("formula,gap,\nNaCl,8,5\nGaAs,1,42\nTiO2,3,\n", [2, 3]),
        ("formula,gap,,note\nNaCl,8,5,a\nGaAs,-1,42,b\nTiO2,3,,c\n", [2, 3]),
        ('formula,gap,\nNaCl,8,5\nGaAs,"1,42",\n', [2]),
        ("formula,gap,\nNaCl,8.5,1\nGaAs,1.42,2\n", []),
        ("formula,gap,\nNaCl,8,a\nGaAs,1,b\nTiO2,3,1\n", []),
        ("formula,gap,\nNaCl,8,\nGaAs,1,\n", []),
        ("formula,gap,ref\nNaCl,8,5\nGaAs,1,42\n", []),
        ("formula;gap;\nNaCl;8;5\nGaAs;1;42\n", []),
        (",formula,gap\n1,NaCl,8\n2,GaAs,1\n", []),
    ],
)
def test_a_decimal_comma_that_parts_a_number_into_two_cells(tmp_path, text, bad):
    (tmp_path / "t.csv").write_text(text)
    table = read_table(tmp_path / "t.csv")
    for found in (read_numbers(table, "gap", ",")[1], read_values(table, "gap").findings):
        assert [each.line for each in found if each.kind.startswith("decimal comma")] == bad
    for each in found if bad else ():
        assert "two cells" in each.reason and each.repair is None


DATA = [["formula", "gap"], ["NaCl", 8.5], ["Si", 1.1]]


def test_sheet_and_header_are_found_where_there_is_one_choice(tmp_path, workbook):
    path = workbook(tmp_path / "t.xlsx", notes=[["in spring"]], data=[["Samples"], [], *DATA])
    table = read_table(path, wanted=with_gap)
    assert (table.sheet, table.header_line, table.lines) == ("data", 3, [4, 5])
    assert read_table(path, sheet="data", header_row=3).cells == table.cells
    (tmp_path / "t.csv").write_text("Samples, spring\n\nformula;gap\nNaCl;8,5\n")
    table = read_table(tmp_path / "t.csv", wanted=with_gap)
    assert (table.header_line, table.cells) == (3, [["NaCl", "8,5"]])


def test_sheet_and_header_are_asked_for_where_there_are_several(tmp_path, workbook):
    path = workbook(tmp_path / "t.xlsx", spring=DATA, summer=DATA)
    with pytest.raises(TableError, match="'spring', row 1; sheet 'summer', row 1.*--sheet"):
        read_table(path, wanted=with_gap)
    assert read_table(path, sheet="summer", wanted=with_gap).sheet == "summer"
    with pytest.raises(TableError, match=r"sheet='x', expected one of \['spring', 'summer'\]"):
        read_table(path, sheet="x")
    with pytest.raises(TableError, match="has no row 9"):
        read_table(path, sheet="spring", header_row=9)


@pytest.mark.parametrize(
    ("cell", "hint"),
    [
        (pd.Timestamp(2024, 2, 3), "'FeB3'"),
        (pd.Timestamp(1950, 9, 1), "'SeP50'"),
        (pd.Timestamp(2024, 5, 3), "it is a date"),
    ],
)
def test_a_date_says_what_it_was(tmp_path, cell, hint, workbook):
    path = workbook(tmp_path / "t.xlsx", data=[["formula"], ["NaCl"], [cell.to_pydatetime()]])
    (bad,) = formula_problems(read_table(path), "formula")
    assert bad.line == 3 and hint in bad.reason


def test_an_output_keeps_the_mode_of_the_file_that_it_replaces(tmp_path):
    (tmp_path / "t.csv").write_text("")
    (tmp_path / "t.csv").chmod(0o600)
    write_table(tmp_path / "t.csv", column("1"))
    assert (tmp_path / "t.csv").stat().st_mode & 0o777 == 0o600
