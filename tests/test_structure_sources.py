"""Sources that read crystals: through the same estimators, and what they refuse."""

import pickle
import sys
from collections import OrderedDict
from importlib.util import find_spec

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from sklearn.model_selection import GridSearchCV

from sktl import (
    DeepFeatureTransformer,
    PropertyTable,
    TransferRegressor,
    TransferStackRegressor,
    list_sources,
    load_source,
    pretrain,
)
from sktl.exceptions import (
    InputError,
    SourceNotFoundError,
    StructureError,
    TransferWarning,
    UnseenElementError,
)
from sktl.representations import Crystals, parse_formulas
from sktl.sources import run_rows

TINY = {"hidden": 8, "n_alignn": 1, "n_gcn": 1, "expansion_width": 8, "n_distances": 8}
QUICK = {"network": "alignn", "network_arguments": TINY, "epochs": 2, "progress": False}
QUICK |= {"id": "toy.crystals@2", "title": "toy", "batch_size": 16, "device": "cpu"}


@pytest.fixture(scope="module")
def rows(toy_crystals):
    structures, energies, volumes = toy_crystals(120, seed=1)
    return structures, energies * np.sqrt(volumes)


@pytest.fixture(scope="module")
def fitted(tiny_crystal_source, rows):
    return TransferRegressor(tiny_crystal_source, random_state=0).fit(*rows)


def spread(y):
    return np.abs(y - np.median(y)).mean()


def test_a_source_of_crystals_knows_what_it_learned(tiny_crystal_source, toy_crystals, tmp_path):
    structures, energies, volumes = toy_crystals(60, seed=2)
    found = tiny_crystal_source.predict(structures)
    assert np.abs(found[:, 0] - energies).mean() < 0.5 * spread(energies)
    assert np.abs(found[:, 1] - volumes).mean() < 0.75 * spread(volumes)
    tiny_crystal_source.save(tmp_path / "toy.safetensors")
    again = load_source(tmp_path / "toy.safetensors")
    np.testing.assert_array_equal(again.predict(structures), found)
    assert again.verify() < 1e-6
    assert tiny_crystal_source.embed(structures).shape == (60, 24)


def test_fine_tuning_sees_the_structure(fitted, tiny_crystal_source, toy_crystals, rows):
    structures, energies, volumes = toy_crystals(60, seed=3)
    truth = energies * np.sqrt(volumes)
    error = np.abs(fitted.predict(structures) - truth).mean()
    assert error < 0.8 * spread(truth)
    bond = structures[0].distance_matrix.max()
    wide = Structure(Lattice.cubic(1.5 * bond), structures[0].species, structures[0].frac_coords)
    assert fitted.predict([structures[0]]) != fitted.predict([wide])
    np.testing.assert_array_equal(
        TransferRegressor(tiny_crystal_source, random_state=0).fit(*rows).predict(structures),
        fitted.predict(structures),
    )


def test_the_choice_of_cell_and_the_company_do_not_matter(fitted, rows):
    structures = rows[0][:6]
    expected = fitted.predict(structures)
    larger = [structure * [2, 1, 1] for structure in structures]
    np.testing.assert_allclose(fitted.predict(larger), expected, atol=1e-4)
    alone = [fitted.predict([structure])[0] for structure in structures]
    np.testing.assert_allclose(alone, expected, atol=1e-5)
    mixed = [*structures, structures[0] * [4, 4, 4], *larger]
    np.testing.assert_allclose(fitted.predict(mixed)[:6], expected, atol=1e-5)


def test_uncertainty_and_pickle(fitted, rows):
    copy = pickle.loads(pickle.dumps(fitted))
    predictions, std = copy.predict(rows[0], return_std=True)
    np.testing.assert_array_equal(predictions, fitted.predict(rows[0]))
    assert (std > 0).all()


def test_features_of_crystals(tiny_crystal_source, rows):
    features = DeepFeatureTransformer(tiny_crystal_source, layers="all", predictions=True)
    found = features.fit_transform(rows[0])
    assert found.shape == (120, 3 * 24 + 2)
    assert list(features.get_feature_names_out()[[0, -1]]) == ["embedding_0", "toy_volume"]
    np.testing.assert_allclose(found[:, -2:], tiny_crystal_source.predict(rows[0]), rtol=1e-5)


