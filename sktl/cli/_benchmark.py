"""``sktl benchmark``: published benchmarks, repeated."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import click

_FOLDER = click.Path(file_okay=False, path_type=Path)


def _split(ctx, parameter, value):
    """Return a list out of ``a,b``."""
    return None if value is None else [name.strip() for name in value.split(",")]


@click.group("benchmark")
def benchmark_group():
    """Repeat a published benchmark."""


@benchmark_group.command("cross-property")
@click.option(
    "--subset",
    default="quick",
    show_default=True,
    type=click.Choice(["quick", "full"]),
    help="Eight of the data sets or all 41.",
)
@click.option("--datasets", callback=_split, metavar="A,B", help="These data sets instead.")
@click.option(
    "--configurations",
    multiple=True,
    metavar="NAME",
    help='A configuration, such as "SC:ML(PA)"; may be repeated. Default: all.',
)
@click.option(
    "--variants",
    multiple=True,
    metavar="NAME",
    help='Only this variant, such as "XGBoost"; may be repeated. Default: all.',
)
@click.option("--seeds", default="0", show_default=True, callback=_split, metavar="0,1")
@click.option("--jobs", default=1, show_default=True, help="Fits at a time; -1: one a core.")
@click.option(
    "--trials",
    "n_trials",
    type=click.IntRange(1),
    help="Settings tried in a search, for another budget than the published one.",
)
@click.option(
    "--seconds", type=click.FloatRange(0), help="The same: wall time of the trials of a search."
)
@click.option("--trial-seconds", type=click.FloatRange(0), help="The same: wall time of one trial.")
@click.option(
    "--output",
    default="sktl-benchmark",
    show_default=True,
    type=_FOLDER,
    help="Folder of runs; what it holds is not run again.",
)
@click.option(
    "--results",
    type=_FOLDER,
    show_default="the folder of runs, under results",
    help="Folder of cross_property.csv and cross_property_predictions.npz.",
)
@click.option("--collect-only", is_flag=True, help="Run nothing, merge what the folder holds.")
@click.pass_context
def cross_property_command(
    ctx,
    subset,
    datasets,
    configurations,
    variants,
    seeds,
    jobs,
    output,
    results,
    collect_only,
    **budget,
):
    """Fit and test the 41 data sets of Gupta et al. 2021 in their published split.

    Runs what is not done yet, the smaller data sets first, and merges it into one result file: a
    row for each data set, configuration, variant and seed. Ends with exit code 1 when a fit failed.
    """
    from sktl import benchmark

    if datasets is None:
        datasets = benchmark.QUICK if subset == "quick" else None
    cells = benchmark.cross_property_cells(
        datasets, configurations or None, variants or None, _integers(seeds)
    )
    results = output / "results" if results is None else results
    table = results / "cross_property.csv"
    failures = {}
    changes = {name: value for name, value in budget.items() if value is not None}
    if not collect_only:
        failures = benchmark.run_cells(
            cells,
            partial(benchmark.run_cross_property_cell, budget=replace(benchmark.BUDGET, **changes)),
            output,
            table=table,
            n_jobs=jobs,
            report=_report,
        )
    rows = benchmark.collect(output, table, results / "cross_property_predictions.npz")
    click.echo(f"Wrote {table}: {len(rows)} rows")
    for cell, error in failures.items():
        click.echo(f"FAILED {', '.join(map(str, cell))}. {error}", err=True)
    ctx.exit(1 if failures else 0)


def _integers(texts):
    try:
        return [int(text) for text in texts]
    except ValueError as error:
        raise click.UsageError(f"Got --seeds {','.join(texts)!r}, expected integers.") from error


def _report(cell, row, error):
    """Print a line for a finished fit, above the bar if there is one."""
    from tqdm import tqdm

    if row is not None:
        found = f"test MAE {row['test_mae']:.4g} {row['unit']}, {row['fit_seconds']:.0f} s"
    else:
        found = "done by another process" if error is None else f"FAILED. {error}"
    tqdm.write(f"{', '.join(map(str, cell))}: {found}")
