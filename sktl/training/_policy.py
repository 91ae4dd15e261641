"""How a network is trained: one record of all settings, and what "auto" means of each."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, NoReturn, Self, TypeAlias

import numpy as np

from sktl._state import stored
from sktl.exceptions import InputError
from sktl.sources import Architecture

Auto: TypeAlias = Literal["auto"]


class _Pace(NamedTuple):
    """What "auto" means of numbers, or of classes, which a network soon knows by heart.

    Attributes
    ----------
    batches : int
        An epoch has about as many.
    smallest, largest : int
        Rows of a batch at least and at most.
    fewest_steps : int
        Few rows are passed over more often.
    epochs, rate : float
        Factors of the epochs and the learning rate that the architecture has for numbers.
    head : float
        The head of a pretrained network learns this many times faster than the body.
    """

    batches: int
    smallest: int
    largest: int
    fewest_steps: int
    epochs: float
    rate: float
    head: float


_NUMBERS = _Pace(80, 16, 128, fewest_steps=200, epochs=1.0, rate=1.0, head=3.0)
_SCRATCH = _NUMBERS._replace(batches=40, smallest=32)  # of formulas: faster, and no worse
_CLASSES = _Pace(20, 16, 128, fewest_steps=40, epochs=1 / 3, rate=2.0, head=0.3)
_AT_ONCE = _NUMBERS._replace(rate=5.0, head=2.0)  # of updates of low rank


@stored("policy/1")
@dataclass(frozen=True)
class Policy:
    """How a network is trained: plain data, which estimators, stack and time estimates share.

    Parameters
    ----------
    max_epochs : "auto" or int, default="auto"
        Epochs over the training rows, in which the learning rate rises and falls to zero; "auto" is
        12 with a source and 40 without, or as many as make 200 steps, if that is more. Of an
        estimator its own parameter.
    learning_rate : "auto" or float, default="auto"
        Highest learning rate of the body; "auto" is 6e-4 with a source of formulas, 2e-3 with one
        of crystals, without a source 1e-3, and 3e-3 on crystals; five times that for networks that
        learn updates of low rank at once. Of an estimator its own parameter.
    freeze_depth : int, default=0
        Depth groups, counted from the input, that are not trained. Of an estimator its own
        parameter.
    batch_size : "auto" or int, default="auto"
        Rows of a step; "auto" is a power of two near an eightieth of the rows, or of classes near
        a twentieth, from 16 to 128; without a source and on formulas near a fortieth, from 32.
    head_rate_factor : "auto" or float, default="auto"
        The head learns this many times faster than the body; "auto" is 3 with a source, 2 beside
        updates of low rank, .3 of classes, whose head starts near its goal, and 1 without a source.
    validation_fraction : float, default=0.1
        Share of the rows that each network of an estimator holds out. Their errors say how
        uncertain predictions are, and their losses are in `history_`; training does not depend on
        them. Rows of one composition stay together. Under five such rows nothing is held out. 0
        trains on all rows, and gives no uncertainty.
    weight_decay : float, default=0.01
        Decoupled weight decay of AdamW.
    warmup : float, default=0.1
        Share of all steps in which the rate rises; it falls along a cosine in the rest.
    dropout_until : float, default=0.8
        Share of the epochs after which dropout rests. Through many layers a network in evaluation
        mode is off the scale that it had under dropout; the last epochs bring it back.
    average : float, default=0.02
        The weights are averaged over about this share of all steps.
    unseen_categories : {"warn", "error"}, default="warn"
        What to do about a category, in a column beside the materials, that no training row has, and
        about a missing cell where no training row has one. With a warning a category is taken as
        none of those that are known, and a missing number as the mean of the training rows.

    Raises
    ------
    InputError
        A value is of another kind or out of its range.

    Examples
    --------
    >>> from sktl import Policy, TransferRegressor
    >>> model = TransferRegressor(policy=Policy(batch_size=64, weight_decay=0.1))
    """

    max_epochs: int | Auto = "auto"
    learning_rate: float | Auto = "auto"
    freeze_depth: int = 0
    batch_size: int | Auto = "auto"
    head_rate_factor: float | Auto = "auto"
    validation_fraction: float = 0.1
    weight_decay: float = 1e-2
    warmup: float = 0.1
    dropout_until: float = 0.8
    average: float = 0.02
    unseen_categories: Literal["warn", "error"] = "warn"

    def __post_init__(self) -> None:
        for name, low in (("max_epochs", 1), ("batch_size", 1), ("freeze_depth", 0)):
            value = getattr(self, name)
            if not (_is_auto(self, name) or (_is_real(value, numbers.Integral) and value >= low)):
                _refuse(name, value, f"an integer of at least {low}")
        for name in ("learning_rate", "head_rate_factor"):
            value = getattr(self, name)
            if not (_is_auto(self, name) or (_is_real(value) and 0 < value < math.inf)):
                _refuse(name, value, "'auto' or a positive number")
        if not (_is_real(self.weight_decay) and 0 <= self.weight_decay < math.inf):
            _refuse("weight_decay", self.weight_decay, "a number of at least 0")
        if not (_is_real(self.validation_fraction) and 0 <= self.validation_fraction < 1):
            _refuse("validation_fraction", self.validation_fraction, "0 <= fraction < 1")
        if self.unseen_categories not in ("warn", "error"):
            _refuse("unseen_categories", self.unseen_categories, "'warn' or 'error'")
        for name in ("warmup", "dropout_until", "average"):
            if not (_is_real(getattr(self, name)) and 0 <= getattr(self, name) <= 1):
                _refuse(name, getattr(self, name), "a share from 0 to 1")

    def __deepcopy__(self, memo: dict[int, object]) -> Policy:
        return self  # nothing in it changes

    def resolve(
        self,
        n_rows: int,
        architecture: Architecture,
        *,
        pretrained: bool,
        classes: bool = False,
        at_once: bool = False,
    ) -> Self:
        """Return the policy with numbers in place of "auto".

        Parameters
        ----------
        n_rows : int
            Training rows.
        architecture : Architecture
            Of the network; it has a schedule.
        pretrained : bool
            Whether the network starts from a source.
        classes : bool, default=False
            Whether it learns classes, which a network learns by heart soon.
        at_once : bool, default=False
            Whether it is one of several networks that learn updates of low rank.

        Returns
        -------
        Policy
        """
        usual = _NUMBERS if pretrained or architecture.reads != "formulas" else _SCRATCH
        pace = _CLASSES if classes else _AT_ONCE if at_once else usual
        size = self.batch_size
        if isinstance(size, str):
            size = int(
                np.clip(
                    2 ** round(math.log2(max(n_rows, 1) / pace.batches)),
                    pace.smallest,
                    pace.largest,
                )
            )
        schedule = architecture.schedule(pretrained)
        n_epochs = math.ceil(pace.fewest_steps / math.ceil(n_rows / size))
        found: dict[str, Any] = {
            "max_epochs": max(math.ceil(schedule.epochs * pace.epochs), n_epochs),
            "learning_rate": schedule.learning_rate * pace.rate,
            "batch_size": size,
            "head_rate_factor": pace.head if pretrained else 1.0,
        }
        return replace(self, **{name: v for name, v in found.items() if _is_auto(self, name)})

    @classmethod
    def of(cls, estimator: Any) -> Self:
        """Return the policy of an estimator with the settings that are its own parameters.

        Raises
        ------
        InputError
            A value cannot be used, or ``policy`` sets what is a parameter of its own.
        """
        policy = cls() if estimator.policy is None else estimator.policy
        if not isinstance(policy, cls):
            _refuse("policy", policy, "None or a Policy")
        own = {name: getattr(estimator, name) for name in _OWN}
        for name in _OWN:
            if getattr(policy, name) != getattr(cls, name):
                raise InputError(
                    f"Got policy with {name}={getattr(policy, name)!r}, expected it as the "
                    f"parameter {name} of {type(estimator).__name__}."
                )
        return replace(policy, **own)


_OWN = ("max_epochs", "learning_rate", "freeze_depth")
_AUTO = ("max_epochs", "learning_rate", "batch_size", "head_rate_factor")


def _is_auto(policy: Policy, name: str) -> bool:
    value = getattr(policy, name)
    return name in _AUTO and isinstance(value, str) and value == "auto"


def _is_real(value: Any, kind: type[Any] = numbers.Real) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _refuse(name: str, value: object, expected: str) -> NoReturn:
    raise InputError(f"Got {name}={value!r}, expected {expected}.")
