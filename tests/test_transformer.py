"""DeepFeatureTransformer: the activations of the groups asked for, with their names."""

import re

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sktl import DeepFeatureTransformer, TransferRegressor, register_source
from sktl.exceptions import InputError

GROUPS = ("embedding", "attention1", "trunk1", "trunk2")
WIDTHS = dict(embedding=32, attention1=32, trunk1=24, trunk2=24)


@pytest.fixture(scope="module")
def formulas(toy_rows):
    return toy_rows(20, seed=12)[0]


@pytest.fixture
def transformer(tiny_source):
    return DeepFeatureTransformer(tiny_source, device="cpu")


@pytest.mark.parametrize(
    ("layers", "groups"),
    [
        ("last", GROUPS[-1:]),
        ("all", GROUPS),
        ("attention1", GROUPS[1:2]),
        (0, GROUPS[:1]),
        (-1, GROUPS[-1:]),
        (-4, GROUPS[:1]),
        (np.int64(2), GROUPS[2:3]),
        (["trunk2", "embedding"], ("embedding", "trunk2")),
        (("trunk1", -1, 3), ("trunk1", "trunk2")),
        ([0, 1, 2, 3], GROUPS),
    ],
    ids=repr,
)
def test_layers(transformer, formulas, layers, groups):
    everything = clone(transformer).set_params(layers="all").fit_transform(formulas)
    starts = dict(zip(GROUPS, np.cumsum([0, *WIDTHS.values()]), strict=False))
    wanted = np.concatenate([np.arange(WIDTHS[name]) + starts[name] for name in groups])
    fitted = transformer.set_params(layers=layers).fit(formulas)
    assert fitted.layers_ == groups
    found = fitted.transform(formulas)
    assert found.dtype == np.float64 and found.shape == (20, len(wanted))
    np.testing.assert_allclose(found, everything[:, wanted], rtol=1e-6)
    names = fitted.get_feature_names_out().tolist()
    assert names == [f"{name}_{i}" for name in groups for i in range(WIDTHS[name])]


def test_the_last_layer_is_the_embedding(transformer, tiny_source, formulas):
    found = transformer.fit_transform(formulas)
    np.testing.assert_allclose(found, tiny_source.embed(formulas), rtol=1e-6)


def test_predictions_of_the_source(transformer, tiny_source, formulas):
    transformer.set_params(predictions=True).fit(formulas)
    found = transformer.transform(formulas)
    names = transformer.get_feature_names_out().tolist()
    assert names[-2:] == ["toy_energy", "toy_volume"] and len(names) == found.shape[1] == 26
    np.testing.assert_allclose(found[:, -2:], tiny_source.predict(formulas), rtol=1e-5, atol=1e-6)
    features = clone(transformer).set_params(predictions=False).fit_transform(formulas)
    np.testing.assert_array_equal(found[:, :-2], features)


def test_nothing_is_learned_from_the_rows(transformer, tiny_source, formulas):
    before = tiny_source.to_bytes()
    few = clone(transformer).fit(formulas[:1]).transform(formulas)
    np.testing.assert_array_equal(transformer.fit(formulas).transform(formulas), few)
    assert tiny_source.to_bytes() == before


def test_a_source_by_name_and_path(transformer, tiny_source, formulas, tmp_path):
    register_source(tiny_source, "tiny-for-transformer", overwrite=True)
    tiny_source.save(tmp_path / "tiny.safetensors")
    expected = clone(transformer).fit_transform(formulas)
    for source in ("tiny-for-transformer", tmp_path / "tiny.safetensors"):
        transformer.set_params(source=source)
        np.testing.assert_array_equal(transformer.fit_transform(formulas), expected)
        assert transformer.source_.id == "toy.all@1"


def test_random_weights_are_the_control(formulas, global_generators_untouched):
    control = DeepFeatureTransformer(None, random_state=0, device="cpu")
    first = control.fit_transform(formulas)
    assert control.source_ is None and first.shape == (20, 384)
    state = torch.get_rng_state()
    torch.manual_seed(99)
    np.testing.assert_array_equal(clone(control).fit_transform(formulas), first)
    torch.set_rng_state(state)
    other = clone(control).set_params(random_state=1)
    assert not np.allclose(other.fit_transform(formulas), first)


def test_the_regressor_reads_the_same_features(transformer, tiny_source, formulas):
    y = np.arange(20.0)
    model = TransferRegressor(
        tiny_source, freeze_depth=4, n_members=1, max_epochs=2, random_state=0, device="cpu"
    ).fit(formulas, y)
    head = model.networks_[0].head
    features = torch.as_tensor(transformer.fit_transform(formulas)).float()
    z = head(features).detach().numpy()
    np.testing.assert_allclose(
        model.target_.decode(z[None])[:, 0], model.predict(formulas), rtol=1e-5
    )


def test_numeric_columns_need_no_source():
    X = np.random.default_rng(0).normal(size=(30, 4))
    transformer = DeepFeatureTransformer(None, layers="all", random_state=0, device="cpu").fit(X)
    assert transformer.layers_ == ("input", "trunk1", "trunk2", "trunk3")
    assert transformer.transform(X).shape == (30, 4 * 256)
    assert transformer.n_features_in_ == 4


@pytest.mark.parametrize(
    "layers", ["head", "trunk9", 4, -5, True, 1.0, None, [], ["trunk1", "trunk9"], [0, 4]], ids=repr
)
def test_layers_that_do_not_exist(transformer, formulas, layers):
    with pytest.raises(InputError, match=re.escape(f"Got layers={layers!r}")) as caught:
        transformer.set_params(layers=layers).fit(formulas)
    assert "['embedding', 'attention1', 'trunk1', 'trunk2']" in str(caught.value)
    with pytest.raises(NotFittedError):
        transformer.transform(formulas)


def test_no_predictions_without_a_source(formulas):
    with pytest.raises(InputError, match="Got predictions=True, expected False"):
        DeepFeatureTransformer(None, predictions=True).fit(formulas)


def test_feature_names_of_other_input(transformer, formulas):
    transformer.fit(formulas)
    assert len(transformer.get_feature_names_out(["formula"])) == 24
    with pytest.raises(InputError, match="length equal to number of features"):
        transformer.get_feature_names_out(["formula", "T"])
