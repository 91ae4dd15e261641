"""Objects of other packages that stand in a model, as those here by which a file holds them."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from skorch.history import History

from sktl._state import is_stored, stored
from sktl.networks import AttributedNetwork, ConditionedNetwork, Network, NetworkAround
from sktl.representations import Representation
from sktl.sources import (
    architecture_of,
    fill_network,
    find_architecture,
    network_from_tensors,
)
from sktl.training import history_from_rows, history_rows

_INNER = "network."
_PRECISIONS = (torch.float32, torch.float64)


@stored("network/1")
class StoredNetwork:
    """A trained network by its name, its arguments and its weights.

    Parameters
    ----------
    network : Network
        Of a registered architecture.
    """

    def __init__(self, network: Network) -> None:
        self.network = network

    def to_state(self) -> dict[str, Any]:
        """Return how the network is made again."""
        network = self.network
        name = architecture_of(network).name
        arguments = {key: value for key, value in network.arguments.items() if key != "n_outputs"}
        state = {"network": name, "n_outputs": _n_outputs(network), "arguments": arguments}
        return state | {"weights": dict(network.state_dict())}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Network:
        """Return the network; memory is taken once the shapes of all weights are known to fit."""
        made = state["network"], state["n_outputs"], state["arguments"], state["weights"]
        network = network_from_tensors(*made, _PRECISIONS)
        return network.eval().requires_grad_(False)


class _StoredAround:
    """A trained network around another one: the network of the materials, and the rest.

    Parameters
    ----------
    network : NetworkAround
        Around a network of a registered architecture, or around one around it.
    """

    kind: ClassVar[type[ConditionedNetwork] | type[AttributedNetwork]]

    def __init__(self, network: NetworkAround) -> None:
        self.network = network

    def to_state(self) -> dict[str, Any]:
        """Return how the network is made again."""
        whole = self.network
        arguments = {key: value for key, value in whole.arguments.items() if key != "network"}
        weights = {
            key: value for key, value in whole.state_dict().items() if not key.startswith(_INNER)
        }
        state = {"network": whole.network, "n_outputs": _n_outputs(whole)}
        return state | {"arguments": arguments, "weights": weights}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Network:
        """Return the network; memory is taken once the shapes of all weights are known to fit."""
        inner, kind = state["network"], cls.kind
        weights = {_INNER + key: value for key, value in inner.state_dict().items()}

        def make() -> Network:
            return kind(state["n_outputs"], network=inner, **state["arguments"])

        network = fill_network(make, weights | state["weights"], _PRECISIONS)
        return network.eval().requires_grad_(False)


@stored("conditioned-network/1")
class StoredConditionedNetwork(_StoredAround):
    """A trained network with conditions."""

    kind = ConditionedNetwork


@stored("attributed-network/1")
class StoredAttributedNetwork(_StoredAround):
    """A trained network with physical attributes."""

    kind = AttributedNetwork


@stored("representation/1")
class StoredRepresentation:
    """What a network from outside reads, by the name of its architecture.

    Parameters
    ----------
    representation : Representation
        Of a registered architecture.
    """

    def __init__(self, representation: Representation) -> None:
        self.representation = representation

    def to_state(self) -> dict[str, Any]:
        """Return how the representation is made again."""
        name = architecture_of(self.representation).name
        return {"network": name, "attributes": dict(vars(self.representation))}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Representation:
        """Return the representation."""
        representation = find_architecture(state["network"]).representation()
        vars(representation).update(state["attributes"])
        return representation


@stored("history/1")
class StoredHistory:
    """The history of a training as rows of plain values.

    Parameters
    ----------
    history : skorch History
        Its batches are left out.
    """

    def __init__(self, history: History) -> None:
        self.history = history

    def to_state(self) -> dict[str, Any]:
        """Return the rows."""
        return {"epochs": history_rows(self.history)}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> History:
        """Return the history of rows."""
        return history_from_rows(state["epochs"])


def _n_outputs(network: Network) -> int:
    """Return how many outputs the head has: 0 where another network around this one has it."""
    return getattr(network.head, "out_features", 0)


def as_stored(thing: object) -> object:
    """Return the object by which a file holds a foreign one, such as a network; others as is."""
    for each in (StoredConditionedNetwork, StoredAttributedNetwork):
        if isinstance(thing, each.kind):
            return each(thing)
    if isinstance(thing, Network):
        return StoredNetwork(thing)
    if isinstance(thing, Representation) and not is_stored(thing):
        return StoredRepresentation(thing)
    return StoredHistory(thing) if isinstance(thing, History) else thing
