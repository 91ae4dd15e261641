"""Put a pretrained source into the package: weights, catalog entry and page.

    python benchmarks/sources/ship.py oqmd.safetensors oqmd

copies the file to ``sktl/sources/weights/oqmd.safetensors``, records its SHA-256 in
``catalog.json`` beside it, lets the short name stand for the source's id, and writes its card as
``docs/sources/oqmd.md``. A file that does not load, or that does not predict what its card says, is
refused. ``--pages`` writes the pages of all shipped sources again and ships nothing.
"""

import argparse
import json
from pathlib import Path

from sktl.sources import card_page, is_source_name, read_source

ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / "sktl" / "sources" / "weights"
CATALOG = WEIGHTS / "catalog.json"
PAGES = ROOT / "docs" / "sources"


def ship(path, alias):
    """Copy a source into the package under a short name and return its id."""
    if not is_source_name(alias):
        raise SystemExit(f"Got alias={alias!r}, expected letters, digits and . _ @ + -.")
    source = read_source(path)
    source.verify()
    catalog = json.loads(CATALOG.read_text(encoding="utf-8"))
    file = f"{alias}.safetensors"
    others = {id: entry for id, entry in catalog["sources"].items() if entry["file"] != file}
    others.pop(source.card.id, None)
    (WEIGHTS / file).write_bytes(path.read_bytes())
    others[source.card.id] = {"file": file, "sha256": source.sha256}
    aliases = {**catalog["aliases"], alias: source.card.id}
    aliases = {name: id for name, id in aliases.items() if id in others}
    content = json.dumps({"aliases": aliases, "sources": others}, indent=1) + "\n"
    CATALOG.write_text(content, encoding="utf-8")
    return source.card.id


def write_pages():
    """Write the page of every shipped source, and return the paths."""
    catalog = json.loads(CATALOG.read_text(encoding="utf-8"))
    paths = []
    for alias, id in catalog["aliases"].items():
        entry = catalog["sources"][id]
        source = read_source(WEIGHTS / entry["file"], entry["sha256"])
        paths.append(PAGES / f"{alias}.md")
        paths[-1].write_text(card_page(source, alias), encoding="utf-8")
    return paths


def main():
    """Ship one source, then write all pages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path, nargs="?", help="the source file")
    parser.add_argument("alias", nargs="?", help="short name, such as oqmd")
    parser.add_argument("--pages", action="store_true", help="only write the pages again")
    arguments = parser.parse_args()
    if not arguments.pages:
        if arguments.alias is None:
            parser.error("expected PATH and ALIAS, or --pages")
        print(f"shipped {ship(arguments.path, arguments.alias)} as {arguments.alias}")
    for path in write_pages():
        print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