def test_grid_search_over_freeze_depth(tiny_crystal_source, rows):
    model = TransferRegressor(tiny_crystal_source, max_epochs=1, random_state=0)
    search = GridSearchCV(model, {"freeze_depth": [0, 2]}, cv=2, error_score="raise")
    search.fit(np.array(rows[0] + [None], dtype=object)[:-1], rows[1])
    assert search.best_params_["freeze_depth"] in (0, 2)


def test_a_source_of_formulas_takes_the_composition_of_a_structure(tiny_source, rows):
    structures, y = rows
    kept = [i for i, s in enumerate(structures) if "K" in s.formula or "Na" in s.formula][:30]
    some = [structures[i] for i in kept]
    formulas = [structure.composition.reduced_formula for structure in some]
    model = TransferRegressor(tiny_source, max_epochs=2, random_state=0).fit(some, y[kept])
    expected = TransferRegressor(tiny_source, max_epochs=2, random_state=0)
    expected.fit(formulas, y[kept])
    np.testing.assert_allclose(model.predict(some), expected.predict(formulas), atol=1e-6)


def test_a_stack_of_formulas_and_structures(tiny_source, tiny_crystal_source, rows):
    structures, y = rows
    model = TransferStackRegressor([tiny_source, tiny_crystal_source], n_members=2, random_state=0)
    model.fit(structures[:40], y[:40])
    assert list(model.sources_) == ["toy.all@1", "toy.crystals@1"]
    assert np.isfinite(model.predict(structures[40:])).all()


def test_polymorphs_are_rows_of_their_own_but_are_held_out_together(toy_crystals):
    structures, energies, _ = toy_crystals(60, seed=4)
    batch = Crystals.from_structures(structures)
    assert len(batch.unique()[0]) == 60
    digests = batch.compositions.digests()
    n_same = digests.count(digests[0])
    table = PropertyTable("energy", structures, energies, "eV")
    card = pretrain(table, held_out=[digests[0]], holdout_fraction=0, **QUICK).card
    assert n_same > 1
    assert card.properties[0].listed_rows == n_same
    assert card.properties[0].n_rows == 60 - n_same
    assert card.held_out["n_compositions"] == 1
    assert card.training["n_compositions"] == len(set(digests)) - 1
    formulas = [structure.formula for structure in structures]
    assert batch.compositions.keys() == parse_formulas(formulas).keys()


def test_pretraining_goes_on_from_its_checkpoint(toy_crystals, tmp_path, monkeypatch):
    structures, energies, volumes = toy_crystals(40, seed=5)
    tables = [
        PropertyTable("energy", structures, energies, "eV"),
        PropertyTable("volume", structures[::2], volumes[::2], "A^3/atom"),
    ]
    whole = pretrain(tables, **QUICK)
    path = tmp_path / "run"

    with monkeypatch.context() as patched:
        patched.setattr("sktl.training._loop._EpochSeed.on_epoch_begin", _stop_at(1))
        with pytest.raises(KeyboardInterrupt):
            pretrain(tables, checkpoint=path, **QUICK)
    assert path.exists()
    resumed = pretrain(tables, checkpoint=path, **QUICK)
    np.testing.assert_array_equal(resumed.predict(structures), whole.predict(structures))


def _stop_at(epoch):
    from sktl.training._loop import _EpochSeed

    seeded = _EpochSeed.on_epoch_begin

    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) > epoch:
            raise KeyboardInterrupt
        seeded(self, net, **kwargs)

    return on_epoch_begin


