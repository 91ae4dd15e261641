"""``sktl pretrain CONFIG``: make a source as a configuration file says."""

import gzip
import tomllib
from pathlib import Path

import click


@click.command("pretrain")
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Source file to write [default: ID.safetensors].")
@click.option("--held-out", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Digests of compositions to keep out of training, one a line, gzip allowed.")
@click.option("--checkpoint", type=click.Path(path_type=Path),
              help="File to resume from [default: beside the output].")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
def pretrain_command(config, output, held_out, checkpoint, device):
    """Pretrain a source on the tables that CONFIG (TOML) names, and write it to a file.

    A run that was stopped goes on from its checkpoint when the same command is given again.
    """
    from sktl import pretrain

    settings = tomllib.loads(config.read_text(encoding="utf-8"))
    output = output or Path(f"{settings['id']}.safetensors")
    checkpoint = checkpoint or output.with_suffix(".checkpoint")
    digests = _read_digests(held_out, settings.pop("held_out_sha256", None))
    tables = [_property_table(entry, config.parent) for entry in settings.pop("properties")]
    source = pretrain(
        tables, held_out=digests, checkpoint=checkpoint, device=device, **settings
    )
    source.save(output)
    checkpoint.unlink()
    for item in source.card.properties:
        click.echo(
            f"{item.name}: hold-out MAE {item.holdout_mae:.4g} {item.unit} "
            f"on {item.holdout_rows} compositions (median: {item.holdout_baseline_mae:.4g})"
        )
    click.echo(f"Wrote {output}")


def _read_digests(path, expected):
    """Return the digests of a file; the configuration may say which list it must be."""
    from sktl.training import digest_list_hash

    if path is None:
        if expected:
            raise click.UsageError("This configuration holds out compositions: give --held-out FILE.")
        return frozenset()
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="ascii") as handle:
        digests = frozenset(handle.read().split())
    if expected and digest_list_hash(digests) != expected:
        raise click.UsageError(f"{path.name} is not the list of digests that the configuration names.")
    return digests


def _property_table(entry, folder):
    """Return the table of one ``[[properties]]`` entry: a known table by name, or a CSV file."""
    from sktl import PropertyTable
    from sktl.datasets import fetch_pretraining_table

    transform = entry.get("transform", "identity")
    if "table" in entry:
        found = fetch_pretraining_table(entry["table"])
        origin = {"database": found.database, "doi": found.doi, "licence": found.licence}
        return PropertyTable(
            found.name, found.formula, found.target, found.unit, transform, origin
        )
    import pandas as pd

    columns = {entry["formula"]: str, entry["target"]: float}
    frame = pd.read_csv(folder / entry["csv"], usecols=list(columns), keep_default_na=False,
                        na_values={entry["target"]: ["", "NaN", "nan"]})
    origin = {key: entry[key] for key in ("database", "doi", "licence") if key in entry}
    return PropertyTable(
        entry["name"], frame[entry["formula"]].tolist(), frame[entry["target"]].to_numpy(float),
        entry["unit"], transform, origin,
    )
