"""Spreadsheets and CSV files, read as text, checked value by value, written with columns added."""

from sktl.representations import FORMULA_NAMES
from sktl.tables._beside import (
    BesideColumns,
    read_conditions,
    read_uncertainties,
    uncertainty_weights,
)
from sktl.tables._check import check_table, repair_table
from sktl.tables._columns import (
    BLOCK_NAMES,
    FILE_NAMES,
    Column,
    bad_rows,
    convert_alloys,
    find_blocks_column,
    find_column,
    find_files_column,
    find_formulas,
    formula_problems,
    names_column,
    row_problems,
    skipped_rows,
    usable_rows,
)
from sktl.tables._findings import Finding, by_kind, list_findings
from sktl.tables._labels import are_labels, read_labels
from sktl.tables._numbers import (
    CellRules,
    Measurements,
    NamedValues,
    is_numeric,
    read_measurements,
    read_numbers,
    read_values,
)
from sktl.tables._parts import TablePart, find_files, read_header, read_part, split_table
from sktl.tables._predictions import (
    REASON,
    ColumnKind,
    ScreeningModel,
    column_kinds,
    possible_coverage,
    predict_table,
    prediction_columns,
)
from sktl.tables._structures import read_crystal_table, read_structures
from sktl.tables._table import Table, kind_of, read_table, write_table

__all__ = [
    "convert_alloys",
    "uncertainty_weights",
    "REASON",
    "CellRules",
    "BesideColumns",
    "ColumnKind",
    "Finding",
    "Measurements",
    "NamedValues",
    "by_kind",
    "check_table",
    "column_kinds",
    "is_numeric",
    "list_findings",
    "read_measurements",
    "read_conditions",
    "read_values",
    "BLOCK_NAMES",
    "FILE_NAMES",
    "FORMULA_NAMES",
    "Column",
    "ScreeningModel",
    "Table",
    "TablePart",
    "are_labels",
    "bad_rows",
    "find_blocks_column",
    "find_column",
    "find_files",
    "find_files_column",
    "find_formulas",
    "formula_problems",
    "kind_of",
    "names_column",
    "possible_coverage",
    "predict_table",
    "prediction_columns",
    "read_crystal_table",
    "read_header",
    "read_labels",
    "read_numbers",
    "read_part",
    "read_structures",
    "read_table",
    "read_uncertainties",
    "repair_table",
    "row_problems",
    "skipped_rows",
    "split_table",
    "usable_rows",
    "write_table",
]
