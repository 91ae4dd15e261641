"""What a pretraining run learns: encoded materials, scaled labels, and what is held out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

import numpy as np
import torch
from skorch.history import History

from sktl._types import BoolArray, FloatArray, IntArray, SingleArray
from sktl._version import __version__
from sktl.exceptions import InputError
from sktl.networks import Network
from sktl.representations import Representation, Rows
from sktl.sources import PropertyCard, Source, SourceCard, run_rows
from sktl.training._labels import (
    Batch,
    Labels,
    LabelScale,
    PropertyTable,
    join_tables,
)
from sktl.training._settings import PretrainSettings

DIGEST_RULE = (
    "first 16 hex digits of sha256 of the key Z:fraction (4 decimals, ascending Z), joined by ';'"
)


def digest_list_hash(digests: Collection[str]) -> str:
    """Return the sha256 of a collection of digests: sorted, one a line."""
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


def digest_share(digest: str) -> float:
    """Return which share of all possible digests is below this one: it may be held out by that."""
    return int(digest[:8], 16) / 16**8


@dataclass
class PretrainProblem:
    """Encoded materials, scaled labels, and which rows are held out.

    Attributes
    ----------
    tables : list of PropertyTable
        p tables.
    representation : ElementTokens, ElementFractions or CrystalGraphs
        Reads and encodes materials.
    labels : Labels
        n distinct materials with labels in user units.
    rows : TokenRows, ColumnRows or CrystalRows
        The materials, encoded.
    out, listed : bool array (n,)
        Rows that enter neither training nor scaling, and those of them that a list named.
    held_out : dict
        The card's account of them.
    scales : list of LabelScale
        One for each property.
    z : float32 array (n, p)
        Scaled labels; NaN where missing.
    counts : int array (p,)
        Training labels of each property.
    """

    tables: list[PropertyTable]
    representation: Representation
    labels: Labels
    rows: Rows
    out: BoolArray
    listed: BoolArray
    held_out: dict[str, Any]
    scales: list[LabelScale]
    z: SingleArray
    counts: IntArray

    @classmethod
    def prepare(
        cls,
        tables: list[PropertyTable],
        representation: Representation,
        held_out: Collection[str],
        fraction: float,
    ) -> Self:
        """Join tables and hold out the digests given, and those in the lowest `fraction` of all."""
        labels = join_tables(tables, representation)
        digests = labels.materials.digests()
        share = np.array([digest_share(digest) for digest in digests])
        listed = np.array([digest in held_out for digest in digests], dtype=bool)
        out = listed | (share < fraction)
        counts = (~np.isnan(labels.y[~out])).sum(axis=0)
        for table, count in zip(tables, counts, strict=True):
            if not count:
                raise InputError(
                    f"Table {table.name} has no label outside the held-out compositions."
                )
        columns = [labels.y[:, k] for k in range(labels.y.shape[1])]
        scales = [
            LabelScale.fit(y[~out & ~np.isnan(y)], table.transform)
            for y, table in zip(columns, tables, strict=True)
        ]
        scaled = [scale.to_z(y) for scale, y in zip(scales, columns, strict=True)]
        z = np.column_stack([y.astype(np.float32) for y in scaled])
        kept_out = {
            "rule": DIGEST_RULE,
            "sha256": digest_list_hash(held_out),
            "n_digests": len(held_out),
            "fraction": fraction,
            "n_compositions": len({digests[row] for row in np.flatnonzero(out)}),
        }
        rows = representation.encode(labels.materials)
        return cls(tables, representation, labels, rows, out, listed, kept_out, scales, z, counts)

    @property
    def training_rows(self) -> Rows:
        """The encoded materials that are not held out."""
        return self.rows.take(np.flatnonzero(~self.out))

    def fingerprint(self, settings: PretrainSettings) -> str:
        """Return a hash of the data and the settings of this run."""
        digest = hashlib.sha256(json.dumps(settings.to_dict(), sort_keys=True).encode())
        digest.update("\n".join(self.labels.materials.keys()).encode())
        for part in (self.z, self.out):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()

    def card(self, id: str, title: str, licence: str, settings: PretrainSettings) -> SourceCard:
        """Return the card before training: all but errors, results and reference predictions."""
        trained = self.labels.materials.take(np.flatnonzero(~self.out)).compositions
        elements = set(np.unique(trained.numbers).tolist())
        if settings.start is not None:
            elements |= set(settings.start.card.elements)
        plain = settings.to_dict()
        network = plain.pop("network")
        origins = [
            {"name": table.name, "rows": len(table.materials), **table.origin}
            for table in self.tables
        ]
        n_compositions = len(set(trained.keys()))
        return SourceCard(
            id=id,
            title=title,
            representation={
                "name": self.representation.name,
                "version": self.representation.version,
            },
            network=network,
            properties=self._property_cards(),
            elements=tuple(sorted(elements)),
            training={"tables": origins, "n_compositions": n_compositions, "settings": plain},
            held_out=self.held_out,
            licence=licence,
        )

    def source(self, card: SourceCard, net: Network, history: History) -> Source:
        """Return the trained network as a source, with its errors on the held-out rows."""
        network = Source(card, net).network
        found = np.full_like(self.labels.y, np.nan)
        if self.out.any():
            held = self.labels.materials.take(np.flatnonzero(self.out))
            found[self.out] = self._predict(card, network, held)
        entries = self.representation.reference
        shown = self.representation.read_reference(entries)
        predictions = self._predict(card, network, shown).tolist()
        results = {
            "final_loss": float(history[-1, "train_loss"]),
            "seconds": round(sum(history[:, "dur"])),
            "versions": {"sktl": __version__, "torch": torch.__version__},
            "date": datetime.now(UTC).date().isoformat(),
        }
        card = replace(
            card,
            properties=self._property_cards(found),
            training={**card.training, "settings": {**card.training["settings"], **results}},
            reference={self.representation.reads: entries, "predictions": predictions},
        )
        return Source(card, network)

    def _predict(self, card: SourceCard, network: Network, batch: Batch) -> FloatArray:
        """Return predictions for a batch of materials, (n, p), in the units of the tables."""
        return card.to_units(run_rows(network, self.representation.encode(batch)))

    def _property_cards(self, found: FloatArray | None = None) -> tuple[PropertyCard, ...]:
        """Return a card for each property, with hold-out errors where there are predictions."""
        cards = []
        for i, (table, scale) in enumerate(zip(self.tables, self.scales, strict=True)):
            card = PropertyCard(
                name=table.name,
                unit=table.unit,
                transform=scale.transform,
                center=scale.center,
                scale=scale.scale,
                clip=scale.clip,
                n_rows=int(self.counts[i]),
            )
            if found is not None:
                card = replace(
                    card,
                    **self._errors("holdout", self.out & ~self.listed, i, found),
                    **self._errors("listed", self.listed, i, found),
                )
            cards.append(card)
        return tuple(cards)

    def _errors(self, kind: str, rows: BoolArray, column: int, found: FloatArray) -> dict[str, Any]:
        """Return the errors of one property on some held-out rows, as entries of its card."""
        y = self.labels.y[:, column]
        known = ~np.isnan(y)
        judged = rows & known
        if not judged.any():
            return {}
        median = np.median(y[~self.out & known])
        return {
            f"{kind}_mae": float(np.abs(found[judged, column] - y[judged]).mean()),
            f"{kind}_baseline_mae": float(np.abs(median - y[judged]).mean()),
            f"{kind}_rows": int(judged.sum()),
        }
