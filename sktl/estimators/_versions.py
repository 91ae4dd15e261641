"""What an estimator of an older version becomes when it is loaded by a newer one."""

import inspect

from sklearn.base import BaseEstimator


class VersionedEstimator(BaseEstimator):
    """An estimator that has all its parameters, also if it was stored before some were there."""

    def __setstate__(self, state):
        given = inspect.signature(type(self)).parameters.values()
        defaults = {each.name: each.default for each in given if each.default is not each.empty}
        super().__setstate__(defaults | state)

    @classmethod
    def from_state(cls, state):
        """Return the estimator with the attributes of a model file."""
        made = cls.__new__(cls)
        made.__setstate__(state)
        return made
