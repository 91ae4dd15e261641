"""What the transfer estimators share: the fit skeleton and the networks' outputs."""

import copy
import math
import numbers
from dataclasses import dataclass, replace

import numpy as np
import torch
from sklearn.utils import check_random_state

from sktl._checks import check_weights, resolve_device
from sktl.estimators._applicability import Applicable
from sktl.estimators._files import SavedModel
from sktl.estimators._input import ReadsMaterials, group_rows
from sktl.estimators._provenance import record_training
from sktl.estimators._versions import VersionedEstimator
from sktl.exceptions import InputError
from sktl.sources import run_rows
from sktl.training import (
    LabelledRows,
    Policy,
    expect_fits,
    merge_rows,
    one_thread,
    split_rows,
    train,
)

FEWEST_STEPS = 200  # of "auto" epochs: few rows are passed over more often
HEAD_RATE_FACTOR = 3.0


@dataclass
class _Rows:
    """Encoded rows with targets (n, k) and weights.

    Rows of one kind have the same input, rows of one group the same composition.
    """

    encoded: object
    kinds: np.ndarray
    groups: np.ndarray
    y: np.ndarray
    weights: np.ndarray

    def merge(self):
        """Return the rows in canonical order, those that agree merged."""
        kept, weights = merge_rows(self.kinds, self.y, self.weights)
        return replace(self.take(kept), weights=weights)

    def take(self, chosen):
        """Return some of the rows."""
        parts = (self.kinds, self.groups, self.y, self.weights)
        return _Rows(self.encoded.take(chosen), *(part[chosen] for part in parts))


