"""``sktl check``: what is wrong with the cells of a table, and what to write instead."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sktl._echo import echo, shown
from sktl.cli._cells import cell_options, cell_rules
from sktl.cli._columns import column_of, conditions_options, read_beside
from sktl.cli._paths import READABLE, WRITABLE, check_place, say, say_json, shown_path
from sktl.cli._rows import (
    Materials,
    decimal_option,
    formula_option,
    place_options,
    structure_options,
    unit_option,
)

if TYPE_CHECKING:
    from sktl.tables import Finding, Table

_MOST_OF_A_KIND = 20


@click.command("check")
@click.argument("data", type=READABLE)
@formula_option
@structure_options
@place_options
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="COLUMN",
    help="Column of measured values; may be given several times [default: all columns of numbers, "
    "where cells may be empty].",
)
@conditions_options
@unit_option
@click.option("--source", help="Name or file of a source: elements that it does not know count.")
@decimal_option
@cell_options(bounds=True, weights=True)
@click.option(
    "--fix",
    type=WRITABLE,
    metavar="OUT",
    help="Write the table to this file with the repairs that have exactly one reading.",
)
@click.option("--all", "show_all", is_flag=True, help="List all cells, not the first 20 of a kind.")
@click.option("--json", "as_json", is_flag=True, help="Print all findings as JSON.")
@click.pass_context
def check_command(
    context: click.Context,
    data: Path,
    targets: tuple[str, ...],
    source: str | None,
    fix: Path | None,
    show_all: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Check the table DATA: every cell that cannot be used, or has two readings.

    Cells are grouped by kind, with their line, what they look like and what to write. fit, predict
    and evaluate say the same of them. With --fix, cells with exactly one reading are repaired in
    another file, and each of them is listed. The exit code is 1 if cells are left that cannot be
    used.

    \b
    Example:
      sktl check gaps.csv --target gap
      sktl check gaps.csv --target gap --fix repaired.csv
    """
    from sktl.tables import repair_table, write_table

    if fix is not None:
        check_place(fix, data, source or "")
    table, findings = _find(data, list(targets), source, fix, options)
    repairs: list[Finding] = []
    if fix is not None:
        repaired, repairs = repair_table(table, findings)
        write_table(fix, repaired)
    left = [finding for finding in findings if finding not in repairs]
    if as_json:
        names = ("line", "column", "value", "kind", "looks_like", "write", "repair")
        cells = [
            {name: getattr(each, name) for name in names} | {"repaired": each in repairs}
            for each in findings
        ]
        say_json({"rows": len(table), "findings": cells}, indent=1)
    else:
        _show(table, left, None if show_all else _MOST_OF_A_KIND)
        for each in repairs:
            say(
                f"Repaired: line {each.line}, {shown(each.column)}: {echo(each.value)} to "
                f"{echo(each.repair)}"
            )
        if fix is not None:
            say(
                f"Wrote {shown_path(fix)}: {len(repairs)} cells are repaired, {len(left)} are left."
            )
    context.exit(1 if left else 0)


def _find(
    data: Path, targets: list[str], source: str | None, fix: Path | None, options: dict[str, Any]
) -> tuple[Table, list[Finding]]:
    """Return the table, and what is wrong with its cells."""
    import sktl
    from sktl.tables import check_table, read_uncertainties

    elements = None if source is None else sktl.load_source(source).card.elements
    materials = Materials.of(options)
    table, place, _ = materials.read_table(data, targets[0] if targets else None)
    if fix is not None:
        materials.check_output(fix, table, place)
    names = [column_of(table, target, "--target").name for target in targets]
    _, found = materials.read(table, place, elements)
    besides = [place]
    if options["uncertainty"] is not None:
        besides.append(column_of(table, options["uncertainty"], "--uncertainty").name)
        found += read_uncertainties(table, besides[-1], options["decimal"])[1]
    beside = read_beside(table, materials, place, names, options["decimal"])
    found, besides = found + beside.findings, besides + list(beside.columns)
    return table, check_table(table, found, names or None, cell_rules(options), besides=besides)


def _show(table: Table, findings: list[Finding], most: int | None) -> None:
    """Print findings, grouped by kind with their number."""
    from sktl.tables import by_kind

    if not findings:
        say(f"{len(table)} rows: all cells can be used.")
        return
    n_rows = len({finding.row for finding in findings})
    say(f"{len(findings)} cells in {n_rows} of {len(table)} rows cannot be used.")
    for kind, group in by_kind(findings).items():
        say(f"\n{kind} ({len(group)})")
        for each in group[:most]:
            say(f"  line {each.line}, {shown(each.column)}: {echo(each.value)}: {each.looks_like}")
            if each.write:
                sure = ", which --fix does" if each.repair is not None else ""
                say(f"    write {each.write}{sure}")
        if most is not None and len(group) > most:
            say(f"  and {len(group) - most} more; --all lists them")
