"""Pretraining: what enters, what is kept out, and the same result whatever happens on the way."""

import os

import numpy as np
import pytest
import torch

from sktl import PropertyTable, pretrain
from sktl.exceptions import FormulaError, InputError, SourceIntegrityError
from sktl.representations import ElementTokens, parse_formulas
from sktl.training import _checkpoint, _pretrain, digest_list_hash
from sktl.training._labels import LabelScale, join_tables

NETWORK = {"width": 16, "hidden": 16, "trunk_width": 24, "n_trunk": 1, "n_attention": 1}
NETWORK |= {"n_heads": 2, "dropout": 0.1}
QUICK = {"id": "toy@1", "title": "toy", "epochs": 3, "batch_size": 32, "progress": False}
QUICK |= {"device": "cpu", "network_arguments": NETWORK}


@pytest.fixture
def tables(toy_rows):
    """Three properties of 150 synthetic materials, with labels missing in two of them."""
    formulas, energies, volumes = toy_rows(150, seed=3)
    gaps = np.where(np.arange(150) % 3, np.nan, volumes)
    return [
        PropertyTable("energy", formulas, energies, "eV/atom", origin={"doi": "10.1/x"}),
        PropertyTable("volume", formulas[:80], volumes[:80], "A^3", "log1p"),
        PropertyTable("gap", formulas, gaps, "eV", "asinh"),
    ]


def weights(source):
    return {name: tensor.clone() for name, tensor in source.network.state_dict().items()}


def same(one, other):
    one, other = weights(one), weights(other)
    return all(torch.equal(one[name], other[name]) for name in one)


def digests(formulas):
    return parse_formulas(formulas).digests()


def test_tables_are_joined_by_composition_and_repeats_take_the_median():
    labels = join_tables(
        [
            PropertyTable("a", ["Fe2O3", "NaCl", "O3Fe2", "Fe4O6"], [1.0, 2.0, 5.0, 3.0], "eV"),
            PropertyTable("b", ["NaCl", "ClNa", "Si"], [np.nan, 4.0, np.nan], "eV"),
        ],
        ElementTokens(),
    )
    assert labels.materials.keys() == ["8:0.6000;26:0.4000", "11:0.5000;17:0.5000", "14:1.0000"]
    np.testing.assert_equal(labels.y, [[3.0, np.nan], [2.0, 4.0], [np.nan, np.nan]])


def test_the_median_of_an_even_number_of_repeats_is_the_mean_of_the_middle_ones():
    table = PropertyTable("a", ["Si"] * 4, [9.0, 1.0, 2.0, 4.0], "eV")
    labels = join_tables([table], ElementTokens())
    assert labels.y.tolist() == [[3.0]]


def test_the_card_counts_what_there_is(tables):
    source = pretrain(tables, holdout_fraction=0.2, **QUICK)
    card, n = source.card, len(set(digests(tables[0].materials)))
    assert card.property_names == ("energy", "volume", "gap")
    assert [item.unit for item in card.properties] == ["eV/atom", "A^3", "eV"]
    for item, known in zip(card.properties, (n, 80, 50), strict=True):
        assert 0 < item.n_rows < known and item.holdout_rows > 0
        assert item.n_rows + item.holdout_rows <= known
    assert card.properties[0].n_rows + card.properties[0].holdout_rows == n
    assert card.training["n_compositions"] + card.held_out["n_compositions"] == n
    assert card.training["tables"][0] == {"name": "energy", "rows": 150, "doi": "10.1/x"}
    assert source.verify() == 0


def test_a_missing_label_is_as_good_as_no_row(tables):
    full, filler = tables[0], tables[2]
    values = np.array(full.values)
    values[::2] = np.nan
    one = PropertyTable("energy", full.materials, values, "eV/atom")
    two = PropertyTable("energy", full.materials[1::2], values[1::2], "eV/atom")
    assert same(pretrain([filler, one], **QUICK), pretrain([filler, two], **QUICK))


def test_a_property_does_not_learn_from_rows_without_it(tables):
    energy = tables[0]
    gaps = PropertyTable("gap", energy.materials[:5], np.arange(5.0), "eV")
    source = pretrain([energy, gaps], holdout_fraction=0, **QUICK)
    assert [item.n_rows for item in source.card.properties] == [len(set(energy.materials)), 5]
    assert source.card.properties[1].center == 2.0


