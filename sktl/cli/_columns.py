"""Columns of tables as options name them, and those beside the material."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from sktl.exceptions import TableError

if TYPE_CHECKING:
    from sktl.cli._rows import Materials
    from sktl.tables import BesideColumns, Column, Table

_Command = TypeVar("_Command", bound=Callable[..., Any])

_conditions_option = click.option(
    "--conditions",
    metavar="COLUMNS",
    help="Columns beside the material that the target depends on, separated by commas, such as "
    "'T (K),processing': numbers or words; cells may be empty.",
)
_words_option = click.option(
    "--words",
    metavar="COLUMNS",
    help="Those of --conditions whose cells are names, also where they look like numbers, such as "
    "the steels 304 and 316L [default: columns in which most cells are no numbers].",
)


def conditions_options(command: _Command) -> _Command:
    """Add the options on columns beside the material."""
    return _conditions_option(_words_option(command))


def column_of(table: Table, wanted: str, option: str) -> Column:
    """Return a `Column`; a wrong name is a mistake in the option."""
    from sktl.tables import find_column

    try:
        return find_column(table, wanted)
    except TableError as error:
        raise click.BadParameter(str(error), param_hint=option) from error


def read_beside(
    table: Table,
    materials: Materials,
    place: str,
    targets: Sequence[str],
    decimal: Literal["auto", ".", ","] = "auto",
) -> BesideColumns:
    """Return the columns that ``--conditions`` names, those of ``--words`` as words.

    `place` is the column of the materials, which like the targets cannot stand beside itself.
    """
    from sktl.tables import read_conditions

    names = _columns_of(table, materials.conditions, "--conditions")
    taken = dict.fromkeys(targets, "target") | {place: "material"}
    for name in names:
        if name in taken:
            raise click.BadParameter(
                f"Got {name!r}, which is the {taken[name]} itself, expected others: leave it out.",
                param_hint="--conditions",
            )
    named = dict.fromkeys(_columns_of(table, materials.words, "--words"), False)
    others = [name for name in named if name not in names]
    if others:
        raise click.BadParameter(
            f"Got {others[0]!r}, expected a column of --conditions.", param_hint="--words"
        )
    return read_conditions(table, names, decimal, named)


def _columns_of(table: Table, text: str | None, option: str) -> list[str]:
    """Return the columns that an option names, as the table has them."""
    wanted = [] if text is None else _split(text, table.header)
    names = [column_of(table, name, option).name for name in wanted]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise click.BadParameter(f"Got {twice[0]!r} twice.", param_hint=option)
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
