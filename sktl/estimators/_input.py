"""From what a user gives to encoded rows: one way in for every estimator."""

import warnings

import numpy as np
import torch
from sklearn.utils.validation import validate_data

from sktl._checks import as_formulas
from sktl.exceptions import InputError, TransferWarning, UnseenElementError
from sktl.networks import ColumnNet
from sktl.representations import (
    MAX_ATOMIC_NUMBER,
    SYMBOLS,
    Compositions,
    NumericColumns,
    parse_formulas,
)
from sktl.sources import REPRESENTATIONS, build_network

NETWORK_CHOICES = ("auto", "composition", "elemnet")
POLICIES = ("error", "warn")
FRACTION_WIDTHS = (MAX_ATOMIC_NUMBER, len(SYMBOLS))


def read_input(estimator, X, *, fitting):
    """Return X as a list of formulas or a float64 array (n, d); record its width when fitting.

    Raises
    ------
    InputError
        X is empty, or formulas where the estimator was fitted on numeric columns.
    """
    formulas = as_formulas(X)
    if formulas is None:
        if not fitting and getattr(estimator, "input_kind_", "") == "formulas":
            raise InputError(
                f"Got X of type {type(X).__name__} without formulas, but this "
                f"{type(estimator).__name__} was fitted on formulas."
            )
        X = validate_data(estimator, X, dtype=np.float64, reset=fitting)
        if fitting:
            estimator.input_kind_ = "numeric"
        return X
    if fitting:
        estimator.input_kind_, estimator.n_features_in_ = "formulas", 1
    elif estimator.input_kind_ != "formulas":
        raise InputError(
            f"Got formulas, but this {type(estimator).__name__} was fitted on numeric columns."
        )
    return formulas


class NetworkInput:
    """The way from what `read_input` returned to the rows that a network reads, and that network.

    Parameters
    ----------
    source : Source or None
        Says which representation and which elements its network knows.
    network : {"auto", "composition", "elemnet"}
        The network without a source.
    policy : {"error", "warn"}
        What to do about an element that the source never saw.
    """

    def __init__(self, source, network, policy):
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

    def fit(self, data, weights=None):
        """Choose the representation for `data` and fit it; return what `read` returns."""
        self.numeric = (
            not isinstance(data, list) and not self.pretrained and self.network != "composition"
        )
        if self.numeric:
            self.representation = NumericColumns().fit(data, weights)
        else:
            self.network = "composition" if self.network == "auto" else self.network
            self.representation = REPRESENTATIONS[self.network]()
        return self.read(data)

    def read(self, data):
        """Return formulas and elemental fractions as `Compositions`, other columns as they are."""
        if self.numeric:
            return data
        compositions = _read_compositions(data)
        self._check_elements(compositions, data)
        return compositions

    def encode(self, readable):
        """Return what `read` returned as rows of the representation."""
        return self.representation.encode(readable)

    def new_network(self, n_outputs, seed, width):
        """Return the network for these rows with random weights."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            if not self.numeric:
                return build_network(self.network, n_outputs, {})
            if self.network == "elemnet":
                return build_network("elemnet", n_outputs, {"n_inputs": width})
            return ColumnNet(n_outputs, n_inputs=width)

    def _check_elements(self, compositions, data):
        known = np.zeros(len(SYMBOLS) + 1, dtype=bool)
        known[1 : MAX_ATOMIC_NUMBER + 1] = self.elements is None
        known[list(self.elements or ())] = True
        unseen = ~known[compositions.numbers]
        if not unseen.any():
            return
        row = int(compositions.rows[unseen.argmax()])
        names = sorted({SYMBOLS[z - 1] for z in compositions.numbers[unseen]})
        formula = f" ({str(data[row])!r})" if isinstance(data, list) else ""
        message = (
            f"Got {', '.join(names)} in {len(np.unique(compositions.rows[unseen]))} of "
            f"{len(compositions)} rows, first in row {row}{formula}"
        )
        if self.policy == "error" or compositions.numbers.max() > MAX_ATOMIC_NUMBER:
            raise UnseenElementError(
                f"{message}, expected elements that the network was trained on. Leave these rows "
                "out, or pass unseen_elements='warn' (for elements up to "
                f"{SYMBOLS[MAX_ATOMIC_NUMBER - 1]})."
            )
        warnings.warn(f"{message}: the source never saw them.", TransferWarning, stacklevel=5)


def group_rows(readable):
    """Return one integer a row of `Compositions` or of a numeric array, equal for equal rows.

    They are numbered in an order of their own, whatever the order of the rows.
    """
    if not isinstance(readable, Compositions):
        return np.unique(readable, axis=0, return_inverse=True)[1].reshape(-1)
    distinct, place = readable.unique()
    rank = np.empty(len(distinct), dtype=np.int64)
    rank[np.argsort(distinct.keys(), kind="stable")] = np.arange(len(distinct))
    return rank[place]


def _read_compositions(data):
    if isinstance(data, list):
        return parse_formulas(data)
    if data.shape[1] not in FRACTION_WIDTHS:
        raise InputError(
            f"Got numeric X with {data.shape[1]} columns, expected elemental fractions: 103 "
            "columns, H to Lr, or 118, H to Og, as matminer's ElementFraction gives them (or "
            "formulas)."
        )
    return Compositions.from_fractions(data, width=data.shape[1])
