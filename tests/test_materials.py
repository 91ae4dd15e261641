"""The boundary where X comes in: containers, kinds, and what is refused."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from pymatgen.core import Composition, Structure

from sktl import DeepFeatureTransformer, TransferRegressor, TransferStackRegressor
from sktl._containers import as_objects
from sktl.exceptions import InputError, StructureError
from sktl.representations import Materials, StructureReader

FORMULAS = ["NaCl", "Fe2O3", "GaAs"]
COLUMN = np.array(FORMULAS, dtype=object)[:, None]


@pytest.mark.parametrize(
    "X",
    [
        FORMULAS,
        tuple(FORMULAS),
        [[formula] for formula in FORMULAS],
        pd.Series(FORMULAS, index=[7, 7, 1]),
        pd.Series(FORMULAS, dtype="string"),
        pd.Series(FORMULAS, dtype="category"),
        pd.Series(FORMULAS, dtype="string[pyarrow]"),
        pd.Series(FORMULAS, dtype=pd.ArrowDtype(pa.string())),
        pd.DataFrame({"formula": FORMULAS}, index=[2, 1, 0]),
        pd.DataFrame({"formula": FORMULAS}, dtype="category"),
        pd.Index(FORMULAS),
        pl.Series(FORMULAS),
        pl.Series(FORMULAS, dtype=pl.Categorical),
        pl.DataFrame({"formula": FORMULAS}),
        pa.array(FORMULAS),
        pa.chunked_array([FORMULAS[:1], FORMULAS[1:]]),
        pa.table({"formula": FORMULAS}),
        np.array(FORMULAS),
        COLUMN[:, 0],
        COLUMN,
        COLUMN.astype(str),
    ],
    ids=lambda X: f"{type(X).__name__}-{getattr(X, 'dtype', '')}-{np.shape(X)}",
)
def test_formulas_of_any_container(X):
    materials = Materials.read(X)
    assert (materials.kind, materials.items) == ("formulas", FORMULAS)


def test_compositions_stay_as_they_are():
    compositions = [Composition(formula) for formula in FORMULAS]
    column = pd.DataFrame({"composition": compositions})
    for X in (compositions, as_objects(compositions), column, column["composition"]):
        assert Materials.read(X).items == compositions


def test_objects_are_one_array_item_each():
    items = [Composition("NaCl"), [1, 2], "Fe", None]
    array = as_objects(items)
    assert array.shape == (4,) and all(a is b for a, b in zip(array, items, strict=True))


@pytest.mark.parametrize("X", [[[0.1, 0.2]], np.eye(3), pd.DataFrame({"a": [1], "b": [2]}), [1.0]])
def test_numbers_are_no_formulas(X):
    materials = Materials.read(X)
    assert materials.kind == "columns"
    with pytest.raises(InputError, match="expected formulas"):
        _ = materials.formulas


@pytest.mark.parametrize(
    "X", [[], (), pd.Series([]), pd.DataFrame({"formula": []}), np.empty((0, 1))]
)
def test_no_rows(X):
    with pytest.raises(InputError, match=f"{type(X).__name__} with 0 rows, expected at least one"):
        Materials.read(X)


@pytest.mark.parametrize("X", ["NaCl", b"NaCl", Composition("NaCl")])
def test_one_formula_is_no_sequence(X):
    with pytest.raises(InputError, match="expected a sequence of formulas"):
        Materials.read(X)


@pytest.mark.parametrize(
    "X",
    [{"NaCl": 1}, {"NaCl", "GaAs"}, (formula for formula in FORMULAS), None, 3.5],
    ids=["dict", "set", "generator", "None", "float"],
)
def test_no_table(X):
    message = f"Got X of type {type(X).__name__}, expected a sequence of formulas"
    with pytest.raises(InputError, match=message):
        Materials.read(X)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([None, None], "Got None in row 0"),
        ([1.5, None], "Got None in row 1"),
        ([b"NaCl"], "Got b'NaCl' in row 0"),
        (np.array(["NaCl"], dtype="S"), "Got b'NaCl' in row 0"),
        ([{"Na": 1, "Cl": 1}], "row 0 of X, expected a formula"),
        ([["NaCl", 300.0]], r"Got \['NaCl', 300.0\] in row 0 of X, expected one formula a row"),
    ],
    ids=repr,
)
def test_rows_that_are_neither_formulas_nor_numbers(X, message):
    with pytest.raises(InputError, match=message):
        Materials.read(X)


@pytest.mark.parametrize("value", ["NaCl", Composition("NaCl")])
def test_frame_with_a_formula_column_among_others(value):
    frame = pd.DataFrame({"T": [300.0], "note": [None], "formula": [value]})
    with pytest.raises(InputError, match=re.escape("one column of formulas: X[['formula']]")):
        Materials.read(frame)


def test_array_with_a_formula_column_among_others():
    X = np.array([["NaCl", 300.0], ["GaAs", 400.0]], dtype=object)
    with pytest.raises(InputError, match=r"2 columns, expected one column of formulas: X\[:, 0\]"):
        Materials.read(X)


def test_frames_of_any_library_with_a_formula_column_among_others():
    columns = {"T": [300.0], "formula": ["NaCl"]}
    for frame in (pl.DataFrame(columns), pa.table(columns)):
        with pytest.raises(InputError, match=r"one column of formulas"):
            Materials.read(frame)


def test_numbers_that_stand_as_text_are_no_formulas():
    frame = pd.DataFrame({"a": ["1.5", "2"], "b": [1, 2]})
    assert Materials.read(frame).kind == "columns"


SALT = bulk("NaCl", "rocksalt", a=5.64)


def test_ase_atoms_are_structures():
    twin = StructureReader().fit_transform([SALT])[0]
    for X in ([SALT, twin], as_objects([SALT, SALT])):
        materials = Materials.read(X)
        assert materials.kind == "structures"
        assert all(isinstance(each, Structure) and each == twin for each in materials.items)
    assert materials.compositions.keys() == Materials.read(["NaCl", "NaCl"]).compositions.keys()


@pytest.mark.parametrize("read", [Materials.read, StructureReader().fit_transform])
def test_atoms_that_are_no_crystal_are_refused(read):
    with pytest.raises(StructureError, match=r"(?s)row 1: Atoms: it is not periodic") as caught:
        read([SALT, molecule("H2O")])
    assert caught.value.rows == [1]
    flat = Atoms("Na", cell=[1, 0, 0], pbc=True)
    with pytest.raises(StructureError, match="no volume"):
        read([flat])


def test_a_slab_is_refused_as_its_twin_is():
    slab = fcc111("Al", (1, 1, 3), vacuum=8.0)
    assert slab.pbc.tolist() == [True, True, False]
    for X in ([slab], StructureReader().fit_transform([slab])):
        with pytest.raises(StructureError, match=r"its periodicity is \(True, True, False\)"):
            _ = Materials.read(X).crystals


def test_one_structure_is_no_sequence():
    with pytest.raises(InputError, match="a structure, expected a sequence"):
        Materials.read(SALT)


def test_materials_are_read_once_and_keep_what_they_made():
    materials = Materials.read(["NaCl", "Fe2O3", "GaAs"])
    whole = materials.compositions
    assert Materials.read(materials) is materials and materials.compositions is whole
    taken = materials.take(np.array([2, 0]))
    assert taken.items == ["GaAs", "NaCl"]
    assert "compositions" in vars(taken)
    assert taken.compositions.keys() == [whole.keys()[2], whole.keys()[0]]
    assert materials.take(np.array([False, True, False])).items == ["Fe2O3"]
    assert materials.take(slice(1, None)).items == ["Fe2O3", "GaAs"]


def fractions(order):
    """Return NaCl and Fe2O3 as elemental fractions in columns of some order of the elements."""
    frame = pd.DataFrame(0.0, index=[0, 1], columns=list(order))
    frame.loc[0, ["Na", "Cl"]] = 0.5
    frame.loc[1, ["Fe", "O"]] = 0.4, 0.6
    return frame


@pytest.mark.parametrize("library", [pd.DataFrame, lambda frame: pl.from_pandas(frame), pa.table])
@pytest.mark.parametrize("order", [["Na", "Cl", "Fe", "O"], ["Cl", "Fe", "Na", "O", "Xe"]])
def test_columns_named_by_elements_are_taken_by_name(library, order, tiny_source):
    frame = fractions(order)
    X = pa.Table.from_pandas(frame, preserve_index=False) if library is pa.table else library(frame)
    expected = Materials.read(["NaCl", "Fe2O3"]).compositions.keys()
    assert Materials.read(X).compositions.keys() == expected
    frame = fractions(["Cl", "Fe", "Na", "O"])
    features = DeepFeatureTransformer(tiny_source).fit(frame)
    np.testing.assert_allclose(
        features.transform(frame),
        DeepFeatureTransformer(tiny_source).fit_transform(["NaCl", "Fe2O3"]),
        rtol=1e-6,
        atol=1e-6,
    )


def test_a_column_that_is_no_element_among_fractions_is_named():
    frame = fractions(["Na", "Cl", "Fe", "O"]).assign(density=1.0)
    with pytest.raises(InputError, match="Got a column 'density' among elemental fractions"):
        _ = Materials.read(frame).compositions


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame, pa.table])
def test_names_of_columns_are_remembered_and_compared(library, tiny_source):
    model = TransferRegressor(tiny_source, max_epochs=1, random_state=0, device="cpu")
    formulas, y = ["NaCl", "Fe2O3", "GaAs", "TiO2"], [1.0, 2.0, 3.0, 4.0]
    model.fit(library({"formula": formulas}), y)
    assert model.feature_names_in_.tolist() == ["formula"] and model.n_features_in_ == 1
    named = model.predict(library({"formula": formulas}))
    np.testing.assert_array_equal(named, model.predict(formulas))
    with pytest.raises(ValueError, match="names should match those that were passed during fit"):
        model.predict(library({"compound": formulas}))
    assert not hasattr(model.fit(formulas, y), "feature_names_in_")


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_names_of_numeric_columns_are_remembered_and_compared(make):
    rng = np.random.default_rng(0)
    columns = {name: rng.normal(size=30) for name in ("a", "b")}
    model = TransferRegressor(None, max_epochs=1, random_state=0, device="cpu")
    model.fit(make(columns), columns["a"])
    assert model.feature_names_in_.tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(make({"b": columns["b"], "c": columns["a"]}))


@pytest.fixture
def readings(monkeypatch):
    """Count how often a container is read."""
    found = []
    read = Materials.read.__func__

    def count(cls, X, *args, **options):
        if not isinstance(X, cls):
            found.append(type(X).__name__)
        return read(cls, X, *args, **options)

    monkeypatch.setattr(Materials, "read", classmethod(count))
    return found


def quick_models(source):
    """Return models with every way to read X."""
    tuned = TransferRegressor(source, max_epochs=1, random_state=0, device="cpu")
    bases = [("tuned", tuned), ("again", TransferRegressor(source, max_epochs=1))]
    return {
        "regressor": tuned,
        "stack": TransferStackRegressor(source, n_members=2, random_state=0),
        "given": TransferStackRegressor(estimators=bases, n_members=2, random_state=0),
        "features": DeepFeatureTransformer(source),
    }


@pytest.mark.parametrize("name", ["regressor", "stack", "given", "features"])
def test_each_call_reads_x_once(name, tiny_source, toy_rows, readings):
    formulas, energies, _ = toy_rows(60, seed=1)
    model = quick_models(tiny_source)[name].fit(formulas, energies)
    assert readings == ["list"]
    for method in ("predict", "predict_interval", "screen", "applicability", "transform"):
        if hasattr(model, method):
            readings.clear()
            arguments = {"coverage": 0.5} if method in ("predict_interval", "screen") else {}
            getattr(model, method)(tuple(formulas), **arguments)
            assert readings == ["tuple"], method
