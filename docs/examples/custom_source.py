"""
A source of your own
====================

Pretrain on your own tables, hold out the test compositions, save, register and fine-tune. The
network is small and the tables are short so that this runs in seconds. A useful source takes 10,000
compositions or more, and hours.
"""

import tempfile
from pathlib import Path

import numpy as np

import sktl
from sktl.datasets import load_expt_gap
from sktl.representations import parse_formulas

known = load_expt_gap().frame.sample(frac=1, random_state=0)
_, first = np.unique(parse_formulas(known["Composition"]).keys(), return_index=True)
known = known.iloc[np.sort(first)]  # one row for each composition
formulas, gaps = known["Composition"].to_numpy(), known["Eg"].to_numpy()
attributes = sktl.MatminerTransformer("magpie", missing="impute").fit(formulas)
names = list(attributes.get_feature_names_out())
volumes = attributes.transform(formulas)[:, names.index("MagpieData mean GSvolume_pa")]

# %%
# Here are two properties. A table has the known values; a composition may lack any of them.

tables = [
    sktl.PropertyTable("mean_volume", formulas[:2000], volumes[:2000], "A^3/atom"),
    sktl.PropertyTable("measured_gap", formulas[:500], gaps[:500], "eV"),
]
test_formulas, test_gaps = formulas[-200:], gaps[-200:]
source = sktl.pretrain(
    tables,
    id="example.volume-gap@1",
    title="A small network on mean atomic volume and measured gap",
    network_arguments={"width": 32, "hidden": 64, "trunk_width": 64, "n_trunk": 2},
    epochs=8,
    held_out=parse_formulas(test_formulas).digests(),
    progress=False,
)
for item in source.card.properties:
    print(f"{item.name}: {item.holdout_mae:.3g} {item.unit} on held-out compositions")

# %%
# One file contains weights and card. Reading it runs no code. Registering a name is a convenience:
# ``source=`` takes the path too.

path = Path(tempfile.mkdtemp()) / "example.safetensors"
source.save(path)
sktl.register_source(path, "my-example", overwrite=True)
model = sktl.TransferRegressor(source="my-example", max_epochs=10, random_state=0)
model.fit(formulas[500:900], gaps[500:900])
predicted = model.predict(test_formulas)
error = np.abs(predicted - test_gaps).mean()
print(f"fine-tuned: mean absolute error {error:.2f} eV on {len(test_gaps)} test rows")

# %%
# The test compositions were neither in pretraining nor in fine-tuning.

import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(5, 2.5), layout="constrained")
axes.plot(test_gaps, predicted, "o", markersize=4, alpha=0.5, markeredgewidth=0)
axes.axline((0, 0), slope=1, color="black", linewidth=0.8)
axes.set(xlabel="measured gap (eV)", ylabel="predicted gap (eV)")
plt.show()
