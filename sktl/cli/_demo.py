"""``sktl demo``: transfer learning on measured band gaps, compared with the usual baselines."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sktl._echo import shown
from sktl._progress import Steps, duration, run_work
from sktl.cli._figures import figures_option
from sktl.cli._numbers import jobs_option, seed_option
from sktl.cli._paths import check_writable, say, say_json

if TYPE_CHECKING:
    from sktl.evaluation import DemoComparison, FigureKind
    from sktl.sources import SourceCard


@click.command("demo")
@click.option(
    "-o",
    "--output-dir",
    default="sktl-demo",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the plots and the results.",
)
@click.option("--source", default="mpt", show_default=True, help="Pretrained source: name or file.")
@figures_option("Format of the plots.", "png")
@jobs_option(default=2)
@seed_option(2**31 - 1, help="Chooses the split and the models' random numbers.")
@click.option("--quick", is_flag=True, help="Few rows and epochs: shows that all runs, no more.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def demo_command(
    output_dir: Path,
    source: str,
    figures: FigureKind,
    jobs: int,
    seed: int,
    quick: bool,
    as_json: bool,
) -> None:
    """Predict measured band gaps with and without transfer learning.

    Splits the bundled measurements by composition, fits a fine-tuned network, the same network
    from scratch, a random forest and XGBoost, and prints their test MAE (eV), R2 and seconds.
    Writes a parity plot, a learning curve, the numbers and the predictions. Takes under two
    minutes on two cores, and no network.
    """
    import sktl
    from sktl.datasets import load_expt_gap
    from sktl.evaluation import DemoComparison, DemoPlan, summarize_demo, write_demo

    pretrained = sktl.load_source(source)
    check_writable(output_dir, "--output-dir")
    plan = DemoPlan(source=source, seed=seed)
    jobs = 1 if quick else jobs  # seconds of work: a second process takes longer to begin
    comparison = DemoComparison(plan.quick() if quick else plan, load_expt_gap(as_frame=False))
    if not as_json:
        lasts = duration(comparison.seconds(jobs))
        say(f"{_describe(comparison, pretrained.card)}\nThis takes about {lasts}.\n")
    start = time.perf_counter()
    with run_work(Steps("Fitting")) as steps:
        comparison.run(jobs, steps.begin)
    results = summarize_demo(comparison, pretrained, time.perf_counter() - start)
    paths = write_demo(output_dir, comparison, results, figures)
    if as_json:
        say_json(results, indent=1)
        return
    say(f"{_table(results)}\n")
    if results["disagreement"]:
        say(f"{results['disagreement']}\n")
    say(f"Wrote to the folder {output_dir}:")
    for path in paths:
        say(f"  {path}")


def _describe(comparison: DemoComparison, card: SourceCard) -> str:
    """Return two lines that say what is compared on what."""
    plan = comparison.plan
    return (
        f"Measured band gaps: {len(comparison.train):,} rows to train on, "
        f"{len(comparison.test):,} to test on, no composition in both (seed {plan.seed}).\n"
        f"Source {plan.source}: {card.id}, {shown(card.title)}."
    )


def _table(results: dict[str, Any]) -> str:
    """Return the results as aligned text: a line for each model."""
    lines: list[tuple[str, ...]] = [("model", "test MAE (eV)", "test R2", "fit (s)")]
    for row in results["models"]:
        if "install" in row:
            lines.append((row["name"], f"not installed: {row['install']}"))
        else:
            numbers = f"{row['test_mae']:.3f}", f"{row['test_r2']:.3f}", f"{row['fit_seconds']:.1f}"
            lines.append((row["name"], *numbers))
    width = max(len(name) for name, *_ in lines)
    text = []
    for name, first, *others in lines:
        columns = [f"{first:>13}", *(f"{each:>7}" for each in others)]
        text.append("  ".join([f"{name:<{width}}", *columns]))
    return "\n".join(text)
