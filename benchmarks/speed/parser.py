"""Time the formula parser beside pymatgen and matminer, on one core, in one process.

    python benchmarks/speed/parser.py

The environment variable ``SKTL_DATA_MIRROR`` names a local copy of the public data files. `run`
returns what the script prints. Time is CPU time of this process, which runs one thread: other work
on the machine stretches the clock, not this.
"""

import json
import os

import pandas as pd
from _formulas import describe, distinct_formulas
from _measuring import take_turns
from matminer.featurizers.composition import ElementFraction
from matminer.featurizers.conversions import StrToComposition
from pymatgen.core import Composition

from sktl.representations import parse_formulas


def run(n=100_000, repeats=3, seed=0):
    """Measure formulas per CPU second, best of `repeats` interleaved rounds, and their ratios.

    Parameters
    ----------
    n : int, default=100_000
        Distinct formulas. Every way gets all of them, since a dense result of this size has its
        own cost: a smaller one for matminer would not be the same work.
    repeats : int, default=3
        Rounds; each times all four ways one after another.
    seed : int, default=0
        Chooses the formulas.

    Returns
    -------
    dict
        Rates in formulas per CPU second, ratios, and what was measured.
    """
    formulas = distinct_formulas(n, seed=seed)
    frame = pd.DataFrame({"formula": formulas})
    ways = {
        "sktl_parse": lambda: parse_formulas(formulas),
        "pymatgen_composition": lambda: [Composition(formula) for formula in formulas],
        "sktl_dense": lambda: parse_formulas(formulas).to_dense(),
        "matminer_element_fraction": lambda: element_fractions(frame),
    }
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        seconds, _ = take_turns(ways, repeats)
    finally:
        os.sched_setaffinity(0, cores)
    rates = {name: n / min(seconds[name]) for name in ways}
    return {
        **describe(formulas, seed),
        "repeats": repeats,
        "load_average": round(os.getloadavg()[0], 1),
        "formulas_per_cpu_second": {name: round(rate) for name, rate in rates.items()},
        "cpu_seconds": {name: [round(s, 3) for s in runs] for name, runs in seconds.items()},
        "parse_over_pymatgen": round(rates["sktl_parse"] / rates["pymatgen_composition"], 2),
        "dense_over_matminer": round(rates["sktl_dense"] / rates["matminer_element_fraction"], 2),
    }


def element_fractions(frame):
    """Go from strings to matminer's dense elemental fractions, serially."""
    to_composition = StrToComposition()
    to_composition.set_n_jobs(1)
    fractions = ElementFraction()
    fractions.set_n_jobs(1)
    frame = to_composition.featurize_dataframe(frame, "formula", pbar=False)
    frame = fractions.featurize_dataframe(frame, "composition", pbar=False)
    return frame[fractions.feature_labels()].to_numpy()


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
