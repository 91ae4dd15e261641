"""How many depth groups to freeze: a grid search in which no composition is on both sides."""

# README: grid search
from sklearn.model_selection import GridSearchCV, GroupKFold

from sktl import TransferRegressor
from sktl.datasets import load_expt_gap
from sktl.representations import parse_formulas

formulas, gaps = load_expt_gap(return_X_y=True)
X, y = formulas["Composition"][:100], gaps[:100]
search = GridSearchCV(
    TransferRegressor(source="oqmd", n_members=1, max_epochs=20, random_state=0),
    {"freeze_depth": [0, 4, 8]},  # train all groups, half of them, the head alone
    cv=GroupKFold(3),
    scoring="neg_mean_absolute_error",
)
search.fit(X, y, groups=parse_formulas(X).keys())  # equal compositions have equal keys
for depth, error in zip([0, 4, 8], -search.cv_results_["mean_test_score"], strict=True):
    print(f"{depth} groups frozen: {error:.2f} eV")
# end
