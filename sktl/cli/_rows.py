"""What commands on tables share: options, and what becomes of rows that cannot be used."""

import re
from pathlib import Path
from typing import NamedTuple

import click

from sktl.exceptions import StructureError, TableError

FORMULA_NAMES = ("formula", "composition", "compound", "material")
_ROW_NAMED = re.compile(r"^.*\n\s*row 0[^:]*: ", re.DOTALL)  # how an error on one row begins
FILE_NAMES = ("file", "filename", "file name", "structure")

on_error_option = click.option(
    "--on-error",
    type=click.Choice(["stop", "skip"]),
    default="stop",
    show_default=True,
    help="What to do about rows that cannot be used: list them and stop, or leave them out and "
    "write them to a file beside the output.",
)
formula_option = click.option(
    "--formula",
    metavar="COLUMN",
    help=f"Column of formulas [default: the one named {', '.join(FORMULA_NAMES)}].",
)
structures_option = click.option(
    "--structures",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Read crystals instead of formulas: the folder of their files (CIF, POSCAR).",
)
file_option = click.option(
    "--file",
    metavar="COLUMN",
    help="With --structures, column of the files' names in the folder [default: the one named "
    f"{', '.join(FILE_NAMES)}].",
)
decimal_option = click.option(
    "--decimal",
    type=click.Choice(["auto", ".", ","]),
    default="auto",
    show_default=True,
    help="Decimal mark of numbers.",
)


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
    file: str | None
    structures: Path | None

    def choose_column(self, table):
        """Return the name of the column of materials."""
        if self.structures is None and self.file is not None:
            raise click.UsageError("--file goes with --structures FOLDER.")
        if self.structures is not None and self.formula is not None:
            raise click.UsageError("Give --formula or --structures, not both.")
        if self.structures is None:
            return _choose(table, self.formula, "--formula", FORMULA_NAMES, "the formulas")
        return _choose(table, self.file, "--file", FILE_NAMES, "the names of the files")

    def read(self, table, column):
        """Return the formulas or structures of all rows, None for bad ones, and the bad cells."""
        from sktl.tables import formula_problems

        if self.structures is None:
            return table.column(column), formula_problems(table, column)
        return _read_structures(table, column, self.structures)


def _read_structures(table, column, folder):
    """Return the structures in the files that a column names, and a `BadCell` for each bad one."""
    from tqdm import tqdm

    from sktl import StructureReader
    from sktl.representations import check_structures
    from sktl.tables import BadCell

    structures, problems, reader = [], [], StructureReader()
    cells = tqdm(table.column(column), "Reading files", disable=None, delay=2, leave=False)
    for row, name in enumerate(map(str.strip, cells)):
        structure = None
        try:
            if not name:
                raise StructureError("no name of a file")
            (structure,) = check_structures(reader.transform([folder / name]))
        except StructureError as error:
            reason = _ROW_NAMED.sub("", str(error)).removeprefix(f"{str(folder / name)!r}: ")
            problems.append(BadCell(row, table.lines[row], column, name, reason))
        structures.append(structure)
    return structures, problems


def _choose(table, wanted, option, names, what):
    """Return the column that an option names, or else the only one that has a usual name."""
    from sktl.tables import find_column

    if wanted is not None:
        return column_of(table, wanted, option).name
    found = []
    for name in names:
        try:
            found.append(find_column(table, name).name)
        except TableError:
            continue
    if len(found) != 1:
        raise click.UsageError(
            f"Say which column has {what}: {option} COLUMN, one of {list(table.header)}."
        )
    return found[0]


def column_of(table, wanted, option):
    """Return a `Column`; a wrong name is a mistake in the option."""
    from sktl.tables import find_column

    try:
        return find_column(table, wanted)
    except TableError as error:
        raise click.BadParameter(str(error), param_hint=option) from error


def read_usable(path, materials, target=None, *, decimal="auto", on_error, output):
    """Read a table and take care of the rows that cannot be used.

    Parameters
    ----------
    path : Path
        The table.
    materials : Materials
        Where they stand.
    target : str or None
        Column, as the user names it.
    decimal : str
        See `read_numbers`.
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
    numbers : list of float or None
        The targets.
    column : Column or None
        That of the target.
    """
    from sktl.tables import bad_rows, read_numbers, read_table

    if not output.parent.is_dir():
        raise click.UsageError(f"Got {str(output)!r}, expected a folder that is there.")
    table = read_table(path)
    place = materials.choose_column(table)
    problems = bad_rows(table)
    numbers, column = None, None
    broken = {problem.row for problem in problems}
    X, found = materials.read(table, place)
    if target is not None:
        column = column_of(table, target, "--target")
        numbers, more = read_numbers(table, column.name, decimal)
        found += more
    problems += [problem for problem in found if problem.row not in broken]
    problems.sort(key=lambda problem: problem.row)
    kept = sorted(set(range(len(table))) - {problem.row for problem in problems})
    if problems:
        _report(table, problems, kept, path, on_error, output)
        numbers = None if numbers is None else [numbers[row] for row in kept]
        X, table = [X[row] for row in kept], table.take(kept)
    return table, X, numbers, column


def _report(table, problems, kept, path, on_error, output):
    """List bad cells, and stop or write their rows to a file."""
    from sktl.tables import write_table

    for problem in problems:
        click.echo(f"{path.name}, {problem}", err=True)
    n_bad = len(table) - len(kept)
    if on_error == "stop" or not kept:
        hint = "--on-error skip leaves them out." if kept else "None is left."
        raise TableError(f"{n_bad} of {len(table)} rows cannot be used. {hint}")
    reasons = {}
    for problem in problems:
        reasons.setdefault(problem.row, []).append(f"{problem.column}: {problem.reason}")
    rows = sorted(reasons)
    width = len(table.header)
    skipped = table.take(rows)
    cells = [(row + [""] * width)[:width] for row in skipped.cells]
    columns = {
        "line": [str(line) for line in skipped.lines],
        "reason": ["; ".join(reasons[row]) for row in rows],
    }
    place = output.with_name(f"{output.name}.skipped.csv")
    write_table(place, type(table)(table.header, cells, skipped.lines).with_columns(columns))
    click.echo(f"Skipped {n_bad} of {len(table)} rows: see {place}", err=True)
