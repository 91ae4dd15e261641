"""JSON as the standard has it: no NaN, no infinity, and no number that becomes one."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, NoReturn


def read_json(text: str | bytes, read_constant: Callable[[str], object] | None = None) -> Any:
    """Return what a JSON text says.

    Parameters
    ----------
    text : str or bytes
        The text.
    read_constant : callable or None, default=None
        Takes the words NaN, Infinity and -Infinity, which are not JSON. None refuses them.

    Raises
    ------
    ValueError
        It is not JSON, its lists are too deep, or a number is not finite.

    Examples
    --------
    >>> read_json('{"a": [1, 2.5]}')
    {'a': [1, 2.5]}
    >>> read_json("[1e999]")
    Traceback (most recent call last):
        ...
    ValueError: 1e999 is not a finite number
    """
    try:
        return json.loads(text, parse_constant=read_constant or _refuse, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("its lists and objects are too deep inside each other") from error


def write_json(content: object, indent: int | None = None) -> str:
    """Return plain data as a JSON text; a number that is not finite becomes null.

    Examples
    --------
    >>> write_json({"mae": float("nan"), "rows": 3})
    '{"mae": null, "rows": 3}'
    """
    return json.dumps(_without_infinities(content), indent=indent, allow_nan=False)


def _without_infinities(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _without_infinities(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_without_infinities(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number that JSON knows")


def _finite(word: str) -> float:
    number = float(word)
    if math.isinf(number):
        raise ValueError(f"{word} is not a finite number")
    return number
