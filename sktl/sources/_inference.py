"""Run a network over many rows: bounded memory, similar sizes together, order restored."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from sktl._types import IntArray, SingleArray
from sktl.representations import Rows

MOST_WORK = 2**15
"""Sum of `sizes` of the rows that are run together: more would not fit a processor's cache."""


def run_rows(
    function: Callable[..., Tensor], rows: Rows, *, device: str = "cpu", batch_size: int = 1024
) -> SingleArray:
    """Apply a function of a network's arguments to all rows.

    Parameters
    ----------
    function : callable
        Takes the arguments of a network's forward; returns a tensor (b, d).
    rows : Rows
        Encoded input, n rows.
    device : str
        Where the network is.
    batch_size : int
        Rows at a time, at most; fewer where they are large, see `MOST_WORK`.

    Returns
    -------
    ndarray (n, d), of the network's precision
    """
    order = np.argsort(rows.sizes, kind="stable")
    result: SingleArray = np.empty((len(rows), 0), dtype=np.float32)
    with torch.inference_mode():
        for chosen in _batches(order, rows.sizes[order], batch_size):
            batch = {
                name: torch.as_tensor(part, device=device) for name, part in rows[chosen].items()
            }
            output = function(**batch).cpu().numpy()
            if not result.shape[1]:
                result = np.empty((len(rows), output.shape[1]), dtype=output.dtype)
            result[chosen] = output
    return result


def _batches(order: IntArray, sizes: IntArray, batch_size: int) -> Iterator[IntArray]:
    """Yield parts of rows in an order of ascending sizes."""
    start = 0
    while start < len(order):
        work = np.cumsum(sizes[start : start + batch_size])
        n = max(1, int(np.searchsorted(work, MOST_WORK, side="right")))
        yield order[start : start + n]
        start += n


def _use_one_thread() -> None:
    """Let torch work on one thread: a forked process does not have the others of its parent.

    Torch would wait for them forever. Its own DataLoader does the same in its workers.
    """
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_use_one_thread)
