"""``sktl fit`` and ``sktl predict`` on a folder of crystals and a table of their names."""

import csv

import numpy as np
import pytest
from click.testing import CliRunner
from pymatgen.core import Lattice, Structure

from sktl import StructureReader, TransferRegressor, load_model
from sktl.cli import main

N = 24


@pytest.fixture
def place(tmp_path, monkeypatch, tiny_crystal_source, toy_crystals, few_steps):
    """A folder with a source, crystals, and a table of names and energies; networks are quick."""
    tiny_crystal_source.save(tmp_path / "toy.safetensors")
    structures, energies, _ = toy_crystals(N, seed=3)
    (tmp_path / "crystals").mkdir()
    lines = ["sample,File,energy (eV)"]
    for i, (structure, energy) in enumerate(zip(structures, energies, strict=True)):
        name = f"POSCAR_{i}" if i % 2 else f"{i}.cif"
        structure.to(str(tmp_path / "crystals" / name), fmt="poscar" if i % 2 else "cif")
        lines.append(f"{i},{name},{energy:.4f}")
    (tmp_path / "data.csv").write_text("\n".join(lines) + "\n")
    monkeypatch.chdir(tmp_path)
    with few_steps():
        yield tmp_path


def run(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


READ = "--structures", "crystals"
FIT = ("fit", "data.csv", "--target", "energy", "--source", "toy.safetensors", "--save", "m.sktl")


def test_from_a_folder_of_crystals_to_predictions(place, tiny_crystal_source):
    done = run(*FIT, *READ)
    assert done.exit_code == 0, done.output
    assert f"Fitted energy on {N} rows" in done.output
    done = run("predict", "m.sktl", "data.csv", "-o", "out.csv", "--coverage", "0.3", *READ)
    assert done.exit_code == 0, done.output
    with open(place / "out.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    crystals = StructureReader().transform([place / "crystals" / row["File"] for row in rows])
    y = [float(row["energy (eV)"]) for row in rows]
    model = TransferRegressor(tiny_crystal_source, random_state=0).fit(crystals, y)
    found = [float(row["prediction of energy (eV)"]) for row in rows]
    np.testing.assert_allclose(found, model.predict(crystals), rtol=1e-4)
    assert load_model(place / "m.sktl").input_kind_ == "structures"


def test_a_bad_file_is_a_bad_row(place):
    half = Structure(Lattice.cubic(3.0), [{"Li": 0.5, "Na": 0.5}], [[0, 0, 0]])
    half.to(str(place / "crystals" / "half.cif"))
    (place / "crystals" / "torn.cif").write_text("data_torn\n_cell_length_a")
    with open(place / "data.csv", "a") as file:
        file.write("a,lost.cif,1\nb,torn.cif,1\nc,half.cif,1\nd,,1\ne,0.cif,high\n")
    done = run(*FIT, *READ)
    assert done.exit_code == 1 and not (place / "m.sktl").exists()
    for line, name, reason in [
        (N + 2, "lost.cif", "there is no such file"),
        (N + 3, "torn.cif", ""),
        (N + 4, "half.cif", "site 0 is disordered: "),
        (N + 5, "", "no name of a file"),
    ]:
        assert f"data.csv, line {line}, File: {name!r}: {reason}" in done.output
    assert f"5 of {N + 5} rows cannot be used" in done.output and "Traceback" not in done.output
    done = run(*FIT, *READ, "--on-error", "skip")
    assert done.exit_code == 0 and f"Fitted energy on {N} rows" in done.output
    with open(place / "m.sktl.skipped.csv", encoding="utf-8", newline="") as file:
        assert [row["sample"] for row in csv.DictReader(file)] == list("abcde")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((*FIT, *READ, "--formula", "File"), 2, "--formula or --structures, not both"),
        ((*FIT, "--file", "File"), 2, "--file goes with --structures FOLDER"),
        ((*FIT, *READ, "--file", "Fil"), 2, "Did you mean 'File'"),
        ((*FIT, "--structures", "nowhere"), 2, "does not exist"),
    ],
)
def test_mistakes_in_the_options(place, arguments, code, message):
    done = run(*arguments)
    assert done.exit_code == code and message in done.output


def test_a_model_of_crystals_asks_for_the_folder(place):
    assert run(*FIT, *READ).exit_code == 0
    done = run("predict", "m.sktl", "data.csv", "-o", "out.csv")
    assert done.exit_code == 2 and "--structures FOLDER" in done.output
