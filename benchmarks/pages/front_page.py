"""Draw the figure of docs/index.md: ``python benchmarks/pages/front_page.py``.

It shows the learning curve of the demo (``results/demo.json``) and the errors on the published data
sets over those of tuned trees (``results/cross_property_summary.json``). The words below it come
from the same files. ``--check`` changes nothing and fails where these are not up to date.
"""

import json
from pathlib import Path

import matplotlib
import numpy as np
from _page import write_page
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from sktl.evaluation import PAGE_STYLE, as_file

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "index.md"
FIGURE = ROOT / "docs" / "benchmarks" / "figures" / "front_page.png"
CURVES = {
    "scratch": ("the same network from scratch", "#D55E00", "s", "--"),
    "random forest": ("random forest on Magpie attributes", "#009E73", "^", "-."),
    "transfer": ("TransferRegressor", "#0072B2", "o", "-"),
}
MODELS = {"transfer": ("TransferRegressor", "#0072B2"), "stack": ("TransferStackRegressor", "0.3")}
TREES = {"forest": "random forest", "boosting": "XGBoost"}
TICKS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2)
CAPTION = (
    "**Left:** error on {test} measured band gaps against the number of training rows, one split "
    "by composition. The pretrained source has seen none of these compositions. **Right:** {sets} "
    "published data sets in their published split, a dot each; the bar is the median. Left of 1 "
    "the model has the lower error."
)


def read(name):
    """Return the content of a result file."""
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


def ratios(sets, model, rival):
    """Return the test MAE of a model over that of another, for each data set that has both."""
    pairs = [facts["models"] for facts in sets.values()]
    return np.array([pair[model]["mae"] / pair[rival]["mae"] for pair in pairs])


def draw():
    """Return the figure."""
    with matplotlib.rc_context(PAGE_STYLE):
        figure = Figure(figsize=(8.6, 3.2), layout="constrained")
        figure.get_layout_engine().set(wspace=0.06)
        left, right = figure.subplots(1, 2, width_ratios=[1, 1.15])
        draw_curves(left, read("demo.json")["learning_curve"])
        draw_ratios(right, read("cross_property_summary.json")["sets"])
        return as_file(figure, "png")


def draw_curves(axis, points):
    """Draw the error of each model against the number of training rows."""
    for model, (label, color, marker, line) in CURVES.items():
        found = sorted((at["n_train"], at["test_mae"]) for at in points if at["model"] == model)
        style = {"color": color, "marker": marker, "linestyle": line, "markersize": 5}
        axis.plot(*zip(*found, strict=True), label=label, **style)
    sizes = sorted({at["n_train"] for at in points})
    axis.set_xscale("log")
    axis.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_ylim(bottom=0)
    axis.set(xlabel="training rows", ylabel="test MAE (eV)")
    axis.set_title("measured band gaps", loc="left")
    axis.grid(axis="y")
    axis.legend(loc="lower left", fontsize=8, reverse=True)


def draw_ratios(axis, sets):
    """Draw the errors on the published data sets over those of tuned trees, a line for each."""
    names = []
    for model, (label, color) in MODELS.items():
        for rival, title in TREES.items():
            place, found = -len(names), np.sort(ratios(sets, model, rival))
            heights = place + 0.24 * np.resize([0, 1, -1, 0.5, -0.5], len(found))
            axis.scatter(found, heights, s=16, color=color, alpha=0.55, linewidths=0)
            axis.vlines(np.median(found), place - 0.36, place + 0.36, color=color, linewidth=2.5)
            names.append(f"{label}\nagainst {title}")
    axis.axvline(1, color="0.55", linewidth=1, zorder=1)
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(FixedLocator(TICKS))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_yticks([-place for place in range(len(names))], names)
    axis.tick_params(axis="y", length=0)
    axis.set_xlabel("test MAE / test MAE of the tuned trees")
    axis.set_title(f"{len(sets)} published data sets", loc="left")
    axis.grid(axis="x")


def page_parts():
    """Return the words below the figure."""
    sets = read("cross_property_summary.json")["sets"]
    caption = CAPTION.format(test=f"{read('demo.json')['data']['n_test']:,}", sets=len(sets))
    return {"words of the figure": caption}


def main():
    """Write the figure and the words below it, or compare the words."""
    if write_page(PAGE, page_parts, __doc__, __file__):
        FIGURE.write_bytes(draw())


if __name__ == "__main__":
    main()
