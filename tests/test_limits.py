"""What asks for much is refused before memory is taken, and messages show little of an input."""

import io
import json
import pickle
import re
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
import pytest
import torch
from click.testing import CliRunner
from pyarrow import parquet
from sklearn.linear_model import Ridge

from sktl import StructureReader, TransferStackRegressor, _limits, load_model, load_source
from sktl._echo import as_message, echo
from sktl._json import read_json
from sktl.cli import main
from sktl.exceptions import (
    FormulaError,
    ModelIntegrityError,
    SktlError,
    SourceIntegrityError,
    StructureError,
    TableError,
)
from sktl.representations import check_structures, list_crystals, parse_formula
from sktl.sources import read_tensors, write_tensors
from sktl.tables import Table, read_structures, read_table

PAGE = Path(__file__).parents[1] / "docs" / "reliability.md"


def change_workbook(path, changes):
    """Write a workbook of one formula with other contents of some parts."""
    content = io.BytesIO()
    book = openpyxl.Workbook()
    book.active.append(["formula"])
    book.active.append(["NaCl"])
    book.save(content)
    with zipfile.ZipFile(content) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, changes.get(name, old.read(name)))


@pytest.mark.parametrize(
    ("part", "content", "words"),
    [
        ("xl/worksheets/sheet1.xml", b"<row/>" * 10_000_000, "unpacks to 60,0"),
        ("xl/styles.xml", b"<xf/>" * 1_000_000, "'xl/styles.xml' has 5,000,000 bytes"),
    ],
)
def test_a_workbook_is_not_unpacked_that_is_mostly_repetition(tmp_path, part, content, words):
    change_workbook(tmp_path / "t.xlsx", {part: content})
    with pytest.raises(TableError, match=words):
        read_table(tmp_path / "t.xlsx")


def test_rows_of_parquet_that_take_no_room_are_not_read(tmp_path):
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"formula": pa.repeat("NaCl", 5_000_000)}), path)
    with pytest.raises(TableError, match="5,000,000 cells, expected at most"):
        read_table(path)
    items = pa.ListArray.from_arrays(pa.array([0, 5_000_000], pa.int32()), pa.repeat(1, 5_000_000))
    parquet.write_table(pa.table({"formula": ["NaCl"], "x": items}), path)
    with pytest.raises(TableError, match="cells, expected at most"):
        read_table(path)


def test_parquet_with_texts_that_are_not_utf8_is_refused(tmp_path):
    path, texts = tmp_path / "t.parquet", pa.array([b"NaCl", b"N\x90\x00l"]).cast("binary")
    texts = pa.Array.from_buffers(pa.string(), 2, texts.buffers())
    parquet.write_table(pa.table({"formula": texts}), path)
    with pytest.raises(TableError, match=r"^t.parquet is not PARQUET: .*N.\\x00l"):
        read_table(path)


def test_a_text_that_many_rows_of_parquet_share_is_held_once(tmp_path):
    path, cells = tmp_path / "t.parquet", pa.repeat(pa.scalar(0, pa.int32()), 100_000)
    for letters, fine in ((100_000, True), (200_000, False)):
        texts = pa.DictionaryArray.from_arrays(cells, ["N" * letters])
        parquet.write_table(pa.table({"formula": texts}), path)
        if fine:
            assert len(read_table(path)) == 100_000  # 10 GB if each had its own
            continue
        with pytest.raises(TableError, match="a cell of 200,000 characters"):
            read_table(path)


def test_many_empty_cells_at_the_end_are_left_out(tmp_path):
    (tmp_path / "t.csv").write_text("formula,x\n" + ("NaCl,1" + "," * 80_000 + "\n") * 20)
    assert read_table(tmp_path / "t.csv").cells == [["NaCl", "1"]] * 20


