"""One self-contained HTML file: no script, nothing that is fetched."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import jinja2

from sktl._echo import printable
from sktl._store import atomic_write
from sktl.evaluation._figures import as_file
from sktl.evaluation._names import BOOSTING, FOREST, TRANSFER, FigureKind
from sktl.evaluation._sentences import Findings
from sktl.sources import find_architecture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sktl._types import PathLike
    from sktl.sources import Source

Citation: TypeAlias = tuple[str, str | None, str]
"""What, who, and the DOI."""

_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("sktl.evaluation"),
    autoescape=True,
    finalize=lambda value: printable(value) if type(value) is str else value,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
CITATIONS: tuple[Citation, ...] = (
    ("Transfer across properties", "Gupta et al. 2021", "10.1038/s41467-021-26921-5"),
    ("Strategies of fine-tuning", "Devi et al. 2024", "10.1038/s41524-024-01486-1"),
    ("Magpie attributes", "Ward et al. 2016", "10.1038/npjcompumats.2016.28"),
    ("matminer", "Ward et al. 2018", "10.1016/j.commatsci.2018.05.018"),
    ("Test of differences", "Nadeau and Bengio 2003", "10.1023/A:1024068626366"),
    ("Its use for repeated folds", "Bouckaert and Frank 2004", "10.1007/978-3-540-24775-3_3"),
)
_NOT_ALWAYS = ("calibration", "conditions", "curve")  # figures
TREES: dict[str, Citation] = {
    FOREST: ("Random forest", "Breiman 2001", "10.1023/A:1010933404324"),
    BOOSTING: ("XGBoost", "Chen and Guestrin 2016", "10.1145/2939672.2939785"),
}


def write_page(
    path: PathLike,
    template: str,
    source: Source,
    findings: Findings,
    drawn: Mapping[str, Figure],
    figures: FigureKind | None,
    *,
    citations: Sequence[Citation],
    **more: Any,
) -> None:
    """Write a page, and its figures beside it where a format is asked for.

    Parameters
    ----------
    path : path-like
        File to write, atomically.
    template : str
        Name of the template, which gets `findings` as ``found``.
    source : Source
        Where transfer began.
    findings : dict
        What the page says.
    drawn : dict of str to Figure
        By name.
    figures : {"png", "svg", "pdf"} or None
        Format of the files beside the page.
    citations : sequence of (str, str or None, str)
        What the findings rest on, the source aside.
    **more
        What else the template gets.
    """
    page = _TEMPLATES.get_template(template).render(
        found=findings,
        transfer=TRANSFER,
        figures=dict.fromkeys(("calibration", "conditions", "curve"))
        | {k: _uri(v) for k, v in drawn.items()},
        databases=_databases(findings["source"]),
        citations=_cite(source, citations),
        **more,
    )
    path = Path(path)
    if figures is not None:
        for name, figure in drawn.items():
            atomic_write(path.with_name(f"{path.stem}_{name}.{figures}"), as_file(figure, figures))
    atomic_write(path, page.encode("utf-8"))


def _uri(figure: Figure) -> str:
    """Return a figure as a page holds it."""
    return "data:image/svg+xml;base64," + base64.b64encode(as_file(figure, "svg")).decode("ascii")


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


def _cite(source: Source, own: Sequence[Citation]) -> list[Citation]:
    """Return all citations, those of the source among them."""
    network = find_architecture(source.card.network["name"])
    known = [*own, *(("Network", *each) for each in network.references)]
    tables = source.card.training.get("tables", [])
    for table in (each for each in tables if isinstance(each, dict)):
        dois = table.get("doi", [])
        for doi in [dois] if isinstance(dois, str) else dois:
            entry = ("Training data of the source", table.get("database"), doi)
            if entry not in known and re.fullmatch(r"10\.\S+", doi):
                known.append(entry)
    return known
