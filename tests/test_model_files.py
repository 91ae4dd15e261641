"""Model files: what is read back predicts the same, and nothing else is read."""

import hashlib
import io
import json
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
import skops.io
import torch
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.tree._tree import Tree

import sktl
from sktl import (
    DeepFeatureTransformer,
    TransferClassifier,
    TransferRegressor,
    TransferStackRegressor,
    load_model,
)
from sktl.estimators._files._learners import check_trees, walk
from sktl.exceptions import InputError, ModelIntegrityError
from sktl.sources import read_tensors, write_tensors

FAST = {"max_epochs": 1, "random_state": 0}


class Foreign(RegressorMixin, BaseEstimator):
    """An estimator that is neither of sktl nor of scikit-learn."""

    def fit(self, X, y):
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


@pytest.fixture
def rows(toy_rows):
    formulas, energies, _ = toy_rows(60, seed=8)
    return formulas, energies


@pytest.fixture
def saved(tmp_path, tiny_source, rows):
    """A regressor and the file that it wrote."""
    model = TransferRegressor(tiny_source, **FAST).fit(*rows)
    model.save(tmp_path / "gap.sktl", target="gap", unit="eV")
    return model, tmp_path / "gap.sktl"


def again(model, folder):
    model.save(folder / "again.sktl")
    return load_model(folder / "again.sktl")


def test_a_regressor_comes_back_with_all_that_it_knows(saved, rows):
    model, path = saved
    found = load_model(path)
    X = rows[0][:9]
    np.testing.assert_array_equal(found.predict(X), model.predict(X))
    for mine, other in zip(
        (*found.predict(X, return_std=True), found.predict_interval(X, coverage=0.5)),
        (*model.predict(X, return_std=True), model.predict_interval(X, coverage=0.5)),
        strict=True,
    ):
        np.testing.assert_array_equal(mine, other)
    assert found.source_ == model.source_
    assert found.history_[0][:, "train_loss"] == model.history_[0][:, "train_loss"]
    assert found.get_params()["max_epochs"] == 1
    assert not any(p.requires_grad for p in found.networks_[0].parameters())
    assert found.file_["target"] == {"name": "gap", "unit": "eV"}
    assert found.file_["versions"]["sktl"] == sktl.__version__
    assert found.file_["training_sha256"] == model.training_sha256_


def test_the_hash_of_the_training_rows_ignores_their_order_and_sees_a_changed_one(
    saved, rows, tiny_source
):
    formulas, y = rows
    order = np.random.default_rng(0).permutation(len(y))
    turned = TransferRegressor(tiny_source, **FAST).fit([formulas[i] for i in order], y[order])
    assert turned.training_sha256_ == saved[0].training_sha256_
    changed = TransferRegressor(tiny_source, **FAST).fit(formulas, np.where(y == y[3], 0, y))
    assert changed.training_sha256_ != saved[0].training_sha256_


def test_other_estimators_and_other_input_come_back(
    tmp_path, tiny_source, tiny_crystal_source, toy_crystals, rows
):
    formulas, y = rows
    kinds = np.where(y > np.median(y), "high", "low")
    classifier = TransferClassifier(tiny_source, **FAST).fit(formulas, kinds)
    found = again(classifier, tmp_path)
    np.testing.assert_array_equal(found.predict_proba(formulas), classifier.predict_proba(formulas))
    np.testing.assert_array_equal(found.predict(formulas), classifier.predict(formulas))
    columns = np.random.default_rng(0).random((60, 4))
    numeric = TransferRegressor(None, **FAST).fit(columns, np.column_stack([y, -y]))
    np.testing.assert_array_equal(
        again(numeric, tmp_path).predict(columns), numeric.predict(columns)
    )
    crystals, energies, _ = toy_crystals(30, seed=2)
    reader = TransferRegressor(tiny_crystal_source, **FAST).fit(crystals, energies)
    np.testing.assert_allclose(
        again(reader, tmp_path).predict(crystals), reader.predict(crystals), rtol=1e-6
    )


def test_a_model_of_a_source_that_was_named_by_a_path_comes_back(tmp_path, tiny_source, rows):
    path = tmp_path / "toy.safetensors"
    tiny_source.save(path)
    model = TransferRegressor(path, **FAST).fit(*rows)
    found = again(model, tmp_path)
    assert found.source == str(path) and model.source is path
    np.testing.assert_array_equal(found.predict(rows[0]), model.predict(rows[0]))


def test_a_model_of_columns_named_by_elements_comes_back(tmp_path, tiny_source):
    iron = np.linspace(0.1, 0.9, 12)
    X = pd.DataFrame({"Fe": iron, "Ni": 1 - iron})
    model = TransferRegressor(tiny_source, max_epochs=1, random_state=0).fit(X, iron)
    model.save(tmp_path / "m.sktl")
    assert np.allclose(load_model(tmp_path / "m.sktl").predict(X), model.predict(X), rtol=1e-6)


