"""The pretrained head of a source, kept for a property that it knows."""

from __future__ import annotations

import numpy as np

from sktl._warnings import warn_caller
from sktl.estimators._members import TrainingRows
from sktl.exceptions import InputError
from sktl.sources import Source, run_rows
from sktl.training import SourceTarget


def source_target(rows: TrainingRows, source: Source) -> tuple[SourceTarget, str]:
    """Take over the output of a source's head that is nearest to the targets, and its scale.

    Parameters
    ----------
    rows : TrainingRows
        With one target.
    source : Source

    Returns
    -------
    target : SourceTarget
    name : str
        Of the property, as in the card of the source.

    Raises
    ------
    InputError
        The head cannot give one of the targets.

    Warns
    -----
    TransferWarning
        The head is further from the targets than their median.
    """
    y = rows.y
    found = source.card.to_units(run_rows(source.network, rows.encoded))
    errors = np.average(np.abs(found - y), axis=0, weights=rows.weights)
    best = int(np.argmin(errors))
    card = source.card.properties[best]
    spread = np.average(np.abs(y - np.median(y))[:, 0], weights=rows.weights)
    if errors[best] > spread:
        warn_caller(
            f"The head of {card.name} ({card.unit}) is kept, but its mean absolute error on "
            f"the training rows, {errors[best]:.3g}, is above that of their median, "
            f"{spread:.3g}: another property or unit?"
        )
    target = SourceTarget(card)
    with np.errstate(invalid="ignore", divide="ignore"):
        outside = y[~np.isfinite(target.encode(y))]
    if len(outside):
        raise InputError(
            f"Got y={outside[0]} with head='source', expected values that the head of "
            f"{card.name} ({card.unit}, on a {card.transform} scale) can give."
        )
    return target, card.name
