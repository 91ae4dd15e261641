"""Read and write tables: every cell as the text that stands in the file."""

import csv
import importlib
import io
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

from sktl._store import atomic_write
from sktl.exceptions import TableError

SUFFIXES = {".csv": "csv", ".tsv": "tsv", ".txt": "csv", ".parquet": "parquet", ".xlsx": "xlsx"}
_DELIMITERS = ",;\t|"
_EXTRAS = {"parquet": ("pyarrow", "parquet"), "xlsx": ("openpyxl", "excel")}


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
    """

    header: tuple
    cells: list
    lines: list
    delimiter: str | None = None

    def __len__(self):
        return len(self.cells)

    def column(self, name):
        """Return the cells of a column; of rows that are too short, empty text."""
        place = self.header.index(name)
        return [row[place] if place < len(row) else "" for row in self.cells]

    def take(self, rows):
        """Return some of the rows."""
        return replace(
            self, cells=[self.cells[i] for i in rows], lines=[self.lines[i] for i in rows]
        )

    def with_columns(self, columns):
        """Return the table with more columns: a dict of name to n texts.

        Raises
        ------
        TableError
            A name is there already.
        """
        taken = [name for name in columns if name in self.header]
        if taken:
            raise TableError(f"The table has columns {taken} already: rename or remove them.")
        added = zip(*columns.values(), strict=True)
        cells = [[*row, *more] for row, more in zip(self.cells, added, strict=True)]
        return replace(self, header=(*self.header, *columns), cells=cells)


def read_table(path):
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
    kind = _kind(path)
    if kind in ("csv", "tsv"):
        rows, lines, delimiter = _read_text(path, kind)
    else:
        rows, lines, delimiter = *_read_binary(path, kind), None
    while rows and not any(cell.strip() for cell in rows[-1]):
        rows.pop()
    if not rows:
        raise TableError(f"{path.name} is empty, expected a header and rows.")
    first = next(i for i, row in enumerate(rows) if any(cell.strip() for cell in row))
    header = tuple(cell.strip() for cell in rows[first])
    for name in header:
        if not name or header.count(name) > 1:
            raise TableError(
                f"{path.name}, line {lines[first]}: got the column names {list(header)}, expected "
                "names that are all there and all different."
            )
    cells = [_fitted(row, len(header)) for row in rows[first + 1 :]]
    if not cells:
        raise TableError(f"{path.name} has a header and no rows.")
    return Table(header, cells, lines[first + 1 : len(rows)], delimiter)


def write_table(path, table):
    """Write a table in the format of the file's name, atomically.

    Numbers stay as they are written in the cells; CSV is UTF-8, separated by commas.

    Raises
    ------
    TableError
        The name ends in nothing known.
    """
    path = Path(path)
    kind = _kind(path)
    if kind in ("csv", "tsv"):
        text = io.StringIO(newline="")
        settings = {"delimiter": "\t" if kind == "tsv" else ",", "lineterminator": "\n"}
        plain = csv.writer(text, **settings)
        quoted = csv.writer(text, quoting=csv.QUOTE_ALL, **settings)
        odd = set("".join(table.header)) & {*_DELIMITERS, "\r"}  # readers guess from the header
        (quoted if odd else plain).writerow(table.header)
        for row in table.cells:
            (quoted if "\r" in "".join(row) else plain).writerow(row)
        atomic_write(path, text.getvalue().encode("utf-8"))
        return
    frame = _pandas(kind).DataFrame(table.cells, columns=list(table.header))
    content = io.BytesIO()
    if kind == "parquet":
        frame.to_parquet(content, index=False)
    else:
        frame.to_excel(content, index=False, engine="openpyxl")
    atomic_write(path, content.getvalue())


def _kind(path):
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise TableError(f"Got {path.name!r}, expected a name that ends in {', '.join(SUFFIXES)}.")
    return kind


def _read_text(path, kind):
    """Return rows, their line numbers and the delimiter of a text file."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise TableError(
            f"{path.name}, line {line}: got the byte {content[error.start : error.start + 1]!r}, "
            "expected UTF-8. Save it as 'CSV UTF-8'."
        ) from error
    delimiter = "\t" if kind == "tsv" else _find_delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows, lines, line = [], [], 1
    try:
        for row in reader:
            rows.append(row)
            lines.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        raise TableError(f"{path.name}, line {line}: {error}.") from error
    return rows, lines, delimiter


def _find_delimiter(text):
    """Return what parts the header into the most cells; what stands in quotes does not count."""

    def n_cells(delimiter):
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        try:
            return len(next((row for row in rows if any(map(str.strip, row))), []))
        except csv.Error:
            return 0

    return max(_DELIMITERS, key=n_cells)


def _read_binary(path, kind):
    """Return rows and line numbers of a Parquet or XLSX file, all cells as text."""
    pandas = _pandas(kind)
    try:
        if kind == "parquet":
            frame = pandas.read_parquet(path)
        else:
            frame = pandas.read_excel(path, dtype=object, na_filter=False, engine="openpyxl")
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise TableError(f"{path.name} is not {kind.upper()}: {error}.") from error
    rows = [list(map(str, frame.columns))]
    rows += [
        ["" if _is_missing(cell) else str(cell) for cell in row] for row in frame.to_numpy(object)
    ]
    return rows, list(range(1, len(rows) + 1))


def _is_missing(cell):
    return cell is None or cell != cell  # NaN is not equal to itself


def _pandas(kind):
    """Return pandas, once the package that it needs for a format is known to be there."""
    import pandas

    package, extra = _EXTRAS[kind]
    try:
        importlib.import_module(package)
    except ImportError as error:
        raise TableError(f"{kind.upper()} needs {package}: pip install sktl[{extra}]") from error
    return pandas


def _fitted(row, width):
    """Return a row without the empty cells that stand beyond the header."""
    while len(row) > width and not row[-1].strip():
        row = row[:-1]
    return row
