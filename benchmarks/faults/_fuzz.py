"""Search for input that breaks a reader; `provoke.py` runs this in a process of its own.

    python benchmarks/faults/_fuzz.py TARGET FOLDER [options of libFuzzer]

Atheris mutates input and keeps what reaches new code. A reader must return, or refuse with the
error of sktl that it documents; whatever else it raises ends the run, as does an input that takes
five seconds of processor time, or hangs for ten minutes (``-timeout``). FOLDER holds the inputs
that were found, and may be used again; the seeds in ``corpus/TARGET`` are always tried.
"""

import contextlib
import io
import json
import logging
import math
import os
import re
import sys
import tempfile
import time
import warnings
import zipfile
from pathlib import Path

import atheris
import numpy as np
import torch
from _mutations import (
    change_archive,
    change_bytes,
    change_json,
    change_lines,
    change_tensor,
    write_valid_files,
)

PARTS = {"include": ["sktl", "skops", "safetensors"]}

with atheris.instrument_imports(**PARTS):
    from sktl.exceptions import (
        FormulaError,
        ModelIntegrityError,
        SourceIntegrityError,
        StructureError,
        TableError,
    )
    from sktl.representations import (
        StructureReader,
        check_structures,
        list_crystals,
        parse_formula,
        parse_formulas,
    )
    from sktl.tables import bad_rows, find_column, formula_problems, read_numbers, read_table

CORPUS = Path(__file__).parent / "corpus"
LONGEST_LINE = 2000
MOST_SECONDS = 5
_ECHO = re.compile(r"\S{209}")  # 200 characters, and marks around them


def check_message(error):
    """Raise where a message shows too much of the input, or what moves a cursor."""
    for line in str(error).split("\n"):
        assert line.isprintable() and len(line) <= LONGEST_LINE, line
        assert not _ECHO.search(line), line


@contextlib.contextmanager
def refusing(*kinds):
    """Let errors of these kinds pass, if their messages can be shown."""
    try:
        yield
    except kinds as error:
        check_message(error)


def read_any_formula(data):
    """Read a text both ways, which must agree."""
    text = data.decode("utf-8", errors="surrogateescape")
    try:
        amounts = parse_formula(text)
    except FormulaError as error:
        check_message(error)
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

    def __init__(self, folder, suffix=".csv"):
        self.path = folder / f"t{suffix}"
        self.seeds = sorted((CORPUS / suffix[1:]).glob(f"*{suffix}"))

    def __call__(self, data):
        self.write(data)
        with refusing(TableError):
            table = read_table(self.path)
            assert len(table.lines) == len(table) > 0
            bad_rows(table)
            for name in table.header[:3]:
                formula_problems(table, find_column(table, name).name)
                read_numbers(table, name)

    def write(self, data):
        """Write the bytes as they are."""
        self.path.write_bytes(data)


class AnyParquet(AnyTable):
    """Read Parquet files with some of their bytes changed."""

    def write(self, data):
        """Write a changed file of the corpus."""
        provider = atheris.FuzzedDataProvider(data)
        seed = provider.PickValueInList(self.seeds)
        self.path.write_bytes(change_bytes(seed.read_bytes(), provider))


class AnyWorkbook(AnyTable):
    """Read workbooks with their bytes changed, or the text of one of their parts."""

    def write(self, data):
        """Write a changed file of the corpus."""
        provider = atheris.FuzzedDataProvider(data)
        content = provider.PickValueInList(self.seeds).read_bytes()
        if provider.ConsumeIntInRange(0, 3) == 0:
            self.path.write_bytes(change_bytes(content, provider))
            return
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        name = provider.PickValueInList(sorted(members))
        text = members[name].decode().replace("><", "> <").replace('"', ' " ')
        if provider.ConsumeBool():
            members[name] = change_lines(text, provider).encode("utf-8", "replace")
        else:
            members[name] = change_bytes(members[name], provider)
        with zipfile.ZipFile(self.path, "w") as archive:
            for key, member in members.items():
                archive.writestr(key, member)


