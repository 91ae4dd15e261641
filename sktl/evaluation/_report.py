"""The report: one HTML file with everything in it, for the screen and for paper."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import matplotlib
import numpy as np

from sktl._store import atomic_write
from sktl.evaluation._elements import FEW, place_of
from sktl.evaluation._figures import (
    FigureKind,
    as_file,
    draw_calibration,
    draw_learning_curve,
    draw_parity,
    draw_residuals,
)
from sktl.evaluation._names import BOOSTING, FOREST, MEDIAN, MODELS, SCRATCH, TRANSFER
from sktl.evaluation._sentences import Findings
from sktl.evaluation._summary import summarize
from sktl.sources import find_architecture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sktl._types import PathLike
    from sktl.evaluation._evaluation import Evaluation

_COLOURS = matplotlib.colormaps["YlOrBr"]
_LIGHT, _DARK = 0.02, 0.85  # the part of the colours on which text can be read
_LUMINANCE_FOR_WHITE = 0.18  # below it white text has more contrast than black
_LONGEST = 40
_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("sktl.evaluation"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_CITATIONS = (
    ("Transfer across properties", "Gupta et al. 2021", "10.1038/s41467-021-26921-5"),
    ("Strategies of fine-tuning", "Devi et al. 2024", "10.1038/s41524-024-01486-1"),
    ("Magpie attributes", "Ward et al. 2016", "10.1038/npjcompumats.2016.28"),
    ("matminer", "Ward et al. 2018", "10.1016/j.commatsci.2018.05.018"),
    ("Intervals", "Lei et al. 2018", "10.1080/01621459.2017.1307116"),
    ("Nested cross-validation", "Varma and Simon 2006", "10.1186/1471-2105-7-91"),
    ("Test of differences", "Nadeau and Bengio 2003", "10.1023/A:1024068626366"),
    ("Its use for repeated folds", "Bouckaert and Frank 2004", "10.1007/978-3-540-24775-3_3"),
)
_TREE_CITATIONS = {
    FOREST: ("Random forest", "Breiman 2001", "10.1023/A:1010933404324"),
    BOOSTING: ("XGBoost", "Chen and Guestrin 2016", "10.1145/2939672.2939785"),
}


def write_report(
    path: PathLike,
    evaluation: Evaluation,
    *,
    target: str = "target",
    unit: str | None = None,
    labels: Sequence[str | int] | None = None,
    label_title: str = "row",
    data: Mapping[str, str] | None = None,
    figures: FigureKind | None = None,
) -> Findings:
    """Write an evaluation as one self-contained HTML file.

    The page has no script and asks nothing of the network. Numbers are those of `summarize`.

    Parameters
    ----------
    path : path-like
        File to write, atomically.
    evaluation : Evaluation
        What `evaluate` returned.
    target, unit, labels
        As in `summarize`.
    label_title : str, default="row"
        What the labels are, such as "line".
    data : dict or None, default=None
        What else is known of the data: name to text, such as the file and its sha256.
    figures : {"png", "svg", "pdf"} or None, default=None
        Write each figure of the page to a file beside it too, such as ``report_parity.pdf``.

    Returns
    -------
    dict
        What `summarize` returns.
    """
    findings = summarize(evaluation, target=target, unit=unit, labels=labels)
    suffix = f" ({unit})" if unit else ""
    drawn = _draw(evaluation, findings, suffix)
    page = _TEMPLATES.get_template("report.html").render(
        found=findings,
        transfer=TRANSFER,
        median=MEDIAN,
        scratch=SCRATCH,
        few=FEW,
        suffix=suffix,
        space_unit=f" {unit}" if unit else "",
        data=data or {},
        label_title=label_title,
        figures={"curve": None, "calibration": None} | {k: _uri(v) for k, v in drawn.items()},
        elements=_elements(findings["elements"]),
        scale=_scale(findings["elements"]),
        databases=_databases(findings["source"]),
        citations=_citations(evaluation),
    )
    path = Path(path)
    for name, figure in drawn.items() if figures else ():
        place = path.with_name(f"{path.stem}_{name}.{figures}")
        atomic_write(place, as_file(figure, figures or "png"))
    atomic_write(path, page.encode("utf-8"))
    return findings


def _uri(figure: Figure) -> str:
    """Return a figure as a page holds it."""
    return "data:image/svg+xml;base64," + base64.b64encode(as_file(figure, "svg")).decode("ascii")


def _draw(evaluation: Evaluation, findings: Findings, suffix: str) -> dict[str, Figure]:
    """Return each figure by its name, those left out for which there are too few rows."""
    target = findings["target"]
    target = target if len(target) <= _LONGEST else f"{target[: _LONGEST - 1]}…"
    rows = {row["model"]: row for row in findings["models"]}
    models = [model for model in MODELS if model in rows]
    first = {model: evaluation.predictions[model][0] for model in models}
    titles = {
        model: f"{rows[model]['title']}\nMAE {rows[model]['mae']:.3g}, R² {rows[model]['r2']:.2f}"
        for model in models
    }
    drawn = {
        "parity": draw_parity(first, titles, evaluation.y, f"{target}{suffix}"),
        "residuals": draw_residuals(first[TRANSFER], evaluation.y, suffix),
    }
    if len({point.share for point in evaluation.curve}) > 1:
        names = {model: rows[model]["title"] for model in models}
        drawn["curve"] = draw_learning_curve(
            _curves(findings, models), names, ("training rows", f"mean absolute error{suffix}"), ""
        )
    if findings["coverage"]:
        nominal, observed = (
            [row[key] for row in findings["coverage"]] for key in ("nominal", "observed")
        )
        drawn["calibration"] = draw_calibration(nominal, observed, len(evaluation.y))
    return drawn


def _curves(findings: Findings, models: list[str]) -> dict[str, list[tuple[float, ...]]]:
    shown = [model for model in (FOREST, TRANSFER, SCRATCH) if model in models]
    return {
        model: [
            (row["n_train"], row["mae"], row["mae_sd"])
            for row in findings["learning_curve"]
            if row["model"] == model
        ]
        for model in shown
    }


def _elements(elements: list[Findings]) -> list[Findings]:
    """Return what the periodic table shows of each element: place, texts and colours."""
    low, high = _range(elements)
    shown = []
    for each in elements:
        row, column = place_of(each["symbol"])
        share = 0.5 if high == low else np.clip((each["mae"] - low) / (high - low), 0, 1)
        rgba = _COLOURS(_LIGHT + (_DARK - _LIGHT) * share)
        luminance = np.array(rgba[:3]) ** 2.2 @ (0.2126, 0.7152, 0.0722)
        place = {"row": row, "column": column, "colour": matplotlib.colors.to_hex(rgba)}
        shown.append({**each, **place, "dark": bool(luminance < _LUMINANCE_FOR_WHITE)})
    return shown


def _scale(elements: list[Findings]) -> dict[str, Any]:
    """Return the ends of the colour scale and the colours between."""
    low, high = _range(elements)
    stops = [_COLOURS(_LIGHT + (_DARK - _LIGHT) * share) for share in np.linspace(0, 1, 6)]
    return {"low": low, "high": high, "colours": [matplotlib.colors.to_hex(c) for c in stops]}


def _range(elements: list[Findings]) -> tuple[float, float]:
    """Return the range of errors of elements of which enough is known, of all if there are none."""
    errors = [each["mae"] for each in elements if each["n"] >= FEW]
    errors = errors or [each["mae"] for each in elements]
    return min(errors), max(errors)


def _databases(source: Findings) -> dict[str, dict[str, list[Any]]]:
    """Return (database, tables, rows, DOIs, licences) of a source's training data."""
    merged: dict[str, dict[str, list[Any]]] = {}
    for table in source["tables"]:
        entry = merged.setdefault(table["database"], {"tables": [], "doi": [], "licence": []})
        entry["tables"].append(table)
        entry["doi"] += [doi for doi in table["doi"] if doi not in entry["doi"]]
        if table["licence"] not in entry["licence"]:
            entry["licence"].append(table["licence"])
    return merged


def _citations(evaluation: Evaluation) -> list[tuple[str, str | None, str]]:
    """Return (what, who, DOI) of all that the findings rest on."""
    network = find_architecture(evaluation.source.card.network["name"])
    trees = [entry for model, entry in _TREE_CITATIONS.items() if model in evaluation.predictions]
    known: list[tuple[str, str | None, str]] = [*_CITATIONS, *trees]
    known += [("Network", *each) for each in network.references]
    tables = evaluation.source.card.training.get("tables", [])
    for table in (each for each in tables if isinstance(each, dict)):
        dois = table.get("doi", [])
        for doi in [dois] if isinstance(dois, str) else dois:
            entry = ("Training data of the source", table.get("database"), doi)
            if entry not in known and re.fullmatch(r"10\.\S+", doi):
                known.append(entry)
    return known
