"""Warnings that name the line of the caller, however deep inside or far away they are raised."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TextIO

from sktl.exceptions import TransferWarning

_INSIDE = (str(Path(__file__).parent), contextlib.__file__)
_BETWEEN = ("sklearn", "joblib")  # a pipeline or a search of the caller calls sktl


def warn_caller(message: str, category: type[Warning] = TransferWarning) -> None:
    """Warn on the line, outside of sktl, whose call led here."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _is_inside(frame):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


@contextlib.contextmanager
def warnings_go_to(show: Callable[[str], object]) -> Iterator[None]:
    """Give the texts of sktl's warnings to a function; others are shown as ever."""
    before = warnings.showwarning

    def show_one(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if issubclass(category, TransferWarning):
            show(str(message))
        else:
            before(message, category, filename, lineno, file, line)

    warnings.showwarning = show_one
    try:
        yield
    finally:
        warnings.showwarning = before


@contextlib.contextmanager
def kept_warnings() -> Iterator[list[str]]:
    """Keep the texts of sktl's warnings, which another process is to raise."""
    texts: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always", TransferWarning)
        with warnings_go_to(texts.append):
            yield texts


def _is_inside(frame: FrameType) -> bool:
    if frame.f_globals.get("__name__", "").partition(".")[0] in _BETWEEN:
        return True
    return frame.f_code.co_filename.startswith(_INSIDE)
