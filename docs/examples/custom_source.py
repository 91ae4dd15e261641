"""An own source: pretrain on own tables, keep the test compositions out, save, name, fine-tune.

The network is small and the tables are short so that this runs in seconds. A source worth having
takes 10,000 compositions or more, and hours.
"""

import numpy as np

import sktl
from sktl.datasets import load_expt_gap
from sktl.representations import parse_formulas

known = load_expt_gap().frame.sample(frac=1, random_state=0)
formulas, gaps = known["Composition"].to_numpy(), known["Eg"].to_numpy()
attributes = sktl.MatminerTransformer("magpie", missing="impute").fit(formulas)
names = list(attributes.get_feature_names_out())
volumes = attributes.transform(formulas)[:, names.index("MagpieData mean GSvolume_pa")]

# Two properties; a table holds what is known, and a composition may lack any of them.
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

source.save("example.safetensors")  # one file: weights and card, read without running any code
sktl.register_source("example.safetensors", "my-example", overwrite=True)  # or give the path
model = sktl.TransferRegressor(source="my-example", max_epochs=10, random_state=0)
model.fit(formulas[500:900], gaps[500:900])
error = np.abs(model.predict(test_formulas) - test_gaps).mean()
print(f"fine-tuned: mean absolute error {error:.2f} eV on {len(test_gaps)} test rows")
