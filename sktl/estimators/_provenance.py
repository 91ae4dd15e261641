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
    texts = _digests(data)
    lines = [
        json.dumps([text, np.asarray(target).tolist(), float(weight)])
        for text, target, weight in zip(texts, y, weights, strict=True)
    ]
    estimator.training_sha256_ = hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
    chosen = sorted(range(len(texts)), key=texts.__getitem__)[:N_EXAMPLES]
    estimator.examples_ = [_plain(data[row]) for row in chosen]


def read_examples(estimator):
    """Return the examples of an estimator as it takes them in ``predict``."""
    if estimator.input_kind_ == "formulas":
        return list(estimator.examples_)
    if estimator.input_kind_ == "structures":
        from pymatgen.core import Structure

        return [Structure.from_dict(json.loads(entry)) for entry in estimator.examples_]
    return np.array(estimator.examples_, dtype=np.float64)


def row_texts(data):
    """Return a text for each row that people can read: of a structure its formula."""
    if isinstance(data, np.ndarray):
        return [f"row {row}" for row in range(len(data))]
    return [row.composition.reduced_formula if is_structure(row) else _plain(row) for row in data]


def _digests(data):
    """Return a text for each row, equal for equal rows only."""
    if isinstance(data, np.ndarray):
        return [row.tobytes().hex() for row in data]
    if is_structure(data[0]):
        return list(map(_structure_text, data))
    return [_plain(row) for row in data]


def _structure_text(structure):
    """Return a hash of lattice, coordinates and species, which may be disordered."""
    digest = hashlib.sha256(structure.lattice.matrix.tobytes())
    digest.update(structure.frac_coords.tobytes())
    digest.update(" ".join(site.species_string for site in structure).encode())
    return digest.hexdigest()


def _plain(row):
    """Return a formula or a structure as text, a row of numbers as a list."""
    if isinstance(row, np.ndarray):
        return row.tolist()
    if is_structure(row):
        return json.dumps(row.as_dict(), sort_keys=True, default=str)
    return row if isinstance(row, str) else row.formula.replace(" ", "")
