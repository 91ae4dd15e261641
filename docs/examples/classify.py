"""
Classification: metal or not
============================

Classes with their probabilities, judged on held-out compositions.
"""

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupShuffleSplit

from sktl import TransferClassifier
from sktl.datasets import load_expt_gap
from sktl.representations import parse_formulas

known = load_expt_gap().frame.sample(600, random_state=0)
formulas = known["Composition"].to_numpy()
kinds = np.where(known["Eg"] > 0, "gap", "metal")
halves = GroupShuffleSplit(test_size=0.5, random_state=0)
train, test = next(halves.split(formulas, groups=parse_formulas(formulas).keys()))

model = TransferClassifier(random_state=0)
model.fit(formulas[train], kinds[train])
chances = model.predict_proba(formulas[test])[:, list(model.classes_).index("gap")]
for formula, chance in zip(formulas[test][:5], chances, strict=False):
    print(f"{formula}: P(gap) = {chance:.2f}")
print(f"area under the ROC curve: {roc_auc_score(kinds[test] == 'gap', chances):.2f}")

# %%
# Good probabilities are close to 0 and 1, each class on its side.

import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(5, 2.8), layout="constrained")
parts = [chances[kinds[test] == kind] for kind in ("metal", "gap")]
axes.hist(parts, bins=10, range=(0, 1), label=["metals", "with a gap"])
axes.set(xlabel="P(gap)", ylabel="test compositions")
axes.legend()
plt.show()
