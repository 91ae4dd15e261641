"""The source "chgnet": the weights of CHGNet, where its own package is installed."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path

import torch

from sktl.exceptions import SourceIntegrityError, SourceNotFoundError
from sktl.networks import CHGNet
from sktl.representations import ChgnetGraphs
from sktl.sources._card import PropertyCard, SourceCard
from sktl.sources._checkpoint import read_content
from sktl.sources._foreign import ForeignSource
from sktl.sources._source import Source

_PACKAGE = "chgnet"
_ID = "mptrj.energy-per-atom@0.3.0"
_SHA256 = "d14ab7c0f093efe64b60a7bcd540bca10e74fb7f46c86108a079af60524659d1"

_FILE = "pretrained/0.3.0/chgnet_0.3.0_e29f68s314m37.pth.tar"
_WITHOUT_DATA = range(84, 89)  # Po to Ra: their vectors are as they were before training
_REFERENCE = [[-3.6664295], [-5.3121791], [-4.0587187], [-3.5375535], [-8.4182606]]
_LABELS = ("energy", "forces", "stresses", "magnetic moments")
_UNLIMITED = (-1e6, 1e6)  # labels were not clipped


def is_installed() -> bool:
    """Tell whether the package chgnet, which has the weights, is there; it is not imported."""
    return _folder() is not None


def load_chgnet() -> Source:
    """Return CHGNet 0.3.0 as a source: energy per atom in eV.

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
    folder = _folder()
    if folder is None:
        raise SourceNotFoundError(
            "Got source='chgnet', whose weights are in the package chgnet, expected that to be "
            "installed: pip install sktl[structures]"
        )
    path = folder / _FILE
    if not path.is_file():
        raise SourceIntegrityError(f"{path.name} is missing: this is another version of chgnet.")
    content = read_content(path, _SHA256)
    model = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)["model"]
    network = CHGNet.from_chgnet(model["state_dict"], model["model_args"])
    return Source(_card(network), network, _SHA256, half=False)


def _folder() -> Path | None:
    found = importlib.util.find_spec(_PACKAGE)
    return Path(found.origin).parent if found is not None and found.origin else None


def _card(network: CHGNet) -> SourceCard:
    """Return the card, with facts from the paper and the data set's own page."""
    energy = PropertyCard(
        name="mptrj_energy_per_atom",
        unit="eV/atom",
        transform="identity",
        center=0.0,
        scale=1.0,
        clip=_UNLIMITED,
        n_rows=1_580_395,
    )
    table = {
        "name": "MPtrj",
        "database": "Materials Project",
        "rows": 1_580_395,
        "doi": ["10.6084/m9.figshare.23713842", "10.1038/s42256-023-00716-3"],
        "licence": "CC-BY-4.0",
    }
    n_elements = len(network.get_parameter("body.embedding.atoms.weight")) - 1
    arguments = {"n_elements": n_elements}
    return SourceCard(
        id=_ID,
        title="CHGNet 0.3.0: energies along relaxations of the Materials Project",
        representation={"name": ChgnetGraphs.name, "version": ChgnetGraphs.version},
        network={"name": "chgnet", "arguments": arguments},
        properties=(energy,),
        elements=tuple(z for z in range(1, n_elements + 1) if z not in _WITHOUT_DATA),
        training={"tables": [table], "settings": {"labels": list(_LABELS)}},
        held_out={},
        licence="BSD-3-Clause (weights and package)",
        reference={"structures": ChgnetGraphs.reference, "predictions": _REFERENCE},
    )


CHGNET = ForeignSource("chgnet", _ID, _SHA256, load_chgnet, is_installed)
