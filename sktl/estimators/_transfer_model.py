"""What all estimators that train networks of their own share."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from skorch.history import History

from sktl._checks import check_integer, check_weights
from sktl._types import AnyArray, ArrayLike, FloatArray, PathLike
from sktl.estimators._base import MaterialsModel
from sktl.estimators._input import UnseenElements, open_source
from sktl.estimators._members import (
    Members,
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
    def _choose_target(self, rows: TrainingRows, source: Source | None) -> Target:
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
        self.__dict__.pop("networks_", None)  # if this fit fails, the estimator is not fitted
        policy = Policy.of(self)
        check_integer("n_members", n_members, 1)
        source = open_source(self, self.network, self.network_arguments, attributed=attributed)
        weights = check_weights(materials, sample_weight)
        rows = TrainingRows.read(self.input_, materials, y, weights)
        self.target_ = self._choose_target(rows, source)

        def new_network(seed: int, encoded: Rows) -> Network:
            return self._new_network(source, seed, encoded)

        members = train_members(
            rows, self.target_, new_network, policy, model=self, n_members=n_members
        )
        self.networks_, self.history_ = members.networks, members.histories
        self.n_iter_ = len(self.history_[0])
        record_training(self, materials, y, weights)
        return members

    def _predict_rows(
        self, materials: Materials, with_features: bool
    ) -> tuple[FloatArray, Features]:
        """Return predictions (n, k), and the embeddings (m, n, d) of the networks or none."""
        if not with_features:
            return self.target_.decode(run_members(self, materials)), []
        features, outputs = run_members_whole(self, materials)
        return self.target_.decode(outputs), features
