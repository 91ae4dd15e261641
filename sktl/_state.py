"""What model files hold of objects: public tags with versions, and the states that go with them.

A file says ``"error-model/1"`` and a state, and never in which module a class lives: classes move
freely. A class that is not marked with `stored` is not made from a file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

from sktl.exceptions import ModelIntegrityError

Upgrade: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]
Made = TypeVar("Made", bound=type)

_KINDS: dict[str, _Kind] = {}
_NAMES: dict[type, str] = {}


class _Kind(NamedTuple):
    """A class that files hold: its version today, and what raises states of earlier ones."""

    made: type
    version: int
    upgrades: tuple[Upgrade, ...]


def stored(tag: str, upgrades: Sequence[Upgrade] = ()) -> Callable[[Made], Made]:
    """Mark a class whose instances model files hold.

    Instances are stored as what their method ``to_state`` returns, by default their attributes, a
    dict of text to plain values, arrays, estimators of scikit-learn and other marked objects. They
    are made again by the classmethod ``from_state``, by default from their attributes.

    Parameters
    ----------
    tag : str
        Name and version, such as ``"error-model/1"``. A name never changes its meaning, and the
        version rises by one with each change of the state.
    upgrades : sequence of callables, default=()
        The first turns a state of version 1 into one of version 2, the next that into one of
        version 3, and so on up to this version: all earlier files stay readable.

    Returns
    -------
    callable
        Decorator of the class.

    Raises
    ------
    ValueError
        The tag is another class's, is no tag, or an upgrade is missing.

    Examples
    --------
    >>> @stored("example.spread/2", upgrades=[lambda state: {"width": 2 * state["half"]}])
    ... class Spread:
    ...     def __init__(self, width):
    ...         self.width = width
    >>> to_state(Spread(3.0))
    ('example.spread/2', {'width': 3.0})
    >>> from_state("example.spread/1", {"half": 2.0}).width
    4.0
    """
    name, version = _split(tag)

    def register(made: Made) -> Made:
        known = _KINDS.get(name)
        if known is not None and _identity(known.made) != _identity(made):
            raise ValueError(f"Got tag={tag!r} for {made}, but it is the tag of {known.made}.")
        if len(upgrades) != version - 1:
            raise ValueError(
                f"Got {len(upgrades)} upgrades for {tag!r}, expected {version - 1}: one from each "
                "earlier version to the next."
            )
        _KINDS[name] = _Kind(made, version, tuple(upgrades))
        _NAMES[made] = name
        return made

    return register


def is_stored(thing: object) -> bool:
    """Tell whether an object is of a class that files hold; a subclass of one is another class."""
    return type(thing) in _NAMES


def to_state(thing: object) -> tuple[str, dict[str, Any]]:
    """Return the tag and the state of an object of a stored class."""
    name = _NAMES[type(thing)]
    own = getattr(thing, "to_state", None)
    state = dict(vars(thing)) if own is None else own()
    return f"{name}/{_KINDS[name].version}", state


def from_state(tag: str, state: Any) -> Any:
    """Return the object that a tag and a state describe.

    Raises
    ------
    ModelIntegrityError
        No class has this tag, it is of a newer version, or its state is none.
    """
    try:
        name, version = _split(tag)
        made, newest, upgrades = _KINDS[name]
    except (AttributeError, KeyError, ValueError) as error:
        known = ", ".join(stored_tags())
        raise ModelIntegrityError(f"Got tag={tag!r}, expected one of {known}.") from error
    if version > newest:
        raise ModelIntegrityError(f"Got {tag!r}, expected at most version {newest}: a newer sktl.")
    if not isinstance(state, dict) or not all(isinstance(key, str) for key in state):
        raise ModelIntegrityError(f"Got a {tag} without a state by names.")
    for upgrade in upgrades[version - 1 :]:
        state = upgrade(state)
    own = getattr(made, "from_state", None)
    return _with_attributes(made, state) if own is None else own(state)


def stored_tags() -> dict[str, type]:
    """Return all tags that are written today, by class."""
    return {f"{name}/{kind.version}": kind.made for name, kind in sorted(_KINDS.items())}


def _with_attributes(made: Any, state: dict[str, Any]) -> Any:
    thing = made.__new__(made)
    vars(thing).update(state)
    return thing


def _identity(made: type) -> tuple[str, str]:
    return made.__module__, made.__qualname__


def _split(tag: str) -> tuple[str, int]:
    """Return name and version of a tag."""
    name, _, version = tag.rpartition("/")
    if not name or not version.isdecimal() or int(version) < 1:
        raise ValueError(f"Got tag={tag!r}, expected a name and a version, such as 'model/1'.")
    return name, int(version)
