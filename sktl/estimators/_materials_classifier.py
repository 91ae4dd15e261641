"""What all classifiers of materials share: probabilities and classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin

from sktl._types import AnyArray, FloatArray, IntArray, MaterialsLike
from sktl.estimators._base import MaterialsModel
from sktl.estimators._input import read_materials
from sktl.estimators._uncertainty import Features
from sktl.exceptions import InputError
from sktl.representations import Materials


class MaterialsClassifier(ClassifierMixin, MaterialsModel):
    """A classifier of materials, whose ``classes_`` are sorted."""

    classes_: AnyArray

    def _learn_classes(self, labels: AnyArray) -> IntArray:
        """Set the classes, and return the place of each label among them; one is too few."""
        self.classes_, place = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError(
                f"Got one class, {self.classes_.tolist()[0]!r}, expected at least two classes in y."
            )
        return place

    def predict_proba(self, X: MaterialsLike) -> FloatArray:
        """Predict class probabilities.

        Parameters
        ----------
        X : sequence of formulas or structures, or float array (n, d)
            As in `fit`.

        Returns
        -------
        ndarray (n, c), float64
            Columns in the order of `classes_`; rows sum to 1.

        Raises
        ------
        InputError
            A probability is no finite number.
        """
        materials = read_materials(self, X, fitting=False)
        return self._say(materials)[0]

    def predict(self, X: MaterialsLike) -> AnyArray:
        """Predict the most probable class.

        Parameters
        ----------
        X : sequence of formulas or structures, or float array (n, d)
            As in `fit`.

        Returns
        -------
        ndarray (n,)
            Labels from `classes_`.
        """
        chances = self.predict_proba(X)
        return self.classes_[chances.argmax(axis=1)]

    def _screen(
        self, materials: Materials, coverage: float | None
    ) -> tuple[dict[str, Any], Features]:
        chances, features = self._say(materials, True)
        columns = {"prediction": self.classes_[chances.argmax(axis=1)]}
        named = zip(self.classes_, chances.T, strict=True)
        return columns | {f"probability_{name}": part for name, part in named}, features
