"""Warnings that name the line of the caller, however deep inside they are raised."""

from __future__ import annotations

import contextlib
import sys
import warnings
from pathlib import Path
from types import FrameType

from sktl.exceptions import TransferWarning

_INSIDE = (str(Path(__file__).parent), contextlib.__file__)
_BETWEEN = ("sklearn", "joblib")  # a pipeline or a search of the caller calls sktl


def warn_caller(message: str, category: type[Warning] = TransferWarning) -> None:
    """Warn on the line, outside of sktl, whose call led here."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _is_inside(frame):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _is_inside(frame: FrameType) -> bool:
    if frame.f_globals.get("__name__", "").partition(".")[0] in _BETWEEN:
        return True
    return frame.f_code.co_filename.startswith(_INSIDE)
