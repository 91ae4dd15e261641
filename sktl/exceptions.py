"""Errors and warnings of sktl, one root each so that callers can catch them all."""

from __future__ import annotations

from collections.abc import Iterable

from sktl._echo import as_message

__all__ = [
    "ClusterError",
    "DataIntegrityError",
    "DataNotFoundError",
    "FormulaError",
    "InputError",
    "MissingElementDataError",
    "ModelIntegrityError",
    "RowsError",
    "SktlError",
    "SourceIntegrityError",
    "SourceNotFoundError",
    "StructureError",
    "TableError",
    "TransferWarning",
    "UnseenElementError",
]


class SktlError(Exception):
    """Root of every error that sktl raises on purpose.

    Its message shows 200 characters of an input at most, and no control characters.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*(as_message(arg) if isinstance(arg, str) else arg for arg in args))


class InputError(SktlError, ValueError):
    """X or y is not what an estimator can use; the message names the row and the value."""


class RowsError(InputError):
    """Some rows of X cannot be used, and all of them are known.

    Attributes
    ----------
    rows : list of int
        0-based positions of the bad rows in the input.
    """

    def __init__(self, message: str, rows: Iterable[int] = ()) -> None:
        super().__init__(message)
        self.rows = list(rows)

    def __reduce__(self) -> tuple[type[RowsError], tuple[object, ...]]:
        return type(self), (self.args[0], self.rows)


class FormulaError(RowsError):
    """A chemical formula cannot be read."""


class StructureError(RowsError):
    """A crystal structure cannot be read or cannot be used."""


class UnseenElementError(RowsError):
    """A composition holds an element that the source never saw in its training data.

    Attributes
    ----------
    elements : list of str
        Symbols of these elements, of all bad rows together.
    """

    def __init__(
        self, message: str, rows: Iterable[int] = (), elements: Iterable[str] = ()
    ) -> None:
        super().__init__(message, rows)
        self.elements = list(elements)

    def __reduce__(self) -> tuple[type[RowsError], tuple[object, ...]]:
        return type(self), (self.args[0], self.rows, self.elements)


class MissingElementDataError(InputError):
    """A featurizer has no tabulated data for an element of a composition."""


class SourceNotFoundError(SktlError, LookupError):
    """No source has this name, and no file lies at this path."""


class SourceIntegrityError(SktlError, ValueError):
    """A source file is damaged, is not a source, or is not the one that its hash promises."""


class ModelIntegrityError(SktlError, ValueError):
    """A model file is damaged, is no model, or predicts otherwise than when it was saved."""


class DataIntegrityError(SktlError, ValueError):
    """A data file does not have the content that its hash promises."""


class DataNotFoundError(SktlError, LookupError):
    """No data set has this name, or its file cannot be had."""


class TableError(SktlError, ValueError):
    """A table cannot be read, or does not have the column or the cells that are asked for."""


class ClusterError(SktlError, RuntimeError):
    """The workers that share the work died, or cannot be reached."""


class TransferWarning(UserWarning):
    """What is asked of a pretrained source is possible but doubtful."""
