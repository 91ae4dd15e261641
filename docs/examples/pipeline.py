"""
Pipelines with matminer
=======================

A random forest on matminer features together with those of a pretrained network, and fine-tuning
behind a matminer featurizer.
"""

from matminer.featurizers.composition import ElementFraction
from sklearn.ensemble import RandomForestRegressor
from sklearn.pipeline import make_pipeline, make_union

from sktl import DeepFeatureTransformer, MatminerTransformer, TransferRegressor
from sktl.datasets import load_expt_gap

known = load_expt_gap().frame.sample(200, random_state=0)
X, y = known["Composition"], known["Eg"]  # eV

# physical attributes and the activations of the pretrained network, into any model
features = make_union(MatminerTransformer("magpie"), DeepFeatureTransformer("oqmd"))
forest = make_pipeline(features, RandomForestRegressor(random_state=0)).fit(X, y)

# fine-tuning behind any matminer featurizer that gives elemental fractions
fractions = MatminerTransformer(ElementFraction())
tuned = make_pipeline(fractions, TransferRegressor("oqmd", max_epochs=10, random_state=0)).fit(X, y)

print(forest.predict(["ZnSnN2", "TiB2"]), tuned.predict(["ZnSnN2", "TiB2"]), "eV")

# %%
# Features keep their names in the pipeline, so the importances of the forest can be named.

import matplotlib.pyplot as plt
import pandas as pd

names = forest[0].get_feature_names_out()
weights = pd.Series(forest[1].feature_importances_, names).nlargest(10)[::-1]
figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
axes.barh([name.partition("__")[2] for name in weights.index], weights)
axes.set(xlabel="importance in the forest")
plt.show()
