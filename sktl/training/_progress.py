"""Progress bars with the time left."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from skorch.callbacks import Callback
from tqdm.auto import tqdm

if TYPE_CHECKING:
    from skorch import NeuralNet

_shown: ContextVar[_Shown | None] = ContextVar("_shown", default=None)


@contextlib.contextmanager
def show_progress(title: str) -> Iterator[None]:
    """Show one bar for all models that are fitted within, once that takes two seconds.

    A step is an epoch of a network, or the fit of another model. `expect_fits` says how many there
    will be. Nothing is shown where the error stream is no terminal, nor of worker processes.

    Parameters
    ----------
    title : str
        Stands before the bar.
    """
    with tqdm(desc=title, unit="step", disable=None, leave=False, delay=2) as bar:
        token = _shown.set(_Shown(bar))
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
        shown.bar.update()


def epoch_counters(n_epochs: int) -> list[Callback]:
    """Return the callbacks by which a training of so many epochs is counted in the bar, if any."""
    shown = _shown.get()
    return [] if shown is None else [_EpochCounter(shown, n_epochs)]


class _Shown:
    """A bar, and how many fits it still waits for."""

    def __init__(self, bar: tqdm) -> None:
        self.bar = bar
        self.networks = self.others = 0

    def begin_network(self, n_epochs: int) -> None:
        """Take the epochs of this network as those of all that follow."""
        self.bar.total = self.bar.n + n_epochs * max(self.networks, 1) + self.others
        self.networks = max(self.networks - 1, 0)


class _EpochCounter(Callback):
    """Count the epochs of one network."""

    def __init__(self, shown: _Shown, n_epochs: int) -> None:
        self.shown = shown
        self.n_epochs = n_epochs

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        self.shown.begin_network(self.n_epochs)

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        self.shown.bar.update()


class Progress(Callback):
    """Show a bar that counts batches of all epochs, with the latest loss.

    Parameters
    ----------
    title : str
        Stands before the bar.
    """

    def __init__(self, title: str) -> None:
        self.title = title

    def on_train_begin(self, net: NeuralNet, X: Any = None, **kwargs: Any) -> None:
        per_epoch = len(net.get_iterator(X, training=True))
        self.bar_ = tqdm(
            total=net.max_epochs * per_epoch,
            initial=len(net.history) * per_epoch,
            desc=self.title,
            unit="batch",
            mininterval=1.0,
        )

    def on_batch_end(self, net: NeuralNet, training: bool = False, **kwargs: Any) -> None:
        if training:
            self.bar_.update()

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        epoch = net.history[-1]
        self.bar_.set_postfix(epoch=epoch["epoch"], loss=f"{epoch['train_loss']:.4f}")

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        self.bar_.close()
