"""What a message shows of an input: cut where it is long, escaped where it would move a cursor."""

from __future__ import annotations

import re

from sktl._limits import LONGEST_ECHO, LONGEST_LINE

_QUOTED = re.compile(
    rf"(?P<mark>['\"])(?P<text>(?:(?!(?P=mark)).){{{LONGEST_ECHO + 1},}})(?P=mark)"
)
_UNBROKEN = re.compile(rf"\S{{{LONGEST_ECHO + 9},}}")  # a quoted echo and its marks are shorter
_CUT = "..."


def echo(item: object) -> str:
    """Return an item as a message shows it: escaped, and cut after `LONGEST_ECHO` characters."""
    shown = repr(item[:LONGEST_ECHO] if isinstance(item, str | bytes) else item)
    cut = len(shown) > LONGEST_ECHO or (isinstance(item, str | bytes) and len(item) > LONGEST_ECHO)
    return f"{shown[: LONGEST_ECHO - len(_CUT)]}{_CUT}" if cut else shown


def printable(text: str) -> str:
    """Return a text as a terminal may show it: what is not printable is written out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def shown(text: str) -> str:
    """Return a name or a title out of a file as one line shows it: escaped, and cut like `echo`.

    Examples
    --------
    >>> shown("gap\\n(eV) \\x1b[2J")
    'gap (eV) \\\\x1b[2J'
    """
    plain = printable(re.sub(r"\s*[\r\n]\s*", " ", text[: LONGEST_ECHO + 1]))
    return plain if len(plain) <= LONGEST_ECHO else _short(plain)


def as_message(text: str) -> str:
    """Return a message in which no echo of an input is longer than `LONGEST_ECHO` characters.

    Whatever a parser says, with the content of a file in it, becomes a message by this.

    Examples
    --------
    >>> as_message("Got 'Fe\\x1b[2J'")
    "Got 'Fe\\\\x1b[2J'"
    >>> len(as_message("Got '" + "Fe" * 1000 + "', expected a formula"))
    226
    """
    return "\n".join(map(_short_line, printable(text[: 100 * LONGEST_LINE]).split("\n")))


def _short_line(line: str) -> str:
    if len(line) <= LONGEST_ECHO:
        return line
    line = _QUOTED.sub(lambda found: f"{found['mark']}{_short(found['text'])}{found['mark']}", line)
    line = _UNBROKEN.sub(lambda found: _short(found[0]), line)
    return line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - len(_CUT)] + _CUT


def _short(text: str) -> str:
    return text[: LONGEST_ECHO - len(_CUT)] + _CUT
