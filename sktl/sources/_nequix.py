"""The sources "nequix-omat" and "nequix-mp": the weights of Nequix, from their publisher."""

from __future__ import annotations

import importlib.util
import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from sktl._store import at_hand, fetch
from sktl._types import AnyArray
from sktl.exceptions import (
    DataNotFoundError,
    SourceIntegrityError,
    SourceNotFoundError,
)
from sktl.networks import Nequix
from sktl.representations import NequixGraphs
from sktl.sources._card import SourceCard
from sktl.sources._checkpoint import read_content
from sktl.sources._potentials import MPTRJ, Release
from sktl.sources._source import Source

_COMMIT = "0ffdf881603d2c97f9105c64c3ec2df74dc1c224"
_ORIGIN = f"https://raw.githubusercontent.com/atomicarchitects/nequix/{_COMMIT}"
_MOST_ARRAYS = 1000

_OMAT = Release(
    name="nequix-omat",
    file="nequix-omat-1.nqx",
    id="omat24.energy-per-atom@nequix-1",
    sha256="2d0802ae7f5915cb488c44d25649d98404a103697e6500abb40f515e003a46a6",
    property="omat24_energy_per_atom",
    title="Nequix OMat 1: energies of crystals near and far from equilibrium",
    table={
        "name": "OMat24",
        "database": "Open Materials 2024",
        "rows": 100_824_585,
        "doi": ["10.48550/arXiv.2410.12771"],
        "licence": "CC-BY-4.0",
    },
    reference=(-3.3854966, -5.4179907, -4.1077976, -3.2573037, -7.9952526),
)
_MP = Release(
    name="nequix-mp",
    file="nequix-mp-1.nqx",
    id="mptrj.energy-per-atom@nequix-1",
    sha256="1647af8e627e1afa11e2bfadeab0797326513a521afd7dd01606a96f56783eee",
    property="mptrj_energy_per_atom",
    title="Nequix MP 1: energies along relaxations of the Materials Project",
    table=MPTRJ,
    reference=(-3.3829463, -5.4170675, -4.1683087, -3.2576520, -8.0178633),
)


def load_nequix(release: Release) -> Source:
    """Return a model of Nequix as a source: energy per atom in eV.

    The file comes from its publisher once, at a pinned commit, and stays in the cache. Its sha256
    is compared before it is parsed. It holds a line of JSON and plain arrays, no pickle. The
    weights stay in single precision.

    Returns
    -------
    Source

    Raises
    ------
    SourceNotFoundError
        The package e3nn is not installed, or the file is not here and cannot be downloaded.
    SourceIntegrityError
        The file is another one.
    """
    if not _has_e3nn():
        raise SourceNotFoundError(
            f"Got source={release.name!r}, which needs the package e3nn, expected that to be "
            "installed: pip install sktl[structures]"
        )
    try:
        path = fetch(_path(release), url=f"{_ORIGIN}/models/{release.file}", sha256=release.sha256)
    except DataNotFoundError as error:
        raise SourceNotFoundError(
            f"Got source={release.name!r}, whose weights are not here. {error} "
            f"'sktl sources fetch {release.name}' puts them into the cache beforehand."
        ) from error
    network = Nequix.from_nequix(*read_nequix(read_content(path, release.sha256)))
    return Source(_card(release, network), network, release.sha256, half=False)


def read_nequix(content: bytes) -> tuple[dict[str, Any], list[AnyArray]]:
    """Return the header and the arrays of a ``.nqx`` file.

    Parameters
    ----------
    content : bytes
        A line of JSON, then arrays as ``numpy.save`` writes them. Nothing of it is run.

    Raises
    ------
    SourceIntegrityError
        It is something else.
    """
    line, _, rest = content.partition(b"\n")
    try:
        header = json.loads(line)
        arrays = list(_arrays(rest))
    except (ValueError, EOFError, RecursionError) as error:
        raise SourceIntegrityError(f"Got a file that is not one of nequix: {error}.") from error
    if not isinstance(header, dict):
        raise SourceIntegrityError("Got a file whose first line is no JSON object.")
    return header, arrays


def _arrays(content: bytes) -> Iterator[AnyArray]:
    stream = io.BytesIO(content)
    for _ in range(_MOST_ARRAYS):
        start = stream.tell()
        if not content[start:].strip():
            return
        yield np.lib.format.read_array(stream, allow_pickle=False)
    raise ValueError(f"more than {_MOST_ARRAYS} arrays")


def _path(release: Release) -> str:
    return f"nequix/models/{release.file}"


def _has_e3nn() -> bool:
    return importlib.util.find_spec("e3nn") is not None


def _is_here(release: Release) -> bool:
    """Tell whether the source loads without a network."""
    return _has_e3nn() and at_hand(_path(release))


def _card(release: Release, network: Nequix) -> SourceCard:
    known = network.get_parameter("body.embedding.atoms.weight").any(dim=1).nonzero().flatten()
    arguments = {name: value for name, value in network.arguments.items() if name != "n_outputs"}
    licence = "MIT (weights and package)"
    return release.card("nequix", arguments, NequixGraphs, known.tolist(), licence)


NEQUIX_OMAT, NEQUIX_MP = (each.source(load_nequix, _is_here) for each in (_OMAT, _MP))
