"""Applicability: how far a material is from those that a model was trained on."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktl._state import stored
from sktl._types import AnyArray, FloatArray, IntArray, SingleArray
from sktl.representations import SYMBOLS, Compositions

N_NEIGHBORS = 5
INSIDE = 0.95
"""Share of the training materials that lie inside, each judged by the others."""

_MOST_AXES = 32
_MOST_JUDGED = 2000


@stored("domain/1")
class Domain:
    """The training rows of a model as points, and how near to each other they lie.

    Points are principal components of the standardised embedding. The distance of a material is the
    mean of those to its nearest training rows. Each of 2,000 training rows at most is judged by the
    rows of other compositions: the median of their distances is the unit of all distances, and the
    limit is the distance that 95 % of them do not exceed.

    Parameters
    ----------
    features : float array (n, d)
        Embedding of the training rows.
    groups : int array (n,)
        Equal for rows of one composition.
    elements : set of int
        Atomic numbers in the training rows.
    texts : list of str, length n
        The training rows, to be shown.
    values : array (n,) or (n, k)
        Their targets or labels.

    Attributes
    ----------
    limit : float
        Distance from which on a material is outside.
    """

    def __init__(
        self,
        features: AnyArray,
        groups: IntArray,
        elements: Collection[int],
        texts: list[str],
        values: AnyArray,
    ) -> None:
        n_axes = min(_MOST_AXES, *features.shape)
        axes = make_pipeline(StandardScaler(), PCA(n_axes, svd_solver="covariance_eigh"))
        with np.errstate(invalid="ignore"):  # of one composition only: no variance to share out
            self.axes = axes.fit(features.astype(np.float64))
        self.points = self._project(features)
        self.elements, self.texts, self.values = sorted(elements), texts, values
        self.unit = 1.0
        found = self._judge(groups)
        self.unit = float(np.median(found)) or 1.0
        self.limit = float(np.quantile(found, INSIDE, method="higher")) / self.unit

    def nearest(self, features: AnyArray, search: NearestNeighbors) -> tuple[FloatArray, IntArray]:
        """Return mean distances (n,) and the training rows (n, k) nearest to features (n, d)."""
        found, rows = search.kneighbors(self._project(features))
        return found.mean(axis=1) / self.unit, rows

    def search(self, n_neighbors: int) -> NearestNeighbors:
        """Return what finds the nearest training rows."""
        return NearestNeighbors(n_neighbors=n_neighbors).fit(self.points)

    def _judge(self, groups: IntArray) -> FloatArray:
        """Return the distances of training rows to those of other compositions."""
        chosen = np.linspace(0, len(groups) - 1, min(len(groups), _MOST_JUDGED)).astype(np.int64)
        largest = int(np.bincount(groups).max())
        n_neighbors = min(N_NEIGHBORS + largest, len(groups))
        found, rows = self.search(n_neighbors).kneighbors(self.points[chosen])
        others = groups[rows] != groups[chosen, None]
        others &= np.cumsum(others, axis=1) <= N_NEIGHBORS
        counts = others.sum(axis=1)
        if not counts.any():
            return np.ones(1)
        return ((found * others).sum(axis=1) / np.maximum(counts, 1))[counts > 0]

    def _project(self, features: AnyArray) -> SingleArray:
        return self.axes.transform(features.astype(np.float64)).astype(np.float32)

    def describe(
        self,
        embedding: AnyArray,
        batch: Compositions | AnyArray,
        known: Collection[int] | None,
        search: NearestNeighbors,
        beyond: list[tuple[str, ...]] | None = None,
    ) -> dict[str, Any]:
        """Return what is known of the nearest training rows, as columns of `applicability`.

        Parameters
        ----------
        embedding : float array (n, d)
            Of the materials.
        batch : Compositions, or array (n, d)
            The materials, whose elements are looked at; columns have none.
        known : tuple of int or None
            Atomic numbers that the source knows.
        search : NearestNeighbors
            What `search` returned.
        beyond : list of tuple of str, length n, optional
            Columns beside the material that are out of range.
        """
        distances, rows = self.nearest(embedding, search)
        neighbours: list[list[int]] = rows.tolist()
        unseen = [_unseen(batch, elements) for elements in (self.elements, known)]
        far = (distances > self.limit).tolist()
        reasons = [far, *unseen, *([] if beyond is None else [beyond])]
        outside = [any(row) for row in zip(*reasons, strict=True)]
        described: dict[str, Any] = {
            "distance": distances,
            "outside": outside,
            "unseen_in_training": unseen[0],
            "unseen_in_pretraining": unseen[1],
            "nearest": [tuple(self.texts[row] for row in near) for near in neighbours],
            "nearest_values": [tuple(self.values[near].tolist()) for near in neighbours],
            "nearest_rows": list(map(tuple, neighbours)),
        }
        return described if beyond is None else described | {"out_of_range": beyond}


def _unseen(batch: Compositions | AnyArray, known: Collection[int] | None) -> list[tuple[str, ...]]:
    """Return for each row a tuple of the symbols of the elements that are not known."""
    if isinstance(batch, np.ndarray) or known is None:
        return [()] * len(batch)
    new = ~np.isin(batch.numbers, list(known))
    if not new.any():
        return [()] * len(batch)
    found: list[list[str]] = [[] for _ in range(len(batch))]
    for row, number in zip(batch.rows[new], batch.numbers[new], strict=True):
        found[row].append(SYMBOLS[number - 1])
    return list(map(tuple, found))
