"""Tables as people have them: what is read, and what is said of what cannot be."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sktl.exceptions import TableError
from sktl.tables import (
    Table,
    bad_rows,
    find_column,
    find_formulas,
    formula_problems,
    read_numbers,
    read_table,
    write_table,
)


def written(folder, text, name="t.csv", encoding="utf-8"):
    (folder / name).write_bytes(text.encode(encoding))
    return folder / name


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("mark", ["", "\N{BYTE ORDER MARK}"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_text_of_any_spreadsheet(tmp_path, delimiter, mark, end):
    rows = [["formula", "gap (eV)"], ["NaCl", "8.5"], ["Si", "1.1"], ["", ""], ["", ""]]
    text = mark + end.join(delimiter.join(row) for row in rows) + end
    table = read_table(written(tmp_path, text))
    assert table.header == ("formula", "gap (eV)")
    assert table.cells == [["NaCl", "8.5"], ["Si", "1.1"]] and table.lines == [2, 3]


def test_lines_are_those_of_the_file(tmp_path):
    text = '\nformula,note\nNaCl,"two\nlines"\nSi,x\n\nGe,y\n'
    table = read_table(written(tmp_path, text))
    assert table.column("formula") == ["NaCl", "Si", "", "Ge"]
    assert table.lines == [3, 5, 6, 7]
    assert [(bad.line, bad.reason) for bad in bad_rows(table)] == [(6, "blank")]


def test_sodium_nitride_is_no_missing_value(tmp_path):
    table = read_table(written(tmp_path, "formula,gap\nNaN,1.0\nNa3N,NaN\nNO,nan\n"))
    assert formula_problems(table, "formula") == []
    numbers, problems = read_numbers(table, "gap")
    assert numbers[0] == 1.0 and all(map(math.isnan, numbers[1:]))
    assert [(bad.line, bad.value, bad.reason) for bad in problems] == [
        (3, "NaN", "no value"),
        (4, "nan", "no value"),
    ]


def test_rows_of_another_length_are_bad(tmp_path):
    table = read_table(written(tmp_path, "a,b\n1,2\n3\n4,5,6\n7,8,,\n"))
    assert [bad.reason for bad in bad_rows(table)] == [
        "1 cells, the header has 2",
        "3 cells, the header has 2",
    ]


def test_bad_formulas_have_a_reason(tmp_path):
    table = read_table(written(tmp_path, "f\nFe2O3\n3-Feb\nXx2\n"))
    found = formula_problems(table, "f")
    assert [(bad.row, bad.line) for bad in found] == [(1, 3), (2, 4)]
    assert "a spreadsheet may have changed 'FeB3'" in found[0].reason
    assert str(found[1]).startswith("line 4, f: 'Xx2': unknown element 'Xx'; it looks like")


@pytest.mark.parametrize(
    ("cells", "decimal", "expected"),
    [
        (["8,5", "1,42"], "auto", [8.5, 1.42]),
        (["1.5", "2"], "auto", [1.5, 2.0]),
        (["1,234,567", "2.5"], "auto", [1234567.0, 2.5]),
        (["1.234,5", "2,5"], ",", [1234.5, 2.5]),
        (["1,234"], ".", [1234.0]),
        (["1,234"], ",", [1.234]),
        (["-3e-2", "+4", "\N{MINUS SIGN}5"], "auto", [-0.03, 4.0, -5.0]),
    ],
)
def test_numbers(tmp_path, cells, decimal, expected):
    table = read_table(written(tmp_path, "x\n" + "\n".join(f'"{cell}"' for cell in cells)))
    assert read_numbers(table, "x", decimal) == (expected, [])


@pytest.mark.parametrize("cell", ["1.4,2", "high", "1_000", "inf", "1.2.3", "0x10"])
def test_what_is_no_number(tmp_path, cell):
    table = read_table(written(tmp_path, f'x\n1.5\n"{cell}"\n'))
    numbers, (bad,) = read_numbers(table, "x")
    assert numbers[0] == 1.5 and math.isnan(numbers[1])
    assert (bad.line, bad.value, bad.reason) == (3, cell, "not a finite number")


def test_thousands_or_decimals_is_asked(tmp_path):
    table = read_table(written(tmp_path, 'x\n"1,234"\n"2,345"\n'))
    with pytest.raises(TableError, match="line 2, x: '1,234' may be .* --decimal"):
        read_numbers(table, "x")


def test_columns_are_found_without_unit_and_case(tmp_path):
    table = read_table(written(tmp_path, "Formula,Gap (eV),gap [meV],Tc\nSi,1,2,3\n"))
    assert find_column(table, "formula") == ("Formula", "Formula", None)
    assert find_column(table, "GAP [eV]") == ("Gap (eV)", "Gap", "eV")
    assert find_column(table, "gap (meV)") == ("gap [meV]", "gap", "meV")
    with pytest.raises(TableError, match="does not say that it is in MeV: .* convert it"):
        find_column(table, "gap (MeV)")  # a billion times as much
    with pytest.raises(TableError, match=r"may be any of \['Gap \(eV\)', 'gap \[meV\]'\]"):
        find_column(table, "gap")
    with pytest.raises(TableError, match="Did you mean 'Formula'"):
        find_column(table, "formla")


@pytest.mark.parametrize(
    "header", ["Formula,formula", "FORMULA,Formula,composition", "formula,composition,x"]
)
def test_several_columns_that_may_have_the_formulas(tmp_path, header):
    table = read_table(written(tmp_path, f"{header}\nSi,Ge,1\n"))
    with pytest.raises(TableError, match="Say which column has the formulas"):
        find_formulas(table)
    assert find_formulas(table, header.split(",")[1]) == header.split(",")[1]


def test_one_column_of_formulas_is_found(tmp_path):
    for header in ("Formula,gap", "formula,formula (old)", "gap,Compound [name]"):
        found = find_formulas(read_table(written(tmp_path, f"{header}\nSi,1\n")))
        assert found in ("Formula", "formula", "Compound [name]")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_wide_encoding_without_a_mark_is_named(tmp_path, encoding):
    path = written(tmp_path, "formula,gap\nNaCl,8.5\n", encoding=encoding)
    with pytest.raises(TableError, match=f"say --encoding {encoding}"):
        read_table(path)
    assert read_table(path, encoding=encoding).cells == [["NaCl", "8.5"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("a,b\n", "has a header and no rows"),
        ('a,b\n1,"2\n', "line 2"),
    ],
)
def test_a_broken_file_is_an_error(tmp_path, text, message):
    with pytest.raises(TableError, match=message):
        read_table(written(tmp_path, text))


def test_other_encodings_and_names_are_errors(tmp_path):
    with pytest.raises(TableError, match="line 2.*UTF-8"):
        read_table(written(tmp_path, "a\nÅ\n", encoding="latin-1"))
    with pytest.raises(TableError, match=r"ends in \.csv"):
        read_table(written(tmp_path, "a\n1\n", name="t.doc"))
    with pytest.raises(TableError, match=r"t\.xlsx is not XLSX"):
        read_table(written(tmp_path, "a\n1\n", name="t.xlsx"))


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.parquet", "t.xlsx"])
def test_every_format_there_and_back(tmp_path, name):
    pytest.importorskip("openpyxl")
    text = 'formula,gap,note\nNaCl,8.50,"a, ""b"""\nNaN,1e-3,\n'
    table = read_table(written(tmp_path, text, "source.csv"))
    more = table.with_columns({"prediction": ["8.4", "0.1"]})
    write_table(tmp_path / name, more)
    found = read_table(tmp_path / name)
    assert (found.header, found.cells, found.lines) == (more.header, more.cells, [2, 3])
    with pytest.raises(TableError, match=r"\['gap'\] already"):
        table.with_columns({"gap": ["1", "2"]})


