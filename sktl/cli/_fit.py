"""``sktl fit``: from a table to a model file."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from sktl._echo import shown
from sktl.cli._cells import cell_options
from sktl.cli._columns import conditions_options
from sktl.cli._numbers import seed_option
from sktl.cli._paths import READABLE, WRITABLE, check_place, say, say_json
from sktl.cli._rows import (
    Materials,
    UsableRows,
    decimal_option,
    formula_option,
    on_error_options,
    place_options,
    read_usable,
    structure_options,
    target_option,
    unit_option,
)
from sktl.cli._source import open_source, source_option
from sktl.cli._task import (
    CLASSIFICATION,
    LabelledRows,
    is_classification,
    read_labelled,
    task_option,
)

if TYPE_CHECKING:
    from sktl.estimators import TransferRegressor, TransferStackRegressor

CLASS_MODELS = {"transfer": "TransferClassifier", "stack": "TransferStackClassifier"}
_NAMED = "target", "unit", "file"
MODELS = {"transfer": "TransferRegressor", "stack": "TransferStackRegressor"}


@click.command("fit")
@click.argument("data", type=READABLE)
@formula_option
@structure_options
@place_options
@conditions_options
@target_option
@unit_option
@task_option
@source_option
@click.option(
    "--model",
    type=click.Choice(list(MODELS)),
    default="transfer",
    show_default=True,
    help="transfer: a fine-tuned network. stack: networks, SVR and trees, the most accurate and "
    "many times slower.",
)
@click.option("--save", required=True, type=WRITABLE, help="Model file to write, such as gap.sktl.")
@decimal_option
@cell_options(bounds=True, weights=True)
@on_error_options
@seed_option(2**32 - 1)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def fit_command(
    data: Path,
    target: str,
    unit: str | None,
    source: str | None,
    task: str,
    model: str,
    save: Path,
    seed: int,
    as_json: bool,
    **options: Any,
) -> None:
    """Fit a model to the table DATA (CSV, TSV, Parquet, XLSX) and write it to a file.

    Rows that cannot be used are listed with their line in the file, and by default the command
    stops there; sktl check lists all of them, and what to write. Rows of one composition are all
    used. The printed error is on held-out rows.

    \b
    Example:
      sktl fit gaps.csv --formula composition --target "gap (eV)" --save gap.sktl
      sktl fit gaps.csv --structures cifs --target gap --save gap.sktl
      sktl fit alloys.csv --conditions "T (C),processing" --target "strength (MPa)" --save a.sktl
      sktl fit run.extxyz --target energy --save energy.sktl
    """
    import sktl
    from sktl.training import show_progress

    check_place(save, source or "")
    options["unit"] = unit
    place = Materials.of(options).within(data)
    source, loaded = open_source(source, place)
    rules: dict[str, Any] = {"options": options, "elements": loaded.card.elements, "output": save}
    if is_classification(task, data, place, target):
        labelled = read_labelled(data, place, target, **rules)
        result = _fit_classes(labelled, CLASS_MODELS[model], source, seed, save)
        _report(result, None if as_json else _class_summary)
        return
    found = read_usable(data, place, target, **rules)
    column, unit = found.column, unit or found.column.unit
    more = _beside_targets(found, model)
    estimator = getattr(sktl, MODELS[model])(source, material=found.material, random_state=seed)
    start = time.perf_counter()
    with show_progress(f"Fitting {column.title}"):
        fitted = estimator.fit(found.X, found.numbers, **more)
    seconds = time.perf_counter() - start
    fitted.save(save, target=column.title, unit=unit)
    result = {
        "rows": len(found.table),
        "target": column.title,
        "unit": unit,
        "validation_mae": _validation_mae(fitted),
        "median_mae": _median_error(found),
        "transfer_report": getattr(fitted, "transfer_report_", None),  # a stack has none
        "seconds": round(seconds, 1),
        "file": str(save),
    }
    _report(result, None if as_json else _summary)


def _report(result: dict[str, Any], summary: Callable[[dict[str, Any]], str] | None) -> None:
    """Print the outcome as JSON, or what is said of it."""
    if summary is None:
        say_json(result)
        return
    texts = {key: shown(value) for key in _NAMED if isinstance(value := result.get(key), str)}
    say(summary(result | texts))


def _beside_targets(found: UsableRows, model: str) -> dict[str, Any]:
    """Return what `fit` is given beside X and y."""
    more: dict[str, Any] = {} if found.weights is None else {"sample_weight": found.weights}
    if found.bounds is None:
        return more
    if model != "transfer":
        raise click.UsageError("--censored bound goes with --model transfer.")
    return more | {"bounds": found.bounds}


def _median_error(found: UsableRows) -> float | None:
    """Return the mean absolute error of the median of all values that are not limits, if any."""
    sides = np.zeros(len(found.numbers)) if found.bounds is None else np.array(found.bounds)
    values = np.array(found.numbers)[sides == 0]
    if not len(values):
        return None
    with np.errstate(over="ignore"):
        error = float(np.abs(values - np.median(values)).mean())
    return error if math.isfinite(error) else None


def _validation_mae(fitted: TransferRegressor | TransferStackRegressor) -> float | None:
    """Return the mean absolute error on held-out rows, None where there were none."""
    known = fitted.uncertainty_
    return None if known is None else float(np.ravel(known.mae)[0])


def _fit_classes(
    rows: LabelledRows, model: str, source: str, seed: int, save: Path
) -> dict[str, Any]:
    """Fit a classifier, save it, and return the outcome."""
    import sktl
    from sktl.training import show_progress

    labels = np.array(rows.labels)
    start = time.perf_counter()
    with show_progress(f"Fitting {rows.column.title}"):
        fitted = getattr(sktl, model)(source, material=rows.material, random_state=seed)
        fitted.fit(rows.X, labels)
    seconds = time.perf_counter() - start
    fitted.save(save, target=rows.column.title)
    counts = np.unique(labels, return_counts=True)[1]
    shares = counts / counts.sum()
    return {
        "rows": len(rows.table),
        "target": rows.column.title,
        "task": CLASSIFICATION,
        "classes": dict(zip(fitted.classes_.tolist(), counts.tolist(), strict=True)),
        "validation_log_loss": fitted.validation_log_loss_,
        "shares_log_loss": float(-(shares * np.log(shares)).sum()),
        "seconds": round(seconds, 1),
        "file": str(save),
    }


def _class_summary(result: dict[str, Any]) -> str:
    error = "no rows were held out to score it"
    if result["validation_log_loss"] is not None:
        error = (
            f"log loss {result['validation_log_loss']:.3g} on held-out rows (that of the shares of "
            f"the classes: {result['shares_log_loss']:.3g})"
        )
    what = f"Fitted {result['target']} on {result['rows']} rows of {len(result['classes'])} classes"
    return f"{what} in {result['seconds']:.0f} s: {error}.\nWrote {result['file']}"


def _summary(result: dict[str, Any]) -> str:
    unit = f" {result['unit']}" if result["unit"] else ""
    error = "no rows were held out to score it"
    if result["validation_mae"] is not None:
        error = f"mean absolute error {result['validation_mae']:.3g}{unit} on held-out rows"
    if result["validation_mae"] is not None and result["median_mae"] is not None:
        error += f" (that of the median of all: {result['median_mae']:.3g}{unit})"
    what = f"Fitted {result['target']} on {result['rows']} rows in {result['seconds']:.0f} s"
    report = f"{result['transfer_report']}\n" if result["transfer_report"] else ""
    return f"{what}: {error}.\n{report}Wrote {result['file']}"
