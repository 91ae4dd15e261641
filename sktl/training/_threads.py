"""How many threads torch works on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let torch work on one thread, and then on as many as before.

    Small networks gain little from more threads, and lose much when other processes are busy: the
    threads wait for each other at each of thousands of small steps.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
