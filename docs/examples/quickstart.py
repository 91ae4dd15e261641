"""From formulas to predictions with their unit.

Fine-tunes the source "oqmd" on 200 of the bundled measured band gaps, in seconds. With all of
them, and without touching a parameter, the errors are smaller and the fit takes about a minute.
"""

# README: quickstart
from sktl import TransferRegressor
from sktl.datasets import load_expt_gap

known = load_expt_gap().frame.sample(200, random_state=0)  # formulas, measured gaps in eV
model = TransferRegressor(source="oqmd", random_state=0)
model.fit(known["Composition"], known["Eg"])
new = ["ZnSnN2", "LaAlO3", "TiB2", "Fe3Al"]
gaps, intervals = model.predict(new), model.predict_interval(new, coverage=0.9)
for formula, gap, (low, high) in zip(new, gaps, intervals, strict=True):
    print(f"{formula}: {gap:.2f} eV, nine times in ten from {low:.2f} to {high:.2f} eV")
# end
