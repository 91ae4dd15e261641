"""Objects of other packages that stand in a model, as those here by which a file holds them."""

import torch
from skorch.history import History

from sktl._state import stored
from sktl.networks import Network
from sktl.sources import MODEL_NETWORKS, network_from_tensors
from sktl.training import history_from_rows, history_rows

_PRECISIONS = (torch.float32, torch.float64)


@stored("network/1")
class StoredNetwork:
    """A trained network by its name, its arguments and its weights.

    Parameters
    ----------
    network : Network
        Of a kind that has a name.
    """

    def __init__(self, network):
        self.network = network

    def to_state(self):
        """Return how the network is made again."""
        network = self.network
        (name,) = (name for name, kind in MODEL_NETWORKS.items() if kind is type(network))
        arguments = {key: value for key, value in network.arguments.items() if key != "n_outputs"}
        n_outputs = getattr(network.head, "out_features", 0)
        state = {"network": name, "n_outputs": n_outputs, "arguments": arguments}
        return state | {"weights": dict(network.state_dict())}

    @classmethod
    def from_state(cls, state):
        """Return the network; memory is taken once the shapes of all weights are known to fit."""
        made = state["network"], state["n_outputs"], state["arguments"], state["weights"]
        network = network_from_tensors(*made, MODEL_NETWORKS, _PRECISIONS)
        return network.eval().requires_grad_(False)


@stored("history/1")
class StoredHistory:
    """The history of a training as rows of plain values.

    Parameters
    ----------
    history : skorch History
        Its batches are left out.
    """

    def __init__(self, history):
        self.history = history

    def to_state(self):
        """Return the rows."""
        return {"epochs": history_rows(self.history)}

    @classmethod
    def from_state(cls, state):
        """Return the history of rows."""
        return history_from_rows(state["epochs"])


def as_stored(thing):
    """Return the object by which a file holds a network or a history, and others as they are."""
    if isinstance(thing, Network):
        return StoredNetwork(thing)
    return StoredHistory(thing) if isinstance(thing, History) else thing