def test_mistakes(fitted, tiny_crystal_source, rows):
    structures, y = rows
    with pytest.raises(StructureError, match="Got the formula 'NaCl' in row 0 of X") as caught:
        TransferRegressor(tiny_crystal_source).fit(["NaCl", "KF"], [1.0, 2.0])
    assert caught.value.rows == [0, 1]
    with pytest.raises(StructureError, match="expected structures"):
        tiny_crystal_source.predict(["NaCl"])
    with pytest.raises(InputError, match="with formulas, but this .* was fitted on structures"):
        fitted.predict(["NaCl"])
    with pytest.raises(InputError, match="without structures"):
        TransferRegressor(tiny_crystal_source).fit(np.eye(103)[:3], [1.0, 2.0, 3.0])
    disordered = Structure(Lattice.cubic(4.0), [{"Na": 0.5, "K": 0.5}], [[0, 0, 0]])
    with pytest.raises(StructureError, match="row 1 .*disordered") as caught:
        fitted.predict([structures[0], disordered])
    assert caught.value.rows == [1]
    strange = Structure(Lattice.cubic(4.0), ["Au"], [[0, 0, 0]])
    with pytest.raises(UnseenElementError, match="Got Au in row 1 .'Au1'"):
        tiny_crystal_source.predict([structures[0], strange])
    with pytest.raises(UnseenElementError, match="Got Au in 1 of 2 rows, first in row 1 .'Au1'"):
        fitted.predict([structures[0], strange])


@pytest.fixture(scope="module")
def chgnet():
    return load_source("chgnet")


@pytest.mark.skipif(find_spec("chgnet") is None, reason="the weights are in the package chgnet")
class TestChgnet:
    def test_it_is_a_source_like_others(self, chgnet, tmp_path):
        assert "chgnet" in list_sources()
        assert load_source(chgnet.card.id) is chgnet
        assert chgnet.verify() < 1e-6
        chgnet.save(tmp_path / "copy.safetensors")
        again = load_source(tmp_path / "copy.safetensors")
        assert again.card == chgnet.card and again.verify() < 1e-6

    def test_its_package_is_not_imported(self, monkeypatch):
        for name in [name for name in sys.modules if name.partition(".")[0] == "chgnet"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setattr("sktl.sources._registry._loaded", OrderedDict())
        load_source("chgnet").verify()
        assert "chgnet" not in sys.modules

    def test_it_is_fine_tuned_and_extracted(self, chgnet, rows):
        structures, y = rows
        model = TransferRegressor("chgnet", max_epochs=2, random_state=0)
        found = model.fit(structures[:40], y[:40]).predict(structures[40:])
        assert np.abs(found - y[40:]).mean() < spread(y)
        assert model.source_sha256_ == chgnet.sha256
        features = DeepFeatureTransformer("chgnet", layers="all").fit_transform(structures[:5])
        assert features.shape == (5, 5 * 64 + 4 * 64 + 2) and np.isfinite(features).all()

    def test_a_new_head_sees_columns_of_one_scale(self, chgnet, rows):
        network = chgnet.new_network(1)
        encoded = chgnet.representation.encode(rows[0])
        before = run_rows(network.features, encoded)
        network.scale_embedding(before)
        after = run_rows(network.features, encoded)
        np.testing.assert_allclose(after.mean(axis=0), 0, atol=1e-3)
        spread, smallest = before.std(axis=0), 0.1 * np.median(before.std(axis=0))
        np.testing.assert_allclose(after.std(axis=0)[spread > 1.1 * smallest], 1, atol=1e-2)
        hardly = spread < 0.9 * smallest  # not blown up
        assert hardly.any()
        np.testing.assert_allclose(after[:, hardly].std(axis=0), spread[hardly] / smallest, 0.1)

    def test_an_element_that_it_never_saw(self, chgnet):
        radium = Structure(Lattice.cubic(5.1), ["Ra"], [[0, 0, 0]])
        with pytest.raises(UnseenElementError, match="Got Ra in row 0"):
            chgnet.predict([radium])
        model = TransferRegressor("chgnet", max_epochs=1, unseen_elements="warn", random_state=0)
        heavy = Structure(Lattice.cubic(5.1), ["Cf"], [[0, 0, 0]])
        with pytest.raises(UnseenElementError, match="for elements up to Pu"):
            model.fit([radium, heavy], [1.0, 2.0])
        with pytest.warns(TransferWarning, match="Got Po, Ra in 2 of 2 rows"):
            model.fit([radium, Structure(Lattice.cubic(3.3), ["Po"], [[0, 0, 0]])], [1.0, 2.0])


def test_chgnet_without_its_package(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("sktl.sources._registry._loaded", OrderedDict())
    assert "chgnet" not in list_sources()
    with pytest.raises(SourceNotFoundError, match=r"pip install sktl\[structures\]"):
        load_source("chgnet")
