"""What the numbers mean, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from sktl.evaluation._names import BOOSTING, FOREST, MEDIAN, SCRATCH, SYSTEM, TRANSFER

Findings: TypeAlias = dict[str, Any]
"""What `summarize` found, or a part of it."""

_SHOWN_COVERAGE = 0.9
VERDICTS = {"better": "helped", "worse": "hurt", "open": "open"}


def write_sentences(findings: Findings, suffix: str) -> Findings:
    """Return ``verdict``, ``headline`` and ``sentences`` of findings.

    Parameters
    ----------
    findings : dict
        What `summarize` has found so far.
    suffix : str
        A space and the unit, or empty.

    Returns
    -------
    dict
    """
    models = {row["model"]: row for row in findings["models"]}
    best = min(
        (model for model in (FOREST, BOOSTING) if model in models),
        key=lambda model: models[model]["mae"],
        default=None,
    )
    verdict = "not compared"
    if SCRATCH in models:
        verdict = VERDICTS[models[SCRATCH]["difference"]["verdict"]]
    sentences = [
        _error(findings, models[TRANSFER], models[MEDIAN], suffix),
        _help(verdict, models.get(SCRATCH), suffix),
        _baseline(models[best], suffix) if best else None,
        say_disagreement(
            [
                (row["title"], row["mae"], row["r2"])
                for row in models.values()
                if row["model"] != MEDIAN
            ]
        ),
        _intervals(findings),
        _more_data(findings, suffix),
    ]
    return {
        "verdict": verdict,
        "headline": _headline(verdict, models[MEDIAN], models.get(best)),
        "sentences": [each for each in sentences if each],
    }


def say_disagreement(models: Sequence[tuple[str, float, float]]) -> str | None:
    """Say what it means where one model has the smallest MAE and another the highest R2.

    Parameters
    ----------
    models : sequence of (str, float, float)
        Title, mean absolute error and coefficient of determination of each.

    Returns
    -------
    str or None
        None where they agree, or differ by less than what is shown.
    """
    by_mae = min(models, key=lambda model: model[1])
    by_r2 = max(models, key=lambda model: model[2])
    differ = f"{by_mae[1]:.3g}" != f"{by_r2[1]:.3g}" and f"{by_mae[2]:.2f}" != f"{by_r2[2]:.2f}"
    if not differ:
        return None
    return (
        f"MAE and R2 disagree: {by_mae[0]} has the smallest MAE, {by_r2[0]} the highest R2. R2 "
        "squares the errors, so that the few largest decide, while in MAE all count alike: "
        f"{by_mae[0]} is closer for a typical compound and has a few larger errors."
    )


def percent(share: float) -> str:
    """Return a share in percent, as text."""
    return f"{100 * share:.0f} %"


def _headline(verdict: str, median: Findings, best: Findings | None) -> str:
    if median["difference"]["verdict"] == "worse":
        return "Worse than predicting the median of the training rows."
    if median["difference"]["verdict"] == "open":
        return "Not shown to be better than predicting the median of the training rows."
    if verdict == "hurt":
        return "Negative transfer: pretraining made it worse."
    first = {
        "helped": "Pretraining helped",
        "open": "Whether pretraining helped cannot be told",
        "not compared": "Not compared with training from scratch",
    }[verdict]
    if best is None:
        return f"{first}."
    compared = best["difference"]["verdict"]
    joint = "and" if (compared == "better") == (verdict == "helped") else "but"
    second = {
        "better": f"fine-tuning does better than {_name(best)}",
        "worse": f"{_name(best)} does better than fine-tuning",
        "open": f"fine-tuning and {_name(best)} cannot be told apart",
    }[compared]
    return f"{first}, {joint} {second}."


def _error(findings: Findings, own: Findings, median: Findings, suffix: str) -> str:
    held_out = "compositions"
    if findings["settings"]["group"] == SYSTEM:
        held_out = "chemical systems"
    text = (
        f"The network {own['title']} has a mean absolute error of {own['mae']:.3g} ± "
        f"{own['mae_sd']:#.2g}{suffix} on held-out {held_out} (± is the standard deviation over "
        f"{len(own['fold_maes'])} test parts). The median of the training rows, predicted for all, "
        f"has {median['mae']:.3g}{suffix}."
    )
    if median["difference"]["verdict"] != "better":
        text += " The difference may be due to chance."
    return text


def _help(verdict: str, scratch: Findings | None, suffix: str) -> str:
    if scratch is None:
        return "The effect of pretraining is not known: no network was trained from scratch."
    numbers, amount = _numbers(scratch, suffix), _amount(scratch, suffix)
    name = f"the {scratch['title']}"
    if verdict == "helped":
        return f"Pretraining helped: the error of {name} is larger by {amount} {numbers}."
    if verdict == "hurt":
        return (
            "Pretraining made the predictions worse (negative transfer): the error of "
            f"{name} is smaller by {amount} {numbers}. Do not use this source for this property."
        )
    return (
        f"These data cannot tell whether pretraining helped: the difference to {name} may be due "
        f"to chance {numbers}."
    )


def _baseline(model: Findings, suffix: str) -> str:
    numbers, amount, name = _numbers(model, suffix), _amount(model, suffix), _name(model)
    compared = model["difference"]["verdict"]
    if compared == "better":
        return f"The error of the best tree model, {name}, is larger by {amount} {numbers}."
    if compared == "worse":
        return (
            f"{name[0].upper()}{name[1:]} is the better choice here: its error is smaller than "
            f"that of the fine-tuned network by {amount} {numbers}."
        )
    return (
        f"The difference between the best tree model, {name} ({model['mae']:.3g}{suffix}), and the "
        f"fine-tuned network may be due to chance {numbers}."
    )


def _intervals(findings: Findings) -> str:
    found = [row for row in findings["coverage"] if row["nominal"] == _SHOWN_COVERAGE]
    if not found:
        return "With so few rows the network gives no 90 % intervals: its uncertainty is not known."
    return f"Its 90 % intervals contain {percent(found[0]['observed'])} of the measured values."


def _more_data(findings: Findings, suffix: str) -> str | None:
    points = {row["share"]: row for row in findings["learning_curve"] if row["model"] == TRANSFER}
    if 0.5 not in points:
        return None
    half, full = points[0.5], points[1.0]
    change = 1 - full["mae"] / half["mae"]
    text = (
        f"Its error goes from {half['mae']:.3g} to {full['mae']:.3g}{suffix} as training rows "
        f"increase from {half['n_train']:.0f} to {full['n_train']:.0f}"
    )
    if change > 0.05:
        return f"{text}: more measurements are likely to help."
    return f"{text}: more measurements of the same kind are not likely to help much."


def _numbers(model: Findings, suffix: str) -> str:
    """Return the interval of the error of transfer less that of a model, and p."""
    difference = model["difference"]
    p = "p < 0.001" if difference["p"] < 0.001 else f"p = {difference['p']:.2g}"
    ends = f"{difference['low']:+#.2g} to {difference['high']:+#.2g}{suffix}"
    return f"(95 % interval of the difference {ends}, {p})"


def _amount(model: Findings, suffix: str) -> str:
    """Return by how much the errors differ, in units and as a share of the model's own."""
    size = abs(model["difference"]["mean"])
    return (
        f"{size:.2g}{suffix} ({percent(size / model['mae'])})"
        if model["mae"]
        else f"{size:.2g}{suffix}"
    )


def _name(model: Findings) -> str:
    """Return a tree model as it is called within a sentence."""
    name = model["title"].removesuffix(" on Magpie")
    return name if model["model"] == BOOSTING else f"the {name}"
