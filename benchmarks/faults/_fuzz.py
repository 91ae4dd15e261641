"""Search for input that breaks a reader; `provoke.py` runs this in a process of its own.

    python benchmarks/faults/_fuzz.py TARGET FOLDER [options of libFuzzer]

Atheris mutates input and keeps what reaches new code. A reader must return, or refuse with the
error of sktl that it documents; whatever else it raises ends the run, as does an input that takes
a minute. FOLDER holds the inputs that were found, and may be used again.
"""

import contextlib
import copy
import json
import logging
import math
import os
import sys
import tempfile
import warnings
import zipfile
from io import BytesIO
from pathlib import Path

import atheris
import numpy as np
import torch

with atheris.instrument_imports(include=["sktl", "skops", "safetensors"]):
    from sktl import (
        PropertyTable,
        TransferClassifier,
        TransferRegressor,
        TransferStackRegressor,
        load_model,
        pretrain,
    )
    from sktl.exceptions import FormulaError, ModelIntegrityError, SourceIntegrityError, TableError
    from sktl.representations import parse_formula, parse_formulas
    from sktl.sources import read_source, read_tensors, write_tensors
    from sktl.tables import bad_rows, find_column, formula_problems, read_numbers, read_table

FORMULAS = [
    *("Fe2O3", "Fe0.98O", "Al.5Ga.5As", "K4[Fe(CN)6]", "{[(Fe)2O]3}2", "CuSO4·5H2O", "H₂O"),
    *("CuSO4.5H2O", "3CdSO4·8H2O", "Y3N@C80", "D2O", "Fe1e-3O", "3-Feb", "Fe2+", "CaSO4.0.5H2O"),
]
TABLES = [
    "formula,gap (eV)\nNaCl,8.5\nSi,1.1\n",
    '\N{BYTE ORDER MARK}Formula;Tc [K];note\r\nNaN;1,5;"a;""b"""\r\n;;\r\n3-Feb;n/a;x\r\n',
    'formula\tx\nSi\t"1,234"\n',
    "a|b\n1|2|3\n",
]
ODD_VALUES = [
    *(None, True, -1, 0, 1, 3, 2**31, 2**63, -(2**70), 1e308, math.nan, math.inf, "", "x", "0"),
    *([], {}, [[]], "float32", "numpy", "sklearn.svm._classes", "../a", "\ud800"),
]


def read_any_formula(data):
    """Read a text both ways, which must agree."""
    text = data.decode("utf-8", errors="surrogateescape")
    try:
        amounts = parse_formula(text)
    except FormulaError:
        amounts = None
    try:
        sizes = parse_formulas(["Fe2O3", text]).sizes.tolist()
    except FormulaError as error:
        assert amounts is None and error.rows == [1]
    else:
        assert sizes == [2, len(amounts)] and all(a > 0 for a in amounts.values())
        assert math.isfinite(sum(amounts.values()))


class AnyTable:
    """Read bytes as a table, and its columns as formulas and numbers."""

    def __init__(self, folder):
        self.path = folder / "t.csv"

    def __call__(self, data):
        self.path.write_bytes(data)
        with contextlib.suppress(TableError):
            table = read_table(self.path)
            assert len(table.lines) == len(table) > 0
            bad_rows(table)
            for name in table.header[:3]:
                formula_problems(table, find_column(table, name).name)
                read_numbers(table, name)


class AnyFile:
    """Read changed model and source files: raw bytes, or changes under a hash that is right."""

    def __init__(self, folder):
        self.folder = folder
        self.changed = folder / "changed"
        write_valid_files(folder)
        paths = sorted(folder.glob("*.sktl")) + sorted(folder.glob("*.safetensors"))
        self.valid = [(path.suffix, *read_tensors(path)) for path in paths]
        self.raw = [path.read_bytes() for path in paths]

    def __call__(self, data):
        provider = atheris.FuzzedDataProvider(data)
        suffix, tensors, text = provider.PickValueInList(self.valid)
        kind = provider.ConsumeIntInRange(0, 4)
        if kind == 0:
            content = provider.PickValueInList(self.raw)
            self.changed.write_bytes(change_bytes(content, provider))
        else:
            self._write_signed(kind, suffix, dict(tensors), text, provider)
        if suffix == ".sktl":
            with contextlib.suppress(ModelIntegrityError):
                load_model(self.changed)
        else:
            with contextlib.suppress(SourceIntegrityError):
                read_source(self.changed)

    def _write_signed(self, kind, suffix, tensors, text, provider):
        """Write a file whose content is changed and whose hash belongs to it."""
        if kind == 1:
            name = provider.PickValueInList(sorted(tensors))
            tensors[name] = change_tensor(tensors[name], provider)
        elif kind == 2 or "scikit-learn" not in tensors:
            text = json.dumps(change_json(json.loads(text), provider))
        else:
            archive = tensors["scikit-learn"].numpy().tobytes()
            content = bytearray(change_archive(archive, provider, whole=kind == 3))
            tensors["scikit-learn"] = torch.frombuffer(content, dtype=torch.uint8)
        write_tensors(self.changed, tensors, text.replace("\\ud800", "?"))


