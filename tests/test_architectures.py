"""A network from outside does all that sktl's own do, by one record."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import sktl
from sktl import (
    Architecture,
    DeepFeatureTransformer,
    PropertyTable,
    TransferClassifier,
    TransferRegressor,
    TransferStackRegressor,
    list_sources,
    load_model,
    load_source,
    pretrain,
    register_architecture,
    register_source,
)
from sktl.cli import main
from sktl.evaluation import make_model, model_titles
from sktl.exceptions import (
    InputError,
    ModelIntegrityError,
    SourceIntegrityError,
    SourceNotFoundError,
)
from sktl.networks import CompositionNet, ElemNet, Network, check_network
from sktl.representations import ElementFractions, NumericColumns, Representation, parse_formulas
from sktl.sources import (
    ForeignSource,
    Schedule,
    _architectures,
    _foreign,
    card_page,
    find_architecture,
    list_architectures,
)

MODULE = Path(__file__).parent / "plugins" / "lab_network.py"
ID = "lab.all@1"
ELEMNET = Architecture("other", ElemNet, ElementFractions, "Other")


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory):
    """A cache of this module's own, and the registry as it was afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKTL_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(_architectures, "_records", dict(_architectures._records))
        patch.setattr(_foreign, "_known", dict(_foreign._known))
        yield


@pytest.fixture(scope="module")
def lab(cache):
    """The module with the network, whose record is registered."""
    spec = importlib.util.spec_from_file_location("lab_network", MODULE)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "lab_network", module)
        spec.loader.exec_module(module)
        register_architecture(module.RECORD)
        yield module


@pytest.fixture(scope="module")
def source(lab, toy_rows):
    formulas, energies, volumes = toy_rows(400, seed=0)
    tables = [
        PropertyTable("lab_energy", formulas, energies, "eV/atom"),
        PropertyTable("lab_volume", formulas, volumes, "A^3/atom"),
    ]
    return pretrain(
        tables,
        id=ID,
        title="Two properties",
        network="lab-perceptron",
        network_arguments={"width": 24},
        epochs=10,
        batch_size=32,
        device="cpu",
        progress=False,
    )


@pytest.fixture(scope="module")
def named(source):
    register_source(source, "lab")
    return "lab"


@pytest.fixture
def rows(toy_rows):
    formulas, energies, _ = toy_rows(60, seed=8)
    return formulas, energies


def test_it_is_short_and_keeps_the_grammar(lab):
    assert len(MODULE.read_text(encoding="utf-8").splitlines()) < 60
    compositions = parse_formulas(["NaCl", "Fe2O3", "Si"])
    check_network(lab.Perceptron(2, width=8), lab.RootFractions().encode(compositions))


def test_it_is_a_choice_from_scratch(lab, rows):
    settings = {"network": "lab-perceptron", "random_state": 0}
    fast = {"max_epochs": 60, "learning_rate": 1e-2}
    model = TransferRegressor(None, **settings, **fast).fit(*rows)
    assert type(model.networks_[0]) is lab.Perceptron
    assert model.networks_[0].arguments == {"n_layers": 2}  # as the record says
    assert np.abs(model.predict(rows[0]) - rows[1]).mean() < 0.7 * rows[1].std()
    given = {"network_arguments": {"n_layers": 1, "width": 5}}
    kinds = rows[1] > np.median(rows[1])
    model = TransferClassifier(None, **settings, **given, max_epochs=1).fit(rows[0], kinds)
    assert model.networks_[0].depth_groups == ("layer1", "head")
    features = DeepFeatureTransformer(None, **settings, **given).fit_transform(rows[0])
    assert features.shape == (60, 5)


def test_it_is_pretrained_saved_registered_and_shown(source, named, tmp_path):
    assert source.verify() < 1e-6
    assert (source.card.network, source.card.representation) == (
        {"name": "lab-perceptron", "arguments": {"width": 24}},
        {"name": "lab-root-fractions", "version": 1},
    )
    source.save(tmp_path / "lab.safetensors")
    for again in (load_source(tmp_path / "lab.safetensors"), load_source(named)):
        assert np.array_equal(again.predict(["NaCl"]), source.predict(["NaCl"]))
    assert named in list_sources()
    page = card_page(load_source(named), named)
    assert "| network | Perceptron of the laboratory (width 24) |" in page
    assert "| depth groups | layer1, layer2, layer3, head |" in page


@pytest.mark.parametrize("depth", range(4))
def test_it_is_fine_tuned_with_each_freeze_depth(source, rows, depth):
    model = TransferRegressor(source, freeze_depth=depth, max_epochs=2, random_state=0).fit(*rows)
    for position, name in enumerate(source.network.depth_groups[:-1]):
        before, after = (each.group(name)[0].weight for each in (source.network, *model.networks_))
        assert torch.equal(before, after) == (position < depth)


