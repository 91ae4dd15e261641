"""What a fitted estimator remembers of its training rows: a hash of all, and a few as examples."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np

from sktl._types import AnyArray, FloatArray
from sktl.representations import Materials

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from sktl.estimators._base import MaterialsModel

N_EXAMPLES = 3


def record_training(
    estimator: MaterialsModel, materials: Materials, y: AnyArray, weights: FloatArray
) -> None:
    """Set ``training_sha256_`` and ``examples_`` of an estimator.

    Parameters
    ----------
    estimator : estimator
        That is being fitted.
    materials : Materials, n rows
        Its training rows.
    y : array (n,) or (n, k)
        Targets.
    weights : float array (n,)
        Row weights.
    """
    digests = materials.digests()
    lines = [
        json.dumps([digest, np.asarray(target).tolist(), float(weight)])
        for digest, target, weight in zip(digests, y, weights, strict=True)
    ]
    estimator.training_sha256_ = hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
    chosen = sorted(range(len(digests)), key=digests.__getitem__)[:N_EXAMPLES]
    estimator.examples_ = materials.take(chosen).to_plain()


def read_examples(estimator: MaterialsModel) -> list[str] | list[Structure] | FloatArray:
    """Return the examples of an estimator as it takes them in ``predict``."""
    if estimator.input_kind_ == "formulas":
        return list(estimator.examples_)
    if estimator.input_kind_ == "structures":
        from pymatgen.core import Structure

        return [Structure.from_dict(json.loads(entry)) for entry in estimator.examples_]
    return np.array(estimator.examples_, dtype=np.float64)
