"""Applicability: how far a material is from those that a model was trained on."""

import numbers
import warnings

import numpy as np
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from sktl._state import stored
from sktl.estimators._input import read_input
from sktl.estimators._provenance import row_texts
from sktl.exceptions import InputError, TransferWarning
from sktl.representations import SYMBOLS

N_NEIGHBORS = 5
INSIDE = 0.95
"""Share of the training materials that lie inside, each judged by the others."""

ROWS_AT_A_TIME, CRYSTALS_AT_A_TIME = 4000, 100
"""Materials that are screened together, which bounds the memory."""

BAR = {"desc": "Predicting", "unit": "row", "unit_scale": True, "leave": False, "delay": 2}
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

    def __init__(self, features, groups, elements, texts, values):
        n_axes = min(_MOST_AXES, *features.shape)
        axes = make_pipeline(StandardScaler(), PCA(n_axes, svd_solver="covariance_eigh"))
        self.axes = axes.fit(features.astype(np.float64))
        self.points = self._project(features)
        self.elements, self.texts, self.values = sorted(elements), texts, values
        self.unit = 1.0
        found = self._judge(groups)
        self.unit = float(np.median(found)) or 1.0
        self.limit = float(np.quantile(found, INSIDE, method="higher")) / self.unit

    def nearest(self, features, search):
        """Return mean distances (n,) and the training rows (n, k) nearest to features (n, d)."""
        found, rows = search.kneighbors(self._project(features))
        return found.mean(axis=1) / self.unit, rows

    def search(self, n_neighbors):
        """Return what finds the nearest training rows."""
        return NearestNeighbors(n_neighbors=n_neighbors).fit(self.points)

    def _judge(self, groups):
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

    def _project(self, features):
        return self.axes.transform(features.astype(np.float64)).astype(np.float32)


