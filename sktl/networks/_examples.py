"""Made-up rows, to try a network on whose input is known by the names of its arguments."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Protocol

import numpy as np

from sktl._types import AnyArray, IntArray
from sktl.exceptions import InputError
from sktl.networks._base import Network

_N_ROWS = 5
_N_COLUMNS = 103
_COLUMNS = {"columns"}
_TOKENS = {"numbers", "fractions"}
_BONDS = {"numbers", "crystal", "source", "target", "vectors"}
_GRAPHS = _BONDS | {"first", "second"}


class ExampleRows(Protocol):
    """Encoded rows, of which a network gets some at a time."""

    def __len__(self) -> int: ...

    def __getitem__(self, indices: IntArray) -> Mapping[str, AnyArray]: ...


def example_rows(network: Network) -> ExampleRows:
    """Return made-up rows that a network can read.

    Raises
    ------
    InputError
        Its `stages` takes arguments that no representation of sktl gives.
    """
    taken = inspect.signature(network.stages).parameters.values()
    names = {
        each.name
        for each in taken
        if each.default is each.empty and each.kind is not each.VAR_KEYWORD
    }
    if names == _COLUMNS:
        return _ColumnExamples(network.arguments.get("n_inputs", _N_COLUMNS))
    if names == _TOKENS:
        return _TokenExamples()
    if names in (_BONDS, _GRAPHS):
        return _GraphExamples(names)
    raise InputError(
        f"Got {type(network).__name__}.stages with the arguments {sorted(names)}, which no "
        "representation of sktl gives: pass rows, that is what encode of its own one returns."
    )


class _Examples:
    """Rows of which a subclass gives the arguments of some."""

    def __len__(self) -> int:
        return _N_ROWS


class _ColumnExamples(_Examples):
    """Rows of columns that sum to 1, as elemental fractions do."""

    def __init__(self, width: int) -> None:
        self.columns = np.random.default_rng(0).dirichlet(np.full(width, 0.3), _N_ROWS)

    def __getitem__(self, indices: IntArray) -> dict[str, AnyArray]:
        return {"columns": self.columns[indices].astype(np.float32)}


class _TokenExamples(_Examples):
    """Compositions of one to five elements, padded to the largest of the batch."""

    def __init__(self) -> None:
        generator = np.random.default_rng(0)
        self.numbers = generator.permuted(np.tile(np.arange(1, 84), (_N_ROWS, 1)), axis=1)
        self.sizes = np.arange(_N_ROWS) + 1

    def __getitem__(self, indices: IntArray) -> dict[str, AnyArray]:
        sizes = self.sizes[indices][:, None]
        real = np.arange(sizes.max()) < sizes
        amounts = real * (1 + np.arange(sizes.max()))
        return {
            "numbers": np.where(real, self.numbers[indices, : sizes.max()], 0).astype(np.int64),
            "fractions": (amounts / amounts.sum(axis=1, keepdims=True)).astype(np.float32),
        }


class _GraphExamples(_Examples):
    """Chains of two atoms: each is bound to the other on both sides, and to its own images.

    Parameters
    ----------
    names : set of str
        What the network takes.
    """

    def __init__(self, names: set[str]) -> None:
        self.names = names
        self.numbers = np.arange(2 * _N_ROWS).reshape(_N_ROWS, 2) + 8
        self.lengths = np.linspace(1.8, 2.6, _N_ROWS)
        half = np.array([[0, 1], [0, 1], [0, 0], [1, 1]])
        self.ends = np.concatenate([half, half[:, ::-1]])
        steps = np.array([[1.0, 0, 0], [-0.6, 0.8, 0], [0, 1, 0.2], [0, 1, 0.2]])
        self.steps = np.concatenate([steps, -steps])
        reverse = np.roll(np.arange(8), 4)
        one, other = np.divmod(np.arange(64), 8)
        meet = (self.ends[one, 1] == self.ends[other, 0]) & (other != reverse[one])
        self.pairs = np.stack([one[meet], other[meet]])

    def __getitem__(self, indices: IntArray) -> dict[str, AnyArray]:
        n = len(indices)
        shift = np.arange(n)
        place = np.arange(8) + np.where(np.arange(8) < 4, 0, 4 * (n - 1))  # halves of all edges
        ends = self.ends[None] + 2 * shift[:, None, None]
        halves = np.concatenate([ends[:, :4].reshape(-1, 2), ends[:, 4:].reshape(-1, 2)])
        steps = self.lengths[indices][:, None, None] * self.steps
        pairs = (place[self.pairs][:, None] + 4 * shift[:, None]).reshape(2, -1)
        found = {
            "numbers": self.numbers[indices].reshape(-1),
            "crystal": np.repeat(shift, 2),
            "source": halves[:, 0],
            "target": halves[:, 1],
            "vectors": np.concatenate([steps[:, :4], steps[:, 4:]])
            .reshape(-1, 3)
            .astype(np.float32),
            "first": pairs[0],
            "second": pairs[1],
        }
        return {name: part for name, part in found.items() if name in self.names}
