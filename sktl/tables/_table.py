"""Read and write tables: every cell as the text in the file."""

from __future__ import annotations

import csv
import importlib
import io
import itertools
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO, TextIO

from sktl._store import atomic_write
from sktl._types import NewCells, PathLike, TableKind
from sktl.exceptions import TableError

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
_DELIMITERS = ",;\t|"
_MOST_HEADER_LINES = 100


@dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes
    ----------
    header : tuple of str
        Names of the columns, all different.
    cells : list of list of str, n rows
        Rows may be longer or shorter than the header where the file is broken.
    lines : list of int, length n
        Where each row stands in the file, from 1; the header is line 1 or below.
    delimiter : str or None
        What separates the columns of a text file.
    numbers : dict of str to str
        Columns whose cells are numbers or empty, "int" or "float": formats that tell numbers from
        text are written with numbers there.
    """

    header: tuple[str, ...]
    cells: list[list[str]]
    lines: list[int]
    delimiter: str | None = None
    numbers: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.cells)

    def column(self, name: str) -> list[str]:
        """Return the cells of a column; of rows that are too short, empty text."""
        place = self.header.index(name)
        return [row[place] if place < len(row) else "" for row in self.cells]

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
            Cells by name; floats are written with six digits.

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
            part if isinstance(part, list) else [f"{number:.6g}" for number in part]
            for part in columns.values()
        ]
        added = zip(*texts, strict=True)
        return replace(
            self,
            header=(*self.header, *columns),
            cells=[[*row, *more] for row, more in zip(self.cells, added, strict=True)],
            numbers=self.numbers | dict.fromkeys(floats, "float"),
        )


def read_table(path: PathLike) -> Table:
    """Read a table of any of the formats that spreadsheets write.

    Parameters
    ----------
    path : path-like
        CSV or TSV (UTF-8, with or without a byte-order mark; separated by comma, semicolon, tab or
        bar), Parquet or XLSX (first sheet).

    Returns
    -------
    Table
        Blank rows at the end are left out; others are rows.

    Raises
    ------
    TableError
        The file has another format, is not UTF-8, or has no header, a column without a name or two
        of the same name.
    """
    path = Path(path)
    kind = kind_of(path)
    if kind == "parquet":
        return _read_parquet(path)
    rows, lines, delimiter = _read_text(path, kind) if kind != "xlsx" else _read_xlsx(path)
    while rows and not any(cell.strip() for cell in rows[-1]):
        rows.pop()
    if not rows:
        raise TableError(f"{path.name} is empty, expected a header and rows.")
    first = next(i for i, row in enumerate(rows) if any(cell.strip() for cell in row))
    header = check_header(rows[first], path.name, lines[first])
    cells = [fitted(row, len(header)) for row in rows[first + 1 :]]
    if not cells:
        raise TableError(f"{path.name} has a header and no rows.")
    return Table(header, cells, lines[first + 1 : len(rows)], delimiter)


def write_table(path: PathLike, table: Table) -> None:
    """Write a table in the format of the file's name, atomically.

    Numbers stay as they are written in the cells; CSV is UTF-8, separated by commas.

    Raises
    ------
    TableError
        The name ends in nothing known.
    """
    path = Path(path)
    kind = kind_of(path)
    content = io.BytesIO()
    if kind == "parquet":
        _write_parquet(content, table)
    elif kind == "xlsx":
        cells = zip(*(_typed(table, name) for name in table.header), strict=True)
        frame = _pandas().DataFrame(list(cells), columns=list(table.header), dtype=object)
        frame.to_excel(content, index=False, engine="openpyxl")
    else:
        text = io.TextIOWrapper(content, encoding="utf-8", newline="", write_through=True)
        _write_text(text, table, "\t" if kind == "tsv" else ",")
        text.detach()
    atomic_write(path, content.getvalue())


def _write_text(text: TextIO, table: Table, delimiter: str) -> None:
    """Write a table as text; what a reader could take for something else stands in quotes."""
    plain = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    quoted = csv.writer(text, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    odd = set("".join(table.header)) & {*_DELIMITERS, "\r"}  # readers guess from the header
    (quoted if odd else plain).writerow(table.header)
    for row in table.cells:
        (quoted if any("\r" in str(cell) for cell in row) else plain).writerow(row)


def kind_of(path: Path) -> TableKind:
    """Return "csv", "tsv", "parquet" or "xlsx", as the name of a file ends."""
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise TableError(f"Got {path.name!r}, expected a name that ends in {', '.join(SUFFIXES)}.")
    return kind


def check_header(cells: Iterable[str], name: str, line: int) -> tuple[str, ...]:
    """Return the names of columns as a tuple; they must be there and differ."""
    header = tuple(cell.strip() for cell in cells)
    for column in header:
        if not column or header.count(column) > 1:
            raise TableError(
                f"{name}, line {line}: got the column names {list(header)}, expected names that "
                "are all there and all different."
            )
    return header


def find_delimiter(lines: Iterable[str], kind: TableKind) -> str:
    """Return what parts the header, the first row that is not blank, into the most cells.

    What stands in quotes does not count. Only the first lines are read.
    """
    start = list(itertools.islice(lines, _MOST_HEADER_LINES))

    def n_cells(delimiter: str) -> int:
        rows = csv.reader(start, delimiter=delimiter, strict=True)
        try:
            return len(next((row for row in rows if any(map(str.strip, row))), []))
        except csv.Error:
            return 0

    return "\t" if kind == "tsv" else max(_DELIMITERS, key=n_cells)


def read_records(
    lines: Iterable[str], delimiter: str, name: str, line: int = 1
) -> Iterator[tuple[list[str], int]]:
    """Yield the cells of each record of a text, and the line where it begins.

    Parameters
    ----------
    lines : iterable of str
        The lines with their ends, read one by one as records need them.
    delimiter : str
        What separates cells.
    name : str
        The file, for messages.
    line : int, default=1
        Number of the first line.
    """
    reader, begin = csv.reader(lines, delimiter=delimiter, strict=True), line
    try:
        for cells in reader:
            yield cells, begin
            begin = line + reader.line_num
    except csv.Error as error:
        raise TableError(f"{name}, line {begin}: {error}.") from error


def fitted(row: list[str], width: int) -> list[str]:
    """Return a row without the empty cells that stand beyond the header."""
    while len(row) > width and not row[-1].strip():
        row = row[:-1]
    return row


def parquet_file(path: Path) -> pyarrow.parquet.ParquetFile:
    """Return a Parquet file as pyarrow opens it."""
    parquet = need("pyarrow.parquet", "parquet")
    try:
        return parquet.ParquetFile(path)
    except (ValueError, OSError) as error:
        raise TableError(f"{path.name} is not PARQUET: {error}.") from error


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
    header = check_header(map(str, frame.columns), name, 1)
    cells = _texts(frame)
    kinds = {str(column.name): _kind_of_number(column.type) for column in content.schema}
    numbers = {column: kind for column in header if (kind := kinds.get(column))}
    return Table(header, cells, list(range(line, line + len(cells))), numbers=numbers)


def need(module: str, extra: str) -> ModuleType:
    """Return an optional package, or say how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise TableError(f"{extra.upper()} needs {package}: pip install sktl[{extra}]") from error


