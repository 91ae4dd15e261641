"""Files of several crystals, from Python and on the command line."""

import csv
import warnings

import numpy as np
import pytest
from click.testing import CliRunner
from pymatgen.core import Lattice, Structure

from sktl import StructureReader
from sktl.cli import main
from sktl.exceptions import StructureError
from sktl.representations import list_crystals

N = 24


@pytest.fixture(scope="module")
def crystals(toy_crystals):
    structures, energies, _ = toy_crystals(N, seed=3)
    return structures, energies


@pytest.fixture(scope="module")
def texts(crystals):
    """The crystals as one CIF file, and as one of extended XYZ."""
    ase = pytest.importorskip("ase")
    blocks, frames = [], []
    for i, (structure, energy) in enumerate(zip(*crystals, strict=True)):
        cif = structure.to(fmt="cif")
        blocks.append(cif.replace(cif[cif.index("data_") :].splitlines()[0], f"data_c{i}", 1))
        cell = " ".join(f"{x:.8f}" for x in structure.lattice.matrix.ravel())
        words = f'Lattice="{cell}" Properties=species:S:1:pos:R:3 id=c{i} toy={energy:.4f}'
        atoms = [f"{s.specie.symbol} " + " ".join(f"{x:.8f}" for x in s.coords) for s in structure]
        frames += [str(len(structure)), f'{words} pbc="T T T"', *atoms]
    assert ase
    return "data_global\n_journal_year 2020\n" + "\n".join(blocks), "\n".join(frames) + "\n"


@pytest.fixture
def place(tmp_path, monkeypatch, tiny_crystal_source, crystals, texts, few_steps):
    """A folder with a source, both files, and a table of names and energies; networks are quick."""
    tiny_crystal_source.save(tmp_path / "toy.safetensors")
    (tmp_path / "all.cif").write_text(texts[0])
    (tmp_path / "all.extxyz").write_text(texts[1])
    rows = [f"c{i},{energy:.4f}" for i, energy in enumerate(crystals[1])]
    (tmp_path / "data.csv").write_text("\n".join(["id,energy (eV)", *rows]) + "\n")
    monkeypatch.chdir(tmp_path)
    with few_steps():
        yield tmp_path


