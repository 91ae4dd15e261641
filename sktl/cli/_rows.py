"""What commands on tables share: options, and the treatment of rows that cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import click

from sktl.cli._numbers import Command
from sktl.exceptions import TableError

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from sktl.tables import BadCell, Column, Table

on_error_option = click.option(
    "--on-error",
    type=click.Choice(["stop", "skip"]),
    default="stop",
    show_default=True,
    help="What to do with rows that cannot be used: list them and stop, or leave them out and "
    "write them to a file beside the output.",
)
formula_option = click.option(
    "--formula",
    metavar="COLUMN",
    help="Column of formulas [default: the one named formula, composition, compound, material].",
)
target_option = click.option(
    "--target", required=True, metavar="COLUMN", help="Column of measured values."
)
unit_option = click.option(
    "--unit", help="Unit of the target [default: what its header says in brackets]."
)
_structures_option = click.option(
    "--structures",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Read crystal structures instead of formulas: the folder of their files (CIF, POSCAR).",
)
_file_option = click.option(
    "--file",
    metavar="COLUMN",
    help="With --structures, column of the files' names in the folder [default: the one named "
    "file, filename, file name, structure].",
)
decimal_option = click.option(
    "--decimal",
    type=click.Choice(["auto", ".", ","]),
    default="auto",
    show_default=True,
    help="Decimal mark of numbers.",
)


def structure_options(command: Command) -> Command:
    """Add the options that say where crystals are."""
    return _structures_option(_file_option(command))


class Materials(NamedTuple):
    """What a user says about where the materials stand, as options give it.

    Attributes
    ----------
    formula, file : str or None
        Columns of formulas, and of names of files.
    structures : Path or None
        The folder of files; None reads formulas.
    """

    formula: str | None
    file: str | None = None
    structures: Path | None = None

    def choose_column(self, table: Table) -> str:
        """Return the name of the column of materials."""
        from sktl.tables import find_files_column, find_formulas

        if self.structures is None and self.file is not None:
            raise click.UsageError("--file goes with --structures FOLDER.")
        if self.structures is not None and self.formula is not None:
            raise click.UsageError("Give --formula or --structures, not both.")
        find: Callable[[Table], str] = find_formulas
        wanted, option = self.formula, "--formula"
        if self.structures is not None:
            wanted, option, find = self.file, "--file", find_files_column
        if wanted is not None:
            return column_of(table, wanted, option).name
        try:
            return find(table)
        except TableError as error:
            raise click.UsageError(str(error)) from error

    def read(
        self, table: Table, column: str, elements: Collection[int] | None = None
    ) -> tuple[Sequence[str | Structure | None], list[BadCell]]:
        """Return the formulas or structures of all rows, None for bad ones, and what is wrong."""
        from sktl.tables import formula_problems, read_structures

        if self.structures is None:
            return table.column(column), formula_problems(table, column, elements)
        return read_structures(table, column, self.structures)


def column_of(table: Table, wanted: str, option: str) -> Column:
    """Return a `Column`; a wrong name is a mistake in the option."""
    from sktl.tables import find_column

    try:
        return find_column(table, wanted)
    except TableError as error:
        raise click.BadParameter(str(error), param_hint=option) from error


def read_usable(
    path: Path,
    materials: Materials,
    target: str,
    *,
    decimal: str,
    elements: Collection[int] | None = None,
    on_error: str,
    output: Path,
) -> tuple[Table, list[str | Structure], list[float], Column]:
    """Read a table of measurements and take care of the rows that cannot be used.

    Parameters
    ----------
    path : Path
        The table.
    materials : Materials
        Where they stand.
    target : str
        Column, as the user names it.
    decimal : str
        See `read_numbers`.
    elements : collection of int or None, default=None
        Atomic numbers; formulas with others cannot be used. None for any.
    on_error : {"stop", "skip"}
        What to do about bad rows.
    output : Path
        Skipped rows go to a file beside it.

    Returns
    -------
    table : Table
        The rows that can be used.
    X : list of str or Structure
        The materials.
    numbers : list of float
        The targets.
    column : Column
        That of the target.
    """
    from sktl.tables import read_numbers, read_table, row_problems, usable_rows

    check_place(output)
    table = read_table(path)
    place = materials.choose_column(table)
    column = column_of(table, target, "--target")
    given, found = materials.read(table, place, elements)
    X = cast("Sequence[str | Structure]", given)  # None stands only where there is a problem
    numbers, more = read_numbers(table, column.name, decimal)
    problems = row_problems(table, found + more)
    report_problems(table, problems, path, on_error, output)
    kept = usable_rows(table, problems)
    return table.take(kept), [X[row] for row in kept], [numbers[row] for row in kept], column


def check_place(output: Path) -> None:
    """Raise unless the folder of a file to write is there."""
    if not output.parent.is_dir():
        raise click.UsageError(f"Got {str(output)!r}, expected a folder that is there.")


def report_problems(
    table: Table, problems: list[BadCell], path: Path, on_error: str, output: Path
) -> None:
    """List what is wrong with rows, and stop or write them to a file beside the output."""
    from sktl.tables import skipped_rows, usable_rows, write_table

    for problem in problems:
        click.echo(f"{path.name}, {problem}", err=True)
    n_good = len(usable_rows(table, problems))
    if n_good == len(table):
        return
    n_bad = len(table) - n_good
    if on_error == "stop" or not n_good:
        hint = "--on-error skip leaves them out." if n_good else "None is left."
        raise TableError(f"{n_bad} of {len(table)} rows cannot be used. {hint}")
    place = output.with_name(f"{output.name}.skipped.csv")
    write_table(place, skipped_rows(table, problems))
    click.echo(f"Skipped {n_bad} of {len(table)} rows: see {place}", err=True)