def _read_parquet(path: Path) -> Table:
    """Return the table of a Parquet file, without blank rows at the end."""
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
    columns = {
        name: pyarrow.array(_typed(table, name), kinds[table.numbers.get(name)])
        for name in table.header
    }
    parquet.write_table(pyarrow.table(columns), content)


def _typed(table: Table, name: str) -> list[str] | list[int | float | None]:
    """Return the cells of a column as they are: text, or numbers and None."""
    cells, kind = table.column(name), table.numbers.get(name)
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


def _read_text(path: Path, kind: TableKind) -> tuple[list[list[str]], list[int], str]:
    """Return rows, their line numbers and the delimiter of a text file."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise bad_byte(path, content[: error.start].count(b"\n") + 1, error) from error
    delimiter = find_delimiter(io.StringIO(text, newline=""), kind)
    found = list(read_records(io.StringIO(text, newline=""), delimiter, path.name))
    return [cells for cells, _ in found], [line for _, line in found], delimiter


def bad_byte(path: Path, line: int, error: UnicodeDecodeError) -> TableError:
    """Return what to raise for a text that is not UTF-8."""
    return TableError(
        f"{path.name}, line {line}: got the byte {error.object[error.start : error.start + 1]!r}, "
        "expected UTF-8. Save it as 'CSV UTF-8'."
    )


def _read_xlsx(path: Path) -> tuple[list[list[str]], list[int], None]:
    """Return rows and line numbers of the first sheet, all cells as text."""
    pandas = _pandas()
    try:
        frame = pandas.read_excel(path, dtype=object, na_filter=False, engine="openpyxl")
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise TableError(f"{path.name} is not XLSX: {error}.") from error
    rows = [list(map(str, frame.columns)), *_texts(frame)]
    return rows, list(range(1, len(rows) + 1)), None


def _texts(frame: pd.DataFrame) -> list[list[str]]:
    """Return the rows of a data frame, each cell as text, empty where it is missing."""
    cells = frame.astype(object).where(frame.notna(), "").to_numpy(object)
    return [[str(cell) for cell in row] for row in cells]


def _pandas() -> ModuleType:
    """Return pandas, once the package that it needs for XLSX is known to be there."""
    import pandas

    need("openpyxl", "excel")
    return pandas
