"""
Temperature and level of theory beside a formula
=================================================

Many properties depend on more than the composition. Columns beside the formula say on what: here a
temperature, and whether a value was computed or measured.
"""

import numpy as np
import pandas as pd

from sktl import Policy, TransferRegressor

# Band gaps fall with temperature as Eg(T) = Eg(0) - a T^2 / (T + b): eV, meV/K and K, from
# Vurgaftman et al., doi:10.1063/1.1368156, and for Si and Ge Thurmond, doi:10.1149/1.2134410.
varshni = {
    "GaAs": (1.519, 0.5405, 204),
    "InAs": (0.417, 0.276, 93),
    "AlAs": (3.099, 0.885, 530),
    "InP": (1.4236, 0.363, 162),
    "AlP": (3.63, 0.5771, 372),
    "GaSb": (0.812, 0.417, 140),
    "InSb": (0.235, 0.320, 170),
    "AlSb": (2.386, 0.42, 140),
    "GaN": (3.507, 0.909, 830),
    "AlN": (6.23, 1.799, 1462),
    "Si": (1.17, 0.473, 636),
    "Ge": (0.7437, 0.4774, 235),
}
temperatures = np.arange(0.0, 601.0, 75.0)
table = pd.DataFrame(
    [
        (formula, T, gap - 1e-3 * a * T**2 / (T + b))
        for formula, (gap, a, b) in varshni.items()
        for T in temperatures
    ],
    columns=["formula", "T (K)", "gap (eV)"],
)

# %%
# X is the frame with the column of formulas and the others that matter. Rows of one composition
# stay together when rows are held out, so that the interval is that of a new material.

model = TransferRegressor("oqmd", policy=Policy(validation_fraction=0.3), random_state=0)
model.fit(table[["formula", "T (K)"]], table["gap (eV)"])
curve = pd.DataFrame({"formula": "Al0.3Ga0.7As", "T (K)": np.linspace(0, 600, 25)})
gaps = model.predict(curve)
low, high = model.predict_interval(curve, coverage=0.8).T
print(f"Al0.3Ga0.7As: {gaps[0]:.1f} eV at 0 K, {gaps[0] - gaps[-1]:.2f} eV less at 600 K")

# %%
# What the model knows ends with the table: beyond, the interval widens, and `applicability` names
# the column.

hot = pd.DataFrame({"formula": ["GaAs", "GaAs"], "T (K)": [600.0, 1200.0]})
print(model.applicability(hot)["out_of_range"].tolist())

import matplotlib.pyplot as plt

figure, axis = plt.subplots(figsize=(4.5, 3.2), layout="constrained")
axis.fill_between(curve["T (K)"], low, high, alpha=0.25, lw=0, label="80 % interval")
axis.plot(curve["T (K)"], gaps, label="Al$_{0.3}$Ga$_{0.7}$As, predicted")
for formula, style in (("GaAs", "C1."), ("AlAs", "C2.")):
    known = table[table["formula"] == formula]
    axis.plot(known["T (K)"], known["gap (eV)"], style, label=f"{formula}, known")
axis.set(xlabel="temperature (K)", ylabel="band gap (eV)")
axis.legend(fontsize="small", frameon=False)
plt.show()

# %%
# Computed and measured values of one property belong in one table, with a column that tells them
# apart. Many computed gaps and few measured ones then teach each other: gaps of the local density
# approximation (LDA) are too small, and the model learns by how much (Tran and Blaha,
# doi:10.1103/PhysRevLett.102.226401).

lda = dict(C=4.11, Si=0.47, LiF=8.94, LiCl=6.06, MgO=4.70, SiC=1.35, BN=4.39, GaN=1.63)
lda |= dict(GaAs=0.30, AlP=1.46, ZnS=1.84, CdS=0.86, AlN=4.17, ZnO=0.75)
measured = dict(C=5.48, Si=1.17, LiF=14.20, MgO=7.90, SiC=2.40, GaAs=1.52, AlP=2.45, ZnS=3.91)
measured |= dict(AlN=6.28, LiCl=9.40)
levels = pd.concat(
    [
        pd.DataFrame({"formula": list(gaps), "level": level, "gap": gaps.values()})
        for level, gaps in (("LDA", lda), ("measured", measured))
    ]
)
model = TransferRegressor("oqmd", random_state=0).fit(levels[["formula", "level"]], levels["gap"])
for formula, known in (("BN", 6.25), ("GaN", 3.20), ("CdS", 2.42)):
    pair = pd.DataFrame({"formula": formula, "level": ["LDA", "measured"]})
    computed, expected = model.predict(pair)
    print(
        f"{formula}: LDA {computed:.1f} eV, expected measured {expected:.1f} eV, known {known} eV"
    )
