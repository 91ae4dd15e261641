"""``sktl check``, and what ``fit`` and ``predict`` make of the cells that it finds."""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from click.testing import CliRunner

from sktl import TransferRegressor, load_model
from sktl.cli import main
from sktl.exceptions import InputError
from sktl.tables import read_table

CASES = (
    Path(os.environ.get("SKTL_CASES", Path(__file__).parents[2] / "shared" / "cases")) / "tables"
)
VALUES = "8.5 1.42 3.2 7.8 3.7 2.2 2.4 6.1 1.34 1.5 7.6 12.1 3.3 3.4 1.12 0.67".split()
NAMES = "NaCl GaAs TiO2 MgO ZnS Fe2O3 SiO2 AlN GaP ZnSe KCl CaF2 ZnO GaN Si Ge".split()


@pytest.fixture
def place(tmp_path, monkeypatch, tiny_source):
    tiny_source.save(tmp_path / "toy.safetensors")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def model(tmp_path_factory, tiny_source):
    """Model file of a fitted estimator of gaps."""
    path = tmp_path_factory.mktemp("model") / "m.sktl"
    fitted = TransferRegressor(tiny_source, max_epochs=1, random_state=0)
    fitted.fit(NAMES, list(map(float, VALUES))).save(path, target="gap", unit="eV")
    return path


