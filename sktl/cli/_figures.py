"""The option ``--figures``."""

from __future__ import annotations

from collections.abc import Callable

import click

from sktl.cli._numbers import Command
from sktl.evaluation import FIGURE_KINDS


def figures_option(help: str, default: str | None = None) -> Callable[[Command], Command]:
    """Return the option ``--figures``, the format of plots."""
    return click.option(
        "--figures", type=click.Choice(FIGURE_KINDS), default=default, show_default=True, help=help
    )
