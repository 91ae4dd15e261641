"""What commands on tables share: options, and the treatment of rows that cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast, overload

import click

from sktl.cli._cells import cell_rules
from sktl.cli._columns import column_of, read_beside
from sktl.cli._numbers import Command
from sktl.cli._paths import check_place, say, shown_path, skipped_file
from sktl.exceptions import TableError

if TYPE_CHECKING:
    import pandas as pd
    from pymatgen.core import Structure

    from sktl.tables import CellRules, Column, Finding, Table

_on_error_option = click.option(
    "--on-error",
    type=click.Choice(["stop", "skip"]),
    default="stop",
    show_default=True,
    help="What to do with rows that cannot be used: list them and stop, or leave them out and "
    "write them to a file beside the output.",
)
max_bad_option = click.option(
    "--max-bad",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    metavar="SHARE",
    help="A larger share of rows that cannot be used is an error; 1: never.",
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
_outside_option = click.option(
    "--outside-folder",
    "outside",
    is_flag=True,
    help="With --structures, names may lead out of the folder: ../a.cif, and absolute ones.",
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
_encoding_option = click.option(
    "--encoding",
    metavar="NAME",
    help="Encoding of a text file, such as cp1252 [default: UTF-8, or UTF-16 with its mark].",
)


def on_error_options(command: Command) -> Command:
    """Add the options on rows that cannot be used."""
    return _on_error_option(max_bad_option(command))


def structure_options(command: Command) -> Command:
    """Add the options that say where crystals are."""
    return _structures_option(_file_option(_outside_option(command)))


def place_options(command: Command) -> Command:
    """Add the options that say where a table stands in its file."""
    return _sheet_option(_header_row_option(_encoding_option(command)))


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
    encoding : str or None
        Of a text file.
    weight_percent : bool
        Alloys like Ti-6Al-4V are converted.
    conditions, words : str or None
        Names of columns beside the material, and of those of them that are words.
    outside : bool
        Names of files may lead out of the folder.
    """

    formula: str | None = None
    file: str | None = None
    structures: Path | None = None
    sheet: str | None = None
    header_row: int | None = None
    encoding: str | None = None
    weight_percent: bool = False
    conditions: str | None = None
    words: str | None = None
    outside: bool = False

    @classmethod
    def of(cls, options: dict[str, Any]) -> Materials:
        """Return what the options of a command say; those that it has not are not given."""
        return cls(**{name: options[name] for name in cls._fields if name in options})

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
            table = read_table(
                path,
                sheet=self.sheet,
                header_row=self.header_row,
                encoding=self.encoding,
                wanted=wanted,
            )
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
            hidden = "hidden " if table.hidden else ""
            sheet = f"{hidden}sheet {table.sheet!r}, " if table.sheet else ""
            row = f"names of columns in row {table.header_line}"
            say(f"Reading {shown_path(path.name)}: {sheet}{row}.", err=True)
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

    def check_output(self, output: Path, table: Table, column: str) -> None:
        """Raise if a file to write is one of the files of crystals."""
        if self.structures is not None:
            names = set(map(str.strip, table.column(column))) if self.structures.is_dir() else set()
            names |= {name.rpartition("#")[0] for name in names}
            check_place(output, self.structures, *(self.structures / name for name in names))

    def read(
        self, table: Table, column: str, elements: Collection[int] | None = None
    ) -> tuple[Sequence[str | Structure | None], list[Finding]]:
        """Return the formulas or structures of all rows, None for bad ones, and what is wrong."""
        from sktl.tables import convert_alloys, formula_problems, read_structures

        if self.structures is not None:
            place = self.structures
            return read_structures(table, column, place, elements, outside=self.outside)
        if self.weight_percent:
            table = convert_alloys(table, column)
        found = formula_problems(table, column, elements, self.weight_percent)
        return table.column(column), found


class UsableRows(NamedTuple):
    """The rows of a table of measurements that can be used.

    Attributes
    ----------
    table : Table, n rows
    X : list of str or Structure, or DataFrame, length n
        The materials; with conditions a frame.
    numbers : list of float, length n
        The targets; of a limit the limit.
    column : Column
        That of the target.
    weights : list of float or None
        Weight of each row, from its uncertainty; None where none is wanted.
    bounds : list of int or None
        -1: the target is at most the number; 1: at least; 0: it is the number. None without limits.
    material : str
        Name of the column of materials.
    """

    table: Table
    X: list[str | Structure] | pd.DataFrame
    numbers: list[float]
    column: Column
    weights: list[float] | None
    bounds: list[int] | None
    material: str


