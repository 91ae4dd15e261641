"""BestLayer: the activations of the layer of a source that predict a target best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.metrics import mean_absolute_error

from sktl.estimators import DeepFeatureTransformer
from sktl.evaluation import count_fit_rows
from sktl.sources import Source, load_source

if TYPE_CHECKING:
    from sktl._types import FloatArray, Formula, ObjectArray, PathLike


class BestLayer(TransformerMixin, BaseEstimator):
    """Extract features from the depth group whose activations predict validation rows best.

    A small forest of extremely random trees judges each depth group; the forest is thrown away,
    and the activations of the best group are the features.

    Parameters
    ----------
    source : str, path-like or Source, default="oqmd"
        See `DeepFeatureTransformer`.
    layers : default="all"
        The candidates, as in `DeepFeatureTransformer`. A single one is not judged.
    n_validation : int
        Rows at the end of X that judge.
    max_rows : int
        Rows that the forest is fitted to, and rows that judge it, at most.
    random_state : int
        Seed of the forest.

    Attributes
    ----------
    features_ : DeepFeatureTransformer
        Of the best depth group.
    source_ : SourceCard
        Card of the source.
    source_sha256_ : str or None
        Hash of the source's file.
    detail_ : dict
        ``layer``, the name of the best group, and ``layer_mae``, a list of [name, mean absolute
        error on the validation rows] in order from the input, in the unit of y.
    """

    def __init__(
        self,
        source: PathLike | Source = "oqmd",
        *,
        layers: str | Sequence[str] = "all",
        n_validation: int = 1,
        max_rows: int = 4000,
        random_state: int = 0,
    ) -> None:
        self.source = source
        self.layers = layers
        self.n_validation = n_validation
        self.max_rows = max_rows
        self.random_state = random_state

    def fit(self, X: Sequence[Formula] | ObjectArray, y: FloatArray) -> Self:
        """Judge the depth groups.

        Parameters
        ----------
        X : sequence of formulas (n,)
            The last `n_validation` rows are for validation.
        y : float array (n,)
            Targets.

        Returns
        -------
        self
        """
        source = load_source(self.source)
        self.source_, self.source_sha256_ = source.card, source.sha256
        names = DeepFeatureTransformer(source, layers=self.layers).fit(X[:1]).layers_
        self.detail_: dict[str, Any] = {"layer": names[0]}
        if len(names) > 1:
            errors = {name: self._error(source, name, X, y) for name in names}
            self.detail_ = {
                "layer": min(errors, key=errors.__getitem__),
                "layer_mae": [[name, float(f"{mae:.6g}")] for name, mae in errors.items()],
            }
        self.features_ = DeepFeatureTransformer(source, layers=[self.detail_["layer"]]).fit(X)
        return self

    def _error(
        self, source: Source, layer: str, X: Sequence[Formula] | ObjectArray, y: FloatArray
    ) -> float:
        """Return the validation error of one depth group."""
        n_fit = count_fit_rows(len(y), self.n_validation)
        fitted = slice(0, min(n_fit, self.max_rows))
        judged = slice(n_fit, n_fit + self.max_rows)
        features = DeepFeatureTransformer(source, layers=[layer]).fit(X[:1])
        forest = ExtraTreesRegressor(
            n_estimators=30, max_features="sqrt", n_jobs=1, random_state=self.random_state
        )
        forest.fit(features.transform(X[fitted]), y[fitted])
        return mean_absolute_error(y[judged], forest.predict(features.transform(X[judged])))

    def transform(self, X: Sequence[Formula] | ObjectArray) -> FloatArray:
        """Return the activations of the best depth group.

        Parameters
        ----------
        X : sequence of formulas (n,)
            As in `fit`.

        Returns
        -------
        ndarray (n, n_features_out), float64
            Dimensionless.
        """
        return self.features_.transform(X)
