"""Pickles of networks hold their weights by value.

torch hands a tensor to another process as a share of memory that ends with the sender, so that a
fitted estimator in a pipe could be read for as long only. An array is copied.
"""

import copy

import torch
from torch import nn


def reduce_by_value(network):
    """Return what ``__reduce_ex__`` of a network returns; its tensors will be pickled as arrays."""
    tensors = [*network.parameters(), *network.buffers()]
    memo = {id(tensor): _ByValue(tensor) for tensor in tensors}
    return _restore, (type(network), copy.deepcopy(vars(network), memo))


class _ByValue:
    """Stands in the state of a network for a tensor, and becomes that tensor again.

    Parameters
    ----------
    tensor : Tensor
        A parameter or a buffer.
    """

    def __init__(self, tensor):
        self.tensor = tensor

    def __reduce__(self):
        tensor = self.tensor
        array, device = tensor.detach().cpu().numpy(), str(tensor.device)
        return _tensor, (array, device, tensor.requires_grad, isinstance(tensor, nn.Parameter))


def _tensor(array, device, trains, is_parameter):
    tensor = torch.tensor(array, device=device)
    return nn.Parameter(tensor, trains) if is_parameter else tensor.requires_grad_(trains)


def _restore(kind, state):
    network = kind.__new__(kind)
    network.__setstate__(state)
    return network
