"""How many depth groups to freeze: a grid search in which no composition is on both sides."""

# README: grid search
from sklearn.model_selection import GridSearchCV, GroupKFold

from sktl import TransferRegressor
from sktl.datasets import load_expt_gap
from sktl.representations import parse_formulas

known = load_expt_gap().frame.sample(100, random_state=0)
X, y = known["Composition"], known["Eg"]  # eV
search = GridSearchCV(
    TransferRegressor(source="oqmd", n_members=1, max_epochs=20, random_state=0),
    {"freeze_depth": [0, 4, 8]},  # train all groups, half of them, the head alone
    cv=GroupKFold(3),
    scoring="neg_mean_absolute_error",
)
search.fit(X, y, groups=parse_formulas(X).keys())  # equal compositions have equal keys
for depth, score in zip([0, 4, 8], search.cv_results_["mean_test_score"], strict=True):
    print(f"{depth} groups frozen: mean absolute error {-score:.2f} eV")
# end