def test_a_run_repeats_bit_for_bit_and_another_seed_does_not(tables):
    first = pretrain(tables, **QUICK)
    assert same(first, pretrain(tables, **QUICK))
    assert not same(first, pretrain(tables, seed=1, **QUICK))


def test_global_generators_stay_as_they_are(tables, global_generators_untouched):
    pretrain(tables, **QUICK)


def test_held_out_compositions_never_enter_training(tables):
    table = tables[0]
    held = ["Fe2O3", *table.materials[::7]]
    out = np.isin(digests(table.materials), digests(held))
    assert 20 < out.sum() < 80
    first = pretrain([table], held_out=digests(held), **QUICK)
    wild = np.where(out, 1e6 * np.arange(150), table.values)
    other = PropertyTable(table.name, table.materials, wild, table.unit)
    second = pretrain([other], held_out=digests(held), **QUICK)
    assert same(first, second)
    assert first.card.properties[0].center == second.card.properties[0].center
    assert second.card.properties[0].listed_mae > 1e5
    rest = [formula for formula, gone in zip(table.materials, out, strict=True) if not gone]
    third = PropertyTable(table.name, rest, np.asarray(table.values)[~out], table.unit)
    assert same(first, pretrain([third], **QUICK))
    changed = np.array(wild)
    changed[np.flatnonzero(~out)[50]] += 1.0
    fourth = PropertyTable(table.name, table.materials, changed, table.unit)
    assert not same(first, pretrain([fourth], held_out=digests(held), **QUICK))


def test_a_held_out_composition_is_held_out_however_it_is_written(toy_rows):
    formulas, energies, _ = toy_rows(60, seed=5)
    spellings = ["Fe2O3", "O3Fe2", "Fe4O6", "Fe0.4O0.6"]
    table = PropertyTable("e", formulas + spellings, [*energies, 1e5, -1e5, 3e5, 2e5], "eV")
    without = PropertyTable("e", formulas, energies, "eV")
    source = pretrain([table], held_out=digests(["Fe2O3"]), holdout_fraction=0, **QUICK)
    assert same(source, pretrain([without], holdout_fraction=0, **QUICK))
    assert source.card.held_out["n_compositions"] == source.card.properties[0].listed_rows == 1


def test_the_card_names_the_held_out_list(tables):
    held = digests(["Fe2O3", "NaCl"])
    card = pretrain(tables, held_out=held, **QUICK).card
    assert card.held_out["sha256"] == digest_list_hash(reversed(held)) and len(held) == 2
    assert card.held_out["n_digests"] == 2
    assert digests(["Fe2O3"]) == ["08dc51cb730c334e"]


def test_nothing_held_out_gives_no_errors(tables):
    card = pretrain(tables, holdout_fraction=0.0, **QUICK).card
    assert [item.holdout_mae for item in card.properties] == [None] * 3
    assert card.held_out["n_compositions"] == 0


@pytest.mark.parametrize("transform", ["identity", "log1p", "asinh"])
def test_predictions_come_back_in_the_unit_of_the_labels(toy_rows, transform):
    formulas, _, volumes = toy_rows(400, seed=1)
    table = PropertyTable("v", formulas, 50 * volumes, "GPa", transform)
    source = pretrain([table], learning_rate=5e-3, **{**QUICK, "epochs": 15})
    found = source.predict(formulas)[:, 0]
    assert (
        np.abs(found - table.values).mean()
        < 0.6 * np.abs(table.values - np.median(table.values)).mean()
    )