def run(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


def rows_with(odd, delimiter=",", mark="."):
    """Return a table of good rows, and before them odd ones."""
    good = [[name, value.replace(".", mark)] for name, value in zip(NAMES, VALUES, strict=True)]
    rows = [["formula", "gap (eV)"], *odd, *good]
    return "\n".join(delimiter.join(row) for row in rows) + "\n"


FIT = ("fit", "t.csv", "--target", "gap", "--source", "toy.safetensors", "--save", "m.sktl")
ODD = [["Si02", "9.0"], ["ZnO:Al", "3.3"], ["Ti-6Al-4V", "0"], ["LiF", "13.6 eV"], ["MgF2", ">9"]]


def test_cells_are_grouped_by_kind_with_what_to_write(place):
    (place / "t.csv").write_text(rows_with(ODD))
    done = run("check", "t.csv", "--target", "gap")
    assert done.exit_code == 1 and "5 cells in 5 of 21 rows cannot be used" in done.output
    for shown in (
        "zero for the letter O (1)",
        "line 2, formula: 'Si02'",
        "write 'SiO2', which --fix does",
        "dopant (1)",
        "alloy in weight per cent (1)",
        "say --weight-percent",
        "line 5, gap (eV): '13.6 eV': it has a unit",
        "below or above a limit (1)",
    ):
        assert shown in done.output
    found = json.loads(run("check", "t.csv", "--target", "gap", "--json").stdout)
    assert [each["line"] for each in found["findings"]] == [2, 3, 4, 5, 6]
    (place / "t.csv").write_text(rows_with([]))
    done = run("check", "t.csv", "--target", "gap")
    assert done.exit_code == 0 and "16 rows: all cells can be used" in done.output


def test_repairs_go_to_another_file_in_the_dialect_of_the_first(place):
    odd = [[a, b.replace(".", ",")] for a, b in ODD]
    text = rows_with(odd, ";", ",").replace("\n", "\r\n")
    (place / "t.csv").write_bytes(text.encode("utf-8-sig"))
    done = run("check", "t.csv", "--target", "gap", "--fix", "out.csv")
    assert done.exit_code == 1 and "2 cells are repaired, 3 are left" in done.output
    assert "Repaired: line 2, formula: 'Si02' to 'SiO2'" in done.output
    assert "Repaired: line 5, gap (eV): '13,6 eV' to '13,6'" in done.output
    expected = text.replace("Si02", "SiO2").replace("13,6 eV", "13,6")
    assert (place / "out.csv").read_bytes() == expected.encode("utf-8-sig")
    assert (place / "t.csv").read_bytes() == text.encode("utf-8-sig")
    done = run("check", "t.csv", "--fix", "t.csv")
    assert done.exit_code == 2 and "would replace the input" in done.output


def test_many_cells_of_one_kind_are_counted(place):
    (place / "t.csv").write_text(rows_with([["ZnO:Al", "3"]] * 40))
    done = run(*FIT)
    assert done.exit_code == 1 and done.output.count("ZnO:Al'") == 5
    assert "and 35 more: dopant" in done.output and "40 of 56 rows" in done.output
    done = run(*FIT, "--on-error", "skip")
    assert done.exit_code == 1 and "--max-bad 1" in done.output
    assert run(*FIT, "--on-error", "skip", "--max-bad", "1").exit_code == 0
    assert run("check", "t.csv").output.count("ZnO:Al'") == 20
    assert run("check", "t.csv", "--all").output.count("ZnO:Al'") == 40


def test_options_use_limits_uncertainties_ranges_and_alloys(place):
    odd = [["LiF", ">9"], ["MgF2", "10.8±0.2"], ["BN", "5.9-6.1"], ["Ti-6Al-4V", "0.1(1)"]]
    (place / "t.csv").write_text(rows_with(odd))
    assert "4 of 20 rows" in run(*FIT).output
    used = ("--ranges", "middle", "--weight-percent")
    done = run(*FIT, "--censored", "bound", "--uncertain", "weight", *used)
    assert done.exit_code == 0 and "on 20 rows" in done.output, done.output
    model = load_model(place / "m.sktl")
    assert 10.8 in model.domain_.values and 6.0 in model.domain_.values
    done = run(*FIT, "--censored", "drop", "--uncertain", "value", *used)
    assert done.exit_code == 0 and "on 19 rows" in done.output
    assert "Left out: t.csv, line 2, gap (eV): '>9'" in done.output
    stack = run(*FIT, "--censored", "bound", "--uncertain", "value", *used, "--model", "stack")
    assert stack.exit_code == 2 and "--model transfer" in stack.output


def test_an_alloy_that_does_not_say_what_it_counts_is_refused_beside_those_by_weight(place):
    alloys = [["Cu70Zn30", "0.1"], ["Cu90Sn10 (wt%)", "0.2"], ["CuZn37", "0.3"], ["Ba40O60", "3"]]
    (place / "t.csv").write_text(rows_with(alloys))
    done = run("check", "t.csv", "--target", "gap", "--weight-percent")
    assert done.exit_code == 1 and "1 cells in 1 of 20 rows" in done.output
    assert "'Cu70Zn30': it adds up to 100" in done.output
    assert "write 'Cu70Zn30 (wt%)' or 'Cu0.7Zn0.3'" in done.output
    assert "Cu70Zn30" not in run("check", "t.csv", "--target", "gap").output


@pytest.fixture
def given(monkeypatch):
    """What `TransferRegressor.fit` is given, in place of a fit."""
    calls = []

    def fit(self, X, y, **more):
        calls.append((X, y, more))
        raise InputError("enough")

    monkeypatch.setattr(TransferRegressor, "fit", fit)
    return calls


def test_a_column_of_uncertainties_becomes_weights(place, given):
    pairs = zip([*NAMES, *NAMES[:4]], ["0,1", "0,2"] * 10, strict=True)
    rows = [f"{name};1,{place};{spread}" for place, (name, spread) in enumerate(pairs)]
    text = "\n".join(["formula;gap;error (eV)", *rows])
    (place / "t.csv").write_text(text + "\nLiF;9,0;\n")
    assert run(*FIT, "--uncertainty", "error").output.endswith("enough\n")
    assert given[0][2]["sample_weight"] == pytest.approx([2.25, 0.5625] * 10 + [1.0])
    quick = "--target gap --source toy.safetensors --models transfer --jobs 1 -o r.html".split()
    done = run("evaluate", "t.csv", "--uncertainty", "error", "--folds", "2", *quick)
    assert done.output.endswith("enough\n")
    assert set(np.round(given[1][2]["sample_weight"], 4)) <= {2.25, 0.5625, 1.0}
    (place / "t.csv").write_text(text + "\nLiF;9,0;0\nMgF2;9,0;5 %\n")
    for command in (FIT, ("check", "t.csv", "--target", "gap")):
        done = run(*command, "--uncertainty", "error")
        assert done.exit_code == 1
        assert "'0': an uncertainty is above zero" in done.output and "'5 %'" in done.output
    done = run(*FIT, "--uncertainty", "error", "--uncertain", "weight")
    assert done.exit_code == 2 and "not both" in done.output
    done = run(*FIT, "--uncertainty", "spread")
    assert done.exit_code == 2 and "Got column='spread'" in done.output
    done = run(*FIT, "--uncertainty", "error", "--task", "classification")
    assert done.exit_code == 2 and "goes with a target of numbers" in done.output


CONDITIONS = {
    "T (°C);25 °C": "'25 °C': it has a unit; write '25', since the header has the unit",
    "T (K);RT": "'RT': it means room temperature",
    "T (K);as cast": "'as cast': not a finite number",
    "T (K);1,234.5": "1,234.5",
    "T (K);<300": "it is below a limit",
    "made on;2024-02-03": "it is a date",
}


@pytest.mark.parametrize("cell", CONDITIONS)
def test_cells_beside_the_material_are_read_or_refused(place, given, cell):
    name, odd = cell.split(";")
    known = ["cast", "rolled"] if name == "made on" else ["300,5", "400,5"]
    cells = [*(known * 8), odd, "n/a", "-", ""]
    formulas = [*NAMES, *NAMES[:4]]
    lines = [f"{each};1,5;{beside}" for each, beside in zip(formulas, cells, strict=True)]
    (place / "t.csv").write_text("\n".join([f"formula;gap;{name}", *lines]), encoding="utf-8")
    done = run(*FIT, "--conditions", name)
    assert done.exit_code == 1 and f"line 18, {name}: " in done.output
    assert CONDITIONS[cell] in done.output and "1 of 20 rows" in done.output
    run(*FIT, "--conditions", name, "--on-error", "skip")
    frame = given[0][0]
    assert frame[name].isna().sum() == 3 and len(frame) == 19
    assert frame[name][0] in (300.5, "cast")


def test_a_warning_is_one_line_without_code(place, given):
    cells = ["cast", "as cast", "25"] * 5 + ["cast"]
    lines = [f"{each},1.5,{beside}" for each, beside in zip(NAMES, cells, strict=True)]
    (place / "t.csv").write_text("\n".join(["formula,gap,state", *lines]))
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        done = run(*FIT, "--conditions", "state")
    first, *_ = done.stderr.splitlines()
    assert first.startswith("warning: state is taken as words, and 5 of 16 cells are numbers")
    assert ".py" not in done.output and "TransferWarning" not in done.output


@pytest.mark.parametrize(
    ("delimiter", "mark", "end", "encoding", "options"),
    [
        (",", ".", "\n", "utf-8", ()),
        (";", ",", "\r\n", "utf-8-sig", ()),
        ("\t", ".", "\n", "utf-16", ()),
        (";", ",", "\r\n", "cp1252", ("--encoding", "cp1252")),
        ("|", ".", "\n", "utf-8", ()),
    ],
)
def test_predictions_come_for_all_rows_in_the_dialect_of_the_input(
    place, model, delimiter, mark, end, encoding, options
):
    rows = ["formula", "note", "T"], ["NaCl", "1 µm", "1.5"], ["Si02", "é", "2.5"], ["", "", ""]
    rows += ["MgO", "=1+1", "0.25"], ["Si", "x", "77"], ["Ge"]
    lines = [delimiter.join(row).replace(".", mark) for row in rows]
    text = end.join(lines).replace("Ge", f"Ge{delimiter}a{delimiter}b{delimiter}c") + end
    (place / "new.csv").write_bytes(text.encode(encoding))
    done = run("predict", model, "new.csv", "-o", "out.csv", *options)
    assert done.exit_code == 0, done.output
    found = (place / "out.csv").read_bytes().decode(encoding).split(end)
    assert [line.split(delimiter)[:3] for line in found[1:3]] == [
        each.split(delimiter) for each in lines[1:3]
    ]
    table = read_table(place / "out.csv", encoding=options[1] if options else None)
    assert table.header[3] == "prediction of gap (eV)" and table.header[-1] == "reason"
    predicted = table.column("prediction of gap (eV)")
    assert [bool(cell) for cell in predicted] == [True, False, False, True, True, False]
    assert all(mark in cell for cell in predicted if cell)
    reasons = table.column("reason")
    assert "write 'SiO2'" in reasons[1] and "blank" in reasons[2] and not reasons[0]
    assert "4 cells, the header has 3: 'Ge,a,b,c'" in reasons[5]


def test_a_crystal_file_is_an_input_that_is_not_replaced(place):
    (place / "cifs").mkdir()
    (place / "cifs" / "a.cif").write_text("data_a")
    (place / "t.csv").write_text("file,gap\na.cif,1\n")
    more = ("--structures", "cifs")
    for arguments in (
        ("fit", "t.csv", "--target", "gap", "--save", "cifs/a.cif", *more),
        ("check", "t.csv", "--fix", "cifs/a.cif", *more),
    ):
        done = run(*arguments)
        assert done.exit_code == 2 and "would replace the input" in done.output
    (place / "t.csv").write_text("file,gap\na.cif#a,1\n")
    assert "would replace the input" in run("check", "t.csv", "--fix", "cifs/a.cif", *more).output
    assert (place / "cifs" / "a.cif").read_text() == "data_a"


def test_the_one_file_of_all_crystals_is_not_replaced(place):
    (place / "all.cif").write_text("data_a")
    (place / "t.csv").write_text("id,gap\na,1\n")
    more = ("--structures", "all.cif")
    for arguments in (
        ("fit", "t.csv", "--target", "gap", "--save", "all.cif", *more),
        ("evaluate", "t.csv", "--target", "gap", "-o", "all.cif", *more),
        ("check", "t.csv", "--fix", "all.cif", *more),
    ):
        done = run(*arguments)
        assert done.exit_code == 2 and "would replace the input" in done.output
    assert (place / "all.cif").read_text() == "data_a"


def test_a_workbook_is_checked_and_repaired_as_text(place):
    book = openpyxl.Workbook()
    for row in (["formula", "gap", "note"], ["Si02", 9.0, "=1+1"], ["NaCl", True, None]):
        book.active.append(row)
    book.active["C2"].data_type = "s"
    book.save(place / "t.xlsx")
    done = run("check", "t.xlsx", "--target", "gap", "--fix", "out.xlsx")
    assert "true or false (1)" in done.output and "1 cells are repaired, 1 are left" in done.output
    sheet = openpyxl.load_workbook(place / "out.xlsx").active
    assert sheet["A2"].value == "SiO2" and sheet["B2"].value == 9.0
    assert (sheet["C2"].value, sheet["C2"].data_type) == ("=1+1", "s")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.csv", b"formula,gap\nNaCl,1\xb11\n", "--encoding cp1252"),
        ("t.csv", "formula,gap\nNaCl,1\n".encode("utf-16-le"), "--encoding utf-16-le"),
    ],
)
def test_another_encoding_is_said(place, name, text, message):
    (place / name).write_bytes(text)
    done = run("check", name)
    assert done.exit_code == 1 and message in done.output
    done = run("check", name, "--encoding", "nonsense")
    assert done.exit_code == 1 and "encoding='nonsense'" in done.output


