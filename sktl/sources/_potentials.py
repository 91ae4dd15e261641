"""What the sources that are interatomic potentials of other publishers share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from sktl.representations import StructureRepresentation
from sktl.sources._card import PropertyCard, SourceCard
from sktl.sources._foreign import ForeignSource
from sktl.sources._source import Source

_LABELS = ("energy", "forces", "stresses")
_UNLIMITED = (-1e6, 1e6)  # labels were not clipped

MPTRJ: dict[str, Any] = {
    "name": "MPtrj",
    "database": "Materials Project",
    "rows": 1_580_395,
    "doi": ["10.6084/m9.figshare.23713842", "10.1038/s42256-023-00716-3"],
    "licence": "CC-BY-4.0",
}
"""What cards say of the relaxations of the Materials Project."""


@dataclass(frozen=True)
class Release:
    """What is known of a file of a publisher besides its content.

    Attributes
    ----------
    name, id : str
        Of the source.
    file, sha256 : str
        Where the file is below the publisher's folder, and its hash.
    property, title : str
        For the card: what is predicted, eV/atom.
    table : dict
        For the card: what the network was trained on.
    reference : tuple of float
        Predictions for the reference structures.
    labels : tuple of str
        What it was trained to.
    """

    name: str
    file: str
    id: str
    sha256: str
    property: str
    title: str
    table: dict[str, Any]
    reference: tuple[float, ...]
    labels: tuple[str, ...] = _LABELS

    def card(
        self,
        network: str,
        arguments: dict[str, Any],
        representation: type[StructureRepresentation],
        elements: Iterable[int],
        licence: str,
    ) -> SourceCard:
        """Return the card, with facts from the papers and the data sets' own pages."""
        energy = PropertyCard(
            name=self.property,
            unit="eV/atom",
            transform="identity",
            center=0.0,
            scale=1.0,
            clip=_UNLIMITED,
            n_rows=self.table["rows"],
        )
        return SourceCard(
            id=self.id,
            title=self.title,
            representation={"name": representation.name, "version": representation.version},
            network={"name": network, "arguments": arguments},
            properties=(energy,),
            elements=tuple(elements),
            training={"tables": [self.table], "settings": {"labels": list(self.labels)}},
            held_out={},
            licence=licence,
            reference={
                "structures": representation.reference,
                "predictions": [[value] for value in self.reference],
            },
        )

    def source(
        self, load: Callable[[Release], Source], is_here: Callable[[Release], bool]
    ) -> ForeignSource:
        """Return the source, which `load` loads, if `is_here` says that its file is at hand."""
        return ForeignSource(
            self.name, self.id, self.sha256, partial(load, self), partial(is_here, self)
        )
