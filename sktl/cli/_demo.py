"""``sktl demo``: transfer learning on measured band gaps, beside what one would use without it."""

import csv
import io
import json
import time
from pathlib import Path

import click

from sktl._store import atomic_write
from sktl.cli._comparison import CURVE_MODELS, Comparison, Plan
from sktl.cli._numbers import seed_option
from sktl.cli._paths import check_writable
from sktl.cli._progress import ProgressBar
from sktl.cli._results import describe, results_table, summarize
from sktl.evaluation import MODELS

PARITY = "sktl_demo_parity.png"
CURVE = "sktl_demo_learning_curve.png"
RESULTS = "sktl_demo.json"
PREDICTIONS = "sktl_demo_predictions.csv"


@click.command("demo")
@click.option(
    "-o",
    "--output-dir",
    default=".",
    show_default="this folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the plots and the results.",
)
@click.option("--source", default="mpt", show_default=True, help="Pretrained source: name or file.")
@seed_option(2**31 - 1, help="Chooses the split and the models' random numbers.")
@click.option("--quick", is_flag=True, help="Few rows and epochs: shows that all runs, no more.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def demo_command(output_dir, source, seed, quick, as_json):
    """Predict measured band gaps with and without transfer learning.

    Splits the bundled measurements by composition, fits a fine-tuned network, the same network
    from scratch, a random forest and XGBoost, and prints their test MAE (eV), R2 and seconds.
    Writes a parity plot, a learning curve, the numbers and the predictions. Takes some minutes
    on two cores, and no network.
    """
    import sktl

    pretrained = sktl.load_source(source)
    check_writable(output_dir, "--output-dir")
    plan = Plan(source=source, seed=seed)
    comparison = Comparison(plan.quick() if quick else plan)
    if not as_json:
        click.echo(f"{describe(comparison, pretrained)}\n")
    start = time.perf_counter()
    with ProgressBar() as bar:
        comparison.run(bar.report)
    results = summarize(comparison, pretrained, time.perf_counter() - start)
    paths = _write(comparison, results, output_dir)
    if as_json:
        click.echo(json.dumps(results, indent=1))
        return
    click.echo(f"{results_table(results)}\n")
    for path in paths:
        click.echo(f"Wrote {path}")


def _write(comparison, results, folder):
    """Write both plots, the results and the predictions, and return their paths."""
    full = [fit for fit in map(comparison.full, MODELS) if fit]
    parity, curve = _figures(comparison, full)
    content = {
        PARITY: parity,
        CURVE: curve,
        RESULTS: json.dumps(results, indent=1).encode() + b"\n",
        PREDICTIONS: _predictions(comparison, full),
    }
    return [atomic_write(folder / name, data) for name, data in content.items()]


def _figures(comparison, full):
    """Return the parity plot of all full fits and the learning curve, as PNG bytes."""
    from sktl.evaluation import as_png, draw_learning_curve, draw_parity, model_titles

    source = comparison.plan.source
    names = model_titles(source, Path(source).name)
    n_test = len(comparison.test)
    parity = draw_parity(
        {fit.model: fit.predictions for fit in full},
        {fit.model: f"{names[fit.model]}\nMAE {fit.mae:.3f} eV, R² {fit.r2:.3f}" for fit in full},
        comparison.gaps[comparison.test],
        "band gap (eV)",
        f"{n_test:,} test rows of compositions that no model was fitted to. "
        "Line: predicted = measured.",
    )
    curve = draw_learning_curve(
        {
            model: [(fit.n_train, fit.mae) for fit in comparison.curve(model)]
            for model in CURVE_MODELS
        },
        names,
        ("training rows (formula and measured band gap)", "mean absolute error (eV)"),
        f"Error on {n_test:,} test rows",
    )
    return as_png(parity), as_png(curve)


def _predictions(comparison, fits):
    """Return a CSV file of the test rows: formula, measured gap, each model's prediction (eV)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["formula", "measured_eV", *(f"{fit.model}_eV".replace(" ", "_") for fit in fits)]
    )
    columns = [comparison.gaps[comparison.test], *(fit.predictions for fit in fits)]
    rows = zip(comparison.formulas[comparison.test], *columns, strict=True)
    writer.writerows([formula, *(f"{value:.4f}" for value in values)] for formula, *values in rows)
    return text.getvalue().encode()
