"""What the data sets have in common where the paper's transfer lost: why is it negative?

    python benchmarks/studies/negative_transfer.py

Only the published training rows are read, up to 2,000 of each of the 41 sets. For each set: how
closely its target follows the formation energy, which is all that the paper's source knows, and the
20 properties that ours knows (Spearman's rho with what the source predicts); how well the same
forest does on elemental fractions, on physical attributes and on the last activations of either
source (three folds, rows of one composition together); and which physical attributes it uses.
The result goes to ``benchmarks/results/negative_transfer.json``.
"""

import argparse
import csv
import json
import os
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from matminer.featurizers.composition import ElementFraction
from scipy.stats import spearmanr
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import GroupKFold, cross_val_predict

from sktl import DeepFeatureTransformer, MatminerTransformer
from sktl.datasets import fetch_cross_property
from sktl.representations import parse_formulas
from sktl.sources import load_source

HERE = Path(__file__).parents[1]
REFERENCE = HERE / "reference" / "gupta2021.csv"
RESULT = HERE / "results" / "negative_transfer.json"
MOST_ROWS = 2000
N_SHOWN = 3


def study(name):
    """Return what is known of one data set."""
    data = fetch_cross_property(name, subset="train")
    rows = np.random.default_rng(0).permutation(len(data.y))[:MOST_ROWS]
    X, y = [data.formulas[row] for row in rows], data.y[rows]
    forest = ExtraTreesRegressor(max_features=0.33, min_samples_leaf=2, random_state=0)
    physical = MatminerTransformer("magpie", missing="impute")
    attributes = physical.fit_transform(X)
    features = {
        "elemental fractions": MatminerTransformer(ElementFraction()).fit_transform(X),
        "physical attributes": attributes,
        "oqmd-elemnet": DeepFeatureTransformer("oqmd-elemnet", layers="last").fit_transform(X),
        "mpt": DeepFeatureTransformer("mpt", layers="last").fit_transform(X),
    }
    groups, folds = parse_formulas(X).keys(), GroupKFold(3, shuffle=True, random_state=0)
    errors = {
        kind: mean_absolute_error(y, cross_val_predict(forest, columns, y, groups=groups, cv=folds))
        for kind, columns in features.items()
    }
    forest.fit(attributes, y)
    shares = dict(zip(physical.get_feature_names_out(), forest.feature_importances_, strict=True))
    top = sorted(shares, key=shares.get, reverse=True)[:N_SHOWN]
    return {
        "n_rows": len(y),
        "unit": data.unit,
        "cv_mae": {kind: float(f"{error:.4g}") for kind, error in errors.items()},
        "spearman": {source: correlations(source, X, y) for source in ("oqmd-elemnet", "mpt")},
        "importances": {feature: round(float(shares[feature]), 3) for feature in top},
        "extremes": round(float(sum(shares[each] for each in shares if _is_extreme(each))), 3),
    }


def correlations(source, X, y):
    """Return Spearman's rho of y with each property that a source predicts for X."""
    source = load_source(source)
    columns = zip(source.card.property_names, source.predict(X).T, strict=True)
    return {name: round(float(spearmanr(column, y).statistic), 3) for name, column in columns}


def _is_extreme(feature):
    """Tell whether an attribute looks at one element of the compound: its lowest or highest."""
    return any(word in feature for word in ("minimum", "maximum", "range"))


def main():
    """Study all sets and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="data sets at a time")
    arguments = parser.parse_args()
    with open(REFERENCE, encoding="utf-8", newline="") as file:
        names = [row["dataset"] for row in csv.DictReader(file)]
    found = Parallel(arguments.jobs)(delayed(study)(name) for name in names)
    text = json.dumps(dict(zip(names, found, strict=True)), indent=1)
    RESULT.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
