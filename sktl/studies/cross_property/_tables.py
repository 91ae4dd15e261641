"""The tables on the page of the cross-property study, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sktl.studies._pages import markdown
from sktl.studies.cross_property._configurations import CONFIGURATIONS, FREEZE_DEPTH, LEARNING_CURVE
from sktl.studies.cross_property._summary import (
    MEANS,
    MODELS,
    OURS,
    PAPER,
    TREES,
    Facts,
    reference_mae,
)

NAMES = {
    "paper_best": "paper, best",
    "paper_scratch": "paper, scratch",
    "paper_transfer": "paper, transfer",
    "forest": "random forest",
    "boosting": "XGBoost",
    "transfer": "`TransferRegressor`",
    "stack": "`TransferStackRegressor`",
    "transfer_means": "`TransferRegressor`, squared error",
    "stack_means": "`TransferStackRegressor`, squared error",
}
MOST_NAMES = 8
_NO_DATA = "Nothing was run yet."


def make_tables(summary: Facts) -> dict[str, str]:
    """Return the tables of a summary.

    Parameters
    ----------
    summary : dict
        What `summarize` returned.

    Returns
    -------
    dict of str to str
        Name of each table to its Markdown, or to a sentence where there is nothing to show.
    """
    sets = summary["sets"]
    return {
        "main table": _main_table(sets),
        "comparisons": _comparison_table(summary["comparisons"]),
        "r2": _r2_table(sets),
        "r2 comparisons": _r2_comparison_table(summary.get("r2_comparisons", [])),
        "negative transfer": _negative_table(sets),
        "differences": _difference_table(sets),
        "coverage": _coverage_table(sets),
        "cost": _cost_table(sets),
        "configurations": _configuration_table(sets),
        "budgets": _budgets(summary["budgets"]),
        "missing": _missing_table(summary["missing"]),
    }


def _number(value: float | None) -> str:
    """Return three digits, or four of a number whose first is 1; nothing for None."""
    if value is None:
        return ""
    digits = 4 if f"{abs(value):e}".startswith("1") else 3
    text = f"{value:#.{digits}g}"
    return f"{float(text):.0f}" if "e+" in text else text.removesuffix(".")


def _errors(facts: Facts, columns: Sequence[str], *more: float | None) -> list[str]:
    """Return errors as text, the paper's as it gives them, and the lowest in bold."""
    values = [*(reference_mae(facts, column) for column in columns), *more]
    texts = [_number(value) for value in values]
    for place, column in enumerate(columns):
        if column in PAPER:
            texts[place] = str(values[place])
    return _bold(texts, values)


def _bold(texts: list[str], values: Sequence[float | None]) -> list[str]:
    """Return the texts, that of the lowest value in bold."""
    lowest = min((value for value in values if value is not None), default=None)
    return [
        f"**{text}**" if value is not None and value == lowest else text
        for text, value in zip(texts, values, strict=True)
    ]


def _main_table(sets: dict[str, Facts]) -> str:
    """Return the errors of the paper, of tuned trees and of ours, a row for each data set."""
    columns = ("paper_scratch", "paper_transfer", *_present(sets, MODELS))
    rows = []
    for name, facts in sets.items():
        size = f"{facts['n_train']:,}"
        rows.append((f"`{name}`", facts["unit"], size, *_errors(facts, columns)))
    titles = ("data set", "unit", "training rows", *(NAMES[column] for column in columns))
    return markdown(titles, rows)


def _comparison_table(comparisons: list[Facts]) -> str:
    """Return wins, median difference and test over the data sets."""
    rows = [
        (
            *_counts(found),
            _percent(found["median_relative_difference"]),
            "" if found["p"] is None else f"{found['p']:.2g}",
        )
        for found in comparisons
    ]
    titles = ("model", "compared with", "data sets", "lower error on", "median difference", "p")
    return markdown(titles, rows) if rows else _NO_DATA


def _counts(found: Facts) -> tuple[str, ...]:
    """Return what all comparisons say: the two models, the data sets, and those that are won."""
    return NAMES[found["model"]], NAMES[found["to"]], f"{found['n_sets']}", f"{found['wins']}"


def _r2_table(sets: dict[str, Facts]) -> str:
    """Return R2 of tuned trees and of ours, a row for each data set."""
    models = _present(sets, MODELS | MEANS)
    if not models:
        return _NO_DATA
    rows = []
    for name, facts in sets.items():
        found = [_fact(facts, model, "r2") for model in models]
        texts = ["" if each is None else f"{each:.3f}" for each in found]
        falling = [None if each is None else -each for each in found]  # the highest is bold
        rows.append((f"`{name}`", *_bold(texts, falling)))
    return markdown(("data set", *(NAMES[model] for model in models)), rows)


def _r2_comparison_table(comparisons: list[Facts]) -> str:
    """Return on how many data sets ours has the higher R2."""
    rows = [(*_counts(found), f"{found['median_difference']:+.3f}") for found in comparisons]
    titles = ("model", "compared with", "data sets", "higher R2 on", "median difference")
    return markdown(titles, rows) if rows else _NO_DATA