def run(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


def same(found, structures):
    assert len(found) == len(structures)
    for a, b in zip(found, structures, strict=True):
        assert a.composition == b.composition and a.volume == pytest.approx(b.volume, rel=1e-4)


@pytest.mark.parametrize("name", ["all.cif", "all.extxyz"])
def test_a_file_of_several_crystals_is_a_row_a_block(place, crystals, name):
    same(StructureReader().fit_transform(place / name), crystals[0])
    listed = list_crystals(place / name)
    assert [each for each, *_ in listed] == [f"c{i}" for i in range(N)]
    lines = (place / name).read_text().splitlines()
    begin = "data_c7" if name == "all.cif" else str(len(crystals[0][7]))
    assert lines[listed[7][1] - 1] == begin
    paths = [f"{name}#c{i}" for i in (5, 0)]
    same(StructureReader().transform(paths), [crystals[0][5], crystals[0][0]])


def test_one_of_several_is_asked_for_by_its_name(place):
    for path, message in [
        ("all.cif", "it holds 24 crystals, 'c0', 'c1'.*'all.cif#c0'"),
        ("all.cif#c99", "no crystal called 'c99', but 'c0'"),
        ("none.extxyz#c1", "there is no such file"),
    ]:
        with pytest.raises(StructureError, match=message):
            StructureReader().transform([path])
    text = (place / "all.cif").read_text()
    (place / "twice.cif").write_text(text.replace("data_c1\n", "data_c0\n"))
    with pytest.raises(StructureError, match="2 of its crystals are called 'c0'"):
        StructureReader().transform(["twice.cif#c0"])
    (place / "own#1.cif").write_text(Structure(Lattice.cubic(4), ["Po"], [[0, 0, 0]]).to(fmt="cif"))
    assert len(StructureReader().transform(["own#1.cif"])) == 1


def test_a_block_inside_a_text_field_is_none(tmp_path):
    salt = Structure(Lattice.cubic(4.12), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    text = salt.to(fmt="cif") + "_note\n;\ndata_other\n_atom_site_label is a name\n;\n"
    (tmp_path / "one.cif").write_text(text)
    assert [name for name, *_ in list_crystals(tmp_path / "one.cif")] == ["CsCl"]


FIT = "--source", "toy.safetensors"


@pytest.mark.parametrize("name", ["all.cif", "all.extxyz"])
def test_ids_of_a_table_are_names_of_blocks(place, name):
    done = run("fit", "data.csv", "--target", "energy", "--structures", name, "--save", "m", *FIT)
    assert done.exit_code == 0, done.output
    assert f"Fitted energy on {N} rows" in done.output
    with open("data.csv", "a") as file:
        file.write("c77,1\n")
    done = run("predict", "m", "data.csv", "-o", "o.csv", "--structures", name)
    assert done.exit_code == 0, done.output
    assert f"line {N + 2}, id: 'c77': {name}: it has no crystal called 'c77'" in done.output


def test_frames_are_rows_with_the_values_of_their_comment_lines(place):
    done = run("fit", "all.extxyz", "--target", "toy", "--save", "m", *FIT)
    assert done.exit_code == 0, done.output
    done = run("predict", "m", "all.cif", "-o", "o.csv")
    assert done.exit_code == 0, done.output
    with open("o.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["structure"] for row in rows] == [f"c{i}" for i in range(N)]
    assert np.isfinite([float(row["prediction of toy"]) for row in rows]).all()
    done = run("fit", "all.extxyz", "--target", "toy", "--save", "m", *FIT, "--structures", ".")
    assert done.exit_code == 2 and "all.extxyz has its own crystals" in done.output


def test_crystals_are_evaluated_on_the_command_line(place):
    quick = "--models", "transfer", "--folds", 2, "--repeats", 1, "--jobs", 1
    done = run(
        "evaluate", "data.csv", "--target", "energy", "--structures", "all.cif", "-o", "r.html",
        *FIT, *quick,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "Wrote r.html" in done.output and (place / "r.html").is_file()


def test_without_a_source_the_default_for_crystals_is_taken_and_said(place, monkeypatch):
    names = {"formulas": "toy.safetensors", "structures": "toy.safetensors"}
    monkeypatch.setattr("sktl.sources.DEFAULT_SOURCES", names)
    done = run("fit", "data.csv", "--target", "energy", "--structures", "all.cif", "--save", "m")
    assert done.exit_code == 0, done.output
    assert "Source: toy.safetensors, the default for crystals." in done.output


NO_HYDROGEN = """data_brucite
_cell_length_a 3.142
_cell_length_b 3.142
_cell_length_c 4.766
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 120
_space_group_name_H-M_alt 'P 1'
_chemical_formula_sum 'H2 Mg O2'
loop_
_space_group_symop_operation_xyz
x,y,z
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Mg1 Mg 0 0 0
O1 O 0.3333 0.6667 0.22
O2 O 0.6667 0.3333 0.78
"""


@pytest.mark.parametrize("command", ["fit", "evaluate"])
def test_another_crystal_is_an_error_of_its_row_for_formula_sources_too(
    place, tiny_source, command
):
    tiny_source.save(place / "formulas.safetensors")
    (place / "cifs").mkdir()
    for i, structure in enumerate(StructureReader().transform("all.cif")):
        structure.to(str(place / "cifs" / f"{i}.cif"))
    (place / "cifs" / "brucite.cif").write_text(NO_HYDROGEN)
    rows = [f"{i}.cif,{i}" for i in range(N)]
    (place / "cifs.csv").write_text("\n".join(["file,value", "brucite.cif,1", *rows]) + "\n")
    output = ("--save", "m") if command == "fit" else ("-o", "r.html")
    done = run(
        command, "cifs.csv", "--target", "value", "--structures", "cifs", *output,
        "--source", "formulas.safetensors",
    )  # fmt: skip
    assert done.exit_code == 1, done.output
    assert "cifs.csv, line 2, file: 'brucite.cif': " in done.output
    assert "H has no sites" in done.output
    assert "reads the composition of each crystal and nothing else" in done.output


def test_reading_warns_of_nothing(place):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        StructureReader().transform("all.extxyz")
