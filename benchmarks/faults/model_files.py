"""Damage 1,000 model files and read them: ``python benchmarks/faults/model_files.py``.

Files of a regressor, a classifier and a stack are damaged in turn: one flipped bit, a truncation,
or a part of the same length from another file in the place of its own. Each is then to be refused
with `ModelIntegrityError`, or to predict exactly as before. What happened goes to
``benchmarks/results/model_files.json``.
"""

import collections
import datetime
import json
import tempfile
from pathlib import Path

import numpy as np

from sktl import TransferClassifier, TransferRegressor, TransferStackRegressor, load_model
from sktl.datasets import load_expt_gap
from sktl.exceptions import ModelIntegrityError

RESULT = Path(__file__).parents[1] / "results" / "model_files.json"
N_FILES, N_ROWS, LONGEST_SWAP = 1000, 100, 4096
SHOWN = ["ZnO", "PbTe", "CdS"]


def write_files(folder):
    """Fit three small models and return their files' contents and what they predict."""
    formulas, gaps = load_expt_gap(return_X_y=True)
    X, y = formulas[:: len(gaps) // N_ROWS], gaps[:: len(gaps) // N_ROWS]
    fast = {"max_epochs": 1, "random_state": 0}
    models = {
        "regressor": TransferRegressor(**fast).fit(X, y),
        "classifier": TransferClassifier(**fast).fit(X, y > 0),
        "stack": TransferStackRegressor(n_members=2, random_state=0).fit(X, y),
    }
    files = {}
    for name, model in models.items():
        model.save(folder / f"{name}.sktl")
        files[name] = (folder / f"{name}.sktl").read_bytes(), model.predict(SHOWN)
    return files


def damage(kind, content, other, generator):
    """Return a damaged file."""
    place = int(generator.integers(len(content)))
    if kind == "truncation":
        return content[:place]
    if kind == "flipped bit":
        bit = 1 << int(generator.integers(8))
        return content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :]
    end = min(place + int(generator.integers(1, LONGEST_SWAP)), len(content), len(other))
    return content[:place] + other[place:end] + content[end:] if place < end else content[:place]


def outcome(path, expected):
    """Say what reading a file does."""
    try:
        found = load_model(path).predict(SHOWN)
    except ModelIntegrityError:
        return "refused"
    return "as before" if np.array_equal(found, expected) else "other predictions"


def main():
    """Damage and read the files, and write what happened."""
    generator = np.random.default_rng(0)
    outcomes = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        files = write_files(Path(folder))
        names = list(files)
        path = Path(folder) / "damaged.sktl"
        for i in range(N_FILES):
            name, kind = names[i % 3], ("flipped bit", "truncation", "swapped part")[i // 3 % 3]
            content, expected = files[name]
            other = files[names[(i + 1) % 3]][0]
            path.write_bytes(damage(kind, content, other, generator))
            outcomes[name, kind, outcome(path, expected)] += 1
    rows = [
        {"model": name, "damage": kind, "outcome": what, "files": count}
        for (name, kind, what), count in sorted(outcomes.items())
    ]
    met = all(row["outcome"] in ("refused", "as before") for row in rows)
    result = {"files": N_FILES, "rows": rows, "met": met, "seed": 0}
    result["date"] = datetime.date.today().isoformat()
    text = json.dumps(result, indent=1)
    RESULT.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
