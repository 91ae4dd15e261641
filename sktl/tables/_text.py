"""Tables of text: how a file is encoded, split into cells, and written in the same way."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from sktl._limits import FREE_CELLS, cells_problem
from sktl._types import TableKind
from sktl.exceptions import TableError
from sktl.tables._header import MOST_HEADER_LINES, Page

DELIMITERS = ",;\t|"
_LINE_END = re.compile(r"\r\n|\n|\r")
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@dataclass(frozen=True)
class Dialect:
    """How a table of text is written.

    Attributes
    ----------
    delimiter : str
        What separates cells.
    encoding : str
        As Python names it; "utf-8-sig" has a byte-order mark.
    line_end : str
        What ends a line.
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    line_end: str = "\n"


def read_text(
    path: Path, kind: TableKind, header_row: int | None, encoding: str | None
) -> Iterator[list[Page]]:
    """Yield the rows of a text file, first as its header is best split, then in the other ways.

    Parameters
    ----------
    path : Path
        The file.
    kind : {"csv", "tsv"}
        What its name says.
    header_row : int or None
        Line of the header, from 1, where the user says it.
    encoding : str or None
        As the user says it. None: that of the byte-order mark, else UTF-8.
    """
    text, encoding = _decode(path, encoding)
    end = _LINE_END.search(text)
    lines = io.StringIO(text, newline="")
    usual = find_delimiter(itertools.islice(lines, (header_row or 1) - 1, None), kind)
    others = DELIMITERS.replace(usual, "") if kind != "tsv" and header_row is None else ""
    for delimiter in (usual, *others):
        try:
            records = read_records(io.StringIO(text, newline=""), delimiter, path.name)
            found = list(_bounded(records, path.name, len(text)))
        except TableError:
            if delimiter == usual:
                raise
            continue
        dialect = Dialect(delimiter, encoding, end[0] if end else "\n")
        yield [Page([cells for cells, _ in found], [line for _, line in found], dialect=dialect)]


def _bounded(
    records: Iterable[tuple[list[str], int]], name: str, size: int
) -> Iterator[tuple[list[str], int]]:
    """Yield records as long as memory should hold all of them."""
    n_cells = 0
    for record in records:
        n_cells += len(record[0])
        problem = cells_problem(n_cells, size) if n_cells > FREE_CELLS else None
        if problem:
            raise TableError(f"{name}: {problem}.")
        yield record


def _decode(path: Path, encoding: str | None) -> tuple[str, str]:
    """Return the text of a file and its encoding."""
    content = path.read_bytes()
    found = next((name for mark, name in _MARKS.items() if content.startswith(mark)), None)
    name = encoding or found or "utf-8"
    try:
        text = content.decode(name)
    except UnicodeDecodeError as error:
        raise bad_byte(path, content[: error.start].count(b"\n") + 1, error) from error
    except (LookupError, ValueError) as error:
        raise TableError(f"Got encoding={name!r}, which cannot be read: {error}.") from error
    if text.count("\0") > len(text) / 4:
        raise TableError(
            f"{path.name} has bytes that are 0, expected text: it may be "
            f"{_wide_encoding(content)}; say --encoding {_wide_encoding(content)}."
        )
    return text.removeprefix("\ufeff"), name


def _wide_encoding(content: bytes) -> str:
    """Return the encoding, of two or four bytes a letter, by where most bytes are 0."""
    zeros = [content[place::4].count(0) for place in range(4)]
    if sum(zeros) > 5 * len(content) / 8:
        return "utf-32-be" if zeros[0] > zeros[3] else "utf-32-le"
    return "utf-16-be" if zeros[0] + zeros[2] > zeros[1] + zeros[3] else "utf-16-le"


def bad_byte(path: Path, line: int, error: UnicodeDecodeError) -> TableError:
    """Return what to raise for a text that is not in its encoding."""
    expected = "UTF-8" if error.encoding.startswith("utf-8") else error.encoding
    return TableError(
        f"{path.name}, line {line}: got the byte {error.object[error.start : error.start + 1]!r}, "
        f"expected {expected}. Save it as 'CSV UTF-8', or say how it was saved, as in "
        "--encoding cp1252 (Excel on Windows)."
    )


def find_delimiter(lines: Iterable[str], kind: TableKind) -> str:
    """Return what parts the header, the first row that is not blank, into the most cells.

    What stands in quotes does not count. Only the first lines are read.
    """
    start = list(itertools.islice(lines, MOST_HEADER_LINES))

    def n_cells(delimiter: str) -> int:
        rows = csv.reader(start, delimiter=delimiter, strict=True)
        try:
            return len(next((row for row in rows if any(map(str.strip, row))), []))
        except csv.Error:
            return 0

    return "\t" if kind == "tsv" else max(DELIMITERS, key=n_cells)


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


def write_text(
    text: TextIO, header: Sequence[str], rows: Iterable[Sequence[object]], dialect: Dialect
) -> None:
    """Write rows as text; what a reader could take for something else stands in quotes."""
    plain = csv.writer(text, delimiter=dialect.delimiter, lineterminator=dialect.line_end)
    quoted = csv.writer(
        text,
        delimiter=dialect.delimiter,
        lineterminator=dialect.line_end,
        quoting=csv.QUOTE_ALL,
    )
    odd = set("".join(header)) & {*DELIMITERS, "\r"}  # readers guess from the header
    (quoted if odd else plain).writerow(header)
    for row in rows:
        (quoted if any("\r" in str(cell) for cell in row) else plain).writerow(row)


@contextlib.contextmanager
def encoded(content: io.BytesIO, dialect: Dialect, name: str) -> Iterator[TextIO]:
    """Yield a text whose characters go into bytes as the dialect says.

    Raises
    ------
    TableError
        The encoding has no place for a character.
    """
    text = io.TextIOWrapper(content, encoding=dialect.encoding, newline="")
    try:
        yield text
        text.flush()
    except UnicodeEncodeError as error:
        raise TableError(
            f"{name}: {error.object[error.start]!r} has no place in {dialect.encoding}: write "
            "to XLSX or Parquet."
        ) from error
    finally:
        with contextlib.suppress(UnicodeEncodeError):
            text.detach()
