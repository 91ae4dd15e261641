"""Read and write tables: every cell as the text in the file."""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from sktl._limits import cells_problem, expanded_problem
from sktl._store import atomic_write
from sktl._types import NewCells, PathLike, TableKind
from sktl.exceptions import TableError
from sktl.tables._cells import as_text, check_cells
from sktl.tables._excel import need, read_sheets, write_sheet
from sktl.tables._header import find_header, fitted, is_blank, names_of
from sktl.tables._marks import column_marks, commas_are_usual, majority
from sktl.tables._text import Dialect, encoded, read_text, write_text

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow
    import pyarrow.parquet

SUFFIXES: dict[str, TableKind] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
}
_ROWS_FOR_MARK = 2000


@dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes
    ----------
    header : tuple of str
        Names of the columns. A column without a name, or two with the same, are kept: only who asks
        for that name gets an error.
    cells : list of list of str, n rows
        Rows may be longer or shorter than the header where the file is broken.
    lines : list of int, length n
        Where each row stands in the file, from 1; the header is line 1 or below.
    dialect : Dialect or None
        How a text file is written.
    numbers : dict of str to str
        Columns whose cells are numbers or empty, "int" or "float": formats that tell numbers from
        text are written with numbers there.
    header_line : int
        Where the header stands in the file, from 1.
    sheet : str or None
        The sheet of a workbook.
    sheets : tuple of str
        All sheets of the workbook.
    hidden : bool
        Whether the sheet is hidden.
    """

    header: tuple[str, ...]
    cells: list[list[str]]
    lines: list[int]
    dialect: Dialect | None = None
    numbers: dict[str, str] = field(default_factory=dict)
    header_line: int = 1
    sheet: str | None = None
    sheets: tuple[str, ...] = ()
    hidden: bool = False

    def __len__(self) -> int:
        return len(self.cells)

    def column(self, name: str) -> list[str]:
        """Return the cells of a column; of rows that are too short, empty text.

        Raises
        ------
        TableError
            Several columns have this name.
        """
        if self.header.count(name) > 1:
            raise TableError(
                f"Got the column names {list(self.header)}, expected one {name!r}: rename the "
                "others."
            )
        return self._cells_at(self.header.index(name))

    def _cells_at(self, place: int) -> list[str]:
        return [row[place] if place < len(row) else "" for row in self.cells]

    @functools.cached_property
    def marks(self) -> list[list[str | None]]:
        """Of each column the decimal marks of its first cells; see `column_marks`."""
        return column_marks(self.cells[:_ROWS_FOR_MARK], len(self.header))

    @property
    def has_commas(self) -> bool:
        """Whether decimal commas are usual in the columns of text."""
        return commas_are_usual(
            self.marks, self.dialect is not None and self.dialect.delimiter == ";"
        )

    def take(self, rows: Iterable[int]) -> Table:
        """Return some of the rows."""
        return replace(
            self, cells=[self.cells[i] for i in rows], lines=[self.lines[i] for i in rows]
        )

    def with_columns(self, columns: Mapping[str, NewCells]) -> Table:
        """Return the table with more columns.

        Parameters
        ----------
        columns : dict of str to list of str or float array (n,)
            Cells by name; floats are written with six digits, NaN as an empty cell.

        Raises
        ------
        TableError
            A name is there already.
        """
        taken = [name for name in columns if name in self.header]
        if taken:
            raise TableError(f"The table has columns {taken} already: rename or remove them.")
        floats = [name for name, part in columns.items() if not isinstance(part, list)]
        texts = [
            part if isinstance(part, list) else [_written(number) for number in part]
            for part in columns.values()
        ]
        added = zip(*texts, strict=True)
        return replace(
            self,
            header=(*self.header, *columns),
            cells=[[*row, *more] for row, more in zip(self.cells, added, strict=True)],
            numbers=self.numbers | dict.fromkeys(floats, "float"),
        )


def read_table(
    path: PathLike,
    *,
    sheet: str | None = None,
    header_row: int | None = None,
    encoding: str | None = None,
    wanted: Callable[[tuple[str, ...]], bool] | None = None,
) -> Table:
    """Read a table of any of the formats that spreadsheets write.

    Parameters
    ----------
    path : path-like
        CSV or TSV (separated by comma, semicolon, tab or bar), Parquet or XLSX.
    sheet : str or None, default=None
        Name of the sheet of a workbook; None takes that which has what is wanted, else the first
        one that is not blank.
    header_row : int or None, default=None
        Row of the file with the names of the columns, from 1. None takes the first row which is not
        blank, or, where only another has what is wanted, that one.
    encoding : str or None, default=None
        Of a text file, as Python names it, such as "cp1252". None: UTF-8, or UTF-16 where the file
        begins with its mark.
    wanted : callable or None, default=None
        Whether the names in a row are those of the columns that are needed.

    Returns
    -------
    Table
        Blank rows at the end are left out; others are rows.

    Raises
    ------
    TableError
        The file has another format or encoding, has no header or rows, or several places have
        what is wanted.
    """
    path = Path(path)
    kind = kind_of(path)
    if kind != "xlsx" and sheet is not None:
        raise TableError(f"Got sheet={sheet!r}, but {path.name} is no workbook.")
    if kind in ("xlsx", "parquet") and encoding is not None:
        raise TableError(f"Got encoding={encoding!r}, but {path.name} is no text.")
    if kind == "parquet":
        return _read_parquet(path)
    sheets = {page.sheet: page for page in read_sheets(path)} if kind == "xlsx" else {}
    if sheet is not None and sheet not in sheets:
        raise TableError(f"Got sheet={sheet!r}, expected one of {list(sheets)}.")
    pages = list(sheets.values()) if sheet is None else [sheets[sheet]]
    readings = [pages] if sheets else read_text(path, kind, header_row, encoding)
    page, first = find_header(readings, path.name, header_row, wanted)
    header = names_of(page.rows[first])
    stop = len(page.rows)
    while is_blank(page.rows[stop - 1]):
        stop -= 1
    cells = [fitted(row, header) for row in page.rows[first + 1 : stop]]
    if not cells:
        raise TableError(f"{path.name} has a header and no rows.")
    return Table(
        header,
        cells,
        page.lines[first + 1 : stop],
        page.dialect,
        header_line=page.lines[first],
        sheet=page.sheet,
        sheets=tuple(filter(None, sheets)),
        hidden=page.hidden,
    )


def write_table(path: PathLike, table: Table) -> None:
    """Write a table in the format of the file's name, atomically.

    Cells stay as they are. CSV is written as the table was: with its delimiter, encoding and line
    ends, and its decimal mark in columns that were added; a table from elsewhere with commas,
    decimal points and UTF-8.

    Raises
    ------
    TableError
        The name ends in nothing known, or the encoding has no place for a character.
    """
    path = Path(path)
    kind = kind_of(path)
    content = io.BytesIO()
    if kind == "parquet":
        _write_parquet(content, table)
    elif kind == "xlsx":
        columns = [_typed(table, place) for place in range(len(table.header))]
        write_sheet(content, table.header, zip(*columns, strict=True))
    else:
        dialect = table.dialect or Dialect()
        if kind == "tsv":
            dialect = replace(dialect, delimiter="\t")
        rows = _with_mark(table, _decimal_mark(table))
        with encoded(content, dialect, path.name) as text:
            write_text(text, table.header, rows, dialect)
    atomic_write(path, content.getvalue())


def _decimal_mark(table: Table) -> str:
    """Return the decimal mark of the numbers of a text file; if it has none, the usual one."""
    if table.dialect is None:
        return "."
    given = [name not in table.numbers for name in table.header]
    marks = itertools.chain(*itertools.compress(table.marks, given))
    return majority(list(filter(None, marks))) or ("," if table.dialect.delimiter == ";" else ".")


def _with_mark(table: Table, mark: str) -> Iterable[list[str]]:
    """Return rows with a decimal mark in the columns that are numbers."""
    places = [place for place, name in enumerate(table.header) if name in table.numbers]
    if mark == "." or not places:
        return table.cells
    return [
        [cell.replace(".", mark) if place in places else cell for place, cell in enumerate(row)]
        for row in table.cells
    ]


def kind_of(path: Path) -> TableKind:
    """Return "csv", "tsv", "parquet" or "xlsx", as the name of a file ends."""
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise TableError(f"Got {path.name!r}, expected a name that ends in {', '.join(SUFFIXES)}.")
    return kind


def parquet_file(path: Path) -> pyarrow.parquet.ParquetFile:
    """Return a Parquet file as pyarrow opens it."""
    parquet = need("pyarrow.parquet", "parquet")
    with readable_parquet(path):
        metadata = parquet.read_metadata(path)
        _check_declared(metadata, path)
        leaves = [metadata.schema.column(place) for place in range(metadata.num_columns)]
        # a text that many rows share is held once
        texts = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
        return parquet.ParquetFile(path, read_dictionary=texts)


@contextlib.contextmanager
def readable_parquet(path: Path) -> Iterator[None]:
    """Say of whatever pyarrow raises within that the file is not whole."""
    try:
        yield
    except TableError:
        raise
    except Exception as error:  # pyarrow's own has no base but this
        raise TableError(f"{path.name} is not PARQUET: {error}.") from error


def _check_declared(metadata: pyarrow.parquet.FileMetaData, path: Path) -> None:
    """Raise where a Parquet file declares more than belongs to a file of its size."""
    size = path.stat().st_size
    cells = metadata.num_rows * metadata.num_columns
    expanded = 0
    nested = [
        place
        for place in range(metadata.num_columns)
        if metadata.schema.column(place).max_repetition_level
    ]
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        expanded += group.total_byte_size
        cells += sum(group.column(place).num_values for place in nested)
    problem = expanded_problem(expanded, size) or cells_problem(cells, size)
    if problem:
        raise TableError(f"{path.name}: {problem}.")


def from_arrow(content: pyarrow.Table, name: str, line: int) -> Table:
    """Return the rows of a pyarrow table as a `Table`, each cell as text, whatever others hold.

    Parameters
    ----------
    content : pyarrow.Table
        What was read.
    name : str
        The file, for messages.
    line : int
        Number of the first row, as if the names of the columns were line 1.
    """
    frame = content.to_pandas(integer_object_nulls=True)
    header = names_of(map(str, frame.columns))
    cells = _texts(frame)
    for row in cells:
        check_cells(row, name)
    kinds = {str(column.name): _kind_of_number(column.type) for column in content.schema}
    once = [column for column, n in Counter(header).items() if n == 1]
    numbers = {column: kind for column in once if (kind := kinds.get(column))}
    return Table(header, cells, list(range(line, line + len(cells))), numbers=numbers)


def _read_parquet(path: Path) -> Table:
    """Return the table of a Parquet file, without blank rows at the end."""
    with readable_parquet(path):
        table = from_arrow(parquet_file(path).read(), path.name, 2)
    last = len(table)
    while last and not any(cell.strip() for cell in table.cells[last - 1]):
        last -= 1
    if not last:
        raise TableError(f"{path.name} has a header and no rows.")
    return table.take(range(last))


def _write_parquet(content: BinaryIO, table: Table) -> None:
    """Write a table with columns of text, int64 and float64."""
    pyarrow, parquet = need("pyarrow", "parquet"), need("pyarrow.parquet", "parquet")
    kinds = {"int": pyarrow.int64(), "float": pyarrow.float64(), None: pyarrow.string()}
    columns = [
        pyarrow.array(_typed(table, place), kinds[table.numbers.get(name)])
        for place, name in enumerate(table.header)
    ]
    parquet.write_table(pyarrow.Table.from_arrays(columns, list(table.header)), content)


def _typed(table: Table, place: int) -> list[str] | list[int | float | None]:
    """Return the cells of a column as they are: text, or numbers and None."""
    cells, kind = table._cells_at(place), table.numbers.get(table.header[place])
    if kind is None:
        return cells
    convert = int if kind == "int" else float
    return [convert(cell) if cell else None for cell in cells]


def _kind_of_number(kind: pyarrow.DataType) -> str | None:
    """Return "int", "float" or None for a type of pyarrow; large unsigned integers stay text."""
    types = need("pyarrow.types", "parquet")
    if types.is_floating(kind):
        return "float"
    return "int" if types.is_integer(kind) and not types.is_uint64(kind) else None


def _written(number: float) -> str:
    return "" if math.isnan(number) else f"{number:.6g}"


def _texts(frame: pd.DataFrame) -> list[list[str]]:
    """Return the rows of a data frame, each cell as text, empty where it is missing."""
    cells = frame.astype(object).where(frame.notna(), None).to_numpy(object)
    return [list(map(as_text, row)) for row in cells]
