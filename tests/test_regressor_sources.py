"""TransferRegressor: where its network comes from, what it keeps of it, and what it refuses."""

import os
import pickle
import re

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sktl import Policy, PropertyTable, TransferRegressor, load_source, pretrain, register_source
from sktl.exceptions import (
    FormulaError,
    InputError,
    SktlError,
    SourceIntegrityError,
    SourceNotFoundError,
    TransferWarning,
)
from sktl.networks import CompositionNet, ElemNet

QUICK = dict(n_members=1, max_epochs=4, random_state=0, device="cpu")


@pytest.fixture(scope="module")
def rows(toy_rows):
    formulas, energies, volumes = toy_rows(60, seed=6)
    return formulas, energies + volumes


@pytest.fixture
def model(tiny_source):
    return TransferRegressor(tiny_source, **QUICK)


def fit_predict(model, X, y):
    return clone(model).fit(X, y).predict(X)


def test_a_source_by_object_name_and_path(model, tiny_source, rows, tmp_path):
    expected = fit_predict(model, *rows)
    tiny_source.save(tmp_path / "tiny.safetensors")
    register_source(tiny_source, "tiny-for-regressor", overwrite=True)
    path = tmp_path / "tiny.safetensors"
    for source in ("tiny-for-regressor", path, str(path), load_source(path)):
        fitted = clone(model).set_params(source=source).fit(*rows)
        np.testing.assert_array_equal(fitted.predict(rows[0]), expected)
        assert fitted.source_.id == "toy.all@1"


def test_a_fitted_model_needs_its_source_no_more(model, tiny_source, rows, tmp_path):
    path = tmp_path / "tiny.safetensors"
    tiny_source.save(path)
    fitted = model.set_params(source="tiny.safetensors")
    folder = os.getcwd()
    os.chdir(tmp_path)
    try:
        expected = fitted.fit(*rows).predict(rows[0])
    finally:
        os.chdir(folder)
    path.unlink()
    content = pickle.dumps(fitted)
    np.testing.assert_array_equal(pickle.loads(content).predict(rows[0]), expected)
    assert str(tmp_path).encode() not in content


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("no-such-source", SourceNotFoundError),
        ("folder/no-such.safetensors", SourceNotFoundError),
        (3, SourceNotFoundError),
        (__file__, SourceIntegrityError),
    ],
)
def test_no_source(rows, source, error):
    with pytest.raises(error):
        TransferRegressor(source, **QUICK).fit(*rows)


def test_from_scratch_takes_the_same_network(model, tiny_source, rows):
    scratch = TransferRegressor(None, n_members=1, max_epochs=1, device="cpu").fit(*rows)
    pretrained = model.fit(*rows)
    assert type(scratch.networks_[0]) is type(pretrained.networks_[0]) is CompositionNet
    assert scratch.source_ is None and pretrained.source_ == tiny_source.card
    assert scratch.networks_[0].embedding_size > pretrained.networks_[0].embedding_size


def test_networks_from_scratch(rows):
    formulas, y = rows
    quick = dict(source=None, n_members=1, max_epochs=1, device="cpu")
    by_name = TransferRegressor(network="elemnet", **quick).fit(formulas, y)
    assert isinstance(by_name.networks_[0], ElemNet)
    columns = np.random.default_rng(0).normal(size=(60, 5))
    residual = TransferRegressor(**quick).fit(columns, y)
    assert residual.networks_[0].depth_groups == ("input", "trunk1", "trunk2", "trunk3", "head")
    elemnet = TransferRegressor(network="elemnet", **quick).fit(columns, y)
    assert isinstance(elemnet.networks_[0], ElemNet) and elemnet.n_features_in_ == 5
    narrow = {"network_arguments": {"width": 16, "n_trunk": 1}}
    sized = TransferRegressor(**narrow, **quick).fit(columns, y).networks_[0]
    assert (sized.depth_groups, sized.embedding_size) == (("input", "trunk1", "head"), 16)
    sized = TransferRegressor(network_arguments={"trunk": 24}, **quick)
    with pytest.raises(InputError, match=r"Got network_arguments=\{'trunk': 24\}: .*'trunk'"):
        sized.fit(formulas, y)
    with pytest.raises(InputError, match="network_arguments={}, expected None with a source"):
        TransferRegressor("oqmd", network_arguments={}).fit(formulas, y)
    with pytest.raises(InputError, match="Got numeric X with 5 columns, expected elemental frac"):
        TransferRegressor(network="composition", **quick).fit(columns, y)
    with pytest.raises(InputError, match="network='mlp', expected one of"):
        TransferRegressor(network="mlp", **quick).fit(formulas, y)


