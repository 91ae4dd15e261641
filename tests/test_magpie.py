"""The 145 physical attributes equal matminer's, row by row, and gaps are never silent."""

import os
import warnings
from pathlib import Path

import numpy as np
import pytest

from sktl.exceptions import InputError, MissingElementDataError
from sktl.representations._compositions import Compositions
from sktl.representations._formula import parse_formulas
from sktl.representations._magpie import MAGPIE_FEATURE_NAMES, magpie_attributes

ROOT = Path(__file__).resolve().parents[1]
MIRROR = Path(os.environ.get("SKTL_DATA_MIRROR", ROOT.parent / "shared/data/mirror"))

COMPLETE = """
    Fe Fe2O3 O3Fe2 Fe4O6 Fe3O4 NaN CO GaAs LiFePO4 Ca3(PO4)2 CuSO4·5H2O Al0.5Ga0.5As Fe0.95O
    Li0.333Ni0.333Mn0.333O2 YBa2Cu3O6.93 Co0.2Cr0.2Fe0.2Mn0.2Ni0.2 XeF2 XeF4 Ag0.001Cu0.999
    K4[Fe(CN)6] CH3NH3PbI3 Nb0.5Mo0.5Ta0.5W0.5 Pu2O3 CNSClPBr Si28O56 S2Cl2 Na1.000001Cl1
    CHNOSPClBrISe Cu10Zn20Al30Ti40 Hg2Cl2 LiLi O2 Zr52.5Cu17.9Ni14.6Al10Ti5 U3O8
""".split()
GAPPED = ["He", "HeNe", "Na2He", "ArF", "FrCl", "RnF2", "AtI", "FmO", "CfO2", "RfCl4", "OgTs"]


def matminer_featurizer(impute_nan):
    """Return the matminer featurizer that `magpie_attributes` equals."""
    from matminer.featurizers.base import MultipleFeaturizer
    from matminer.featurizers.composition import (
        ElementProperty,
        IonProperty,
        Stoichiometry,
        ValenceOrbital,
    )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return MultipleFeaturizer(
            [
                Stoichiometry(),
                ElementProperty.from_preset("magpie", impute_nan=impute_nan),
                ValenceOrbital(props=["frac"], impute_nan=impute_nan),
                IonProperty(fast=True, impute_nan=impute_nan),
            ]
        )


