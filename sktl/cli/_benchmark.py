"""``sktl benchmark``: published studies, repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sktl._progress import note
from sktl.cli._numbers import Command, jobs_option
from sktl.cli._paths import say

if TYPE_CHECKING:
    from sktl.studies._runs import DoRun, Run

_FOLDER = click.Path(file_okay=False, path_type=Path)


def _split(ctx: click.Context, parameter: click.Parameter, value: str | None) -> list[str] | None:
    """Return a list out of ``a,b``."""
    return None if value is None else [name.strip() for name in value.split(",")]


@click.group("benchmark")
def benchmark_group() -> None:
    """Repeat a published study."""


def _what(command: Command) -> Command:
    """Add the options that choose runs."""
    for option in (
        click.option("--datasets", callback=_split, metavar="A,B", help="Only these data sets."),
        click.option(
            "--configurations",
            multiple=True,
            metavar="NAME",
            help='A configuration, such as "SC:ML(PA)"; may be repeated. Default: all.',
        ),
        click.option(
            "--variants",
            multiple=True,
            metavar="NAME",
            help='Only this variant, such as "XGBoost"; may be repeated. Default: all.',
        ),
    ):
        command = option(command)
    return command


def _how(command: Command) -> Command:
    """Add the options that say how runs are done and where results go."""
    for option in (
        jobs_option(default=1),
        click.option(
            "--output",
            default="sktl-benchmark",
            show_default=True,
            type=_FOLDER,
            help="Folder of runs; those that it holds are not done again.",
        ),
        click.option(
            "--results",
            type=_FOLDER,
            show_default="the folder of runs, under results",
            help="Folder of the result file (CSV) and the predictions (npz).",
        ),
        click.option(
            "--collect-only", is_flag=True, help="Do no run, merge those that the folder holds."
        ),
    ):
        command = option(command)
    return command


@benchmark_group.command("cross-property")
@click.option(
    "--subset",
    default="quick",
    show_default=True,
    type=click.Choice(["quick", "full"]),
    help="Eight of the data sets or all 41.",
)
@click.option("--seeds", default="0", show_default=True, callback=_split, metavar="0,1")
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
@_what
@_how
@click.pass_context
def cross_property_command(
    ctx: click.Context,
    subset: str,
    seeds: list[str],
    n_trials: int | None,
    seconds: float | None,
    trial_seconds: float | None,
    datasets: Sequence[str] | None,
    configurations: tuple[str, ...],
    variants: tuple[str, ...],
    **how: Any,
) -> None:
    """Fit and test the 41 data sets of Gupta et al. 2021 in their published split.

    Does the runs that are not done yet, the smaller data sets first, and merges them into one
    result file: a row for each data set, configuration, variant and seed. Ends with exit code 1
    when a fit failed.
    """
    from sktl.evaluation import BUDGET
    from sktl.studies import cross_property

    if datasets is None:
        datasets = cross_property.QUICK if subset == "quick" else None
    runs = cross_property.list_runs(
        datasets, configurations or None, variants or None, _integers(seeds)
    )
    budget = {"n_trials": n_trials, "seconds": seconds, "trial_seconds": trial_seconds}
    changes: dict[str, Any] = {name: value for name, value in budget.items() if value is not None}
    do_run = partial(cross_property.do_run, budget=replace(BUDGET, **changes))
    _study(ctx, "cross_property", runs, do_run, **how)


@benchmark_group.command("finetune-strategies")
@click.option(
    "--budget",
    default="quick",
    show_default=True,
    type=click.Choice(["quick", "cpu", "gpu"]),
    help="How much of the study: under an hour, days on two cores, or all.",
)
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of structures.parquet and splits.json.",
)
@click.option(
    "--held-out",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Digests of compositions to keep out of pretraining; see sktl pretrain.",
)
@_what
@_how
@click.pass_context
def finetune_strategies_command(
    ctx: click.Context,
    budget: str,
    folder: Path | None,
    held_out: Path | None,
    datasets: list[str] | None,
    configurations: tuple[str, ...],
    variants: tuple[str, ...],
    **how: Any,
) -> None:
    """Repeat the study of Devi et al. 2024 on its structures, trials and test sets.

    Does the runs that are not done yet, few points first, and merges them into one result file: a
    row for each property, strategy, number of points and trial. Ends with exit code 1 when a fit
    failed. The sources of "pairwise" and "pretraining size" are pretrained when they are first
    needed, and kept in the folder of runs.
    """
    from sktl.cli._pretrain import read_digests
    from sktl.studies import finetune_strategies

    runs = finetune_strategies.list_runs(budget, datasets, configurations or None, variants or None)
    do_run = partial(
        finetune_strategies.do_run,
        folder=folder,
        sources=how["output"] / "sources",
        held_out=read_digests(held_out),
    )
    _study(ctx, "finetune_strategies", runs, do_run, **how)


def _study(
    ctx: click.Context,
    name: str,
    runs: list[Run],
    do_run: DoRun,
    jobs: int,
    output: Path,
    results: Path | None,
    collect_only: bool,
) -> None:
    """Do the runs of a study, collect them, and end with the exit code."""
    from sktl.studies import collect, do_runs

    results = output / "results" if results is None else results
    table = results / f"{name}.csv"
    failures: dict[Run, str] = {}
    if not collect_only:
        failures = do_runs(runs, do_run, output, table=table, n_jobs=jobs, report=_report)
    rows = collect(output, table, results / f"{name}_predictions.npz")
    say(f"Wrote {table}: {len(rows)} rows")
    for run, error in failures.items():
        say(f"FAILED {', '.join(map(str, run))}. {error}", err=True)
    ctx.exit(1 if failures else 0)


def _integers(texts: list[str]) -> list[int]:
    try:
        return [int(text) for text in texts]
    except ValueError as error:
        raise click.UsageError(f"Got --seeds {','.join(texts)!r}, expected integers.") from error


def _report(run: Run, row: dict[str, Any] | None, error: str | None) -> None:
    """Print a line for a finished fit, above the bar if there is one."""
    if row is not None:
        found = f"test MAE {row['test_mae']:.4g} {row['unit']}, {row['fit_seconds']:.0f} s"
    else:
        found = "done by another process" if error is None else f"FAILED. {error}"
    note(f"{', '.join(map(str, run))}: {found}", err=False)
