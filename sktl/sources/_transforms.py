"""Transforms of labels before they are scaled, by the names that cards use."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from sktl._types import FloatArray

_Function: TypeAlias = Callable[[FloatArray], FloatArray]

TRANSFORMS: dict[str, tuple[_Function, _Function]] = {
    "identity": (np.asarray, np.asarray),
    "log1p": (np.log1p, np.expm1),
    "asinh": (np.arcsinh, np.sinh),
}
