"""What a regressor makes small: absolute errors, by medians, or squared errors, by means."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from sktl.exceptions import InputError

Criterion: TypeAlias = Literal["absolute_error", "squared_error"]
ABSOLUTE: Criterion
SQUARED: Criterion
ABSOLUTE, SQUARED = "absolute_error", "squared_error"


def check_criterion(criterion: object) -> None:
    """Raise unless it is one of the two."""
    if criterion not in get_args(Criterion):
        raise InputError(f"Got criterion={criterion!r}, expected one of {get_args(Criterion)}.")


def check_means(head: str, bounded: bool) -> None:
    """Raise where means are asked for beside what has medians only."""
    if bounded:
        raise InputError(
            f"Got bounds with criterion={SQUARED!r}, expected criterion={ABSOLUTE!r}: of limits no "
            "mean is known."
        )
    if head not in ("auto", "linear"):
        raise InputError(
            f"Got head={head!r} with criterion={SQUARED!r}, expected 'auto' or 'linear'."
        )