def test_numbers_of_binary_formats_are_read(tmp_path):
    pytest.importorskip("openpyxl")
    frame = pd.DataFrame({"formula": ["NaCl", "NaN"], "gap": [8.5, None]})
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    for name in ("t.parquet", "t.xlsx"):
        table = read_table(tmp_path / name)
        assert table.column("formula") == ["NaCl", "NaN"]
        numbers, (bad,) = read_numbers(table, "gap")
        assert numbers[0] == 8.5 and bad.reason == "no value"


@pytest.mark.parametrize("name", ["t.parquet", "t.xlsx"])
def test_numbers_are_written_as_numbers(tmp_path, name):
    pytest.importorskip("openpyxl")
    frame = pd.DataFrame({"id": pd.array([7, None], dtype="Int64"), "formula": ["NaCl", "007"]})
    frame.to_parquet(tmp_path / "in.parquet")
    table = read_table(tmp_path / "in.parquet")
    write_table(tmp_path / name, table.with_columns({"gap": np.array([8.1234567, 2.0])}))
    read = pd.read_parquet if name == "t.parquet" else pd.read_excel
    found = read(tmp_path / name)
    assert found["gap"].tolist() == [8.12346, 2.0]
    assert found["formula"].tolist() == ["NaCl", "007"]
    assert found["id"][0] == 7 and pd.isna(found["id"][1])


