"""Options with numbers that several commands have."""

import click


def jobs_option(default):
    """Return the option ``--jobs``, an integer other than 0."""
    return click.option(
        "--jobs",
        type=int,
        default=default,
        show_default=True,
        callback=_read_jobs,
        help="Fits at a time; -1: one a core.",
    )


def seed_option(most, help="Seed of all random numbers."):
    """Return the option ``--seed``, an integer from 0 to `most`."""
    return click.option(
        "--seed", default=0, show_default=True, type=click.IntRange(0, most), help=help
    )


def _read_jobs(context, option, value):
    if value == 0:
        raise click.BadParameter("Got 0, expected a positive number, or -1 for one a core.")
    return value
