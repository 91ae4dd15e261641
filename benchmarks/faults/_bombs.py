"""Small files and texts that ask for much time or memory; `bombs.py` gives each to its reader."""

import io
import json
import struct
import zipfile

import numpy as np
import torch

from sktl import (
    PropertyTable,
    StructureReader,
    TransferStackRegressor,
    load_model,
    load_source,
    pretrain,
)
from sktl.representations import check_structures, list_crystals, parse_formula
from sktl.sources import read_tensors, write_tensors
from sktl.tables import bad_rows, formula_problems, read_numbers, read_table

MANY = 10**6
COLUMNS = "".join(f",c{i}" for i in range(200_000))
FORMULAS = {
    "long: spaces inside": lambda: "NaCl" + " " * MANY + "1.5",
    "deep: brackets": lambda: "(" * (MANY // 2) + "Fe" + ")" * (MANY // 2),
    "repeated: one element": lambda: "Fe" * MANY,
    "long: digits": lambda: "Fe" + "9" * MANY,
    "skewed: full stops": lambda: "Na.5" * 2000,
    "skewed: adducts": lambda: "2H2O*" * 1900 + "NaCl",
}
NAMES = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
SHEET = f'<?xml version="1.0"?>\n<worksheet {NAMES}><sheetData>{{}}</sheetData></worksheet>'
CIF = """data_bomb
_cell_length_a 30
_cell_length_b 30
_cell_length_c 30
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M '{}'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
"""


TABLES = {
    "long: a cell of 20 MB": lambda: "formula,x\nNaCl," + "9" * (20 * MANY) + "\n",
    "deep: brackets in a cell": lambda: "formula,x\n" + "[" * 100_000 + ",1\n",
    "repeated: marks in a number": lambda: "formula;x\nNaCl;" + "1,5" * 30_000 + "\n",
    "wide: 200,000 columns": lambda: "formula,x" + COLUMNS + "\nNaCl,1" + COLUMNS + "\n",
    "long: a name of 100,000 letters": lambda: "formula,x," + "n" * 100_000 + "\nNaCl,1,2\n",
    "repeated: one name 50,000 times": lambda: "formula,x" + ",n" * 50_000 + "\nNaCl,1\n",
    "wide: 80,000 commas at the end": lambda: "formula,x\n" + ("NaCl,1" + "," * 80_000 + "\n") * 20,
    "repeated: 20 million commas": lambda: "formula,x\n" + "," * (20 * MANY) + "\n",
    "repeated: quotes": lambda: 'formula,x\n"' + '""' * (5 * MANY) + '",1\n',
    "long: 300,000 blank rows": lambda: "formula,x\n" + "\n" * 300_000 + "NaCl,1\n",
}


def write_workbook(folder, kind):
    """Write a small workbook, with other contents for some of its parts."""
    import openpyxl

    path, changes = folder / "t.xlsx", WORKBOOKS[kind]()
    book, content = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["formula", "x"])
    book.active.append(["NaCl", 1.5])
    book.save(content)
    with zipfile.ZipFile(content) as old:
        members = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, member in (members | changes).items():
            with new.open(name, "w", force_zip64=True) as file:
                for part in [member] if isinstance(member, bytes) else member:
                    file.write(part)
    return path


def far_cells():
    """Return a sheet of 3,000 rows, each with a cell in the last column."""
    rows = (f'<row r="{i}"><c r="XFD{i}"><v>1</v></c></row>' for i in range(1, 3001))
    return SHEET.format("".join(rows)).encode()


def zeros():
    """Yield a sheet of 1 GB."""
    start, end = SHEET.split("{}")
    yield start.encode()
    for _ in range(1000):
        yield b"<row><c><v>0</v></c></row>" * 40_000
    yield end.encode()


def laughs():
    """Return shared strings of which one is 10^11 words long, by entities of entities."""
    entities = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 12))
    start = f'<!DOCTYPE sst [<!ENTITY e0 "laugh">{entities}]>'
    return f"{start}<sst {NAMES}><si><t>&e11;</t></si></sst>".encode()


