"""What commands on tables share: options, and the treatment of rows that cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast, overload

import click

from sktl.cli._numbers import Command
from sktl.cli._paths import check_place, say, skipped_file
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
    type=click.Path(exists=True, path_type=Path),
    metavar="PLACE",
    help="Read crystal structures instead of formulas: the folder of their files (CIF, extended "
    "XYZ, POSCAR), or the one file of them all (CIF, extended XYZ).",
)
_file_option = click.option(
    "--file",
    metavar="COLUMN",
    help="With --structures, column of the names of files in the folder, or of blocks and frames "
    "in the file [default: the one named file, filename, file name, structure; of a file id, name, "
    "structure].",
)
decimal_option = click.option(
    "--decimal",
    type=click.Choice(["auto", ".", ","]),
    default="auto",
    show_default=True,
    help="Decimal mark of numbers that are text; auto: that of most cells of the column.",
)
_sheet_option = click.option(
    "--sheet",
    metavar="NAME",
    help="Sheet of a workbook [default: the one that has the columns].",
)
_header_row_option = click.option(
    "--header-row",
    type=click.IntRange(1),
    metavar="ROW",
    help="Row of the file with the names of the columns, from 1 [default: the first row that is "
    "not blank or, where another one alone has the columns, that one].",
)


def structure_options(command: Command) -> Command:
    """Add the options that say where crystals are."""
    return _structures_option(_file_option(command))


def place_options(command: Command) -> Command:
    """Add the options that say where a table stands in its file."""
    return _sheet_option(_header_row_option(command))


class Materials(NamedTuple):
    """What a user says about where the materials stand, as options give it.

    Attributes
    ----------
    formula, file : str or None
        Columns of formulas, and of names of files.
    structures : Path or None
        The folder of files, or the one file of all crystals; None reads formulas.
    sheet : str or None
        Of a workbook.
    header_row : int or None
        Row of the file, from 1.
    """

    formula: str | None
    file: str | None = None
    structures: Path | None = None
    sheet: str | None = None
    header_row: int | None = None

    def within(self, path: Path) -> Materials:
        """Return the same for a table, which may be a file of crystals and so has its own."""
        from sktl.representations import CRYSTAL_FILES

        if path.suffix.lower() not in CRYSTAL_FILES:
            if self.structures is None and self.file is not None:
                raise click.UsageError(
                    "--file goes with --structures FOLDER, or with the file of the crystals."
                )
            return self
        if self.structures or self.sheet or self.header_row:
            raise click.UsageError(
                f"{path.name} has its own crystals: leave out --structures, --sheet, --header-row."
            )
        return self._replace(structures=path)

    @overload
    def read_table(self, path: Path, target: str) -> tuple[Table, str, Column]: ...

    @overload
    def read_table(self, path: Path, target: None = None) -> tuple[Table, str, None]: ...

    def read_table(self, path: Path, target: str | None = None) -> tuple[Table, str, Column | None]:
        """Return a table, the name of its column of materials, and the column of the target.

        Sheet and header are those which have these columns, where the user does not say them.
        """
        from sktl.representations import CRYSTAL_FILES
        from sktl.tables import read_crystal_table, read_table

        def wanted(header: Sequence[str]) -> bool:
            return self._are_named(header, target)

        if path.suffix.lower() in CRYSTAL_FILES:
            table = read_crystal_table(path)
        else:
            table = read_table(path, sheet=self.sheet, header_row=self.header_row, wanted=wanted)
        try:
            place = self.choose_column(table)
            column = None if target is None else column_of(table, target, "--target")
        except click.UsageError as error:
            sheets = f" of sheet {table.sheet!r} out of {list(table.sheets)}" if table.sheet else ""
            raise click.UsageError(
                f"{error.format_message()} These are the names in row {table.header_line}{sheets}: "
                f"say others with {'--sheet and ' if table.sheet else ''}--header-row."
            ) from error
        if len(table.sheets) > 1 or table.header_line > 1:
            sheet = f"sheet {table.sheet!r}, " if table.sheet else ""
            row = f"names of columns in row {table.header_line}"
            say(f"Reading {path.name}: {sheet}{row}.", err=True)
        return table, place, column

    def _are_named(self, header: Sequence[str], target: str | None) -> bool:
        """Return whether a header has the column of materials and that of the target."""
        from sktl.tables import BLOCK_NAMES, FILE_NAMES, FORMULA_NAMES, names_column

        wanted, usual = self.formula, FORMULA_NAMES
        if self.structures is not None:
            wanted, usual = self.file, BLOCK_NAMES if self.structures.is_file() else FILE_NAMES
        names = usual if wanted is None else [wanted]
        return names_column(header, names) and (target is None or names_column(header, [target]))

    def choose_column(self, table: Table) -> str:
        """Return the name of the column of materials."""
        from sktl.tables import find_blocks_column, find_files_column, find_formulas

        if self.structures is not None and self.formula is not None:
            raise click.UsageError("Give --formula or --structures, not both.")
        find: Callable[[Table], str] = find_formulas
        wanted, option = self.formula, "--formula"
        if self.structures is not None:
            wanted, option = self.file, "--file"
            find = find_blocks_column if self.structures.is_file() else find_files_column
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
        return read_structures(table, column, self.structures, elements)


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
    from sktl.tables import read_numbers, row_problems, usable_rows

    check_place(output, path)
    table, place, column = materials.read_table(path, target)
    given, found = materials.read(table, place, elements)
    X = cast("Sequence[str | Structure]", given)  # None stands only where there is a problem
    numbers, more = read_numbers(table, column.name, decimal)
    problems = row_problems(table, found + more)
    report_problems(table, problems, path, on_error, output)
    kept = usable_rows(table, problems)
    return table.take(kept), [X[row] for row in kept], [numbers[row] for row in kept], column


def report_problems(
    table: Table, problems: list[BadCell], path: Path, on_error: str, output: Path
) -> None:
    """List what is wrong with rows, and stop or write them to a file beside the output."""
    from sktl.tables import skipped_rows, usable_rows, write_table

    for problem in problems:
        say(f"{path.name}, {problem}", err=True)
    n_good = len(usable_rows(table, problems))
    if n_good == len(table):
        return
    n_bad = len(table) - n_good
    if on_error == "stop" or not n_good:
        hint = "--on-error skip leaves them out." if n_good else "None is left."
        raise TableError(f"{n_bad} of {len(table)} rows cannot be used. {hint}")
    place = skipped_file(output)
    write_table(place, skipped_rows(table, problems))
    say(f"Skipped {n_bad} of {len(table)} rows: see {place}", err=True)
