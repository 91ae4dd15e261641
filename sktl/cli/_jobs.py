"""How many fits at a time: one option for all commands that make many."""

import click


def jobs_option(default):
    """Return the option ``--jobs``, an integer other than 0."""
    return click.option(
        "--jobs",
        type=int,
        default=default,
        show_default=True,
        callback=_read,
        help="Fits at a time; -1: one a core.",
    )


def _read(context, option, value):
    if value == 0:
        raise click.BadParameter("Got 0, expected a positive number, or -1 for one a core.")
    return value