def matminer_attributes(formulas, impute_nan):
    from pymatgen.core import Composition

    featurizer = matminer_featurizer(impute_nan)
    compositions = [
        Composition("CuSO9H10") if formula == "CuSO4·5H2O" else Composition(formula)
        for formula in formulas
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.array([featurizer.featurize(composition) for composition in compositions], float)


def assert_equal_attributes(actual, expected, formulas):
    close = np.isclose(actual, expected, rtol=0, atol=1e-6, equal_nan=True)
    wrong = [
        (formulas[row], MAGPIE_FEATURE_NAMES[column], actual[row, column], expected[row, column])
        for row, column in np.argwhere(~close)
    ]
    assert not wrong


def test_names_are_matminers():
    assert len(MAGPIE_FEATURE_NAMES) == 145
    assert list(MAGPIE_FEATURE_NAMES) == matminer_featurizer(True).feature_labels()


@pytest.mark.parametrize("missing", ["nan", "impute"])
def test_equal_to_matminer(missing):
    formulas = COMPLETE + GAPPED
    actual = magpie_attributes(parse_formulas(formulas), missing=missing)
    expected = matminer_attributes(formulas, impute_nan=missing == "impute")
    assert actual.dtype == np.float64
    assert_equal_attributes(actual, expected, formulas)
    assert np.isnan(actual[len(COMPLETE) :]).any(axis=1).all() == (missing == "nan")


@pytest.mark.parametrize("name", ["CrossPropertyTL/data", "CrabNet/data/benchmark_data"])
def test_equal_to_matminer_on_public_data(name):
    import pandas as pd

    files = sorted((MIRROR / name).rglob("*.csv"))
    if not files:
        pytest.skip(f"no data mirror at {MIRROR}; set SKTL_DATA_MIRROR")
    formulas = []
    for file in files[:: max(1, len(files) // 6)]:
        table = pd.read_csv(file, keep_default_na=False, dtype=str)
        column = "pretty_comp" if "pretty_comp" in table else "formula"
        formulas += table[column].sample(6, random_state=0).tolist()
    formulas = [formula for formula in formulas if "-" not in formula]
    actual = magpie_attributes(parse_formulas(formulas), missing="nan")
    assert_equal_attributes(actual, matminer_attributes(formulas, impute_nan=False), formulas)


def test_complete_rows_need_no_policy():
    compositions = parse_formulas(COMPLETE)
    strict = magpie_attributes(compositions)
    assert np.isfinite(strict).all()
    np.testing.assert_array_equal(strict, magpie_attributes(compositions, missing="nan"))
    np.testing.assert_array_equal(strict, magpie_attributes(compositions, missing="impute"))


def test_missing_data_is_named():
    compositions = parse_formulas(["NaCl", "Na2He", "FrCl"])
    with pytest.raises(MissingElementDataError) as caught:
        magpie_attributes(compositions)
    message = str(caught.value)
    assert "2 of 3" in message
    assert "row 1: 'HeNa2': He (MeltingT, Electronegativity, X)" in message
    assert "row 2: 'ClFr': Fr (MeltingT, SpaceGroupNumber)" in message
    with pytest.raises(MissingElementDataError, match="'Na2He': He"):
        magpie_attributes(compositions, formulas=["NaCl", "Na2He", "FrCl"])


def test_many_rows_with_missing_data_are_counted():
    with pytest.raises(MissingElementDataError, match="(?s)7 of 8.*and 2 more") as caught:
        magpie_attributes(parse_formulas(["NaCl"] + ["He"] * 7))
    assert "row 5" in str(caught.value) and "row 6" not in str(caught.value)


def test_unknown_policy():
    with pytest.raises(InputError, match="Got missing='drop'"):
        magpie_attributes(parse_formulas(["NaCl"]), missing="drop")


def test_rows_do_not_depend_on_their_batch():
    compositions = parse_formulas(COMPLETE * 100)
    attributes = magpie_attributes(compositions)
    order = np.random.default_rng(0).permutation(len(compositions))
    np.testing.assert_array_equal(magpie_attributes(compositions.take(order)), attributes[order])
    for row in range(len(COMPLETE)):
        alone = magpie_attributes(compositions.take([row]))
        np.testing.assert_array_equal(alone, attributes[[row]])


def test_fractions_and_formulas_agree():
    compositions = parse_formulas(["Fe2O3", "Li0.333Ni0.333Mn0.333O2", "CH3NH3PbI3"])
    fractions = Compositions.from_fractions(compositions.to_dense())
    np.testing.assert_allclose(
        magpie_attributes(fractions), magpie_attributes(compositions), rtol=0, atol=1e-9
    )


def test_many_elements_with_several_states_are_quick():
    states = {"Cr": 6, "Mn": 7, "Fe": 3, "Co": 3, "Mo": 6, "Tc": 7, "Ru": 4, "Pd": 4, "Ce": 4}
    states |= {"Eu": 3, "W": 6, "Re": 4, "Ir": 4, "Pt": 4, "Hg": 2, "Tl": 3, "Pb": 4, "Si": 4}
    amounts = {symbol: 0.01 * (i + 1) for i, symbol in enumerate(states)}
    charge = sum(states[symbol] * amount for symbol, amount in amounts.items())
    cations = "".join(f"{symbol}{amount:.2f}" for symbol, amount in amounts.items())
    oxides = [f"{cations}O{charge / 2:.3f}", f"{cations}O{charge / 2 + 0.001:.3f}"]
    attributes = magpie_attributes(parse_formulas(oxides))
    assert attributes[:, 0].tolist() == [19, 19]
    assert attributes[:, MAGPIE_FEATURE_NAMES.index("compound possible")].tolist() == [1, 0]


def test_inputs_stay_as_they_are():
    compositions = parse_formulas(COMPLETE)
    for array in (compositions.numbers, compositions.amounts, compositions.offsets):
        array.flags.writeable = False
    attributes = magpie_attributes(compositions)
    attributes[:] = 0
    assert magpie_attributes(compositions).any()


def test_empty_batch():
    assert magpie_attributes(parse_formulas(["NaCl"]).take([])).shape == (0, 145)