def read_usable(
    path: Path,
    materials: Materials,
    target: str,
    *,
    options: dict[str, Any],
    elements: Collection[int] | None = None,
    output: Path,
) -> UsableRows:
    """Read a table of measurements and take care of the rows that cannot be used.

    Parameters
    ----------
    path : Path
        The table.
    materials : Materials
        Where they stand.
    target : str
        Column, as the user names it.
    options : dict
        Those of the command: ``decimal``, ``on_error``, ``max_bad``, ``unit`` and those of
        `cell_options`.
    elements : collection of int or None, default=None
        Atomic numbers; formulas with others cannot be used. None for any.
    output : Path
        Skipped rows go to a file beside it.

    Returns
    -------
    UsableRows
    """
    from sktl.tables import (
        list_findings,
        read_measurements,
        row_problems,
        uncertainty_weights,
        usable_rows,
    )

    check_place(output, path)
    table, place, column = materials.read_table(path, target)
    materials.check_output(output, table, place)
    given, found = materials.read(table, place, elements)
    X = cast("Sequence[str | Structure]", given)  # None stands only where there is a problem
    rules = cell_rules(options, column)
    measured = read_measurements(table, column.name, rules)
    doubts, bad = _read_doubts(table, measured.uncertainties, options, rules)
    beside = read_beside(table, materials, place, [column.name], rules.decimal)
    problems = row_problems(table, found + measured.findings + bad + beside.findings)
    report_problems(table, problems, path, options["on_error"], options["max_bad"], output)
    for line in list_findings(measured.left_out):
        say(f"Left out: {shown_path(path.name)}, {line}", err=True)
    kept = usable_rows(table, problems + measured.left_out)
    if not kept:
        raise TableError("No row is left.")
    sides = [measured.sides[row] for row in kept]
    return UsableRows(
        table.take(kept),
        beside.join(place, [X[row] for row in kept], kept),
        [measured.numbers[row] for row in kept],
        column,
        None if doubts is None else uncertainty_weights([doubts[row] for row in kept]),
        sides if any(sides) else None,
        place,
    )


def _read_doubts(
    table: Table, stated: list[float], options: dict[str, Any], rules: CellRules
) -> tuple[list[float] | None, list[Finding]]:
    """Return the uncertainties that are wanted, in cells or a column, and what is wrong with them.

    `stated` are those that the cells of the target state.
    """
    from sktl.tables import read_uncertainties

    name = options.get("uncertainty")
    if name is None:
        return stated if rules.uncertain == "weight" else None, []
    if rules.uncertain == "weight":
        raise click.UsageError("Give --uncertainty or --uncertain weight, not both.")
    column = column_of(table, name, "--uncertainty")
    return read_uncertainties(table, column.name, rules.decimal)


def report_problems(
    table: Table,
    problems: list[Finding],
    path: Path,
    on_error: str,
    max_bad: float,
    output: Path | None,
) -> None:
    """List what is wrong with rows, and stop, or write them to a file beside the output, if any."""
    from sktl.tables import list_findings, skipped_rows, usable_rows, write_table

    for line in list_findings(problems):
        say(f"{shown_path(path.name)}, {line}", err=True)
    n_bad = len(table) - len(usable_rows(table, problems))
    if not n_bad:
        return
    what = f"{n_bad} of {len(table)} rows cannot be used."
    if on_error == "stop":
        hint = "None is left." if n_bad == len(table) else "--on-error skip leaves them out."
        raise TableError(f"{what} {hint} sktl check lists all of them.")
    if n_bad > max_bad * len(table):
        raise TableError(f"{what} If that is as it should be, say --max-bad 1.")
    if output is None:
        return
    if n_bad == len(table):
        raise TableError(f"{what} None is left.")
    write_table(place := skipped_file(output), skipped_rows(table, problems))
    say(f"Skipped {n_bad} of {len(table)} rows: see {shown_path(place)}", err=True)
