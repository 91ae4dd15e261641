"""``sktl pretrain CONFIG``: make a source as a configuration file says."""

from __future__ import annotations

import gzip
import math
import tomllib
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sktl._echo import echo, shown
from sktl.cli._paths import READABLE, WRITABLE, check_place, say, shown_path
from sktl.exceptions import InputError

if TYPE_CHECKING:
    from sktl._types import FloatArray
    from sktl.sources import PropertyCard
    from sktl.training import PropertyTable


_NAMES = "csv", "formula", "target"


@click.command("pretrain")
@click.argument("config", type=READABLE)
@click.option(
    "-o", "--output", type=WRITABLE, help="Source file to write [default: ID.safetensors]."
)
@click.option(
    "--held-out",
    type=READABLE,
    help="Digests of compositions to keep out of training, one a line, gzip allowed.",
)
@click.option(
    "--checkpoint", type=WRITABLE, help="File to resume from [default: beside the output]."
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--progress/--no-progress", default=True, help="Show a bar with the time left.")
def pretrain_command(
    config: Path,
    output: Path | None,
    held_out: Path | None,
    checkpoint: Path | None,
    device: str,
    progress: bool,
) -> None:
    """Pretrain a source on the tables that CONFIG (TOML) names, and write it to a file.

    A run that was stopped continues from its checkpoint when the same command is given again.
    """
    import sktl

    settings = _read_config(config)
    output = output or Path(f"{settings['id']}.safetensors")
    inputs = _inputs(config, settings, held_out)
    check_place(output, *inputs)
    checkpoint = checkpoint or output.with_suffix(".checkpoint")
    check_place(checkpoint, *inputs)
    if checkpoint.resolve() == output.resolve():
        raise click.UsageError(
            f"Got {str(output)!r} as the output and the checkpoint: give another name."
        )
    digests = read_digests(held_out, settings.pop("held_out_sha256", None))
    tables = [_property_table(entry, config.parent) for entry in settings.pop("properties")]
    try:
        source = sktl.pretrain(
            tables,
            held_out=digests,
            checkpoint=checkpoint,
            device=device,
            progress=progress,
            **settings,
        )
    except KeyboardInterrupt:
        if checkpoint.exists():
            say(f"Stopped. The same command continues from {shown_path(checkpoint)}.", err=True)
        raise
    source.save(output)
    checkpoint.unlink(missing_ok=True)
    for item in source.card.properties:
        say(_describe(item))
    say(f"Wrote {shown_path(output)}")


def _inputs(config: Path, settings: dict[str, Any], held_out: Path | None) -> list[Path]:
    """Return the files that a run reads, which it must not replace."""
    names = [entry["csv"] for entry in settings["properties"] if "csv" in entry]
    source = settings.get("source")
    others = [held_out, Path(source) if isinstance(source, str) else None]
    return [config, *(config.parent / name for name in names), *filter(None, others)]


def _describe(item: PropertyCard) -> str:
    """Return a line about a property and the error on its held-out compositions."""
    parts = [f"{shown(item.name)}: {item.n_rows} labels"]
    for kind, title in (("holdout", "random hold-out"), ("listed", "listed hold-out")):
        rows, mae, baseline = (
            getattr(item, f"{kind}_{key}") for key in ("rows", "mae", "baseline_mae")
        )
        if rows:
            parts.append(
                f"{title} MAE {mae:.4g} {shown(item.unit)} on {rows} (median: {baseline:.4g})"
            )
    return ", ".join(parts if len(parts) > 1 else [*parts, "none held out"])


def _read_config(path: Path) -> dict[str, Any]:
    """Return the settings of a configuration file after checking its keys."""
    from sktl.training._settings import check_identity

    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path.name} is not TOML: {error}") from error
    except RecursionError as error:
        raise InputError(f"{path.name}: its lists and tables are too deep.") from error
    allowed = {
        *("id", "title", "properties", "source", "network", "network_arguments"),
        *(
            "epochs",
            "batch_size",
            "learning_rate",
            "weight_decay",
            "held_out_sha256",
            "holdout_fraction",
            "licence",
            "seed",
        ),
    }
    _check_keys(path.name, settings, {"id", "title", "properties"}, allowed)
    entries = settings["properties"]
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"{path.name}: expected one [[properties]] section for each property.")
    for part, names in ((settings, ("id",)), *((each, _NAMES) for each in entries)):
        for name in names:
            if not isinstance(part.get(name, ""), str):
                raise InputError(f"{path.name}: got {name}={echo(part[name])}, expected text.")
    check_identity(settings["id"], settings["title"], settings.get("licence", "unspecified"))
    return settings


