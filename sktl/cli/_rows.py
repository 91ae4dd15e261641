"""What commands on tables share: options, and what becomes of rows that cannot be used."""

import click

from sktl.exceptions import TableError

FORMULA_NAMES = ("formula", "composition", "compound", "material")

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
    from sktl.tables import find_column

    if wanted is not None:
        return column_of(table, wanted, "--formula").name
    found = []
    for name in FORMULA_NAMES:
        try:
            found.append(find_column(table, name).name)
        except TableError:
            continue
    if len(found) != 1:
        raise click.UsageError(
            f"Say which column has the formulas: --formula COLUMN, one of {list(table.header)}."
        )
    return found[0]


def column_of(table, wanted, option):
    """Return a `Column`; a wrong name is a mistake in the option."""
    from sktl.tables import find_column

    try:
        return find_column(table, wanted)
    except TableError as error:
        raise click.BadParameter(str(error), param_hint=option) from error


def read_usable(path, formula, target=None, *, decimal="auto", elements=None, on_error, output):
    """Read a table and take care of the rows that cannot be used.

    Parameters
    ----------
    path : Path
        The table.
    formula, target : str or None
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
    numbers : list of float or None
        The targets.
    column : Column or None
        That of the target.
    """
    from sktl.tables import bad_rows, formula_problems, read_numbers, read_table

    if not output.parent.is_dir():
        raise click.UsageError(f"Got {str(output)!r}, expected a folder that is there.")
    table = read_table(path)
    formula = choose_formula(table, formula)
    problems = bad_rows(table)
    numbers, column = None, None
    broken = {problem.row for problem in problems}
    found = formula_problems(table, formula, elements)
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
        table = table.take(kept)
    return table, formula, numbers, column


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
