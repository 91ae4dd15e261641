"""``sktl evaluate``: compare models on your own table, and write a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sktl._progress import Steps, run_work
from sktl.cli._cells import cell_options
from sktl.cli._columns import conditions_options
from sktl.cli._figures import figures_option
from sktl.cli._numbers import jobs_option, seed_option
from sktl.cli._paths import (
    READABLE,
    WRITABLE,
    check_place,
    check_writable,
    say,
    say_json,
    shown_path,
)
from sktl.cli._rows import (
    Materials,
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
from sktl.cli._task import is_classification, read_labelled, task_option
from sktl.evaluation import BOOSTING, FOREST, GROUPS, SCRATCH, TRANSFER

if TYPE_CHECKING:
    from sktl.tables import Table

_MODELS = {"transfer": TRANSFER, "scratch": SCRATCH, "forest": FOREST, "xgboost": BOOSTING}


@click.command("evaluate")
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
    "--group",
    type=click.Choice(GROUPS),
    default=GROUPS[0],
    show_default=True,
    help="Rows that are never on both sides of a split: those of one composition, or, a harder "
    "test, of one set of elements.",
)
@click.option(
    "--models",
    default=",".join(_MODELS),
    show_default=True,
    metavar="NAMES",
    callback=lambda context, option, value: _read_models(value),
    help="What is compared, separated by commas; transfer is always among them.",
)
@click.option(
    "--folds", default=5, show_default=True, type=click.IntRange(2), help="Folds of a repeat."
)
@click.option(
    "--repeats",
    default=None,
    show_default="2, and 1 from 400 rows on",
    type=click.IntRange(1),
    help="Splits into folds.",
)
@jobs_option(default=2)
@click.option("-o", "--output", required=True, type=WRITABLE, help="HTML file to write.")
@figures_option("Write the figures of the report to files beside it too, in this format.")
@decimal_option
@cell_options(bounds=False, weights=True)
@on_error_options
@seed_option(2**31 - 10**6)
@click.option("--json", "as_json", is_flag=True, help="Print all findings as JSON.")
def evaluate_command(
    data: Path, source: str | None, output: Path, as_json: bool, **options: Any
) -> None:
    """Compare models on the table DATA (CSV, TSV, Parquet, XLSX), and write a report.

    Repeated cross-validation of the fine-tuned network, of the same network from scratch, of a
    random forest and of XGBoost, with all choices made inside the training parts. The report says
    in words whether transfer helped, and shows errors, intervals, elements and the compounds with
    the largest errors. 500 rows take some minutes on two cores; less with fewer repeats or models.
    Of classes it shows accuracy, ROC and calibration, without XGBoost.

    \b
    Example:
      sktl evaluate gaps.csv --formula composition --target "gap (eV)" -o report.html
    """
    check_place(output, source or "")
    place = Materials.of(options).within(data)
    source, loaded = open_source(source, place)
    options |= {"elements": loaded.card.elements, "output": output}
    with_classes = is_classification(options["task"], data, place, options["target"])
    judge = _judge_classes if with_classes else _judge_numbers
    findings = judge(data, place, source, options)
    if as_json:
        say_json({"file": str(output), **findings}, indent=1)
        return
    say("\n".join([findings["headline"], *findings["sentences"]]))
    for caution in findings["cautions"]:
        say(f"Note: {caution}")
    say(f"Wrote {shown_path(output)}")


def _judge_numbers(
    data: Path, place: Materials, source: str, options: dict[str, Any]
) -> dict[str, Any]:
    """Compare regressors, write the report, and return the findings."""
    from sktl.evaluation import evaluate, write_report

    rows = read_usable(data, place, options["target"], **_rules(options))
    check_writable(options["output"].parent, "--output")
    settings = _settings(options) | {"material": rows.material, "sample_weight": rows.weights}
    with run_work(Steps("Fitting")) as steps:
        found = evaluate(rows.X, rows.numbers, source=source, report=steps.begin, **settings)
    unit = options["unit"] or rows.column.unit
    about = _about(data, rows.table, options)
    return write_report(options["output"], found, target=rows.column.title, unit=unit, **about)


def _judge_classes(
    data: Path, place: Materials, source: str, options: dict[str, Any]
) -> dict[str, Any]:
    """Compare classifiers, write the report, and return the findings."""
    from sktl.evaluation import CLASS_MODELS, evaluate_classes, write_class_report

    rows = read_labelled(data, place, options["target"], **_rules(options))
    check_writable(options["output"].parent, "--output")
    settings = _settings(options) | {"material": rows.material}
    settings["models"] = [model for model in settings["models"] if model in CLASS_MODELS]
    with run_work(Steps("Fitting")) as steps:
        found = evaluate_classes(rows.X, rows.labels, source=source, report=steps.begin, **settings)
    about = _about(data, rows.table, options)
    return write_class_report(options["output"], found, target=rows.column.title, **about)


def _rules(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that say how rows are read, as functions call them."""
    return {"options": options} | {name: options[name] for name in ("elements", "output")}


def _settings(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that say how models are compared, as functions call them."""
    names = {"folds": "n_splits", "repeats": "n_repeats", "seed": "random_state", "jobs": "n_jobs"}
    names |= {name: name for name in ("group", "models")}
    given = {name: options[option] for option, name in names.items()}
    return {name: value for name, value in given.items() if value is not None}


def _about(data: Path, table: Table, options: dict[str, Any]) -> dict[str, Any]:
    """Return what a report says of the data, and the format of its figures."""
    from sktl._store import sha256_of

    return {
        "labels": table.lines,
        "label_title": "line",
        "data": {"file": shown_path(data.name), "file sha256": sha256_of(data)},
        "figures": options["figures"],
    }


def _read_models(text: str) -> list[str]:
    """Return the models of a list of names."""
    names = [name.strip().casefold() for name in text.split(",")]
    if not set(names) <= set(_MODELS) or "transfer" not in names:
        raise click.BadParameter(
            f"Got {text!r}, expected transfer and any of {', '.join(list(_MODELS)[1:])}."
        )
    return [_MODELS[name] for name in names]
