"""Write the table of classes in docs/user_guide.md from ``benchmarks/results/classes.json``.

    python benchmarks/studies/classes.py && python benchmarks/pages/classes.py

``--check`` changes nothing and fails where the page is not up to date.
"""

import json
from pathlib import Path

from _page import write_page

from sktl.studies import markdown

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "user_guide.md"
RESULT = ROOT / "benchmarks" / "results" / "classes.json"
TITLES = {
    "forest": "random forest of 300 trees on Magpie",
    "forest, tuned": "random forest on Magpie, tuned",
    "xgboost, tuned": "XGBoost on Magpie, tuned",
    "classifier": "`TransferClassifier`",
    "stack": "`TransferStackClassifier`",
}
COLUMNS = ("metal or not", "ROC AUC", "log loss", "expected calibration error")


def page_parts():
    """Return what stands between the page's markers: a line for each model."""
    scores = json.loads(RESULT.read_text(encoding="utf-8"))["scores"]
    rows = [
        (
            title,
            f"{scores[name]['auc']:.3f}",
            f"{scores[name]['log_loss']:.3f}",
            f"{scores[name]['calibration_error']:.3f}",
        )
        for name, title in TITLES.items()
        if name in scores
    ]
    return {"classes": markdown(COLUMNS, rows)}


def main():
    """Write the page, or compare it."""
    write_page(PAGE, page_parts, __doc__, __file__)


if __name__ == "__main__":
    main()