def _negative_table(sets: dict[str, Facts]) -> str:
    """Return the errors where the paper's transfer lost to its models from scratch."""
    columns = ("paper_scratch", "paper_transfer", *_present(sets, MODELS))
    ours = _present(sets, OURS)
    rows = []
    for name, facts in sets.items():
        if facts["transfer_lost"]:
            relative = [
                "" if mae is None else _percent(mae / facts["paper"]["scratch"] - 1)
                for mae in (reference_mae(facts, model) for model in ours)
            ]
            network = facts["configurations"].get("SC:DL(EF)", {}).get("mae")
            texts = _errors(facts, columns, network)
            rows.append((f"{facts['paper_name']} (`{name}`)", *texts, *relative))
    titles = ("data set", *(NAMES[column] for column in columns), "networks from scratch")
    against = [f"{NAMES[model]} against the paper's scratch" for model in ours]
    return markdown((*titles, *against), rows)


def _difference_table(sets: dict[str, Facts]) -> str:
    """Return differences to the tuned trees with their bootstrap intervals."""
    pairs = [
        (ours, tree)
        for ours in OURS
        for tree in TREES
        if any(tree in facts["differences"].get(ours, {}) for facts in sets.values())
    ]
    if not pairs:
        return _NO_DATA
    rows = []
    for name, facts in sets.items():
        found = [facts["differences"].get(ours, {}).get(tree) for ours, tree in pairs]
        if any(found):
            texts = [_interval(each) for each in found]
            rows.append((f"`{name}`", facts["unit"], f"{facts['n_test']:,}", *texts))
    titles = [f"{NAMES[ours]} less {NAMES[tree]}" for ours, tree in pairs]
    return markdown(("data set", "unit", "test rows", *titles), rows)


def _coverage_table(sets: dict[str, Facts]) -> str:
    """Return how many test values the intervals hold, and how wide they are."""
    models = [
        model
        for model in OURS
        if any(_fact(facts, model, "coverage") is not None for facts in sets.values())
    ]
    if not models:
        return _NO_DATA
    rows = []
    for name, facts in sets.items():
        texts = []
        for model in models:
            coverage = _fact(facts, model, "coverage")
            texts += [_percent(coverage, sign=""), _number(_fact(facts, model, "width"))]
        if any(texts):
            rows.append((f"`{name}`", facts["unit"], f"{facts['n_test']:,}", *texts))
    titles = []
    for model in models:
        titles += [f"{NAMES[model]}, held", "mean width"]
    return markdown(("data set", "unit", "test rows", *titles), rows)


def _cost_table(sets: dict[str, Facts]) -> str:
    """Return the seconds that each fit took."""
    models = _present(sets, MODELS)
    if not models:
        return _NO_DATA
    rows = []
    for name, facts in sets.items():
        seconds = [_fact(facts, model, "seconds") for model in models]
        if any(each is not None for each in seconds):
            texts = ["" if each is None else f"{each:,.0f}" for each in seconds]
            rows.append((f"`{name}`", f"{facts['n_train']:,}", *texts))
    return markdown(
        ("data set", "training rows", *(f"{NAMES[model]} (s)" for model in models)), rows
    )


def _configuration_table(sets: dict[str, Facts]) -> str:
    """Return the errors of the paper's configurations, repeated, variants chosen by validation."""
    columns = [
        name
        for name in CONFIGURATIONS
        if not name.startswith("sktl:")
        and name not in (LEARNING_CURVE, FREEZE_DEPTH)
        and _choice_names(sets, name)
    ]
    rows = []
    for name, facts in sets.items():
        found = [facts["configurations"].get(column, {}).get("mae") for column in columns]
        if any(mae is not None for mae in found):
            texts = _bold([_number(mae) for mae in found], found)
            rows.append((f"`{name}`", facts["unit"], *texts))
    return markdown(("data set", "unit", *columns), rows) if rows else _NO_DATA


def _budgets(budgets: list[Facts]) -> str:
    """Return the budgets of the searches that were run, as sentences."""
    return (
        " ".join(
            f"Each search ended after {each['n_trials']} trials or {each['seconds']:.0f} s, a "
            f"trial after {each['trial_seconds']:.0f} s."
            for each in budgets
        )
        or _NO_DATA
    )


def _missing_table(missing: dict[str, dict[str, str | list[str]]]) -> str:
    """Return what was not run, variants with the same data sets together."""
    rows = []
    for configuration in [name for name in CONFIGURATIONS if name in missing]:
        alike: dict[str, list[str]] = {}
        for variant, names in missing[configuration].items():
            few = ", ".join(names) if len(names) <= MOST_NAMES else f"{len(names)} data sets"
            alike.setdefault("all" if names == "all" else few, []).append(variant)
        rows += [(configuration, "; ".join(same), names) for names, same in alike.items()]
    if not rows:
        return "Nothing is missing."
    return markdown(("configuration", "variants", "data sets"), rows, numbers=False)


def _present(sets: dict[str, Facts], models: Iterable[str]) -> list[str]:
    """Return the models that have a result on any data set."""
    return [model for model in models if any(model in facts["models"] for facts in sets.values())]


def _choice_names(sets: dict[str, Facts], configuration: str) -> list[str]:
    """Return the data sets that have a result of a configuration."""
    return [name for name, facts in sets.items() if configuration in facts["configurations"]]


def _fact(facts: Facts, model: str, key: str) -> Any:
    return facts["models"].get(model, {}).get(key)


def _percent(share: float | None, sign: str = "+") -> str:
    return "" if share is None else f"{100 * share:{sign}.1f} %"


def _interval(found: list[float] | None) -> str:
    """Return a difference with its interval, in bold where the interval leaves out zero."""
    if found is None:
        return ""
    middle, low, high = (_number(value) for value in found)
    text = f"{middle} [{low}, {high}]"
    return f"**{text}**" if found[1] > 0 or found[2] < 0 else text
