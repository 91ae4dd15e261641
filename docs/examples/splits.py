"""
How the split changes the error
===============================

One model is judged on the same rows by several splits. Which split is right depends on what the
model will be used for; see :doc:`/pitfalls`.
"""

import numpy as np
from sklearn.model_selection import GroupKFold, GroupShuffleSplit, KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from sktl import DeepFeatureTransformer, TransferRegressor
from sktl.datasets import load_expt_gap
from sktl.representations import SYMBOLS, parse_formulas

known = load_expt_gap().frame.sample(2000, random_state=0)
formulas, gaps = known["Composition"].to_numpy(), known["Eg"].to_numpy()  # eV
batch = parse_formulas(formulas)
keys = np.array(batch.keys())  # equal compositions have equal keys
elements = [
    {SYMBOLS[number - 1] for number in row} for row in np.split(batch.numbers, batch.offsets[1:-1])
]

# %%
# The source never saw these compositions and is not trained on, so its features can be computed
# once for all splits.

X = DeepFeatureTransformer("oqmd").fit_transform(formulas)
model = make_pipeline(StandardScaler(), SVR(C=10))
splits = {
    "rows": (KFold(5, shuffle=True, random_state=0), None),
    "compositions": (GroupKFold(5), keys),
    "sets of elements": (GroupKFold(5), ["-".join(sorted(each)) for each in elements]),
}
errors = {}
for split, (folds, groups) in splits.items():
    errors[split] = abs(cross_val_predict(model, X, gaps, cv=folds, groups=groups) - gaps)
    print(f"split by {split}: mean absolute error {errors[split].mean():.3f} eV")

# %%
# Few compositions occur twice in this table, so the first two errors are close. Series of alloys
# share a set of elements, which makes the third split harder. Elements that are in no training row
# are harder still. Here all compounds of an element are left out of the fit and then predicted. The
# bar beside it is the error on the same compounds when the split is by composition.

import matplotlib.pyplot as plt

names = ["O", "P", "S", "Se", "Te"]
within, beyond = [], []
for name in names:
    has = np.array([name in each for each in elements])
    left_out = model.fit(X[~has], gaps[~has]).predict(X[has])
    beyond.append(abs(left_out - gaps[has]).mean())
    within.append(errors["compositions"][has].mean())

figure, axes = plt.subplots(figsize=(5, 3), layout="constrained")
place = np.arange(len(names))
axes.bar(place - 0.2, within, 0.4, label="split by composition")
axes.bar(place + 0.2, beyond, 0.4, label="element in no training row")
axes.set_xticks(place, [f"{name} compounds" for name in names])
axes.set(ylabel="mean absolute error (eV)")
axes.tick_params(axis="x", rotation=20)
axes.legend()
plt.show()

# %%
# Intervals have about the coverage that was asked for on compounds like those of the calibration,
# and less on others. Here no oxide is in the training rows.

oxide = np.array(["O" in each for each in elements])
rest = np.flatnonzero(~oxide)
parts = GroupShuffleSplit(train_size=400, random_state=0).split(rest, groups=keys[rest])
train, others = (rest[part] for part in next(parts))
tuned = TransferRegressor("oqmd", random_state=0).fit(formulas[train], gaps[train])
for kind, rows in (("without oxygen", others), ("with oxygen", np.flatnonzero(oxide))):
    low, high = tuned.predict_interval(formulas[rows], coverage=0.9).T
    held = (low <= gaps[rows]) & (gaps[rows] <= high)
    print(f"compounds {kind}: 90 % intervals hold {100 * held.mean():.0f} % of {len(rows)} gaps")
