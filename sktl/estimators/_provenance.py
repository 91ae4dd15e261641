"""What a fitted estimator remembers of its training rows: a hash of all, and a few as examples."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal, Protocol

import numpy as np

from sktl._types import AnyArray, FloatArray
from sktl.representations import Materials

N_EXAMPLES = 3


class FittedModel(Protocol):
    """An estimator that remembers its training rows."""

    input_kind_: Literal["formulas", "structures", "columns"]
    training_sha256_: str
    examples_: list[Any]


def record_training(
    estimator: FittedModel, materials: Materials, y: AnyArray, weights: FloatArray
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


def read_examples(estimator: FittedModel) -> Materials:
    """Return the examples of an estimator as it takes them in ``predict``."""
    materials = Materials.from_plain(estimator.input_kind_, estimator.examples_)
    materials.material = getattr(estimator, "material_", None)
    if hasattr(estimator, "feature_names_in_"):
        materials.names = tuple(estimator.feature_names_in_.tolist())
    return materials