class TransferEstimator(Applicable, ReadsMaterials, SavedModel, VersionedEstimator):
    """Fit members from a source or from random weights, and average their outputs.

    A subclass sets the parameters in its own ``__init__`` and turns outputs into predictions.
    """

    _keeps_domain = True  # not as a member of a stack, which has its own

    @one_thread()
    def _fit(self, data, y, weights, make_target):
        """Train the members on what `read_input` returned, with targets y (n, k)."""
        vars(self).pop("networks_", None)  # if this fit fails, the estimator is not fitted
        self._check_parameters()
        weights = check_weights(data, weights)
        source = self._open_source(self.network, self.network_arguments)
        batch = self.input_.fit(data, weights)
        kinds = group_rows(batch)
        groups = kinds if self.input_.numeric else group_rows(batch.compositions)
        encoded = self.input_.encode(batch)
        rows = _Rows(encoded, kinds, groups, y, weights).merge()
        if len(rows.y) < 2:
            raise InputError(
                f"Got n_samples = {len(rows.y)} distinct rows with positive weight, expected at "
                "least 2 to train on."
            )
        self.target_ = make_target(rows.encoded, rows.y, rows.weights, source)
        seeds = check_random_state(self.random_state).randint(2**31 - 1, size=self.n_members)
        expect_fits(len(seeds))
        members = [self._train_member(rows, source, int(seed)) for seed in seeds]
        self.networks_, self.history_, judged = (list(part) for part in zip(*members, strict=True))
        self._learn_from_validation(judged)
        self.n_iter_ = len(self.history_[0])
        record_training(self, data, y, weights)
        if self._keeps_domain:
            embedded = self._embedding(encoded), self._elements_of(batch)
            self._learn_domain(data, self._labels(y), groups, *embedded)
        return self

    def _new_network(self, source, seed, encoded):
        """Return the network that a member starts from, for its encoded training rows."""
        if source is None:
            return self.input_.new_network(self.target_.n_outputs, seed, encoded.width)
        return source.new_network(self.target_.n_outputs, encoded)

    def _train_member(self, rows, source, seed):
        """Return a trained network, its history, and the rows that it was not trained on."""
        training, validation = split_rows(rows.groups, self.validation_fraction, seed)
        rows, held = rows.take(training), rows.take(validation)
        network = self._new_network(source, seed, rows.encoded)
        training, validation = (
            LabelledRows(part.encoded, self.target_.encode(part.y), part.weights)
            for part in (rows, held)
        )
        if network.scales_embedding and not network.head.weight.any():
            features = run_rows(network.features, rows.encoded)
            self.target_.start_head(network.head, features, training.z.numpy(), rows.weights)
        history = train(
            network,
            training,
            self.target_.criterion(),
            self._policy(len(training)),
            seed=seed,
            valid=validation if len(validation) else None,
            device=resolve_device(self.device),
        )
        network.requires_grad_(False)
        if self.input_.numeric:
            network.double()
        return network, history, held

    def _policy(self, n_rows):
        pretrained = self.source_ is not None
        schedule = self.input_.architecture.schedule(pretrained)
        rate = schedule.learning_rate
        size = _batch_size(n_rows)
        epochs = max(schedule.epochs, math.ceil(FEWEST_STEPS / math.ceil(n_rows / size)))
        return Policy(
            max_epochs=epochs if self.max_epochs == "auto" else self.max_epochs,
            batch_size=size,
            learning_rate=rate if self.learning_rate == "auto" else self.learning_rate,
            head_rate_factor=HEAD_RATE_FACTOR if pretrained else 1.0,
            freeze_depth=self.freeze_depth,
        )

    def _learn_from_validation(self, judged):
        """Make the choices that need rows which a member was not trained on, where there are."""
        if not all(len(rows.y) for rows in judged):
            return
        found = [
            _features_and_outputs(network, rows.encoded)
            for network, rows in zip(self.networks_, judged, strict=True)
        ]
        features, outputs = zip(*found, strict=True)
        y = np.concatenate([rows.y for rows in judged])
        weights = np.concatenate([rows.weights for rows in judged])
        self.target_.choose(np.concatenate(outputs)[None], y, weights)
        self._calibrate(features, outputs, [rows.y for rows in judged], weights)

    def _calibrate(self, features, outputs, targets, weights):
        """Learn from validation rows how large errors are; lists hold one array a member."""

    def _check_elements(self, data):
        """Fail for rows whose elements the network does not know, or warn."""
        self.input_.read(data)

    def _encode(self, data):
        return self.input_.encode(self.input_.read(data))

    def _labels(self, y):
        """Return targets (n, k) as the user gave them."""
        return y

    def _embedder(self):
        return self

    def _embed(self, data, features=None):
        """Return the embedding (n, d) of the first member, and compositions or columns.

        `data` is what `read_input` returned; its elements may be any that the network has a place
        for. `features` (m, n, d) are embeddings that a prediction has left.
        """
        batch = self.input_.read(data, any_element=True)
        if features is None:
            features = [self._embedding(self.input_.encode(batch))]
        return features[0], self._elements_of(batch)

    def _embedding(self, rows):
        """Return the embedding of the first member for encoded rows, (n, d)."""
        device = resolve_device(self.device)
        return run_rows(self._on(device)[0].features, rows, device=device)

    def _elements_of(self, batch):
        """Return the compositions of what `NetworkInput.read` returned; columns as they are."""
        return batch if self.input_.numeric else batch.compositions

    def _outputs(self, rows):
        """Return the outputs of all members for encoded rows, (m, n, n_outputs)."""
        device = resolve_device(self.device)
        return np.stack([run_rows(each, rows, device=device) for each in self._on(device)])

    def _features_and_outputs(self, rows):
        """Return the embeddings of all members, (m, n, d), and their outputs, (m, n, n_outputs)."""
        device = resolve_device(self.device)
        found = [_features_and_outputs(each, rows, device) for each in self._on(device)]
        return tuple(np.stack(part) for part in zip(*found, strict=True))

    def _on(self, device):
        """Return the members' networks on a device."""
        if device == "cpu":
            return self.networks_
        return [copy.deepcopy(network).to(device) for network in self.networks_]

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


def _features_and_outputs(network, rows, device="cpu"):
    """Return the embedding (n, d) and the outputs (n, n_outputs) of a network."""

    def both(**inputs):
        features = network.features(**inputs)
        return torch.cat([features, network.head(features)], dim=1)

    return np.split(run_rows(both, rows, device=device), [network.embedding_size], axis=1)


def _batch_size(n_rows):
    """Return a power of two near an eightieth of the rows, from 16 to 128."""
    return int(np.clip(2 ** round(math.log2(max(n_rows, 1) / 80)), 16, 128))
