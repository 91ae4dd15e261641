"""Networks by the names that cards use: with random weights, or with the weights of a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from sktl._limits import LARGEST_ARGUMENT
from sktl.exceptions import InputError, SourceIntegrityError
from sktl.networks import Network
from sktl.sources._architectures import find_architecture

PRECISIONS = (torch.float16, torch.float32)


def random_network(name: str, n_outputs: int, arguments: Mapping[str, Any], seed: int) -> Network:
    """Return a network with random weights; torch's random state is as before.

    Parameters
    ----------
    name : str
        Name of a registered `Architecture`.
    n_outputs : int
        Outputs of the head.
    arguments : dict
        Further arguments of the network.
    seed : int
        Chooses the weights.

    Raises
    ------
    InputError
        There is no such network, or it does not take these arguments.
    """
    network = find_architecture(name).network
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        try:
            return network(n_outputs, **arguments)
        except (TypeError, ValueError, RuntimeError) as error:
            raise InputError(f"Got network_arguments={arguments!r}: {error}") from error


def network_from_tensors(
    name: str,
    n_outputs: int,
    arguments: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    precisions: tuple[torch.dtype, ...] = PRECISIONS,
) -> Network:
    """Return a network by its name in a card, with the weights of a file.

    Memory is taken only once the shapes are known to agree, and random numbers are not drawn.

    Parameters
    ----------
    name : str
        Name of a registered `Architecture`.
    n_outputs : int
        Outputs of the head; with 0 the network returns its embedding.
    arguments : dict
        Further arguments of the network.
    tensors : dict of str to tensor
        The weights, all of one of the `precisions`; half precision becomes single.
    precisions : tuple of dtype
        What weights may be.

    Raises
    ------
    SourceIntegrityError
        There is no such network, it does not have these tensors, or a weight is not finite.
    """
    try:
        kind = find_architecture(name).network
    except InputError as error:
        raise SourceIntegrityError(str(error)) from error

    for key, value in arguments.items():
        if isinstance(value, int) and value > LARGEST_ARGUMENT:
            raise SourceIntegrityError(
                f"Got {key}={value!r} of a network, expected at most {LARGEST_ARGUMENT:,}."
            )

    def make() -> Network:
        network = kind(n_outputs or 1, **arguments)
        if not n_outputs:
            network.reset_head(0)
        return network

    head_tensors = 0 if n_outputs else 2  # of the head that is dropped
    return fill_network(make, tensors, precisions, head_tensors)


def fill_network(
    make: Callable[[], Network],
    tensors: Mapping[str, Tensor],
    precisions: tuple[torch.dtype, ...] = PRECISIONS,
    n_dropped: int = 0,
) -> Network:
    """Return the network that `make` makes, with the weights of a file.

    Parameters
    ----------
    make : callable
        Returns the network. What it makes takes no memory.
    tensors : dict of str to tensor
        All its weights.
    precisions : tuple of dtype
        What weights may be.
    n_dropped : int, default=0
        Weights that it makes and does not keep.

    Raises
    ------
    SourceIntegrityError
        It cannot be made, it does not have these tensors, or a weight is not finite.
    """
    try:
        with _Shapes(len(tensors) + n_dropped):
            network = make()
    except Exception as error:  # of classes that others wrote, whatever they raise
        raise SourceIntegrityError(f"The card does not describe a network: {error}.") from error
    _check_tensors(network.state_dict(), tensors, precisions)
    weights = {
        key: tensor.float() if tensor.dtype == torch.float16 else tensor
        for key, tensor in tensors.items()
    }
    network.load_state_dict(weights, assign=True)
    return network


def _check_tensors(
    wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor], precisions: tuple[torch.dtype, ...]
) -> None:
    """Raise unless tensors have the names and shapes of `wanted`, and one precision, and finite."""
    shapes = {key: tuple(tensor.shape) for key, tensor in wanted.items()}
    found = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
    precision = next((tensor.dtype for tensor in tensors.values()), None)
    for key in sorted(shapes.keys() | found.keys()):
        if shapes.get(key) != found.get(key):
            raise SourceIntegrityError(
                f"Card and weights do not fit: got {key} of shape {found.get(key, 'none')}, "
                f"expected {shapes.get(key, 'no such tensor')}."
            )
        if tensors[key].dtype != precision or precision not in precisions:
            raise SourceIntegrityError(
                f"Got {key} of {tensors[key].dtype}, expected all tensors of one of {precisions}."
            )
        if not torch.isfinite(tensors[key]).all():
            raise SourceIntegrityError(f"Got {key} with NaN or infinite weights.")


class _Shapes(TorchFunctionMode):
    """Build modules whose parameters have a shape but neither memory nor random values.

    Parameters
    ----------
    limit : int
        Building ends with an error when there are more parameters than this.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.left = limit

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is torch.empty:
            self.left -= 1
            if self.left < 0:
                raise ValueError("it has more parameters than the file has tensors")
            return func(*args, **{**kwargs, "device": "meta"})
        target = args[0] if args else kwargs.get("tensor")
        in_place = func.__name__.endswith("_") and not func.__name__.startswith("__")
        if in_place and getattr(target, "is_meta", False):
            return target
        return func(*args, **kwargs)
