"""Cells as laboratories write them: each is read as it was written, or refused and named."""

import math
import zipfile

import openpyxl
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont

from sktl.exceptions import TableError
from sktl.tables import (
    Table,
    check_table,
    find_column,
    find_formulas,
    formula_problems,
    names_column,
    read_labels,
    read_numbers,
    read_table,
    read_values,
    write_table,
)


def column(*cells):
    return Table(("x",), [[cell] for cell in cells], list(range(2, len(cells) + 2)))


def workbook(path, **sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def with_gap(header):
    return names_column(header, ["formula"]) and names_column(header, ["gap"])


@pytest.mark.parametrize("decimal", ["auto", ".", ","])
@pytest.mark.parametrize("name", ["t.xlsx", "t.parquet"])
def test_a_typed_number_has_no_decimal_mark(tmp_path, name, decimal):
    frame = pd.DataFrame({"formula": ["GaAs", "InP", "Si"], "gap": [1.42, 1.344, 2.0]})
    write = frame.to_excel if name == "t.xlsx" else frame.to_parquet
    write(tmp_path / name, index=False)
    assert read_numbers(read_table(tmp_path / name), "gap", decimal) == ([1.42, 1.344, 2.0], [])


def test_text_beside_typed_numbers_keeps_its_mark(tmp_path):
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
    assert len(read_numbers(column(cell, cell), "x", ",")[1]) == 2
    mirrored = cell.translate({44: 46, 46: 44})
    assert [bad.value for bad in read_numbers(column(mirrored, "8.5"), "x", ".")[1]] == [mirrored]


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
def test_each_number_is_read_as_written_or_refused(tmp_path, made, delimiter, kind, data):
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


DATA = [["formula", "gap"], ["NaCl", 8.5], ["Si", 1.1]]


def test_sheet_and_header_are_found_where_there_is_one_choice(tmp_path):
    path = workbook(tmp_path / "t.xlsx", notes=[["in spring"]], data=[["Samples"], [], *DATA])
    table = read_table(path, wanted=with_gap)
    assert (table.sheet, table.header_line, table.lines) == ("data", 3, [4, 5])
    assert read_table(path, sheet="data", header_row=3).cells == table.cells
    (tmp_path / "t.csv").write_text("Samples, spring\n\nformula;gap\nNaCl;8,5\n")
    table = read_table(tmp_path / "t.csv", wanted=with_gap)
    assert (table.header_line, table.cells) == (3, [["NaCl", "8,5"]])


def test_sheet_and_header_are_asked_for_where_there_are_several(tmp_path):
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
def test_a_date_says_what_it_was(tmp_path, cell, hint):
    path = workbook(tmp_path / "t.xlsx", data=[["formula"], ["NaCl"], [cell.to_pydatetime()]])
    (bad,) = formula_problems(read_table(path), "formula")
    assert bad.line == 3 and hint in bad.reason


def test_text_stays_text_in_a_workbook(tmp_path):
    table = Table(("formula", "=note"), [["NaCl", "=1+1"], ["Si", "#N/A"]], [2, 3])
    write_table(tmp_path / "t.xlsx", table)
    sheet = openpyxl.load_workbook(tmp_path / "t.xlsx").active
    assert [cell.data_type for row in sheet for cell in row] == ["s"] * 6
    assert read_table(tmp_path / "t.xlsx").cells == table.cells


def test_an_output_keeps_the_mode_of_the_file_that_it_replaces(tmp_path):
    (tmp_path / "t.csv").write_text("")
    (tmp_path / "t.csv").chmod(0o600)
    write_table(tmp_path / "t.csv", column("1"))
    assert (tmp_path / "t.csv").stat().st_mode & 0o777 == 0o600


def test_a_far_cell_does_not_fill_the_memory(tmp_path):
    book = openpyxl.Workbook()
    book.active["A1"] = "formula"
    book.active.cell(2**20, 2**14, "x")
    book.save(tmp_path / "t.xlsx")
    with pytest.raises(TableError, match="too far away"):
        read_table(tmp_path / "t.xlsx")


def raised(text):
    return TextBlock(InlineFont(vertAlign="superscript"), text)


def struck(text):
    return TextBlock(InlineFont(strike=True), text)


LOOKS = [
    (("8.5", raised("1")), ("8.5¹", "number with a note")),
    (("8.5", raised("[2]")), ("8.5^[2]", "number with a note")),
    (("8.5", raised("a")), ("8.5^a", "number with a note")),
    (("10", raised("3")), ("10³", "power of ten")),
    (("1.5·10", raised("-3")), ("1.5·10⁻³", "power of ten")),
    (("3", struck("4"), ".3"), ("34\u0336.3", "struck-out text")),
    ((struck("8.5"),), ("8\u0336.\u03365\u0336", "struck-out text")),
    (("8", TextBlock(InlineFont(b=True), ".5")), ("8.5", None)),
    (("8.5", struck(" ")), ("8.5 ", None)),
]


@pytest.mark.parametrize(("runs", "expected"), LOOKS)
def test_raised_and_struck_out_text_is_no_plain_number(tmp_path, runs, expected):
    path = workbook(tmp_path / "t.xlsx", data=[["x"], ["1.5"], [CellRichText(*runs)]])
    table = read_table(path)
    found = read_numbers(table, "x")[1]
    kinds = [bad.kind for bad in found]
    assert (table.cells[1][0], kinds) == (expected[0], [expected[1]] * (expected[1] is not None))


def test_raised_and_struck_out_text_is_no_part_of_a_formula(tmp_path):
    runs = [("SiC", raised("a")), ("TiO2", raised("3")), (struck("TiO2"),), ("TiO", struck("2"))]
    fine = CellRichText("Fe", TextBlock(InlineFont(vertAlign="subscript"), "2"), "O3")
    rows = [[CellRichText(*each)] for each in runs]
    table = read_table(workbook(tmp_path / "t.xlsx", data=[["formula"], *rows, [fine]]))
    found = formula_problems(table, "formula")
    assert [bad.line for bad in found] == [2, 3, 4, 5] and table.cells[-1] == ["Fe2O3"]
    assert "struck out" in found[2].reason and all(bad.repair is None for bad in found)


def change_parts(path, changes):
    """Change the text of parts of a workbook; of one that is not there, add it."""
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name).decode() for name in old.namelist()}
    with zipfile.ZipFile(path, "w") as new:
        for name, text in (parts | {name: "" for name in changes if name not in parts}).items():
            new.writestr(name, changes[name](text) if name in changes else text)


