"""What is wrong with a network that breaks the grammar of `Network`."""

from __future__ import annotations

import copy
import inspect
import itertools
import numbers
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from sktl.exceptions import InputError
from sktl.networks._base import Network
from sktl.networks._examples import ExampleRows, example_rows
from sktl.networks._members import JoinedMembers

_RELATIVE, _ABSOLUTE = 1e-3, 1e-5
_APART = 0.1


def check_network(network: Network, rows: ExampleRows | None = None) -> None:
    """Raise an error that lists all that is wrong with a network, or do nothing.

    The grammar is that of `Network`. A network that keeps it can be pretrained, fine-tuned with any
    freeze depth, saved and loaded, and its features extracted.

    Parameters
    ----------
    network : Network
        Made as it will be: its arguments by keyword. It is not changed.
    rows : Rows, optional
        At least two encoded rows, all different, to try it on. Without them, made-up ones are taken
        if `stages` takes the arguments of `ElementFractions`, `ElementTokens` or `CrystalGraphs`.

    Raises
    ------
    InputError
        A line for each fault, or there are no rows to try it on.

    See Also
    --------
    sktl.register_architecture : Make the network known.

    Examples
    --------
    Outputs that are not those of the head:

    >>> from sktl.networks import ElemNet, check_network
    >>> class Careless(ElemNet):
    ...     def forward(self, columns):
    ...         return self.head(self.features(columns=columns)).exp()
    >>> check_network(Careless(2))
    Traceback (most recent call last):
        ...
    sktl.exceptions.InputError: Careless breaks the grammar of networks:
    - forward(...) is not head(features(...))
    """
    if not isinstance(network, Network):
        raise InputError(
            f"Got network={network!r}, expected an object of a subclass of sktl.networks.Network."
        )
    with torch.random.fork_rng(devices=[]):
        network = _copy(network)
        faults = [*_faults_of_body(network)]
        if not faults:
            rows = example_rows(network) if rows is None else rows
            if len(rows) < 2:
                raise InputError(f"Got {len(rows)} rows, expected at least two.")
            faults = _tried(network, rows)
    if faults:
        lines = "".join(f"\n- {fault}" for fault in faults)
        raise InputError(f"{type(network).__name__} breaks the grammar of networks:{lines}")


def _copy(network: Network) -> Network:
    """Return a copy with a head that is not zero, if there is one, so that outputs tell."""
    network = copy.deepcopy(network).float().requires_grad_(True)
    head = getattr(network, "head", None)
    if isinstance(head, nn.Linear):
        head.reset_parameters()
    return network


def _faults_of_body(network: Network) -> Iterator[str]:
    """Yield what is wrong before anything is computed."""
    body, head = getattr(network, "body", None), getattr(network, "head", None)
    size = getattr(network, "embedding_size", None)
    if not isinstance(body, nn.ModuleDict) or not body:
        yield f"body is {type(body).__name__}, not an nn.ModuleDict with at least one group"
        return
    if "head" in body:
        yield "a group of body is called 'head', which is the name of the head"
    if not isinstance(size, numbers.Integral) or size < 1:
        yield f"embedding_size is {size!r}, not the width of what features returns"
    elif not isinstance(head, nn.Linear) or head.in_features != size:
        yield f"head is {head!r}, not an nn.Linear on embedding_size={size} columns"
    grouped = {id(p) for part in (body, head) if part is not None for p in part.parameters()}
    outside = [name for name, p in network.named_parameters() if id(p) not in grouped]
    if outside:
        yield f"parameters in no group of body, which freezing never reaches: {', '.join(outside)}"
    if network.scales_embedding and not callable(getattr(network, "scale_embedding", None)):
        yield "scales_embedding is set, but there is no method scale_embedding(features)"
    yield from _faults_of_arguments(network)


def _faults_of_arguments(network: Network) -> Iterator[str]:
    """Yield why the network cannot be made again from its arguments, if it cannot."""
    first = next(iter(list(inspect.signature(type(network).__init__).parameters)[1:]), None)
    if first != "n_outputs":
        yield f"the first argument of {type(network).__name__} is {first!r}, not 'n_outputs'"
        return
    try:
        again = _made_again(network)
    except Exception as error:
        yield (
            f"it cannot be made again with arguments={network.arguments!r} ({error!r}): pass all "
            "arguments but n_outputs by keyword"
        )
        return
    shapes, found = (
        {key: tuple(tensor.shape) for key, tensor in each.state_dict().items()}
        for each in (network, again)
    )
    if shapes != found:
        changed = sorted(key for key in shapes | found if shapes.get(key) != found.get(key))
        yield (
            f"made again with arguments={network.arguments!r} it has other tensors "
            f"({', '.join(changed)}): pass all arguments but n_outputs by keyword"
        )


def _made_again(network: Network) -> Network:
    named = {key: value for key, value in network.arguments.items() if key != "n_outputs"}
    n_outputs = getattr(network.head, "out_features", 1)
    return type(network)(n_outputs, **named)


def _tried(network: Network, rows: ExampleRows) -> list[str]:
    """Return what is wrong with what the network makes of rows."""
    try:
        faults = list(_faults_of_outputs(network.eval(), rows))
        if not faults:
            faults = [*_faults_of_batches(network, rows), *_faults_of_files(network, rows)]
            faults += _faults_of_joining(network, rows)
            faults += _faults_of_freezing(network, rows)
    except Exception as error:
        return [f"it fails on {len(rows)} rows: {type(error).__name__}: {error}"]
    return faults


