"""Architectures: all that is known of a network, in one record, in one registry."""

from __future__ import annotations

import inspect
import math
import numbers
import re
import reprlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sktl.exceptions import InputError
from sktl.networks import Network
from sktl.representations import NumericColumns, Representation
from sktl.sources._card import is_source_name
from sktl.sources._foreign import ForeignSource, add_foreign
from sktl.sources._plugins import handle_group, load_plugins, plugin_problems

AUTO = "auto"
_FOR = {"formulas": "composition", "structures": "alignn", "columns": "columns"}
_DOI = re.compile(r"10\.\S+")
_records: dict[str, Architecture] = {}
_own: set[str] = set()


@dataclass(frozen=True)
class Schedule:
    """How long and how fast a network is trained where a user says nothing.

    Attributes
    ----------
    epochs : int
        Epochs over the training rows; few rows take more of them.
    learning_rate : float
        Highest learning rate of the body.
    """

    epochs: int
    learning_rate: float

    def __post_init__(self) -> None:
        if not isinstance(self.epochs, numbers.Integral) or self.epochs < 1:
            raise InputError(f"Got epochs={self.epochs!r}, expected an integer of at least 1.")
        rate = self.learning_rate
        if not isinstance(rate, numbers.Real) or not 0 < rate < math.inf:
            raise InputError(f"Got learning_rate={rate!r}, expected a positive number.")


_FINE_TUNING = {
    "formulas": Schedule(epochs=12, learning_rate=6e-4),
    "structures": Schedule(epochs=12, learning_rate=2e-3),
}
_FROM_SCRATCH = {
    "formulas": Schedule(epochs=40, learning_rate=1e-3),
    "structures": Schedule(epochs=40, learning_rate=3e-3),
    "columns": Schedule(epochs=40, learning_rate=1e-3),
}


