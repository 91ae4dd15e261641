"""What the transfer estimators share: the fit skeleton and the networks' outputs."""

import copy
import math
import numbers

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sktl._checks import check_weights, resolve_device
from sktl.estimators._input import NetworkInput, read_input
from sktl.exceptions import InputError
from sktl.sources import load_source, run_rows
from sktl.training import LabelledRows, Policy, merge_rows, split_rows, train

FINE_TUNING_RATE, SCRATCH_RATE = 3e-4, 1e-3
FINE_TUNING_EPOCHS, SCRATCH_EPOCHS = 20, 40
HEAD_RATE_FACTOR = 3.0


class TransferEstimator(BaseEstimator):
    """Fit members from a source or from random weights, and average their outputs.

    A subclass sets the parameters in its own ``__init__`` and turns outputs into predictions.
    """

    def _fit(self, data, y, weights, make_target):
        """Train the members on what `read_input` returned, with targets y (n, k)."""
        vars(self).pop("networks_", None)  # if this fit fails, the estimator is not fitted
        self._check_parameters()
        weights = check_weights(data, weights)
        source = None if self.source is None else load_source(self.source)
        self.source_ = None if source is None else source.card
        self.source_sha256_ = None if source is None else source.sha256
        self.input_ = NetworkInput(source, self.network, self.unseen_elements)
        readable = self.input_.fit(data, weights)
        encoded, groups = self.input_.encode(readable), self.input_.groups(readable)
        kept, weights = merge_rows(groups, y, weights)
        groups, y = groups[kept], y[kept]
        if len(y) < 2:
            raise InputError(
                f"Got n_samples = {len(y)} distinct rows with positive weight, expected at least 2 "
                "to train on."
            )
        encoded = encoded.take(kept)
        self.target_ = make_target(encoded, y, weights, source)
        seeds = check_random_state(self.random_state).randint(2**31 - 1, size=self.n_members)
        members = [
            self._train_member(encoded, groups, y, weights, source, int(seed)) for seed in seeds
        ]
        self.networks_, self.history_, judged = (list(part) for part in zip(*members, strict=True))
        self._choose_on_validation(encoded, y, weights, judged)
        self.n_iter_ = len(self.history_[0])
        return self

    def _new_network(self, source, seed, width):
        """Return the network that a member starts from."""
        if source is None:
            return self.input_.new_network(self.target_.n_outputs, seed, width)
        return source.new_network(self.target_.n_outputs)

    def _train_member(self, encoded, groups, y, weights, source, seed):
        """Return a trained network, its history, and the validation rows that judged it."""
        training, validation = split_rows(groups, self.validation_fraction, seed)
        network = self._new_network(source, seed, encoded.width)
        z = self.target_.encode(y)
        history = train(
            network,
            LabelledRows(encoded, z, weights, training),
            self.target_.criterion(),
            self._policy(len(training)),
            seed=seed,
            valid=LabelledRows(encoded, z, weights, validation) if len(validation) else None,
            device=resolve_device(self.device),
        )
        network.requires_grad_(False)
        if self.input_.numeric:
            network.double()
        return network, history, validation

    def _policy(self, n_rows):
        pretrained = self.source_ is not None
        epochs = FINE_TUNING_EPOCHS if pretrained else SCRATCH_EPOCHS
        rate = FINE_TUNING_RATE if pretrained else SCRATCH_RATE
        return Policy(
            max_epochs=epochs if self.max_epochs == "auto" else self.max_epochs,
            batch_size=_batch_size(n_rows),
            learning_rate=rate if self.learning_rate == "auto" else self.learning_rate,
            head_rate_factor=HEAD_RATE_FACTOR if pretrained else 1.0,
            freeze_depth=self.freeze_depth,
        )

    def _choose_on_validation(self, encoded, y, weights, judged):
        if all(len(rows) for rows in judged):
            outputs = [
                run_rows(network, encoded.take(rows))
                for network, rows in zip(self.networks_, judged, strict=True)
            ]
            rows = np.concatenate(judged)
            self.target_.choose(np.concatenate(outputs)[None], y[rows], weights[rows])

    def _outputs(self, X):
        """Return the outputs of all members for X, (m, n, n_outputs)."""
        check_is_fitted(self)
        rows = self.input_.encode(self.input_.read(read_input(self, X, fitting=False)))
        device = resolve_device(self.device)
        networks = self.networks_
        if device != "cpu":
            networks = [copy.deepcopy(network).to(device) for network in networks]
        return np.stack([run_rows(network, rows, device=device) for network in networks])

    def _check_parameters(self):
        for name, low in (("n_members", 1), ("max_epochs", 1), ("freeze_depth", 0)):
            value = getattr(self, name)
            if name == "max_epochs" and value == "auto":
                continue
            if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < low:
                raise InputError(f"Got {name}={value!r}, expected an integer of at least {low}.")
        share = self.validation_fraction
        if not isinstance(share, numbers.Real) or not 0 <= share < 1:
            raise InputError(f"Got validation_fraction={share!r}, expected 0 <= fraction < 1.")
        rate = self.learning_rate
        if rate != "auto" and not (isinstance(rate, numbers.Real) and 0 < rate < math.inf):
            raise InputError(f"Got learning_rate={rate!r}, expected 'auto' or a positive number.")

    def __sklearn_is_fitted__(self):
        return hasattr(self, "networks_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        return tags


def _batch_size(n_rows):
    """Return a power of two near an eightieth of the rows, from 16 to 128."""
    return int(np.clip(2 ** round(math.log2(max(n_rows, 1) / 80)), 16, 128))
