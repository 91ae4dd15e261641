"""
Metal or not
============

Classes with their probabilities, judged on compositions that were not trained on.
"""

from sklearn.metrics import roc_auc_score

from sktl import TransferClassifier
from sktl.datasets import load_expt_gap

known = load_expt_gap().frame.drop_duplicates("Composition").sample(600, random_state=0)
formulas = known["Composition"]
kinds = (known["Eg"] > 0).map({True: "gap", False: "metal"})

model = TransferClassifier(source="oqmd", max_epochs=10, random_state=0)
model.fit(formulas[:300], kinds[:300])
chances = model.predict_proba(formulas[300:])[:, list(model.classes_).index("gap")]
for formula, chance in zip(formulas[300:305], chances, strict=False):
    print(f"{formula}: P(gap) = {chance:.2f}")
print(f"area under the ROC curve: {roc_auc_score(kinds[300:] == 'gap', chances):.2f}")

# %%
# Good probabilities pile up at 0 and 1, each class on its side.

import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(5, 2.8), layout="constrained")
parts = [chances[kinds[300:] == kind] for kind in ("metal", "gap")]
axes.hist(parts, bins=10, range=(0, 1), label=["metals", "with a gap"])
axes.set(xlabel="P(gap)", ylabel="test compositions")
axes.legend()
plt.show()
