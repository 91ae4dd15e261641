"""DeepFeatureTransformer: the activations of a pretrained network as features."""

from __future__ import annotations

import copy
import numbers
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from sktl._checks import check_feature_names, resolve_device
from sktl._state import stored
from sktl._types import FloatArray, MaterialsLike, ObjectArray, PathLike
from sktl.estimators._input import (
    MaterialsEstimator,
    NetworkInput,
    UnseenElements,
    open_source,
    read_materials,
)
from sktl.estimators._upgrades import upgrade_reader
from sktl.exceptions import InputError
from sktl.networks import Network
from sktl.sources import Source, SourceCard, run_rows


@stored("deep-feature-transformer/2", upgrades=[upgrade_reader])
class DeepFeatureTransformer(TransformerMixin, MaterialsEstimator):
    """Turn compositions, or crystals, into the activations of a pretrained network.

    Nothing is trained: all weights stay as they were pretrained. The activations of one, several
    or all depth groups become features for any other model ("feature extraction"). Groups that
    work on the elements of a composition give the fraction-weighted mean and the maximum over the
    elements; groups that work on the atoms of a crystal give the mean over the atoms.

    Parameters
    ----------
    source : str, path-like, Source or None, default="mpt"
        Where the weights come from; see `TransferRegressor`. None takes random weights: the control
        that shows what pretraining adds.
    material : str, default="auto"
        Name of the column of formulas or structures, where X is a frame with further columns:
        temperature, processing, level of theory and the like. "auto" takes the only column that
        can be it.
    layers : "last", "all", str, int or list of str or int, default="last"
        Depth groups by name, or by number from the input, negative from the end; without the head.
        An empty list takes none, for the predictions alone.
    predictions : bool, default=False
        Append the source's own predictions, in the units of its card.
    network : "auto" or str, default="auto"
        The network when `source` is None: any registered architecture, also one made known by
        `sktl.register_architecture`; see `TransferRegressor`.
    network_arguments : dict or None, default=None
        Further arguments of that network; see `TransferRegressor`.
    unseen_elements : {"error", "warn"}, default="error"
        What to do about an element that the source never saw in pretraining.
    device : {"auto", "cpu", "cuda"}, default="auto"
        Where to compute.
    random_state : int, RandomState or None, default=None
        Chooses the random weights when `source` is None.

    Attributes
    ----------
    source_ : SourceCard or None
        Card of the source, with its full id.
    source_sha256_ : str or None
        Hash of the source's file.
    layers_ : tuple of str
        Names of the depth groups that give features, in order from the input.
    network_ : Network
        The network, not to be changed.
    material_ : str or None
        Name of the column of the materials, where others stand beside it.
    conditions_ : ConditionColumns or None
        What the training rows say of these others: ranges, categories.
    n_features_in_ : int
        Columns of X: 1 for formulas and structures alone.

    Raises
    ------
    FormulaError, StructureError, UnseenElementError, InputError
        X or a parameter cannot be used; the message names the row and the value.

    See Also
    --------
    TransferRegressor : Fine-tuning instead of feature extraction.
    MatminerTransformer : Physical attributes, to stand beside these features in a FeatureUnion.

    References
    ----------
    Gupta et al., Nat. Commun. 12, 6595 (2021), doi:10.1038/s41467-021-26921-5.

    Examples
    --------
    >>> from sktl import DeepFeatureTransformer
    >>> DeepFeatureTransformer(source="oqmd").fit_transform(["NaCl", "Fe2O3"]).shape
    (2, 384)
    """

    input_: NetworkInput
    source_: SourceCard | None
    source_sha256_: str | None

    def __init__(
        self,
        source: PathLike | Source | None = "mpt",
        *,
        material: str = "auto",
        layers: str | int | Sequence[str | int] = "last",
        predictions: bool = False,
        network: str = "auto",
        network_arguments: dict[str, Any] | None = None,
        unseen_elements: UnseenElements = "error",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.source = source
        self.material = material
        self.layers = layers
        self.predictions = predictions
        self.network = network
        self.network_arguments = network_arguments
        self.unseen_elements = unseen_elements
        self.device = device
        self.random_state = random_state

    def fit(self, X: MaterialsLike, y: object = None) -> Self:
        """Load the source and choose its layers; X is checked, y is ignored.

        Parameters
        ----------
        X : sequence of formulas or structures, or float array (n, d)
            Strings, pymatgen Composition or pymatgen Structure in a list, tuple, Series,
            one-column DataFrame or array; or elemental fractions (n, 103 or 118); or any numeric
            columns if `source` is None.
        y : ignored

        Returns
        -------
        self
        """
        materials = read_materials(self, X, fitting=True)
        self.__dict__.pop("widths_", None)  # if this fit fails, the transformer is not fitted
        source = open_source(self, self.network, self.network_arguments)
        rows = self.input_.encode(self.input_.fit(materials)).take(np.arange(1))
        self.network_ = self._random_network(rows.width) if source is None else source.network
        self.layers_ = _choose_layers(self.layers, tuple(self.network_.body))
        if not (self.layers_ or self.predictions):
            raise InputError(
                f"Got layers={self.layers!r}, expected at least one of "
                f"{list(self.network_.body)}, or predictions=True."
            )
        self.widths_ = [
            run_rows(_activation(self.network_, name), rows).shape[1] for name in self.layers_
        ]
        return self

    def _random_network(self, width: int | None) -> Network:
        if self.predictions:
            raise InputError(
                "Got predictions=True, expected False: without a source there are none."
            )
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        network = self.input_.new_network(1, seed, width).eval().requires_grad_(False)
        return network.double() if self.input_.numeric else network

    def transform(self, X: MaterialsLike) -> FloatArray:
        """Return the activations of the chosen depth groups.

        Parameters
        ----------
        X : sequence of formulas or structures, or float array (n, d)
            As in `fit`.

        Returns
        -------
        ndarray (n, n_features_out), float64
            Dimensionless activations, then the source's predictions in the units of its card, then
            the columns that stand beside the material: numbers as they are, NaN where missing, and
            a column of zeros and ones for each category.
        """
        materials = read_materials(self, X, fitting=False)
        rows = self.input_.encode(self.input_.read(materials))  # without what stands beside
        device = resolve_device(self.device)
        network = self.network_ if device == "cpu" else copy.deepcopy(self.network_).to(device)
        card = self.source_ if self.predictions else None

        def collect(**inputs: Tensor) -> Tensor:
            found = network.activations(**inputs)
            parts = [found[name] for name in self.layers_]
            if card is not None:
                parts.append(network.head(found[next(reversed(found))]))
            return torch.cat(parts, dim=1)

        features = run_rows(collect, rows, device=device).astype(np.float64)
        if card is not None:
            n = len(card.properties)
            features[:, -n:] = card.to_units(features[:, -n:])
        if self.conditions_ is None or materials.conditions is None:
            return features
        return np.hstack([features, self.conditions_.plain(materials.conditions)])

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> ObjectArray:
        """Return a name for each feature: depth group and number, or the property predicted.

        Parameters
        ----------
        input_features : array-like of str, optional
            Only checked against the input seen in `fit`.

        Returns
        -------
        ndarray (n_features_out,) of str objects
        """
        check_is_fitted(self)
        check_feature_names(self, input_features)
        names = [
            f"{layer}_{i}"
            for layer, width in zip(self.layers_, self.widths_, strict=True)
            for i in range(width)
        ]
        if self.predictions and self.source_ is not None:
            names += self.source_.property_names
        if self.conditions_ is not None:
            names += self.conditions_.names
        return np.asarray(names, dtype=object)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "widths_")


def _activation(network: Network, name: str) -> Callable[..., Tensor]:
    return lambda **inputs: network.activations(**inputs)[name]


def _choose_layers(
    layers: str | int | Sequence[str | int], names: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the names of the wanted groups in order from the input."""
    if isinstance(layers, str) and layers in ("last", "all"):
        return names if layers == "all" else names[-1:]
    wanted: Sequence[Any] = layers if isinstance(layers, list | tuple) else [layers]
    chosen = set()
    for item in wanted:
        number = isinstance(item, numbers.Integral) and not isinstance(item, bool)
        if number and -len(names) <= item < len(names):
            chosen.add(names[item])
        elif isinstance(item, str) and item in names:
            chosen.add(item)
        else:
            raise InputError(
                f"Got layers={layers!r}, expected 'last', 'all', or numbers or names out of "
                f"{list(names)}."
            )
    return tuple(name for name in names if name in chosen)