POSCAR = "x\n1.0\n3 0 0\n0 3 0\n0 0 3\nSi\n{}\nDirect\n0 0 0\n"
CIF = """data_x
_cell_length_a 30
_cell_length_b 30
_cell_length_c 30
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'F m -3 m'
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
"""
XYZ = '1\n{}Lattice="5 0 0 0 5 0 0 0 5" Properties=species:S:1:pos:R:3:x:R:{}\nSi 0 0 0 1\n'


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("POSCAR", POSCAR.format(2 * 10**9), "states 2,000,000,000 atoms, but has 9 lines"),
        ("POSCAR", POSCAR.format(30_000) + "0 0 0\n" * 30_000, "expected at most 20,000"),
        ("a.cif", CIF + "Si1 0.1 0.2 0.3\n" * 300, "300 sites and 192 symmetry operations"),
        ("a.cif", CIF + "#" * 5_000_000, "expected at most 4,194,304"),
        ("a.cif", f"data_y\n{'0 ' * 3_000_000}_atom_site_", "expected at most 4,194,304"),
        ("POSCAR", POSCAR.format(1) + "0 0 0\n" * 3_000_000, "bytes, expected at most 16,777,216"),
        ("a.xyz", "\n" * 10_000_001, "10,000,001 lines, expected at most 10,000,000"),
        ("a.xyz", XYZ.format("", 10**9), "expected at most 1,000 numbers"),
        ("a.xyz", XYZ.format("a=b " * 10_000, 1), "more than 20,000 characters"),
    ],
)
def test_a_file_of_crystals_states_what_it_has(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    with pytest.raises(StructureError, match=words):
        StructureReader().fit_transform([str(tmp_path / name)])
    if name != "POSCAR":
        with pytest.raises(StructureError):
            list_crystals(tmp_path / name)
            StructureReader().fit_transform(str(tmp_path / name))


def test_blank_lines_of_a_cif_file_do_no_harm(tmp_path):
    text = "\n" * 100_000 + CIF + "Si1 0 0 0\n" + "\n" * 100_000
    (tmp_path / "a.cif").write_text(text)
    (structure,) = StructureReader().fit_transform([str(tmp_path / "a.cif")])
    assert structure.formula == "Si4"


def test_a_network_of_a_source_has_sensible_arguments(tmp_path, tiny_source):
    path = tmp_path / "s.safetensors"
    tiny_source.save(path)
    tensors, text = read_tensors(path)
    card = json.loads(text)
    card["network"]["arguments"]["n_gaussians"] = 10**10
    write_tensors(path, tensors, json.dumps(card))
    with pytest.raises(SourceIntegrityError, match="n_gaussians=10000000000 .+ at most 100,000"):
        load_source(path)
    card["network"]["arguments"]["n_gaussians"] = "big"
    write_tensors(path, tensors, json.dumps(card).replace('"big"', "1e999"))
    with pytest.raises(SourceIntegrityError, match="1e999 is not a finite number"):
        load_source(path)


def test_a_header_is_not_read_that_is_long(tmp_path):
    path = tmp_path / "s.safetensors"
    path.write_bytes((2**26).to_bytes(8, "little") + b"{" + b" " * 2**26)
    with pytest.raises(SourceIntegrityError, match="header of 67,108,864 bytes, expected at most"):
        load_source(path)


def test_a_file_of_weights_ends_where_its_header_says(tmp_path, tiny_source):
    path = tmp_path / "s.safetensors"
    tiny_source.save(path)
    size = path.stat().st_size
    with open(path, "r+b") as file:
        file.truncate(2**40)  # takes no room on the disk
    for read, error in ((load_source, SourceIntegrityError), (load_model, ModelIntegrityError)):
        with pytest.raises(error, match=f"states {size:,} bytes, and it has 1,099,511,627,776"):
            read(path)
    path.write_bytes((16).to_bytes(8, "little") + b'{"a": [[[[[[[[' + b" " * 16)
    with pytest.raises(SourceIntegrityError, match="not a whole safetensors file"):
        load_source(path)


def test_parts_by_skops_count_as_often_as_they_are_referred_to(tmp_path):
    path = tmp_path / "m.sktl"
    model = TransferStackRegressor(estimators=[("ridge", Ridge())], n_members=2, random_state=0)
    model.fit(np.random.default_rng(0).random((30, 3)), np.linspace(0, 3, 30)).save(path)
    tensors, text = read_tensors(path)
    with zipfile.ZipFile(io.BytesIO(tensors["scikit-learn"].numpy().tobytes())) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    array = io.BytesIO()
    np.save(array, np.zeros(1_000_000))
    node = {"__class__": "ndarray", "__module__": "numpy", "__loader__": "NdArrayNode"}
    node |= {"type": "numpy", "file": "a.npy"}
    schema = json.loads(members["schema.json"])
    schema["content"] += [node | {"__id__": 10**12 + i} for i in range(20)]
    members |= {"schema.json": json.dumps(schema).encode(), "a.npy": array.getvalue()}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    tensors["scikit-learn"] = torch.frombuffer(bytearray(content.getvalue()), dtype=torch.uint8)
    write_tensors(path, tensors, text)
    with pytest.raises(ModelIntegrityError, match="With all references .+ 160,00.+ at most"):
        load_model(path)


@pytest.mark.parametrize("name", [name for name in vars(_limits) if name.isupper()])
def test_every_limit_stands_in_the_docs(name):
    assert f"`{name}`" in PAGE.read_text(encoding="utf-8")
    value = getattr(_limits, name)
    for number in value if isinstance(value, tuple) else (value,):
        assert f"{number:,}".removesuffix(".0") in PAGE.read_text(encoding="utf-8")


def test_a_message_shows_little_of_an_input_and_no_control_characters():
    error = SktlError(f"Got {'Fe' * 10**6!r} and {'x ' * 10**5!r}, expected \x1b[2J\x07.")
    assert len(str(error)) < 600 and str(error).isprintable()
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert echo("a" * 300) == "'" + "a" * 196 + "..."
    assert as_message("short\nlines stay") == "short\nlines stay"
    assert len(as_message("\x00" * 100)) == 200  # each takes four characters once it is escaped
    for text in ("Q" * 10**5, "Fe\x1b]0;x\x07", "\u202eFe"):
        with pytest.raises(FormulaError) as refused:
            parse_formula(text)
        assert max(map(len, re.findall(r"\S+", str(refused.value)))) <= 203
        assert str(refused.value).isprintable()


@pytest.mark.parametrize("text", ["[NaN]", "[-Infinity]", "[1e999]", "[" * 10**5, "{", ""])
def test_json_is_as_the_standard_has_it(text):
    with pytest.raises(ValueError):
        read_json(text)


def test_names_of_crystals_stay_in_their_folder(tmp_path):
    text = POSCAR.format(1)
    (tmp_path / "in").mkdir()
    for name in ("a.vasp", "in/b.vasp"):
        (tmp_path / name).write_text(text)
    names = ["b.vasp", "../a.vasp", str(tmp_path / "a.vasp"), "~/a.vasp"]
    table = Table(("file",), [[name] for name in names], [2, 3, 4, 5])
    found, problems = read_structures(table, "file", tmp_path / "in")
    assert [each is not None for each in found] == [True, False, False, False]
    assert all("--outside-folder" in str(problem) for problem in problems)
    found, problems = read_structures(table, "file", tmp_path / "in", outside=True)
    assert [each is not None for each in found] == [True, True, True, False]
    check_structures([each for each in found if each is not None])
    for name, place in (("c.vasp", tmp_path / "a.vasp"), ("sub", tmp_path), ("d.vasp", "b.vasp")):
        (tmp_path / "in" / name).symlink_to(place)
    (tmp_path / "in" / "e.cif").symlink_to(tmp_path / "all.cif")
    (tmp_path / "all.cif").write_text(CIF + "Si1 0 0 0\n")
    names = ["c.vasp", "sub/a.vasp", "e.cif#x", "d.vasp", "a\0b.vasp"]
    table = Table(("file",), [[name] for name in names], [2, 3, 4, 5, 6])
    found, problems = read_structures(table, "file", tmp_path / "in")
    assert [each is not None for each in found] == [False, False, False, True, False]
    assert ["--outside-folder" in str(each) for each in problems] == [True, True, True, False]
    (tmp_path / "t.csv").write_text("file\n../a.vasp\n")
    command = ["check", str(tmp_path / "t.csv"), "--structures", str(tmp_path / "in")]
    run = CliRunner()
    assert "leads out of the folder" in run.invoke(main, command).output
    assert "leads out" not in run.invoke(main, [*command, "--outside-folder"]).output
