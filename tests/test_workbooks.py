"""Workbooks: what their cells look like, formulas without a value, hidden sheets, far cells."""

import zipfile

import openpyxl
import pytest
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont

from sktl.exceptions import TableError
from sktl.tables import (
    Table,
    check_table,
    formula_problems,
    names_column,
    read_labels,
    read_numbers,
    read_table,
    read_values,
    write_table,
)

DATA = [["formula", "gap"], ["NaCl", 8.5], ["Si", 1.1]]


def test_text_stays_text_in_a_workbook(tmp_path):
    table = Table(("formula", "=note"), [["NaCl", "=1+1"], ["Si", "#N/A"]], [2, 3])
    write_table(tmp_path / "t.xlsx", table)
    sheet = openpyxl.load_workbook(tmp_path / "t.xlsx").active
    assert [cell.data_type for row in sheet for cell in row] == ["s"] * 6
    assert read_table(tmp_path / "t.xlsx").cells == table.cells


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
def test_raised_and_struck_out_text_is_no_plain_number(tmp_path, runs, expected, workbook):
    path = workbook(tmp_path / "t.xlsx", data=[["x"], ["1.5"], [CellRichText(*runs)]])
    table = read_table(path)
    found = read_numbers(table, "x")[1]
    kinds = [bad.kind for bad in found]
    assert (table.cells[1][0], kinds) == (expected[0], [expected[1]] * (expected[1] is not None))


def test_raised_and_struck_out_text_is_no_part_of_a_formula(tmp_path, workbook):
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


def test_texts_that_cells_share_are_read_like_their_own(tmp_path, workbook):
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


def test_a_formula_of_a_spreadsheet_without_a_stored_value_says_so(tmp_path, workbook):
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


def test_a_formula_with_a_stored_value_is_that_value(tmp_path, workbook):
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


def test_a_hidden_sheet_is_called_hidden(tmp_path, workbook):
    path = workbook(tmp_path / "t.xlsx", notes=[["in spring"]], old=DATA, new=DATA)
    book = openpyxl.load_workbook(path)
    book["old"].sheet_state = "hidden"
    book.save(path)

    def with_gap(header):
        return names_column(header, ["gap"])

    with pytest.raises(TableError, match="hidden sheet 'old', row 1; sheet 'new', row 1"):
        read_table(path, wanted=with_gap)
    assert read_table(path, sheet="old").hidden and not read_table(path, sheet="new").hidden


@pytest.mark.parametrize(
    ("form", "shown"),
    [("0%", "90%"), ("0.0 %", "90%"), ('0.0"%"', "0.9"), ("0.00", "0.9"), ("0\\%", "0.9")],
)
def test_a_number_in_per_cent_among_others_is_no_plain_number(tmp_path, form, shown, workbook):
    rows = [["yield (%)", "share"], [85, 0.1], [0.9, 0.2], [None, 0.3]]
    book = openpyxl.load_workbook(workbook(tmp_path / "t.xlsx", data=rows))
    book.active["A3"].number_format = form
    for row in (2, 3, 4):
        book.active.cell(row, 2).number_format = form
    book.save(tmp_path / "t.xlsx")
    table = read_table(tmp_path / "t.xlsx")
    assert table.column("yield (%)") == ["85", shown, ""]
    assert read_numbers(table, "share") == ([0.1, 0.2, 0.3], [])
    found = check_table(table, targets=["yield (%)"])
    assert [bad.repair for bad in found if bad.value] == ["90"] * (shown == "90%")
