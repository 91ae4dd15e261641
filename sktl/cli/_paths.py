"""Files as arguments of commands."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

READABLE = click.Path(exists=True, dir_okay=False, path_type=Path)
WRITABLE = click.Path(dir_okay=False, path_type=Path)


def check_writable(folder: Path, option: str) -> None:
    """Make the folder and write to it, so that minutes of work cannot end in an error."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"sktl")
    except OSError as error:
        reason = error.strerror or str(error)
        raise click.UsageError(
            f"Got {option} {str(folder)!r}, expected a folder to write to: {reason}."
        ) from error
