"""The training loop: interruption is not success, dropout rests at the end."""

import numpy as np
import pytest
from skorch.callbacks import Callback

from sktl import TransferRegressor
from sktl.networks import ElemNet
from sktl.representations._rows import ColumnRows
from sktl.training import LabelledRows, MaskedL1, Policy, _loop, train


def test_an_interrupted_fit_raises_instead_of_returning_a_half_trained_model(monkeypatch):
    def stop(self, net, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(_loop._EpochSeed, "on_epoch_end", stop, raising=False)
    with pytest.raises(KeyboardInterrupt):
        TransferRegressor(source=None, max_epochs=2).fit(["NaCl", "GaAs", "TiO2"], [8.5, 1.4, 3.2])


def test_dropout_rests_in_the_last_epochs_and_is_awake_afterwards():
    network = ElemNet(n_inputs=3)
    awake = []

    class Watch(Callback):
        def on_batch_end(self, net, training=False, **kwargs):
            awake.append(net.module_.body["layer4"][2].training)

    data = LabelledRows(ColumnRows(np.eye(3, dtype=np.float32)), np.zeros((3, 1), np.float32))
    policy = Policy(max_epochs=5, batch_size=3, learning_rate=1e-3)
    train(network, data, MaskedL1(), policy, seed=0, callbacks=[Watch()])
    assert awake == [True, True, True, True, False]
    assert network.train().body["layer4"][2].training
