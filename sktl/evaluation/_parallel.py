"""Fits that do not depend on each other, in processes, the longest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs

from sktl._warnings import kept_warnings, warn_caller

Report = Callable[[str, int, float, float, float], None]
"""Gets the model that is waited for next, its training rows, and estimates in seconds."""


class Step(Protocol):
    """What is known of a fit before it is done."""

    @property
    def model(self) -> str: ...

    @property
    def n_train(self) -> int: ...


_Step = TypeVar("_Step", bound=Step)
_Found = TypeVar("_Found")


def run_steps(
    fit: Callable[[_Step], _Found],
    steps: Sequence[_Step],
    costs: Sequence[float],
    n_jobs: int | None = None,
    report: Report | None = None,
) -> list[_Found]:
    """Fit all steps, those that take longest first, so that no core waits long for another.

    Parameters
    ----------
    fit : callable
        Gets a step; picklable.
    steps : sequence of Step
    costs : sequence of float
        What each takes, in seconds, roughly.
    n_jobs : int or None, default=None
        Fits at a time, as in joblib.
    report : callable or None, default=None
        Called before each fit is waited for, with the model, its number of training rows, and three
        estimates in seconds: of all fits before it, with it, and of all fits.

    Returns
    -------
    list
        What `fit` returned, in the order of the steps. Its warnings are raised here, each once.
    """
    order = np.argsort(-np.asarray(costs), kind="stable").tolist()
    ends = np.cumsum([costs[place] for place in order]) / effective_n_jobs(n_jobs)
    found: dict[int, _Found] = {}
    results = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(partial(_fit_quietly, fit))(steps[place]) for place in order
    )
    said: set[str] = set()
    for place, before, after in zip(order, [0.0, *ends[:-1].tolist()], ends.tolist(), strict=True):
        if report is not None:
            report(steps[place].model, steps[place].n_train, before, after, float(ends[-1]))
        found[place], texts = next(results)
        for text in texts:
            if text not in said:
                warn_caller(text)
        said.update(texts)
    return [found[place] for place in range(len(steps))]


def _fit_quietly(fit: Callable[[_Step], _Found], step: _Step) -> tuple[_Found, list[str]]:
    """Return what a fit gives, and the texts of its warnings."""
    with kept_warnings() as texts:
        found = fit(step)
    return found, list(dict.fromkeys(texts))


def total_seconds(costs: Sequence[float], n_jobs: int | None = None) -> float:
    """Return what all steps take together, in seconds, roughly."""
    return sum(costs) / effective_n_jobs(n_jobs)