def test_texts_that_cells_share_are_read_like_their_own(tmp_path):
    path = workbook(tmp_path / "t.xlsx", data=[["x", "y"], [7, 8]])
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    part = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    run = '<r><rPr><vertAlign val="superscript"/></rPr><t>3</t></r>'
    texts = f"<si><r><t>10</t></r>{run}</si><si><t>plain </t></si>"
    change_parts(
        path,
        {
            "[Content_Types].xml": lambda text: text.replace("</Types>", part),
            "xl/sharedStrings.xml": lambda _: f'<sst xmlns="{space}">{texts}</sst>',
            "xl/worksheets/sheet1.xml": lambda text: text.replace(
                't="n"><v>7</v>', 't="s"><v>0</v>'
            ).replace('t="n"><v>8</v>', 't="s"><v>1</v>'),
        },
    )
    assert read_table(path).cells == [["10³", "plain "]]


def test_a_formula_of_a_spreadsheet_without_a_stored_value_says_so(tmp_path):
    rows = [["formula", "gap", "note"], ["=A3", "=10*0.85", '=IF(B2>1,"a","b")']]
    path = workbook(tmp_path / "t.xlsx", data=[*rows, ["NaCl", 8.5, "a"]])
    table = read_table(path)
    found = check_table(table, formula_problems(table, "formula"), targets=["gap"])
    assert [bad.kind for bad in found] == ["formula of a spreadsheet"] * 2
    assert all("open and save the file" in bad.reason and bad.repair is None for bad in found)
    for name in ("gap", "note"):
        (bad,) = read_values(table, name).findings
        assert (bad.line, bad.kind) == (2, "formula of a spreadsheet")
    labels = read_labels(table, "note")[1]
    assert [bad.kind for bad in labels] == ["formula of a spreadsheet"]
    path = workbook(tmp_path / "all.xlsx", data=[rows[0], ["NaCl", "=8+0.5", "a"]])
    table = read_table(path)
    assert [bad.column for bad in check_table(table, besides=["formula"])] == ["gap"]


def test_a_formula_with_a_stored_value_is_that_value(tmp_path):
    path = workbook(tmp_path / "t.xlsx", data=[["x", "y"], ["=8+0.5", '=""'], [1, 2]])
    part = "xl/worksheets/sheet1.xml"
    change_parts(path, {part: lambda text: text.replace("8+0.5</f><v></v>", "8+0.5</f><v>8.5</v>")})
    change_parts(path, {part: lambda text: text.replace('<c r="B2">', '<c r="B2" t="str">')})
    table = read_table(path)
    assert table.cells[0] == ["8.5", ""] and read_numbers(table, "x") == ([8.5, 1], [])


def test_rows_that_a_sheet_leaves_out_are_blank_rows(tmp_path):
    book = openpyxl.Workbook()
    for place, value in {"A1": "x", "B1": "y", "B4": 2, "A6": "z"}.items():
        book.active[place] = value
    book.save(tmp_path / "t.xlsx")
    table = read_table(tmp_path / "t.xlsx")
    assert table.cells == [["", ""], ["", ""], ["", "2"], ["", ""], ["z", ""]]
    assert table.lines == [2, 3, 4, 5, 6]


def test_a_hidden_sheet_is_called_hidden(tmp_path):
    path = workbook(tmp_path / "t.xlsx", notes=[["in spring"]], old=DATA, new=DATA)
    book = openpyxl.load_workbook(path)
    book["old"].sheet_state = "hidden"
    book.save(path)
    with pytest.raises(TableError, match="hidden sheet 'old', row 1; sheet 'new', row 1"):
        read_table(path, wanted=with_gap)
    assert read_table(path, sheet="old").hidden and not read_table(path, sheet="new").hidden
