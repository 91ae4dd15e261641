"""``sktl demo``: transfer learning on measured band gaps, beside what one would use without it."""

import csv
import io
import json
import tempfile
import threading
import time
from pathlib import Path

import click

from sktl._store import atomic_write
from sktl.cli._comparison import FOREST, SCRATCH, TABLE_MODELS, TRANSFER, Comparison, Plan
from sktl.cli._plots import learning_curve, parity_plot
from sktl.cli._results import describe, plot_names, results_table, summarize

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
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(0, 2**31 - 1),
    help="Chooses the split and the models' random numbers.",
)
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
    _check_writable(output_dir)
    plan = Plan(source=source, seed=seed)
    comparison = Comparison(plan.quick() if quick else plan)
    if not as_json:
        click.echo(f"{describe(comparison, pretrained)}\n")
    start = time.perf_counter()
    with _Bar() as bar:
        comparison.run(bar.report)
    results = summarize(comparison, pretrained, time.perf_counter() - start)
    paths = _write(comparison, results, output_dir)
    if as_json:
        click.echo(json.dumps(results, indent=1))
        return
    click.echo(f"{results_table(results)}\n")
    for path in paths:
        click.echo(f"Wrote {path}")


def _check_writable(folder):
    """Make the folder and write to it, so that minutes of work cannot end in an error."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"sktl")
    except OSError as error:
        reason = error.strerror or str(error)
        raise click.UsageError(
            f"Got --output-dir {str(folder)!r}, expected a folder to write to: {reason}."
        ) from error


def _write(comparison, results, folder):
    """Write both plots, the results and the predictions, and return their paths."""
    names = plot_names(comparison.plan)
    full = [fit for fit in map(comparison.full, TABLE_MODELS) if fit]
    curves = {model: comparison.curve(model) for model in (TRANSFER, SCRATCH, FOREST)}
    content = {
        PARITY: parity_plot(full, names, comparison.gaps[comparison.test]),
        CURVE: learning_curve(curves, names, len(comparison.test)),
        RESULTS: json.dumps(results, indent=1).encode() + b"\n",
        PREDICTIONS: _predictions(comparison, full),
    }
    return [atomic_write(folder / name, data) for name, data in content.items()]


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


class _Bar:
    """A bar with the time left, moved each second; nothing where there is no terminal."""

    def __enter__(self):
        from tqdm import tqdm

        layout = "{percentage:3.0f}%|{bar:20}| {elapsed}, about {remaining} left: {desc}"
        self._bar = tqdm(total=1.0, disable=None, leave=False, bar_format=layout, desc="begin")
        self._before, self._after, self._pace = 0.0, 0.0, 0.0
        self._start = self._since = time.perf_counter()
        self._stop = threading.Event()
        self._clock = threading.Thread(target=self._tick, daemon=True)
        self._clock.start()
        return self

    def __exit__(self, *error):
        self._stop.set()
        self._clock.join()
        self._bar.close()

    def report(self, model, n_train, before, after):
        """Show what is being fitted, and which share of the work is done."""
        self._since = time.perf_counter()
        self._pace = before / max(self._since - self._start, 1e-9)
        self._before, self._after = before, after
        self._bar.set_description_str(f"{model}, {n_train:,} rows", refresh=False)
        self._move()

    def _tick(self):
        while not self._stop.wait(1.0):
            self._move()

    def _move(self):
        """Go on at the pace so far, but not beyond the fit that is running."""
        ahead = self._before + self._pace * (time.perf_counter() - self._since)
        self._bar.n = min(ahead, 0.1 * self._before + 0.9 * self._after)
        self._bar.refresh()
