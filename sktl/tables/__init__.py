"""Spreadsheets and CSV files, read as text, checked value by value, written with columns added."""

from sktl.tables._columns import (
    BadCell,
    Column,
    bad_rows,
    find_column,
    find_files_column,
    find_formulas,
    formula_problems,
    read_numbers,
    row_problems,
    skipped_rows,
    usable_rows,
)
from sktl.tables._parts import TablePart, find_files, read_header, read_part, split_table
from sktl.tables._predictions import (
    ScreeningModel,
    possible_coverage,
    predict_table,
    prediction_columns,
)
from sktl.tables._structures import read_structures
from sktl.tables._table import Table, kind_of, read_table, write_table

__all__ = [
    "BadCell",
    "Column",
    "ScreeningModel",
    "Table",
    "TablePart",
    "bad_rows",
    "find_column",
    "find_files",
    "find_files_column",
    "find_formulas",
    "formula_problems",
    "kind_of",
    "possible_coverage",
    "predict_table",
    "prediction_columns",
    "read_header",
    "read_numbers",
    "read_part",
    "read_structures",
    "read_table",
    "row_problems",
    "skipped_rows",
    "split_table",
    "usable_rows",
    "write_table",
]
