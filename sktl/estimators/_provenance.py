"""What a fitted estimator remembers of its training rows: a hash of all, and a few as examples."""

import hashlib
import json

import numpy as np

from sktl._checks import is_structure

N_EXAMPLES = 3


def record_training(estimator, data, y, weights):
    """Set ``training_sha256_`` and ``examples_`` of an estimator.

    Parameters
    ----------
    estimator : estimator
        That is being fitted.
    data : list of formulas or structures, or float array (n, d)
        As `read_input` returned it.
    y : array (n,) or (n, k)
        Targets.
    weights : float array (n,)
        Row weights.
    """
    rows = [_plain(row) for row in data]
    lines = [
        json.dumps([row, np.asarray(target).tolist(), float(weight)])
        for row, target, weight in zip(rows, y, weights, strict=True)
    ]
    estimator.training_sha256_ = hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
    estimator.examples_ = sorted(rows, key=json.dumps)[:N_EXAMPLES]


def read_examples(estimator):
    """Return the examples of an estimator as it takes them in ``predict``."""
    if estimator.input_kind_ == "formulas":
        return list(estimator.examples_)
    if estimator.input_kind_ == "structures":
        from pymatgen.core import Structure

        return [Structure.from_dict(json.loads(entry)) for entry in estimator.examples_]
    return np.array(estimator.examples_, dtype=np.float64)


def _plain(row):
    """Return a formula or a structure as text, a row of numbers as a list."""
    if isinstance(row, np.ndarray):
        return row.tolist()
    if is_structure(row):
        return json.dumps(row.as_dict(), sort_keys=True, default=str)
    return row if isinstance(row, str) else row.formula.replace(" ", "")
