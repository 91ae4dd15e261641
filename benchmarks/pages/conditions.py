"""Write the table of alloys in docs/user_guide.md from ``benchmarks/results/conditions.json``.

    python benchmarks/studies/conditions.py && python benchmarks/pages/conditions.py

``--check`` changes nothing and fails where the page is not up to date.
"""

import json
from pathlib import Path

from _page import write_page

from sktl.studies import markdown

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "user_guide.md"
RESULT = ROOT / "benchmarks" / "results" / "conditions.json"
TITLES = {
    "forest, formula alone": "random forest on Magpie, tuned, formula alone",
    "regressor, formula alone": "`TransferRegressor`, formula alone",
    "forest": "random forest on Magpie and columns, tuned",
    "xgboost": "XGBoost on Magpie and columns, tuned",
    "regressor": "`TransferRegressor`",
    "stack": "`TransferStackRegressor`",
}


def page_parts():
    """Return what stands between the page's markers: a line for each model."""
    maes = json.loads(RESULT.read_text(encoding="utf-8"))["mae"]
    rows = [
        (title, *(f"{found[name]:.0f}" if name in found else "-" for found in maes.values()))
        for name, title in TITLES.items()
        if any(name in found for found in maes.values())
    ]
    titles = ("mean absolute error", *(name.replace(" (HV)", " (HV scale)") for name in maes))
    return {"conditions": markdown(titles, rows)}


def main():
    """Write the page, or compare it."""
    write_page(PAGE, page_parts, __doc__, __file__)


if __name__ == "__main__":
    main()
