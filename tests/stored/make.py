"""Write the models that the tests load for ever: ``python tests/stored/make.py FOLDER``.

Each folder beside this script was written by it, once, with a release of the format of files that
the folder is named after. A new format is a new folder; none is written again. Models with columns
beside the material are in folders of their own, such as ``format2-conditions``. Beside the files
stand the materials that each model was asked for then, and what it said, in ``said.json``.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from sktl import (
    PropertyTable,
    TransferClassifier,
    TransferRegressor,
    TransferStackRegressor,
    pretrain,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from conftest import make_toy_crystals, make_toy_rows

N_ASKED, N_TREES = 5, 3
FAST = {"max_epochs": 10, "random_state": 0}


def pretrained(kind, rows, **network):
    """Return a source that predicts two synthetic properties of the rows."""
    materials, energies, volumes = rows
    tables = [
        PropertyTable("toy_energy", materials, energies, "eV/atom"),
        PropertyTable("toy_volume", materials, volumes, "A^3/atom"),
    ]
    return pretrain(
        tables,
        id=f"stored.{kind}@1",
        title=f"Two synthetic properties of {kind}",
        epochs=10,
        batch_size=64,
        learning_rate=3e-3,
        device="cpu",
        progress=False,
        **network,
    )


def formula_source():
    """Return a source that reads formulas."""
    small = dict(width=8, hidden=8, n_heads=2, n_attention=1, trunk_width=8, n_trunk=1)
    return pretrained("formulas", make_toy_rows(600, seed=0), network_arguments=small)


def models():
    """Yield name, fitted model and the materials that it was fitted on."""
    formulas, energies, _ = make_toy_rows(60, seed=8)
    crystals, crystal_energies, _ = make_toy_crystals(60, seed=2)
    source = formula_source()
    yield "regressor", TransferRegressor(source, **FAST).fit(formulas, energies), formulas
    kinds = np.where(energies > np.median(energies), "high", "low")
    yield "classifier", TransferClassifier(source, **FAST).fit(formulas, kinds), formulas
    stack = TransferStackRegressor(source, n_members=2, random_state=0)
    yield "stack", pruned(stack.fit(formulas[:14], energies[:14])), formulas
    small = dict(hidden=8, n_alignn=1, n_gcn=1, expansion_width=8, n_distances=12, n_angles=4)
    reader = pretrained(
        "crystals", make_toy_crystals(100, seed=0), network="alignn", network_arguments=small
    )
    yield "crystals", TransferRegressor(reader, **FAST).fit(crystals, crystal_energies), crystals
    stack = TransferStackRegressor([source, reader], n_members=2, random_state=0)
    yield "crystal-stack", pruned(stack.fit(crystals[:10], crystal_energies[:10])), crystals


def models_with_conditions():
    """Yield the same of models with columns beside the material; some cells are missing."""
    formulas, energies, _ = make_toy_rows(60, seed=8)
    source = formula_source()
    places = np.arange(len(formulas))
    states = np.array(["cast", None, "rolled"], dtype=object)
    columns = {
        "T (K)": np.where(places % 5, 300.0 + 10 * places, np.nan),
        "state": states[places % 3],
    }
    frame = pd.DataFrame({"formula": formulas, **columns})
    energies = energies + places / 100
    kinds = np.where(energies > np.median(energies), "high", "low")
    yield "regressor", TransferRegressor(source, **FAST).fit(frame, energies), frame
    yield "classifier", TransferClassifier(source, **FAST).fit(frame, kinds), frame
    stack = TransferStackRegressor(source, n_members=2, random_state=0)
    yield "stack", pruned(stack.fit(frame[:20], energies[:20])), frame


def pruned(stack):
    """Return a stack whose forests have few trees, so that its file is small."""
    for forest in stack.members_["extra trees"]:
        forest.estimators_ = forest.estimators_[:N_TREES]
    for boosted in stack.members_["boosted trees"]:
        boosted._predictors = boosted._predictors[:N_TREES]
    return stack


def to_plain(materials):
    """Return materials as JSON holds them."""
    if isinstance(materials, pd.DataFrame):
        return json.loads(materials.to_json(orient="split", index=False))
    return [each if isinstance(each, str) else each.as_dict() for each in materials]


def answers(model, asked):
    """Return what a model says of materials."""
    said = {"distances": model.applicability(asked, 3)["distance"].tolist()}
    if hasattr(model, "predict_proba"):
        return said | {"chances": model.predict_proba(asked).tolist()}
    predictions, deviations, intervals = model.predict(asked, return_std=True, coverage=0.5)
    said |= {"predictions": predictions.tolist(), "deviations": deviations.tolist()}
    return said | {"intervals": intervals.tolist()}


def main(folder):
    """Write the files, and what the models say, into a folder."""
    said = {}
    made = models_with_conditions if folder.name.endswith("-conditions") else models
    for name, model, materials in made():
        path, asked = folder / f"{name}.sktl", materials[:N_ASKED]
        model.save(path, target="toy energy", unit="eV/atom")
        said[name] = {"asked": to_plain(asked), "said": answers(model, asked)}
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")
    text = json.dumps(said, sort_keys=True)
    (folder / "said.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
