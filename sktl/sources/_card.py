"""The card of a source, which is stored in the header of its weight file."""

from __future__ import annotations

import json
import math
import re
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeAlias

import numpy as np

from sktl._json import read_json
from sktl._state import stored
from sktl._types import ArrayLike, FloatArray
from sktl.exceptions import SourceIntegrityError
from sktl.sources._transforms import TRANSFORMS

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")
_HIGHEST_ATOMIC_NUMBER = 118
Rules: TypeAlias = Mapping[str, tuple[Callable[[Any], bool], str]]
"""By key of a card: whether a value holds, and what is expected."""

_SMALLEST_VOLUME = 1.0  # of the cell of a crystal, Angstrom^3


@stored("property-card/1")
@dataclass(frozen=True)
class PropertyCard:
    """One property that a source predicts.

    Attributes
    ----------
    name : str
        The field's term, with its database: ``oqmd_band_gap``.
    unit : str
        Unit of the predictions.
    transform : str
        What was applied to the labels before scaling: "identity", "log1p" or "asinh".
    center, scale : float
        A label y enters training as ``(transform(y) - center) / scale``.
    clip : tuple of two floats
        Labels were limited to this range, in `unit`, before they entered training.
    n_rows : int
        Compositions with a label that the source was trained on.
    holdout_mae, holdout_baseline_mae : float or None
        Mean absolute error on the compositions that were held out at random, of the source and
        of the training median, in `unit`.
    holdout_rows : int
        Compositions held out at random with a label.
    listed_mae, listed_baseline_mae, listed_rows
        The same for the compositions in the list of held-out digests: those of the benchmarks,
        which differ more from the training compositions.
    """

    name: str
    unit: str
    transform: str
    center: float
    scale: float
    clip: tuple[float, float]
    n_rows: int
    holdout_mae: float | None = None
    holdout_baseline_mae: float | None = None
    holdout_rows: int = 0
    listed_mae: float | None = None
    listed_baseline_mae: float | None = None
    listed_rows: int = 0


