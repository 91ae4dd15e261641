"""Raw input to numbers: formulas, compositions, physical attributes, numeric columns."""

from sktl.representations._compositions import Compositions
from sktl.representations._encodings import (
    MAX_ATOMIC_NUMBER,
    ElementFractions,
    ElementTokens,
    NumericColumns,
)
from sktl.representations._formula import SYMBOLS, parse_formulas
from sktl.representations._matminer import MatminerTransformer

__all__ = [
    "MAX_ATOMIC_NUMBER",
    "SYMBOLS",
    "Compositions",
    "ElementFractions",
    "ElementTokens",
    "MatminerTransformer",
    "NumericColumns",
    "parse_formulas",
]
