"""What the fits of a comparison cost, roughly, on the machine that does them."""

from __future__ import annotations

import math
import time
from functools import cache
from typing import Literal

import torch

from sktl.evaluation._names import FOREST, SCRATCH, TRANSFER
from sktl.sources import default_architecture
from sktl.training import Policy, one_thread

_CLASS_MEMBERS = 8  # of a classifier at its defaults
_PASS = 0.0125  # seconds of 32 rows through a network and back where the estimates were made
_PASSES = 6


@cache
def measure_pace() -> float:
    """Return how many times as long as where the estimates were made a fit takes here.

    Passes of some rows through a network and back are timed once, the fastest counts. This takes a
    fraction of a second.
    """
    with torch.random.fork_rng(devices=[]), one_thread():
        network = default_architecture("formulas").network()
        rows = {"numbers": torch.full((32, 3), 8), "fractions": torch.full((32, 3), 1 / 3)}
        taken = []
        for _ in range(_PASSES):
            begun = time.perf_counter()
            network(**rows).sum().backward()
            taken.append(time.perf_counter() - begun)
    return min(taken) / _PASS


def estimate_seconds(
    model: str,
    n_train: int,
    *,
    max_epochs: int | Literal["auto"] = "auto",
    chosen: bool = False,
    classes: bool = False,
) -> float:
    """Return roughly how long a fit to formulas takes on two cores of this machine.

    Parameters
    ----------
    model : str
        As in `make_model`.
    n_train : int
        Training rows.
    max_epochs : "auto" or int, default="auto"
        As in `make_model`.
    chosen : bool, default=False
        Whether the settings of trees are chosen too.
    classes : bool, default=False
        Whether it is a classifier.
    """
    if model in (TRANSFER, SCRATCH):
        network = default_architecture("formulas")
        policy = Policy(max_epochs).resolve(
            n_train, network, pretrained=model == TRANSFER, classes=classes
        )
        epochs, batch_size = int(policy.max_epochs), int(policy.batch_size)
        steps = epochs * math.ceil(n_train / batch_size)
        one = 0.8 + steps * (0.012 + 0.0003 * batch_size)
        seconds = _CLASS_MEMBERS * (one + 0.001 * n_train) if classes else one
    elif model == FOREST:
        seconds = (4 if chosen else 1) * (0.1 + 0.003 * n_train)
    else:
        seconds = (12 if chosen else 1) * (0.05 + 0.0003 * n_train)
    return measure_pace() * seconds
