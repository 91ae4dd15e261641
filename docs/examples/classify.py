"""Metal or not: classes with their probabilities."""

from sklearn.metrics import roc_auc_score

from sktl import TransferClassifier
from sktl.datasets import load_expt_gap

formulas, gaps = load_expt_gap(return_X_y=True)
kinds = (gaps > 0).map({True: "gap", False: "metal"})
train, test = slice(0, 400), slice(400, 800)

model = TransferClassifier(source="oqmd", max_epochs=20, random_state=0)
model.fit(formulas[train], kinds[train])
chances = model.predict_proba(formulas[test])[:, list(model.classes_).index("gap")]
for formula, chance in zip(formulas["Composition"][test][:5], chances, strict=False):
    print(f"{formula}: P(gap) = {chance:.2f}")
print(f"area under the ROC curve: {roc_auc_score(kinds[test] == 'gap', chances):.2f}")
