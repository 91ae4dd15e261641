"""The formulas that the measurements of speed read: those of a public table."""

import csv
import hashlib
import os
import random
from pathlib import Path

DEFAULT_MIRROR = Path(__file__).parents[3] / "shared" / "data" / "mirror"
TABLE = "CrabNet/data/benchmark_data/OQMD_Bandgap/train.csv"


def distinct_formulas(n=None, *, seed):
    """Return n distinct formulas of the table in random order; all if n is not given."""
    mirror = Path(os.environ.get("SKTL_DATA_MIRROR", DEFAULT_MIRROR))
    with (mirror / TABLE).open(newline="", encoding="utf-8") as file:
        distinct = sorted({row["formula"] for row in csv.DictReader(file)})
    n = len(distinct) if n is None else n
    if len(distinct) < n:
        raise ValueError(f"Got n={n}, expected at most {len(distinct)} distinct formulas.")
    return random.Random(seed).sample(distinct, n)


def describe(formulas, seed):
    """Return what a result file says of the formulas that were read."""
    return {
        "table": TABLE,
        "formulas_sha256": hashlib.sha256("\n".join(formulas).encode()).hexdigest(),
        "n_rows": len(formulas),
        "n_distinct": len(set(formulas)),
        "seed": seed,
    }
