"""Write the page of the study of strategies: no number in it is typed by hand.

    sktl benchmark finetune-strategies --budget cpu --folder FOLDER --results benchmarks/results
    python benchmarks/pages/finetune_strategies.py

The first command makes ``results/finetune_strategies.csv``. The second reads it and the
publisher's errors in ``reference/devi2024.csv``, and writes the tables and the figure of
``docs/benchmarks/finetune_strategies.md``. ``--check`` changes nothing and fails where the page
does not agree.
"""

import csv
import json
from functools import partial
from itertools import product
from pathlib import Path
from statistics import mean, stdev

from _page import write_page

from sktl.studies import markdown, read_rows
from sktl.studies.finetune_strategies import STRATEGIES, draw_figure, list_runs

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "finetune_strategies.csv"
REFERENCE = ROOT / "benchmarks" / "reference" / "devi2024.csv"
PAGE = ROOT / "docs" / "benchmarks" / "finetune_strategies.md"
PUBLISHED = {"scratch": "ALIGNN, scratch", "best_pairwise": "pairwise, best", "mpt": "MPT"}
BODIES = RESULTS.with_name("structure_body.json")
SPEEDS = {"alignn": "alignn_speed.json", "chgnet": "chgnet_agreement.json"}
FIGURE = PAGE.parent / "figures" / "finetune_strategies.png"
VARIED = {
    "freeze depth": ("freeze depth",),
    "learning rate": ("learning rate",),
    "pretraining": ("pretraining size", "pairwise"),
}
DEFAULT = "fine-tune", "mpt-structure"
DRAWN, DRAWN_FROM = "stack", 100


def read_errors():
    """Return test errors: {(property, points): {(configuration, variant): {trial: error}}}."""
    found = {}
    for row in read_rows(RESULTS):
        variant, _, points = row["variant"].removesuffix(" points").rpartition(", ")
        place = found.setdefault((row["dataset"], int(points)), {})
        trials = place.setdefault((row["configuration"], variant), {})
        trials[row["seed"]] = float(row["test_mae"])
    return found


