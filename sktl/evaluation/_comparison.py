"""Two models on the same folds: the difference, its interval and its p-value."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy import stats

from sktl.evaluation._names import TRANSFER

if TYPE_CHECKING:
    from sktl._types import FloatArray
    from sktl.evaluation._evaluation import Evaluation

CONFIDENCE = 0.95


class Difference(NamedTuple):
    """Mean absolute error of transfer less that of another model, over folds.

    Attributes
    ----------
    mean : float
        Negative if transfer errs less.
    low, high : float
        95 % confidence interval.
    p : float
        Two-sided p-value of no difference.
    """

    mean: float
    low: float
    high: float
    p: float

    @property
    def verdict(self) -> Literal["better", "worse", "open"]:
        """ "better" or "worse" where the interval is on one side of 0, else "open"."""
        if self.high < 0:
            return "better"
        return "worse" if self.low > 0 else "open"


def compare(evaluation: Evaluation, other: str) -> Difference:
    """Return the `Difference` of transfer to another model of an evaluation."""
    differences = evaluation.fold_maes(TRANSFER) - evaluation.fold_maes(other)
    ratio = np.mean([len(fold.test) / len(fold.train) for fold in evaluation.folds])
    return corrected_test(differences, float(ratio))


def corrected_test(differences: FloatArray, ratio: float) -> Difference:
    """Test whether differences over the folds of repeated cross-validation are zero on average.

    Training parts of different folds overlap, so that differences are not independent. The
    corrected resampled t-test widens their variance by the ratio of test to training rows.

    Parameters
    ----------
    differences : float array (J,)
        One for each fold of each repeat; J is at least 2.
    ratio : float
        Test rows for each training row.

    Returns
    -------
    Difference

    References
    ----------
    Nadeau and Bengio, Mach. Learn. 52, 239 (2003), doi:10.1023/A:1024068626366.
    Bouckaert and Frank, Lect. Notes Comput. Sci. 3056, 3 (2004),
    doi:10.1007/978-3-540-24775-3_3.
    """
    n = len(differences)
    mean = float(np.mean(differences))
    error = math.sqrt((1 / n + ratio) * float(np.var(differences, ddof=1)))
    if error == 0.0:
        return Difference(mean, mean, mean, 1.0 if mean == 0.0 else 0.0)
    known = stats.t(n - 1)
    half = float(known.ppf(0.5 + CONFIDENCE / 2)) * error
    p = float(2 * known.sf(abs(mean) / error))
    return Difference(mean, mean - half, mean + half, p)
