"""Transforms of labels before they are scaled, by the names that cards use."""

import numpy as np

TRANSFORMS = {
    "identity": (np.asarray, np.asarray),
    "log1p": (np.log1p, np.expm1),
    "asinh": (np.arcsinh, np.sinh),
}