@pytest.mark.parametrize("transform", ["identity", "log1p", "asinh"])
@pytest.mark.parametrize("n", [60, 1000, 20_000])
def test_a_few_wrong_labels_do_not_set_the_scale(n, transform):
    y = np.random.default_rng(0).gamma(2.0, 1.0, n)
    clean = LabelScale.fit(y, transform)
    for outliers in ([1e9], [1e9, 1e30, 1e12][: n // 60]):
        dirty = y.copy()
        dirty[: len(outliers)] = outliers
        scale = LabelScale.fit(dirty, transform)
        assert scale.scale < 6 * clean.scale
        assert scale.clip[1] < 1e4 if transform == "identity" else np.isfinite(scale.clip[1])
        assert np.abs(scale.to_z(dirty)).max() < 100


def test_labels_of_heavy_tails_keep_their_range():
    y = np.random.default_rng(0).lognormal(0.0, 1.0, 5000)
    assert LabelScale.fit(y, "identity").clip[1] > np.quantile(y, 0.999)


@pytest.mark.parametrize("value", [0.0, 0.1, -3e7])
def test_constant_labels_are_learned(value):
    scale = LabelScale.fit(np.full(50, value), "identity")
    assert scale.scale == 1.0 and np.abs(scale.to_z(np.full(3, value))).max() < 1e-6


class Killed(RuntimeError):
    """Stands for a process that is gone."""


def gone(*args):
    raise Killed


@pytest.mark.parametrize("moment", ["before", "within", "after"])
@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_a_killed_run_goes_on_to_the_same_weights(tables, tmp_path, monkeypatch, moment, epoch):
    unbroken = pretrain(tables, **QUICK)
    path, calls = tmp_path / "run.checkpoint", []

    def write(*args):
        calls.append(1)
        if len(calls) == epoch and moment == "before":
            raise Killed
        if len(calls) == epoch and moment == "within":
            patch.setattr(os, "replace", gone)
        _checkpoint_write(*args)
        if len(calls) == epoch:
            raise Killed

    _checkpoint_write = _checkpoint.write_tensors
    with monkeypatch.context() as patch:
        patch.setattr(_checkpoint, "write_tensors", write)
        with pytest.raises(Killed):
            pretrain(tables, checkpoint=path, **QUICK)
    assert path.exists() == (epoch > 1 or moment == "after")
    again = pretrain(tables, checkpoint=path, **QUICK)
    assert same(unbroken, again)
    assert again.card.properties == unbroken.card.properties
    final = [s.card.training["settings"]["final_loss"] for s in (unbroken, again)]
    assert final[0] == final[1]


def test_a_stopped_run_raises_and_goes_on(tables, tmp_path, monkeypatch):
    path, original = tmp_path / "run.checkpoint", _pretrain.MaskedL1.forward
    calls = []

    def interrupted(self, *args):
        calls.append(1)
        if len(calls) == 12:
            raise KeyboardInterrupt
        return original(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(_pretrain.MaskedL1, "forward", interrupted)
        with pytest.raises(KeyboardInterrupt):
            pretrain(tables, checkpoint=path, **QUICK)
    assert path.exists()
    assert same(pretrain(tables, checkpoint=path, **QUICK), pretrain(tables, **QUICK))


def test_the_checkpoint_of_another_run_is_refused(tables, tmp_path):
    path = tmp_path / "run.checkpoint"
    pretrain(tables, checkpoint=path, **QUICK)
    before = path.read_bytes()
    values = np.array(tables[0].values)
    values[7] += 0.1
    shifted = PropertyTable("energy", tables[0].materials, values, "eV/atom")
    for changed, settings in (
        (tables, {"seed": 1}),
        (tables, {"epochs": 4}),
        (tables, {"holdout_fraction": 0.5}),
        ([shifted, *tables[1:]], {}),
    ):
        with pytest.raises(SourceIntegrityError, match="not a checkpoint of this run"):
            pretrain(changed, checkpoint=path, **{**QUICK, **settings})
    assert path.read_bytes() == before


def test_a_file_that_is_no_checkpoint_is_refused(tables, tiny_source, tmp_path):
    tiny_source.save(tmp_path / "source")
    (tmp_path / "text").write_text("epoch 3")
    for name in ("source", "text"):
        with pytest.raises(SourceIntegrityError):
            pretrain(tables, checkpoint=tmp_path / name, **QUICK)


def test_progress_shows_what_is_left_only_when_asked(tables, capsys):
    pretrain(tables, **QUICK)
    assert capsys.readouterr() == ("", "")
    pretrain(tables, **{**QUICK, "progress": True})
    assert "toy@1" in capsys.readouterr().err


def test_a_run_can_start_from_a_source(tables):
    first = pretrain(tables[0], **QUICK)
    settings = {key: value for key, value in QUICK.items() if key != "network_arguments"}
    still = pretrain(tables[1], source=first, **settings | {"learning_rate": 1e-9})
    assert still.card.property_names == ("volume",)
    assert still.card.network == first.card.network
    assert still.card.training["settings"]["start"] == {"id": "toy@1", "sha256": None}
    assert set(first.card.elements) <= set(still.card.elements)
    np.testing.assert_allclose(still.embed(["NaCl"]), first.embed(["NaCl"]), atol=1e-3)
    moved = pretrain(tables[1], source=first, **settings)
    assert np.abs(moved.embed(["NaCl"]) - first.embed(["NaCl"])).max() > 1e-2
    other = pretrain(tables[1], **settings | {"network_arguments": NETWORK})
    assert not same(moved, other)


def test_the_network_of_a_start_takes_no_arguments(tables, tiny_source):
    with pytest.raises(InputError, match="network_arguments=.*and a source"):
        pretrain(tables, source=tiny_source, **QUICK)


def test_elemnet_is_pretrained_on_elemental_fractions(tables):
    source = pretrain(tables[0], network="elemnet", **{**QUICK, "network_arguments": None})
    assert source.card.representation["name"] == "element-fractions"
    assert source.predict(["Fe2O3"]).shape == (1, 1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"id": "../x"}, "Got id='../x'"),
        ({"title": ""}, "Got title=''"),
        ({"licence": None}, "Got licence=None"),
        ({"network": "resnet"}, "Got network='resnet', expected one of"),
        ({"network_arguments": {"depth": 3}}, "Got network_arguments=.*depth"),
        ({"network_arguments": {"width": "wide"}}, "do not make a valid card"),
        ({"network_arguments": 5}, "Got network_arguments=5, expected a dict"),
        ({"epochs": 0}, "Got epochs=0"),
        ({"epochs": True}, "Got epochs=True"),
        ({"batch_size": 2.5}, "Got batch_size=2.5"),
        ({"learning_rate": -1}, "Got learning_rate=-1"),
        ({"weight_decay": float("nan")}, "Got weight_decay=nan"),
        ({"holdout_fraction": 1}, "Got holdout_fraction=1"),
        ({"seed": None}, "Got seed=None"),
        ({"seed": 2**63}, f"Got seed={2**63}"),
        ({"device": "tpu9"}, "Got device='tpu9'"),
        ({"held_out": "08dc51cb730c334e"}, "Got held_out='08dc51cb730c334e'"),
        ({"held_out": ["Fe2O3"]}, "Got held_out digest='Fe2O3'"),
    ],
    ids=str,
)
def test_an_impossible_setting_is_an_error_before_training(tables, settings, message):
    with pytest.raises(InputError, match=message):
        pretrain(tables, **{**QUICK, **settings})


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        (("a", ["Si", "Xx2"], [1, 2], "eV"), FormulaError, "(?s)Table a: .*row 1: Got 'Xx2'"),
        (("a", ["Si", "Ge"], [1.0], "eV"), InputError, "got 2 materials and values of shape"),
        (("a", ["Si"], [[1.0]], "eV"), InputError, "shape .1, 1."),
        (("a", ["Si", "Ge"], [1, np.inf], "eV"), InputError, r"row 1 \('Ge'\): got label inf"),
        (("a", ["Si", "Ge"], [1, "x"], "eV"), InputError, "Table a: a label is not a number"),
        (("a", ["Si", "Ge"], [1, -1], "eV", "log1p"), InputError, "label -1.0.* above -1"),
        (("a", ["Si"], [1], "eV", "exp"), InputError, "got transform='exp'"),
        (("a", ["Si", "RfO2"], [1, 2], "eV"), InputError, r"row 1 \('RfO2'\).*beyond Lr"),
        (("a", ["Si"], [np.nan], "eV"), InputError, "Table a has no label"),
        (("a", [], [], "eV"), InputError, "Table a has no label"),
        (("b", ["Si"], [1.0], "eV"), InputError, r"names \['b', 'b'\], expected distinct"),
        ((3, ["Si"], [1.0], "eV"), InputError, "valid card: Got name=3"),
        (("a", ["Si"], [1.0], "eV", "identity", {"doi": {1}}), InputError, "valid card"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_bad_table_is_an_error_that_names_it(table, error, message):
    good = PropertyTable("b", ["NaCl", "GaAs"], [1.0, 2.0], "eV")
    with pytest.raises(error, match=message):
        pretrain([good, PropertyTable(*table)], holdout_fraction=0, **QUICK)


def test_tables_must_be_tables():
    for tables in ([], [("a", ["Si"], [1.0], "eV")]):
        with pytest.raises(InputError, match="Got a table of type|Got tables with names"):
            pretrain(tables, **QUICK)
