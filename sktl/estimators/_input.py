"""From what a user gives to encoded rows: one way in for every estimator."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from sktl._limits import LARGEST_NUMBER
from sktl._state import stored
from sktl._types import AnyArray, FloatArray, MaterialsLike
from sktl._warnings import warn_caller
from sktl.exceptions import InputError, UnseenElementError
from sktl.networks import Network
from sktl.representations import (
    MAX_ATOMIC_NUMBER,
    SYMBOLS,
    AttributedRows,
    Compositions,
    ConditionColumns,
    ConditionedRows,
    Conditions,
    Crystals,
    Materials,
    Rows,
    attribute_columns,
    encode_beside,
)
from sktl.sources import (
    Architecture,
    Source,
    default_architecture,
    find_architecture,
    find_choice,
    load_source,
    random_network,
)
from sktl.training import Policy

if TYPE_CHECKING:
    from sklearn.utils import Tags

POLICIES = ("error", "warn")
UnseenElements: TypeAlias = Literal["error", "warn"]

Batch: TypeAlias = Compositions | Crystals | AnyArray
"""Rows as they are read, before they are encoded; numeric columns are an array (n, d)."""


class MaterialsEstimator(BaseEstimator):
    """An estimator whose X is materials, and which may be older than some of its parameters."""

    input_kind_: Literal["formulas", "structures", "columns"]
    material_: str | None = None
    conditions_: ConditionColumns | None = None
    n_features_in_: int
    feature_names_in_: AnyArray

    def __setstate__(self, state: dict[str, Any]) -> None:
        given = inspect.signature(type(self)).parameters.values()
        defaults = {each.name: each.default for each in given if each.default is not each.empty}
        super().__setstate__(defaults | state)

    def _beyond(self, materials: Materials) -> tuple[FloatArray, list[tuple[str, ...]] | None]:
        """Return how far rows are outside of the columns that were seen, and of which; see there.

        Without columns beside the materials these are zeros and None.
        """
        if self.conditions_ is None or materials.conditions is None:
            return np.zeros(len(materials)), None
        return self.conditions_.beyond(materials.conditions)

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Return the estimator with the attributes of a model file."""
        made = cls.__new__(cls)
        made.__setstate__(state)
        return made

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        return tags


def read_materials(
    estimator: MaterialsEstimator, X: Materials | MaterialsLike, *, fitting: bool
) -> Materials:
    """Return X as `Materials`, of columns a float64 array (n, d): the one check of X.

    What it was, its width and its names are recorded when fitting, and compared afterwards.

    Raises
    ------
    NotFittedError
        The estimator is to be fitted first.
    InputError
        X is empty, of another kind than what the estimator was fitted on, or has other names.
    """
    if not fitting:
        check_is_fitted(estimator)
    materials = Materials.read(X, _material_column(estimator, fitting), tell=fitting)
    expected = materials.kind if fitting else estimator.input_kind_
    if materials.kind != expected:
        raise InputError(
            f"Got X of type {type(X).__name__} with {materials.kind}, but this "
            f"{type(estimator).__name__} was fitted on {expected}."
        )
    if fitting:
        estimator.input_kind_ = materials.kind
    _check_conditions(estimator, materials, fitting, tell=not isinstance(X, Materials))
    if materials.kind == "columns" and not isinstance(X, Materials):
        try:
            numbers = validate_data(estimator, materials.items, dtype=np.float64, reset=fitting)
        except ValueError as error:
            raise InputError(str(error)) from error
        _check_size(numbers)
        names = getattr(estimator, "feature_names_in_", None)
        return Materials("columns", numbers, names=None if names is None else tuple(names))
    _check_columns(estimator, materials, fitting)
    return materials


def _material_column(estimator: MaterialsEstimator, fitting: bool) -> str | None:
    """Return the name of the column of the materials, "auto" where it is to be found, or None.

    None is for an estimator that reads no other columns.
    """
    material = getattr(estimator, "material", None)
    if material is None or fitting:
        return material
    return estimator.material_ or material


