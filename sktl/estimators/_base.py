"""What all fitted models of materials can do besides predicting: screen, be judged, be saved."""

from __future__ import annotations

import contextlib
import warnings
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from sktl._checks import check_integer, check_predictions
from sktl._containers import index_of
from sktl._progress import progress as work_of
from sktl._progress import show_progress
from sktl._types import FloatArray, MaterialsLike, PathLike
from sktl.estimators._domain import N_NEIGHBORS, Domain
from sktl.estimators._files import save_model
from sktl.estimators._input import MaterialsEstimator, NetworkInput, read_materials
from sktl.estimators._members import NetworkModel, embed_materials
from sktl.estimators._uncertainty import Features, Uncertainty
from sktl.exceptions import InputError, TransferWarning
from sktl.networks import Network
from sktl.representations import Materials

if TYPE_CHECKING:
    from pandas import DataFrame
    from sklearn.neighbors import NearestNeighbors

ROWS_AT_A_TIME, CRYSTALS_AT_A_TIME = 4000, 100
"""Materials that are screened together, which bounds the memory."""

_SCREENED = ("distance", "outside", "out_of_range", "nearest")


class MaterialsModel(MaterialsEstimator, ABC):
    """A regressor or classifier of materials.

    Its ``domain_`` are the training rows as points of an embedding, or None; its ``uncertainty_``
    says how large its errors are, or is None. Methods that are not abstract are those of a model
    that has its own ``input_`` and ``networks_``.
    """

    input_: NetworkInput
    networks_: list[Network]
    device: str
    domain_: Domain | None
    uncertainty_: Uncertainty | None = None
    training_sha256_: str
    examples_: list[Any]
    file_: dict[str, Any]

    @abstractmethod
    def _predict_rows(
        self, materials: Materials, with_features: bool
    ) -> tuple[FloatArray, Features]:
        """Return predictions (n, k), or probabilities (n, c), and features (m, n, d) or none.

        The features are those that `uncertainty_` reads, or the embeddings of networks.
        """

    def _say(
        self, materials: Materials, with_features: bool = False
    ) -> tuple[FloatArray, Features]:
        """Return what `_predict_rows` does, of which all is finite, or fail."""
        with np.errstate(over="ignore", invalid="ignore"):
            said, features = self._predict_rows(materials, with_features)
        check_predictions(materials, said)
        return said, features

    @abstractmethod
    def _screen(
        self, materials: Materials, coverage: float | None
    ) -> tuple[dict[str, Any], Features]:
        """Return columns of predictions, and the features (m, n, d) that they were made from."""

    def _embedder(self) -> NetworkModel:
        """Return the fitted estimator of a network whose embedding `domain_` holds."""
        return self

    def _check_elements(self, materials: Materials) -> None:
        """Fail for rows with elements that cannot be predicted, or warn."""
        self.input_.read(materials)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "networks_")

    def applicability(
        self, X: MaterialsLike, n_neighbors: int = N_NEIGHBORS, with_errors: bool = True
    ) -> DataFrame:
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
            With the index of X, where X is of pandas.
            ``distance``: 1 is the median distance of a training material to those of other
            compositions. ``outside``: it is further away than 95 % of the training materials are
            from each other, has an element that was never seen, or is out of range in a column
            beside the material: ``out_of_range`` are tuples of the names of these columns.
            ``unseen_in_training`` and ``unseen_in_pretraining``: tuples of the symbols of such
            elements. ``nearest``,
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

        materials = read_materials(self, X, fitting=False)
        domain: Domain | None = getattr(self, "domain_", None)
        if domain is None:
            raise InputError(
                f"Got a {type(self).__name__} that keeps no training rows: none of its base models "
                "is a fine-tuned network, or an older version of sktl has saved it."
            )
        n_rows = len(domain.points)
        check_integer("n_neighbors", n_neighbors, 1)
        if n_neighbors > n_rows:
            raise InputError(f"Got n_neighbors={n_neighbors!r}, expected 1 to {n_rows}.")
        columns = self._describe(materials, domain, domain.search(n_neighbors))
        if with_errors and self.uncertainty_ is not None:
            known = np.array([not each for each in columns["unseen_in_pretraining"]], dtype=bool)
            errors = np.full(len(materials), np.nan)
            if known.any():
                errors[known] = self._deviations(materials.take(known)).mean(axis=1)
            columns["expected_error"] = errors * np.maximum(columns["distance"], 1.0)
        return _indexed(pd.DataFrame(columns), X)

    def screen(
        self, X: MaterialsLike, coverage: float | None = 0.9, progress: bool = False
    ) -> DataFrame:
        """Predict, and tell how far the materials are from the training rows, in one pass.

        4,000 formulas or 100 crystals are worked on at a time, so that memory is bounded.

        Parameters
        ----------
        X : sequence of formulas or structures, or float array (n, d)
            As in `fit`.
        coverage : float or None, default=0.9
            Share of measurements that the intervals are to hold; None leaves the intervals out.
        progress : bool, default=False
            Show the time left: a bar on a terminal, else a line a minute in the error stream.

        Returns
        -------
        DataFrame, n rows
            With the index of X, where X is of pandas.
            Of a regressor ``prediction``, ``standard_deviation``, ``interval_low`` and
            ``interval_high``, in the unit of the `y` passed to `fit`, and of several outputs each
            with a number after its name; where no rows were held out in `fit`, the predictions
            only. Of a classifier ``prediction`` and ``probability_`` of each class. Then
            ``distance``, ``outside``, ``out_of_range`` and ``nearest``, those of `applicability`,
            where the model has a network.

        Raises
        ------
        FormulaError, StructureError, UnseenElementError
            As in `predict`.
        InputError
            `coverage` is not between 0 and 1, or too high for the number of held-out rows.

        See Also
        --------
        applicability : More of what is known of the training rows near a material.
        """
        import pandas as pd

        materials = read_materials(self, X, fitting=False)
        size = CRYSTALS_AT_A_TIME if materials.kind == "structures" else ROWS_AT_A_TIME
        parts = [slice(start, start + size) for start in range(0, len(materials), size)]
        if len(parts) > 1:
            self._check_elements(materials)  # so that a part says nothing not said of all rows
        domain: Domain | None = getattr(self, "domain_", None)
        search = None if domain is None else domain.search(min(N_NEIGHBORS, len(domain.points)))
        frames = []
        with (
            show_progress("Predicting") if progress else contextlib.nullcontext(),
            work_of("Predicting", len(materials), "rows") as work,
            warnings.catch_warnings(),
        ):
            if len(parts) > 1:
                warnings.simplefilter("ignore", TransferWarning)
            for part in map(materials.take, parts):
                columns, features = self._screen(part, coverage)
                if domain is not None:
                    near = self._describe(part, domain, search, features)
                    columns |= {name: near[name] for name in _SCREENED if name in near}
                frames.append(pd.DataFrame(columns))
                work.update(len(part))
        return _indexed(pd.concat(frames, ignore_index=True), X)

    def save(self, path: PathLike, *, target: str | None = None, unit: str | None = None) -> None:
        """Write the fitted estimator to one file, atomically.

        The file holds tensors and JSON and is no pickle; `sktl.load_model` reads it. A file that
        is there is replaced only by a whole one.

        Parameters
        ----------
        path : path-like
            File to write, by custom ending in ``.sktl``.
        target, unit : str, optional
            What is predicted, and its unit, for those who read the file later.

        Raises
        ------
        NotFittedError
            The estimator is not fitted.
        InputError
            It holds something that a file cannot: an estimator of another package.
        """
        save_model(self, path, target=target, unit=unit)

    def _describe(
        self,
        materials: Materials,
        domain: Domain,
        search: NearestNeighbors,
        features: Features | None = None,
    ) -> dict[str, Any]:
        """Return the columns of `applicability`, but for expected errors."""
        embedder = self._embedder()
        features = features if embedder is self else None
        embedding, batch = embed_materials(embedder, materials, features)
        beyond = self._beyond(materials)[1]
        return domain.describe(embedding, batch, embedder.input_.elements, search, beyond)


def _indexed(frame: DataFrame, X: object) -> DataFrame:
    """Return a frame with the index of X, if that has one."""
    index = index_of(X)
    return frame if index is None else frame.set_axis(index)
