"""Write the table of docs/pitfalls.md from ``benchmarks/results/applicability.json``.

    python benchmarks/studies/applicability.py && python benchmarks/pages/pitfalls.py

``--check`` changes nothing and fails where the page is not up to date.
"""

import json
from pathlib import Path

from _page import write_page

from sktl.studies import markdown

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "pitfalls.md"
RESULT = ROOT / "benchmarks" / "results" / "applicability.json"


def page_parts():
    """Return what stands between the page's markers: a line for each data set."""
    sets = json.loads(RESULT.read_text(encoding="utf-8"))["sets"]
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
    return {"applicability": markdown(titles, rows)}


def main():
    """Write the page, or compare it."""
    write_page(PAGE, page_parts, __doc__, __file__)


if __name__ == "__main__":
    main()