def _check_conditions(
    estimator: MaterialsEstimator, materials: Materials, fitting: bool, tell: bool
) -> None:
    """Record what stands beside the materials, or bring it to the form that it had in `fit`.

    With `tell`, categories that are new are told of.
    """
    given = materials.conditions
    if fitting:
        estimator.material_ = materials.material
        estimator.conditions_ = None if given is None else ConditionColumns(given)
        return
    known = estimator.conditions_
    if known is None and given is not None:
        raise InputError(
            f"Got X with the columns {list(given.names)} beside the material, but this "
            f"{type(estimator).__name__} was fitted on materials alone."
        )
    if known is None:
        return
    if given is None:
        raise InputError(
            f"Got X without columns beside the material, expected a frame with the columns "
            f"{list(known.columns)} beside it, as in fit."
        )
    materials.conditions = known.check(given)
    if tell:
        policy = getattr(estimator, "policy", None) or Policy()
        known.tell_unseen(materials.conditions, policy.unseen_categories)


def _check_size(columns: FloatArray) -> None:
    """Raise for numbers whose squares overflow: nothing could be learned of their spread."""
    row, column = np.unravel_index(np.abs(columns).argmax(), columns.shape)
    largest = columns[row, column]
    if abs(largest) > LARGEST_NUMBER:
        raise InputError(
            f"Got X={largest} in row {row}, column {column}, expected numbers of at most "
            f"{LARGEST_NUMBER:g}: use another unit, or a logarithm."
        )


def _check_columns(estimator: MaterialsEstimator, materials: Materials, fitting: bool) -> None:
    """Record how many columns there are and their names, or compare them with those of `fit`."""
    columns = materials.kind == "columns"
    width, names = materials.items.shape[1] if columns else 1, materials.names
    if materials.conditions is not None:
        width += len(materials.conditions.names)
    if fitting:
        estimator.n_features_in_ = width
        estimator.__dict__.pop("feature_names_in_", None)
        if names is not None:
            estimator.feature_names_in_ = np.array(names, dtype=object)
        return
    known = getattr(estimator, "feature_names_in_", None)
    if width != estimator.n_features_in_:
        raise InputError(f"Got X with {width} columns, expected {estimator.n_features_in_}.")
    if names is not None and known is not None and list(names) != list(known):
        raise InputError(
            f"Got X with the columns {list(names)}, expected {list(known)}: the feature names "
            "should match those that were passed during fit."
        )


def open_source(
    estimator: MaterialsEstimator,
    network: str = "auto",
    arguments: dict[str, Any] | None = None,
    *,
    attributed: bool = False,
) -> Source | None:
    """Load the source of an estimator, and return it, or None.

    The estimator remembers its card and hash, and in ``input_`` the way to its network, which
    reads physical attributes too if it is to be `attributed`.
    """
    source = None if estimator.source is None else load_source(estimator.source)
    estimator.source_ = None if source is None else source.card
    estimator.source_sha256_ = None if source is None else source.sha256
    estimator.input_ = NetworkInput(
        source, network, arguments, estimator.unseen_elements, estimator.conditions_, attributed
    )
    return source