class AnyCrystal:
    """Read files of crystals: bytes as they are, or changed words of the corpus."""

    def __init__(self, folder, name):
        self.path = folder / name
        self.seeds = [path.read_text() for path in sorted((CORPUS / name).iterdir())]

    def __call__(self, data):
        provider = atheris.FuzzedDataProvider(data)
        if provider.ConsumeIntInRange(0, 4) == 0:
            self.path.write_bytes(provider.ConsumeBytes(1 << 16))
        else:
            text = change_lines(provider.PickValueInList(self.seeds), provider)
            self.path.write_text(text, encoding="utf-8", errors="replace")
        with refusing(StructureError):
            if self.path.suffix:
                list_crystals(self.path)
            check_structures(StructureReader().fit_transform([str(self.path)]))


class AnyCard:
    """Read cards whose JSON is changed, or any text."""

    def __init__(self, folder):
        with atheris.instrument_imports(**PARTS):
            from sktl.sources import SourceCard, read_tensors
        write_valid_files(folder)
        self.text = read_tensors(folder / "source.safetensors")[1]
        self.read = SourceCard.from_json

    def __call__(self, data):
        provider = atheris.FuzzedDataProvider(data)
        if provider.ConsumeIntInRange(0, 3) == 0:
            text = change_bytes(self.text.encode(), provider).decode("utf-8", "surrogateescape")
        else:
            text = json.dumps(change_json(json.loads(self.text), provider))
        with refusing(SourceIntegrityError):
            self.read(text)


class AnyFile:
    """Read changed model and source files: raw bytes, or changes under a hash that is right."""

    def __init__(self, folder, suffixes=(".sktl", ".safetensors")):
        with atheris.instrument_imports(**PARTS):
            from sktl import load_model
            from sktl.sources import read_source, read_tensors, write_tensors
        self.load_model, self.read_source, self.write = load_model, read_source, write_tensors
        self.changed = folder / "changed"
        write_valid_files(folder)
        paths = [path for suffix in suffixes for path in sorted(folder.glob(f"*{suffix}"))]
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
            self._write_signed(kind, dict(tensors), text, provider)
        if suffix == ".sktl":
            with refusing(ModelIntegrityError):
                self.load_model(self.changed)
        else:
            with refusing(SourceIntegrityError):
                self.read_source(self.changed)

    def _write_signed(self, kind, tensors, text, provider):
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
        self.write(self.changed, tensors, text.replace("\\ud800", "?"))


TARGETS = {
    "formulas": lambda folder: read_any_formula,
    "tables": AnyTable,
    "workbooks": lambda folder: AnyWorkbook(folder, ".xlsx"),
    "parquet": lambda folder: AnyParquet(folder, ".parquet"),
    "cif": lambda folder: AnyCrystal(folder, "a.cif"),
    "poscar": lambda folder: AnyCrystal(folder, "POSCAR"),
    "xyz": lambda folder: AnyCrystal(folder, "a.xyz"),
    "cards": AnyCard,
    "sources": lambda folder: AnyFile(folder, (".safetensors",)),
    "models": lambda folder: AnyFile(folder, (".sktl",)),
}
"""By name: what makes a reader of bytes, given a folder for its files."""


def seeds_of(target):
    """Return the inputs that a search begins with."""
    stored = CORPUS / target
    found = [path.read_bytes() for path in sorted(stored.iterdir())] if stored.is_dir() else []
    return found or [np.random.default_rng(i).bytes(64) for i in range(40)]


def within_time(run):
    """Return the reader, which fails where an input takes too much processor time."""

    def run_and_measure(data):
        began = time.process_time()
        run(data)
        spent = time.process_time() - began
        assert spent < MOST_SECONDS, f"took {spent:.1f} s"

    return run_and_measure


def main():
    """Run libFuzzer on one target."""
    warnings.simplefilter("ignore")
    logging.disable()
    torch.set_num_threads(1)
    target, corpus = sys.argv[1], Path(sys.argv[2])
    corpus.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
    for i, seed in enumerate(seeds_of(target)):
        (corpus / f"seed{i}").write_bytes(seed)
    run = within_time(TARGETS[target](scratch))
    limits = ["-timeout=600", "-rss_limit_mb=8000"]
    atheris.Setup([sys.argv[0], *limits, *sys.argv[2:]], run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
