"""The findings of an evaluation of classifiers: numbers as one dict, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from sktl._version import versions
from sktl.evaluation._classes import CLASS_MODELS, SHARES, ClassScores
from sktl.evaluation._comparison import corrected_test
from sktl.evaluation._conditions import errors_by_condition
from sktl.evaluation._models import model_titles
from sktl.evaluation._names import FOREST, SCRATCH, SYSTEM, TRANSFER
from sktl.evaluation._sentences import VERDICTS, Findings, percent
from sktl.evaluation._summary import PACKAGES, describe_source

if TYPE_CHECKING:
    from sktl.evaluation._classes import ClassEvaluation

N_WORST = 10
_FEW = 200


def summarize_classes(
    evaluation: ClassEvaluation,
    *,
    target: str = "target",
    labels: Sequence[str | int] | None = None,
) -> Findings:
    """Return all findings of an evaluation of classifiers, ready for JSON.

    Parameters
    ----------
    evaluation : ClassEvaluation
        What `evaluate_classes` returned.
    target : str, default="target"
        Name of what the classes are of.
    labels : sequence of str or int, length n, optional
        What names each row, such as its line in a file; by default its number from 0.

    Returns
    -------
    dict
        Of each model accuracy, log loss and area under the ROC curve, the mean over folds and
        their standard deviation; ``difference`` is the area of the fine-tuned network less that of
        the model. ``conditions`` has for each part of each column the share of ``wrong`` rows,
        of which transfer said another class. ``verdict`` is "helped", "hurt", "open" or "not
        compared", by the 95 % interval of the difference to the same network from scratch. Times
        are in seconds.
    """
    titles = model_titles(evaluation.source, evaluation.source_name)
    titles |= {SHARES: "shares of the classes in the training rows"}
    models = [model for model in (*CLASS_MODELS, SHARES) if model in evaluation.probabilities]
    counts = np.bincount(evaluation.y, minlength=len(evaluation.classes))
    findings: Findings = {
        "target": target,
        "task": "classification",
        "rows": len(evaluation.y),
        "compositions": len(set(evaluation.compositions.keys())),
        "classes": dict(zip(evaluation.classes, counts.tolist(), strict=True)),
        "settings": dict(evaluation.settings),
        "models": [_model(evaluation, model, titles) for model in models],
        "conditions": errors_by_condition(evaluation.conditions, evaluation.wrong(), "wrong"),
        "worst": _worst(evaluation, labels),
        "source": describe_source(evaluation),
        "versions": versions(*PACKAGES),
        "date": datetime.now(UTC).date().isoformat(),
    }
    findings["cautions"] = _cautions(findings)
    return _write(findings) | findings


def _model(evaluation: ClassEvaluation, model: str, titles: Mapping[str, str]) -> Findings:
    scores = evaluation.fold_scores(model)
    row: Findings = {"model": model, "title": titles[model]}
    for name, values in zip(ClassScores._fields, np.array(scores).T, strict=True):
        row |= {name: float(values.mean()), f"{name}_sd": float(values.std(ddof=1))}
    return row | {
        "fit_seconds": evaluation.seconds.get(model),
        "fold_roc_auc": [each.roc_auc for each in scores],
        "confusion": evaluation.confusion(model).tolist(),
        "difference": None if model == TRANSFER else _difference(evaluation, model),
    }


def _difference(evaluation: ClassEvaluation, other: str) -> Findings:
    """Return the area under the ROC curve of transfer less that of another model."""
    own, others = (
        np.array([each.roc_auc for each in evaluation.fold_scores(model)])
        for model in (TRANSFER, other)
    )
    ratio = np.mean([len(fold.test) / len(fold.train) for fold in evaluation.folds])
    found = corrected_test(own - others, float(ratio))
    verdict = {"better": "worse", "worse": "better"}.get(found.verdict, "open")  # more is better
    return {**found._asdict(), "verdict": verdict}


def _worst(evaluation: ClassEvaluation, labels: Sequence[str | int] | None) -> list[Findings]:
    """Return the rows to whose class the transfer model gave the least, mean over repeats."""
    chances = evaluation.probabilities[TRANSFER].mean(axis=0)
    own = chances[np.arange(len(evaluation.y)), evaluation.y]
    return [
        {
            "row": str(row if labels is None else labels[row]),
            "formula": evaluation.formulas[row],
            "measured": evaluation.classes[evaluation.y[row]],
            "predicted": evaluation.classes[int(chances[row].argmax())],
            "probability": float(own[row]),
        }
        for row in np.argsort(own, kind="stable")[:N_WORST].tolist()
    ]


def _cautions(findings: Findings) -> list[str]:
    """Return sentences on what limits the findings."""
    texts = []
    if findings["rows"] < _FEW:
        texts.append(
            f"{findings['rows']} rows are few. Scores and differences may change on other "
            "compounds of the same kind, and only large differences are significant."
        )
    name, fewest = min(findings["classes"].items(), key=lambda item: item[1])
    if fewest < 0.1 * findings["rows"]:
        texts.append(
            f"Only {percent(fewest / findings['rows'])} of the rows are {name!r}. A high accuracy "
            "says little then: look at the ROC AUC and at the confusion table."
        )
    return texts


def _write(findings: Findings) -> Findings:
    """Return ``verdict``, ``headline`` and ``sentences`` of findings."""
    models = {row["model"]: row for row in findings["models"]}
    own, shares = models[TRANSFER], models[SHARES]
    verdict = "not compared"
    if SCRATCH in models:
        verdict = VERDICTS[models[SCRATCH]["difference"]["verdict"]]
    held_out = "chemical systems" if findings["settings"]["group"] == SYSTEM else "compositions"
    sentences = [
        f"The network {own['title']} gives the right class to {percent(own['accuracy'])} of the "
        f"rows of held-out {held_out} (± {percent(own['accuracy_sd'])}, the standard deviation "
        f"over {len(own['fold_roc_auc'])} test parts). To say the most frequent class of all would "
        f"be right for {percent(shares['accuracy'])}.",
        f"Its area under the ROC curve is {own['roc_auc']:.3f}, its log loss "
        f"{own['log_loss']:.3f}; the shares of the classes alone have 0.5 and "
        f"{shares['log_loss']:.3f}.",
        *(_compared(models[model]) for model in (SCRATCH, FOREST) if model in models),
    ]
    return {
        "verdict": verdict,
        "headline": _headline(verdict, shares, models.get(FOREST)),
        "sentences": sentences,
    }


def _headline(verdict: str, shares: Findings, forest: Findings | None) -> str:
    if shares["difference"]["verdict"] != "better":
        return "Not shown to be better than the shares of the classes."
    if verdict == "hurt":
        return "Negative transfer: pretraining made it worse."
    first = {
        "helped": "Pretraining helped",
        "open": "Whether pretraining helped cannot be told",
        "not compared": "Not compared with training from scratch",
    }[verdict]
    if forest is None:
        return f"{first}."
    compared = forest["difference"]["verdict"]
    joint = "and" if (compared == "better") == (verdict == "helped") else "but"
    second = {
        "better": "fine-tuning does better than the random forest",
        "worse": "the random forest does better than fine-tuning",
        "open": "fine-tuning and the random forest cannot be told apart",
    }[compared]
    return f"{first}, {joint} {second}."


def _compared(model: dict[str, Any]) -> str:
    """Return how transfer stands to another model."""
    difference = model["difference"]
    p = "p < 0.001" if difference["p"] < 0.001 else f"p = {difference['p']:.2g}"
    numbers = (
        f"{model['roc_auc']:.3f} (95 % interval of the difference {difference['low']:+.3f} to "
        f"{difference['high']:+.3f}, {p})"
    )
    end = {
        "better": "the fine-tuned network does better",
        "worse": f"the {model['title']} is the better choice here",
        "open": "the difference may be due to chance",
    }[difference["verdict"]]
    return f"The area of the {model['title']} is {numbers}: {end}."