@stored("network-input/1")
class NetworkInput:
    """The way from `Materials` to the rows that a network reads, and that network.

    Parameters
    ----------
    source : Source or None
        Says which representation and which elements its network knows.
    network : str
        The network without a source: "auto", or the name of an architecture.
    arguments : dict or None
        Further arguments of that network.
    policy : {"error", "warn"}
        What to do about an element that the source never saw.
    conditions : ConditionColumns, optional
        What stands beside the materials.
    attributed : bool, default=False
        Physical attributes of the compositions stand beside the materials too.
    """

    conditions: ConditionColumns | None = None  # of files that were written before there were any
    attributes: ConditionColumns | None = None
    attributed = False

    def __init__(
        self,
        source: Source | None,
        network: str,
        arguments: dict[str, Any] | None,
        policy: UnseenElements,
        conditions: ConditionColumns | None = None,
        attributed: bool = False,
    ) -> None:
        find_choice(network)
        if policy not in POLICIES:
            raise InputError(f"Got unseen_elements={policy!r}, expected one of {POLICIES}.")
        self.policy = policy
        card = None if source is None else source.card
        self.pretrained = card is not None
        self.network: str = network if card is None else card.network["name"]
        self.elements = None if card is None else card.elements
        if arguments is not None and (self.pretrained or not isinstance(arguments, dict)):
            raise InputError(
                f"Got network_arguments={arguments!r}, expected None with a source, whose network "
                "is what it is, and else None or a dict."
            )
        self.arguments: dict[str, Any] = arguments or {}
        if card is not None:
            self.arguments = card.network["arguments"]
        self.highest = int(self.arguments.get("n_elements", MAX_ATOMIC_NUMBER))
        self.conditions, self.attributed = conditions, attributed

    def fit(self, materials: Materials, weights: FloatArray | None = None) -> Batch:
        """Choose the representation for the rows and fit it; return what `read` returns."""
        if self.network == "auto":
            self.network = default_architecture(materials.kind).name
        columns = None
        if materials.kind == "columns" and not self.pretrained:
            columns = self.architecture.column_representation()
        self.numeric = columns is not None
        if not self.numeric and self.architecture.reads == "columns":
            raise InputError(
                f"Got {materials.kind}, expected numeric columns, which network={self.network!r} "
                "reads."
            )
        if columns is None:
            self.representation = self.architecture.representation()
        else:
            self.representation = columns.fit(materials.items, weights)
        batch = self.read(materials)
        if self.attributed and not isinstance(batch, np.ndarray):
            seen = batch.compositions if weights is None else batch.compositions.take(weights > 0)
            self.attributes = ConditionColumns(attribute_columns(seen.unique()[0]))
        return batch

    @property
    def architecture(self) -> Architecture:
        """The architecture of the network, once `fit` has chosen it."""
        return find_architecture(self.network)

    def read(self, materials: Materials, any_element: bool = False) -> Batch:
        """Return materials and elemental fractions as a batch, other columns as they are.

        The batch is `Compositions`, or `Crystals` where the network reads structures. With
        `any_element`, elements that the source never saw give neither an error nor a warning,
        where the network has a place for them.
        """
        if self.numeric:
            return materials.items
        batch = self.representation.read(materials)
        if not any_element or batch.numbers.max() > self.highest:
            self._check_elements(batch, materials)
        return batch

    def encode(self, readable: Batch, conditions: Conditions | None = None) -> Rows:
        """Return what `read` returned as rows of the representation, with what stands beside."""
        rows = self.representation.encode(readable)
        if self.conditions is not None and conditions is not None:
            beside = self.conditions.encode(conditions)
            rows = ConditionedRows(rows, beside) if beside.shape[1] else rows
        if self.attributes is not None and not isinstance(readable, np.ndarray):
            told = encode_beside(self.attributes, attribute_columns(readable.compositions))
            rows = AttributedRows(rows, told) if told.shape[1] else rows
        return rows

    def new_network(self, n_outputs: int, seed: int, width: int | None) -> Network:
        """Return the network for these rows with random weights."""
        arguments = {"n_inputs": width} if self.numeric else {}
        arguments |= self.architecture.scratch_arguments
        return random_network(self.network, n_outputs, arguments | self.arguments, seed)

    def _check_elements(self, batch: Compositions | Crystals, materials: Materials) -> None:
        known = np.zeros(len(SYMBOLS) + 1, dtype=bool)
        known[1 : self.highest + 1] = self.elements is None
        known[list(self.elements or ())] = True
        unseen = ~known[batch.numbers]
        if not unseen.any():
            return
        row = int(batch.rows[unseen.argmax()])
        names = sorted({SYMBOLS[z - 1] for z in batch.numbers[unseen]})
        rows = np.unique(batch.rows[unseen]).tolist()
        message = (
            f"Got {', '.join(names)} in {len(rows)} of {len(batch)} rows, first in "
            f"{materials.name_row(row)}"
        )
        if self.policy == "error" or batch.numbers.max() > self.highest:
            raise UnseenElementError(
                f"{message}, expected elements that the network was trained on. Leave these rows "
                "out, or pass unseen_elements='warn' (for elements up to "
                f"{SYMBOLS[self.highest - 1]}).",
                rows=rows,
                elements=names,
            )
        warn_caller(f"{message}: the source never saw them.")
