"""``sktl fit`` and ``sktl predict``, from a spreadsheet to a spreadsheet."""

import csv
import json
import shutil

import numpy as np
import openpyxl
import pandas as pd
import pytest
from click.testing import CliRunner

from sktl import TransferClassifier, TransferRegressor, load_model
from sktl.cli import main


@pytest.fixture
def place(tmp_path, tiny_source, toy_rows):
    """A folder with a source, a table with a decimal comma, and formulas to predict."""
    tiny_source.save(tmp_path / "toy.safetensors")
    formulas, energies, _ = toy_rows(60, seed=4)
    pairs = enumerate(zip(formulas, energies, strict=True))
    rows = [f"{f};{energy:.4f};{i}".replace(".", ",") for i, (f, energy) in pairs]
    text = "\N{BYTE ORDER MARK}Composition;Energy (eV/atom);sample\n" + "\n".join(rows)
    (tmp_path / "data.csv").write_text(text, encoding="utf-8")
    new = "id,formula,note\n" + "".join(f'{i},{f},"x, {i}"\n' for i, f in enumerate(formulas[:7]))
    (tmp_path / "new.csv").write_text(new)
    return tmp_path


@pytest.fixture
def run(place, monkeypatch, few_steps):
    """Function that runs a command in that folder; networks are quick, here and in the test."""
    monkeypatch.chdir(place)
    with few_steps():
        yield lambda *arguments: CliRunner().invoke(main, list(map(str, arguments)))


FIT = ("fit", "data.csv", "--target", "energy", "--source", "toy.safetensors", "--save", "m.sktl")