def test_transfer_helps(tiny_source, toy_rows):
    formulas, energies, _ = toy_rows(240, seed=30)
    y = np.log1p(-energies)
    arm = dict(n_members=1, max_epochs=20, learning_rate=3e-3, random_state=0, device="cpu")
    errors = {}
    for source in (tiny_source, None):
        found = TransferRegressor(source, **arm).fit(formulas[:60], y[:60]).predict(formulas[60:])
        errors[source] = np.abs(found - y[60:]).mean()
    assert errors[tiny_source] < 0.75 * errors[None]


def test_the_head_of_the_nearest_property_is_kept(model, tiny_source, toy_rows):
    formulas, energies, volumes = toy_rows(60, seed=7)
    model.set_params(head="source", max_epochs=1, learning_rate=1e-9)
    own = tiny_source.predict(formulas)
    for i, y in enumerate((energies, volumes)):
        fitted = clone(model).fit(formulas, y)
        card = tiny_source.card.properties[i]
        assert fitted.head_property_ == card.name == ("toy_energy", "toy_volume")[i]
        np.testing.assert_allclose(fitted.predict(formulas), own[:, i], atol=1e-4 * card.scale)
        assert fitted.target_.scale.tolist() == [card.scale]
    with pytest.warns(
        TransferWarning, match=r"head of toy_volume \(A\^3/atom\).* another property or unit"
    ):
        clone(model).fit(formulas, 1000 * volumes)
    assert model.set_params(head="auto").fit(formulas, volumes).head_property_ is None


def test_a_kept_head_is_better_on_few_rows(model, tiny_source, toy_rows):
    formulas, _, volumes = toy_rows(110, seed=8)
    errors = {}
    for head in ("auto", "source"):
        fitted = model.set_params(head=head).fit(formulas[:10], volumes[:10])
        errors[head] = np.abs(fitted.predict(formulas[10:]) - volumes[10:]).mean()
    assert errors["source"] < 0.5 * errors["auto"]


def test_a_head_that_cannot_be_kept(model, rows):
    formulas, y = rows
    model.set_params(head="source")
    with pytest.raises(InputError, match="only a source has a head to keep"):
        clone(model).set_params(source=None).fit(formulas, y)
    with pytest.raises(InputError, match="for one output"):
        model.fit(formulas, np.column_stack([y, y]))


@pytest.mark.filterwarnings("ignore:The head of toy_modulus")
def test_a_head_on_a_logarithmic_scale(toy_rows):
    formulas, _, volumes = toy_rows(80, seed=8)
    tiny = dict(width=8, hidden=8, n_heads=1, n_attention=1, trunk_width=8, n_trunk=1)
    source = pretrain(
        PropertyTable("toy_modulus", formulas, 10**volumes, "GPa", "log1p"),
        id="toy.modulus@1",
        title="Modulus of synthetic materials",
        network_arguments=tiny,
        epochs=1,
        device="cpu",
        progress=False,
    )
    model = TransferRegressor(source, head="source", **QUICK)
    assert (model.fit(formulas, 10**volumes).predict(formulas) > -1).all()
    with pytest.raises(
        InputError, match=r"Got y=-2.0 with head='source'.* toy_modulus \(GPa, on a log1p"
    ):
        model.fit(formulas, np.where(np.arange(80) == 3, -2, 10**volumes))


def test_validation_rows_choose_the_epoch(model, rows):
    fitted = model.set_params(policy=Policy(validation_fraction=0.2), max_epochs=6).fit(*rows)
    history = fitted.history_[0]
    assert fitted.n_iter_ == len(history) == 6
    assert np.isfinite(history[:, ("train_loss", "valid_loss")]).all()
    unvalidated = model.set_params(policy=Policy(validation_fraction=0.0)).fit(*rows)
    assert "valid_loss" not in unvalidated.history_[0][-1]


