"""The card of a source as a page for people, in Markdown that reads well as plain text."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sktl._echo import printable, shown
from sktl.representations import SYMBOLS
from sktl.sources._architectures import find_architecture
from sktl.sources._card import PropertyCard, SourceCard
from sktl.sources._source import Source

_EXAMPLES = {
    "formulas": 'X = ["NaCl", "Fe2O3"]',
    "structures": 'X = sktl.StructureReader().fit_transform(["salt.cif", "POSCAR"])',
}


def card_page(source: Source, name: str) -> str:
    """Return a source's card as Markdown.

    Parameters
    ----------
    source : Source
        The source.
    name : str
        The name under which people load it.

    Returns
    -------
    str
        What it is, how to load it, its properties and errors, its data, its reference predictions.
    """
    card = source.card
    parts = [
        f"# {shown(name)}",
        f"{shown(card.title)}.",
        _facts(source),
        "## Load it",
        f"```python\nimport sktl\n\nsource = sktl.load_source({json.dumps(name)})\n"
        f"{_EXAMPLES[source.representation.reads]}\n"
        "source.predict(X)  # a column for each property below, in its unit\n```",
        "## Properties",
        _table(
            (
                "property",
                "unit",
                "transform",
                "labels",
                "held out at random",
                "MAE",
                "MAE of the median",
                "held out by list",
                "MAE",
                "MAE of the median",
            ),
            map(_property_row, card.properties),
        ),
        "MAE is the mean absolute error on held-out compositions that have the property, the "
        "median is that of the training labels. Held out at random are compositions like those of "
        "training; held out by list are those of the benchmarks: other compounds, on which errors "
        "are larger.",
        "## Training data",
        _table(("property", "database", "rows", "DOI", "licence"), map(_table_row, _tables(card))),
        _held_out(card),
        "## Training",
        _table(("setting", "value"), sorted(_flat(card.training.get("settings", {})))),
        "## Reference predictions",
        "`sktl sources verify` computes these again and compares.",
        _reference(card),
    ]
    page = "\n\n".join(part for part in parts if part) + "\n"
    return printable(page).replace("<", "&lt;")  # a card comes out of a file


def _facts(source: Source) -> str:
    card = source.card
    kind = card.network["name"]
    n_weights = sum(tensor.numel() for tensor in source.network.state_dict().values())
    settings = ", ".join(
        f"{key} {value}" for key, value in sorted(card.network["arguments"].items())
    )
    rows = [
        ("id", f"`{card.id}`"),
        ("network", find_architecture(kind).title + (f" ({settings})" if settings else "")),
        ("weights", f"{n_weights:,}"),
        ("depth groups", ", ".join(source.network.depth_groups)),
        ("input", f"{card.representation['name']}, version {card.representation['version']}"),
        ("elements", f"{len(card.elements)}: " + " ".join(SYMBOLS[z - 1] for z in card.elements)),
        ("compositions", _text(card.training.get("n_compositions"))),
        ("licence", card.licence),
        ("sha256", f"`{source.sha256}`" if source.sha256 else "not in a file"),
    ]
    return _table(("fact", "value"), rows)


def _property_row(item: PropertyCard) -> tuple[object, ...]:
    return (
        shown(item.name),
        shown(item.unit),
        item.transform,
        item.n_rows,
        item.holdout_rows,
        item.holdout_mae,
        item.holdout_baseline_mae,
        item.listed_rows,
        item.listed_mae,
        item.listed_baseline_mae,
    )


def _tables(card: SourceCard) -> list[dict[str, Any]]:
    tables = card.training.get("tables", [])
    return [table for table in tables if isinstance(table, dict)]


def _table_row(table: dict[str, Any]) -> tuple[object, ...]:
    dois = table.get("doi", [])
    dois = [dois] if isinstance(dois, str) else dois
    links = ", ".join(f"[{doi}](https://doi.org/{doi})" for doi in dois)
    return table.get("name"), table.get("database"), table.get("rows"), links, table.get("licence")


def _held_out(card: SourceCard) -> str:
    held_out = card.held_out
    if not held_out:
        return ""
    parts = [
        f"Held out of training and scaling: {_text(held_out.get('n_compositions'))} compositions."
    ]
    if held_out.get("n_digests"):
        parts.append(
            f"They are those in a list of {_text(held_out['n_digests'])} digests, whose sha256 "
            f"(sorted, one a line) is `{held_out.get('sha256')}`, and the others with a digest in "
            f"the lowest {_text(held_out.get('fraction'))} of all possible ones."
        )
    else:
        parts.append(
            f"They have a digest in the lowest {_text(held_out.get('fraction'))} of all possible "
            "ones."
        )
    parts.append(f"A digest is the {held_out.get('rule')}.")
    return " ".join(parts)


def _reference(card: SourceCard) -> str:
    materials = card.reference.get("formulas", card.reference.get("structures", []))
    formulas = [item if isinstance(item, str) else _formula(item["numbers"]) for item in materials]
    predictions = card.reference.get("predictions", [])
    rows = [(formula, *row) for formula, row in zip(formulas, predictions, strict=True)]
    titles = [shown(f"{item.name} ({item.unit})") for item in card.properties]
    return _table(("formula", *titles), rows)


def _formula(numbers: Iterable[int]) -> str:
    """Return the formula of a crystal with these atomic numbers."""
    counts = Counter(SYMBOLS[number - 1] for number in numbers)
    return "".join(f"{symbol}{n if n > 1 else ''}" for symbol, n in counts.items())


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield the items of nested settings as ("outer.inner", value)."""
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _table(titles: Sequence[object], rows: Iterable[Iterable[object]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(_text(cell) for cell in line) + " |" for line in lines)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return re.sub(r"\s+", " ", str(value)).replace("|", "\\|")
