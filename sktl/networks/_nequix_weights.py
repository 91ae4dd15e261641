"""Weights of models of the package nequix, as arguments and tensors of `Nequix`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sktl._types import AnyArray
from sktl.exceptions import InputError
from sktl.networks._equivariant import find_paths, load_e3nn

_LARGEST = 4096
_N_ELEMENTS = 103
_ACTIVATION = 0.5964586854  # root mean square of the activation, as the package computes it
_FIXED = {"index_weights": False, "layer_norm": True}
_COUNTS = {
    "n_layers": "n_interactions",
    "lmax": "degree",
    "radial_basis_size": "n_distances",
    "radial_mlp_size": "hidden",
    "radial_mlp_layers": "n_hidden",
    "radial_polynomial_p": "exponent",
}


def nequix_arguments(header: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of `Nequix` for the header of a file.

    Raises
    ------
    InputError
        A value is missing or is not that of a model that can be taken over.
    """
    for key, wanted in _FIXED.items():
        if header.get(key) is not wanted:
            raise _wrong(key, header.get(key), repr(wanted))
    arguments: dict[str, Any] = {
        name: int(_number(header, key, 1, 100, whole=True)) for key, name in _COUNTS.items()
    }
    arguments["widths"] = _widths(header.get("hidden_irreps"))
    arguments["cutoff"] = _number(header, "cutoff", 1, 20)
    arguments["n_species"] = len(_species(header))
    arguments["n_elements"] = _N_ELEMENTS
    return arguments


def nequix_tensors(
    own: Mapping[str, Tensor], header: Mapping[str, Any], arrays: Sequence[AnyArray]
) -> dict[str, Tensor]:
    """Return the tensors of a `Nequix` network that has the weights of a file.

    Parameters
    ----------
    own : dict of str to tensor
        ``state_dict`` of the network.
    header : dict
        Of the file.
    arrays : sequence of array
        Of the file.

    Raises
    ------
    InputError
        The number, the shape or a value of the arrays is another.
    """
    arguments = nequix_arguments(header)
    shapes = [*_shapes(arguments)]
    if len(arrays) != len(shapes):
        raise InputError(f"Got {len(arrays)} arrays, expected {len(shapes)}.")
    found: dict[str, Tensor] = {}
    for place, (array, (name, shape)) in enumerate(zip(arrays, shapes, strict=True)):
        if array.shape != shape or array.dtype != np.float32 or not np.isfinite(array).all():
            raise InputError(
                f"Got array {place} ({name}) with the shape {array.shape} and the type "
                f"{array.dtype}, expected {shape}, float32, and finite numbers."
            )
        found[name] = torch.from_numpy(np.array(array))
    return _completed(found, dict(own), header, arguments)


