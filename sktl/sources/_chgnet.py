"""The sources "chgnet" and "chgnet-r2scan": weights that are in the package chgnet."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path

import torch

from sktl.exceptions import SourceIntegrityError, SourceNotFoundError
from sktl.networks import CHGNet
from sktl.representations import ChgnetGraphs
from sktl.sources._card import SourceCard
from sktl.sources._checkpoint import read_content
from sktl.sources._potentials import MPTRJ, Release
from sktl.sources._source import Source

_PACKAGE = "chgnet"
_WITHOUT_DATA = range(84, 89)  # Po to Ra: their vectors are as they were before training
_LABELS = ("energy", "forces", "stresses", "magnetic moments")


_MPTRJ = Release(
    name="chgnet",
    file="pretrained/0.3.0/chgnet_0.3.0_e29f68s314m37.pth.tar",
    id="mptrj.energy-per-atom@0.3.0",
    sha256="d14ab7c0f093efe64b60a7bcd540bca10e74fb7f46c86108a079af60524659d1",
    property="mptrj_energy_per_atom",
    title="CHGNet 0.3.0: energies along relaxations of the Materials Project",
    table=MPTRJ,
    reference=(-3.6664295, -5.3121791, -4.0587187, -3.5375535, -8.4182606),
    labels=_LABELS,
)
_R2SCAN = Release(
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
    labels=_LABELS,
)


def load_chgnet(release: Release = _MPTRJ) -> Source:
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
    path = _path(release)
    if path is None:
        raise SourceNotFoundError(
            f"Got source={release.name!r}, whose weights are in the package chgnet, expected that "
            "to be installed: pip install sktl[structures]"
        )
    if not path.is_file():
        raise SourceIntegrityError(
            f"{path.name} is missing: this is another version of chgnet, expected 0.4.2."
        )
    content = read_content(path, release.sha256)
    stored = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)["model"]
    network = CHGNet.from_chgnet(stored["state_dict"], stored["model_args"])
    return Source(_card(release, network), network, release.sha256, half=False)


def _path(release: Release) -> Path | None:
    """Return where the file of a model is, None without the package, which is not imported."""
    found = importlib.util.find_spec(_PACKAGE)
    return Path(found.origin).parent / release.file if found and found.origin else None


def _is_here(release: Release) -> bool:
    path = _path(release)
    return path is not None and path.is_file()


def _card(release: Release, network: CHGNet) -> SourceCard:
    n_elements = len(network.get_parameter("body.embedding.atoms.weight")) - 1
    return release.card(
        "chgnet",
        {"n_elements": n_elements},
        ChgnetGraphs,
        [z for z in range(1, n_elements + 1) if z not in _WITHOUT_DATA],
        "BSD-3-Clause (weights and package)",
    )


CHGNET, CHGNET_R2SCAN = (each.source(load_chgnet, _is_here) for each in (_MPTRJ, _R2SCAN))
