"""Files as arguments of commands."""

from pathlib import Path

import click

READABLE = click.Path(exists=True, dir_okay=False, path_type=Path)
WRITABLE = click.Path(dir_okay=False, path_type=Path)
