"""
From formulas to predictions
============================

Fine-tunes the source "oqmd" on 200 of the bundled measured band gaps, in seconds. With all 4,916
of them the errors are smaller, and the fit takes about a minute.
"""

from sktl import TransferRegressor, datasets

known = datasets.load_expt_gap().frame.sample(200, random_state=0)  # measured band gaps, eV
model = TransferRegressor("oqmd", random_state=0).fit(known["Composition"], known["Eg"])
print(model.predict(["ZnSnN2", "LaAlO3", "TiB2", "Fe3Al"]).round(1), "eV")
# [3.  2.9 0.  0. ] eV

# %%
# Each prediction has an interval. With so few training rows the intervals are wide, and they should
# be.

new = ["ZnSnN2", "LaAlO3", "TiB2", "Fe3Al"]
gaps, intervals = model.predict(new), model.predict_interval(new, coverage=0.9)
for formula, gap, (low, high) in zip(new, gaps, intervals, strict=True):
    print(f"{formula}: {gap:.2f} eV, nine times in ten from {low:.2f} to {high:.2f} eV")

# %%
# The dots are the predictions, the bars their 90 % intervals.

import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(5, 2), layout="constrained")
axes.hlines(new, *intervals.T, color="tab:blue", alpha=0.4, linewidth=6)
axes.plot(gaps, new, "o", color="tab:blue")
axes.set(xlabel="band gap (eV)")
axes.invert_yaxis()
plt.show()
