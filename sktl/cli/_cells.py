"""Options on cells that say more, or something else, than one number or one formula."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from sktl.cli._numbers import Command

if TYPE_CHECKING:
    from sktl.tables import CellRules, Column

weight_percent_option = click.option(
    "--weight-percent",
    is_flag=True,
    help="Alloys written as Ti-6Al-4V are in per cent by weight: convert them.",
)


uncertainty_option = click.option(
    "--uncertainty",
    metavar="COLUMN",
    help="Column of the standard uncertainties of the target: the weight of a row is one over the "
    "square, relative to that of the median, from 0.1 to 10; 1 where the cell is empty.",
)


def cell_options(*, bounds: bool, weights: bool) -> Callable[[Command], Command]:
    """Return a function that adds the options on cells which say more than one number.

    `bounds` and `weights` say whether the command can use limits and uncertainties.
    """
    choices = {
        "--censored": (
            ["bound"] * bounds + ["drop"],
            "Cells like <0.1: bound: fit only where a "
            "prediction is on the wrong side; drop: leave the row out.",
        ),
        "--uncertain": (
            ["value"] + ["weight"] * weights,
            "Cells like 3.4(1) or 2.4±0.1: take the "
            "value alone; weight: weigh rows by their uncertainties.",
        ),
        "--ranges": (
            ["middle", "drop"],
            "Cells like 7.6-7.8: take the middle; or leave the row out.",
        ),
    }

    def add(command: Command) -> Command:
        for name, (choice, text) in reversed(choices.items()):
            kind = click.Choice(["refuse", *choice])
            command = click.option(name, type=kind, default="refuse", show_default=True, help=text)(
                command
            )
        return weight_percent_option(uncertainty_option(command) if weights else command)

    return add


def cell_rules(options: dict[str, Any], column: Column | None = None) -> CellRules:
    """Return how cells are read, as the options of a command, and the header, say."""
    from sktl.tables import CellRules

    names = ("decimal", "censored", "uncertain", "ranges")
    unit = options["unit"] or (column.unit if column else None)
    return CellRules(**{name: options[name] for name in names}, unit=unit)
