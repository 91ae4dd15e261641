"""A bar with the time left, for training runs that people wait for."""

from skorch.callbacks import Callback
from tqdm.auto import tqdm


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
