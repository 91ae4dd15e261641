"""Tables as people have them: read as text, checked cell by cell, written with columns added."""

from sktl.tables._columns import (
    BadCell,
    Column,
    bad_rows,
    find_column,
    formula_problems,
    read_numbers,
)
from sktl.tables._table import Table, read_table, write_table

__all__ = [
    "BadCell",
    "Column",
    "Table",
    "bad_rows",
    "find_column",
    "formula_problems",
    "read_numbers",
    "read_table",
    "write_table",
]
