"""Sources whose weights are elsewhere: in another package, or at a publisher's address."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sktl.exceptions import InputError, SourceIntegrityError
from sktl.sources._card import is_source_name
from sktl.sources._catalog import ALIASES, SHIPPED
from sktl.sources._plugins import handle_group, load_plugins

if TYPE_CHECKING:
    from sktl.sources._source import Source

_SHA256 = re.compile("[0-9a-f]{64}")
_known: dict[str, ForeignSource] = {}


def _always() -> bool:
    return True


@dataclass(frozen=True)
class ForeignSource:
    """A source that is not in sktl, by name: where its weights come from, and how to load them.

    An `Architecture` announces those of its network as `sources`; an installed package announces
    one by the entry-point group ``sktl.sources``.

    Parameters
    ----------
    name : str
        Name that `load_source` knows.
    id : str
        Id of the source's card, ``dataset.property@version``.
    sha256 : str
        Hash of the file with the weights, 64 hexadecimal digits. `load` compares it before the
        file is parsed; a source with this hash is loaded once in a process.
    load : callable
        Returns the `Source`, or raises `SourceNotFoundError` that says how to get it.
    is_available : callable, optional
        Tells whether `load` would find the weights, so that they are listed; by default always.

    Raises
    ------
    InputError
        A value is not what is expected here.

    Examples
    --------
    A file that a package ships::

        from functools import partial
        from pathlib import Path

        from sktl.sources import ForeignSource, read_source

        SHA256 = "..."
        PATH = Path(__file__).parent / "moduli.safetensors"
        moduli = ForeignSource("moduli", "lab.moduli@1", SHA256, partial(read_source, PATH, SHA256))
    """

    name: str
    id: str
    sha256: str
    load: Callable[[], Source]
    is_available: Callable[[], bool] = _always

    def __post_init__(self) -> None:
        for key in ("name", "id"):
            value = getattr(self, key)
            if not isinstance(value, str) or not is_source_name(value):
                raise InputError(
                    f"Got {key}={value!r}, expected letters, digits and . _ @ + -, such as "
                    "'lab.moduli@1'."
                )
        if not isinstance(self.sha256, str) or not _SHA256.fullmatch(self.sha256):
            raise InputError(f"Got sha256={self.sha256!r}, expected 64 hexadecimal digits.")
        for key in ("load", "is_available"):
            if not callable(getattr(self, key)):
                raise InputError(f"Got {key}={getattr(self, key)!r}, expected a function.")

    def check(self, source: Source) -> Source:
        """Return the source that `load` gave, if it is the one that was announced.

        Raises
        ------
        SourceIntegrityError
            Its id or its hash is another.
        """
        found = source.card.id, source.sha256
        if found != (self.id, self.sha256):
            raise SourceIntegrityError(
                f"Got id and sha256 {found} for the source {self.name!r}, expected "
                f"{(self.id, self.sha256)}."
            )
        return source


def add_foreign(sources: Iterable[ForeignSource], instead_of: Iterable[ForeignSource] = ()) -> None:
    """Make foreign sources known, all or none.

    Parameters
    ----------
    sources : tuple of ForeignSource
        New ones; those that are known already stay.
    instead_of : tuple of ForeignSource
        Known ones whose place they take.

    Raises
    ------
    InputError
        A name or an id belongs to another source.
    """
    left = {name: each for name, each in _known.items() if each not in instead_of}
    for source in sources:
        if not isinstance(source, ForeignSource):
            raise InputError(f"Got {source!r}, expected a ForeignSource.")
        for text in (source.name, source.id):
            if text in SHIPPED or text in ALIASES or left.get(text, source) != source:
                raise InputError(f"Got the source {source.name!r}, but {text!r} is another source.")
            left[text] = source
    _known.clear()
    _known.update(left)


def find_foreign(text: str) -> ForeignSource | None:
    """Return the foreign source with this name or id, None if there is none."""
    if text not in _known:
        load_plugins()
    return _known.get(text)


def available_foreign() -> list[str]:
    """Return the names of the foreign sources whose weights are there."""
    load_plugins()
    return [name for name, each in _known.items() if name == each.name and each.is_available()]


handle_group("sktl.sources", lambda source: add_foreign((source,)))
