"""Bars with the time left, for training runs that people wait for."""

import contextlib
from contextvars import ContextVar

from skorch.callbacks import Callback
from tqdm.auto import tqdm

_shown = ContextVar("_shown", default=None)


@contextlib.contextmanager
def show_progress(title):
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


def expect_fits(networks, others=0):
    """Say how many networks and other models are going to be fitted.

    What a model says that is itself expected, as a member of a stack, changes nothing.
    """
    shown = _shown.get()
    if shown is not None and shown.networks + shown.others == 0:
        shown.networks, shown.others = networks, others


def count_fit():
    """Count a model that is no network as fitted."""
    shown = _shown.get()
    if shown is not None:
        shown.others = max(shown.others - 1, 0)
        shown.bar.update()


def epoch_counters(n_epochs):
    """Return the callbacks by which a training of so many epochs is counted in the bar, if any."""
    shown = _shown.get()
    return [] if shown is None else [_EpochCounter(shown, n_epochs)]


class _Shown:
    """A bar, and how many fits it still waits for."""

    def __init__(self, bar):
        self.bar = bar
        self.networks = self.others = 0

    def begin_network(self, n_epochs):
        """Take the epochs of this network as those of all that follow."""
        self.bar.total = self.bar.n + n_epochs * max(self.networks, 1) + self.others
        self.networks = max(self.networks - 1, 0)


class _EpochCounter(Callback):
    """Count the epochs of one network."""

    def __init__(self, shown, n_epochs):
        self.shown = shown
        self.n_epochs = n_epochs

    def on_train_begin(self, net, **kwargs):
        self.shown.begin_network(self.n_epochs)

    def on_epoch_end(self, net, **kwargs):
        self.shown.bar.update()


class Progress(Callback):
    """Show a bar that counts batches of all epochs, with the latest loss.

    Parameters
    ----------
    title : str
        Stands before the bar.
    """

    def __init__(self, title):
        self.title = title

    def on_train_begin(self, net, X=None, **kwargs):
        per_epoch = len(net.get_iterator(X, training=True))
        self.bar_ = tqdm(
            total=net.max_epochs * per_epoch,
            initial=len(net.history) * per_epoch,
            desc=self.title,
            unit="batch",
            mininterval=1.0,
        )

    def on_batch_end(self, net, training=False, **kwargs):
        if training:
            self.bar_.update()

    def on_epoch_end(self, net, **kwargs):
        epoch = net.history[-1]
        self.bar_.set_postfix(epoch=epoch["epoch"], loss=f"{epoch['train_loss']:.4f}")

    def on_train_end(self, net, **kwargs):
        self.bar_.close()
