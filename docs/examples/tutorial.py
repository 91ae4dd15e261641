"""
Quick start: from a CSV file to a figure
========================================

This goes from a messy table to a split by composition, a fine-tuned network with its control,
predictions with intervals, and a figure for a journal. It runs in under a minute.
"""

import csv
import tempfile
from pathlib import Path

from sktl.datasets import load_expt_gap

folder = Path(tempfile.mkdtemp())  # or a folder of your own

# %%
# A messy file
# ------------
#
# 500 of the bundled measured band gaps (Zhuo et al. 2018, doi:10.1021/acs.jpclett.8b00124), written
# as a European spreadsheet does: a byte-order mark, semicolons, decimal commas, the unit in the
# header. One value has a footnote mark, one formula a question mark, and one value is missing. The
# values are real; only the mess is made here.

known = load_expt_gap().frame.sample(500, random_state=1)
rows = [
    [f" {formula}", str(gap).replace(".", ","), ""]
    for formula, gap in known.itertuples(index=False)
]
rows[5][1] = "n/a"
rows[17][1] += "*"
rows[40][0] += " ?"
with open(folder / "gaps.csv", "w", encoding="utf-8-sig", newline="") as file:
    writer = csv.writer(file, delimiter=";")
    writer.writerow(["Compound", "Gap (eV)", "Remark"])
    writer.writerows(rows)
    writer.writerow(["", "", ""])
print(*(folder / "gaps.csv").read_text(encoding="utf-8-sig").splitlines()[:7], sep="\n")

# %%
# Read and check
# --------------
#
# Everything is read as text, so that nothing is changed on the way. Then each value that cannot be
# used is named with its line and the reason. On the command line ``sktl fit`` does the same.

from sktl.tables import find_column, formula_problems, read_numbers, read_table

table = read_table(folder / "gaps.csv")
formula_column = find_column(table, "compound").name
gap_column = find_column(table, "gap")  # finds "Gap (eV)"
numbers, problems = read_numbers(table, gap_column.name)
problems += formula_problems(table, formula_column)
for problem in problems:
    print(problem)

# %%
# Correct these in the file if you can. Here they are left out.

import numpy as np

bad = {problem.row for problem in problems}
good = [row for row in range(len(table)) if row not in bad]
formulas = np.array([table.column(formula_column)[row].strip() for row in good])
gaps = np.array(numbers)[good]
print(f"{len(good)} of {len(table)} rows are used; {gap_column.title} is in {gap_column.unit}")

# %%
# Split by composition
# --------------------
#
# Two ways to write one compound are never on both sides of the split.

from sklearn.model_selection import GroupShuffleSplit

from sktl.representations import parse_formulas

splitter = GroupShuffleSplit(test_size=0.25, random_state=0)
train, test = next(splitter.split(formulas, groups=parse_formulas(formulas).keys()))

# %%
# A model and its control
# -----------------------
#
# The control is the same network trained from scratch. Without it, a small error says nothing about
# transfer. The source ``mpt`` has not seen any composition of this table; its card says so. For
# data of your own, see :doc:`/pitfalls`.

from sktl import TransferRegressor

transfer = TransferRegressor("mpt", random_state=0).fit(formulas[train], gaps[train])
control = TransferRegressor(source=None, random_state=0).fit(formulas[train], gaps[train])
predicted = transfer.predict(formulas[test])
low, high = transfer.predict_interval(formulas[test], coverage=0.9).T

errors = abs(predicted - gaps[test])
control_errors = abs(control.predict(formulas[test]) - gaps[test])
print(f"fine-tuned:   mean absolute error {errors.mean():.2f} eV on {len(test)} test rows")
print(f"from scratch: mean absolute error {control_errors.mean():.2f} eV")
held = (low <= gaps[test]) & (gaps[test] <= high)
print(f"90 % intervals hold {100 * held.mean():.0f} % of the test values")

# %%
# Is the difference larger than chance? Both models are judged on the same test rows, so a paired
# bootstrap resamples their differences. It does not include the choice of the split: before
# you publish, repeat over splits, as ``sktl evaluate`` does.

generator = np.random.default_rng(0)
gain = control_errors - errors
drawn = generator.choice(gain, (5000, len(test))).mean(axis=1)
start, end = np.quantile(drawn, [0.025, 0.975])
print(f"transfer lowers the error by {gain.mean():.2f} eV (95 %: {start:.2f} to {end:.2f} eV)")

# %%
# The figure
# ----------
#
# The figure is one column of a journal wide, 85 mm, with text of 7 points. Text stays text in the
# PDF, and lines stay lines. It shows what an editor asks for: units on both axes, the number of
# rows, and what the bars are.

import matplotlib.pyplot as plt

style = {"font.size": 7, "axes.linewidth": 0.6, "pdf.fonttype": 42, "savefig.bbox": None}
with plt.rc_context(style):
    figure, axes = plt.subplots(figsize=(85 / 25.4, 80 / 25.4), layout="constrained")
    axes.vlines(gaps[test], low, high, color="0.75", linewidth=0.6, label="90 % interval")
    axes.plot(
        gaps[test], predicted, "o", markersize=3, markeredgewidth=0, alpha=0.8, label="prediction"
    )
    top = 1.05 * max(gaps[test].max(), high.max())
    axes.plot([0, top], [0, top], color="black", linewidth=0.6)
    axes.set(xlim=(-0.02 * top, top), ylim=(-0.02 * top, top), aspect="equal")
    axes.set(xlabel="Measured band gap (eV)", ylabel="Predicted band gap (eV)")
    axes.xaxis.set_major_locator(axes.yaxis.get_major_locator())
    axes.set_title(f"{len(test)} test rows, mean absolute error {errors.mean():.2f} eV", fontsize=7)
    axes.legend(loc="lower right", frameon=False)
    figure.savefig(folder / "parity.pdf")
    plt.show()

# %%
# Save the model
# --------------
#
# The file is not a pickle. ``sktl predict gaps.sktl new.csv -o predicted.csv`` reads it too.

transfer.save(folder / "gaps.sktl", target=gap_column.title, unit=gap_column.unit)
print(sorted(path.name for path in folder.iterdir()))
