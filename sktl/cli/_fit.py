"""``sktl fit`` and ``sktl predict``: from a table to a model file, and from that to predictions."""

import json
import time

import click
import numpy as np

from sktl.cli._paths import READABLE, WRITABLE
from sktl.cli._rows import (
    Materials,
    decimal_option,
    file_option,
    formula_option,
    on_error_option,
    read_usable,
    structures_option,
)
from sktl.exceptions import InputError

MODELS = {"transfer": "TransferRegressor", "stack": "TransferStackRegressor"}


@click.command("fit")
@click.argument("data", type=READABLE)
@formula_option
@structures_option
@file_option
@click.option("--target", required=True, metavar="COLUMN", help="Column of measured values.")
@click.option("--unit", help="Unit of the target [default: what its header says in brackets].")
@click.option("--source", default="mpt", show_default=True, help="Pretrained source: name or file.")
@click.option(
    "--model",
    type=click.Choice(list(MODELS)),
    default="transfer",
    show_default=True,
    help="A fine-tuned network, or the most accurate: networks and trees, many times slower.",
)
@click.option("--save", required=True, type=WRITABLE, help="Model file to write, such as gap.sktl.")
@decimal_option
@on_error_option
@click.option("--seed", default=0, show_default=True, help="Seed of all random numbers.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def fit_command(
    data, target, unit, source, model, save, decimal, on_error, seed, as_json, **materials
):
    """Fit a model to the table DATA (CSV, TSV, Parquet, XLSX) and write it to a file.

    Every row that cannot be used is listed with its line in the file, and by default the command
    stops there. Rows of one composition are all used. The error that is printed is on rows that
    the network was not trained on.

    \b
    Example:
      sktl fit gaps.csv --formula composition --target "gap (eV)" --save gap.sktl
      sktl fit gaps.csv --structures cifs --target gap --source mpt-structure --save gap.sktl
    """
    import sktl
    from sktl.training import show_progress

    table, X, numbers, column = read_usable(
        data, Materials(**materials), target, decimal=decimal, on_error=on_error, output=save
    )
    unit = unit or column.unit
    estimator = getattr(sktl, MODELS[model])(source, random_state=seed)
    start = time.perf_counter()
    with show_progress(f"Fitting {column.title}"):
        fitted = estimator.fit(X, numbers)
    seconds = time.perf_counter() - start
    fitted.save(save, target=column.title, unit=unit)
    known = fitted.uncertainty_
    result = {
        "rows": len(table),
        "target": column.title,
        "unit": unit,
        "validation_mae": None if known is None else float(np.ravel(known.mae)[0]),
        "median_mae": float(np.abs(np.array(numbers) - np.median(numbers)).mean()),
        "seconds": round(seconds, 1),
        "file": str(save),
    }
    click.echo(json.dumps(result) if as_json else _summary(result))


@click.command("predict")
@click.argument("model", type=READABLE)
@click.argument("data", type=READABLE)
@click.option("-o", "--output", required=True, type=WRITABLE, help="Table to write.")
@formula_option
@structures_option
@file_option
@click.option(
    "--coverage",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.9,
    show_default=True,
    help="Share of measurements that the interval is to hold.",
)
@on_error_option
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def predict_command(model, data, output, coverage, on_error, as_json, **materials):
    """Predict with the model file MODEL for the table DATA, and write it with columns added.

    The columns are the prediction and, where the model knows it, its standard deviation and an
    interval. All other columns and the order of the rows stay as they are.

    \b
    Example:
      sktl predict gap.sktl new.csv -o predicted.csv
    """
    import sktl
    from sktl.tables import write_table

    fitted = sktl.load_model(model)
    materials = Materials(**materials)
    if fitted.input_kind_ == "structures" and materials.structures is None:
        raise click.UsageError("This model reads crystals: give the folder, --structures FOLDER.")
    table, X, _, _ = read_usable(data, materials, on_error=on_error, output=output)
    columns = _predictions(fitted, X, coverage)
    write_table(output, table.with_columns(columns))
    result = {"rows": len(table), **fitted.file_["target"], "columns": list(columns)}
    result["file"] = str(output)
    what = " ".join(filter(None, (result["name"], f"({result['unit']})" if result["unit"] else "")))
    line = f"Wrote {output}: {len(table)} rows, {what or 'predictions'} in {', '.join(columns)}"
    click.echo(json.dumps(result) if as_json else line)


def _predictions(fitted, X, coverage):
    """Return the columns to add, as text."""
    if hasattr(fitted, "predict_proba"):
        chances = fitted.predict_proba(X)
        named = {f"probability_{name}": chances[:, i] for i, name in enumerate(fitted.classes_)}
        labels = list(map(str, fitted.classes_[chances.argmax(axis=1)]))
        return {"prediction": labels} | {name: _texts(part) for name, part in named.items()}
    if fitted.uncertainty_ is None:
        return {"prediction": _texts(fitted.predict(X))}
    values, deviations = fitted.predict(X, return_std=True)
    columns = {"prediction": _texts(values), "standard_deviation": _texts(deviations)}
    try:
        intervals = fitted.predict_interval(X, coverage=coverage)
    except InputError as error:
        click.echo(f"No interval: {error}", err=True)
        return columns
    low, high = _texts(intervals[:, 0]), _texts(intervals[:, 1])
    return columns | {"interval_low": low, "interval_high": high}


def _texts(values):
    return [f"{value:.6g}" for value in values]


def _summary(result):
    unit = f" {result['unit']}" if result["unit"] else ""
    error = "no rows were held back to judge it"
    if result["validation_mae"] is not None:
        error = (
            f"mean absolute error {result['validation_mae']:.3g}{unit} on rows held back (their "
            f"median would err by {result['median_mae']:.3g}{unit})"
        )
    what = f"Fitted {result['target']} on {result['rows']} rows in {result['seconds']:.0f} s"
    return f"{what}: {error}.\nWrote {result['file']}"
