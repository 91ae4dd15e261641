"""Time the 145 physical attributes beside matminer, on one core, in one process.

    python benchmarks/speed/magpie.py

The environment variable ``SKTL_DATA_MIRROR`` names a local copy of the public data files. `run`
returns what the script prints. Both ways begin with formula strings. Seconds are those of the
process, so that other work on the machine does not count.
"""

import json
from importlib.metadata import version

import numpy as np
from _formulas import describe, distinct_formulas
from _measuring import take_turns
from matminer.featurizers.base import MultipleFeaturizer
from matminer.featurizers.composition import (
    ElementProperty,
    IonProperty,
    Stoichiometry,
    ValenceOrbital,
)
from pymatgen.core import Composition

from sktl import MatminerTransformer


def run(n=50_000, n_matminer=1_000, repeats=3, seed=0):
    """Measure formulas per second, best of `repeats` interleaved rounds, and their ratio.

    Parameters
    ----------
    n : int, default=50_000
        Distinct formulas that sktl featurizes.
    n_matminer : int, default=1_000
        How many of them matminer featurizes; its rate does not depend on their number.
    repeats : int, default=3
        Rounds; each times both ways one after the other.
    seed : int, default=0
        Chooses the formulas.

    Returns
    -------
    dict
        Rates in formulas per second, their ratio, the largest difference between the attributes
        of both on matminer's formulas, and what was measured.
    """
    formulas = distinct_formulas(n, seed=seed)
    matminer = matminer_featurizer()
    ways = {
        "sktl": lambda: sktl_attributes(formulas),
        "matminer": lambda: matminer_attributes(matminer, formulas[:n_matminer]),
    }
    sktl_attributes(formulas[:10])  # both read their element data before the clock runs
    matminer_attributes(matminer, formulas[:10])
    seconds, results = take_turns(ways, repeats)
    rates = {name: len(results[name]) / min(seconds[name]) for name in ways}
    difference = np.abs(results["sktl"][:n_matminer] - results["matminer"]).max()
    return {
        **describe(formulas, seed),
        "n_matminer_sample": n_matminer,
        "repeats": repeats,
        "versions": {name: version(name) for name in ("matminer", "numpy", "pymatgen")},
        "formulas_per_second": {name: round(rate) for name, rate in rates.items()},
        "sktl_over_matminer": round(rates["sktl"] / rates["matminer"], 1),
        "max_abs_difference": float(difference),
    }


def sktl_attributes(formulas):
    """Go from strings to attributes with sktl."""
    return MatminerTransformer("magpie", missing="impute").fit_transform(formulas)


def matminer_featurizer():
    """Return the same attributes in matminer; without impute_nan it is slower still."""
    return MultipleFeaturizer(
        [
            Stoichiometry(),
            ElementProperty.from_preset("magpie", impute_nan=True),
            ValenceOrbital(props=["frac"], impute_nan=True),
            IonProperty(fast=True, impute_nan=True),
        ]
    )


def matminer_attributes(featurizer, formulas):
    """Go from strings to attributes with matminer, serially."""
    rows = [featurizer.featurize(Composition(formula)) for formula in formulas]
    return np.array(rows, dtype=np.float64)


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
