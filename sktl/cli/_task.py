"""The option ``--task``: numbers or classes, and how classes are read."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import click

from sktl._echo import shown
from sktl.cli._columns import read_beside
from sktl.cli._paths import check_place, say
from sktl.cli._rows import Materials, report_problems

if TYPE_CHECKING:
    import pandas as pd
    from pymatgen.core import Structure

    from sktl.tables import Column, Table

REGRESSION, CLASSIFICATION = "regression", "classification"
_MOST_NAMED = 5

task_option = click.option(
    "--task",
    type=click.Choice(["auto", REGRESSION, CLASSIFICATION]),
    default="auto",
    show_default=True,
    help="Predict numbers or classes; auto: classes where the target is text with few distinct "
    "labels, or 0 and 1.",
)


class LabelledRows(NamedTuple):
    """The rows that can be used, their materials and labels, and the columns of both."""

    table: Table
    X: list[str | Structure] | pd.DataFrame
    labels: list[str]
    column: Column
    material: str


def is_classification(task: str, data: Path, materials: Materials, target: str) -> bool:
    """Return whether classes are to be predicted; say so where nobody has asked for it."""
    from sktl.tables import are_labels, read_labels

    if task != "auto":
        return task == CLASSIFICATION
    table, _, column = materials.read_table(data, target)
    cells = table.column(column.name)
    if not are_labels(cells):
        return False
    without = {problem.row for problem in read_labels(table, column.name)[1]}
    names = sorted({cell.strip() for row, cell in enumerate(cells) if row not in without})
    listed = ", ".join(map(shown, names[:_MOST_NAMED])) + (
        ", ..." if len(names) > _MOST_NAMED else ""
    )
    say(f"{column.title} is taken as classes: {listed}. --task regression reads numbers.", err=True)
    return True


def read_labelled(
    path: Path,
    materials: Materials,
    target: str,
    *,
    options: dict[str, Any],
    elements: Collection[int],
    output: Path,
) -> LabelledRows:
    """Read a table of classes and take care of the rows that cannot be used.

    Parameters
    ----------
    path : Path
        The table.
    materials : Materials
        Where they stand.
    target : str
        Column, as the user names it.
    options : dict
        Those of the command: ``on_error`` and ``max_bad``.
    elements : collection of int
        Atomic numbers that may be there.
    output : Path
        Skipped rows go to a file beside it.

    Returns
    -------
    LabelledRows
    """
    from sktl.tables import read_labels, row_problems, usable_rows

    check_place(output, path)
    if options.get("uncertainty") is not None:
        raise click.UsageError("--uncertainty goes with a target of numbers.")
    table, place, column = materials.read_table(path, target)
    materials.check_output(output, table, place)
    given, found = materials.read(table, place, elements)
    labels, more = read_labels(table, column.name)
    beside = read_beside(table, materials, place, [column.name], options["decimal"])
    problems = row_problems(table, found + more + beside.findings)
    report_problems(table, problems, path, options["on_error"], options["max_bad"], output)
    kept = usable_rows(table, problems)
    X = beside.join(place, [cast("str | Structure", given[row]) for row in kept], kept)
    return LabelledRows(table.take(kept), X, [labels[row] for row in kept], column, place)
