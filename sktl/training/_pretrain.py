"""Pretraining of a source on one or many tables of labels."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from skorch.callbacks import Callback
from skorch.history import History

from sktl._checks import resolve_device
from sktl._progress import Work, note, run_work, show_progress
from sktl._types import PathLike
from sktl.exceptions import InputError
from sktl.networks import Network
from sktl.sources import Source, find_architecture, load_source
from sktl.training._checkpoint import Checkpoint
from sktl.training._labels import PropertyTable
from sktl.training._loop import LabelledRows, train
from sktl.training._losses import MaskedL1
from sktl.training._policy import Policy
from sktl.training._problem import PretrainProblem
from sktl.training._progress import BatchCounter
from sktl.training._settings import PretrainSettings, check_card, check_held_out, check_identity


def pretrain(
    tables: PropertyTable | Sequence[PropertyTable],
    *,
    id: str,
    title: str,
    source: PathLike | Source | None = None,
    network: str = "composition",
    network_arguments: Mapping[str, Any] | None = None,
    epochs: int = 30,
    batch_size: int = 512,
    learning_rate: float = 2e-3,
    weight_decay: float = 1e-2,
    held_out: Collection[str] = (),
    holdout_fraction: float = 0.03,
    licence: str = "unspecified",
    checkpoint: PathLike | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: bool = True,
) -> Source:
    """Pretrain a network on one or many properties and return it as a source.

    Every material, a composition or a crystal, is one row. A property that it lacks is masked; of
    several labels the median is taken. Labels are clipped at their outermost 0.02 %, and at 10
    times the range of their central 90 % from the median, transformed as the table says and
    standardised. The loss is the mean absolute error. Each label of a property with n labels has
    the weight ``n ** -0.5``, so that large tables do not dominate small ones. Held-out compositions
    enter neither training nor scaling; the card states the error on them.

    Parameters
    ----------
    tables : PropertyTable or sequence of PropertyTable
        One for each property.
    id : str
        Id of the new source, ``dataset.property@version``.
    title : str
        One line that says what it is.
    source : str, path-like, Source or None, default=None
        Source to start from: its network, with a new head. None starts from random weights.
    network : str, default="composition"
        Name of an architecture: "composition" (CompositionNet on element tokens), "elemnet"
        (ElemNet on elemental fractions), "alignn" (ALIGNN on crystals), or one registered by
        `register_architecture`; not used with a `source`.
    network_arguments : dict, optional
        Further arguments of the network; none with a `source`.
    epochs : int, default=30
        Epochs, each over all materials.
    batch_size : int, default=512
        Materials of a step.
    learning_rate : float, default=2e-3
        Highest rate of AdamW; it rises for a tenth of the steps and falls along a cosine.
    weight_decay : float, default=1e-2
        Decoupled weight decay.
    held_out : collection of str
        Digests of compositions that never enter training, in whatever structure.
    holdout_fraction : float, default=0.03
        Share of the other compositions that is held out as well, chosen by digest.
    licence : str
        Licence of the weights.
    checkpoint : path-like, optional
        File that is replaced after every epoch. A run that finds it continues from there, with the
        same result as an uninterrupted run.
    seed : int, default=0
        Source of all randomness; on the CPU a run repeats bit for bit with the same number of
        threads.
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
        A formula cannot be read; the message names the table and the row.
    InputError
        A table is malformed, a property has no label left to train on, a setting is out of its
        range, or the training diverged.
    SourceIntegrityError
        The checkpoint is damaged or belongs to another run.
    KeyboardInterrupt
        The run was stopped; the checkpoint of the last whole epoch stays.

    See Also
    --------
    register_source : Give the result a name.

    Notes
    -----
    The weights are rounded to half precision, as they are in a file, before the errors are
    computed.

    References
    ----------
    Multi-property pretraining: doi:10.1038/s41524-024-01486-1.

    Examples
    --------
    >>> from sktl import PropertyTable, pretrain
    >>> table = PropertyTable("gap", ["NaCl", "GaAs", "Si", "ZnO"], [8.5, 1.4, 1.1, 3.3], "eV")
    >>> tiny = {"width": 16, "n_attention": 1, "trunk_width": 16, "n_trunk": 1}
    >>> settings = {"network_arguments": tiny, "epochs": 2, "progress": False}
    >>> source = pretrain(table, id="toy.gap@1", title="Four gaps", **settings)
    >>> source.card.property_names, source.predict(["NaZn"]).shape
    (('gap',), (1, 1))
    """
    check_identity(id, title, licence)
    numbers = epochs, batch_size, learning_rate, weight_decay, seed
    settings = _settings(source, network, network_arguments, numbers)
    digests = check_held_out(held_out, holdout_fraction)
    device = resolve_device(device)
    tables = [tables] if isinstance(tables, PropertyTable) else list(tables)
    representation = find_architecture(settings.network).representation()
    problem = PretrainProblem.prepare(tables, representation, digests, holdout_fraction)
    card = problem.card(id, title, licence, settings)
    check_card(card)
    net = settings.new_network(len(tables), problem.training_rows)
    work = Work(f"Pretraining {id}", unit="batches")
    with show_progress(work.title) if progress else contextlib.nullcontext(), run_work(work):
        history = _train(problem, net, settings, checkpoint, device, work)
    if progress:
        note(work.words())
    return problem.source(card, net, history)


def _settings(
    source: PathLike | Source | None,
    network: str,
    arguments: Mapping[str, Any] | None,
    numbers: tuple[int, int, float, float, int],
) -> PretrainSettings:
    """Return checked settings, with the network of a source if there is one to start from."""
    start = None if source is None else load_source(source)
    if start is not None:
        if arguments is not None:
            raise InputError(
                f"Got network_arguments={arguments!r} and a source, expected one of them: the "
                f"network is that of {start.card.id}."
            )
        network, arguments = start.card.network["name"], start.card.network["arguments"]
    if not isinstance(arguments, Mapping | None):
        raise InputError(f"Got network_arguments={arguments!r}, expected a dict.")
    settings = PretrainSettings(network, dict(arguments or {}), *numbers, start)
    settings.check()
    return settings


def _train(
    problem: PretrainProblem,
    net: Network,
    settings: PretrainSettings,
    checkpoint: PathLike | None,
    device: str,
    work: Work,
) -> History:
    """Train the network, resuming as asked and counting its batches, and return the history."""
    callbacks: list[Callback] = [BatchCounter(work)]
    resume = None
    if checkpoint is not None:
        kept = Checkpoint(checkpoint, problem.fingerprint(settings))
        callbacks, resume = [kept, *callbacks], kept.resume
    history = train(
        net,
        LabelledRows(problem.rows, problem.z, indices=np.flatnonzero(~problem.out)),
        MaskedL1((problem.counts / problem.counts.max()) ** -0.5),
        Policy(
            max_epochs=settings.epochs,
            batch_size=settings.batch_size,
            learning_rate=settings.learning_rate,
            head_rate_factor=1.0,
            weight_decay=settings.weight_decay,
        ),
        seed=settings.seed,
        device=device,
        callbacks=callbacks,
        resume=resume,
    )
    return history
