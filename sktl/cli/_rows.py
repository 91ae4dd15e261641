"""What commands on tables share: options, and what becomes of rows that cannot be used."""

import click

from sktl.exceptions import TableError

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
    help="Column of formulas [default: the one named formula, composition, compound, material].",
)
target_option = click.option(
    "--target", required=True, metavar="COLUMN", help="Column of measured values."
)
unit_option = click.option(
    "--unit", help="Unit of the target [default: what its header says in brackets]."
)
decimal_option = click.option(
    "--decimal",
    type=click.Choice(["auto", ".", ","]),
    default="auto",
    show_default=True,
    help="Decimal mark of numbers.",
)


def choose_formula(table, wanted):
    """Return the name of the column of formulas."""
    from sktl.tables import find_formulas

    if wanted is not None:
        return column_of(table, wanted, "--formula").name
    try:
        return find_formulas(table)
    except TableError as error:
        raise click.UsageError(str(error)) from error


def column_of(table, wanted, option):
    """Return a `Column`; a wrong name is a mistake in the option."""
    from sktl.tables import find_column

    try:
        return find_column(table, wanted)
    except TableError as error:
        raise click.BadParameter(str(error), param_hint=option) from error


def read_usable(path, formula, target, *, decimal, elements=None, on_error, output):
    """Read a table of measurements and take care of the rows that cannot be used.

    Parameters
    ----------
    path : Path
        The table.
    formula, target : str or None, str
        Columns, as the user names them.
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
    formula : str
        Name of the column of formulas.
    numbers : list of float
        The targets.
    column : Column
        That of the target.
    """
    from sktl.tables import formula_problems, read_numbers, read_table, row_problems, usable_rows

    check_place(output)
    table = read_table(path)
    formula = choose_formula(table, formula)
    found = formula_problems(table, formula, elements)
    column = column_of(table, target, "--target")
    numbers, more = read_numbers(table, column.name, decimal)
    problems = row_problems(table, found + more)
    report_problems(table, problems, path, on_error, output)
    kept = usable_rows(table, problems)
    return table.take(kept), formula, [numbers[row] for row in kept], column


def check_place(output):
    """Raise unless the folder of a file to write is there."""
    if not output.parent.is_dir():
        raise click.UsageError(f"Got {str(output)!r}, expected a folder that is there.")


def report_problems(table, problems, path, on_error, output):
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