def test_rows_of_a_wrong_number_or_width(model, rows):
    formulas, y = rows
    with pytest.raises(InputError, match="Got 60 rows in X and 59 in y"):
        model.fit(formulas, y[:-1])
    with pytest.raises(InputError, match=r"got shape \(59,\), expected \(60,\)"):
        model.fit(formulas, y, sample_weight=np.ones(59))
    with pytest.raises(
        InputError, match="Got numeric X with 50 columns, expected elemental fractions"
    ):
        model.fit(np.ones((60, 50)), y)
    columns = TransferRegressor(None, **QUICK).fit(np.eye(60)[:, :4], y)
    with pytest.raises(ValueError, match="X has 5 features"):
        columns.predict(np.ones((2, 5)))


def test_unusable_targets_are_named(model, rows):
    formulas, y = rows
    for value, message in (
        (np.nan, f"got y=nan in row 5 ({formulas[5]!r})"),
        (np.inf, f"got y=inf in row 5 ({formulas[5]!r})"),
        ("wide", f"Got y='wide' in row 5 ({formulas[5]!r})"),
        (None, f"Got y=None in row 5 ({formulas[5]!r})"),
    ):
        spoilt = pd.Series([*y[:5], value, *y[6:]], dtype=object)
        for targets in (spoilt, spoilt.tolist(), spoilt.to_numpy()):
            with pytest.raises(InputError, match=re.escape(message)):
                model.fit(formulas, targets)


def test_unusable_rows_are_named(model, rows):
    formulas, y = rows
    mixed = [*formulas[:5], 0.25, *formulas[6:]]
    with pytest.raises(FormulaError, match=r"row 5\b.*0\.25"):
        model.fit(mixed, y)
    fractions = np.zeros((60, 103))
    fractions[:, 10:12] = 0.5
    for row, value in ((7, -0.5), (8, 0.0)):
        spoilt = fractions.copy()
        spoilt[row] = value
        with pytest.raises(InputError, match=f"in row {row}, expected"):
            model.fit(spoilt, y)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.where(np.eye(60, 103) == 1, np.nan, fractions), y)
    unseen = np.zeros((60, 118))
    unseen[:, 10], unseen[4, 117] = 1, 1
    with pytest.raises(InputError, match="Got Og in 1 of 60 rows, first in row 4,"):
        model.fit(unseen, y)


@pytest.mark.parametrize(
    "change",
    [
        {"n_members": 0},
        {"n_members": 1.5},
        {"max_epochs": 0},
        {"max_epochs": "40"},
        {"learning_rate": 0},
        {"learning_rate": "fast"},
        {"learning_rate": float("nan")},
        {"head": "yes"},
        {"policy": {"batch_size": 3}},
        {"unseen_elements": "ignore"},
        {"device": "tpu"},
    ],
    ids=str,
)
def test_unusable_parameters_are_named(model, rows, change):
    ((name, value),) = change.items()
    with pytest.raises(InputError, match=re.escape(f"Got {name}={value!r}")) as caught:
        model.set_params(**change).fit(*rows)
    assert isinstance(caught.value, SktlError) and isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "change", [{"max_epochs": 3}, {"learning_rate": 1e-3}, {"freeze_depth": 1}], ids=str
)
def test_a_policy_does_not_say_what_a_parameter_says(model, rows, change):
    ((name, value),) = change.items()
    with pytest.raises(InputError, match=f"Got policy with {name}={value}, expected it as the"):
        model.set_params(policy=Policy(**change)).fit(*rows)


def test_a_policy_reaches_the_training(model, rows):
    plain = model.fit(*rows).predict(rows[0])
    for policy in (Policy(batch_size=1000), Policy(weight_decay=0.5), Policy(head_rate_factor=1.0)):
        other = model.set_params(policy=policy).fit(*rows).predict(rows[0])
        assert not np.array_equal(other, plain), policy


def test_a_fit_that_failed_is_no_fit(model, rows):
    with pytest.raises(NotFittedError):
        model.predict(rows[0])
    for arm in (clone(model), clone(model).fit(*rows)):
        with pytest.raises(InputError):
            arm.set_params(freeze_depth=99).fit(*rows)
        with pytest.raises(NotFittedError):
            arm.predict(rows[0])


def test_networks_end_in_evaluation_mode_on_the_cpu(model, rows):
    (network,) = model.fit(*rows).networks_
    assert not network.training
    assert all(
        p.device == torch.device("cpu") and not p.requires_grad for p in network.parameters()
    )
