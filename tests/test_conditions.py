"""What stands beside the material: read, learned from, widened beyond, saved."""

import json
import subprocess
import sys
from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pytest
from click.testing import CliRunner
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline

import sktl
from sktl import (
    DeepFeatureTransformer,
    TransferClassifier,
    TransferRegressor,
    TransferStackRegressor,
)
from sktl.cli import main
from sktl.exceptions import InputError, TransferWarning
from sktl.representations import ConditionColumns, Conditions, Materials

METALS, AMOUNTS = ("Fe", "Ni", "Al", "Ti"), [(1, 1), (1, 2), (2, 3), (3, 4)]
FORMULAS = [f"{metal}{n}O{m}" for metal in METALS for n, m in AMOUNTS]


def table(n_temperatures=4, seed=0):
    """Return a table in which the property depends on temperature and processing, and its y."""
    generator = np.random.default_rng(seed)
    rows = [(formula, 300.0 + 200 * k) for formula in FORMULAS for k in range(n_temperatures)]
    frame = pd.DataFrame(rows, columns=["formula", "T (K)"])
    frame["processing"] = generator.choice(["cast", "wrought"], len(frame))
    base = np.array([METALS.index(formula[:2]) for formula in frame["formula"]])
    y = base + frame["T (K)"] / 100 + 5.0 * (frame["processing"] == "cast")
    return frame, y.to_numpy()


@pytest.fixture(scope="module")
def regressor(tiny_source):
    """Function -> TransferRegressor on the tiny source."""
    return partial(TransferRegressor, tiny_source, random_state=0, learning_rate=5e-3)


@pytest.fixture(scope="module")
def fitted(regressor):
    frame, y = table()
    return regressor(max_epochs=40).fit(frame, y), frame, y


def test_columns_beside_the_material_lower_the_error(fitted, regressor):
    model, frame, y = fitted
    alone = regressor(max_epochs=40).fit(frame["formula"], y)
    error = np.abs(model.predict(frame) - y).mean()
    assert error < 0.5 * np.abs(alone.predict(frame["formula"]) - y).mean()


def test_a_frame_of_polars_is_read_as_one_of_pandas(fitted, regressor):
    model, frame, y = fitted
    assert np.array_equal(model.predict(pl.from_pandas(frame)), model.predict(frame))
    again = regressor(max_epochs=40).fit(pl.from_pandas(frame), y)
    assert np.array_equal(again.predict(frame), model.predict(frame))


def test_constant_columns_change_nothing(regressor):
    frame, y = table(n_temperatures=1)
    frame["processing"] = "cast"
    model = regressor(max_epochs=2)
    alone = model.fit(frame[["formula"]], y).predict(frame[["formula"]])
    assert np.array_equal(model.fit(frame, y).predict(frame), alone)


def test_the_order_of_rows_does_not_matter(fitted, regressor):
    model, frame, y = fitted
    order = np.random.default_rng(1).permutation(len(y))
    again = regressor(max_epochs=40).fit(frame.iloc[order], y[order])
    assert again.training_sha256_ == model.training_sha256_
    assert np.allclose(again.predict(frame), model.predict(frame), atol=1e-5)


def test_columns_are_part_of_the_training_hash(fitted, regressor):
    model, frame, y = fitted
    other = regressor(max_epochs=1).fit(frame.assign(**{"T (K)": 1.0}), y)
    assert other.training_sha256_ != model.training_sha256_


