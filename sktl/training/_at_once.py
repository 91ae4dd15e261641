"""Several networks from one source, trained at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.history import History
from torch import Tensor, nn

from sktl._types import AnyArray, IntArray
from sktl.networks import JoinedMembers, MembersLoss, Network
from sktl.representations import Rows
from sktl.training._loop import Batch, LabelledRows, train
from sktl.training._policy import Policy


def train_at_once(
    networks: Sequence[Network],
    data: MemberRows,
    criterion: nn.Module,
    policy: Policy,
    *,
    seed: int,
    valid: MemberRows | None = None,
    device: str = "cpu",
) -> History:
    """Train copies of one network in place, each on rows of its own; see `JoinedMembers`.

    Parameters
    ----------
    networks : list of Network, length m
        Trained in place; end on the CPU in evaluation mode.
    data, valid : MemberRows
        Training rows of each, and rows whose loss is recorded after each epoch.
    criterion : Module
        Loss of ``(outputs, (z, weights))`` of one network.
    policy : Policy
        How to train; without "auto". A batch has as many rows of each network.
    seed : int
        Source of all randomness.
    device : str
        Where to train.

    Returns
    -------
    skorch History
        Of the mean of their losses.
    """
    for network in networks:
        network.freeze(policy.freeze_depth)
    joined = JoinedMembers(networks, seed)
    history = train(
        joined.network,
        data,
        MembersLoss(criterion, len(networks)),
        policy,
        seed=seed,
        valid=valid,
        device=device,
        clip=_ClipEach(1 / len(networks)),
    )
    joined.part()
    for network in networks:
        network.eval()
    return history


class MemberRows(LabelledRows):
    """Encoded rows with targets and weights, of which each of m networks has a part.

    A shorter part begins again, with weights of 0.

    Parameters
    ----------
    rows : TokenRows or ColumnRows
        Encoded input, n rows.
    z : array (n, p)
        Targets as the loss wants them.
    weights : float array (n,)
        Row weights.
    parts : list of int array, length m
        The rows of each network.
    """

    def __init__(
        self,
        rows: Rows,
        z: AnyArray | Tensor,
        weights: AnyArray | Tensor,
        parts: Sequence[IntArray],
    ) -> None:
        longest = max(map(len, parts))
        super().__init__(rows, z, weights, np.stack([np.resize(part, longest) for part in parts]))
        self.given = np.stack([np.arange(longest) < len(part) for part in parts])

    def __len__(self) -> int:
        return self.indices.shape[1]

    def __getitems__(self, positions: IntArray) -> Batch:
        """Return the arguments and the targets of a batch, the rows of one network after another.

        `positions` (m, b) are those of each network in its part.
        """
        chosen = np.take_along_axis(self.indices, positions, axis=1).ravel()
        given = np.take_along_axis(self.given, positions, axis=1).ravel()
        inputs, (z, weights) = self._batch(chosen)
        return inputs, (z, weights * torch.as_tensor(given))


class _ClipEach(Callback):
    """Limit the norm of the gradients of each member, whatever those of the others are."""

    def __init__(self, limit: float) -> None:
        self.limit = limit

    def on_grad_computed(
        self, net: NeuralNet, named_parameters: Iterable[Any] = (), **kwargs: Any
    ) -> None:
        found = [each.grad for _, each in named_parameters if each.grad is not None]
        norms = torch.stack([each.flatten(1).norm(dim=1) for each in found]).norm(dim=0)
        scale = (self.limit / norms).clamp(max=1.0)
        for each in found:
            each.mul_(scale.view(-1, *[1] * (each.dim() - 1)))
