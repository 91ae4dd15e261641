"""From formulas to predictions with their unit.

Fine-tunes the source "oqmd" on 400 of the bundled measured band gaps. With all of them, and
without touching a parameter, errors fall further; fitting then takes about a minute.
"""

# README: quickstart
from sktl import TransferRegressor
from sktl.datasets import load_expt_gap

formulas, gaps = load_expt_gap(return_X_y=True)  # a column of formulas; eV
model = TransferRegressor(source="oqmd", random_state=0)
model.fit(formulas[:400], gaps[:400])
new = ["CuAlS2", "Ga0.5In0.5P", "MgSiN2", "Fe3Al"]
for formula, gap in zip(new, model.predict(new), strict=True):
    print(f"{formula}: {gap:.2f} eV")
# end