class Applicable:
    """Tell how far materials are from the training rows.

    A subclass gives ``_embedder()``, the fitted estimator of a network whose embedding is used,
    ``_check_elements(data)``, which fails for rows that cannot be predicted, and
    ``_screen(data, coverage)``, columns of predictions and what features it has from making them.
    """

    def _learn_domain(self, X, y, groups, features, batch):
        """Remember the training rows as points.

        X is what `read_input` returned, `features` and `batch` are what ``_embed`` makes of it, and
        rows of one composition have one group.
        """
        elements = set() if isinstance(batch, np.ndarray) else set(batch.numbers.tolist())
        self.domain_ = Domain(features, groups, elements, row_texts(X), np.asarray(y))

    def applicability(self, X, n_neighbors=N_NEIGHBORS, with_errors=True):
        """Tell how far materials are from those that the model was trained on.

        The distance is the mean of those to the nearest training materials in the embedding of the
        fine-tuned network, which has learned what matters for the property. Predictions for what
        lies outside may be wrong by more than their intervals say.

        Parameters
        ----------
        X : sequence of formulas or structures, or float array (n, d)
            As in `fit`; elements that the source never saw are allowed.
        n_neighbors : int, default=5
            Number of nearest training materials.
        with_errors : bool, default=True
            Give ``expected_error``, which takes a second pass through the network.

        Returns
        -------
        DataFrame, n rows
            ``distance``: 1 is the median distance of a training material to those of other
            compositions. ``outside``: it is further away than 95 % of the training materials are
            from each other, or has an element that was never seen. ``unseen_in_training`` and
            ``unseen_in_pretraining``: tuples of the symbols of such elements. ``nearest``,
            ``nearest_values`` and ``nearest_rows``: tuples of the nearest training materials, their
            targets in the unit of the `y` passed to `fit`, and their row numbers there. Of a
            regressor with standard deviations also ``expected_error``, in the unit of `y`: the
            standard deviation, times the distance where that is above 1. NaN for elements that the
            source never saw. Of materials unlike the training rows, those with the larger values
            are the ones to doubt.

        Raises
        ------
        FormulaError, StructureError, InputError
            X cannot be read, `n_neighbors` is not between 1 and the number of training rows, or
            none of the base models of a stack is a network.
        UnseenElementError
            An element is beyond what the network has a place for.

        Notes
        -----
        A neighbour is a training row, and so is one of the same composition. For new materials like
        the training rows about 5 % are outside.
        """
        import pandas as pd

        data = read_input(self, X, fitting=False)
        if getattr(self, "domain_", None) is None:
            raise InputError(
                f"Got a {type(self).__name__} that keeps no training rows: none of its base models "
                "is a fine-tuned network, or an older version of sktl has saved it."
            )
        n_rows = len(self.domain_.points)
        if not isinstance(n_neighbors, numbers.Integral) or not 1 <= n_neighbors <= n_rows:
            raise InputError(f"Got n_neighbors={n_neighbors!r}, expected 1 to {n_rows}.")
        columns = self._near(data, self.domain_.search(n_neighbors))
        if with_errors and getattr(self, "uncertainty_", None) is not None:
            never = columns["unseen_in_pretraining"]
            columns["expected_error"] = self._expected_errors(data, columns["distance"], never)
        return pd.DataFrame(columns)

    def screen(self, X, coverage=0.9, progress=False):
        """Predict, and tell how far the materials are from the training rows, in one pass.

        4,000 formulas or 100 crystals are worked on at a time, so that memory is bounded.

        Parameters
        ----------
        X : sequence of formulas or structures, or float array (n, d)
            As in `fit`.
        coverage : float or None, default=0.9
            Share of measurements that the intervals are to hold; None leaves the intervals out.
        progress : bool, default=False
            Show a bar with the time left, where there is a terminal.

        Returns
        -------
        DataFrame, n rows
            Of a regressor ``prediction``, ``standard_deviation``, ``interval_low`` and
            ``interval_high``, in the unit of the `y` passed to `fit`, and of several outputs each
            with a number after its name; where no rows were held back in `fit`, the predictions
            only. Of a classifier ``prediction`` and ``probability_`` of each class. Then
            ``distance``, ``outside`` and ``nearest``, those of `applicability`, where the model
            has a network.

        Raises
        ------
        FormulaError, StructureError, UnseenElementError
            As in `predict`.
        InputError
            `coverage` is not between 0 and 1, or too high for the number of rows held back.

        See Also
        --------
        applicability : More of what is known of the training rows near a material.
        """
        import pandas as pd

        data = read_input(self, X, fitting=False)
        small = isinstance(data, np.ndarray) or isinstance(data[0], str)
        size = ROWS_AT_A_TIME if small else CRYSTALS_AT_A_TIME
        parts = [data[start : start + size] for start in range(0, len(data), size)]
        if len(parts) > 1:
            self._check_elements(data)  # so that a part says nothing that is not said of all rows
        domain = getattr(self, "domain_", None)
        search = None if domain is None else domain.search(min(N_NEIGHBORS, len(domain.points)))
        frames = []
        with (
            tqdm(total=len(data), disable=None if progress else True, **BAR) as bar,
            warnings.catch_warnings(),
        ):
            if len(parts) > 1:
                warnings.simplefilter("ignore", TransferWarning)
            for part in parts:
                frames.append(pd.DataFrame(self._screen_part(part, coverage, search)))
                bar.update(len(part))
        return pd.concat(frames, ignore_index=True)

    def _screen_part(self, data, coverage, search):
        """Return the columns of `screen`; `search` finds training rows, if there are any."""
        columns, features = self._screen(data, coverage)
        if search is None:
            return columns
        near = self._near(data, search, features)
        return columns | {name: near[name] for name in ("distance", "outside", "nearest")}

    def _near(self, data, search, features=None):
        """Return the columns of `applicability`, but for expected errors."""
        domain, embedder = self.domain_, self._embedder()
        features, batch = embedder._embed(data, features if embedder is self else None)
        distances, rows = domain.nearest(features, search)
        unseen = [_unseen(batch, known) for known in (domain.elements, embedder.input_.elements)]
        outside = [
            distance > domain.limit or bool(new or never)
            for distance, new, never in zip(distances.tolist(), *unseen, strict=True)
        ]
        return {
            "distance": distances,
            "outside": outside,
            "unseen_in_training": unseen[0],
            "unseen_in_pretraining": unseen[1],
            "nearest": [tuple(domain.texts[row] for row in near) for near in rows],
            "nearest_values": [tuple(domain.values[near].tolist()) for near in rows],
            "nearest_rows": [tuple(near.tolist()) for near in rows],
        }

    def _expected_errors(self, data, distances, unseen):
        """Return standard deviations, larger where materials are far away."""
        known = np.array([not symbols for symbols in unseen], dtype=bool)
        chosen = [data[row] for row in np.flatnonzero(known)]
        errors = np.full(len(known), np.nan)
        if len(chosen):
            inputs = chosen if isinstance(data, list) else np.array(chosen)
            deviations = self.predict(inputs, return_std=True)[1]
            errors[known] = deviations.reshape(len(chosen), -1).mean(axis=1)
        return errors * np.maximum(distances, 1.0)


def _unseen(batch, known):
    """Return for each row a tuple of the symbols of the elements that are not known."""
    if isinstance(batch, np.ndarray) or known is None:
        return [()] * len(batch)
    new = ~np.isin(batch.numbers, list(known))
    if not new.any():
        return [()] * len(batch)
    found = [[] for _ in range(len(batch))]
    for row, number in zip(batch.rows[new], batch.numbers[new], strict=True):
        found[row].append(SYMBOLS[number - 1])
    return list(map(tuple, found))