def test_from_a_table_to_predictions(run, place, toy_rows, tiny_source):
    done = run(*FIT)
    assert done.exit_code == 0, done.output
    assert "Fitted Energy on 60 rows" in done.output and "eV/atom on held-out rows" in done.output
    model = load_model(place / "m.sktl")
    assert model.file_["target"] == {"name": "Energy", "unit": "eV/atom"}
    formulas, energies, _ = toy_rows(60, seed=4)
    same = TransferRegressor(tiny_source, random_state=0).fit(formulas, np.round(energies, 4))
    done = run("predict", "m.sktl", "new.csv", "-o", "out.csv", "--coverage", "0.5")
    assert done.exit_code == 0, done.output
    with open(place / "out.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["note"] for row in rows] == [f"x, {i}" for i in range(7)]
    of = "of Energy (eV/atom)"
    found = [float(row[f"prediction {of}"]) for row in rows]
    np.testing.assert_allclose(found, same.predict(formulas[:7]), rtol=1e-4)
    for row in rows:
        low, high = float(row[f"interval low {of}"]), float(row[f"interval high {of}"])
        assert low < float(row[f"prediction {of}"]) < high and row["reason"] == ""
        assert float(row[f"standard deviation {of}"]) > 0


def test_a_bad_row_stops_or_is_skipped_and_kept(run, place):
    with open(place / "data.csv", "a", encoding="utf-8") as file:
        file.write("\n3-Feb;1,0;60\nNaCl;n/a;61\n;;\nSi;1,5;62\n")
    done = run(*FIT)
    assert done.exit_code == 1 and not (place / "m.sktl").exists()
    assert "data.csv, line 62, Composition: '3-Feb': it looks like a date" in done.output
    assert "data.csv, line 63, Energy (eV/atom): 'n/a': no value" in done.output
    assert "data.csv, line 64, whole row: '': blank" in done.output
    assert "3 of 64 rows cannot be used. --on-error skip leaves them out." in done.output
    assert "Traceback" not in done.output
    done = run(*FIT, "--on-error", "skip")
    assert done.exit_code == 0 and "Fitted Energy on 61 rows" in done.output
    with open(place / "m.sktl.skipped.csv", encoding="utf-8", newline="") as file:
        skipped = list(csv.DictReader(file))
    assert [(row["line"], row["sample"]) for row in skipped] == [
        ("62", "60"),
        ("63", "61"),
        ("64", ""),
    ]
    assert skipped[1]["reason"] == "Energy (eV/atom): no value"


def test_an_element_that_the_source_never_saw_is_a_bad_row_like_others(run, place):
    assert run(*FIT).exit_code == 0
    (place / "odd.csv").write_text("formula,id\nNaCl,1\nUO2,2\n3-Feb,3\nThSiO4,4\nMgO,5\n")
    predict = ("predict", "m.sktl", "odd.csv", "-o", "o.parquet")
    done = run(*predict, "--on-error", "stop")
    assert done.exit_code == 1 and not (place / "o.parquet").exists()
    done = run(*predict)
    assert done.exit_code == 1 and "3 of 5 rows cannot be used" in done.output
    assert "--max-bad 1" in done.output and not (place / "o.parquet").exists()
    done = run(*predict, "--max-bad", "0.6")
    assert done.exit_code == 0 and "3 rows have no prediction" in done.output
    assert "line 5, formula: 'ThSiO4': the source does not know Th" in done.output
    frame = pd.read_parquet(place / "o.parquet")
    found = frame["prediction of Energy (eV/atom)"]
    assert frame["id"].tolist() == list("12345") and found.dtype == np.float64
    assert found.isna().tolist() == [False, True, True, True, False]
    assert frame["reason"][3] == "formula: the source does not know Th"
    (place / "odd.csv").write_text("formula,id\nUO2,1\n")
    assert run(*predict, "--max-bad", "1").exit_code == 0
    assert pd.read_parquet(place / "o.parquet").columns.tolist() == frame.columns.tolist()


def test_numbers_for_scripts(run):
    fitted = json.loads(run(*FIT, "--json").stdout)
    assert (fitted["rows"], fitted["target"], fitted["unit"]) == (60, "Energy", "eV/atom")
    assert 0 < fitted["validation_mae"] and 0 < fitted["median_mae"]
    shown = run("predict", "m.sktl", "new.csv", "-o", "o.tsv", "--json").stdout
    made = json.loads(shown[shown.index("{") :])  # older runners of click mix notes into it
    measured = ["prediction of Energy (eV/atom)", "standard deviation of Energy (eV/atom)"]
    assert made["columns"] == [*measured, "distance", "outside", "nearest", "reason"]
    assert (made["rows"], made["skipped"]) == (7, 0)


def test_too_few_rows_for_an_interval_are_said(run, place):
    assert run(*FIT).exit_code == 0
    done = run("predict", "m.sktl", "new.csv", "-o", "o.csv", "--coverage", "0.99")
    assert done.exit_code == 0 and "No interval: Got coverage=0.99, expected at most" in done.output


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("fit", "data.csv", "--target", "enrgy", "--save", "m.sktl"), 2, "Did you mean 'Energy"),
        (("fit", "new.csv", "--target", "id", "--formula", "x", "--save", "m"), 2, "--formula"),
        (("fit", "data.csv", "--target", "sample", "--save", "no/m.sktl"), 2, "a folder that is"),
        (("fit", "data.csv", "--target", "Energy", "--save", "m", "--seed", "-1"), 2, "--seed"),
        (("fit", "nothing.csv", "--target", "x", "--save", "m.sktl"), 2, "does not exist"),
        (("predict", "data.csv", "new.csv", "-o", "o.csv"), 1, "not a whole safetensors file"),
        (("fit", "data.csv", "--target", "composition", "--save", "m.sktl"), 1, "None is left"),
    ],
)
def test_mistakes_have_an_exit_code_and_no_traceback(run, arguments, code, message):
    done = run(*arguments)
    assert done.exit_code == code and message in done.output
    assert "Traceback" not in done.output


def test_a_column_of_formulas_must_be_named_where_it_cannot_be_guessed(run, place):
    (place / "odd.csv").write_text("f,y\nNaCl,1\nSi,2\n")
    done = run("fit", "odd.csv", "--target", "y", "--save", "m.sktl")
    assert done.exit_code == 2 and "--formula COLUMN" in done.output


