"""What a user asks `pretrain` to do, checked before hours are spent on it."""

from __future__ import annotations

import numbers
import re
import sys
from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Any, NoReturn

from sktl._limits import LARGEST_SEED
from sktl.exceptions import InputError
from sktl.networks import Network
from sktl.representations import Rows
from sktl.sources import (
    Source,
    SourceCard,
    find_architecture,
    is_source_name,
    random_network,
)

_DIGEST = re.compile("[0-9a-f]{16}")


@dataclass(frozen=True)
class PretrainSettings:
    """How a source is trained: plain data that goes into its card.

    Attributes
    ----------
    network : str
        Name of the network.
    network_arguments : dict
        Further arguments of the network.
    epochs, batch_size : int
        Epochs, each over all compositions, and compositions of a step.
    learning_rate, weight_decay : float
        Settings of AdamW.
    seed : int
        Source of all randomness.
    start : Source or None
        Source whose body the network starts from; `network` and `network_arguments` are its own.
    """

    network: str
    network_arguments: dict[str, Any]
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    seed: int
    start: Source | None = None

    def check(self) -> None:
        """Raise unless every setting is usable; the message names the parameter and its value.

        Raises
        ------
        InputError
            A setting is of the wrong kind or out of its range.
        """
        if find_architecture(self.network).reads == "columns":
            _refuse("network", self.network, "one that reads formulas or structures")
        for name, low in (("epochs", 1), ("batch_size", 1), ("seed", 0)):
            value = getattr(self, name)
            if not _is_real(value) or not isinstance(value, numbers.Integral) or value < low:
                _refuse(name, value, f"an integer of at least {low}")
        if self.seed > LARGEST_SEED:
            _refuse("seed", self.seed, f"an integer of at most {LARGEST_SEED}")
        if not _is_real(self.learning_rate) or self.learning_rate <= 0:
            _refuse("learning_rate", self.learning_rate, "a positive number")
        if not _is_real(self.weight_decay) or self.weight_decay < 0:
            _refuse("weight_decay", self.weight_decay, "a number of at least 0")

    def to_dict(self) -> dict[str, Any]:
        """Return all settings as a card holds them, the network's under one key."""
        names = [field.name for field in fields(self) if field.name != "start"]
        settings = {name: getattr(self, name) for name in names}
        arguments = settings.pop("network_arguments")
        if self.start is not None:
            settings["start"] = {"id": self.start.card.id, "sha256": self.start.sha256}
        return {**settings, "network": {"name": self.network, "arguments": arguments}}

    def new_network(self, n_outputs: int, rows: Rows) -> Network:
        """Return the network that training starts from; torch's random state is as before.

        Its weights are random, of the seed, or those of `start` with a new head for encoded rows.
        """
        if self.start is not None:
            return self.start.new_network(n_outputs, rows)
        return random_network(self.network, n_outputs, self.network_arguments, self.seed)


def check_identity(id: str, title: str, licence: str) -> None:
    """Raise unless a source can be called this.

    Raises
    ------
    InputError
        The id is no name, or title or licence are not text.
    """
    if not isinstance(id, str) or not is_source_name(id):
        _refuse("id", id, "letters, digits and . _ @ + -, such as 'oqmd.band-gap@1'")
    for name, value in (("title", title), ("licence", licence)):
        if not isinstance(value, str) or not value.strip():
            _refuse(name, value, "a line of text")


def check_held_out(held_out: Collection[str], fraction: float) -> frozenset[str]:
    """Return the digests of held-out compositions as a frozenset.

    Raises
    ------
    InputError
        An item is not a digest, or the fraction is not in its range.
    """
    if not _is_real(fraction) or not 0 <= fraction < 1:
        _refuse("holdout_fraction", fraction, "0 <= fraction < 1")
    if isinstance(held_out, str | bytes):
        _refuse("held_out", held_out, "a collection of digests")
    held_out = frozenset(held_out)
    for digest in held_out:
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            _refuse("held_out digest", digest, "16 hexadecimal digits in lower case")
    return held_out


def check_card(card: SourceCard) -> None:
    """Raise unless a card can be written: names, units, origins, arguments are plain data.

    Raises
    ------
    InputError
        The card that tables and settings make cannot be stored.
    """
    try:
        SourceCard.from_json(card.to_json())
    except (TypeError, ValueError) as error:
        raise InputError(f"Tables and settings do not make a valid card: {error}") from error


def _is_real(value: Any) -> bool:
    most = sys.float_info.max
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return bool(real and -most <= value <= most)


def _refuse(name: str, value: object, expected: str) -> NoReturn:
    raise InputError(f"Got {name}={value!r}, expected {expected}.")
