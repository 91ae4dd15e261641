"""Write the table of docs/pitfalls.md from ``benchmarks/results/applicability.json``.

    python benchmarks/applicability.py && python benchmarks/applicability_tables.py

``--check`` changes nothing and fails where the page is not up to date.
"""

import argparse
import json
import sys
from pathlib import Path

from sktl.benchmark import fill_page, markdown

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "pitfalls.md"
RESULT = ROOT / "benchmarks" / "results" / "applicability.json"


def table(sets):
    """Return a line for each data set, as Markdown."""
    rows = [
        (
            f"`{name}`",
            str(found["elements"]),
            f"{found['ratio']:.2f}",
            f"{found['ratio_by_distance']:.2f}",
            f"{100 * found['splits']['random']['beyond_limit']:.0f} %",
        )
        for name, found in sets.items()
    ]
    titles = ("data set", "elements left out", "by expected error", "by distance", "outside")
    return markdown(titles, rows)


def main():
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare the page only")
    arguments = parser.parse_args()
    sets = json.loads(RESULT.read_text(encoding="utf-8"))["sets"]
    old = PAGE.read_text(encoding="utf-8")
    new = fill_page(old, {"applicability": table(sets)})
    if arguments.check and new != old:
        sys.exit("The page is not up to date: python benchmarks/applicability_tables.py")
    if not arguments.check:
        PAGE.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
