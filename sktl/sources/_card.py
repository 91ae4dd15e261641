"""What a source says of itself: a card that travels in the header of its weight file."""

import json
from dataclasses import asdict, dataclass, field, fields

from sktl.exceptions import SourceIntegrityError


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
        Mean absolute error on the held-out compositions, of the source and of the training median, in `unit`.
    holdout_rows : int
        Held-out compositions with a label.
    """

    name: str
    unit: str
    transform: str
    center: float
    scale: float
    clip: tuple
    n_rows: int
    holdout_mae: float | None = None
    holdout_baseline_mae: float | None = None
    holdout_rows: int = 0


@dataclass(frozen=True)
class SourceCard:
    """Everything that is known of a source besides its weights.

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
        Atomic numbers seen in training.
    training : dict
        Tables with DOI and licence, number of compositions, settings, seed, time, versions.
    held_out : dict
        Rule, sha256 and size of the list of digests that were kept out of training.
    licence : str
        Licence of the weights.
    reference : dict
        ``formulas`` and ``predictions`` (in the units of `properties`), for a check after loading.
    """

    id: str
    title: str
    representation: dict
    network: dict
    properties: tuple
    elements: tuple
    training: dict
    held_out: dict
    licence: str
    reference: dict = field(default_factory=dict)

    @property
    def property_names(self):
        """Names of the properties in the order of the head's outputs."""
        return tuple(item.name for item in self.properties)

    def to_json(self):
        """Return the card as JSON text with sorted keys."""
        return json.dumps(asdict(self), sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text):
        """Read a card from JSON text; unknown and missing keys are errors."""
        try:
            values = json.loads(text)
        except ValueError as error:
            raise SourceIntegrityError(f"The card is not JSON: {error}") from error
        values = _known(cls, values)
        if not isinstance(values["properties"], list):
            raise SourceIntegrityError("The card's properties are not a list.")
        properties = tuple(
            PropertyCard(**{**known, "clip": tuple(known["clip"])})
            for known in (_known(PropertyCard, item) for item in values["properties"])
        )
        return cls(**{**values, "properties": properties, "elements": tuple(values["elements"])})


def _known(kind, values):
    names = {item.name for item in fields(kind)}
    if not isinstance(values, dict) or set(values) != names:
        found = set(values) if isinstance(values, dict) else set()
        raise SourceIntegrityError(
            f"The card does not describe a {kind.__name__}: unknown keys {sorted(found - names)}, "
            f"missing keys {sorted(names - found)}."
        )
    return values
