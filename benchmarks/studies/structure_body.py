"""Compare bodies of a crystal-graph source: ALIGNN from random weights and CHGNet, trained alike.

    sktl pretrain benchmarks/sources/bg-fe.toml --held-out DIGESTS --output alignn.safetensors
    python benchmarks/studies/structure_body.py alignn.safetensors FOLDER

The first command trains ALIGNN on the crystals and properties of ``mpt-structure``, for no longer.
The second takes the points of the publisher's first trial of 800 (FOLDER holds structures.parquet
and splits.json; no test row is read) and judges a support vector regressor (SVR) on the
activations of both networks by five folds in which no composition is split. Writes
``benchmarks/results/structure_body.json``.
"""

import argparse
import datetime
import json
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.model_selection import GroupKFold, cross_val_predict

from sktl import __version__, load_source
from sktl.datasets import fetch_finetune_strategies
from sktl.studies.finetune_strategies import STRATEGIES

SETS = ("gv", "ph", "dc", "pz", "ebg")
POINTS, TRIAL, FOLDS = 800, 1, 5
SHIPPED = "mpt-structure"
RESULT = Path(__file__).parents[1] / "results" / "structure_body.json"


def judge(source, data):
    """Return the error of a source's activations in cross-validation, and the embedding's time."""
    rows = data.trial(POINTS, TRIAL)
    points = np.concatenate([rows.train, rows.val])
    structures = [data.structures[row] for row in points]
    model = STRATEGIES["frozen features"][SHIPPED](0)
    start = time.perf_counter()
    features = model[0].set_params(source=source, unseen_elements="warn").fit_transform(structures)
    seconds = time.perf_counter() - start
    groups = np.array(data.formulas)[points]
    y = data.y[points]
    found = cross_val_predict(model[1:], features, y, groups=groups, cv=GroupKFold(FOLDS))
    return {"mae": float(np.abs(found - y).mean()), "embedding_seconds": round(seconds, 1)}


def main():
    """Judge both bodies on all properties."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("alignn", type=Path, help="source file of the ALIGNN")
    parser.add_argument("folder", type=Path, help="folder of structures.parquet and splits.json")
    arguments = parser.parse_args()
    sources = {"ALIGNN": load_source(arguments.alignn), "CHGNet": load_source(SHIPPED)}
    result = {"sources": {}, "sets": {}}
    for name, source in sources.items():
        settings = source.card.training["settings"]
        errors = {item.name: (item.listed_mae, item.unit) for item in source.card.properties}
        result["sources"][name] = {
            "id": source.card.id,
            "sha256": source.sha256,
            "pretraining_seconds": settings["seconds"],
            "epochs": settings["epochs"],
            "listed_mae": errors,
        }
    for name in SETS:
        data = fetch_finetune_strategies(name, folder=arguments.folder)
        found = {body: judge(source, data) for body, source in sources.items()}
        result["sets"][name] = {"unit": data.unit} | found
        print(name, found, flush=True)
    result |= {
        "versions": {"sktl": __version__, "torch": torch.__version__},
        "threads": torch.get_num_threads(),
        "date": datetime.date.today().isoformat(),
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
