"""Pipelines with matminer: its features beside the network's, and the network behind matminer."""

# README: pipeline
from matminer.featurizers.composition import ElementFraction
from sklearn.ensemble import RandomForestRegressor
from sklearn.pipeline import make_pipeline, make_union

from sktl import DeepFeatureTransformer, MatminerTransformer, TransferRegressor
from sktl.datasets import load_expt_gap

formulas, gaps = load_expt_gap(return_X_y=True)
train, test = slice(0, 300), slice(300, 400)

# 145 physical attributes and the activations of the pretrained network, into any model
features = make_union(MatminerTransformer("magpie"), DeepFeatureTransformer("oqmd"))
forest = make_pipeline(features, RandomForestRegressor(random_state=0, n_jobs=-1))
forest.fit(formulas[train], gaps[train])

# fine-tuning behind a matminer featurizer
tuned = make_pipeline(MatminerTransformer(ElementFraction()), TransferRegressor(random_state=0))
tuned.fit(formulas[train], gaps[train])
print(forest.predict(formulas[test])[:3], tuned.predict(formulas[test])[:3], "eV")
# end