def _faults_of_outputs(network: Network, rows: ExampleRows) -> Iterator[str]:
    """Yield what is wrong with stages, activations, features and outputs."""
    inputs, n = _inputs(rows, range(len(rows))), len(rows)
    with torch.no_grad():
        names = [name for name, _ in network.stages(**inputs)]
        if names != list(network.body):
            yield f"stages yields {names}, not the groups of body in order, {list(network.body)}"
            return
        for name, vectors in network.activations(**inputs).items():
            if not torch.is_tensor(vectors) or vectors.ndim != 2 or len(vectors) != n:
                shape = tuple(getattr(vectors, "shape", ())) or type(vectors).__name__
                yield f"summary gives {shape} for {name!r} and {n} rows, not one vector a row"
        features = network.features(**inputs)
        expected = (n, network.embedding_size)
        if not torch.is_tensor(features) or tuple(features.shape) != expected:
            shape = tuple(getattr(features, "shape", ())) or type(features).__name__
            yield f"features returns {shape}, not (n, embedding_size) = {expected}"
            return
        if not torch.isfinite(features).all():
            yield "features returns numbers that are not finite"
        elif not torch.equal(network(**inputs), network.head(features)):
            yield "forward(...) is not head(features(...))"


def _faults_of_batches(network: Network, rows: ExampleRows) -> Iterator[str]:
    """Yield whether the embedding of a row depends on the others in evaluation mode."""
    n = len(rows)
    together = _features(network, rows, range(n))
    alone = torch.cat([_features(network, rows, [row]) for row in range(n)])
    if not _close(together, alone):
        yield "in evaluation mode, the features of a row depend on the rest of the batch"
    order = list(range(n))[::-1]
    if not _close(_features(network, rows, order), together[order]):
        yield "in evaluation mode, the features of a row depend on its place in the batch"


def _faults_of_files(network: Network, rows: ExampleRows) -> Iterator[str]:
    """Yield whether a network with the same weights gives something else."""
    again = _made_again(network)
    again.load_state_dict(network.state_dict())
    every = range(len(rows))
    if not _close(_features(again.eval(), rows, every), _features(network, rows, every)):
        yield (
            "a network that is made again and gets its state_dict gives other features: something "
            "that they depend on is neither a parameter nor a persistent buffer"
        )


def _faults_of_joining(network: Network, rows: ExampleRows) -> Iterator[str]:
    """Yield whether members that are joined say something else than each alone."""
    if not network.joins_members:
        return
    half = len(rows) // 2
    parts = [range(half), range(half, 2 * half)]
    members = [_copy(network).eval() for _ in parts]
    with torch.no_grad():
        for parameter in itertools.chain.from_iterable(each.parameters() for each in members):
            parameter.add_(torch.randn_like(parameter), alpha=_APART)
    joined = JoinedMembers(members, seed=0).network.eval()
    with torch.no_grad():
        found = joined(**_inputs(rows, range(2 * half)))
        alone = [each(**_inputs(rows, part)) for each, part in zip(members, parts, strict=True)]
    if not _close(found, torch.cat(alone)):
        yield "joins_members is set, but networks that are joined give other outputs than alone"


def _faults_of_freezing(network: Network, rows: ExampleRows) -> Iterator[str]:
    """Yield what frozen groups do that they may not: train, drop out, change."""
    names, every = network.depth_groups, range(len(rows))
    expected = _features(network.eval(), rows, every)
    for depth in range(len(names)):
        network.freeze(depth)
        network.train()
        for position, name in enumerate(names):
            frozen, group = position < depth, network.group(name)
            if any(module.training == frozen for module in group.modules()):
                mode = "not in evaluation" if frozen else "in evaluation"
                yield f"with freeze({depth}) and train(), the group {name!r} is {mode} mode"
            if any(p.requires_grad == frozen for p in group.parameters()):
                does = "wants" if frozen else "wants no"
                yield f"with freeze({depth}), the group {name!r} {does} gradients"
    before = {key: tensor.clone() for key, tensor in network.body.state_dict().items()}
    found = _features(network, rows, every)
    if not _close(found, expected):
        yield (
            "with the whole body frozen, features in training mode are others than in evaluation "
            "mode: dropout or a norm outside the groups of body"
        )
    if any(not torch.equal(before[key], each) for key, each in network.body.state_dict().items()):
        yield "with the whole body frozen, a pass in training mode changes its tensors"


def _features(network: Network, rows: ExampleRows, chosen: Sequence[int]) -> Tensor:
    with torch.no_grad():
        return network.features(**_inputs(rows, chosen))


def _inputs(rows: ExampleRows, chosen: Sequence[int]) -> dict[str, Tensor]:
    """Return the network's arguments for some rows, single precision."""
    parts = {name: torch.as_tensor(part) for name, part in rows[np.array(chosen)].items()}
    return {
        name: part.float() if part.is_floating_point() else part for name, part in parts.items()
    }


def _close(found: Tensor, expected: Tensor) -> bool:
    scale = float(expected.abs().max())
    return bool(
        torch.isfinite(found).all()
        and torch.allclose(found, expected, rtol=_RELATIVE, atol=_ABSOLUTE * max(scale, 1e-30))
    )