SHEET_PART = "xl/worksheets/sheet1.xml"
WORKBOOKS = {
    "skewed: one cell far away": lambda: {
        SHEET_PART: SHEET.format('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>').encode()
    },
    "wide: 3,000 cells in the last column": lambda: {SHEET_PART: far_cells()},
    "long: 1 GB of cells in 3 MB": lambda: {SHEET_PART: zeros()},
    "deep: entities of entities": lambda: {"xl/sharedStrings.xml": laughs()},
    "repeated: 4 million styles": lambda: {
        "xl/styles.xml": f"<styleSheet {NAMES}><cellXfs>{'<xf/>' * 4 * MANY}"
        "</cellXfs></styleSheet>".encode()
    },
}


PARQUET = (
    "long: 200 million equal rows",
    "repeated: a cell of 50 MB in 5,000 rows",
    "wide: a list of 100 million items",
)


def write_parquet(folder, kind):
    """Write a Parquet file whose rows take no room in the file."""
    path = folder / "t.parquet"
    import pyarrow as pa
    from pyarrow import parquet

    if kind == "long: 200 million equal rows":
        part = pa.table({"formula": pa.repeat("NaCl", 20 * MANY).dictionary_encode()})
        with parquet.ParquetWriter(path, part.schema, compression="zstd") as writer:
            for _ in range(10):
                writer.write_table(part, row_group_size=20 * MANY)
    elif kind == "repeated: a cell of 50 MB in 5,000 rows":
        cells = pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), 5000),
                                               ["N" * (50 * MANY)])  # fmt: skip
        parquet.write_table(pa.table({"formula": cells}), path, compression="zstd")
    else:
        ends = pa.array([0, 100 * MANY], pa.int32())
        nested = pa.ListArray.from_arrays(ends, pa.repeat(pa.scalar(0, pa.int8()), 100 * MANY))
        parquet.write_table(pa.table({"formula": ["NaCl"], "x": nested}), path, compression="zstd")
    return path


def places(n):
    """Return n places in a cell, one a line."""
    return "\n".join(f"{i % 37 / 37} {i % 41 / 41} {i % 43 / 43}" for i in range(n))


def poscar(*edges, n=1):
    """Return a POSCAR that states n atoms and has one."""
    return f"bomb\n1.0\n{chr(10).join(edges)}\nSi\n{n}\nDirect\n0 0 0\n"


def cif(sites, group="P 1"):
    """Return a CIF file."""
    return CIF.format(group) + sites


def extxyz(comment="", n=1, columns=1):
    """Return a frame of extended XYZ with one atom, whose comment line states other things."""
    properties = f"Properties=species:S:1:pos:R:3:x:R:{columns}"
    return f'{n}\n{comment}Lattice="5 0 0 0 5 0 0 0 5" {properties}\nSi 0.0 0.0 0.0 1\n'


CUBE = ("3 0 0", "0 3 0", "0 0 3")
CRYSTALS = {
    "skewed: a cell": lambda: poscar("3 0 0", "300000 3 0", "100000 100000 3"),
    "skewed: a thin cell": lambda: poscar("1e5 0 0", "0 .51 0", "0 0 1e5"),
    "long: 2 billion atoms stated": lambda: poscar(*CUBE, n=2 * 10**9),
    "wide: 60,000 atoms": lambda: poscar(*CUBE, n=60_000)[:-6] + places(60_000),
    "long: 300,000 blank lines": lambda: "\n" * 300_000 + cif("Si1 Si 0 0 0\n"),
    "repeated: 5,000 sites, 192 operations": lambda: cif(
        "".join(f"Si1 Si {place}\n" for place in places(5000).split("\n")), "F m -3 m"
    ),
    "wide: 10 MB in one line": lambda: cif("Si1 Si 0 0 0 " * 800_000),
    "repeated: a million loops": lambda: "data_a\n" + "loop_\n" * MANY + "_atom_site_label\n",
    "wide: a billion columns stated": lambda: extxyz(columns=10**9),
    "long: a billion atoms stated": lambda: extxyz(n=10**9),
    "long: a comment of 4 MB": lambda: extxyz("a=b " * MANY),
}


