"""Limits of the findings: what the data do not show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sktl.evaluation._elements import FEW
from sktl.evaluation._folds import group_rows
from sktl.evaluation._names import BOOSTING, COMPOSITION, GET_XGBOOST, SYSTEM, TRANSFER
from sktl.evaluation._sentences import percent
from sktl.representations import label_pairs
from sktl.training import digest_share

if TYPE_CHECKING:
    from sktl._types import BoolArray
    from sktl.evaluation._classes import ClassEvaluation
    from sktl.evaluation._evaluation import Evaluation

FEW_ROWS = 200
_MANY_ZEROS = 0.1
_ORDERS = 100.0


def list_cautions(evaluation: Evaluation, unit: str) -> list[str]:
    """Return sentences on what limits the findings.

    Parameters
    ----------
    evaluation : Evaluation
    unit : str
        Written after numbers, with a space before it, or empty.

    Returns
    -------
    list of str
    """
    checks = (_few_rows, _repeats, _neighbours, _large_groups, _zeros, _orders, _rare, _missing)
    return [text for check in checks if (text := check(evaluation, unit))]


def known_new(evaluation: Evaluation | ClassEvaluation) -> BoolArray:
    """Tell for each row whether the source's card proves that it was not trained on it, (n,).

    The card's rule holds out the compositions with the lowest digests. Compositions that were held
    out by a list cannot be told: of the list the card holds only the hash.
    """
    held_out = evaluation.source.card.held_out
    digests = evaluation.compositions.digests()
    return np.array([digest_share(digest) for digest in digests]) < held_out.get("fraction", 0.0)


def noise_floor(evaluation: Evaluation) -> tuple[int, float]:
    """Return how many compositions have several values, and by how much these differ.

    Returns
    -------
    n : int
        Compositions with at least two values that are not equal.
    floor : float
        Mean absolute deviation from the median of the composition, over all their rows: the
        smallest error that a model of the composition alone can have. 0 if there are none.
    """
    place = group_rows(evaluation.compositions)
    if evaluation.conditions is not None:
        place = label_pairs(place, evaluation.conditions.labels())
    deviations, n = [], 0
    for group in np.flatnonzero(np.bincount(place) > 1):
        values = evaluation.y[place == group]
        if np.ptp(values) > 0:
            n += 1
            deviations.append(np.abs(values - np.median(values)))
    return n, float(np.concatenate(deviations).mean()) if n else 0.0


def _few_rows(evaluation: Evaluation, unit: str) -> str | None:
    n = len(evaluation.y)
    if n >= FEW_ROWS:
        return None
    smallest = min(len(fold.test) for fold in evaluation.folds)
    return (
        f"{n} rows are few: the smallest test part has {smallest}. Errors and differences may "
        "change on other compounds of the same kind, and only large differences are significant."
    )


def _repeats(evaluation: Evaluation, unit: str) -> str | None:
    n, floor = noise_floor(evaluation)
    if not n or evaluation.reads == "structures":
        return None
    return (
        f"{_count(n, 'composition has', 'compositions have')} several rows with different values. "
        f"They differ from their median by {floor:.3g}{unit} on average. No model of the formula "
        f"{'alone' if evaluation.conditions is None else 'and the columns beside it'} can have a "
        "smaller error on these rows. Check whether they are polymorphs, other conditions or "
        "mistakes."
    )


def _neighbours(evaluation: Evaluation, unit: str) -> str | None:
    if evaluation.settings["group"] != COMPOSITION:
        return None
    systems = group_rows(evaluation.compositions, SYSTEM)
    place = group_rows(evaluation.compositions)
    pairs = np.unique(np.stack([systems, place]), axis=1)
    share = float(np.mean(np.bincount(pairs[0])[systems] > 1))
    if share < 0.2:
        return None
    return (
        f"{percent(share)} of the rows share their set of elements with another composition of "
        "the table, which makes them easy to predict. For predictions of new chemistries use "
        "--group chemical-system: errors will be larger."
    )


def _large_groups(evaluation: Evaluation, unit: str) -> str | None:
    largest = np.bincount(evaluation.groups).max() / len(evaluation.y)
    if largest * evaluation.settings["n_splits"] <= 1:
        return None
    return (
        f"One {evaluation.settings['group'].replace('-', ' ')} makes up {percent(largest)} of the "
        "rows, so that the folds are of very different size."
    )


def _zeros(evaluation: Evaluation, unit: str) -> str | None:
    zero = evaluation.y == 0
    if not _MANY_ZEROS <= zero.mean() < 1:
        return None
    errors = evaluation.absolute_errors(TRANSFER)
    return (
        f"{percent(zero.mean())} of the measured values are exactly 0. On the others the mean "
        f"absolute error of the fine-tuned network is {errors[~zero].mean():.3g}{unit}, on these "
        f"{errors[zero].mean():.3g}{unit}."
    )


def _orders(evaluation: Evaluation, unit: str) -> str | None:
    low = evaluation.y.min()
    if low <= 0 or evaluation.y.max() / low < _ORDERS:
        return None
    return (
        f"The measured values span from {low:.3g} to {evaluation.y.max():.3g}{unit}. The mean "
        "absolute error is dominated by the largest; consider their logarithm as the target."
    )


def _rare(evaluation: Evaluation, unit: str) -> str | None:
    _, counts = np.unique(evaluation.compositions.numbers, return_counts=True)
    n = int((counts < FEW).sum())
    if not n:
        return None
    return (
        f"{_count(n, 'element occurs', 'elements occur')} in fewer than {FEW} rows (white in the "
        "periodic table): their errors are uncertain."
    )


def _missing(evaluation: Evaluation, unit: str) -> str | None:
    if BOOSTING in evaluation.missing:
        return f"XGBoost is not installed and was left out: {GET_XGBOOST}"
    return None


def _count(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"
