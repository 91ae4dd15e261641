"""Building blocks of equivariant networks: features by degree, couplings, convolutions, gates.

A feature of degree l has 2l + 1 components that turn with the crystal as the real spherical
harmonics of that degree do, so that an inversion of the crystal multiplies it by (-1)^l. Features
are a list of tensors (n, 2l + 1, width), one for each degree from 0 on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from sktl.exceptions import InputError
from sktl.networks._graph import sum_rows

Features: TypeAlias = list[Tensor]
Path: TypeAlias = tuple[int, int, int]
"""Degrees of a neighbour, of the harmonics of its direction, and of the message."""

_SMALLEST_SQUARE = 1e-12
_N_DIRECTIONS = 64


class Orbits(NamedTuple):
    """How atoms that symmetry makes equivalent follow from one of each kind.

    Attributes
    ----------
    images : int tensor (m,)
        The atom of which each of m neighbours is an image.
    turns : list of tensor (m, 2l + 1, 2l + 1)
        What takes the features of that atom to those of its image, by degree.
    averages : list of tensor (n, 2l + 1, 2l + 1)
        Average over the operations that leave an atom in its place, by degree.
    """

    images: Tensor
    turns: list[Tensor]
    averages: list[Tensor]


class Edges(NamedTuple):
    """The directed edges of a batch.

    Attributes
    ----------
    source, target : int tensor (m,)
        Neighbour from which a message comes, and atom that receives it.
    radial : float tensor (m, n_distances)
        Radial basis functions of the lengths.
    couplings : list of float tensor (m, rows, 2l + 1)
        What takes the features of a neighbour to the messages, by degree of the neighbour.
    copies : float tensor (m, 1) or None
        Multiplicity of an edge; None for 1.
    orbits : Orbits or None
        None where every atom is there itself.
    """

    source: Tensor
    target: Tensor
    radial: Tensor
    couplings: list[Tensor]
    copies: Tensor | None
    orbits: Orbits | None


def load_e3nn() -> Any:
    """Return the module ``e3nn.o3``.

    Raises
    ------
    InputError
        The package e3nn is not installed.
    """
    try:
        from e3nn import o3
    except ImportError as error:
        raise InputError(
            "Equivariant networks need the package e3nn: pip install sktl[structures]"
        ) from error
    return o3


def harmonics(vectors: Tensor, degree: int) -> Tensor:
    """Return the real spherical harmonics (n, (degree + 1)^2) of the directions of vectors (n, 3).

    Those of degree l have the length sqrt(2l + 1).
    """
    degrees = list(range(degree + 1))
    return load_e3nn().spherical_harmonics(degrees, vectors, True, "component")


def turn_matrices(rotations: Tensor, degree: int) -> list[Tensor]:
    """Return what rotations and reflections (k, 3, 3) do to features, (k, 2l + 1, 2l + 1) each."""
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(_N_DIRECTIONS, 3, generator=generator).to(rotations)
    before = harmonics(directions, degree)
    turned = (directions @ rotations.transpose(1, 2)).reshape(-1, 3)
    after = harmonics(turned, degree).reshape(len(rotations), _N_DIRECTIONS, -1)
    found = []
    for each in range(degree + 1):
        own = slice(each**2, (each + 1) ** 2)
        back = torch.linalg.pinv(before[:, own].double()).to(rotations)
        found.append((back @ after[..., own]).transpose(1, 2))
    return found


def find_paths(n_inputs: int, degree: int, n_outputs: int) -> list[Path]:
    """Return the paths of messages that keep parity, sorted by their three degrees.

    Parameters
    ----------
    n_inputs, n_outputs : int
        Number of degrees of the neighbours and of the messages, each from 0 on.
    degree : int
        Highest degree of the harmonics.

    Examples
    --------
    >>> find_paths(1, 3, 2), len(find_paths(4, 3, 4))
    ([(0, 0, 0), (0, 1, 1)], 23)
    """
    return [
        (first, middle, last)
        for first in range(n_inputs)
        for last in range(n_outputs)
        for middle in range(abs(first - last), min(first + last, degree) + 1)
        if (first + middle + last) % 2 == 0
    ]


class Couplings(nn.Module):
    """Couple directions with features: Clebsch-Gordan coefficients times spherical harmonics.

    Parameters
    ----------
    n_inputs : int
        Degrees of the neighbours.
    degree : int
        Highest degree of the harmonics, and of the messages.
    """

    def __init__(self, n_inputs: int, degree: int) -> None:
        super().__init__()
        self.degree = degree
        paths = find_paths(n_inputs, degree, degree + 1)
        for first in range(n_inputs):
            own = [path for path in paths if path[0] == first]
            table = torch.cat([_coefficients(path, degree) for path in own], dim=1)
            self.register_buffer(f"table{first}", table, persistent=False)

    def forward(self, vectors: Tensor) -> list[Tensor]:
        """Map vectors (m, 3) to couplings (m, rows, 2l + 1) for each degree l of neighbours."""
        values = harmonics(vectors, self.degree)
        return [
            (values @ table.flatten(1)).unflatten(1, table.shape[1:]) for table in self.buffers()
        ]


class Convolution(nn.Module):
    """Update the features of atoms by the messages of their neighbours, through norm and gate.

    A message is the product of the neighbour's features with the harmonics of its direction and
    with weights that depend on its distance. Norm and gate keep the features equivariant: they
    scale them by numbers that no rotation changes.

    Parameters
    ----------
    inputs, outputs : sequence of int
        Widths of the features by degree, before and after.
    n_distances : int
        Number of radial basis functions.
    hidden : int
        Width of the hidden layers that make weights of these.
    n_hidden : int
        Their number.
    degree : int
        Highest degree of the harmonics.
    """

    def __init__(
        self,
        inputs: Sequence[int],
        outputs: Sequence[int],
        n_distances: int,
        hidden: int,
        n_hidden: int,
        degree: int,
    ) -> None:
        super().__init__()
        self.paths = find_paths(len(inputs), degree, len(outputs))
        widths = [n_distances, *[hidden] * n_hidden]
        layers: list[nn.Module] = []
        for before, after in zip(widths, widths[1:], strict=False):
            layers += [nn.Linear(before, after, bias=False), nn.SiLU()]
        n_weights = sum(inputs[first] for first, _, _ in self.paths)
        self.radial = nn.Sequential(*layers, nn.Linear(widths[-1], n_weights, bias=False))
        gated = [outputs[0] + sum(outputs[1:]), *outputs[1:]]
        received = [
            sum(inputs[first] for first, _, last in self.paths if last == own)
            for own in range(len(outputs))
        ]
        self.neighbours = DegreeLinear(inputs, inputs)
        self.messages = DegreeLinear(received, gated)
        self.own = DegreeLinear(inputs, gated)
        self.norm = DegreeNorm(gated)
        self.inputs, self.outputs = list(inputs), list(outputs)

    def forward(self, features: Features, edges: Edges) -> Features:
        """Map the features of n atoms."""
        messages = self.messages(self._received(self.neighbours(features), edges, len(features[0])))
        changed = [
            message if own is None else message + own
            for message, own in zip(messages, self.own.padded(features), strict=True)
        ]
        return self._gate(self.norm(changed))

    def _received(self, features: Features, edges: Edges, n: int) -> Features:
        """Return the sums of the messages to n atoms, by degree."""
        orbits = edges.orbits
        if orbits is not None:
            features = [
                turn @ part.index_select(0, orbits.images)
                for turn, part in zip(orbits.turns, features, strict=False)
            ]
        weights = self.radial(edges.radial)
        if edges.copies is not None:
            weights = weights * edges.copies
        parts: list[list[Tensor]] = [[] for _ in self.outputs]
        for first, part in enumerate(features):
            lasts = [last for one, _, last in self.paths if one == first]
            coupling = edges.couplings[first][:, : sum(2 * last + 1 for last in lasts)]
            products = coupling @ part.index_select(0, edges.source)
            own, weights = _divided(weights, len(lasts) * part.shape[2])
            for last, product, weight in zip(
                lasts,
                products.split([2 * last + 1 for last in lasts], dim=1),
                own.unflatten(1, (len(lasts), 1, -1)).unbind(1),
                strict=True,
            ):
                total = sum_rows((product * weight).flatten(1), edges.target, n)
                parts[last].append(total.unflatten(1, (2 * last + 1, -1)))
        sums = [torch.cat(each, dim=2) for each in parts]
        if orbits is not None:
            sums = [average @ part for average, part in zip(orbits.averages, sums, strict=False)]
        return sums

    def _gate(self, features: Features) -> Features:
        """Let the scalars through an activation, and the others through gates made of scalars."""
        n = self.outputs[0]
        scalars = functional.silu(features[0])
        gates = scalars[..., n:].split(self.outputs[1:], dim=2)
        return [scalars[..., :n], *[a * b for a, b in zip(features[1:], gates, strict=True)]]


class DegreeLinear(nn.Module):
    """Mix the features of each degree among themselves.

    Parameters
    ----------
    inputs, outputs : sequence of int
        Widths by degree; degrees that only one of them has are left out.
    """

    def __init__(self, inputs: Sequence[int], outputs: Sequence[int]) -> None:
        super().__init__()
        self.n_outputs = len(outputs)
        self.layers = nn.ModuleList(
            nn.Linear(before, after, bias=False)
            for before, after in zip(inputs, outputs, strict=False)
        )

    def forward(self, features: Features) -> Features:
        """Map features of the degrees that both have."""
        return [layer(part) for layer, part in zip(self.layers, features, strict=False)]

    def padded(self, features: Features) -> list[Tensor | None]:
        """Map features; None for degrees of the outputs that the inputs do not have."""
        found: list[Tensor | None] = [*self(features)]
        return found + [None] * (self.n_outputs - len(found))


class DegreeNorm(nn.Module):
    """Divide the features of an atom by their length over all degrees; weigh them.

    The square of the length is the mean over the degrees l of the squares of all components,
    divided by (2l + 1)^2.

    Parameters
    ----------
    widths : sequence of int
        Widths by degree.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.weights = nn.ParameterList(torch.ones(width) for width in widths)

    def forward(self, features: Features) -> Features:
        """Map features."""
        squares = [
            part.square().sum(dim=(1, 2), keepdim=True) / part.shape[1] ** 2 for part in features
        ]
        scale = (torch.stack(squares).mean(dim=0) + _SMALLEST_SQUARE).rsqrt()
        return [part * scale * weight for part, weight in zip(features, self.weights, strict=True)]


def _divided(columns: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Return the first columns, and the others."""
    return columns[:, :width], columns[:, width:]


def _coefficients(path: Path, degree: int) -> Tensor:
    """Return how harmonics ((degree + 1)^2) couple along a path, (.., 2 last + 1, 2 first + 1)."""
    first, middle, last = path
    found = load_e3nn().wigner_3j(last, middle, first, dtype=torch.float64).permute(1, 0, 2)
    table = found.new_zeros((degree + 1) ** 2, 2 * last + 1, 2 * first + 1)
    table[middle**2 : (middle + 1) ** 2] = found * math.sqrt(2 * last + 1)
    return table.to(torch.get_default_dtype())
