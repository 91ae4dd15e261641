"""Numbers as people write them: which text is which number, with which decimal mark."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sktl.tables._cells import TypedNumber

OTHER_MARK = {".": ",", ",": "."}
MARK_NAMES = {".": "point", ",": "comma"}
_SPACES = "\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}\N{FIGURE SPACE}"
_GROUPERS = f"[{_SPACES}'\N{RIGHT SINGLE QUOTATION MARK}]"  # as in 1'234.5
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\xad"))
_GROUPED = re.compile(rf"(?<![0-9.,])([+-]?[1-9][0-9]{{0,2}})((?:{_GROUPERS}[0-9]{{3}})+)(?![0-9])")
WRITTEN = {  # thousands are grouped in numbers without an exponent alone
    mark: re.compile(
        rf"[+-]?(?:(?:[0-9]+(?:{re.escape(mark)}[0-9]*)?|{re.escape(mark)}[0-9]+)(?:[eE][+-]?[0-9]+)?"
        rf"|[1-9][0-9]{{0,2}}(?:{re.escape(other)}[0-9]{{3}})+(?:{re.escape(mark)}[0-9]*)?)"
    )
    for mark, other in OTHER_MARK.items()
}
_NUMERAL = re.compile(r"[0-9]+(?:[.,][0-9]+)*")


class Readings(NamedTuple):
    """A text, and the number that it is with each decimal mark."""

    text: str
    numbers: dict[str, float]

    @property
    def only(self) -> str | None:
        """The one mark with which the text is a number; None where both or none do."""
        return next(iter(self.numbers)) if len(self.numbers) == 1 else None

    @property
    def ambiguous(self) -> bool:
        """Whether the marks give two different numbers, as those of 1,234 do."""
        return len(set(self.numbers.values())) == 2

    def groups(self, mark: str) -> bool:
        """Whether the text, read with this mark, has separators of thousands."""
        return mark in self.numbers and OTHER_MARK[mark] in self.text


def clean(text: str) -> str:
    """Return a text without space around it and what cannot be seen, with a plain minus sign.

    Space and apostrophes are taken out where they group digits by thousands.
    """
    text = text.translate(_INVISIBLE).strip().replace("\N{MINUS SIGN}", "-")
    return _GROUPED.sub(lambda found: found[1] + re.sub(_GROUPERS, "", found[2]), text)


def read_marks(text: str) -> Readings:
    """Return the readings of a text."""
    text = clean(text)
    numbers = {
        mark: float(text.replace(OTHER_MARK[mark], "").replace(mark, "."))
        for mark, written in WRITTEN.items()
        if written.fullmatch(text)
    }
    return Readings(text, numbers)


def votes(readings: Iterable[Readings]) -> list[str]:
    """Return the decimal mark of each text that can only be read with one.

    A text with numerals in it, as 2,4±0,1, has a vote where they agree.
    """
    found = []
    for each in readings:
        if each.numbers:
            marks = {each.only} if each.only else set()
        else:
            inside = map(read_marks, _NUMERAL.findall(each.text))
            marks = {numeral.only for numeral in inside if numeral.only}
        found += list(marks) if len(marks) == 1 else []
    return [mark for mark in found if mark]


def majority(marks: list[str]) -> str | None:
    """Return the mark that has more votes than the other, or None."""
    commas = 2 * marks.count(",") - len(marks)
    return None if not commas else "," if commas > 0 else "."


def column_marks(rows: Iterable[Sequence[str]], width: int) -> list[list[str | None]]:
    """Return for each column the mark of each cell of text that is not empty.

    It is None of a cell that is a number with both marks, or with none.
    """
    found: list[list[str | None]] = [[] for _ in range(width)]
    for row in rows:
        for marks, cell in zip(found, row, strict=False):
            if cell and not isinstance(cell, TypedNumber):
                marks.append(read_marks(cell).only)
    return found


def commas_are_usual(columns: Iterable[Sequence[str | None]], semicolons: bool) -> bool:
    """Return whether columns, of `column_marks`, rather have decimal commas than points.

    A cell like 1,2 may be a list of two whole numbers. So a comma is a decimal one if most cells of
    a column have one, or if semicolons part the columns.
    """
    commas = points = 0
    for marks in columns:
        sure = [mark for mark in marks if mark]
        mark = majority(sure)
        commas += mark == "," and (semicolons or 2 * len(sure) > len(marks))
        points += mark == "."
    return commas > points or (semicolons and commas == points > 0)
