"""What a representation is: raw input, read to a batch, encoded to rows that a network reads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, Self

from sktl._types import AnyArray, FloatArray, Indices, IntArray
from sktl.representations._compositions import Compositions
from sktl.representations._crystals import REFERENCE_STRUCTURES, CrystalDict, Crystals
from sktl.representations._formula import parse_formulas
from sktl.representations._materials import Materials

READS = ("formulas", "structures", "columns")


class Rows(Protocol):
    """Encoded input of n rows, of which a network gets some at a time.

    `ColumnRows`, `TokenRows` and `CrystalRows` are such rows. A class of one's own needs no base
    class, but all that stands here.

    Attributes
    ----------
    width : int or None
        Columns of each row; None where rows have no width of their own.
    sizes : int array (n,)
        Work that a row costs, in that of an atom of a formula. Rows of like size are run together.
    """

    @property
    def width(self) -> int | None: ...

    @property
    def sizes(self) -> IntArray: ...

    def __len__(self) -> int:
        """Return the number of rows."""
        ...

    def take(self, indices: Indices) -> Self:
        """Return the rows `indices`, an int array, as rows of the same kind."""
        ...

    def __getitem__(self, indices: Indices) -> Mapping[str, AnyArray]:
        """Return the arguments of a network for the rows `indices`, as a dict name to array."""
        ...


class Representation(ABC):
    """From raw input to the rows that a network reads.

    An `Architecture` names the class; an object is made of it without arguments. Subclass
    `FormulaRepresentation` or `StructureRepresentation`, which read what users give, and define
    `name`, `version` and `encode`.

    Attributes
    ----------
    name : str
        Stands in cards and files, so it never changes its meaning.
    version : int
        Raised when `encode` gives other numbers: cards of sources made before are then refused.
    reads : {"formulas", "structures", "columns"}
        What `read` takes.
    reference : list
        Materials for which the card of a source shows predictions, as JSON holds them.

    See Also
    --------
    Rows : What `encode` returns.
    sktl.sources.Architecture : A network with the representation that it reads.

    Examples
    --------
    The fractions of the first ten elements alone:

    >>> from sktl.representations import ColumnRows, FormulaRepresentation
    >>> class LightFractions(FormulaRepresentation):
    ...     name, version = "light-fractions", 1
    ...
    ...     def encode(self, batch):
    ...         return ColumnRows(batch.to_dense(103)[:, :10].astype("float32"))
    >>> light = LightFractions()
    >>> light.encode(light.read(["H2O"]))[[0]]["columns"].round(2)[0, [0, 7]]
    array([0.67, 0.33], dtype=float32)
    """

    name: str
    version: int
    reads: str
    reference: Sequence[Any]

    @abstractmethod
    def read(self, materials: Any) -> Any:
        """Return what a user gives, n rows, as a batch.

        Returns
        -------
        Compositions, Crystals or float array (n, d)
            By `reads`.
        """

    @abstractmethod
    def read_reference(self, entries: Any) -> Any:
        """Return entries of `reference`, as they come from JSON, as a batch."""

    def fit(self, batch: Any, weights: FloatArray | None = None) -> Self:
        """Learn what `encode` needs to know of training rows, here nothing; return self.

        Only a representation that reads columns is fitted.
        """
        return self

    @abstractmethod
    def encode(self, batch: Any) -> Rows:
        """Return a batch as `Rows`."""


class FormulaRepresentation(Representation):
    """A representation that sees the composition alone: `read` gives `Compositions`."""

    reads = "formulas"
    reference = "NaCl Fe2O3 GaAs BaTiO3 MgAl2O4 LiFePO4 Cu0.7Zn0.3 Si".split()

    def read(self, materials: Any) -> Compositions:
        """Return formulas (n,) as `Compositions`; of structures only the composition counts."""
        return Materials.read(materials).compositions

    def read_reference(self, entries: Sequence[str]) -> Compositions:
        """Return the reference formulas of a card as `Compositions`."""
        return parse_formulas(entries)


class StructureRepresentation(Representation):
    """A representation that sees the crystal: `read` gives `Crystals`."""

    reads = "structures"
    reference = REFERENCE_STRUCTURES

    def read(self, materials: Any) -> Crystals:
        """Return structures (n,) as `Crystals`."""
        return Materials.read(materials).crystals

    def read_reference(self, entries: Iterable[CrystalDict]) -> Crystals:
        """Return the reference structures of a card as `Crystals`."""
        return Crystals.from_dicts(entries)