@dataclass(frozen=True)
class Architecture:
    """All that sktl knows of a network besides its weights.

    `register_architecture` makes it known under its name.

    Parameters
    ----------
    name : str
        Name in cards, files and the parameter `network`; it never changes its meaning.
    network : type
        Subclass of `sktl.networks.Network`.
    representation : type
        Subclass of `sktl.representations.Representation`: what the network reads.
    title : str
        Name for people, such as "ALIGNN".
    references : tuple of (str, str), default=()
        Label and DOI of publications that a user of the network cites.
    scratch_arguments : dict, default={}
        Arguments of networks that an estimator trains without a source, if not the network's own.
    from_scratch : bool, default=True
        Whether it is a choice of the estimators' parameter `network`; otherwise it is only
        fine-tuned from a source.
    takes_columns : bool, default=False
        Whether it is also trained, without a source, on numeric columns of any meaning. Their
        number is then the network's argument ``n_inputs``.
    fine_tuning, scratch : Schedule or None, default=None
        How long and how fast an estimator trains it from a source, and without one. None is the
        schedule of the built-in networks that read the same.
    sources : tuple of ForeignSource, default=()
        Weights from elsewhere that are sources of this network.
    slow_response : bool, default=False
        Whether the harmonic response in a potential of this network takes seconds a crystal. A
        stack then reads the embedding of such a source, and no response.

    Raises
    ------
    InputError
        A value is not what is expected here.

    See Also
    --------
    sktl.networks.check_network : Says what is wrong with a network.

    Examples
    --------
    >>> from sktl import Architecture
    >>> from sktl.networks import ElemNet
    >>> from sktl.representations import ElementFractions
    >>> record = Architecture("my-elemnet", ElemNet, ElementFractions, "My ElemNet")
    >>> record.reads, record.schedule(pretrained=True)
    ('formulas', Schedule(epochs=12, learning_rate=0.0006))
    """

    name: str
    network: type[Network]
    representation: type[Representation]
    title: str
    references: tuple[tuple[str, str], ...] = ()
    scratch_arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)
    from_scratch: bool = True
    takes_columns: bool = False
    fine_tuning: Schedule | None = None
    scratch: Schedule | None = None
    sources: tuple[ForeignSource, ...] = ()
    slow_response: bool = False

    def __post_init__(self) -> None:
        for name in ("references", "sources"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name, (holds, expected) in _RULES.items():
            if not holds(getattr(self, name)):
                shown = reprlib.repr(getattr(self, name))
                raise InputError(f"Got {name}={shown}, expected {expected}.")

    @property
    def reads(self) -> str:
        """What the network reads: "formulas", "structures" or "columns"."""
        return self.representation.reads

    def schedule(self, pretrained: bool) -> Schedule:
        """Return the `Schedule` for training from a source, or without one."""
        chosen = self.fine_tuning if pretrained else self.scratch
        return chosen or (_FINE_TUNING if pretrained else _FROM_SCRATCH)[self.reads]

    def column_representation(self) -> Representation | None:
        """Return a representation of numeric columns of any meaning, None where it takes none."""
        if self.reads == "columns":
            return self.representation()
        return NumericColumns() if self.takes_columns else None


def register_architecture(record: Architecture, *, overwrite: bool = False) -> Architecture:
    """Make a network known, so that it is pretrained, fine-tuned, saved and loaded by its name.

    It is known in this process. Others, such as joblib's workers, know it where the module that
    registers it is imported, or where its package announces the record by the entry-point group
    ``sktl.architectures``.

    Parameters
    ----------
    record : Architecture
        What is known of the network.
    overwrite : bool, default=False
        Replace another record of this name, as a notebook does whose cell is run again. The
        networks of sktl itself are never replaced.

    Returns
    -------
    Architecture
        The record.

    Raises
    ------
    InputError
        It is not a record, or another one has its name or announces one of its sources.

    See Also
    --------
    sktl.pretrain : Make a source of the network.

    Examples
    --------
    >>> from sktl import Architecture, register_architecture
    >>> from sktl.networks import ElemNet
    >>> from sktl.representations import ElementFractions
    >>> register_architecture(Architecture("elemnet", ElemNet, ElementFractions, "Mine"))
    Traceback (most recent call last):
        ...
    sktl.exceptions.InputError: Got the architecture 'elemnet', which is one of sktl itself: ...
    """
    if not isinstance(record, Architecture):
        raise InputError(f"Got record={record!r}, expected an Architecture.")
    known = _records.get(record.name, record)
    if known != record and record.name in _own:
        raise InputError(
            f"Got the architecture {record.name!r}, which is one of sktl itself: choose another "
            "name."
        )
    if known != record and not overwrite:
        raise InputError(
            f"Got the architecture {record.name!r}, which is another registered one: choose "
            "another name, or pass overwrite=True to replace it."
        )
    add_foreign(record.sources, instead_of=known.sources)
    _records[record.name] = record
    return record


def register_own(records: Iterable[Architecture]) -> None:
    """Register the architectures of sktl itself, whose names are never given away."""
    for record in records:
        register_architecture(record)
        _own.add(record.name)


def list_architectures() -> list[str]:
    """Return the names of all registered architectures, those of sktl itself first."""
    load_plugins()
    return list(_records)


def find_architecture(name: str) -> Architecture:
    """Return the registered architecture of a name.

    Parameters
    ----------
    name : str
        Name of the network, as in cards and files.

    Returns
    -------
    Architecture

    Raises
    ------
    InputError
        No architecture has this name.

    Examples
    --------
    >>> from sktl.sources import find_architecture
    >>> find_architecture("alignn").network
    <class 'sktl.networks._alignn.ALIGNN'>
    """
    record = _known(name)
    if record is None:
        raise InputError(_unknown(name, list(_records)))
    return record


def find_choice(name: str) -> Architecture | None:
    """Return the architecture that an estimator's parameter `network` names, None for "auto".

    Raises
    ------
    InputError
        It is not a choice: no such architecture, or one that is not trained from scratch.
    """
    if name == AUTO:
        return None
    record = _known(name)
    if record is None or not record.from_scratch:
        choices = [each.name for each in _records.values() if each.from_scratch]
        raise InputError(_unknown(name, [AUTO, *choices]))
    return record


def default_architecture(kind: str) -> Architecture:
    """Return the architecture that "auto" stands for with input of a kind, as `READS` names it."""
    return _records[_FOR[kind]]


def architecture_of(part: object) -> Architecture:
    """Return the registered architecture to which a network, or a representation, belongs.

    Raises
    ------
    InputError
        There is none with its class.
    """
    for record in _records.values():
        if type(part) in (record.network, record.representation):
            return record
    raise InputError(
        f"Got an object of the class {type(part).__qualname__}, expected the network or the "
        "representation of a registered architecture: see sktl.register_architecture."
    )


def _known(name: object) -> Architecture | None:
    """Return the record of a name, None if no package announces it either."""
    if not isinstance(name, str):
        return None
    if name not in _records:
        load_plugins()
    return _records.get(name)


def _unknown(name: object, names: Iterable[str]) -> str:
    return (
        f"Got network={name!r}, expected one of {', '.join(map(repr, names))}. A network of your "
        "own is registered by sktl.register_architecture, in each process, or announced by an "
        f"installed package.{plugin_problems()}"
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_name(value: object) -> bool:
    return isinstance(value, str) and is_source_name(value) and value != AUTO


def _is_network(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Network) and value is not Network


def _is_representation(value: Any) -> bool:
    return (
        isinstance(value, type)
        and issubclass(value, Representation)
        and not inspect.isabstract(value)
        and _is_text(getattr(value, "name", None))
        and isinstance(getattr(value, "version", None), int)
        and getattr(value, "reads", None) in _FOR
        and (value.reads == "columns" or bool(getattr(value, "reference", ())))
    )


def _is_reference(value: object) -> bool:
    return (
        isinstance(value, tuple | list)
        and len(value) == 2
        and _is_text(value[0])
        and isinstance(value[1], str)
        and bool(_DOI.fullmatch(value[1]))
    )


_FLAG = (lambda value: isinstance(value, bool), "True or False")
_SCHEDULE = (lambda value: isinstance(value, Schedule | None), "a Schedule or None")
_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "name": (_is_name, "letters, digits and . _ @ + -, such as 'my-network', and not 'auto'"),
    "network": (_is_network, "a subclass of sktl.networks.Network"),
    "representation": (
        _is_representation,
        "a subclass of sktl.representations.Representation with name, version, reads, reference "
        "and encode",
    ),
    "title": (_is_text, "a line of text"),
    "references": (
        lambda value: all(map(_is_reference, value)),
        "pairs of a label and a DOI, such as ('ALIGNN', '10.1038/s41524-021-00650-1')",
    ),
    "scratch_arguments": (
        lambda value: isinstance(value, Mapping) and "n_outputs" not in value,
        "arguments of the network by name, without n_outputs",
    ),
    "from_scratch": _FLAG,
    "takes_columns": _FLAG,
    "fine_tuning": _SCHEDULE,
    "scratch": _SCHEDULE,
    "sources": (
        lambda value: all(isinstance(each, ForeignSource) for each in value),
        "ForeignSource records",
    ),
}

handle_group("sktl.architectures", register_architecture)
