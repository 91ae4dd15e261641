"""Formulas with two readings, and cells that are none: what is said of them."""

import pytest

from sktl.exceptions import FormulaError
from sktl.representations import parse_formula, parse_formulas


def refused(text):
    """Return why a formula is refused, alone and among others."""
    with pytest.raises(FormulaError) as among:
        parse_formulas(["Fe2O3", text])
    assert among.value.rows == [1]
    with pytest.raises(FormulaError) as alone:
        parse_formula(text)
    return str(alone.value)


@pytest.mark.parametrize(
    ("formula", "meant"),
    [
        ("Si02", "'SiO2'"),
        ("Fe203", "'Fe2O3'"),
        ("Ca3(P04)2", "'Ca3(PO4)2'"),
        ("Ca(0H)2", "'Ca(OH)2'"),
        ("K0H", "'KOH'"),
        ("Zn0", "'ZnO'"),
        ("H20", "'H2O'"),
        ("CuSO4.5H20", "'CuSO4.5H2O'"),
        ("LiC0O2", "'LiCoO2'"),
        ("C0304", "'Co3O4'"),
        ("M0S2", "'MoS2'"),
        ("YBa2Cu306.5", "'YBa2Cu3O6.5'"),
        ("LiNi0.8Co0.15Al0.0502", "'LiNi0.8Co0.15Al0.05O2'"),
        ("Se010", "'Se0.10'"),
        ("W00.4Mo0.6S2", "'W0.4Mo0.6S2'"),
        ("C0Sb3", "'CoSb3'"),
        ("Mo0S2", "'MoOS2'"),
        ("Zr0Cl2", "'ZrOCl2'"),
        ("FeO0H", "'FeOOH'"),
        ("V0PO4", "'VOPO4'"),
        ("CO304", "'Co3O4'"),
        ("N20", "'N2O'"),
        ("Al203·3H2O", "'Al2O3·3H2O'"),
        ("(Al203)0.5(SiO2)0.5", "'(Al2O3)0.5(SiO2)0.5'"),
        ("Al2Si205(OH)4", "'Al2Si2O5(OH)4'"),
        ("Li20·2SiO2", "'Li2O·2SiO2'"),
        ("LiNi08Co01Mn01O2", "'LiNi0.8Co0.1Mn0.1O2'"),
    ],
)
def test_proposes_the_letter_o_for_a_zero(formula, meant):
    assert meant in refused(formula)


@pytest.mark.parametrize(
    ("formula", "readings"),
    [
        ("Li2O.2SiO2", ["'Li2O·2SiO2'", "'Li2SiO2.2'"]),
        ("CoCl3.6NH3", ["'CoCl3·6NH3'", "'CoNH3Cl3.6'"]),
        ("SiO2@TiO2", ["'SiO2·TiO2'", "'SiO2' or 'TiO2'"]),
        ("(CuMnNi)75Zn25", ["'Cu25Mn25Ni25Zn25'", "'Cu75Mn75Ni75Zn25'"]),
        ("[(FeCo)75B25]96Nb4", ["'[Fe37.5Co37.5B25]96Nb4'", "'Fe7200Co7200B2400Nb4'"]),
        ("TiO2(B)", ["'TiO2'", "'TiO2B'"]),
        ("Fe(III)2O3", ["'Fe2O3'", "'FeI6O3'"]),
        ("Cu2(I)O", ["'Cu2O'"]),
        ("SnO.9SeO.1", ["'Sn0.9Se0.1'"]),
        ("AlO.3Ga0.7As", ["'Al0.3Ga0.7As'"]),
        ("CaC12", ["'CaCl2'", "'CaC12'"]),
        ("NaC1", ["'NaCl'"]),
        ("ZnCI2", ["'ZnCl2'", "'ZnCI2'"]),
        ("T1Br", ["'TlBr'"]),
        ("CsPb13", ["'CsPbI3'", "'CsPb13'"]),
        ("FeIII2O3", ["'Fe2O3'", "'FeI4O3'"]),
        ("SnIVO2", ["'SnO2'", "'SnIVO2'"]),
        ("SiC 6H", ["'SiC'", "'SiC6H'"]),
        ("FeAl B2", ["'FeAl'", "'FeAlB2'"]),
        ("SrTiO3 Nb", ["'SrTiO3'", "'SrTiO3Nb'"]),
        ("ZnO(Al)", ["'ZnO'", "'ZnOAl'"]),
        ("(MgCoNiCuZn)O", ["'Mg0.2Co0.2Ni0.2Cu0.2Zn0.2O'", "'MgCoNiCuZnO'"]),
        ("(TiZr)0.9Hf0.1N", ["'Ti0.45Zr0.45Hf0.1N'"]),
        ("CoCl2.6H2O·2HCl", ["'CoCl2·6H2O·2HCl'"]),
        ("CuSO45H2O", ["'CuSO4·5H2O'"]),
    ],
)
def test_spells_out_both_readings(formula, readings):
    words = refused(formula)
    assert all(reading in words for reading in readings)


@pytest.mark.parametrize(
    ("cell", "looks"),
    [
        ("TiO2 (rutile)", "phase or a note; write 'TiO2'"),
        ("α-Fe2O3", "phase or a note; write 'Fe2O3'"),
        ("ZnO:Al", "dopant"),
        ("Ti-6Al-4V", "alloy in weight per cent"),
        ("La1-xSrxMnO3", "variable"),
        ("SiOx", "variable"),
        ("nacl", "wrong case; write 'NaCl'"),
        ("silicon", "name; write 'Si'"),
        ("50% A + 50% B", "mixture"),
        ("70Bi2Te3-30Sb2Te3", "mixture; write '(Bi2Te3)70(Sb2Te3)30'"),
        ("2024-02-03 00:00:00", "date; a spreadsheet may have changed 'FeB3'"),
        ("1930-02-01", "'FeB1' or 'FeB30'"),
        ("(Ti,Zr)O2", "site shared"),
        ("Fe1,5O2", "decimal comma; write 'Fe1.5O2'"),
        ("-0.38", "a number"),
    ],
)
def test_says_what_a_cell_looks_like(cell, looks):
    assert looks in refused(cell)
