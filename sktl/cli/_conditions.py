"""Columns beside the material, in tables that commands read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from sktl.exceptions import TableError

if TYPE_CHECKING:
    from sktl.tables import Table


def condition_columns(table: Table, text: str | None) -> list[str]:
    """Return the columns that ``--conditions`` names, as the table has them."""
    from sktl.tables import find_column

    if text is None:
        return []
    names = []
    for name in _split(text, table.header):
        try:
            names.append(find_column(table, name).name)
        except TableError as error:
            raise click.BadParameter(str(error), param_hint="--conditions") from error
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise click.BadParameter(f"Got {twice[0]!r} twice.", param_hint="--conditions")
    return names


def _split(text: str, header: Sequence[str]) -> list[str]:
    """Return the names in a text; a name of the header may hold commas itself."""
    parts = [part.strip() for part in text.split(",")]
    names, start = [], 0
    while start < len(parts):
        ends = range(len(parts), start, -1)
        whole = [end for end in ends if ", ".join(parts[start:end]) in header]
        end = whole[0] if whole else start + 1
        names.append(", ".join(parts[start:end]))
        start = end
    return [name for name in names if name]
