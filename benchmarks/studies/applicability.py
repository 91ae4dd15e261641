"""Leave out each of some elements, and see whether distance tells which predictions go wrong.

    python benchmarks/studies/applicability.py

Eight data sets of Gupta et al. 2021 (all rows of a set): those of the quick benchmark but
``exfoliation_energy``, on which the score was chosen, and ``max_ir_mode``. For each of ten
elements of a set, spread evenly over those in at least 25 rows by how common they are,
`TransferRegressor` with its defaults is fitted to the rows without the element and judged on the
rows with it. Half of these are flagged: those for which `applicability` expects the larger errors.
Beside it stands the half that is further from the training rows, whatever their standard
deviations. Compared are the mean absolute errors of the two halves. Beside it stands how many rows
are outside when they are like the training rows: a tenth of the compositions, drawn at random.
Writes ``benchmarks/results/applicability.json``, a split at a time; splits that are there are not
fitted again.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.model_selection import GroupShuffleSplit

from sktl import TransferRegressor, __version__
from sktl.datasets import fetch_cross_property
from sktl.representations import SYMBOLS, parse_formulas

SETS = (
    *("expt_deltae", "expt_bandgap", "slme", "max_ir_mode"),
    *("piezo_max_dij", "mbj_bandgap", "shearmodulusgv", "eps"),
)
N_ELEMENTS = 10
FEWEST_ROWS = 25
SHARE = 0.1
RESULT = Path(__file__).parents[1] / "results" / "applicability.json"


def main():
    """Fit what is not in the result file yet, and print a summary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS)
    parser.add_argument("--output", type=Path, default=RESULT)
    arguments = parser.parse_args()
    known = json.loads(arguments.output.read_text()) if arguments.output.is_file() else {}
    result = {
        "versions": {"sktl": __version__, "torch": torch.__version__},
        "sets": known.get("sets", {}),
    }
    for name in arguments.sets:
        data = fetch_cross_property(name)
        splits = result["sets"].setdefault(name, {"sha256": data.sha256, "splits": {}})["splits"]
        for label, test in make_splits(data.formulas):
            if label in splits:
                continue
            splits[label] = judge(data, test)
            print(name, label, splits[label], flush=True)
            summarize(result["sets"][name])
            arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for name, found in result["sets"].items():
        print(name, {key: value for key, value in found.items() if key not in ("sha256", "splits")})


def make_splits(formulas):
    """Yield a label and the mask of test rows: one an element, and one at random."""
    batch = parse_formulas(formulas)
    holds = np.zeros((len(formulas), len(SYMBOLS) + 1), dtype=bool)
    holds[batch.rows, batch.numbers] = True
    counts = holds.sum(axis=0)
    common = [z for z in np.argsort(-counts, kind="stable") if counts[z] >= FEWEST_ROWS]
    for place in np.linspace(0, len(common) - 1, N_ELEMENTS).astype(int):
        yield SYMBOLS[common[place] - 1], holds[:, common[place]]
    shuffle = GroupShuffleSplit(1, test_size=SHARE, random_state=0)
    _, chosen = next(shuffle.split(formulas, groups=batch.keys()))
    yield "random", np.isin(np.arange(len(formulas)), chosen)


def judge(data, test):
    """Fit without the test rows, and return the errors of the near and of the far half of them."""
    formulas, start = np.array(data.formulas), time.perf_counter()
    model = TransferRegressor(random_state=0).fit(formulas[~test], data.y[~test])
    model.set_params(unseen_elements="warn")
    errors = np.abs(model.predict(formulas[test]) - data.y[test])
    found = model.applicability(formulas[test])
    flagged = upper_half(found["expected_error"].to_numpy())
    far = upper_half(found["distance"].to_numpy())
    return {
        "rows": int(test.sum()),
        "mae": float(errors[~flagged].mean()),
        "mae_flagged": float(errors[flagged].mean()),
        "mae_near": float(errors[~far].mean()),
        "mae_far": float(errors[far].mean()),
        "beyond_limit": float((found["distance"] > model.domain_.limit).mean()),
        "outside": float(found["outside"].mean()),
        "seconds": round(time.perf_counter() - start, 1),
    }


def summarize(found):
    """Add what all elements of a set together say."""
    splits = [split for label, split in found["splits"].items() if label != "random"]
    found["elements"] = len(splits)
    rows = np.array([split["rows"] for split in splits])
    for name, low, high in (
        ("ratio", "mae", "mae_flagged"),
        ("ratio_by_distance", "mae_near", "mae_far"),
    ):
        below, above = (np.array([split[key] for split in splits]) for key in (low, high))
        means = np.average(above, weights=rows - rows // 2), np.average(below, weights=rows // 2)
        found[name] = float(means[0] / means[1])
        found[f"median_{name}"] = float(np.median(above / below))


def upper_half(values):
    """Return a mask of the larger half of the values."""
    return np.argsort(np.argsort(values, kind="stable"), kind="stable") >= len(values) // 2


if __name__ == "__main__":
    main()