def change_bytes(content, provider):
    """Return bytes with some of them replaced, removed or doubled."""
    for _ in range(provider.ConsumeIntInRange(1, 3)):
        start = provider.ConsumeIntInRange(0, len(content))
        end = min(start + provider.ConsumeIntInRange(0, 16), len(content))
        content = content[:start] + provider.ConsumeBytes(8) + content[end:]
    return content


def change_tensor(tensor, provider):
    """Return another tensor."""
    kind = provider.ConsumeIntInRange(0, 3)
    if kind == 0:
        return tensor[:-1] if tensor.ndim else tensor[None]
    if kind == 1:
        return tensor.to(provider.PickValueInList([torch.float64, torch.int64, torch.bool]))
    if kind == 2:
        return torch.full_like(tensor, provider.PickValueInList([0, 1, -1, 100]))
    changed = tensor.clone().reshape(-1)
    if len(changed) and changed.is_floating_point():
        place = provider.ConsumeIntInRange(0, len(changed) - 1)
        changed[place] = provider.PickValueInList([math.nan, math.inf, -6e4, 6e4])
    return changed.reshape(tensor.shape)


def change_json(tree, provider):
    """Return a JSON tree with one to three values replaced, removed or exchanged."""
    for _ in range(provider.ConsumeIntInRange(1, 3)):
        places = list(places_in(tree))
        holder, key = provider.PickValueInList(places)
        other_holder, other = provider.PickValueInList(places)
        kind = provider.ConsumeIntInRange(0, 3)
        if kind == 0:
            holder[key] = provider.PickValueInList(ODD_VALUES)
        elif kind == 1:
            holder[key] = copy.deepcopy(other_holder[other])
        elif kind == 2:
            del holder[key]
        elif isinstance(holder[key], int | float) and not isinstance(holder[key], bool):
            holder[key] += provider.ConsumeIntInRange(-3, 3)
        else:
            holder[key] = [holder[key]]
        if not tree:
            return tree
    return tree


def places_in(tree):
    """Yield the container and the key of each value of a JSON tree."""
    for key, value in list(tree.items() if isinstance(tree, dict) else enumerate(tree)):
        yield tree, key
        if isinstance(value, dict | list):
            yield from places_in(value)


def change_archive(content, provider, *, whole):
    """Return a skops archive with its description changed, or the bytes of a member."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    if whole:
        schema = change_json(json.loads(members["schema.json"]), provider)
        members["schema.json"] = json.dumps(schema).encode()
    else:
        name = provider.PickValueInList(sorted(members))
        members[name] = change_bytes(members[name], provider)
    changed = BytesIO()
    with zipfile.ZipFile(changed, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return changed.getvalue()


def write_valid_files(folder):
    """Fit and write a small source, a regressor, a classifier and a stack."""
    from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
    from sklearn.linear_model import Ridge

    formulas = ["NaCl", "GaAs", "Si", "ZnO", "MgO", "PbTe", "CdS", "TiO2", "LiF", "KBr"] * 3
    formulas = [f"{text}Cu{i}" for i, text in enumerate(formulas)]
    y = np.linspace(0, 3, len(formulas))
    small = {"width": 8, "hidden": 8, "n_heads": 1, "n_attention": 1, "trunk_width": 8}
    source = pretrain(
        PropertyTable("gap", formulas, y, "eV"),
        id="toy.gap@1",
        title="A toy",
        network_arguments=small | {"n_trunk": 1},
        epochs=1,
        progress=False,
    )
    source.save(folder / "source.safetensors")
    fast = {"max_epochs": 1, "n_members": 1, "random_state": 0}
    TransferRegressor(source, **fast).fit(formulas, y).save(folder / "regressor.sktl")
    TransferClassifier(source, **fast).fit(formulas, y > 1).save(folder / "classifier.sktl")
    trees = ExtraTreesRegressor(2), HistGradientBoostingRegressor(max_iter=2)
    bases = [(type(each).__name__, each) for each in (Ridge(), *trees)]
    stack = TransferStackRegressor(estimators=bases, n_members=2, random_state=0)
    stack.fit(np.random.default_rng(0).random((30, 3)), y).save(folder / "stack.sktl")


def main():
    """Run libFuzzer on one target."""
    warnings.simplefilter("ignore")
    logging.disable()
    torch.set_num_threads(1)
    target, corpus = sys.argv[1], Path(sys.argv[2])
    corpus.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
    seeds = [np.random.default_rng(i).bytes(64) for i in range(40)]
    if target == "formulas":
        run, seeds = read_any_formula, [text.encode() for text in FORMULAS]
    elif target == "tables":
        run, seeds = AnyTable(scratch), [text.encode() for text in TABLES]
    else:
        run = AnyFile(scratch)
    for i, seed in enumerate(seeds):
        (corpus / f"seed{i}").write_bytes(seed)
    atheris.Setup([sys.argv[0], *sys.argv[2:], "-timeout=60", "-rss_limit_mb=8000"], run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
