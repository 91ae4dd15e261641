"""What trees read: physical attributes, and the columns beside the material."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from sktl.representations import ConditionColumns, Materials, MatminerTransformer

if TYPE_CHECKING:
    from sktl._types import FloatArray, MaterialsLike


class AttributesAndColumns(TransformerMixin, BaseEstimator):
    """Return the Magpie attributes of materials, and what stands beside them.

    Numbers are passed on as they are, NaN where they are missing; each category is a column of
    zeros and ones.

    Attributes
    ----------
    attributes_ : MatminerTransformer
    columns_ : ConditionColumns or None
    """

    def fit(self, X: MaterialsLike, y: object = None) -> Self:
        """Learn the columns and the medians of attributes."""
        materials = Materials.read(X)
        self.attributes_ = MatminerTransformer("magpie", missing="impute").fit(materials.alone())
        beside = materials.conditions
        self.columns_ = None if beside is None else ConditionColumns(beside)
        return self

    def transform(self, X: MaterialsLike) -> FloatArray:
        """Return attributes and columns, (n, d)."""
        materials = Materials.read(X)
        attributes = self.attributes_.transform(materials.alone())
        if self.columns_ is None or materials.conditions is None:
            return attributes
        beside = self.columns_.plain(self.columns_.check(materials.conditions))
        return np.hstack([attributes, beside])