NAMES = st.text("ab,;|\t\"' (é", min_size=1, max_size=6).map(str.strip).filter(bool)
CELLS = st.text("a1.,;|\t\r\"'\n é\ufeff", max_size=6) | st.text(max_size=6)
IN_ONE_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def tables(draw, cells=CELLS):
    """Return a table of any text, whose last row is not blank."""
    header = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    rows = draw(st.lists(st.lists(cells, min_size=len(header), max_size=len(header)), max_size=4))
    rows.append(["x"] * len(header))
    return Table(tuple(header), rows, list(range(len(rows))))


@IN_ONE_FOLDER
@given(tables(), st.sampled_from(["t.csv", "t.tsv"]))
def test_any_text_is_read_as_it_was_written(tmp_path, table, name):
    write_table(tmp_path / name, table)
    found = read_table(tmp_path / name)
    assert (found.header, found.cells) == (table.header, table.cells)


@IN_ONE_FOLDER
@given(tables(st.text('a,"\n', max_size=5)))
def test_a_row_stands_in_the_line_that_is_said(tmp_path, table):
    write_table(tmp_path / "t.csv", table)
    lines = (tmp_path / "t.csv").read_text().split("\n")
    found = read_table(tmp_path / "t.csv")
    for row, line in enumerate(found.lines):
        (tmp_path / "rest.csv").write_text("\n".join(["h", *lines[line - 1 :]]))
        rest = read_table(tmp_path / "rest.csv")
        assert [cells[0] for cells in rest.cells] == [cells[0] for cells in found.cells[row:]]


@given(
    st.lists(st.integers(-(10**6), 10**6), min_size=1), st.integers(1, 6).filter(lambda n: n != 3)
)
def test_decimal_commas_and_points_are_the_same_numbers(integers, digits):
    points = [f"{number / 10**digits:.{digits}f}" for number in integers]
    for decimal in ("auto", ","):
        commas = Table(("x",), [[text.replace(".", ",")] for text in points], integers)
        assert read_numbers(commas, "x", decimal) == (list(map(float, points)), [])


@given(st.lists(CELLS, min_size=1, max_size=5))
def test_of_any_cells_each_is_a_number_or_is_listed(cells):
    table = Table(("x",), [[cell] for cell in cells], list(range(2, len(cells) + 2)))
    for decimal in (".", ","):
        numbers, problems = read_numbers(table, "x", decimal)
        assert [math.isfinite(number) for number in numbers] == [
            row not in {problem.row for problem in problems} for row in range(len(cells))
        ]
        assert all(problem.line == problem.row + 2 for problem in problems)
