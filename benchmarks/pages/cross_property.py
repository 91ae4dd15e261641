"""Write the page of the cross-property study: no number in it is typed by hand.

    sktl benchmark cross-property --subset full --results benchmarks/results
    python benchmarks/studies/negative_transfer.py
    python benchmarks/pages/cross_property.py

The first two commands make ``results/cross_property.csv``, ``cross_property_predictions.npz`` and
``negative_transfer.json``. The third reads them, the test sets and the paper's values in
``reference/gupta2021.csv``; it writes
``results/cross_property_summary.json``, and from that the tables of
``docs/benchmarks/cross_property.md``, each between ``<!-- NAME -->`` and ``<!-- end of NAME -->``,
and ``docs/benchmarks/figures``. ``--check`` changes nothing and fails where the page does not agree
with the summary; it reads nothing else.
"""

import argparse
import csv
import json
import sys
from functools import cache
from pathlib import Path
from statistics import median

import numpy as np

from sktl.datasets import fetch_cross_property
from sktl.studies import fill_page, markdown, read_rows
from sktl.studies.cross_property import draw_figures, make_tables, summarize

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
REFERENCE = ROOT / "benchmarks" / "reference" / "gupta2021.csv"
CAUSES = RESULTS / "negative_transfer.json"
PAGE = ROOT / "docs" / "benchmarks" / "cross_property.md"


def read_summary(results):
    """Return the summary of a folder of results."""
    predictions = {}
    if (results / "cross_property_predictions.npz").is_file():
        with np.load(results / "cross_property_predictions.npz") as file:
            predictions = {key: file[key] for key in file.files}
    with open(REFERENCE, encoding="utf-8", newline="") as file:
        reference = list(csv.DictReader(file))
    truth = cache(lambda name: fetch_cross_property(name, subset="test").y)
    return summarize(read_rows(results / "cross_property.csv"), predictions, reference, truth)


def page_parts(summary, figures):
    """Return what stands between the page's markers: tables, and figures with what they show."""
    parts = make_tables(summary)
    if CAUSES.is_file():
        parts["causes"] = causes_table(json.loads(CAUSES.read_text(encoding="utf-8")))
    for name, figure in figures.items():
        if figure.content is None:
            parts[f"figure {name}"] = f"Not drawn yet: {figure.lacks}."
        else:
            parts[f"figure {name}"] = f"![{figure.caption}](figures/{name}.png)\n\n{figure.caption}"
    return parts


def causes_table(causes):
    """Return what distinguishes the sets on which the paper's transfer lost, as Markdown."""
    with open(REFERENCE, encoding="utf-8", newline="") as file:
        lost = {row["dataset"] for row in csv.DictReader(file) if row["transfer_lost"] == "1"}
    titles = (
        "data set",
        "formation energy, rho",
        "largest rho of 20 properties",
        "elemental fractions",
        "last layer, `oqmd-elemnet`",
        "last layer, `mpt`",
        "minimum, maximum, range",
        "attributes with most weight",
    )
    rows = [_cause_row(name, causes[name]) for name in causes if name in lost]
    others = [_cause(found) for name, found in causes.items() if name not in lost]
    middle = [median(column) for column in zip(*(numbers for numbers, _ in others), strict=True)]
    return markdown(titles, [*rows, ("median of the others", *_cause_texts(middle, ""), "")])


def _cause(found):
    """Return the numbers of a row of the causes table, and the property that is nearest."""
    rho = found["spearman"]["mpt"]
    nearest = max(rho, key=lambda name: abs(rho[name]))
    errors = found["cv_mae"]
    kinds = "elemental fractions", "oqmd-elemnet", "mpt"
    worse = [errors[kind] / errors["physical attributes"] - 1 for kind in kinds]
    (energy,) = found["spearman"]["oqmd-elemnet"].values()
    return [abs(energy), abs(rho[nearest]), *worse, found["extremes"]], nearest


def _cause_row(name, found):
    numbers, nearest = _cause(found)
    weights = (f"{feature} ({share:.2f})" for feature, share in found["importances"].items())
    listed = ", ".join(weights).replace("MagpieData ", "")
    return (f"`{name}`", *_cause_texts(numbers, f" ({nearest})"), listed)


def _cause_texts(numbers, nearest):
    energy, largest, *worse, extremes = numbers
    shown = [f"{100 * share:+.0f} %" for share in worse]
    return f"{energy:.2f}", f"{largest:.2f}{nearest}", *shown, f"{100 * extremes:.0f} %"


def main():
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare page and summary only")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--page", type=Path, default=PAGE, help="page to fill")
    arguments = parser.parse_args()
    path = arguments.results / "cross_property_summary.json"
    if arguments.check:
        summary = json.loads(path.read_text(encoding="utf-8"))
    else:
        summary = read_summary(arguments.results)
    figures = draw_figures(summary)
    old = arguments.page.read_text(encoding="utf-8")
    new = fill_page(old, page_parts(summary, figures))
    if arguments.check:
        if new != old:
            sys.exit("The page is not up to date: python benchmarks/pages/cross_property.py")
        return
    path.write_text(json.dumps(summary, separators=(",", ":")) + "\n", encoding="utf-8")
    arguments.page.write_text(new, encoding="utf-8")
    folder = arguments.page.parent / "figures"
    folder.mkdir(exist_ok=True)
    for name, figure in figures.items():
        (folder / f"{name}.png").unlink(missing_ok=True)
        if figure.content is not None:
            (folder / f"{name}.png").write_bytes(figure.content)


if __name__ == "__main__":
    main()