@stored("source-card/1")
@dataclass(frozen=True)
class SourceCard:
    """What is known of a source besides its weights.

    Attributes
    ----------
    id : str
        ``dataset.property@version``; never changes its meaning.
    title : str
        One line for people.
    representation : dict
        ``name`` and ``version`` of the representation that the network reads.
    network : dict
        ``name`` and ``arguments`` of the network.
    properties : tuple of PropertyCard
        In the order of the head's outputs.
    elements : tuple of int
        Atomic numbers seen in training, ascending.
    training : dict
        Tables with DOI and licence, number of compositions, settings, seed, time, versions.
    held_out : dict
        Rule, sha256 and size of the list of digests that were kept out of training.
    licence : str
        Licence of the weights.
    reference : dict
        ``formulas`` or ``structures``, and ``predictions`` (in the units of `properties`), for a
        check after loading.
    """

    id: str
    title: str
    representation: dict[str, Any]
    network: dict[str, Any]
    properties: tuple[PropertyCard, ...]
    elements: tuple[int, ...]
    training: dict[str, Any]
    held_out: dict[str, Any]
    licence: str
    reference: dict[str, Any] = field(default_factory=dict)

    @property
    def property_names(self) -> tuple[str, ...]:
        """Names of the properties in the order of the head's outputs."""
        return tuple(item.name for item in self.properties)

    @property
    def is_potential(self) -> bool:
        """Whether the network learned forces too, so that its energy curves as it should."""
        return "forces" in self.training.get("settings", {}).get("labels", ())

    def to_units(self, z: ArrayLike) -> FloatArray:
        """Return scaled outputs (n, n_properties) in the units of the properties, float64."""
        scaled, columns = np.asarray(z, dtype=np.float64), []
        for item, k in zip(self.properties, range(scaled.shape[1]), strict=True):
            columns.append(TRANSFORMS[item.transform][1](scaled[:, k] * item.scale + item.center))
        return np.stack(columns, axis=1)

    def to_json(self) -> str:
        """Return the card as JSON text with sorted keys."""
        return json.dumps(asdict(self), sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> SourceCard:
        """Read a card from JSON text.

        Parameters
        ----------
        text : str
            What `to_json` returned.

        Returns
        -------
        SourceCard

        Raises
        ------
        SourceIntegrityError
            The text is not JSON, a key is unknown or missing, or a value is of the wrong kind.
        """
        try:
            values = read_json(text)
        except ValueError as error:
            raise SourceIntegrityError(f"The card is not JSON: {error}.") from error
        values = _read(cls, values, _CARD_RULES)
        properties = tuple(
            PropertyCard(**{**known, "clip": tuple(known["clip"])})
            for known in (
                _read(PropertyCard, item, _PROPERTY_RULES) for item in values["properties"]
            )
        )
        card = cls(**{**values, "properties": properties, "elements": tuple(values["elements"])})
        _check_properties(card)
        _check_training(card.training)
        return card

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> SourceCard:
        """Return the card of a model file, checked as one of a source file is."""
        return cls.from_json(cls(**state).to_json())


def is_source_name(text: str) -> bool:
    """Tell whether a text can be the id or the name of a source: it can also name a file."""
    return bool(_NAME.fullmatch(text))


def _read(kind: type[SourceCard] | type[PropertyCard], values: Any, rules: Rules) -> dict[str, Any]:
    """Return the values of one object of a card after checking its keys and their values."""
    names = {item.name for item in fields(kind)}
    found = set(values) if isinstance(values, dict) else set()
    if found != names:
        raise SourceIntegrityError(
            f"The card does not describe a {kind.__name__}: unknown keys {sorted(found - names)}, "
            f"missing keys {sorted(names - found)}."
        )
    for name, (holds, expected) in rules.items():
        if not holds(values[name]):
            raise SourceIntegrityError(
                f"Got {name}={reprlib.repr(values[name])} in the card, expected {expected}."
            )
    return values


def _check_properties(card: SourceCard) -> None:
    """Raise unless names are distinct and reference predictions have a column for each property."""
    if len(set(card.property_names)) != len(card.properties):
        raise SourceIntegrityError(
            f"Got properties {list(card.property_names)}, expected distinct names."
        )
    predictions = card.reference.get("predictions", [])
    if any(len(row) != len(card.properties) for row in predictions):
        raise SourceIntegrityError(
            f"Got reference predictions of another width than {len(card.properties)}, the number "
            "of properties."
        )


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= 2**53 if isinstance(value, int) else math.isfinite(value)


def _is_count(value: Any) -> bool:
    return _is_number(value) and isinstance(value, int) and value >= 0


def _is_error(value: Any) -> bool:
    return value is None or (_is_number(value) and value >= 0)


def _is_list(value: Any, holds: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and all(holds(item) for item in value)


def _is_range(value: Any) -> bool:
    return _is_list(value, _is_number) and len(value) == 2 and value[0] <= value[1]


def _is_elements(value: Any) -> bool:
    if not _is_list(value, _is_count) or not value or value != sorted(set(value)):
        return False
    return 1 <= value[0] and value[-1] <= _HIGHEST_ATOMIC_NUMBER


def _is_representation(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"name", "version"}
        and _is_text(value["name"])
        and _is_count(value["version"])
    )


def _is_network(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"name", "arguments"}
        and _is_text(value["name"])
        and isinstance(value["arguments"], dict)
        and all(isinstance(item, bool) or _is_number(item) for item in value["arguments"].values())
    )


def _check_training(training: dict[str, Any]) -> None:
    """Raise unless a card says of tables and settings what pages and reports show."""
    for name, (holds, expected) in _TRAINING_RULES.items():
        if name in training and not holds(training[name]):
            raise SourceIntegrityError(
                f"Got {name}={reprlib.repr(training[name])} in the card, expected {expected}."
            )


def _is_settings(value: Any) -> bool:
    return (
        isinstance(value, dict) and _is_plain(value) and _is_list(value.get("labels", []), _is_text)
    )


