"""A network from outside does all that sktl's own do, by one record."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import sktl
from sktl import (
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
from sktl.exceptions import ModelIntegrityError, SourceIntegrityError
from sktl.networks import check_network
from sktl.representations import parse_formulas
from sktl.sources import _architectures, _foreign, card_page

MODULE = Path(__file__).parent / "plugins" / "lab_network.py"
ID = "lab.all@1"


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory):
    """A cache of this module's own; the registry is as before afterwards."""
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


def test_a_stack_reads_it(named, rows, few_steps):
    with few_steps():
        model = TransferStackRegressor(named, n_members=2, random_state=0).fit(*rows)
    assert f"fine-tuned {ID}" in model.members_
    assert np.isfinite(model.predict(rows[0][:5])).all()


def test_evaluation_compares_it_and_cites_it(named, rows, few_steps, tmp_path):
    lines = [f"{formula},{y}" for formula, y in zip(*rows, strict=True)]
    (tmp_path / "data.csv").write_text("\n".join(["formula,y", *lines]))
    few = ("--folds", "2", "--repeats", "1", "--jobs", "1", "--models", "transfer,scratch")
    given = (str(tmp_path / "data.csv"), "--target", "y", "--source", named, *few)
    with few_steps():
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
