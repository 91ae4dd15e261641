"""From what a user gives to encoded rows: one way in for every estimator."""

import warnings

import numpy as np
from sklearn.utils.validation import check_is_fitted, validate_data

from sktl._checks import (
    as_formulas,
    as_structures,
    check_materials,
    is_structure,
    name_row,
)
from sktl._state import stored
from sktl.exceptions import InputError, TransferWarning, UnseenElementError
from sktl.representations import (
    MAX_ATOMIC_NUMBER,
    SYMBOLS,
    Compositions,
    ElementTokens,
    NumericColumns,
)
from sktl.sources import REPRESENTATIONS, load_source, random_network

NETWORK_CHOICES = ("auto", "composition", "elemnet", "alignn")
SCRATCH_ARGUMENTS = {"alignn": {"hidden": 64, "n_alignn": 2, "n_gcn": 2}}
"""Arguments of networks without a source where none are given, if not the networks' own."""

POLICIES = ("error", "warn")
FRACTION_WIDTHS = (MAX_ATOMIC_NUMBER, len(SYMBOLS))


def read_input(estimator, X, *, fitting):
    """Return X as a list of formulas or structures, or as a float64 array (n, d).

    What it was, and its width, is recorded when fitting.

    Raises
    ------
    NotFittedError
        The estimator is to be fitted first.
    InputError
        X is empty, or of another kind than what the estimator was fitted on.
    """
    if not fitting:
        check_is_fitted(estimator)
    kind, materials = "structures", as_structures(X)
    if materials is None:
        kind, materials = "formulas", as_formulas(X)
    if materials is None:
        kind = "numeric columns"
    known = kind if fitting else getattr(estimator, "input_kind_", kind)
    if kind != known:
        raise InputError(
            f"Got X of type {type(X).__name__} with {kind}, but this {type(estimator).__name__} "
            f"was fitted on {known}."
        )
    if materials is None:
        materials = validate_data(estimator, X, dtype=np.float64, reset=fitting)
    elif fitting:
        estimator.n_features_in_ = 1
    if fitting:
        estimator.input_kind_ = kind
    return materials


@stored("network-input/1")
class NetworkInput:
    """The way from what `read_input` returned to the rows that a network reads, and that network.

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

    def fit(self, data, weights=None):
        """Choose the representation for `data` and fit it; return what `read` returns."""
        columns = not isinstance(data, list)
        self.numeric = columns and not self.pretrained and self.network in ("auto", "elemnet")
        if self.numeric:
            self.representation = NumericColumns().fit(data, weights)
        else:
            if self.network == "auto":
                self.network = "alignn" if is_structure(data[0]) else "composition"
            self.representation = REPRESENTATIONS[self.network]()
        return self.read(data)

    def read(self, data, any_element=False):
        """Return materials and elemental fractions as a batch, other columns as they are.

        The batch is `Compositions`, or `Crystals` where the network reads structures. With
        `any_element` nothing is said of elements that the source never saw.
        """
        if self.numeric:
            return data
        if isinstance(data, list) or self.representation.reads == "structures":
            data = check_materials(data, self.representation.reads)
            batch = self.representation.read(data)
        else:
            batch = _from_fractions(data)
        if not any_element or batch.numbers.max() > self.highest:
            self._check_elements(batch, data)
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

    def _check_elements(self, batch, data):
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
            f"{name_row(data, row)}"
        )
        if self.policy == "error" or batch.numbers.max() > self.highest:
            raise UnseenElementError(
                f"{message}, expected elements that the network was trained on. Leave these rows "
                "out, or pass unseen_elements='warn' (for elements up to "
                f"{SYMBOLS[self.highest - 1]}).",
                rows=rows,
                elements=names,
            )
        warnings.warn(f"{message}: the source never saw them.", TransferWarning, stacklevel=5)


class ReadsMaterials:
    """What estimators share that read materials as the network of a source does.

    A subclass has the parameters `source` and `unseen_elements`.
    """

    def _open_source(self, network="auto", arguments=None):
        """Load the source, remember it and the way to its network, and return it, or None."""
        source = None if self.source is None else load_source(self.source)
        self.source_ = None if source is None else source.card
        self.source_sha256_ = None if source is None else source.sha256
        self.input_ = NetworkInput(source, network, arguments, self.unseen_elements)
        return source

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        return tags


def group_rows(batch):
    """Return one integer a row of a batch or of a numeric array, equal for equal rows.

    They are numbered in an order of their own, whatever the order of the rows.
    """
    if isinstance(batch, np.ndarray):
        return np.unique(batch, axis=0, return_inverse=True)[1].reshape(-1)
    distinct, place = batch.unique()
    rank = np.empty(len(distinct), dtype=np.int64)
    rank[np.argsort(distinct.keys(), kind="stable")] = np.arange(len(distinct))
    return rank[place]


def read_compositions(data):
    """Return the `Compositions` of materials; a numeric array stays as it is."""
    return ElementTokens().read(data) if isinstance(data, list) else data


def _from_fractions(data):
    if data.shape[1] not in FRACTION_WIDTHS:
        raise InputError(
            f"Got numeric X with {data.shape[1]} columns, expected elemental fractions: 103 "
            "columns, H to Lr, or 118, H to Og, as matminer's ElementFraction gives them (or "
            "formulas)."
        )
    return Compositions.from_fractions(data, width=data.shape[1])
