"""``sktl sources``: list, show, fetch and verify pretrained sources."""

from __future__ import annotations

import click

from sktl._echo import shown
from sktl.cli._paths import say
from sktl.exceptions import SktlError


@click.group("sources")
def sources_group() -> None:
    """List, show, fetch and verify pretrained sources."""


@sources_group.command("list")
def list_command() -> None:
    """List the sources that this installation knows."""
    import sktl

    rows = [("name", "id", "properties", "compositions", "title")]
    for name in sktl.list_sources():
        try:
            card = sktl.load_source(name).card
        except SktlError as error:
            rows.append((name, "-", "-", "-", shown(f"cannot be loaded: {error}")))
            continue
        compositions = card.training.get("n_compositions", "-")
        rows.append(
            (name, card.id, str(len(card.properties)), str(compositions), shown(card.title))
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        texts = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        say("  ".join(texts).rstrip())


@sources_group.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print the card as JSON.")
def show_command(name: str, as_json: bool) -> None:
    """Print the card of the source NAME: a name from the list, an id, or a file."""
    import sktl
    from sktl.sources import card_page

    source = sktl.load_source(name)
    if as_json:
        click.echo(source.card.to_json())
    else:
        say(card_page(source, name), nl=False)


@sources_group.command("fetch")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def fetch_command(names: tuple[str, ...]) -> None:
    """Get the weights of the sources NAME, so that they load without a network from now on.

    Sources such as nequix-omat come from their publisher when they are first named. This does it
    beforehand, and checks them.
    """
    import sktl

    for name in names:
        source = sktl.load_source(name)
        say(f"{shown(name)}: here. {source.card.id}, sha256 {source.sha256}.")


@sources_group.command("verify")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.pass_context
def verify_command(ctx: click.Context, names: tuple[str, ...]) -> None:
    """Check hash, card and reference predictions of the sources NAME, or of all.

    Ends with exit code 1 when one fails.
    """
    import sktl

    failed = 0
    for name in names or sktl.list_sources():
        try:
            source = sktl.load_source(name)
            deviation = source.verify()
        except SktlError as error:
            failed += 1
            say(f"{name}: FAILED. {error}", err=True)
        else:
            say(
                f"{name}: ok. {source.card.id}, sha256 {source.sha256}, reference predictions "
                f"agree within {deviation:.1g} of a property's scale."
            )
    if failed:
        ctx.exit(1)