def test_a_stack_comes_back(tmp_path, tiny_source, rows, few_steps):
    formulas, y = rows
    with few_steps():
        stack = TransferStackRegressor(tiny_source, n_members=2, random_state=0).fit(formulas, y)
    found = again(stack, tmp_path)
    assert found.weights_ == stack.weights_ and found.sources_ == stack.sources_
    np.testing.assert_array_equal(found.predict(formulas), stack.predict(formulas))
    np.testing.assert_array_equal(
        found.predict_interval(formulas, coverage=0.8),
        stack.predict_interval(formulas, coverage=0.8),
    )
    bases = [
        ("trees", make_pipeline(DeepFeatureTransformer(tiny_source), ExtraTreesRegressor(5))),
        ("mean", DummyRegressor()),
    ]
    own = TransferStackRegressor(estimators=bases, n_members=2, random_state=0).fit(formulas, y)
    np.testing.assert_array_equal(again(own, tmp_path).predict(formulas), own.predict(formulas))


def test_another_process_predicts_the_same(saved, rows):
    model, path = saved
    code = (
        "import sys, json; from sktl import load_model; "
        "print(json.dumps(load_model(sys.argv[1]).predict(sys.argv[2:]).tolist()))"
    )
    made = subprocess.run(
        [sys.executable, "-c", code, path, *rows[0][:5]], capture_output=True, text=True, check=True
    )
    np.testing.assert_allclose(json.loads(made.stdout), model.predict(rows[0][:5]), rtol=1e-6)


def test_what_is_not_fitted_or_not_ours_is_not_saved(tmp_path, saved, rows):
    with pytest.raises(NotFittedError):
        TransferRegressor().save(tmp_path / "x.sktl")
    bases = [("mine", Foreign()), ("mean", DummyRegressor())]
    stack = TransferStackRegressor(estimators=bases, n_members=2).fit(*rows)
    before = saved[1].read_bytes()
    with pytest.raises(InputError, match="Foreign.*expected estimators of sktl and scikit-learn"):
        stack.save(saved[1])
    assert saved[1].read_bytes() == before


def test_a_flipped_bit_or_a_cut_is_refused(saved):
    content = saved[1].read_bytes()
    generator = np.random.default_rng(0)
    places = [*range(0, 60, 7), *generator.integers(len(content), size=40).tolist()]
    for place in places:
        broken = bytearray(content)
        broken[place] ^= 1 << int(generator.integers(8))
        saved[1].write_bytes(broken)
        with pytest.raises(ModelIntegrityError, match="gap.sktl"):
            load_model(saved[1])
    for size in (0, 5, 100, len(content) // 2, len(content) - 1):
        saved[1].write_bytes(content[:size])
        with pytest.raises(ModelIntegrityError, match="gap.sktl"):
            load_model(saved[1])


def rewritten(path, change):
    """Write a model file again with a right hash, after `change(tensors, header)`."""
    tensors, text = read_tensors(path)
    header = json.loads(text)
    change(tensors, header)
    write_tensors(path, tensors, json.dumps(header))


def described(header, tag):
    """Return the state of the first object of a tag."""
    return next(entry["state"] for entry in header["objects"] if entry["tag"] == tag)


def no_format(tensors, header):
    del header["format"]


def newer(tensors, header):
    header["format_version"] += 1


def weights_of(tensors, name):
    (found,) = (each for each in tensors if each.endswith(f"/weights/{name}"))
    return found


def no_weights(tensors, header):
    del described(header, "network/1")["weights"]["dict"]["head.bias"]


def other_weights(tensors, header):
    tensors[weights_of(tensors, "head.bias")] += 1.0


def huge_network(tensors, header):
    described(header, "network/1")["arguments"]["dict"]["trunk_width"] = 10**5


def no_learners(tensors, header):
    del tensors["scikit-learn"]


def other_class(tensors, header):
    header["objects"][0] = next(e for e in header["objects"] if e["tag"] == "error-model/1")


def unknown_class(tensors, header):
    header["objects"][0]["tag"] = "os.system/1"


def later_class(tensors, header):
    header["objects"][0]["tag"] = "transfer-regressor/99"


def circle(tensors, header):
    described(header, "error-model/1")["exact"] = {"object": 0}


def nowhere(tensors, header):
    described(header, "error-model/1")["exact"] = {"object": -1}


def no_number(tensors, header):
    header["reference"] = [float("nan")] * 3


def lying_shape(tensors, header):
    described(header, "domain/1")["values"]["array"] |= {"dtype": "<f8", "shape": [10**12]}


def object_bytes(tensors, header):
    described(header, "domain/1")["values"]["array"] |= {"dtype": "|O", "shape": [1]}


def lying_items(tensors, header):
    described(header, "domain/1")["values"]["array"] = {"shape": [10**12], "items": [1]}


def two_kinds(tensors, header):
    described(header, "domain/1")["unit"] = {"float": "inf", "tuple": []}


def code(tensors, header):
    described(header, "domain/1")["unit"] = {"scalar": ["|V99", 1]}


def deep(tensors, header):
    value = described(header, "domain/1")["texts"]
    for _ in range(300):
        value = {"tuple": [value]}
    described(header, "domain/1")["texts"] = value


def no_target(tensors, header):
    del header["target"]


def other_target(tensors, header):
    header["target"] = {"name": 3, "unit": None}


def unreadable_array(tensors, header):
    """Break an array so that numpy's reader raises an error of Python's tokenizer."""
    changed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(tensors["scikit-learn"].numpy().tobytes())) as archive,
        zipfile.ZipFile(changed, "w") as rewritten_archive,
    ):
        arrays = [name for name in archive.namelist() if name.endswith(".npy")]
        for name in archive.namelist():
            content = archive.read(name)
            if name == arrays[0]:
                content = content.replace(b"(", b"{").replace(b")", b"(")
            rewritten_archive.writestr(name, content)
    tensors["scikit-learn"] = torch.frombuffer(bytearray(changed.getvalue()), dtype=torch.uint8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (unreadable_array, "is not a whole model"),
        (no_target, "is not a whole model: KeyError"),
        (other_target, "expected texts"),
        (no_format, "does not say that it is"),
        (newer, "a newer sktl wrote it"),
        (no_weights, "more parameters than the file has tensors"),
        (other_weights, "predicts something else than when it was saved"),
        (huge_network, "expected \\(100000"),
        (no_learners, "is not a whole model"),
        (other_class, "Got a ErrorModel, expected a model"),
        (unknown_class, "Got tag='os.system/1', expected one of"),
        (later_class, "a newer sktl"),
        (circle, "object 0 that leads nowhere"),
        (nowhere, "object -1 that leads nowhere"),
        (no_number, "got NaN, which is not JSON"),
        (lying_shape, "is not a whole model"),
        (object_bytes, "Got dtype='|O'"),
        (lying_items, "1 items for an array of shape"),
        (two_kinds, "is not a whole model"),
        (code, "Got dtype"),
        (deep, "is not a whole model"),
    ],
)
def test_a_file_that_does_not_fit_together_is_refused(saved, change, message):
    rewritten(saved[1], change)
    with pytest.raises(ModelIntegrityError, match=message):
        load_model(saved[1])


