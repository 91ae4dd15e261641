"""Files as arguments of commands."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click

from sktl._echo import as_message, shown
from sktl._json import write_json
from sktl._progress import clear_bar

READABLE = click.Path(exists=True, dir_okay=False, path_type=Path)
WRITABLE = click.Path(dir_okay=False, path_type=Path)


def skipped_file(output: Path) -> Path:
    """Return where the rows go that are left out of an output."""
    return output.with_name(f"{output.name}.skipped.csv")


def check_place(output: Path, *inputs: str | Path) -> None:
    """Raise unless the folder of a file to write is there, and what is written is no input."""
    if not output.name:
        raise click.UsageError(f"Got {str(output)!r} as the output, expected the name of a file.")
    if not output.parent.is_dir():
        raise click.UsageError(f"Got {str(output)!r}, expected a folder that is there.")
    for place in filter(os.path.exists, (output, skipped_file(output))):
        for path in inputs:
            if os.path.exists(path) and place.samefile(path):
                raise click.UsageError(
                    f"Got {str(output)!r} as the output, which would replace the input "
                    f"{str(path)!r}: give another name."
                )


def shown_path(path: str | Path) -> str:
    """Return a path, or the name of a file, as one line shows it."""
    return shown(str(path))


def say(text: str, err: bool = False, nl: bool = True) -> None:
    """Print a text, which may have words out of files in it, on a line of its own."""
    clear_bar()
    click.echo(as_message(text), err=err, nl=nl)


def say_json(content: object, indent: int | None = None) -> None:
    """Print plain data as JSON, whole, for other programs."""
    clear_bar()
    click.echo(write_json(content, indent))


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
