"""Options with numbers that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def jobs_option(default: int) -> Callable[[Command], Command]:
    """Return the option ``--jobs``, an integer other than 0."""
    return click.option(
        "--jobs",
        type=int,
        default=default,
        show_default=True,
        callback=_read_jobs,
        help="Fits at a time; -1: one a core.",
    )


def seed_option(
    most: int, help: str = "Seed of all random numbers."
) -> Callable[[Command], Command]:
    """Return the option ``--seed``, an integer from 0 to `most`."""
    return click.option(
        "--seed", default=0, show_default=True, type=click.IntRange(0, most), help=help
    )


def _read_jobs(context: click.Context, option: click.Parameter, value: int) -> int:
    if value == 0:
        raise click.BadParameter("Got 0, expected a positive number, or -1 for one a core.")
    return value
