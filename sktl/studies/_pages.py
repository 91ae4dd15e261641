"""Tables of pages, as Markdown, and where they stand."""

import re

from sktl.exceptions import InputError


def markdown(titles, rows, numbers=True):
    """Return a Markdown table, all columns but the first to the right if they hold `numbers`."""
    lines = [titles, ["---", *["---:" if numbers else "---"] * (len(titles) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def fill_page(text, parts):
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
        if len(place.findall(text)) != 1:
            raise InputError(f"Got a page without one place for {name!r}, expected its markers.")
        text = place.sub(lambda found, part=part: f"{found[1]}{part}\n{found[2]}", text)
    return text
