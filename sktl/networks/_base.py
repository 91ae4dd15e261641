"""The grammar of a network: depth groups from the input to the head."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self, SupportsIndex

import torch
from torch import Tensor, nn

from sktl._types import AnyArray
from sktl.exceptions import InputError
from sktl.networks._by_value import reduce_by_value


class Network(nn.Module):
    """A body of named depth groups and a linear head.

    A subclass fills ``self.body``, an ``nn.ModuleDict`` whose order is the order from the input,
    sets ``self.embedding_size`` and ``self.head``, and yields in ``stages`` what each group makes
    of the input. ``forward`` is exactly ``head(features(...))``: features and predictions cannot
    drift apart. The first argument of a subclass is ``n_outputs``, the others go by keyword, and
    all that is learned stands in the groups. `check_network` says where a network breaks this.

    Attributes
    ----------
    embedding_size : int
        Width of what `features` returns, (n, embedding_size).
    arguments : dict
        The named arguments that the network was made with.
    scales_embedding : bool
        Whether the columns of the embedding differ in scale, so that a new head wants them
        standardised by the network's method ``scale_embedding(features)``.
    joins_members : bool
        Whether several networks from one source may be trained at once: each row is mapped by
        itself, and what is learned stands in linear layers, whose first axis is that of the rows.

    See Also
    --------
    check_network : Says what is wrong with a network.
    sktl.sources.Architecture : What else is to be known of a network.
    """

    scales_embedding = False
    joins_members = False
    arguments: dict[str, Any]
    body: nn.ModuleDict
    embedding_size: int
    head: nn.Module
    scale_embedding: Callable[[AnyArray], None]
    _frozen: tuple[str, ...] = ()

    def __new__(cls, *arguments: Any, **named: Any) -> Self:
        network = super().__new__(cls)
        object.__setattr__(network, "arguments", named)
        return network

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        return reduce_by_value(self)

    def __copy__(self) -> Self:
        made = type(self).__new__(type(self))
        vars(made).update(vars(self))
        return made

    def stages(self, *arguments: Any, **inputs: Any) -> Iterator[tuple[str, Any]]:
        """Yield ``(name, state)`` of each body group in order; the last state is the embedding."""
        raise TypeError(f"{type(self).__name__} defines no stages")

    def summary(self, state: Any) -> Tensor:
        """Return one vector a row, (n, width), for a state that `stages` yielded."""
        return state

    @property
    def depth_groups(self) -> tuple[str, ...]:
        """Names of the depth groups in order from the input, the head last."""
        return (*self.body, "head")

    @property
    def material_size(self) -> int:
        """How many of the first columns of the embedding are of the material itself: all."""
        return self.embedding_size

    def features(self, **inputs: Any) -> Tensor:
        """Return the embedding, shape (n, embedding_size)."""
        for _, state in self.stages(**inputs):
            embedding = state
        return embedding

    def activations(self, **inputs: Any) -> dict[str, Tensor]:
        """Return the vector that each body group hands on, as a dict name -> (n, width)."""
        return {name: self.summary(state) for name, state in self.stages(**inputs)}

    def forward(self, **inputs: Any) -> Tensor:
        """Return the outputs of the head, shape (n, n_outputs)."""
        return self.head(self.features(**inputs))

    def reset_head(self, n_outputs: int) -> None:
        """Put a new head of zeros on the body; with 0 outputs the network returns its embedding."""
        if not n_outputs:
            self.head = nn.Identity()
            return
        head = _linear(self.embedding_size, n_outputs)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        self.head = head

    def keep_outputs(self, columns: Iterable[int]) -> None:
        """Reduce the head to some of its outputs, in the order given."""
        columns = list(columns)
        head = _linear(self.embedding_size, len(columns))
        with torch.no_grad():
            head.weight.copy_(self.head.get_parameter("weight")[columns])
            head.bias.copy_(self.head.get_parameter("bias")[columns])
        self.head = head

    def group(self, name: str) -> nn.Module:
        """Return the module of one depth group."""
        return self.head if name == "head" else self.body[name]

    def freeze(self, depth: int) -> None:
        """Stop the first `depth` groups from training and keep them in evaluation mode.

        Parameters
        ----------
        depth : int
            0 trains all groups, ``len(depth_groups) - 1`` only the head.

        Raises
        ------
        InputError
            `depth` is not in this range.
        """
        names = self.depth_groups
        if not isinstance(depth, numbers.Integral) or not 0 <= depth < len(names):
            raise InputError(
                f"Got freeze_depth={depth!r}, expected 0 (train all) to {len(names) - 1} (train "
                f"the head only): the depth groups are {', '.join(names)}."
            )
        self._frozen = names[:depth]
        for name in names:
            self.group(name).requires_grad_(name not in self._frozen)
        self.train(self.training)

    def rest_dropout(self, rests: bool = True) -> None:
        """Let dropout rest in training too, or wake it; at rest, weights settle to evaluation."""
        self._dropout_rests = rests

    _dropout_rests = False

    def train(self, mode: bool = True) -> Self:
        """Set the training mode, from which frozen groups and resting dropout are exempt."""
        super().train(mode)
        if self._dropout_rests:
            for module in self.modules():
                if isinstance(module, nn.Dropout):
                    module.eval()
        for name in self._frozen:
            self.group(name).eval()
        return self


def _linear(n_inputs: int, n_outputs: int) -> nn.Linear:
    """Return a linear layer, leaving torch's random state as it is."""
    with torch.random.fork_rng(devices=[]):
        return nn.Linear(n_inputs, n_outputs)
