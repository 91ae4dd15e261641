"""PretrainedHeadRegressor: fine-tune all pretrained weights, those of the last layer included."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin

from sktl.estimators import TransferRegressor
from sktl.exceptions import TransferWarning
from sktl.sources import Source, load_source

if TYPE_CHECKING:
    from sktl._types import FloatArray, FormulasLike, PathLike


class PretrainedHeadRegressor(RegressorMixin, BaseEstimator):
    """Fine-tune a source on another property, starting from its head for its first property.

    The target is given the median and the spread of the source's property, so that the pretrained
    last layer starts on its scale.

    Parameters
    ----------
    source : str, path-like or Source
        See `TransferRegressor`; its first property is on a linear scale.
    random_state : int
        Seed of the training.

    Attributes
    ----------
    model_ : TransferRegressor
        Fitted to the target on the source's scale.
    source_ : SourceCard
        Card of the source.
    source_sha256_ : str or None
        Hash of the source's file.
    validation_mae_ : float or None
        Mean absolute error on the rows that the training held out, in the unit of y.
    """

    def __init__(
        self, source: PathLike | Source = "oqmd-elemnet", *, random_state: int = 0
    ) -> None:
        self.source = source
        self.random_state = random_state

    def fit(self, X: FormulasLike, y: FloatArray) -> Self:
        """Fine-tune.

        Parameters
        ----------
        X : sequence of formulas (n,)
        y : float array (n,)
            Targets, in any unit.

        Returns
        -------
        self
        """
        source = load_source(self.source)
        self.source_, self.source_sha256_ = source.card, source.sha256
        first = source.card.properties[0]
        network = source.new_network()
        network.keep_outputs([0])
        start = Source(replace(source.card, properties=(first,)), network, source.sha256)
        self._ratio = float(np.std(y)) / first.scale or 1.0
        self._shift = float(np.median(y)) - self._ratio * first.center
        self.model_ = TransferRegressor(start, head="source", random_state=self.random_state)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TransferWarning)  # the head is of another property
            self.model_.fit(X, (y - self._shift) / self._ratio)
        known = self.model_.uncertainty_
        self.validation_mae_ = None if known is None else self._ratio * float(known.mae[0])
        return self

    def predict(self, X: FormulasLike) -> FloatArray:
        """Predict the property.

        Parameters
        ----------
        X : sequence of formulas (n,)
            As in `fit`.

        Returns
        -------
        ndarray (n,)
            In the unit of the `y` passed to `fit`.
        """
        return self._shift + self._ratio * self.model_.predict(X)