def test_its_features_are_extracted(named, rows):
    transformer = DeepFeatureTransformer(named, layers="all", predictions=True)
    assert transformer.fit_transform(rows[0]).shape == (60, 3 * 24 + 2)
    assert transformer.get_feature_names_out()[-1] == "lab_volume"


def test_a_stack_reads_it(named, rows):
    model = TransferStackRegressor(named, n_members=2, random_state=0).fit(*rows)
    assert f"fine-tuned {ID}" in model.members_
    assert np.isfinite(model.predict(rows[0][:5])).all()


def test_evaluation_compares_it_and_cites_it(named, rows, tmp_path):
    lines = [f"{formula},{y}" for formula, y in zip(*rows, strict=True)]
    (tmp_path / "data.csv").write_text("\n".join(["formula,y", *lines]))
    few = ("--folds", "2", "--repeats", "1", "--jobs", "1", "--models", "transfer,scratch")
    given = (str(tmp_path / "data.csv"), "--target", "y", "--source", named, *few)
    done = CliRunner().invoke(main, ["evaluate", *given, "-o", str(tmp_path / "page.html")])
    assert done.exit_code == 0, done.output
    assert "doi.org/10.1037/h0042519" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert make_model("scratch", named).network == "lab-perceptron"
    assert model_titles(named, named)["scratch"] == "same kind of network from scratch"


LOAD = """
import sys, json, sktl
model = sktl.load_model(sys.argv[1])
print(json.dumps([model.predict(["ZnO"])[0], "lab" in sktl.list_sources()]))
"""


def run(folder, code, *arguments):
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )


def install(folder, package, **groups):
    """Make a folder look like one into which a package with entry points was installed."""
    info = folder / f"{package}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
    lines = [f"[sktl.{group}]\n{entries}\n" for group, entries in groups.items()]
    (info / "entry_points.txt").write_text("".join(lines))


@pytest.fixture
def saved(named, tmp_path, rows):
    model = TransferRegressor(named, max_epochs=1, random_state=0).fit(*rows)
    model.save(tmp_path / "model.sktl")
    return model, tmp_path / "model.sktl"


def test_a_model_is_loaded_in_another_process_that_registers_the_record(saved):
    model, path = saved
    register = f"import sys; sys.path.insert(0, {str(MODULE.parent)!r})\nimport lab_network, sktl\n"
    register += "sktl.register_architecture(lab_network.RECORD)\n"
    done = run(path.parent, register + LOAD, path)
    assert done.returncode == 0, done.stderr
    predicted, listed = json.loads(done.stdout)
    assert predicted == pytest.approx(model.predict(["ZnO"])[0], rel=1e-6) and listed


def test_a_model_whose_network_is_unknown_says_what_is_missing(saved, monkeypatch):
    monkeypatch.delitem(_architectures._records, "lab-perceptron")
    with pytest.raises(ModelIntegrityError, match="'lab-perceptron'.*sktl.register_architecture"):
        load_model(saved[1])
    _loaded = "sktl.sources._registry._loaded"
    monkeypatch.setattr(_loaded, type(sktl.sources._registry._loaded)())
    with pytest.raises(SourceIntegrityError, match="'lab-perceptron'.*sktl.register_architecture"):
        load_source("lab")
    assert "lab" in list_sources()


ANNOUNCED = """
from lab_network import RECORD
from functools import partial
from pathlib import Path
from sktl.sources import ForeignSource, read_source

SHA256 = {sha256!r}
PATH = Path(__file__).parent / "announced.safetensors"
SOURCE = ForeignSource("announced", {id!r}, SHA256, partial(read_source, PATH, SHA256))
"""
USE = """
import json, sys, sktl
rows = ["NaCl", "Si"], [8.5, 1.1]
sktl.TransferRegressor(max_epochs=1).fit(*rows)
imported = [name for name in ("lab_network", "broken", "taken") if name in sys.modules]
predicted = sktl.load_model(sys.argv[1]).predict(["ZnO"])[0]
sktl.load_source("announced").verify()
sktl.TransferRegressor(None, network="lab-perceptron", max_epochs=1).fit(*rows)
print(json.dumps([predicted, imported, sktl.list_sources()]))
try:
    sktl.TransferRegressor(None, network="absent").fit(*rows)
except sktl.exceptions.InputError as error:
    print(error)
"""


@pytest.fixture
def installed(source, tmp_path):
    """A folder with a package that announces the network and a source of it."""
    source.save(tmp_path / "announced.safetensors")
    sha256 = load_source(tmp_path / "announced.safetensors").sha256
    (tmp_path / "lab_network.py").write_bytes(MODULE.read_bytes())
    (tmp_path / "lab_sources.py").write_text(ANNOUNCED.format(sha256=sha256, id=ID))
    install(
        tmp_path,
        "lab-networks",
        architectures="lab-perceptron = lab_network:RECORD",
        sources="announced = lab_sources:SOURCE",
    )
    return tmp_path


