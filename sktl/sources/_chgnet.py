"""The sources "chgnet" and "chgnet-r2scan": weights that are in the package chgnet."""

from __future__ import annotations

import importlib.util
import io
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from sktl.exceptions import SourceIntegrityError, SourceNotFoundError
from sktl.networks import CHGNet
from sktl.representations import ChgnetGraphs
from sktl.sources._card import PropertyCard, SourceCard
from sktl.sources._checkpoint import read_content
from sktl.sources._foreign import ForeignSource
from sktl.sources._source import Source

_PACKAGE = "chgnet"
_WITHOUT_DATA = range(84, 89)  # Po to Ra: their vectors are as they were before training
_LABELS = ("energy", "forces", "stresses", "magnetic moments")
_UNLIMITED = (-1e6, 1e6)  # labels were not clipped


@dataclass(frozen=True)
class _Model:
    """What is known of a file in the package chgnet besides its content."""

    name: str
    file: str
    id: str
    sha256: str
    property: str
    title: str
    table: dict[str, Any]
    reference: tuple[float, ...]


_MPTRJ = _Model(
    name="chgnet",
    file="pretrained/0.3.0/chgnet_0.3.0_e29f68s314m37.pth.tar",
    id="mptrj.energy-per-atom@0.3.0",
    sha256="d14ab7c0f093efe64b60a7bcd540bca10e74fb7f46c86108a079af60524659d1",
    property="mptrj_energy_per_atom",
    title="CHGNet 0.3.0: energies along relaxations of the Materials Project",
    table={
        "name": "MPtrj",
        "database": "Materials Project",
        "rows": 1_580_395,
        "doi": ["10.6084/m9.figshare.23713842", "10.1038/s42256-023-00716-3"],
        "licence": "CC-BY-4.0",
    },
    reference=(-3.6664295, -5.3121791, -4.0587187, -3.5375535, -8.4182606),
)
_R2SCAN = _Model(
    name="chgnet-r2scan",
    file="pretrained/r2scan/chgnet_r2scan_transfer_learning_e15f36s161m23.pth.tar",
    id="mp-r2scan.energy-per-atom@1",
    sha256="8eba3db0f35a2788bb3ae22885ad340591e27996f213c6643af522a633b50dad",
    property="mp_r2scan_energy_per_atom",
    title="CHGNet r2SCAN: CHGNet 0.3.0, further trained on r2SCAN energies",
    table={
        "name": "MP-r2SCAN",
        "database": "Materials Project",
        "rows": 238_247,
        "doi": ["10.6084/m9.figshare.28245650", "10.1038/s41524-025-01796-y"],
        "licence": "CC-BY-4.0",
    },
    reference=(-6.8686719, -8.7333231, -13.469615, -17.776907, -12.638133),
)


def load_chgnet(model: _Model = _MPTRJ) -> Source:
    """Return a model of the package chgnet as a source: energy per atom in eV.

    The weights are read from the file in the package chgnet. Its sha256 is compared first. The
    reader of torch makes only tensors and plain containers, so no code of the package runs. The
    weights stay in single precision.

    Returns
    -------
    Source

    Raises
    ------
    SourceNotFoundError
        The package chgnet is not installed.
    SourceIntegrityError
        Its file is missing or is not that of version 0.4.2.
    """
    path = _path(model)
    if path is None:
        raise SourceNotFoundError(
            f"Got source={model.name!r}, whose weights are in the package chgnet, expected that to "
            "be installed: pip install sktl[structures]"
        )
    if not path.is_file():
        raise SourceIntegrityError(
            f"{path.name} is missing: this is another version of chgnet, expected 0.4.2."
        )
    content = read_content(path, model.sha256)
    stored = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)["model"]
    network = CHGNet.from_chgnet(stored["state_dict"], stored["model_args"])
    return Source(_card(model, network), network, model.sha256, half=False)


def _path(model: _Model) -> Path | None:
    """Return where the file of a model is, None without the package, which is not imported."""
    found = importlib.util.find_spec(_PACKAGE)
    return Path(found.origin).parent / model.file if found and found.origin else None


def _is_here(model: _Model) -> bool:
    path = _path(model)
    return path is not None and path.is_file()


def _card(model: _Model, network: CHGNet) -> SourceCard:
    """Return the card, with facts from the papers and the data sets' own pages."""
    energy = PropertyCard(
        name=model.property,
        unit="eV/atom",
        transform="identity",
        center=0.0,
        scale=1.0,
        clip=_UNLIMITED,
        n_rows=model.table["rows"],
    )
    n_elements = len(network.get_parameter("body.embedding.atoms.weight")) - 1
    return SourceCard(
        id=model.id,
        title=model.title,
        representation={"name": ChgnetGraphs.name, "version": ChgnetGraphs.version},
        network={"name": "chgnet", "arguments": {"n_elements": n_elements}},
        properties=(energy,),
        elements=tuple(z for z in range(1, n_elements + 1) if z not in _WITHOUT_DATA),
        training={"tables": [model.table], "settings": {"labels": list(_LABELS)}},
        held_out={},
        licence="BSD-3-Clause (weights and package)",
        reference={
            "structures": ChgnetGraphs.reference,
            "predictions": [[value] for value in model.reference],
        },
    )


def _source(model: _Model) -> ForeignSource:
    return ForeignSource(
        model.name, model.id, model.sha256, partial(load_chgnet, model), partial(_is_here, model)
    )


CHGNET, CHGNET_R2SCAN = map(_source, (_MPTRJ, _R2SCAN))
