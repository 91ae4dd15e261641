"""Tables too large for memory, split into parts of some rows each, and how to read one part."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from sktl._types import PathLike
from sktl.exceptions import TableError
from sktl.tables._excel import need
from sktl.tables._header import fitted, is_blank, names_of
from sktl.tables._table import Table, from_arrow, kind_of, parquet_file, readable_parquet
from sktl.tables._text import bad_byte, find_delimiter, read_records

if TYPE_CHECKING:
    import pyarrow

_MARK = b"\xef\xbb\xbf"
_BATCH = 65_536
_KINDS = ("parquet", "csv", "tsv")


@dataclass(frozen=True)
class TablePart:
    """Some rows of a file, one after the other.

    Attributes
    ----------
    name : str
        The file, by its name in the folder of files.
    start, stop : int
        The first byte and the one after the last of a text file; the same for rows of Parquet.
    line : int
        Line of the first row in the file, from 1.
    rows : int
        Number of rows.
    delimiter : str or None
        What separates the columns of a text file.
    """

    name: str
    start: int
    stop: int
    line: int
    rows: int
    delimiter: str | None = None


def find_files(data: PathLike) -> list[Path]:
    """Return the files of a table: one, or those of a folder in the order of their names.

    Parameters
    ----------
    data : path-like
        A CSV, TSV or Parquet file, or a folder of such files, all of one format. In a folder, names
        that begin with a dot or an underscore are left out, and part.10 comes after part.9.

    Returns
    -------
    list of Path

    Raises
    ------
    TableError
        There is none, or they are of several formats or of one that cannot be read in parts.
    """
    data = Path(data)
    files = [data]
    if data.is_dir():
        files = [path for path in data.iterdir() if path.is_file() and path.name[0] not in "._"]
        files.sort(key=lambda path: [_natural(word) for word in re.split(r"(\d+)", path.name)])
    elif not data.exists():
        raise TableError(f"Got {str(data)!r}, expected a file or a folder that is there.")
    kinds = sorted({kind_of(path) for path in files})
    if len(kinds) != 1 or kinds[0] not in _KINDS:
        raise TableError(
            f"Got {str(data)!r} with {kinds or 'no'} files, expected files of one format out of "
            f"{', '.join(_KINDS)}."
        )
    return files


def read_header(path: Path) -> Table:
    """Return the table of a file without its rows."""
    if kind_of(path) == "parquet":
        return from_arrow(parquet_file(path).schema_arrow.empty_table(), path.name, 2)
    with _Lines(path) as lines:
        return _text_header(lines, path)[0]


def split_table(path: Path, rows: int) -> Iterator[TablePart]:
    """Yield the parts of a file, without reading it into memory.

    Parameters
    ----------
    path : Path
        A CSV, TSV or Parquet file.
    rows : int
        Rows of a part; the last has fewer.

    Yields
    ------
    TablePart
        Blank rows at the end of a text file are in none.
    """
    if kind_of(path) != "parquet":
        yield from _split_text(path, rows)
        return
    n = parquet_file(path).metadata.num_rows
    for start in range(0, n, rows):
        stop = min(start + rows, n)
        yield TablePart(path.name, start, stop, start + 2, stop - start)


def read_part(path: Path, part: TablePart, header: tuple[str, ...]) -> Table:
    """Return the rows of a part as a `Table`.

    Parameters
    ----------
    path : Path
        The file.
    part : TablePart
        Which rows.
    header : tuple of str
        Names of the columns.

    Raises
    ------
    TableError
        The file has been changed since it was split.
    """
    if part.delimiter is None:
        with readable_parquet(path):
            table = from_arrow(_arrow_rows(path, part), path.name, part.line)
    else:
        with open(path, "rb") as file:
            file.seek(part.start)
            text = io.StringIO(file.read(part.stop - part.start).decode(), newline="")
        found = list(read_records(text, part.delimiter, path.name, part.line))
        cells = [fitted(cells, header) for cells, _ in found]
        table = Table(header, cells, [line for _, line in found])
    if len(table) != part.rows or table.header != header:
        raise TableError(f"{path.name} has been changed: it is not what it was when it was split.")
    return table


def _natural(word: str) -> tuple[int, int, str]:
    return (0, int(word), "") if word.isdecimal() else (1, 0, word)


def _arrow_rows(path: Path, part: TablePart) -> pyarrow.Table:
    """Return some rows of a Parquet file, of which only what is near to them is in memory."""
    file = parquet_file(path)
    groups: list[int] = []
    before = begin = 0
    for group in range(file.num_row_groups):
        after = before + file.metadata.row_group(group).num_rows
        if after > part.start and before < part.stop:
            begin = begin if groups else before
            groups.append(group)
        before = after
    taken = []
    for batch in file.iter_batches(_BATCH, row_groups=groups, use_threads=False):
        low, high = (min(max(end - begin, 0), len(batch)) for end in (part.start, part.stop))
        taken.append(batch.slice(low, high - low))
        begin += len(batch)
        if begin >= part.stop:
            break
    return need("pyarrow", "parquet").Table.from_batches(taken, file.schema_arrow)


class _Lines:
    """The lines of a text file, one by one; `offset` is where the next one begins, in bytes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Self:
        with open(self.path, "rb") as file:
            self.offset = len(_MARK) if file.read(len(_MARK)) == _MARK else 0
        self._file = open(self.path, encoding="utf-8-sig", newline="")
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[str]:
        try:
            for line in self._file:
                self.offset += len(line) if line.isascii() else len(line.encode())
                yield line
        except UnicodeDecodeError as error:
            raise _first_bad_byte(self.path) from error


def _first_bad_byte(path: Path) -> TableError:
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return bad_byte(path, number, error)
    return TableError(f"{path.name} has been changed while it was read.")


def _text_header(lines: _Lines, path: Path) -> tuple[Table, str]:
    """Return the table of a text file without its rows, and what separates its cells.

    `lines` goes on behind the header.
    """
    with _Lines(path) as start:
        delimiter = find_delimiter(start, kind_of(path))
    for cells, line in read_records(lines, delimiter, path.name):
        if not is_blank(cells):
            return Table(names_of(cells), [], [], header_line=line), delimiter
    raise TableError(f"{path.name} is empty, expected a header and rows.")


def _split_text(path: Path, rows: int) -> Iterator[TablePart]:
    """Yield the parts of a text file; a part ends before a row that is not blank."""
    with _Lines(path) as lines:
        _, delimiter = _text_header(lines, path)
    with _Lines(path) as lines:
        records = read_records(lines, delimiter, path.name)
        next(cells for cells, _ in records if not is_blank(cells))
        start = before = stop = lines.offset
        first = n = kept = 0
        for cells, line in records:
            blank = is_blank(cells)
            if n >= rows and not blank:
                yield TablePart(path.name, start, before, first, n, delimiter)
                start, n = before, 0
            first = line if n == 0 else first
            n, before = n + 1, lines.offset
            if not blank:
                stop, kept = before, n
        if n and stop > start:
            yield TablePart(path.name, start, stop, first, kept, delimiter)
