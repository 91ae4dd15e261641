"""Pickles of networks hold their weights by value.

torch hands a tensor to another process as a share of memory that ends with the sender, so that a
fitted estimator in a pipe could be read for as long only. An array is copied.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from sktl._types import AnyArray


def reduce_by_value(network: nn.Module) -> tuple[Callable[..., Any], tuple[Any, ...]]:
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

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    def __reduce__(self) -> tuple[Callable[..., Tensor], tuple[Any, ...]]:
        tensor = self.tensor
        array, device = tensor.detach().cpu().numpy(), str(tensor.device)
        return _tensor, (array, device, tensor.requires_grad, isinstance(tensor, nn.Parameter))


def _tensor(array: AnyArray, device: str, trains: bool, is_parameter: bool) -> Tensor:
    tensor = torch.tensor(array, device=device)
    return nn.Parameter(tensor, trains) if is_parameter else tensor.requires_grad_(trains)


def _restore(kind: type[nn.Module], state: dict[str, Any]) -> nn.Module:
    network = kind.__new__(kind)
    network.__setstate__(state)
    return network
