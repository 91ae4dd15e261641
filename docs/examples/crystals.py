"""
Crystals instead of formulas
============================

With a source that reads crystals, pymatgen structures replace formulas. Two crystals of one
composition then get two predictions. Lattice constants (Angstrom) and measured gaps (eV) are
those of O. Madelung, Semiconductors: Data Handbook, doi:10.1007/978-3-642-18865-7, rounded.
"""

from pymatgen.core import Lattice, Structure

from sktl import TransferRegressor

known = {
    "AlP": (5.46, 2.5),
    "AlAs": (5.66, 2.2),
    "AlSb": (6.14, 1.6),
    "GaP": (5.45, 2.3),
    "GaAs": (5.65, 1.4),
    "GaSb": (6.10, 0.7),
    "InP": (5.87, 1.3),
    "InAs": (6.06, 0.4),
    "InSb": (6.48, 0.2),
    "ZnS": (5.41, 3.7),
    "ZnSe": (5.67, 2.7),
    "ZnTe": (6.10, 2.3),
}


def zinc_blende(formula, edge):
    elements = formula[:2], formula[2:]
    return Structure.from_spacegroup("F-43m", Lattice.cubic(edge), elements, [[0] * 3, [0.25] * 3])


X = [zinc_blende(formula, edge) for formula, (edge, _) in known.items()]
y = [gap for _, gap in known.values()]
model = TransferRegressor(source="mpt-structure", random_state=0).fit(X, y)

new = {"CdS": (5.82, 2.4), "CdSe": (6.05, 1.7), "CdTe": (6.48, 1.5)}
crystals = [zinc_blende(formula, edge) for formula, (edge, _) in new.items()]
for (formula, (_, measured)), gap in zip(new.items(), model.predict(crystals), strict=True):
    print(f"{formula}: {gap:.1f} eV, measured {measured} eV")

# %%
# The gap grows as the cell becomes smaller, and is larger with zinc and cadmium.

import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(5, 3), layout="constrained")
for formula, (edge, gap) in known.items():
    axes.text(edge, gap, formula, ha="center", va="center", color="tab:blue")
for (formula, (edge, _)), gap in zip(new.items(), model.predict(crystals), strict=True):
    axes.text(edge, gap, formula, ha="center", va="center", color="tab:orange", weight="bold")
axes.set(xlabel="edge of the cubic cell (Å)", ylabel="band gap (eV)", xlim=(5.3, 6.6), ylim=(0, 4))
axes.set_title("blue: measured, trained on; orange: predicted", loc="left", fontsize=9)
plt.show()
