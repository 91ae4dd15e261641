"""Records of networks and of sources from elsewhere: one of each name, wrong values named."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sktl import (
    Architecture,
    PropertyTable,
    TransferRegressor,
    list_sources,
    load_source,
    pretrain,
    register_architecture,
    register_source,
)
from sktl.exceptions import InputError, SourceIntegrityError, SourceNotFoundError
from sktl.networks import CompositionNet, ElemNet, Network
from sktl.representations import ElementFractions, ElementTokens, NumericColumns, Representation
from sktl.sources import (
    ForeignSource,
    Schedule,
    _architectures,
    _foreign,
    find_architecture,
    list_architectures,
)

ELEMNET = Architecture("other", ElemNet, ElementFractions, "Other")


@pytest.fixture(autouse=True)
def registry(monkeypatch, tmp_path):
    """Leave the registry, and the cache, as they were."""
    monkeypatch.setenv("SKTL_CACHE", str(tmp_path / "cache"))
    for module, name in ((_architectures, "_records"), (_foreign, "_known")):
        monkeypatch.setattr(module, name, dict(getattr(module, name)))


@pytest.fixture
def rows(toy_rows):
    formulas, energies, _ = toy_rows(60, seed=8)
    return formulas, energies


class TestRecords:
    def test_of_one_name_there_is_one(self):
        assert register_architecture(ELEMNET) is ELEMNET
        register_architecture(replace(ELEMNET))  # the same again
        second = replace(ELEMNET, title="Another")
        with pytest.raises(InputError, match="'other', which is another registered one"):
            register_architecture(second)
        assert find_architecture("other").title == "Other"
        register_architecture(second, overwrite=True)
        assert find_architecture("other") is second
        mine = replace(ELEMNET, name="alignn")
        for overwrite in (False, True):
            with pytest.raises(InputError, match="'alignn', which is one of sktl itself"):
                register_architecture(mine, overwrite=overwrite)
        assert find_architecture("alignn").title == "ALIGNN"

    def test_own_ones_are_listed_first(self):
        own = ["composition", "elemnet", "alignn", "chgnet", "nequix", "columns"]
        assert list_architectures()[: len(own)] == own

    @pytest.mark.parametrize(
        "change",
        [
            {"name": "no/path"},
            {"name": "auto"},
            {"name": None},
            {"network": torch.nn.Linear},
            {"network": Network},
            {"network": ElemNet()},
            {"representation": Representation},
            {"representation": ElementFractions()},
            {"title": " "},
            {"references": ["10.1037/h0042519"]},
            {"references": [("A paper", "https://example.org")]},
            {"scratch_arguments": {"n_outputs": 2}},
            {"scratch_arguments": None},
            {"takes_columns": "yes"},
            {"fine_tuning": 12},
            {"sources": ["oqmd"]},
        ],
        ids=lambda change: f"{change}"[:60],
    )
    def test_a_wrong_value_is_named(self, change):
        (name,) = change
        with pytest.raises(InputError, match=f"(?s)Got {name}=.*, expected "):
            replace(ELEMNET, **change)

    def test_a_schedule_of_its_own_is_followed(self, rows):
        quick = Schedule(epochs=121, learning_rate=5e-4)
        register_architecture(replace(ELEMNET, name="quick", network=Slim, scratch=quick))
        model = TransferRegressor(None, network="quick", random_state=0).fit(*rows)
        assert model.n_iter_ == 121
        assert ELEMNET.schedule(pretrained=False) == Schedule(40, 1e-3)
        with pytest.raises(InputError, match="Got epochs=0"):
            Schedule(0, 1e-3)
        with pytest.raises(InputError, match="Got learning_rate=0"):
            Schedule(1, 0)

    def test_numeric_columns_are_for_networks_that_take_them(self, rows):
        columns, y = np.random.default_rng(0).random((30, 6)), rows[1][:30]
        record = replace(ELEMNET, name="wide", network=Slim, takes_columns=True)
        register_architecture(record)
        model = TransferRegressor(None, network="wide", max_epochs=1).fit(columns, y)
        assert model.networks_[0].arguments == {"n_inputs": 6}
        named = TransferRegressor(None, network="columns", max_epochs=1, random_state=0)
        chosen = TransferRegressor(None, network="auto", max_epochs=1, random_state=0)
        both = (each.fit(columns, y).predict(columns) for each in (named, chosen))
        np.testing.assert_array_equal(*both)
        with pytest.raises(InputError, match="Got formulas, expected numeric columns"):
            named.fit(*rows)
        with pytest.raises(InputError, match="Got network='columns', expected one that reads"):
            table = PropertyTable("y", *rows, "eV")
            pretrain(table, id="toy@1", title="No", network="columns", progress=False)

    @pytest.mark.parametrize("name", ["chgnet", "absent", None, []], ids=str)
    def test_what_is_no_choice_is_an_error_that_lists_them(self, name, rows):
        model = TransferRegressor(None, network=name, max_epochs=1)
        with pytest.raises(InputError, match="Got network=.*'auto', 'composition', 'elemnet'"):
            model.fit(*rows)


class Slim(ElemNet):
    """ElemNet of few weights."""

    def __init__(self, n_outputs=1, *, n_inputs=103):
        Network.__init__(self)
        self.body = torch.nn.ModuleDict({"layer": torch.nn.Linear(n_inputs, 4)})
        self.embedding_size = 4
        self.head = torch.nn.Linear(4, n_outputs)


class TestForeignSources:
    ID = "toy.all@1"
    RECORD = Architecture("new", CompositionNet, ElementTokens, "New")

    @pytest.fixture
    def foreign(self, tiny_source, tmp_path):
        """A source whose weights are in a file."""
        tiny_source.save(tmp_path / "weights.safetensors")
        loaded = load_source(tmp_path / "weights.safetensors")
        return ForeignSource("moduli", self.ID, loaded.sha256, lambda: loaded)

    def test_an_architecture_announces_it(self, foreign, tiny_source, rows):
        record = replace(self.RECORD, sources=[foreign])
        register_architecture(record, overwrite=True)
        assert "moduli" in list_sources()
        assert load_source("moduli") is load_source(self.ID)
        assert load_source("moduli").sha256 == foreign.sha256
        assert TransferRegressor("moduli", max_epochs=1).fit(*rows).source_.id == self.ID
        with pytest.raises(InputError, match="name='moduli', which is a source of"):
            register_source(tiny_source, "moduli")
        register_architecture(self.RECORD, overwrite=True)
        assert "moduli" not in list_sources()

    def test_what_is_not_there_is_not_listed_and_says_how_to_get_it(self, foreign):
        def load():
            raise SourceNotFoundError("pip install moduli")

        missing = replace(foreign, load=load, sha256="0" * 64, is_available=lambda: False)
        register_architecture(replace(self.RECORD, sources=(missing,)), overwrite=True)
        assert "moduli" not in list_sources()
        with pytest.raises(SourceNotFoundError, match="pip install moduli"):
            load_source("moduli")

    @pytest.mark.parametrize("change", [{"id": "lab.other@1"}, {"sha256": "0" * 64}], ids=str)
    def test_what_is_loaded_is_what_was_announced(self, foreign, change):
        record = replace(self.RECORD, sources=(replace(foreign, **change),))
        register_architecture(record, overwrite=True)
        with pytest.raises(SourceIntegrityError, match="for the source 'moduli', expected"):
            load_source("moduli" if "sha256" in change else "lab.other@1")

    @pytest.mark.parametrize("change", [{"name": "oqmd"}, {"name": "chgnet"}], ids=str)
    def test_no_name_is_given_twice(self, foreign, change):
        record = replace(ELEMNET, name="newer", sources=(replace(foreign, **change),))
        with pytest.raises(InputError, match="is another source"):
            register_architecture(record)
        with pytest.raises(InputError, match="Got network='newer'"):
            find_architecture("newer")

    @pytest.mark.parametrize(
        "change", [{"name": "a/b"}, {"id": 1}, {"sha256": "abc"}, {"load": None}], ids=str
    )
    def test_a_wrong_value_is_named(self, foreign, change):
        (name,) = change
        with pytest.raises(InputError, match=f"(?s)Got {name}=.*, expected "):
            replace(foreign, **change)


def test_every_architecture_of_sktl_has_what_a_page_and_a_report_show():
    for name in list_architectures()[:5]:
        record = find_architecture(name)
        assert record.title == record.network.__name__
        assert record.references or name == "columns"


@pytest.mark.parametrize(
    "kind", [ElementFractions, CompositionNet, NumericColumns], ids=lambda kind: kind.__name__
)
def test_records_are_told_apart_from_classes(kind):
    with pytest.raises(InputError, match="expected an Architecture"):
        register_architecture(kind)