SHARED = {
    "lab_notation.csv": ["phase", "dopant", "alloy in weight per cent", "variable", "mixture"]
    + ["lower case or capitals", "SiO2·TiO2", "Li2O·2SiO2", "Cu25Mn25Ni25Zn25"],
    "censored_and_uncertain.csv": ["below", "approximate", "unit", "range", "uncertainty"]
    + ["not measured", "--censored", "--ranges", "--uncertain"],
    "zero_for_letter_o.csv": ["'SiO2'", "'LiCoO2'", "'SnTe0.90Se0.10'", "'W0.4Mo0.6S2'"],
    "decimal_comma_one_dot.csv": ["line 7, gap (eV): '2.2'", "2.2 with", "22 without"],
    "decimal_dot_one_comma.csv": ["line 5, gap: '0,125'", "0.125 with", "125 without"],
    "date_cell.xlsx": ["'FeB3'"],
}


@pytest.mark.parametrize("name", SHARED)
def test_cases_of_the_shared_folder_are_found(place, name):
    if not (CASES / name).is_file():
        pytest.skip(f"no {CASES / name}: set SKTL_CASES to the folder of cases")
    done = run("check", CASES / name, "--target", "gap")
    assert done.exit_code == 1
    assert [each for each in SHARED[name] if each not in done.output] == []