def test_a_source_is_no_model(tmp_path, tiny_source):
    tiny_source.save(tmp_path / "toy.safetensors")
    with pytest.raises(ModelIntegrityError, match="sktl.load_source"):
        load_model(tmp_path / "toy.safetensors")
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "nothing.sktl")


def test_types_of_other_packages_are_not_made(saved):
    for thing in (Foreign().fit([[0]], [1]), DeepFeatureTransformer(), np.save):
        content = skops.io.dumps(thing)
        packed = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        rewritten(
            saved[1], lambda tensors, _, packed=packed: tensors.update({"scikit-learn": packed})
        )
        with pytest.raises(ModelIntegrityError, match="Foreign|Deep|save"):
            load_model(saved[1])


def test_a_hash_from_elsewhere_is_compared_before_anything_is_read(saved):
    digest = hashlib.sha256(saved[1].read_bytes()).hexdigest()
    assert load_model(saved[1], sha256=digest.upper()).source_ == saved[0].source_
    with pytest.raises(ModelIntegrityError, match="gap.sktl.*It was not read"):
        load_model(saved[1], sha256="0" * 64)


def test_a_tree_that_points_outside_itself_is_refused():
    trees = ExtraTreesRegressor(3, random_state=0).fit(
        np.random.default_rng(0).random((50, 3)), range(50)
    )
    tree = next(part for part in walk(trees) if isinstance(part, Tree))
    check_trees(tree)
    for column, value in (("left_child", 10**6), ("right_child", 0), ("feature", 3)):
        state = tree.__getstate__()
        state["nodes"] = state["nodes"].copy()
        state["nodes"][column][0] = value
        broken = Tree(tree.n_features, np.array([1], dtype=np.intp), 1)
        broken.__setstate__(state)
        with pytest.raises(ModelIntegrityError, match="point outside"):
            check_trees(broken)


def test_a_loaded_model_is_an_estimator_like_any(saved, rows):
    found = load_model(saved[1])
    assert clone(found).get_params()["max_epochs"] == 1
    found.save(saved[1].with_name("twice.sktl"))
    twice = load_model(saved[1].with_name("twice.sktl"))
    np.testing.assert_array_equal(twice.predict(rows[0]), saved[0].predict(rows[0]))
    assert saved[1].read_bytes()[8:9] == b"{"  # where the header of safetensors begins: no pickle
