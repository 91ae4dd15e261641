"""
Searching settings with hyperopt-sklearn
========================================

Which activations to take, and how to fine-tune, chosen by hyperopt's search. It needs
``pip install "sktl[benchmark]"``.
"""

import numpy as np
from hpsklearn import HyperoptEstimator, svr
from hyperopt import hp, progress, tpe
from hyperopt.pyll import scope
from sklearn.metrics import mean_absolute_error
from sklearn.preprocessing import StandardScaler

from sktl import DeepFeatureTransformer, TransferRegressor
from sktl.datasets import load_expt_gap

known = load_expt_gap().frame.sample(120, random_state=0)
X, y = known[["Composition"]].to_numpy(), known["Eg"].to_numpy()  # a column of formulas; eV
X, y, X_test, y_test = X[:100], y[:100], X[100:], y[100:]
settings = {"algo": tpe.suggest, "loss_fn": mean_absolute_error, "seed": 0, "max_evals": 3}

default = TransferRegressor("oqmd", max_epochs=10, random_state=0).fit(X, y)

progress.default_callback = progress.no_progress_callback  # not a bar for every trial

# features in ``preprocessing``: hyperopt chooses the layers, and the settings of the regressor
steps = [
    [DeepFeatureTransformer("oqmd", layers=layers), StandardScaler()] for layers in ("last", "all")
]
features = HyperoptEstimator(
    preprocessing=hp.choice("layers", steps), regressor=svr("svr"), **settings
)
features.fit(X, y)

# the network as the regressor, with formulas as they are
scope.define(TransferRegressor)
network = scope.TransferRegressor(
    "oqmd",
    max_epochs=10,
    random_state=0,
    freeze_depth=hp.choice("freeze_depth", [0, 4, 8]),
    learning_rate=hp.loguniform("learning_rate", np.log(2e-4), np.log(5e-3)),
)
tuned = HyperoptEstimator(preprocessing=[], regressor=network, **settings)
tuned.fit(X, y)

models = {"SVR on features, tuned": features, "fine-tuned": default, "fine-tuned, tuned": tuned}
for name, model in models.items():
    error = mean_absolute_error(y_test, model.predict(X_test))
    print(f"{name}: mean absolute error {error:.2f} eV on {len(y_test)} test rows")
print(tuned.best_model()["learner"])

# %%
# Each trial runs in a process of its own and is judged on the last fifth of the rows. Three trials
# show how it is done; a search worth its name takes fifty or more, on more rows.

import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(4, 2.8), layout="constrained")
for name, search in {"SVR on features": features, "fine-tuned": tuned}.items():
    axes.plot(np.minimum.accumulate(search.trials.losses()), "o-", label=name)
axes.set(xlabel="trial", ylabel="best validation error (eV)", xticks=range(3), ylim=(0, None))
axes.legend()
plt.show()
