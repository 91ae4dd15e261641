"""``sktl sources`` and ``sktl pretrain``: what they print, and one line for a mistake."""

import gzip
import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.utils import Bunch

from sktl import Source, datasets, load_source, register_source
from sktl.cli import main
from sktl.representations import parse_formulas
from sktl.sources import _registry
from sktl.training import digest_list_hash


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """Give every test an empty cache folder, on the disk and in memory."""
    monkeypatch.setenv("SKTL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(_registry, "_loaded", type(_registry._loaded)())
    return tmp_path / "cache" / "sources"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Function that runs a command in a folder of its own and returns exit code and output."""
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments):
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert "Traceback" not in result.output
        return result.exit_code, result.output

    return invoke


def test_list_shows_a_line_for_each_source(run, tiny_source):
    register_source(tiny_source, "my-toy")
    code, output = run("sources", "list")
    line = next(line for line in output.splitlines() if line.startswith("my-toy"))
    assert code == 0 and "toy.all@1" in line and tiny_source.card.title in line


def test_the_title_of_a_card_forges_no_line(run, tiny_source, tmp_path):
    title = "Toy\nError: forged \x1b[2J" + "x" * 5000
    card = replace(tiny_source.card, title=title)
    Source(card, tiny_source.network).save(tmp_path / "odd.st")
    register_source(tmp_path / "odd.st", "odd")
    for arguments in (("list",), ("show", "odd")):
        code, output = run("sources", *arguments)
        assert code == 0 and "\nError" not in output and "x" * 200 not in output
        assert output.replace("\n", "").isprintable()


def test_list_goes_on_after_a_damaged_source(run, tiny_source, cache):
    register_source(tiny_source, "broken")
    register_source(tiny_source, "whole")
    next(cache.glob("broken-*")).write_bytes(b"nothing")
    _registry._loaded.clear()
    code, output = run("sources", "list")
    assert code == 0 and "cannot be loaded" in output
    assert "toy.all@1" in next(x for x in output.splitlines() if x.startswith("whole"))


def test_show_prints_the_card(run, tiny_source):
    register_source(tiny_source, "my-toy")
    code, output = run("sources", "show", "my-toy")
    assert code == 0 and output.startswith("# my-toy") and "toy_volume | A^3/atom" in output
    code, output = run("sources", "show", "my-toy", "--json")
    assert json.loads(output)["id"] == "toy.all@1"


def test_show_takes_a_file(run, tiny_source, tmp_path):
    tiny_source.save(tmp_path / "toy.safetensors")
    code, output = run("sources", "show", "toy.safetensors")
    assert code == 0 and load_source(tmp_path / "toy.safetensors").sha256 in output


@pytest.mark.parametrize("command", ["show", "verify"])
def test_an_unknown_source_is_one_line_and_exit_code_1(run, tiny_source, command):
    register_source(tiny_source, "my-toy")
    code, output = run("sources", command, "my-toi")
    assert code == 1 and "Did you mean 'my-toy'" in output
    assert len(output.splitlines()) == 1


def test_verify_checks_all_or_those_named(run, tiny_source):
    register_source(tiny_source, "one")
    register_source(tiny_source, "two")
    code, output = run("sources", "verify")
    assert code == 0 and "one: ok" in output and "two: ok" in output
    code, output = run("sources", "verify", "two")
    assert code == 0 and "one: ok" not in output


def test_verify_tells_all_failures(run, tiny_source, cache):
    for name in ("bad", "good"):
        register_source(tiny_source, name)
    path = next(cache.glob("bad-*"))
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    _registry._loaded.clear()
    code, output = run("sources", "verify")
    assert code == 1 and "bad: FAILED" in output and "good: ok" in output


CONFIG = """
id = "toy.from-csv@1"
title = "Two properties from one table"
licence = "CC0"
epochs = 2
batch_size = 32
holdout_fraction = 0.1

[network_arguments]
width = 16
hidden = 16
trunk_width = 24
n_trunk = 1
n_attention = 1
n_heads = 2

[[properties]]
name = "energy"
csv = "table.csv"
formula = "formula"
target = "energy"
unit = "eV"
doi = "10.1/x"

[[properties]]
name = "volume"
csv = "table.csv"
formula = "formula"
target = "volume"
unit = "A^3"
transform = "log1p"
"""


@pytest.fixture
def config(tmp_path, toy_rows):
    formulas, energies, volumes = toy_rows(120, seed=2)
    lines = [
        f"{formula},{energy},{volume if i % 2 else ''},x"
        for i, (formula, energy, volume) in enumerate(
            zip([*formulas[:-1], "NaN"], energies, volumes, strict=True)
        )
    ]
    (tmp_path / "table.csv").write_text("\n".join(["formula,energy,volume,note", *lines]))
    (tmp_path / "config.toml").write_text(CONFIG)
    return tmp_path / "config.toml"


def test_pretrain_makes_a_source_that_loads(run, config, tmp_path):
    code, output = run("pretrain", config, "--device", "cpu", "--no-progress")
    assert code == 0, output
    assert "random hold-out MAE" in output and "Wrote toy.from-csv@1.safetensors" in output
    source = load_source(tmp_path / "toy.from-csv@1.safetensors")
    card = source.card
    assert card.property_names == ("energy", "volume") and card.licence == "CC0"
    assert card.properties[1].n_rows + card.properties[1].holdout_rows <= 60
    assert card.training["tables"][0]["doi"] == "10.1/x"
    assert {7, 11} <= set(card.elements)
    assert np.isfinite(source.predict(["NaN", "Fe2O3"])).all()
    assert list(tmp_path.glob("*.checkpoint")) == []


CRYSTALS = """
id = "toy.crystals@3"
title = "Crystals by the name of their set"
epochs = 1
batch_size = 16
network = "alignn"

[network_arguments]
hidden = 8
n_alignn = 1
n_gcn = 1

[[properties]]
name = "energy"
structures = "ph"
database = "toy"
"""


def test_pretrain_on_crystals(run, tmp_path, toy_crystals, monkeypatch):
    structures, energies, _ = toy_crystals(40, seed=6)
    found = Bunch(structures=structures, y=energies, unit="eV", doi=["10.1/y"], licence="MIT")
    monkeypatch.setattr(datasets, "fetch_finetune_strategies", {"ph": found}.get)
    (tmp_path / "config.toml").write_text(CRYSTALS)
    code, output = run("pretrain", tmp_path / "config.toml", "--device", "cpu", "--no-progress")
    assert code == 0, output
    card = load_source(tmp_path / "toy.crystals@3.safetensors").card
    (table,) = card.training["tables"]
    assert (table["database"], table["doi"], table["rows"]) == ("toy", ["10.1/y"], 40)


def test_pretrain_without_large_crystals(run, tmp_path, toy_crystals, monkeypatch):
    structures, energies, _ = toy_crystals(40, seed=6)
    structures[:10] = [structure * [2, 2, 2] for structure in structures[:10]]
    most = max(len(structure) for structure in structures[10:])
    found = Bunch(structures=structures, y=energies, unit="eV", doi=["10.1/y"], licence="MIT")
    monkeypatch.setattr(datasets, "fetch_finetune_strategies", {"ph": found}.get)
    (tmp_path / "config.toml").write_text(f"{CRYSTALS}most_atoms = {most}\n")
    code, output = run("pretrain", tmp_path / "config.toml", "--device", "cpu", "--no-progress")
    assert code == 0, output
    (table,) = load_source(tmp_path / "toy.crystals@3.safetensors").card.training["tables"]
    assert (table["most_atoms"], table["rows"]) == (most, 30)


def test_pretrain_without_held_out_rows_says_so(run, config):
    config.write_text(CONFIG.replace("holdout_fraction = 0.1", "holdout_fraction = 0.0"))
    code, output = run("pretrain", config, "--device", "cpu", "--no-progress")
    assert code == 0 and "none held out" in output


def test_pretrain_keeps_out_the_list_that_the_configuration_names(run, config, tmp_path):
    digests = parse_formulas(["Fe2O3", "NaN"]).digests()
    config.write_text(f'held_out_sha256 = "{digest_list_hash(digests)}"\n{CONFIG}')
    code, output = run("pretrain", config, "--no-progress")
    assert code == 2 and "--held-out" in output
    (tmp_path / "wrong.txt").write_text(digests[0])
    code, output = run("pretrain", config, "--held-out", "wrong.txt", "--no-progress")
    assert code == 2 and "not the list" in output
    (tmp_path / "list.txt.gz").write_bytes(gzip.compress("\n".join(digests).encode()))
    arguments = ("--held-out", "list.txt.gz", "--device", "cpu", "--no-progress", "-o", "x.st")
    code, output = run("pretrain", config, *arguments)
    assert code == 0, output
    held_out = load_source(tmp_path / "x.st").card.held_out
    assert held_out["n_digests"] == 2 and held_out["n_compositions"] > 1


def test_a_stopped_pretraining_says_how_to_go_on(run, config, tmp_path, monkeypatch):
    def stopped(tables, *, checkpoint, **settings):
        checkpoint.write_bytes(b"state")
        raise KeyboardInterrupt

    monkeypatch.setattr("sktl.pretrain", stopped, raising=False)
    code, output = run("pretrain", config, "-o", "out.safetensors")
    assert code == 130 and "continues from out.checkpoint" in output
    assert not (tmp_path / "out.safetensors").exists()


def test_pretrain_replaces_none_of_its_inputs(run, config, tiny_source, tmp_path):
    tiny_source.save(tmp_path / "start.st")
    text = CONFIG.replace("epochs = 2", 'epochs = 2\nsource = "start.st"')
    config.write_text(text[: text.index("[network")] + text[text.index("[[") :])
    (tmp_path / "list.txt").write_text("0" * 16)
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    for name in ("config.toml", "table.csv", "list.txt", "start.st"):
        for places in (("-o", name), ("-o", "out.st", "--checkpoint", name)):
            code, output = run("pretrain", "config.toml", "--held-out", "list.txt", *places)
            assert code == 2 and f"replace the input '{name}'" in output.replace("\n", " ")
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


@pytest.mark.parametrize(
    ("places", "words"),
    [
        (("-o", "my.checkpoint"), "as the output and the checkpoint"),
        (("-o", "same", "--checkpoint", "./same"), "as the output and the checkpoint"),
        (("-o", ""), "expected the name of a file"),
        (("-o", "nowhere/x"), "expected a folder that is there"),
    ],
)
def test_pretrain_has_a_place_for_its_output(run, config, tmp_path, places, words):
    code, output = run("pretrain", config, *places)
    assert code == 2 and words in output and not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    "content", [b"no gzip", gzip.compress(b"0" * 16, mtime=0)[:-4] + b"0000"], ids=["text", "cut"]
)
def test_a_damaged_list_of_digests_is_one_message(run, config, tmp_path, content):
    (tmp_path / "list.gz").write_bytes(content)
    code, output = run("pretrain", config, "--held-out", "list.gz")
    assert code == 1 and output.startswith("Error: list.gz is not a list of digests")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('id = "toy', "id = toy", "not TOML"),
        ('id = "toy.from-csv@1"', "id = 3", "got id=3"),
        ('id = "toy.from-csv@1"', 'id = "a/b"', "Got id='a/b'"),
        ('title = "Two properties from one table"', "", "missing keys ['title']"),
        ("epochs = 2", "epoch = 2", "unknown keys ['epoch']"),
        ("epochs = 2", "epochs = 0", "Got epochs=0"),
        ("epochs = 2", f"seed = {2**63}", f"Got seed={2**63}"),
        ("epochs = 2", f"learning_rate = {10**400}", "Got learning_rate=1000"),
        ("epochs = 2", f"a = {'[' * 5000}", "too deep"),
        ('csv = "table.csv"', "csv = 5", "got csv=5, expected text"),
        ('csv = "table.csv"', 'csv = "absent.csv"', "absent.csv"),
        ('target = "energy"', 'target = "enthalpy"', "enthalpy"),
        ('target = "energy"', 'target = "note"', "row 0: got note='x'"),
        ('formula = "formula"', 'formula = "note"', "Table energy: Got"),
        ('unit = "eV"', "", "missing keys ['unit']"),
        ('transform = "log1p"', 'transform = "log"', "got transform='log'"),
        ('doi = "10.1/x"', 'table = "oqmd_band_gap"', "unknown keys"),
    ],
)
def test_a_mistake_in_the_configuration_is_one_message(run, config, old, new, message):
    assert old in CONFIG
    config.write_text(CONFIG.replace(old, new, 1))
    code, output = run("pretrain", config, "--device", "cpu", "--no-progress")
    assert code == 1 and message in output and output.startswith("Error: ")


def test_an_unknown_table_is_one_message(run, tmp_path):
    path = tmp_path / "config.toml"
    path.write_text('id = "a"\ntitle = "a"\n[[properties]]\ntable = "oqmd_colour"\n')
    code, output = run("pretrain", path)
    assert code == 1 and output.startswith("Error: Got name='oqmd_colour'")