def write_models(folder):
    """Write a small source and a small model, which others are made from."""
    formulas = [f"Li{i}O" for i in range(1, 31)]
    small = {"width": 8, "hidden": 8, "n_heads": 1, "n_attention": 1, "trunk_width": 8}
    table = PropertyTable("gap", formulas, np.linspace(0, 3, 30), "eV")
    network = {"network_arguments": small | {"n_trunk": 1}, "epochs": 1, "progress": False}
    pretrain(table, id="toy.gap@1", title="A toy", **network).save(folder / "toy.safetensors")
    from sklearn.linear_model import Ridge

    model = TransferStackRegressor(estimators=[("ridge", Ridge())], n_members=2, random_state=0)
    model.fit(np.random.default_rng(0).random((30, 3)), np.linspace(0, 3, 30))
    model.save(folder / "toy.sktl")


SOURCES = (
    "long: a header of 2^62 bytes",
    "long: a header of 90 MB",
    "deep: lists in a card",
    "wide: 10 billion Gaussians",
)


def write_source(folder, kind):
    """Write a source whose first bytes promise too much, or whose card does."""
    path = folder / "s.safetensors"
    tensors, text = read_tensors(folder / "toy.safetensors")
    if "2^62" in kind:
        path.write_bytes(struct.pack("<Q", 2**62) + b"{" + b" " * 100)
        return path
    if "Gaussians" in kind:
        card = json.loads(text)
        card["network"]["arguments"] |= {"n_gaussians": 10**10}
        text = json.dumps(card)
    else:
        text = "[" * 2 * MANY + "]" * 2 * MANY if "deep" in kind else "[" + "{}," * 30 * MANY + "1]"
    write_tensors(path, tensors, text)
    return path


MODELS = (
    "repeated: a member of 125 MB, 20 times",
    "long: a member of 2 GB",
    "wide: an array of 10^11 numbers stated",
)


def write_model(folder, kind):
    """Write a model whose part by skops refers to one large member many times."""
    path = folder / "m.sktl"
    tensors, text = read_tensors(folder / "toy.sktl")
    with zipfile.ZipFile(io.BytesIO(tensors["scikit-learn"].numpy().tobytes())) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members["schema.json"])
    array = {"__class__": "ndarray", "__module__": "numpy", "__loader__": "NdArrayNode"}
    array |= {"type": "numpy", "file": "bomb.npy"}
    n = 20 if kind.startswith("repeated") else 1
    schema["content"] += [array | {"__id__": 10**12 + i} for i in range(n)]
    large = io.BytesIO()
    np.save(large, np.zeros(125 * MANY // 8))
    content = large.getvalue()
    if "2 GB" in kind:
        content += content[128:] * 16
    elif "stated" in kind:
        content = content[:1000].replace(b"(15625000,), }    ", b"(100000000000,), }")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in (members | {"bomb.npy": content}).items():
            archive.writestr(name, json.dumps(schema) if name == "schema.json" else member)
    tensors["scikit-learn"] = torch.frombuffer(bytearray(packed.getvalue()), dtype=torch.uint8)
    write_tensors(path, tensors, text)
    return path


def use_formula(path):
    """Read a text as a formula."""
    parse_formula(path.read_text())


def use_table(path):
    """Read a table, and its first columns as formulas and numbers."""
    table = read_table(path)
    bad_rows(table)
    formula_problems(table, table.header[0])
    if "x" in table.header:
        read_numbers(table, "x")


def use_crystal(path):
    """Read a file of crystals, and check the first as an estimator does."""
    if path.suffix:
        list_crystals(path)
    check_structures(StructureReader().fit_transform([str(path)]))


def text_in(texts, name):
    """Return what writes one of the texts."""

    def write(folder, kind):
        path = folder / (name or _crystal_file(kind))
        path.write_text(texts[kind]())
        return path

    return write


def _crystal_file(kind):
    if "columns" in kind or "comment" in kind or "a billion atoms" in kind:
        return "a.xyz"
    return "POSCAR" if "cell" in kind or "atoms" in kind else "a.cif"


BOMBS = {
    "formula": (use_formula, FORMULAS, text_in(FORMULAS, "formula.txt")),
    "csv": (use_table, TABLES, text_in(TABLES, "t.csv")),
    "xlsx": (use_table, WORKBOOKS, write_workbook),
    "parquet": (use_table, PARQUET, write_parquet),
    "crystal": (use_crystal, CRYSTALS, text_in(CRYSTALS, None)),
    "source": (load_source, SOURCES, write_source),
    "model": (load_model, MODELS, write_model),
}
"""By reader: what reads, names of bombs, and what writes one into a folder."""