def test_a_classifier_gives_labels_and_probabilities(run, place, tiny_source, toy_rows):
    formulas, energies, _ = toy_rows(60, seed=4)
    kinds = np.where(energies > np.median(energies), "high", "low")
    model = TransferClassifier(tiny_source, max_epochs=1, random_state=0).fit(formulas, kinds)
    model.save(place / "kind.sktl")
    assert run("predict", "kind.sktl", "new.csv", "-o", "o.csv").exit_code == 0
    with open(place / "o.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["prediction"] for row in rows] == model.predict(formulas[:7]).tolist()
    assert all(
        float(row["probability_high"]) + float(row["probability_low"]) == pytest.approx(1)
        for row in rows
    )


def test_several_outputs_have_numbered_columns(run, place, tiny_source, toy_rows):
    formulas, energies, volumes = toy_rows(60, seed=4)
    model = TransferRegressor(tiny_source, max_epochs=1, random_state=0)
    model.fit(formulas, np.column_stack([energies, volumes])).save(place / "two.sktl")
    assert run("predict", "two.sktl", "new.csv", "-o", "o.csv", "--coverage", "0.5").exit_code == 0
    found = pd.read_csv(place / "o.csv")
    expected = model.predict(formulas[:7])
    np.testing.assert_allclose(found[["prediction_1", "prediction_2"]], expected, rtol=1e-4)
    assert (found["interval_low_2"] < found["interval_high_2"]).all()


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        (("fit", "data.csv", "--target", "energy", "--save", "data.csv"), "data.csv"),
        (("fit", "data.csv", "--target", "energy", "--save", "./data.csv"), "data.csv"),
        ((*FIT[:-1], "toy.safetensors"), "toy.safetensors"),
        (("evaluate", "data.csv", "--target", "energy", "-o", "data.csv"), "data.csv"),
        (("check", "new.csv", "--source", "s.csv", "--fix", "s.csv"), "s.csv"),
        (("predict", "toy.safetensors", "new.csv", "-o", "new.csv"), "new.csv"),
        (("predict", "toy.safetensors", "new.csv", "-o", "toy.safetensors"), "toy.safetensors"),
    ],
)
def test_an_output_never_replaces_an_input(run, place, arguments, kept):
    shutil.copy(place / "toy.safetensors", place / "s.csv")
    before = (place / kept).read_bytes()
    done = run(*arguments)
    assert done.exit_code == 2 and "would replace the input" in done.output
    assert (place / kept).read_bytes() == before


@pytest.mark.parametrize(
    "arguments",
    [
        (*FIT[:-1], ""),
        ("check", "data.csv", "--fix", ""),
        ("evaluate", "data.csv", "--target", "energy", "-o", ""),
        ("predict", "toy.safetensors", "new.csv", "-o", "."),
    ],
)
def test_an_output_has_a_name(run, arguments):
    done = run(*arguments)
    assert done.exit_code == 2 and "expected the name of a file" in done.output


def test_sheet_and_header_of_a_workbook(run, place):
    book = openpyxl.Workbook()
    book.active.append(["measured in spring"])
    for name in ("data", "more"):
        sheet = book.create_sheet(name)
        for row in (["Samples"], [], ["formula", "gap"], ["NaCl", "high"]):
            sheet.append(row)
    book.save(place / "two.xlsx")
    fit = ("fit", "two.xlsx", "--target", "gap", "--save", "m.sktl")
    done = run(*fit)
    assert done.exit_code == 1 and "sheet 'data', row 3; sheet 'more', row 3" in done.output
    done = run(*fit, "--sheet", "data", "--header-row", "3")
    assert "line 4, gap: 'high': not a finite number" in done.output
    del book["more"]
    book.save(place / "one.xlsx")
    for command, output in (("fit", "--save"), ("evaluate", "--output")):
        done = run(command, "one.xlsx", "--target", "gap", output, "m.sktl")
        assert "Reading one.xlsx: sheet 'data', names of columns in row 3" in done.output
        done = run(command, "one.xlsx", "--target", "energy", output, "m.sktl")
        assert done.exit_code == 2 and "['Sheet', 'data']" in done.output
        assert "--sheet and --header-row" in done.output.replace("\n", " ")
    book["data"].sheet_state = "hidden"
    book.save(place / "one.xlsx")
    assert "one.xlsx: hidden sheet 'data', names" in run(*fit[:1], "one.xlsx", *fit[2:]).output


def test_text_of_a_file_sends_no_escape_sequence_to_the_terminal(run, place):
    (place / "odd.csv").write_text("formula,gap \x1b]0;owned\x07 (eV)\nNaCl,high\n")
    done = run("fit", "odd.csv", "--target", "gap \x1b]0;owned\x07", "--save", "m.sktl")
    assert done.exit_code == 1 and r"gap \x1b]0;owned\x07 (eV): 'high'" in done.output
    assert "\x1b" not in done.output


def test_text_stays_text_in_a_workbook_of_predictions(run, place):
    assert run(*FIT).exit_code == 0
    (place / "odd.csv").write_text("formula,note,\nNaCl,=1+1,\nMgO,007,\n")
    assert run("predict", "m.sktl", "odd.csv", "-o", "o.xlsx").exit_code == 0
    header, *rows = openpyxl.load_workbook(place / "o.xlsx").active.iter_rows()
    assert [(row[1].value, row[1].data_type) for row in rows] == [("=1+1", "s"), ("007", "s")]
    assert header[3].value == "prediction of Energy (eV/atom)"
    assert {row[3].data_type for row in rows} == {"n"}
