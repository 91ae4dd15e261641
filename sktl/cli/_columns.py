"""Columns of tables as options name them, and those beside the material."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from sktl.exceptions import TableError

if TYPE_CHECKING:
    from sktl.tables import Column, Table


conditions_option = click.option(
    "--conditions",
    metavar="COLUMNS",
    help="Columns beside the material that the target depends on, separated by commas, such as "
    "'T (K),processing': numbers or words; cells may be empty.",
)


def column_of(table: Table, wanted: str, option: str) -> Column:
    """Return a `Column`; a wrong name is a mistake in the option."""
    from sktl.tables import find_column

    try:
        return find_column(table, wanted)
    except TableError as error:
        raise click.BadParameter(str(error), param_hint=option) from error


def condition_columns(table: Table, text: str | None) -> list[str]:
    """Return the columns that ``--conditions`` names, as the table has them."""
    if text is None:
        return []
    wanted = _split(text, table.header)
    names = [column_of(table, name, "--conditions").name for name in wanted]
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
