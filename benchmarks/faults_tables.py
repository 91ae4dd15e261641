"""Write the figures of docs/reliability.md: ``python benchmarks/faults_tables.py``.

They come from ``results/faults.json``, which ``python benchmarks/faults.py`` writes. ``--check``
changes nothing and fails where the page does not agree.
"""

import argparse
import json
import sys
from pathlib import Path

from sktl.benchmark import fill_page, markdown

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "results" / "faults.json"
PAGE = ROOT / "docs" / "reliability.md"
PLACES = {
    "kill -9": ("kill-pretraining", "kill-benchmark", "kill-prediction", "kill-saving"),
    "disks and caches": ("full-disk", "read-only-cache", "shared-cache"),
    "threads, workers, clocks": ("threads", "workers", "clock"),
    "searches": ("fuzz-formulas", "fuzz-tables", "fuzz-files"),
}


def table(found, kinds):
    """Return a line for each kind of fault, as Markdown."""
    rows = []
    for kind in kinds:
        if kind not in found:
            rows.append((f"`{kind}`", "Not run yet.", "", "", "", ""))
            continue
        result = found[kind]
        seen = ", ".join(f"{what}: {count:,}" for what, count in result["seen"].items())
        failed = f"**{len(result['failures'])}**"
        times = f"{result['times']:,}"
        rows.append((f"`{kind}`", result["tried"], times, failed, seen, result["date"]))
    titles = ("kind", "what is done", "times", "failures", "what was seen", "date")
    return markdown(titles, rows, numbers=False)


def page_parts():
    """Return what stands between the page's markers."""
    found = json.loads(RESULT.read_text(encoding="utf-8"))
    return {place: table(found, kinds) for place, kinds in PLACES.items()}


def main():
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare the page only")
    arguments = parser.parse_args()
    old = PAGE.read_text(encoding="utf-8")
    new = fill_page(old, page_parts())
    if arguments.check and new != old:
        sys.exit("The page is not up to date: python benchmarks/faults_tables.py")
    if not arguments.check:
        PAGE.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
