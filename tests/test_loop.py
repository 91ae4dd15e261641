"""The training loop: interruption is not success, dropout rests at the end."""

import re

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from skorch.callbacks import Callback

from sktl import TransferClassifier, TransferRegressor, TransferStackRegressor
from sktl.exceptions import InputError
from sktl.networks import ElemNet
from sktl.representations._rows import ColumnRows
from sktl.training import LabelledRows, MaskedL1, Policy, _loop, show_progress, train


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
    policy = Policy(max_epochs=5, batch_size=3, learning_rate=1e-3, head_rate_factor=1.0)
    train(network, data, MaskedL1(), policy, seed=0, callbacks=[Watch()])
    assert awake == [True, True, True, True, False]
    assert network.train().body["layer4"][2].training


@pytest.mark.parametrize("rate", [1e2, 1e4])
@pytest.mark.parametrize("n_members", [1, 2])
def test_a_training_that_diverges_is_an_error(rate, n_members):
    model = TransferRegressor(
        source=None, n_members=n_members, max_epochs=3, learning_rate=rate, random_state=0
    )
    message = re.escape(f"diverged: got learning_rate={rate}, expected a smaller one")
    with pytest.raises(InputError, match=message):
        model.fit(*ROWS)
    with pytest.raises(InputError, match=message):
        TransferClassifier(None, max_epochs=3, learning_rate=rate, random_state=0).fit(
            ROWS[0], ROWS[1] > 5
        )


ROWS = np.random.default_rng(0).random((12, 3)), np.arange(12.0)


def test_one_bar_counts_the_epochs_of_all_members(terminal):
    model = TransferRegressor(source=None, n_members=3, max_epochs=4, random_state=0)
    with show_progress("Fitting"):
        model.fit(*ROWS)
    assert "Fitting" in terminal.getvalue() and "12/12" in terminal.getvalue()
    before = terminal.getvalue()
    model.fit(*ROWS)
    assert terminal.getvalue() == before


def test_one_bar_counts_all_members_of_a_stack(terminal):
    network = TransferRegressor(source=None, max_epochs=4)
    bases = [("network", network), ("ridge", Ridge())]
    model = TransferStackRegressor(estimators=bases, n_members=2, random_state=0)
    with show_progress("Fitting"):
        model.fit(*ROWS)
    assert "10/10" in terminal.getvalue()  # two networks of four epochs, two ridge regressions


def test_nothing_is_shown_of_short_work_where_there_is_no_terminal(capsys):
    with show_progress("Fitting"):
        TransferRegressor(source=None, max_epochs=4).fit(*ROWS)
    assert capsys.readouterr() == ("", "")