def read_published():
    """Return the publisher's errors and the units of properties.

    Errors are {(property, points): {model: (mean, deviation)}}.
    """
    found, units = {}, {}
    with open(REFERENCE, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            place = found.setdefault((row["property"], int(row["n_train"])), {})
            spread = float(row["mae_std"]) if row["mae_std"] else None
            place[row["model"]] = float(row["mae_mean"]), spread
            units[row["property"]] = row["unit"]
    return found, units


def main_table(errors, published, points, against_most=False):
    """Return the errors of all strategies at a number of points, as Markdown.

    The publisher's are those at the same number of points, or at the most that it has.
    """
    most = {name: max(n for other, n in published if other == name) for name, _ in published}
    places = [place for place in product(most, points) if place in errors]
    varied = {kind for kinds in VARIED.values() for kind in kinds}
    models = sorted({key for place in places for key in errors[place] if key[0] not in varied})
    columns = []
    for place in places:
        theirs = published[(place[0], most[place[0]]) if against_most else place]
        maes = [errors[place].get(key, {}) for key in models]
        found = [theirs.get(model, (None, None)) for model in PUBLISHED]
        found += map(_mean_and_spread, maes)
        lowest = min(value for value, _ in found if value is not None)
        notes = [""] * len(PUBLISHED) + [_note(place, len(trials)) for trials in maes]
        shown = [_shown(each, lowest) + note for each, note in zip(found, notes, strict=True)]
        columns.append(shown)
    if not columns:
        return "Nothing was run yet."
    names = [f"published: {name}" for name in PUBLISHED.values()]
    names += [f"{kind}: {name}" for kind, name in models]
    rows = list(zip(names, *columns, strict=True))
    return markdown(("strategy", *(f"`{name}`" for name, _ in places)), rows)


def draw_curves(errors, published, units):
    """Return the figure as a PNG file: errors over points, the publisher's and the stacks'."""
    panels = {}
    for (dataset, points), theirs in published.items():
        if points < DRAWN_FROM:
            continue
        found = errors.get((dataset, points), {})
        shown = {PUBLISHED[model]: theirs[model] for model in PUBLISHED}
        for (kind, name), maes in sorted(found.items()):
            if kind == DRAWN:
                shown[f"{kind}: {name}"] = _mean_and_spread(maes)
        _, curves = panels.setdefault(dataset, (units[dataset], {}))
        for label, (value, spread) in shown.items():
            curves.setdefault(label, []).append((points, value, spread or 0.0))
    drawn = {}
    for dataset, (unit, curves) in panels.items():
        curves = {label: points for label, points in curves.items() if len(points) > 1}
        if set(curves) - set(PUBLISHED.values()):
            drawn[dataset] = unit, curves
    return draw_figure(drawn, list(PUBLISHED.values()))


def varied_table(errors, configurations):
    """Return the errors with values of one setting, and with the default, as Markdown.

    The default's are those on the same trials.
    """
    keys = [(kind, name) for kind in configurations for name in STRATEGIES[kind]]
    columns = {}
    for place, found in sorted(errors.items()):
        variants = {key: found[key] for key in keys if key in found}
        if variants:
            trials = set.intersection(*map(set, variants.values()))
            default = found.get(DEFAULT, {})
            default = {trial: default[trial] for trial in trials & set(default)}
            columns[place] = [default, *(variants.get(key, {}) for key in keys)]
    if not columns:
        return "Nothing was run yet."
    shown = [list(map(_mean_and_spread, part)) for part in columns.values()]
    lowest = [min(value for value, _ in part if value is not None) for part in shown]
    names = [f"{DEFAULT[1]}, default", *(name for _, name in keys)]
    rows = [(name, *map(_shown, maes, lowest)) for name, *maes in zip(names, *shown, strict=True)]
    return markdown(("setting", *(f"`{name}`, {n} points" for name, n in columns)), rows)


def body_table():
    """Return what `structure_body.py` measured of two bodies, as Markdown."""
    found = json.loads(BODIES.read_text(encoding="utf-8"))
    bodies = list(found["sources"])
    rows = []
    for name, bodies_of in found["sets"].items():
        maes = [bodies_of[body]["mae"] for body in bodies]
        shown = [_shown((mae, None), min(maes)) for mae in maes]
        rows.append((f"`{name}`, {bodies_of['unit']}, 800 points in folds", *shown))
    for key, title in (("epochs", "epochs"), ("pretraining_seconds", "pretraining, s")):
        rows.append((title, *(f"{found['sources'][body][key]:,}" for body in bodies)))
    seconds = [
        sum(each[body]["embedding_seconds"] for each in found["sets"].values()) for body in bodies
    ]
    rows.append(("embedding of all, s", *(f"{each:.0f}" for each in seconds)))
    return markdown(("", *bodies), rows)


def speed_table():
    """Return the times of the networks' own packages and of sktl, as Markdown."""
    rows = []
    for package, name in SPEEDS.items():
        found = json.loads(RESULTS.with_name(name).read_text(encoding="utf-8"))
        for timed in found.get("models", [found]):
            model = timed["model"].rpartition(".")[2] if "models" in found else timed["model"]
            ratios = timed["package_over_sktl"]
            both = timed["cpu_seconds"]["both"]
            seconds = [f"{both[who]:.1f}" for who in (package, "sktl")]
            shown = [f"{ratios[part]:.2f}" for part in ("graphs", "network", "both")]
            rows.append((f"`{package}`: {model}", *seconds, *shown))
    return markdown(("1,000 crystals", "package, s", "sktl, s", "graphs", "network", "both"), rows)


def missing_table(errors):
    """Return how many of the owed results exist, by configuration, as Markdown."""
    owed = {}
    for run in list_runs("cpu"):
        owed[run.configuration] = owed.get(run.configuration, 0) + 1
    done = {
        kind: sum(
            len(maes) for found in errors.values() for key, maes in found.items() if key[0] == kind
        )
        for kind in owed
    }
    rows = [(kind, str(done[kind]), str(n)) for kind, n in owed.items()]
    return markdown(("configuration", "results", "results of `--budget cpu`"), rows)


def _mean_and_spread(maes):
    if not maes:
        return None, None
    return mean(maes.values()), stdev(maes.values()) if len(maes) > 1 else None


def _note(place, n_trials):
    """Return how many trials stand, where some are missing."""
    dataset, points = place
    runs = list_runs("cpu", [dataset])
    wanted = len({run.seed for run in runs if run.variant.endswith(f", {points} points")})
    return f" ({n_trials} of {wanted})" if 0 < n_trials < wanted else ""


def _shown(mae, lowest):
    value, spread = mae
    if value is None:
        return ""
    text = f"**{value:.3g}**" if value == lowest else f"{value:.3g}"
    return text if spread is None else f"{text} ± {spread:.2g}"


def page_parts(errors, published):
    """Return what stands between the page's markers."""
    return {
        "at 100 points": main_table(errors, published, (100,)),
        "at 200 points": main_table(errors, published, (200,), against_most=True),
        "at 800 points": main_table(errors, published, (800, 993)),
        **{name: varied_table(errors, kinds) for name, kinds in VARIED.items()},
        "bodies": body_table(),
        "speed": speed_table(),
        "missing": missing_table(errors),
    }


def main():
    """Write the page and the figure, or compare the page."""
    errors = read_errors()
    published, units = read_published()
    if write_page(PAGE, partial(page_parts, errors, published), __doc__, __file__):
        FIGURE.write_bytes(draw_curves(errors, published, units))


if __name__ == "__main__":
    main()