@pytest.fixture
def found(installed, saved):
    """What a process says where good and broken packages are installed."""
    (installed / "broken.py").write_text("import a_module_that_is_not_there\n")
    (installed / "taken.py").write_text(
        "from sktl import Architecture\nfrom sktl.networks import ElemNet\n"
        "from sktl.representations import ElementFractions\n"
        "RECORD = Architecture('alignn', ElemNet, ElementFractions, 'Not ALIGNN')\n"
    )
    install(installed, "broken", architectures="mine = broken:RECORD", sources="x = os:sep")
    install(installed, "taken", architectures="alignn = taken:RECORD")
    return run(installed, USE, saved[1])


def test_installed_packages_announce_networks_and_sources(found, saved):
    assert found.returncode == 0, found.stderr
    *printed, last = found.stdout.splitlines()
    predicted, imported, names = json.loads(printed[0])
    assert imported == []  # for a network and a source of sktl itself
    assert predicted == pytest.approx(saved[0].predict(["ZnO"])[0], rel=1e-6)
    assert {"announced", "lab", "mpt"} <= set(names)
    assert found.stderr.count("TransferWarning") == 3
    for words in (
        "package broken 1.2 announces 'mine' .*No module named",
        "package broken 1.2 announces 'x' .*Got '/', expected a ForeignSource",
        "package taken 1.2 announces 'alignn' .*one of sktl itself",
    ):
        assert re.search(words, found.stderr)
        assert re.search(words, last)  # in the error about a name that is not found


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
        own = ["composition", "elemnet", "alignn", "chgnet", "columns"]
        assert list_architectures()[:5] == own

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
        quick = Schedule(epochs=61, learning_rate=5e-4)
        register_architecture(replace(ELEMNET, name="quick", network=Slim, scratch=quick))
        model = TransferRegressor(None, network="quick", random_state=0).fit(*rows)
        assert model.n_iter_ == 61
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
    @pytest.fixture
    def foreign(self, source, tmp_path, monkeypatch):
        """Where the weights of a source lie, with its record; nothing is registered afterwards."""
        source.save(tmp_path / "weights.safetensors")
        loaded = load_source(tmp_path / "weights.safetensors")
        for module, name in ((_architectures, "_records"), (_foreign, "_known")):
            monkeypatch.setattr(module, name, dict(getattr(module, name)))
        return ForeignSource("moduli", ID, loaded.sha256, lambda: loaded)

    def test_an_architecture_announces_it(self, foreign, lab, source, rows):
        record = replace(lab.RECORD, sources=[foreign])
        register_architecture(record, overwrite=True)
        assert "moduli" in list_sources()
        assert load_source("moduli") is load_source(ID)
        assert load_source("moduli").sha256 == foreign.sha256
        assert TransferRegressor("moduli", max_epochs=1).fit(*rows).source_.id == ID
        with pytest.raises(InputError, match="name='moduli', which is a source of"):
            register_source(source, "moduli")
        register_architecture(lab.RECORD, overwrite=True)
        assert "moduli" not in list_sources()

    def test_what_is_not_there_is_not_listed_and_says_how_to_get_it(self, foreign, lab):
        def load():
            raise SourceNotFoundError("pip install moduli")

        missing = replace(foreign, load=load, sha256="0" * 64, is_available=lambda: False)
        register_architecture(replace(lab.RECORD, sources=(missing,)), overwrite=True)
        assert "moduli" not in list_sources()
        with pytest.raises(SourceNotFoundError, match="pip install moduli"):
            load_source("moduli")

    @pytest.mark.parametrize("change", [{"id": "lab.other@1"}, {"sha256": "0" * 64}], ids=str)
    def test_what_is_loaded_is_what_was_announced(self, foreign, lab, change):
        record = replace(lab.RECORD, sources=(replace(foreign, **change),))
        register_architecture(record, overwrite=True)
        with pytest.raises(SourceIntegrityError, match="for the source 'moduli', expected"):
            load_source("moduli" if "sha256" in change else "lab.other@1")

    @pytest.mark.parametrize("change", [{"name": "oqmd"}, {"name": "chgnet"}], ids=str)
    def test_no_name_is_given_twice(self, foreign, change):
        record = replace(ELEMNET, name="new", sources=(replace(foreign, **change),))
        with pytest.raises(InputError, match="is another source"):
            register_architecture(record)
        with pytest.raises(InputError, match="Got network='new'"):
            find_architecture("new")

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