def _check_keys(place: str, found: Collection[str], required: set[str], allowed: set[str]) -> None:
    """Raise unless a part of a configuration has all required keys and none that means nothing."""
    unknown, missing = sorted(set(found) - allowed), sorted(required - set(found))
    if unknown or missing:
        raise InputError(
            f"{place}: got unknown keys {unknown}, missing keys {missing}, expected keys "
            f"{sorted(allowed)}."
        )


def read_digests(path: Path | None, expected: str | None = None) -> frozenset[str]:
    """Return the digests of a file; the configuration may say which list it must be."""
    from sktl.training import digest_list_hash

    if path is None:
        if expected:
            raise click.UsageError(
                "This configuration holds out compositions: give --held-out FILE."
            )
        return frozenset()
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="ascii") as handle:
            digests = frozenset(handle.read().split())
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path.name} is not a list of digests: {error}") from error
    if expected and digest_list_hash(digests) != expected:
        raise click.UsageError(
            f"{path.name} is not the list of digests that the configuration names."
        )
    return digests


def _property_table(entry: dict[str, Any], folder: Path) -> PropertyTable:
    """Return the table of one ``[[properties]]`` entry: known formulas or structures, or a CSV."""
    from sktl import PropertyTable
    from sktl.datasets import fetch_finetune_strategies, fetch_pretraining_table

    transform = entry.get("transform", "identity")
    if "structures" in entry:
        required = {"name", "structures"}
        allowed = required | {"transform", "database", "most_atoms"}
        _check_keys("[[properties]]", entry, required, allowed)
        found = fetch_finetune_strategies(entry["structures"])
        origin = {"doi": found.doi, "licence": found.licence}
        origin |= {key: entry[key] for key in ("database", "most_atoms") if key in entry}
        most = entry.get("most_atoms", math.inf)
        rows = [row for row, crystal in enumerate(found.structures) if len(crystal) <= most]
        structures = [found.structures[row] for row in rows]
        return PropertyTable(
            entry["name"], structures, found.y[rows], found.unit, transform, origin
        )
    if "table" in entry:
        _check_keys("[[properties]]", entry, {"table"}, {"table", "transform"})
        found = fetch_pretraining_table(entry["table"])
        origin = {"database": found.database, "doi": found.doi, "licence": found.licence}
        return PropertyTable(found.name, found.formula, found.target, found.unit, transform, origin)
    required = {"name", "csv", "formula", "target", "unit"}
    facts = ("database", "doi", "licence")
    _check_keys("[[properties]]", entry, required, required | {"transform", *facts})
    formulas, values = _read_csv(folder / entry["csv"], entry["formula"], entry["target"])
    origin = {key: entry[key] for key in facts if key in entry}
    return PropertyTable(entry["name"], formulas, values, entry["unit"], transform, origin)


def _read_csv(path: Path, formula: str, target: str) -> tuple[list[str], FloatArray]:
    """Return formulas as they are written (``NaN`` is one) and labels, NaN where empty."""
    import pandas as pd

    try:
        frame = pd.read_csv(path, usecols=[formula, target], dtype=str, keep_default_na=False)
    except ValueError as error:
        raise InputError(f"{path.name} cannot be read: {error}") from error
    texts = frame[target].str.strip()
    values = pd.to_numeric(texts, errors="coerce")
    bad = values.isna() & ~texts.str.lower().isin(["", "nan", "na"])
    if bad.any():
        row = int(bad.to_numpy().argmax())
        raise InputError(
            f"{path.name}, row {row}: got {target}={texts[row]!r}, expected a number or nothing."
        )
    return frame[formula].tolist(), values.to_numpy(dtype=float)
