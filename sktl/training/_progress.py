"""The epochs of all networks that are fitted, as one work with the time left."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from skorch.callbacks import Callback

from sktl._progress import Work, progress
from sktl._progress import show_progress as show

if TYPE_CHECKING:
    from skorch import NeuralNet

_shown: ContextVar[_Shown | None] = ContextVar("_shown", default=None)


@contextlib.contextmanager
def show_progress(title: str) -> Iterator[None]:
    """Show one bar for all models that are fitted within, once that takes two seconds.

    A step is an epoch of a network, or the fit of another model. Where the error stream is no
    terminal, a line a minute says how far it is. Nothing is shown of worker processes.

    Parameters
    ----------
    title : str
        Stands before the bar.
    """
    with show(title), progress(title) as work:
        token = _shown.set(_Shown(work))
        try:
            yield
        finally:
            _shown.reset(token)


def expect_fits(networks: int, others: int = 0) -> None:
    """Say how many networks and other models are going to be fitted.

    What a model says that is itself expected, as a member of a stack, changes nothing.
    """
    shown = _shown.get()
    if shown is not None and shown.networks + shown.others == 0:
        shown.networks, shown.others = networks, others


def count_fit() -> None:
    """Count a model that is no network as fitted."""
    shown = _shown.get()
    if shown is not None:
        shown.others = max(shown.others - 1, 0)
        shown.work.update()


def epoch_counters(n_epochs: int) -> list[Callback]:
    """Return the callbacks by which a training of so many epochs is counted in the bar, if any."""
    shown = _shown.get()
    return [] if shown is None else [_EpochCounter(shown, n_epochs)]


class _Shown:
    """A work, and how many fits it still waits for."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.networks = self.others = 0

    def begin_network(self, n_epochs: int) -> None:
        """Take the epochs of this network as those of all that follow."""
        self.work.total = self.work.done + n_epochs * max(self.networks, 1) + self.others
        self.networks = max(self.networks - 1, 0)


class _EpochCounter(Callback):
    """Count the epochs of one network."""

    def __init__(self, shown: _Shown, n_epochs: int) -> None:
        self.shown = shown
        self.n_epochs = n_epochs

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        self.shown.begin_network(self.n_epochs)

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        self.shown.work.update()


class BatchCounter(Callback):
    """Count the batches of all epochs in a work, whose title has the latest loss.

    Parameters
    ----------
    work : Work
    """

    def __init__(self, work: Work) -> None:
        self.work = work
        self.title = work.title

    def on_train_begin(self, net: NeuralNet, X: Any = None, **kwargs: Any) -> None:
        per_epoch = len(net.get_iterator(X, training=True))
        self.work.total = net.max_epochs * per_epoch
        self.work.done = self.work.before = len(net.history) * per_epoch

    def on_batch_end(self, net: NeuralNet, training: bool = False, **kwargs: Any) -> None:
        if training:
            self.work.update()

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        epoch = net.history[-1]
        self.work.title = f"{self.title}, epoch {epoch['epoch']}, loss {epoch['train_loss']:.4f}"
