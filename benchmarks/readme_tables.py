"""Write README's tables: no number in them is typed by hand.

    sktl demo --output-dir demo && cp demo/sktl_demo.json benchmarks/results/demo.json
    python benchmarks/readme_tables.py

The demo's table comes from ``benchmarks/results/demo.json``, those of the benchmarks from the files
that they wrote there, the table of sources from the cards of the shipped sources. Each stands
between two comments, ``<!-- NAME -->`` and ``<!-- end of NAME -->``.
``--check`` changes nothing and fails where README is not up to date.
"""

import json
from pathlib import Path
from statistics import mean, stdev

from _pages import write_page

import sktl
from sktl.benchmark import markdown

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DEMO = ROOT / "benchmarks" / "results" / "demo.json"
REPEATS = ROOT / "benchmarks" / "results" / "expt_gap.json"
SETS = ROOT / "benchmarks" / "results" / "cross_property_summary.json"
WEIGHTS = ROOT / "sktl" / "sources" / "weights"
MODELS = {"transfer": "`TransferRegressor()`", "stack": "`TransferStackRegressor()`"}
RIVALS = {
    "paper_best": "the paper's best model",
    "forest": "random forest on Magpie attributes, tuned here",
    "boosting": "XGBoost on Magpie attributes, tuned here",
}
NETWORKS = {"composition": "CompositionNet", "elemnet": "ElemNet", "chgnet": "CHGNet, for crystals"}
MAX_PROPERTIES = 4


def demo_table(results):
    """Return what the demo printed, and its learning curve, as Markdown."""
    data, versions = results["data"], results["versions"]
    rows = []
    for row in results["models"]:
        if "install" in row:
            rows.append((row["name"], f"`{row['install']}`", "", ""))
        else:
            seconds = f"{row['fit_seconds']:.0f}" if row["fit_seconds"] >= 1 else "< 1"
            rows.append((row["name"], f"{row['test_mae']:.3f}", f"{row['test_r2']:.3f}", seconds))
    rows = [(f"`{name}`" if "(" in name else name, *cells) for name, *cells in rows]
    packages = ", ".join(f"{name} {versions[name]}" for name in ("torch", "scikit-learn"))
    return "\n\n".join(
        [
            markdown(("model", "test MAE (eV)", "test R2", "fit (s)"), rows),
            f"{data['n_train']:,} rows to train on, {data['n_test']:,} to test on, split by "
            f"composition, one split (seed {results['seed']}), {results['cores']} cores, "
            f"{packages}; all fits took {results['seconds'] / 60:.1f} minutes. Test MAE "
            "(eV) against the number of training rows:",
            curve_table(results["learning_curve"]),
        ]
    )


def curve_table(points):
    """Return the learning curve as Markdown, a column for each training set size."""
    sizes = sorted({point["n_train"] for point in points})
    errors = {(point["model"], point["n_train"]): point["test_mae"] for point in points}
    models = list(dict.fromkeys(point["model"] for point in points))
    rows = [(model, *(f"{errors[model, size]:.3f}" for size in sizes)) for model in models]
    return markdown(("training rows", *(f"{size:,}" for size in sizes)), rows)


def repeats_table(results):
    """Return mean and spread of the test MAE over splits as Markdown."""
    found = {}
    for row in results["rows"]:
        found.setdefault(row["model"], []).append(row["test_mae"])
    rows = [
        (f"`{name}`" if "(" in name else name, f"{mean(maes):.3f} ± {stdev(maes):.3f}")
        for name, maes in found.items()
    ]
    n = len({row["seed"] for row in results["rows"]})
    return markdown(("model", f"test MAE (eV), mean ± standard deviation over {n} splits"), rows)


def sets_table(summary):
    """Return how often and by how much ours have the lower error, where there are enough sets."""
    rows = [
        (
            MODELS[found["model"]],
            RIVALS[found["to"]],
            f"{found['wins']} of {found['n_sets']}",
            f"{100 * found['median_relative_difference']:+.1f} %",
            f"{found['p']:.1g}",
        )
        for found in summary["comparisons"]
        if found["model"] in MODELS and found["to"] in RIVALS and found["p"] is not None
    ]
    titles = "model", "compared with", "lower test MAE on", "median difference", "p (Wilcoxon)"
    return markdown(titles, rows)


def sources_table():
    """Return the shipped sources as Markdown, a row for each."""
    catalog = json.loads((WEIGHTS / "catalog.json").read_text(encoding="utf-8"))
    rows, shown = [], set()
    for alias, id in catalog["aliases"].items():
        card = sktl.load_source(alias).card
        size = (WEIGHTS / catalog["sources"][id]["file"]).stat().st_size
        rows.append(
            (
                f"[`{alias}`](docs/sources/{alias}.md)",
                NETWORKS[card.network["name"]],
                f"{card.training['n_compositions']:,}",
                f"{size / 1e6:.1f} MB",
                _errors(card.properties, shown),
            )
        )
    titles = "name", "network", "compositions", "file", "MAE on compositions held out at random"
    return markdown(titles, rows, numbers=False)


def _errors(properties, shown):
    """Return the errors of some properties, those first that no row above has shown."""
    new = [item for item in properties if item.name not in shown] or list(properties)
    chosen = new[:MAX_PROPERTIES]
    shown.update(item.name for item in chosen)
    texts = [f"{item.name.replace('_', ' ')} {item.holdout_mae:.3g} {item.unit}" for item in chosen]
    more = len(properties) - len(chosen)
    return "; ".join(texts) + (f"; {more} more in the card" if more else "")


def page_parts():
    """Return README's tables; one without data is left out, and stays as it is."""
    tables = {"sources table": sources_table()}
    if REPEATS.is_file():
        tables["repeats table"] = repeats_table(json.loads(REPEATS.read_text(encoding="utf-8")))
    if SETS.is_file():
        tables["sets table"] = sets_table(json.loads(SETS.read_text(encoding="utf-8")))
    if DEMO.is_file():
        tables["demo table"] = demo_table(json.loads(DEMO.read_text(encoding="utf-8")))
    return tables


def main():
    """Write the page, or compare it."""
    write_page(README, page_parts, __doc__, __file__)


if __name__ == "__main__":
    main()
