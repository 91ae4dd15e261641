"""Symbols and atomic numbers of the chemical elements."""

import re

SYMBOLS = tuple(
    """
    H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br
    Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho
    Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es
    Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og
    """.split()
)
"""Symbols in order of atomic number: ``SYMBOLS[z - 1]`` belongs to atomic number ``z``."""

ATOMIC_NUMBER = {symbol: z for z, symbol in enumerate(SYMBOLS, start=1)}
"""Atomic number of every symbol."""

ELEMENTS = frozenset(SYMBOLS) | {"D", "T"}
"""Symbols that a site of a crystal may have: the isotopes of hydrogen too."""

NONMETALS = frozenset("H C N O F P S Cl Se Br Te I".split())
"""Symbols of the elements that may end the formula of a compound."""

SYMBOL = re.compile(r"[A-Z][a-z]?")
"""What may be a symbol in a formula."""
