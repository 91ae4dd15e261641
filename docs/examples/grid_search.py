"""
How many depth groups to freeze
===============================

A grid search over ``freeze_depth``, in which no composition is on both sides of a split.
"""

from sklearn.model_selection import GridSearchCV, GroupKFold

from sktl import TransferRegressor
from sktl.datasets import load_expt_gap
from sktl.representations import parse_formulas

known = load_expt_gap().frame.sample(100, random_state=0)
X, y = known["Composition"], known["Eg"]  # eV
search = GridSearchCV(
    TransferRegressor(source="oqmd", n_members=1, max_epochs=10, random_state=0),
    {"freeze_depth": [0, 4, 8]},  # train all groups, half of them, the head alone
    cv=GroupKFold(3),
    scoring="neg_mean_absolute_error",
)
search.fit(X, y, groups=parse_formulas(X).keys())  # equal compositions have equal keys
for depth, score in zip([0, 4, 8], search.cv_results_["mean_test_score"], strict=True):
    print(f"{depth} groups frozen: mean absolute error {-score:.2f} eV")

# %%
# Each dot is one of the three folds. If the folds differ by more than the depths do, the search
# cannot tell the depths apart. It then needs more rows or more folds.

import matplotlib.pyplot as plt

results = search.cv_results_
figure, axes = plt.subplots(figsize=(4, 2.8), layout="constrained")
for fold in range(3):
    axes.plot([0, 4, 8], -results[f"split{fold}_test_score"], "o", color="tab:gray", alpha=0.6)
axes.plot([0, 4, 8], -results["mean_test_score"], "_", markersize=24, color="tab:blue")
axes.set(xlabel="depth groups frozen", ylabel="mean absolute error (eV)", ylim=(0, None))
axes.set_xticks([0, 4, 8])
plt.show()
