"""From what a user gives to encoded rows: one way in for every estimator."""

import inspect

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from sktl._warnings import warn_caller
from sktl.exceptions import InputError, UnseenElementError
from sktl.representations import MAX_ATOMIC_NUMBER, SYMBOLS, Materials, NumericColumns
from sktl.sources import REPRESENTATIONS, load_source, random_network

NETWORK_CHOICES = ("auto", "composition", "elemnet", "alignn")
SCRATCH_ARGUMENTS = {"alignn": {"hidden": 64, "n_alignn": 2, "n_gcn": 2}}
"""Arguments of networks without a source where none are given, if not the networks' own."""

POLICIES = ("error", "warn")


class MaterialsEstimator(BaseEstimator):
    """An estimator whose X is materials, and which may be older than some of its parameters."""

    def __setstate__(self, state):
        given = inspect.signature(type(self)).parameters.values()
        defaults = {each.name: each.default for each in given if each.default is not each.empty}
        super().__setstate__(defaults | state)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        return tags


def read_materials(estimator, X, *, fitting):
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
    materials = Materials.read(X)
    known = materials.kind if fitting else estimator.input_kind_
    if materials.kind != known:
        raise InputError(
            f"Got X of type {type(X).__name__} with {materials.kind}, but this "
            f"{type(estimator).__name__} was fitted on {known}."
        )
    if fitting:
        estimator.input_kind_ = materials.kind
    if materials.kind == "columns" and not isinstance(X, Materials):
        numbers = validate_data(estimator, materials.items, dtype=np.float64, reset=fitting)
        known = getattr(estimator, "feature_names_in_", None)
        return Materials("columns", numbers, names=None if known is None else tuple(known))
    _check_columns(estimator, materials, fitting)
    return materials


def _check_columns(estimator, materials, fitting):
    """Record how many columns there are and their names, or compare them with those of `fit`."""
    columns = materials.kind == "columns"
    width, names = materials.items.shape[1] if columns else 1, materials.names
    if fitting:
        estimator.n_features_in_ = width
        vars(estimator).pop("feature_names_in_", None)
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


def open_source(estimator, network="auto", arguments=None):
    """Load the source of an estimator, and return it, or None.

    The estimator remembers its card and hash, and in ``input_`` the way to its network.
    """
    source = None if estimator.source is None else load_source(estimator.source)
    estimator.source_ = None if source is None else source.card
    estimator.source_sha256_ = None if source is None else source.sha256
    estimator.input_ = NetworkInput(source, network, arguments, estimator.unseen_elements)
    return source


class NetworkInput:
    """The way from `Materials` to the rows that a network reads, and that network.

    Parameters
    ----------
    source : Source or None
        Says which representation and which elements its network knows.
    network : {"auto", "composition", "elemnet", "alignn"}
        The network without a source.
    arguments : dict or None
        Further arguments of that network.
    policy : {"error", "warn"}
        What to do about an element that the source never saw.
    """

    def __init__(self, source, network, arguments, policy):
        for name, value, choices in (
            ("network", network, NETWORK_CHOICES),
            ("unseen_elements", policy, POLICIES),
        ):
            if value not in choices:
                raise InputError(f"Got {name}={value!r}, expected one of {choices}.")
        self.policy = policy
        self.pretrained = source is not None
        self.network = source.card.network["name"] if self.pretrained else network
        self.elements = source.card.elements if self.pretrained else None
        if arguments is not None and (self.pretrained or not isinstance(arguments, dict)):
            raise InputError(
                f"Got network_arguments={arguments!r}, expected None with a source, whose network "
                "is what it is, and else None or a dict."
            )
        self.arguments = source.card.network["arguments"] if self.pretrained else arguments or {}
        self.highest = int(self.arguments.get("n_elements", MAX_ATOMIC_NUMBER))

    def fit(self, materials, weights=None):
        """Choose the representation for the rows and fit it; return what `read` returns."""
        columns = materials.kind == "columns"
        self.numeric = columns and not self.pretrained and self.network in ("auto", "elemnet")
        if self.numeric:
            self.representation = NumericColumns().fit(materials.items, weights)
        else:
            if self.network == "auto":
                self.network = "alignn" if materials.kind == "structures" else "composition"
            self.representation = REPRESENTATIONS[self.network]()
        return self.read(materials)

    def read(self, materials, any_element=False):
        """Return materials and elemental fractions as a batch, other columns as they are.

        The batch is `Compositions`, or `Crystals` where the network reads structures. With
        `any_element` nothing is said of elements that the source never saw.
        """
        if self.numeric:
            return materials.items
        batch = self.representation.read(materials)
        if not any_element or batch.numbers.max() > self.highest:
            self._check_elements(batch, materials)
        return batch

    def encode(self, readable):
        """Return what `read` returned as rows of the representation."""
        return self.representation.encode(readable)

    def new_network(self, n_outputs, seed, width):
        """Return the network for these rows with random weights."""
        arguments = SCRATCH_ARGUMENTS.get(self.network, {}) | self.arguments
        if not self.numeric:
            return random_network(self.network, n_outputs, arguments, seed)
        name = "elemnet" if self.network == "elemnet" else "columns"
        return random_network(name, n_outputs, {"n_inputs": width, **arguments}, seed)

    def _check_elements(self, batch, materials):
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