def _shapes(arguments: Mapping[str, Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield name and shape of each array, in the order of the file."""
    n_species, widths = arguments["n_species"], arguments["widths"]
    yield "body.readout.reference", (n_species,)
    inputs = [n_species]
    for i in range(1, arguments["n_interactions"] + 1):
        group = f"body.interaction{i}"
        outputs = widths[:1] if i == arguments["n_interactions"] else widths
        paths = find_paths(len(inputs), arguments["degree"], len(outputs))
        n_weights = sum(inputs[first] for first, _, _ in paths)
        sizes = [arguments["n_distances"], *[arguments["hidden"]] * arguments["n_hidden"]]
        for k, pair in enumerate(zip(sizes, [*sizes[1:], n_weights], strict=True)):
            yield f"{group}.radial.{2 * k}.weight", pair
        gated = [outputs[0] + sum(outputs[1:]), *outputs[1:]]
        received = [
            sum(inputs[first] for first, _, last in paths if last == degree)
            for degree in range(len(outputs))
        ]
        for part, before, after in (
            ("neighbours", inputs, inputs),
            ("messages", received, gated),
            ("own", inputs, gated),
        ):
            for degree, pair in enumerate(zip(before, after, strict=False)):
                yield f"{group}.{part}.layers.{degree}.weight", pair
        for degree, width in enumerate(gated):
            yield f"{group}.norm.weights.{degree}", (width,)
        inputs = outputs
    yield "body.readout.energy.weight", (widths[0], 1)


def _completed(
    found: dict[str, Tensor],
    own: dict[str, Tensor],
    header: Mapping[str, Any],
    arguments: Mapping[str, Any],
) -> dict[str, Tensor]:
    """Return all tensors of the network, into which constants that normalise are multiplied."""
    species, energy = _species(header), "body.readout.energy"
    neighbours = _number(header, "avg_n_neighbors", 1e-3, 1e6)
    reference = found.pop("body.readout.reference")
    tensors = own | found
    for name, tensor in found.items():
        if tensor.ndim != 2:
            continue
        group, part = name.split(".")[1:3]
        if part == "radial":
            scale = math.sqrt(2 / arguments["cutoff"]) if name.endswith("radial.0.weight") else 1.0
            if name.endswith(f"radial.{2 * arguments['n_hidden']}.weight"):
                tensor = _resorted(tensor, group, arguments)
        else:
            scale = 1 / math.sqrt(len(tensor))
            if part == "messages":
                scale /= math.sqrt(neighbours)
            elif group != "interaction1":
                scale /= _ACTIVATION
        tensors[name] = (tensor * scale).T
    tensors[f"{energy}.weight"] = tensors[f"{energy}.weight"] * _number(header, "scale", -1e6, 1e6)
    tensors[f"{energy}.bias"] = torch.tensor([_number(header, "shift", -1e6, 1e6)])
    table = torch.zeros_like(own["body.embedding.atoms.weight"])
    table[species, range(len(species))] = 1
    tensors["body.embedding.atoms.weight"] = table
    tensors["body.readout.reference"] = own["body.readout.reference"].index_copy(
        0, torch.tensor(species), reference
    )
    head = torch.zeros_like(own["head.weight"])
    head[:, -2:] = 1
    return tensors | {"head.weight": head, "head.bias": torch.zeros(1)}


def _resorted(weights: Tensor, group: str, arguments: Mapping[str, Any]) -> Tensor:
    """Return the last radial layer (hidden, n) for paths that are sorted as `find_paths` does.

    The package sorts them by the degree of the message first.
    """
    number, widths = int(group.removeprefix("interaction")), arguments["widths"]
    inputs = [arguments["n_species"]] if number == 1 else widths
    outputs = widths[:1] if number == arguments["n_interactions"] else widths
    paths = find_paths(len(inputs), arguments["degree"], len(outputs))
    given = sorted(paths, key=lambda path: (path[2], path[0], path[1]))
    parts = dict(
        zip(given, weights.split([inputs[first] for first, _, _ in given], dim=1), strict=True)
    )
    return torch.cat([parts[path] for path in paths], dim=1)


def _widths(text: object) -> list[int]:
    """Return the widths by degree of irreps such as "128x0e + 64x1o"."""
    try:
        irreps = list(load_e3nn().Irreps(text))
    except (ValueError, TypeError, AttributeError) as error:
        raise _wrong("hidden_irreps", text, "irreps") from error
    found = [(irrep.l, irrep.p) for _, irrep in irreps]
    if not found or found != [(degree, (-1) ** degree) for degree in range(len(found))]:
        raise _wrong("hidden_irreps", text, "one of each degree, such as 128x0e + 64x1o")
    widths = [int(width) for width, _ in irreps]
    if not all(0 < width <= _LARGEST for width in widths):
        raise _wrong("hidden_irreps", text, f"widths of 1 to {_LARGEST}")
    return widths


def _species(header: Mapping[str, Any]) -> list[int]:
    """Return the atomic numbers in the order of the columns."""
    found = header.get("atomic_numbers")
    if (
        not isinstance(found, list)
        or not found
        or not all(type(z) is int and 1 <= z <= _N_ELEMENTS for z in found)
        or len(set(found)) < len(found)
    ):
        raise _wrong("atomic_numbers", found, f"different numbers from 1 to {_N_ELEMENTS}")
    return found


def _number(
    header: Mapping[str, Any], key: str, low: float, high: float, whole: bool = False
) -> float:
    value = header.get(key)
    if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
        if not whole or value == int(value):
            return float(value)
    raise _wrong(key, value, f"{'an integer' if whole else 'a number'} of {low:g} to {high:g}")


def _wrong(key: str, value: object, expected: str) -> InputError:
    shown = repr(value)
    shown = shown if len(shown) < 80 else shown[:80] + "..."
    return InputError(f"Got a model of nequix with {key}={shown}, expected {expected}.")
