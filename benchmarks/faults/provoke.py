"""Provoke faults, and count what goes wrong.

    python benchmarks/faults/provoke.py KIND [KIND ...]

Each kind of fault is provoked many times (``--times``, for the searches ``--seconds``), and what
happened goes to its place in ``benchmarks/results/faults.json``, where searches that found nothing
add up: remove an entry to count anew. Then
``python benchmarks/pages/reliability.py`` writes ``docs/reliability.md``. Linux only. The clock
needs libfaketime, the searches need Atheris: ``pip install -c constraints.txt ".[faults]"``. With
``SKTL_DATA_MIRROR``, the shared and the read-only cache are tried with a public data file.
"""

import argparse
import contextlib
import datetime
import json
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import libfaketime
import numpy as np
import torch
from _kills import kill_benchmark, kill_prediction, kill_pretraining, kill_saving
from _parallel import set_clock_back, share_with_threads, share_with_workers
from _places import full_disk, read_only_cache, shared_cache
from _signals import (
    signal_check,
    signal_evaluate,
    signal_fit,
    signal_predict,
    signal_pretrain,
)

import sktl

HERE = Path(__file__).parent
RESULT = HERE.parent / "results" / "faults.json"
KINDS = {
    "kill-pretraining": kill_pretraining,
    "kill-benchmark": kill_benchmark,
    "kill-prediction": kill_prediction,
    "kill-saving": kill_saving,
    "signal-fit": signal_fit,
    "signal-predict": signal_predict,
    "signal-check": signal_check,
    "signal-evaluate": signal_evaluate,
    "signal-pretrain": signal_pretrain,
    "full-disk": full_disk,
    "read-only-cache": read_only_cache,
    "shared-cache": shared_cache,
    "threads": share_with_threads,
    "workers": share_with_workers,
    "clock": set_clock_back,
}
SEARCHES = {
    "fuzz-formulas": "Any text to the formula parser, read one at a time and in a batch: both "
    "agree, or both refuse.",
    "fuzz-tables": "Any bytes to the reader of CSV tables, then all columns as formulas and as "
    "numbers.",
    "fuzz-workbooks": "Changed XLSX files: bytes, or the text of their parts.",
    "fuzz-parquet": "Parquet files with changed bytes.",
    "fuzz-cif": "Any bytes, or CIF files with changed words, read and checked.",
    "fuzz-poscar": "The same of POSCAR.",
    "fuzz-xyz": "The same of extended XYZ.",
    "fuzz-cards": "Cards of sources with changed values.",
    "fuzz-sources": "Changed source files: bytes, or card and tensors under a hash that is right.",
    "fuzz-models": "Changed model files: bytes, or objects, tensors and estimators under a hash "
    "that is right.",
}
PACKAGES = ("numpy", "torch", "scikit-learn", "skops", "safetensors", "atheris", "libfaketime")


def search(kind, seconds, corpus):
    """Run a search in a process of its own; return what stands in the result file."""
    command = [sys.executable, HERE / "_fuzz.py", kind.removeprefix("fuzz-"), corpus]
    command.append(f"-max_total_time={seconds}")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    ended = re.search(r"Done (\d+) runs", done.stdout)
    failures = [] if done.returncode == 0 and ended else [done.stdout[-3000:]]
    reached = re.findall(r"cov: (\d+)", done.stdout)
    seen = {"CPU hours": round(cpu / 3600, 2), "edges reached": int(reached[-1])} if reached else {}
    times = int(ended[1]) if ended else 0
    return {"tried": SEARCHES[kind], "times": times, "failures": failures, "seen": seen}


def provoke(kind, times):
    """Provoke a fault many times; return what stands in the result file."""
    work = KINDS[kind]
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        failures, seen = work(times, Path(folder), np.random.default_rng(0))
    tried = " ".join(work.__doc__.split())
    return {"tried": tried, "times": times, "failures": failures, "seen": seen}


def added_up(before, result):
    """Return a search's result with what earlier ones found nothing in, and since when."""
    (hours, reached), (more, now) = (
        (each["seen"]["CPU hours"], each["seen"]["edges reached"]) for each in (before, result)
    )
    seen = {"CPU hours": round(hours + more, 2), "edges reached": max(reached, now)}
    since = before.get("since", before["date"])
    return result | {"times": before["times"] + result["times"], "seen": seen, "since": since}


def keep(kind, result):
    """Put a result into the file, beside those of other kinds."""
    known = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    versions = {"sktl": sktl.__version__, "python": platform.python_version()}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            versions[name] = version(name)
    facts = {"versions": versions, "date": datetime.date.today().isoformat()}
    before = known.get(kind, {})
    if kind in SEARCHES and before.get("times") and result["times"]:
        result = added_up(before, result)
    known[kind] = result | facts
    text = json.dumps(
        {name: known[name] for name in (*KINDS, *SEARCHES, *known) if name in known}, indent=1
    )
    RESULT.write_text(text + "\n", encoding="utf-8")


def main():
    """Provoke what is asked for; the exit code is 1 when anything failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="+", metavar="KIND", help=", ".join((*KINDS, *SEARCHES)))
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=1800, help="of each search")
    parser.add_argument("--corpus", type=Path, help="folder of inputs that searches found")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if "clock" in arguments.kinds:
        if len(arguments.kinds) > 1:
            parser.error("'clock' takes a command of its own: only it is to run under libfaketime.")
        libfaketime.reexec_if_needed(quiet=True)
    failed = False
    for kind in arguments.kinds:
        if kind in SEARCHES:
            with tempfile.TemporaryDirectory() as scratch:
                corpus = Path(arguments.corpus or scratch).resolve() / kind
                result = search(kind, arguments.seconds, corpus)
        elif kind in KINDS:
            result = provoke(kind, arguments.times)
        else:
            parser.error(f"Got {kind!r}, expected one of {', '.join((*KINDS, *SEARCHES))}.")
        keep(kind, result)
        failed |= bool(result["failures"])
        print(f"{kind}: {json.dumps(result, indent=1)}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
