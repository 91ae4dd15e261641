"""The option ``--source``, and what it is where nobody says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sktl.cli._paths import say
from sktl.cli._rows import Materials

if TYPE_CHECKING:
    from sktl.sources import Source

source_option = click.option(
    "--source",
    help="Pretrained source: name or file [default: mpt, and of crystals mpt-structure].",
)


def open_source(name: str | None, materials: Materials) -> tuple[str, Source]:
    """Return name and source of a model of formulas or crystals; say which where it matters.

    Raises
    ------
    click.UsageError
        The source reads crystals, and there are formulas.
    """
    import sktl
    from sktl.sources import DEFAULT_SOURCES

    kind = "formulas" if materials.structures is None else "structures"
    source = sktl.load_source(name or DEFAULT_SOURCES[kind])
    reads = source.representation.reads
    if kind == "formulas" and reads != kind:
        raise click.BadParameter(
            f"{name} reads crystal structures, and the table has formulas: say where the crystals "
            "are with --structures.",
            param_hint="--source",
        )
    if name is None and kind == "structures":
        say(f"Source: {DEFAULT_SOURCES[kind]}, the default for crystals.", err=True)
    elif kind != reads:
        say(f"Note: {name} reads the composition of each crystal and nothing else.", err=True)
    return name or DEFAULT_SOURCES[kind], source
