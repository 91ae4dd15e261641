"""Pretraining of a source on one or many tables of labels."""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import torch

from sktl._checks import resolve_device
from sktl._version import __version__
from sktl.exceptions import InputError
from sktl.sources import (
    NETWORKS,
    REPRESENTATIONS,
    PropertyCard,
    Source,
    SourceCard,
    build_network,
    run_rows,
)
from sktl.training._checkpoint import Checkpoint
from sktl.training._labels import Labels, LabelScale, join_tables
from sktl.training._loop import LabelledRows, Policy, train
from sktl.training._losses import MaskedL1
from sktl.training._progress import Progress

DIGEST_RULE = "first 16 hex digits of sha256 of the key Z:fraction (4 decimals, ascending Z), joined by ';'"
REFERENCE_FORMULAS = ("NaCl", "Fe2O3", "GaAs", "BaTiO3", "MgAl2O4", "LiFePO4", "Cu0.7Zn0.3", "Si")


def pretrain(
    tables,
    *,
    id,
    title,
    network="composition",
    network_arguments=None,
    epochs=30,
    batch_size=512,
    learning_rate=2e-3,
    weight_decay=1e-2,
    held_out=(),
    holdout_fraction=0.03,
    licence="unspecified",
    checkpoint=None,
    seed=0,
    device="auto",
    progress=True,
):
    """Pretrain a network on one or many properties and return it as a source.

    Every composition is one row; a property that it lacks is masked. Labels are clipped at their
    outermost 0.02 %, transformed as the table says and standardised; the loss is the mean absolute
    error, in which a property with n labels weighs n ** -0.5 a label, so that no large table drowns a small one.
    Compositions that are held out enter neither training nor scaling; the card states the error on them.

    Parameters
    ----------
    tables : sequence of PropertyTable
        One for each property.
    id : str
        Id of the new source, ``dataset.property@version``.
    title : str
        One line that says what it is.
    network : {"composition", "elemnet"}, default="composition"
        CompositionNet on element tokens or ElemNet on elemental fractions.
    network_arguments : dict, optional
        Further arguments of the network.
    epochs : int, default=30
        Passes over the compositions.
    batch_size : int, default=512
        Compositions of a step.
    learning_rate : float, default=2e-3
        Highest rate of AdamW; it rises for a tenth of the steps and falls along a cosine.
    weight_decay : float, default=1e-2
        Decoupled weight decay.
    held_out : collection of str
        Digests of compositions that never enter training.
    holdout_fraction : float, default=0.03
        Share of the other compositions that is held out as well, chosen by digest.
    licence : str
        Licence of the weights.
    checkpoint : path-like, optional
        File that is replaced after every epoch; a run that finds it goes on from there, with the
        same result as an unbroken run.
    seed : int, default=0
        Source of all randomness; on the CPU a run repeats bit for bit with the same number of threads.
    device : {"auto", "cpu", "cuda"}, default="auto"
        Where to train.
    progress : bool, default=True
        Show a bar with the time left.

    Returns
    -------
    Source

    Raises
    ------
    FormulaError
        A formula cannot be read.
    InputError
        A table is malformed, or a property has no label left to train on.
    SourceIntegrityError
        The checkpoint belongs to another run.

    References
    ----------
    Multi-property pretraining: doi:10.1038/s41524-024-01486-1.
    """
    held_out = frozenset(held_out)
    problem = _Problem.prepare(tables, network, held_out, holdout_fraction)
    settings = {
        "network": {"name": network, "arguments": dict(network_arguments or {})},
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "seed": seed,
    }
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = build_network(network, len(tables), settings["network"]["arguments"])
    callbacks, resume = [], None
    if checkpoint is not None:
        callbacks.append(Checkpoint(checkpoint, problem.fingerprint(settings)))
        resume = callbacks[0].resume
    if progress:
        callbacks.append(Progress(id))
    history = train(
        net,
        LabelledRows(problem.rows, problem.z, indices=np.flatnonzero(~problem.out)),
        MaskedL1((problem.counts / problem.counts.max()) ** -0.5),
        Policy(epochs, batch_size, learning_rate, weight_decay=weight_decay),
        seed=seed,
        device=resolve_device(device),
        callbacks=callbacks,
        resume=resume,
    )
    settings |= {
        "final_loss": history[-1, "train_loss"],
        "seconds": round(sum(history[:, "dur"])),
        "versions": {"sktl": __version__, "torch": torch.__version__},
        "date": datetime.now(UTC).date().isoformat(),
    }
    kept_out = {
        "rule": DIGEST_RULE,
        "sha256": digest_list_hash(held_out),
        "n_digests": len(held_out),
        "fraction": holdout_fraction,
        "n_compositions": int(problem.out.sum()),
    }
    return problem.source(net, id, title, licence, settings, kept_out)


