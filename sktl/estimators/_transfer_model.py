"""What all estimators that train networks of their own share."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils import check_random_state
from skorch.history import History

from sktl._checks import check_integer, check_weights
from sktl._types import AnyArray, ArrayLike, FloatArray, IntArray, PathLike
from sktl.estimators._base import MaterialsModel
from sktl.estimators._input import UnseenElements, open_source
from sktl.estimators._members import (
    Members,
    Part,
    Target,
    TrainingRows,
    run_members,
    run_members_whole,
    start_network,
    train_members,
)
from sktl.estimators._provenance import record_training
from sktl.estimators._uncertainty import Features
from sktl.networks import Network
from sktl.representations import Materials, Rows
from sktl.sources import Source, SourceCard
from sktl.training import Policy


class TransferModel(MaterialsModel):
    """An estimator whose networks start from a source, or from random weights."""

    source: PathLike | Source | None
    network: str
    network_arguments: dict[str, Any] | None
    policy: Policy | None
    unseen_elements: UnseenElements
    random_state: int | np.random.RandomState | None
    source_: SourceCard | None
    source_sha256_: str | None
    history_: list[History]
    n_iter_: int
    target_: Any

    @abstractmethod
    def _choose_target(
        self, rows: TrainingRows, parts: Sequence[Part], source: Source | None
    ) -> Target:
        """Return how targets enter training, which the head follows."""

    def _new_network(self, source: Source | None, seed: int, encoded: Rows) -> Network:
        """Return the network that a member starts from, for its encoded training rows."""
        return start_network(self, source, seed, encoded)

    def _train(
        self,
        materials: Materials,
        y: AnyArray,
        sample_weight: ArrayLike | None,
        n_members: int,
        *,
        attributed: bool = False,
    ) -> Members:
        """Open the source, train the members on targets (n, k), and remember both and the rows.

        If they are `attributed`, the networks read physical attributes too.
        """
        check_integer("n_members", n_members, 1)
        fraction = Policy.of(self).validation_fraction
        seeds = check_random_state(self.random_state).randint(2**31 - 1, size=n_members)
        rows, source, weights = self._read_rows(materials, y, sample_weight, attributed)
        parts = [rows.split(fraction, seed) for seed in map(int, seeds)]
        members = self._train_on(rows, parts, source)
        self.networks_, self.history_ = members.networks, members.histories
        self.n_iter_ = len(self.history_[0])
        record_training(self, materials, y, weights)
        return members

    def _train_apart(
        self,
        materials: Materials,
        y: AnyArray,
        sample_weight: ArrayLike | None,
        parts: Sequence[IntArray],
        seeds: Sequence[int],
    ) -> list[Self]:
        """Return models of one network each, of which each has rows and a seed of its own."""
        rows, source, weights = self._read_rows(materials, y, sample_weight)
        own = [rows.part(chosen, seed) for chosen, seed in zip(parts, seeds, strict=True)]
        members = self._train_on(rows, own, source)
        found = []
        for network, history, chosen, seed in zip(
            members.networks, members.histories, parts, seeds, strict=True
        ):
            model = copy.copy(self)
            model.set_params(random_state=seed)
            model.networks_, model.history_ = [network], [history]
            model.n_iter_ = len(history)
            record_training(model, materials.take(chosen), y[chosen], weights[chosen])
            found.append(model)
        return found

    def _read_rows(
        self,
        materials: Materials,
        y: AnyArray,
        sample_weight: ArrayLike | None,
        attributed: bool = False,
    ) -> tuple[TrainingRows, Source | None, FloatArray]:
        """Open the source, and return the rows as its network reads them, and their weights."""
        self.__dict__.pop("networks_", None)  # if this fit fails, the estimator is not fitted
        source = open_source(self, self.network, self.network_arguments, attributed=attributed)
        weights = check_weights(materials, sample_weight)
        rows = TrainingRows.read(self.input_, materials, y, weights)
        return rows, source, weights

    def _train_on(
        self, rows: TrainingRows, parts: Sequence[Part], source: Source | None
    ) -> Members:
        """Train a network on each part of the rows."""

        def new_network(seed: int, encoded: Rows) -> Network:
            return self._new_network(source, seed, encoded)

        self.target_ = self._choose_target(rows, parts, source)
        return train_members(rows, parts, self.target_, new_network, Policy.of(self), model=self)

    def _predict_rows(
        self, materials: Materials, with_features: bool
    ) -> tuple[FloatArray, Features]:
        """Return predictions (n, k), and the embeddings (m, n, d) of the networks or none."""
        if not with_features:
            return self.target_.decode(run_members(self, materials)), []
        features, outputs = run_members_whole(self, materials)
        return self.target_.decode(outputs), features
