"""Tables of pages, as Markdown, and where they stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from sktl.exceptions import InputError


def markdown(titles: Sequence[str], rows: Iterable[Sequence[str]], numbers: bool = True) -> str:
    """Return a Markdown table, all columns but the first to the right if they hold `numbers`."""
    lines = [titles, ["---", *["---:" if numbers else "---"] * (len(titles) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def fill_page(text: str, parts: Mapping[str, str]) -> str:
    """Return a page's text with what stands between its markers replaced.

    Parameters
    ----------
    text : str
        The page; a part stands between ``<!-- NAME -->`` and ``<!-- end of NAME -->``.
    parts : dict of str to str
        Name of each part to its new text.

    Raises
    ------
    InputError
        The page has no place, or several, for a part.
    """
    for name, part in parts.items():
        place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        found = list(place.finditer(text))
        if len(found) != 1:
            raise InputError(f"Got a page without one place for {name!r}, expected its markers.")
        begin, end = found[0].end(1), found[0].start(2)
        text = f"{text[:begin]}{part}\n{text[end:]}"
    return text