def test_a_model_with_conditions_is_loaded_in_another_process(fitted, tmp_path):
    model, frame, _ = fitted
    model.save(tmp_path / "m.sktl")
    frame.head(5).to_parquet(tmp_path / "t.parquet")
    script = (
        "import pandas, sktl, sys;"
        "model = sktl.load_model(sys.argv[1] + '/m.sktl');"
        "print(model.predict(pandas.read_parquet(sys.argv[1] + '/t.parquet')).tolist())"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert np.allclose(eval_list(run.stdout), model.predict(frame.head(5)), rtol=1e-6)


def eval_list(text):
    return [float(part) for part in text.strip().strip("[]").split(",")]


def test_errors_widen_beyond_the_range_and_the_column_is_named(regressor):
    frame, y = table()
    policy = sktl.Policy(validation_fraction=0.3)
    model = regressor(max_epochs=3, policy=policy).fit(frame, y)
    rows = frame.iloc[[0, 0, 0]].copy()
    rows["T (K)"] = [300.0, 1500.0, 3000.0]
    _, deviations = model.predict(rows, return_std=True)
    assert deviations[0] < deviations[1] < deviations[2]
    found = model.applicability(rows)
    assert found["out_of_range"].tolist() == [(), ("T (K)",), ("T (K)",)]
    assert found["outside"].tolist()[1:] == [True, True]
    widths = np.diff(model.predict_interval(rows, coverage=0.5), axis=1)[:, 0]
    assert widths[0] < widths[1] < widths[2]
    assert model.screen(rows, coverage=0.5)["out_of_range"].tolist()[2] == ("T (K)",)


def test_a_new_category_is_told_of_or_refused(fitted, regressor):
    model, frame, y = fitted
    new = frame.head(3).assign(processing=["cast", "forged", "cast"])
    with pytest.warns(
        TransferWarning, match=r"'forged' in 1 of 3 rows .* 'processing'.* row 1"
    ) as w:
        model.predict(new)
    assert w[0].filename == __file__
    strict = regressor(max_epochs=1, policy=sktl.Policy(unseen_categories="error"))
    with pytest.raises(InputError, match="'forged'.*expected one of .'cast', 'wrought'."):
        strict.fit(frame, y).predict(new)


def test_missing_cells_are_missing_and_not_zero(regressor):
    frame, y = table()
    frame.loc[::5, "T (K)"] = np.nan
    frame.loc[1::7, "processing"] = None
    model = regressor(max_epochs=3).fit(frame, y)
    zero = frame.head(10).assign(**{"T (K)": 0.0})
    gone = frame.head(10).assign(**{"T (K)": np.nan})
    assert not np.allclose(model.predict(zero), model.predict(gone))
    assert np.isfinite(model.predict(gone)).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: X[["formula"]], r"without columns beside the material.*\['T \(K\)', 'proc"),
        (lambda X: X["formula"].tolist(), "without columns beside the material"),
        (lambda X: X.rename(columns={"processing": "p"}), r"\['T \(K\)', 'p'\].*expected"),
        (lambda X: X.assign(processing=1.0), "numbers in the column 'processing', expected categ"),
        (lambda X: X.assign(**{"T (K)": np.inf}), r"inf in row 0 of the column 'T \(K\)'"),
        (lambda X: X.assign(**{"T (K)": ["hot", 300.0] * (len(X) // 2)}), "'hot' in row 0 and 300"),
        (lambda X: X.assign(**{"T (K)": [{}] * len(X)}), r"{} in row 0 of the column 'T \(K\)'"),
    ],
)
def test_other_columns_than_in_fit_are_refused(fitted, change, message):
    model, frame, _ = fitted
    with pytest.raises(InputError, match=message):
        model.predict(change(frame))


def test_columns_are_refused_after_a_fit_without(fitted, regressor):
    _, frame, y = fitted
    model = regressor(max_epochs=1).fit(frame["formula"], y)
    with pytest.raises(InputError, match="fitted on materials alone"):
        model.predict(frame)


def test_texts_that_read_as_numbers_are_told_of(fitted, regressor):
    _, frame, y = fitted
    frame = frame.assign(**{"T (K)": frame["T (K)"].astype(str)})
    with pytest.warns(TransferWarning, match="'T .K.' holds texts that read as numbers"):
        regressor(max_epochs=1).fit(frame, y)


@pytest.mark.filterwarnings("error")
def test_numbers_in_a_categorical_column_are_names():
    frame = pd.DataFrame({"formula": ["Fe", "Fe2O3", "Ni"], "steel": [304, 316, 304]})
    frame["steel"] = frame["steel"].astype("category")
    assert Materials.read(frame, "auto").conditions.columns["steel"].tolist() == [
        "304",
        "316",
        "304",
    ]
    names = pl.DataFrame({"formula": ["Fe", "Ni"], "steel": ["304", None]})
    for kind in (pl.Categorical, pl.Enum(["304", "316"])):
        read = Materials.read(names.with_columns(pl.col("steel").cast(kind)), "auto")
        assert read.conditions.columns["steel"].tolist() == ["304", None]


def test_a_name_that_occurs_twice_is_refused():
    frame = pd.DataFrame({"formula": ["Fe", "Ni"], "T": [1, 2], "kind": ["a", "b"]})
    for names in (["formula", "formula", "kind"], ["formula", "T", "T"]):
        with pytest.raises(InputError, match=f"two columns with the name {names[1]!r}"):
            Materials.read(frame.set_axis(names, axis=1), "auto")


def test_the_transformer_passes_columns_through_to_other_models(fitted, tiny_source):
    _, frame, y = fitted
    deep = DeepFeatureTransformer(tiny_source, layers=[], predictions=True).fit(frame)
    names = deep.get_feature_names_out().tolist()
    features = deep.transform(frame)
    assert names[-3:] == ["T (K)", "processing = cast", "processing = wrought"]
    assert np.array_equal(features[:, -3], frame["T (K)"])
    assert set(features[:, -2]) == {0.0, 1.0}
    pipeline = make_pipeline(deep, ExtraTreesRegressor(20, random_state=0))
    assert cross_val_score(pipeline, frame, y, cv=3).mean() > 0.5


def test_the_stack_reads_columns_in_all_its_models(tiny_source, tmp_path):
    frame, y = table()
    frame.loc[::9, "T (K)"] = np.nan
    model = TransferStackRegressor(tiny_source, n_members=2, random_state=0).fit(frame, y)
    assert np.abs(model.predict(frame) - y).mean() < 0.5 * np.abs(np.median(y) - y).mean()
    model.save(tmp_path / "m.sktl")
    loaded = sktl.load_model(tmp_path / "m.sktl")
    assert np.allclose(loaded.predict(frame), model.predict(frame), rtol=1e-9)
    hot = frame.head(1).assign(**{"T (K)": 5000.0})
    assert loaded.applicability(hot)["out_of_range"].tolist() == [("T (K)",)]


def test_given_models_of_the_stack_read_the_frame_itself(tiny_source, regressor, tmp_path):
    frame, y = table()
    pipeline = make_pipeline(DeepFeatureTransformer(tiny_source), ExtraTreesRegressor(10))
    bases = [("trees", pipeline), ("network", regressor(max_epochs=1))]
    model = TransferStackRegressor(estimators=bases, n_members=2, random_state=0).fit(frame, y)
    assert model.predict(frame).shape == y.shape
    model.save(tmp_path / "m.sktl")
    loaded = sktl.load_model(tmp_path / "m.sktl")
    assert np.allclose(loaded.predict(frame), model.predict(frame), rtol=1e-6)


def test_the_classifier_reads_columns(tiny_source):
    frame, y = table()
    quick = {"n_members": 1, "max_epochs": 40, "learning_rate": 5e-3, "random_state": 0}
    model = TransferClassifier(tiny_source, **quick).fit(frame, y > np.median(y))
    assert (model.predict(frame) == (y > np.median(y))).mean() > 0.8


def test_freeze_depth_is_searched_as_without_columns(fitted, regressor, tiny_source):
    _, frame, y = fitted
    depths = [0, len(tiny_source.network.depth_groups) - 1]
    search = GridSearchCV(regressor(max_epochs=1), {"freeze_depth": depths}, cv=2)
    assert search.fit(frame, y).best_params_["freeze_depth"] in depths
    with pytest.raises(InputError, match="freeze_depth"):
        regressor(freeze_depth=depths[1] + 1).fit(frame, y)


def test_structures_may_have_columns_beside_them(tiny_crystal_source, toy_crystals):
    crystals, y, _ = toy_crystals(20, seed=3)
    frame = pd.DataFrame({"structure": crystals, "level": ["PBE", "SCAN"] * 10})
    model = TransferRegressor(tiny_crystal_source, max_epochs=2, random_state=0).fit(frame, y)
    assert model.input_kind_ == "structures"
    assert not np.allclose(model.predict(frame.assign(level="PBE")), model.predict(frame))


def test_materials_take_their_columns_with_them():
    frame, _ = table()
    frame["aged"] = [True, None] * (len(frame) // 2)
    materials = Materials.read(frame, "auto")
    part = materials.take(np.array([3, 0]))
    assert part.conditions.columns["T (K)"].tolist() == [900.0, 300.0]
    assert part.conditions.columns["aged"].tolist() == [None, "True"]
    assert part.texts()[1].startswith("Fe1O1, T (K) = 300, processing = ")
    again = Materials.from_plain("formulas", part.to_plain())
    assert again.digests() == part.digests()


def run(*arguments):
    return CliRunner().invoke(main, list(arguments))


def test_columns_on_the_command_line(tiny_source, few_steps, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny_source.save("toy.safetensors")
    frame, y = table()
    frame.loc[3, "T (K)"] = np.nan
    frame.assign(strength=y).to_csv("data.csv", index=False, sep=";", decimal=",")
    source = ["--source", "toy.safetensors"]
    asked = ["--target", "strength", "--conditions", "t,processing"]
    with few_steps():
        done = run("fit", "data.csv", *asked, *source, "--save", "m.sktl")
    assert done.exit_code == 0, done.output
    assert list(sktl.load_model("m.sktl").conditions_.columns) == ["T (K)", "processing"]
    new = frame.head(3).rename(columns={"formula": "composition"})[
        ["processing", "T (K)", "composition"]
    ]
    new.assign(**{"T (K)": [300, "hot", 5000]}).to_csv("new.csv", index=False)
    done = run("predict", "m.sktl", "new.csv", "-o", "out.csv")
    assert done.exit_code == 0, done.output
    out = pd.read_csv("out.csv")
    assert out["prediction of strength"].notna().tolist() == [True, False, True]
    assert "T (K)" in out["reason"][1] or "hot" in out["reason"][1]
    assert out["out_of_range"].fillna("").tolist() == ["", "", "T (K)"]
    settings = ["--models", "transfer,forest", "--repeats", "1", "--folds", "2", "--jobs", "1"]
    with few_steps():
        done = run("evaluate", "data.csv", *asked, *source, *settings, "-o", "r.html", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert sum(part["rows"] for part in found["conditions"]["T (K)"]) == len(frame)
    assert "Columns beside the material" in (tmp_path / "r.html").read_text(encoding="utf-8")


@pytest.mark.filterwarnings("default")
def test_names_that_look_like_numbers_are_words_where_this_is_said(
    tiny_source, few_steps, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    tiny_source.save("toy.safetensors")
    grades = ["304", "316L", "430", "17-4PH"] * 5
    frame = pd.DataFrame({"formula": (FORMULAS * 2)[:20], "grade": grades, "y": range(20)})
    frame.to_csv("data.csv", index=False)
    fit = "fit data.csv --target y --source toy.safetensors --save m.sktl --conditions grade"
    done = CliRunner().invoke(main, fit.split())
    assert done.exit_code == 1 and "10 of 20 rows cannot be used" in done.output
    assert "'316L' in line 3. If its cells are names" in done.output
    check = "check data.csv --target y --conditions grade"
    assert "10 cells in 10 of 20 rows" in CliRunner().invoke(main, check.split()).output
    done = CliRunner().invoke(main, [*check.split(), "--words", "grade"])
    assert done.output == "20 rows: all cells can be used.\n"
    done = CliRunner().invoke(main, [*fit.split(), "--words", "y"])
    assert done.exit_code == 2 and "expected a column of --conditions" in done.output
    with few_steps():
        done = CliRunner().invoke(main, [*fit.split(), "--words", "Grade"])
    assert done.exit_code == 0, done.output
    assert not any(sktl.load_model("m.sktl").conditions_.numeric.values())
    done = CliRunner().invoke(main, "predict m.sktl data.csv -o out.csv".split())
    assert done.exit_code == 0, done.output
    assert pd.read_csv("out.csv")["prediction of y"].notna().all()


def test_classes_are_evaluated_with_columns(tiny_source, few_steps, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny_source.save("toy.safetensors")
    frame, y = table()
    frame.loc[3, "T (K)"] = np.nan
    kinds = np.where(y > np.median(y), "high", "low")
    frame.assign(kind=kinds).to_csv("data.csv", index=False)
    asked = "--target kind --conditions T,processing --source toy.safetensors".split()
    few = "--models transfer,forest --repeats 1 --folds 2 --jobs 1 --json -o r.html".split()
    with few_steps():
        done = run("evaluate", "data.csv", *asked, *few)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    parts = found["conditions"]["T (K)"]
    assert sum(part["rows"] for part in parts) == len(frame) and parts[-1]["part"] == "not known"
    wrong = sum(part["rows"] * part["wrong"] for part in parts) / len(frame)
    counts = np.array(found["models"][0]["confusion"])
    assert wrong == pytest.approx(1 - np.trace(counts) / len(frame))
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "Columns beside the material" in page and "the probability of low that" in page


def test_rare_categories_are_one():
    texts = [f"batch {k:03}" for k in range(150) for _ in range(1 + (k < 120))]
    columns = ConditionColumns(Conditions.read({"batch": texts}))
    assert len(columns.names) == 101
    assert columns.names[-1] == "batch is rare"
    known = columns.encode(Conditions.read({"batch": ["batch 149", "batch 000", "new"]}))
    assert known.sum(axis=1).tolist() == [1.0, 1.0, 0.0]
    assert known[0, -1] == 1.0


def test_predict_reads_thousands_beside_the_material_as_fit_did(
    tiny_source, few_steps, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    tiny_source.save("toy.safetensors")
    rows = [f"{formula};1.{i}00;8,5" for i, formula in enumerate(FORMULAS[:10])]
    (tmp_path / "data.csv").write_text("\n".join(["formula;T (K);y", *rows]) + "\n")
    fit = "fit data.csv --target y --conditions t --source toy.safetensors --save m.sktl"
    with few_steps():
        done = run(*fit.split(), "--decimal", ",")
    assert done.exit_code == 0, done.output
    new = [row.rpartition(";")[0].replace(".", ",") for row in rows]
    (tmp_path / "new.csv").write_text("\n".join(["formula;T (K)", *new]) + "\n")
    predict = "predict m.sktl new.csv -o out.csv".split()
    done = run(*predict)
    assert done.exit_code == 1 and "'1,000' may be a decimal number or thousands" in done.output
    assert run(*predict, "--decimal", ".").exit_code == 0
    out = pd.read_csv("out.csv", sep=";", decimal=",")
    assert out["out_of_range"].isna().all() and out["prediction of y"].notna().all()
    done = run(*predict, "--decimal", ".", "--engine", "dask")
    assert done.exit_code == 2 and "need --engine memory" in done.output