def digest_list_hash(digests):
    """Return the sha256 of a collection of digests: sorted, one a line."""
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


@dataclass
class _Problem:
    """What is learned: encoded compositions, scaled labels, and which rows are held out."""

    tables: list
    network: str
    labels: Labels
    rows: object
    out: np.ndarray
    scales: list
    z: np.ndarray
    counts: np.ndarray

    @classmethod
    def prepare(cls, tables, network, held_out, fraction):
        labels = join_tables(tables)
        digests = labels.compositions.digests()
        share = np.array([int(digest[:8], 16) / 16**8 for digest in digests])
        out = np.array([digest in held_out for digest in digests]) | (share < fraction)
        counts = (~np.isnan(labels.y[~out])).sum(axis=0)
        for table, count in zip(tables, counts, strict=True):
            if not count:
                raise InputError(f"Table {table.name} has no label outside the held-out compositions.")
        scales = [
            LabelScale.fit(y[~out & ~np.isnan(y)], table.transform)
            for y, table in zip(labels.y.T, tables, strict=True)
        ]
        z = np.column_stack([scale.to_z(y) for scale, y in zip(scales, labels.y.T, strict=True)])
        rows = REPRESENTATIONS[network]().encode(labels.compositions)
        return cls(tables, network, labels, rows, out, scales, z.astype(np.float32), counts)

    def fingerprint(self, settings):
        """Return a hash of the data and the settings of this run."""
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
        compositions = self.labels.compositions
        for part in (compositions.numbers, compositions.fractions, self.z, self.out):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()

    def source(self, net, id, title, licence, settings, held_out):
        """Return the trained network as a source, with its errors on the held-out rows."""
        representation = REPRESENTATIONS[self.network]
        trained = self.labels.compositions.take(np.flatnonzero(~self.out))
        origins = [
            {"name": table.name, "rows": len(table.values), **table.origin} for table in self.tables
        ]
        card = SourceCard(
            id=id,
            title=title,
            representation={"name": representation.name, "version": representation.version},
            network=settings.pop("network"),
            properties=self.property_cards(),
            elements=tuple(np.unique(trained.numbers).tolist()),
            training={"tables": origins, "n_compositions": len(trained), "settings": settings},
            held_out=held_out,
            licence=licence,
            reference={"formulas": list(REFERENCE_FORMULAS), "predictions": []},
        )
        source = Source(card, net)
        source.card = replace(card, properties=self.property_cards(self.holdout_predictions(source)))
        return source

    def holdout_predictions(self, source):
        """Return the source's predictions for the held-out rows, (n_out, p), NaN elsewhere."""
        found = np.full_like(self.labels.y, np.nan)
        place = np.flatnonzero(self.out)
        held = REPRESENTATIONS[self.network]().encode(self.labels.compositions.take(place))
        found[place] = source.card.to_units(run_rows(source.network, held)) if len(place) else 0
        return found

    def property_cards(self, found=None):
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
            y = self.labels.y[:, i]
            judged = self.out & ~np.isnan(y)
            if found is not None and judged.any():
                median = np.median(y[~self.out & ~np.isnan(y)])
                card = replace(
                    card,
                    holdout_mae=float(np.abs(found[judged, i] - y[judged]).mean()),
                    holdout_baseline_mae=float(np.abs(median - y[judged]).mean()),
                    holdout_rows=int(judged.sum()),
                )
            cards.append(card)
        return tuple(cards)
