"""Sources that the study pretrains itself, each when it is first needed.

Start, settings and crystals are those of the shipped source "mpt-structure", which knows two
properties; these know one, from all its rows or some. They differ only in what they learned.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from filelock import FileLock

from sktl.datasets import fetch_finetune_strategies
from sktl.exceptions import InputError
from sktl.representations import Crystals
from sktl.training import PropertyTable, digest_list_hash, pretrain

if TYPE_CHECKING:
    from sktl._types import PathLike

START = "chgnet"
MOST_ATOMS = 40
BATCH_SIZE = 32
EPOCHS, FEWEST_STEPS = 6, 200
HELD_OUT = "c822990ec8572fe15b66a29a9b5f7ca8d20f8626b2269f541e4542af386ae2a2"
"""Hash of the list of digests of compositions that the shipped sources never saw either."""


class Pretraining(NamedTuple):
    """What a source is pretrained on.

    Attributes
    ----------
    dataset : str
        The property.
    n_rows : int or None
        How many of its rows, drawn at random; None for all.
    """

    dataset: str
    n_rows: int | None = None


def pretrained(
    plan: Pretraining,
    data_folder: PathLike | None,
    source_folder: PathLike,
    held_out: Collection[str],
) -> Path:
    """Return the file of a source, which is pretrained if there is none.

    Parameters
    ----------
    plan : Pretraining
        What the source is pretrained on.
    data_folder : path-like or None
        Where the data are; see `fetch_finetune_strategies`.
    source_folder : path-like
        Where the files of sources are kept.
    held_out : collection of str
        Digests of compositions that never enter training: those of the list `HELD_OUT`, which has
        all test rows.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        Another list is held out, or none, or the property has fewer rows.
    """
    if digest_list_hash(held_out) != HELD_OUT:
        raise InputError(
            f"Got {len(held_out)} digests of held-out compositions for pretraining on "
            f"{plan.dataset!r}, expected the list with sha256 {HELD_OUT} (--held-out), which has "
            "all test rows."
        )
    folder = Path(source_folder)
    folder.mkdir(parents=True, exist_ok=True)
    name = plan.dataset if plan.n_rows is None else f"{plan.dataset}-{plan.n_rows}"
    path = folder / f"{name}.safetensors"
    checkpoint = path.with_suffix(".checkpoint")
    with FileLock(folder / f".{name}.lock"):  # of two processes, one pretrains
        if not path.is_file():
            table = _table(plan, data_folder, held_out)
            n_rows = len(table.materials)
            source = pretrain(
                table,
                id=f"study.{name}@1",
                title=f"For the study of strategies: {n_rows:,} rows of {plan.dataset}",
                source=START,
                epochs=max(EPOCHS, math.ceil(FEWEST_STEPS / math.ceil(n_rows / BATCH_SIZE))),
                batch_size=BATCH_SIZE,
                learning_rate=1e-3,
                held_out=held_out,
                holdout_fraction=0.0,
                licence=table.origin["licence"],
                checkpoint=checkpoint,
                progress=False,
            )
            source.save(path)
            checkpoint.unlink(missing_ok=True)
    return path


def _table(
    plan: Pretraining, data_folder: PathLike | None, held_out: Collection[str]
) -> PropertyTable:
    """Return the rows of a property that are not held out, all or some, as a table."""
    data = fetch_finetune_strategies(plan.dataset, folder=data_folder)
    small = [row for row, crystal in enumerate(data.structures) if len(crystal) <= MOST_ATOMS]
    crystals = Crystals.from_structures([data.structures[row] for row in small])
    held_out = frozenset(held_out)
    pairs = zip(small, crystals.digests(), strict=True)
    rows = np.array([row for row, digest in pairs if digest not in held_out], dtype=int)
    if plan.n_rows is not None:
        if plan.n_rows > len(rows):
            raise InputError(
                f"Got n_rows={plan.n_rows}, expected at most the {len(rows)} rows of "
                f"{plan.dataset!r} that are not held out."
            )
        rows = np.sort(np.random.default_rng(0).choice(rows, plan.n_rows, replace=False))
    structures = [data.structures[row] for row in rows]
    origin = {"doi": data.doi, "licence": data.licence, "most_atoms": MOST_ATOMS}
    return PropertyTable(plan.dataset, structures, data.y[rows], data.unit, origin=origin)