@pytest.mark.parametrize(
    "name",
    ["typed_numbers.xlsx", "index_column.csv", "trailing_comma.csv"]
    + ["second_sheet_header_row_3.xlsx"],
)
def test_good_tables_of_the_shared_folder_are_good(place, name):
    if not (CASES / name).is_file():
        pytest.skip(f"no {CASES / name}: set SKTL_CASES to the folder of cases")
    done = run("check", CASES / name, "--target", "gap", "--decimal", "auto")
    assert done.exit_code == 0 and "16 rows: all cells can be used" in done.output
    if name == "typed_numbers.xlsx":
        assert run("check", CASES / name, "--target", "gap", "--decimal", ",").exit_code == 0


def test_a_column_is_not_written_twice(place, model):
    (place / "t.csv").write_text(rows_with([]))
    assert run("predict", model, "t.csv", "-o", "one.csv").exit_code == 0
    done = run("predict", model, "one.csv", "-o", "two.csv")
    assert done.exit_code == 1 and "rename or remove them" in done.output
    frame = pd.read_csv(place / "one.csv")
    assert frame["gap (eV)"].tolist() == list(map(float, VALUES))


def test_words_of_a_file_forge_no_line(place):
    name = "gap\nError: forged\r\x1b[2J (eV)"
    (place / "odd.csv").write_text(f'formula,"{name}"\nNaCl,{"x" * 9000}\nNaCl,1\nMgO,2\n')
    check = run("check", "odd.csv", "--target", name)
    fit = run("fit", "odd.csv", "--target", name, "--save", "m.sktl", "--task", "regression")
    for done in (check, fit):
        lines = done.output.splitlines()
        assert done.exit_code == 1 and sum(line.startswith("Error:") for line in lines) <= 1
        assert not any(line.startswith("Error: forged") for line in lines)
        assert all(line.isprintable() and len(line) < 700 for line in lines)


def start(*arguments, **more):
    """Run the command in a process of its own, as a shell does."""
    command = [sys.executable, "-c", "from sktl.cli import main; main()", *arguments]
    return subprocess.run(command, stderr=subprocess.PIPE, text=True, **more)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", [["--version"], ["check", "t.csv"]])
def test_a_full_output_is_one_line(place, arguments):
    (place / "t.csv").write_text("formula,gap\nNaCl,1\n")
    with open("/dev/full", "w") as full:
        done = start(*arguments, stdout=full)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: [Errno") and done.stderr.count("\n") == 1


def test_a_terminal_without_unicode_gets_escapes(place):
    (place / "t.csv").write_text("formula,gap\nNaCl,1\n\u2460\u039b,2\n", encoding="utf-8")
    environment = os.environ | {"PYTHONIOENCODING": "latin-1"}
    done = start("check", "t.csv", stdout=subprocess.PIPE, env=environment)
    assert done.returncode == 1 and "\\u2460\\u039b" in done.stdout and not done.stderr