def _is_table(value: Any) -> bool:
    if not isinstance(value, dict) or not _is_count(value.get("rows", 0)):
        return False
    facts = [value[name] for name in ("name", "database", "doi", "licence") if name in value]
    return all(fact is None or _is_texts(fact) for fact in facts)


def _is_texts(value: Any) -> bool:
    return _is_list([value] if isinstance(value, str) else value, lambda one: isinstance(one, str))


def _is_plain(value: Any, depth: int = 5) -> bool:
    """Tell whether a value of JSON has at most `depth` lists and objects inside each other."""
    parts = list(value.values()) if isinstance(value, dict) else value
    return not isinstance(parts, list) or (
        depth > 0 and all(_is_plain(part, depth - 1) for part in parts)
    )


def _is_reference(value: Any) -> bool:
    if value == {}:
        return True
    return (
        isinstance(value, dict)
        and set(value) in ({"formulas", "predictions"}, {"structures", "predictions"})
        and _is_list(value.get("formulas", []), _is_text)
        and _is_list(value.get("structures", []), _is_crystal)
        and _is_list(value["predictions"], lambda row: _is_list(row, _is_number))
        and len({len(part) for part in value.values()}) == 1
    )


def _is_crystal(value: Any) -> bool:
    """Tell whether a value is a crystal as `Crystals.from_dicts` reads it."""
    if not isinstance(value, dict) or set(value) != {"numbers", "lattice", "fractional"}:
        return False
    numbers, places = value["numbers"], [value["lattice"], value["fractional"]]
    return (
        _is_list(numbers, _is_count)
        and all(1 <= number <= _HIGHEST_ATOMIC_NUMBER for number in numbers)
        and all(_is_list(rows, _is_place) for rows in places)
        and (len(value["lattice"]), len(value["fractional"])) == (3, len(numbers))
        and abs(np.linalg.det(value["lattice"])) > _SMALLEST_VOLUME
    )


def _is_place(value: Any) -> bool:
    return _is_list(value, _is_number) and len(value) == 3


_TEXT = (_is_text, "text")
_COUNT = (_is_count, "an integer of at least 0")
_ERROR = (_is_error, "a number of at least 0, or null")

_PROPERTY_RULES: Rules = {
    "name": _TEXT,
    "unit": (lambda value: isinstance(value, str), "text"),
    "transform": (
        lambda value: isinstance(value, str) and value in TRANSFORMS,
        f"one of {list(TRANSFORMS)}",
    ),
    "center": (_is_number, "a finite number"),
    "scale": (lambda value: _is_number(value) and value > 0, "a positive number"),
    "clip": (_is_range, "two ascending numbers"),
    "n_rows": _COUNT,
    "holdout_mae": _ERROR,
    "holdout_baseline_mae": _ERROR,
    "holdout_rows": _COUNT,
    "listed_mae": _ERROR,
    "listed_baseline_mae": _ERROR,
    "listed_rows": _COUNT,
}
_CARD_RULES: Rules = {
    "id": (
        lambda value: isinstance(value, str) and is_source_name(value),
        "letters, digits and . _ @ + -, such as 'oqmd.band-gap@1'",
    ),
    "title": _TEXT,
    "representation": (_is_representation, "a name and a version"),
    "network": (_is_network, "a name and numeric arguments"),
    "properties": (
        lambda value: isinstance(value, list) and len(value) > 0,
        "a list that is not empty",
    ),
    "elements": (_is_elements, f"ascending atomic numbers from 1 to {_HIGHEST_ATOMIC_NUMBER}"),
    "training": (lambda value: isinstance(value, dict), "an object"),
    "held_out": (
        lambda value: isinstance(value, dict) and _is_plain(value),
        "an object of plain values",
    ),
    "licence": _TEXT,
    "reference": (
        _is_reference,
        "formulas or structures and a row of finite predictions for each, or nothing",
    ),
}
_TRAINING_RULES: Rules = {
    "tables": (
        lambda value: _is_list(value, _is_table),
        "a list of objects whose facts are texts and whose rows are counted",
    ),
    "settings": (_is_settings, "an object of plain values, with labels as texts"),
    "n_compositions": _COUNT,
}
