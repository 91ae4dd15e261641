"""Which column of a table is taken as the materials, and which question is asked instead."""

from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sktl import DeepFeatureTransformer, TransferRegressor
from sktl.exceptions import InputError
from sktl.representations import Materials

COMPOUNDS = "Bi2Te3 Sb2Te3 PbTe SnSe GeTe Cu2Se Mg2Si CoSb3 SiGe ZnSb AgSbTe2 Bi2Se3".split()
TYPO = [*COMPOUNDS[:-1], "Cu2Se1-x"]
FEW = {
    "sintering": ["SPS", "HP", "HIP"] * 4,
    "phase": ["FCC", "BCC"] * 6,
    "dopant": ["Mg", "Ca", "Y"] * 4,
    "mode": ["C", "P"] * 6,
}


def chosen(columns, material="auto"):
    """Return the name of the column that is taken as the materials."""
    return Materials.read(pd.DataFrame(columns), material).material


@pytest.mark.parametrize("name", FEW)
def test_a_column_of_a_few_words_is_not_the_materials(name):
    for compounds in (COMPOUNDS, TYPO):
        for header in ("compound", "what was measured"):
            assert chosen({name: FEW[name], header: compounds}) == header
    with pytest.raises(InputError, match=f"'{name}' and 'substance'.*material='{name}'"):
        mostly_bad = ["Cu2Se1-x", "n. a.", "Bi2Te3+", "?", "PbTe (5 %)", "x"]
        chosen({name: FEW[name], "substance": COMPOUNDS[:4] + mostly_bad + ["-x", "+x"]})


def test_two_columns_of_many_formulas_are_asked_about():
    precursors = "Bi2O3 Sb2O3 PbO SnO GeO2 CuO MgO CoO SiO2 ZnO Ag2O TeO2".split()
    both = {"target": COMPOUNDS, "precursor": precursors}
    with pytest.raises(InputError, match="'target' and 'precursor'.*material='target'"):
        chosen(both)
    assert chosen(both, "precursor") == "precursor"
    assert chosen({"Precursor": precursors, "Compound": COMPOUNDS}) == "Compound"


@pytest.mark.parametrize("kind", [TransferRegressor, DeepFeatureTransformer])
def test_the_name_of_the_material_is_asked_for_where_two_columns_can_be_it(kind, tiny_source):
    frame = pd.DataFrame({"metal": ["Fe", "Ni"] * 6, "T": range(12), "mode": FEW["mode"]})
    with pytest.raises(InputError, match="'metal' and 'mode'.*material='metal'"):
        kind(tiny_source).fit(frame, np.arange(12.0))
    model = kind(tiny_source, material="metal").fit(frame, np.arange(12.0))
    assert model.material_ == "metal"
    assert list(model.conditions_.columns) == ["T", "mode"]


def test_the_only_column_of_texts_may_hold_few_materials():
    assert chosen({"metal": ["Fe", "Ni"] * 2, "T": [1, 2, 3, 4]}) == "metal"


def test_a_word_beside_elemental_fractions_is_not_silently_the_material():
    amounts = {"Fe": np.linspace(0.1, 0.9, 12), "Ni": np.linspace(0.9, 0.1, 12)}
    with pytest.raises(InputError, match=r"'phase' and columns named by.*'Fe', 'Ni'.*leave out"):
        chosen({**amounts, "phase": FEW["phase"]})
    assert chosen({**amounts, "phase": FEW["phase"]}, "phase") == "phase"
    assert chosen({**amounts, "alloy": COMPOUNDS}) == "alloy"


def test_a_wrong_name_gets_the_names_that_there_are():
    with pytest.raises(InputError, match=r"'compound'.*X has \['formula', 'T', 'aged'\]"):
        chosen({"formula": ["Fe", "Ni"], "T": [1, 2], "aged": ["a", "b"]}, "compound")


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_no_rows_are_told_of(make):
    empty = make({"formula": ["Fe", "Ni"], "T": [1.0, 2.0], "aged": ["a", "b"]})[:0]
    with pytest.raises(InputError, match="with 0 rows, expected at least one"):
        Materials.read(empty, "auto")
    with pytest.raises(InputError, match="with 0 rows, expected at least one"):
        Materials.read(empty, "formula")


def test_a_label_that_is_no_text_names_the_material(tiny_source):
    oxides = [f"{metal}{n}O" for metal in ("Fe", "Ni", "Al", "Ti") for n in (1, 2, 3)]
    frame = pd.DataFrame({0: oxides, "x": np.arange(12.0)})
    model = partial(TransferRegressor, tiny_source, max_epochs=1, random_state=0)
    fitted = model().fit(frame, np.arange(12.0))
    assert fitted.predict(frame).shape == (12,)
    assert model(material="0").fit(frame, frame["x"]).material_ == "0"
    assert fitted.applicability(frame.assign(x=99.0))["out_of_range"].tolist() == [("x",)] * 12
