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
