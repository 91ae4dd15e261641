"""Sources are found by name, by path, by other processes, and never mistaken for each other."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from sktl import Source, list_sources, load_source, register_source
from sktl.exceptions import InputError, SourceIntegrityError, SourceNotFoundError
from sktl.sources import _catalog, _registry

FORMULAS = ["NaCl", "Fe2O3"]


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """Give every test an empty cache folder, on the disk and in memory."""
    monkeypatch.setenv("SKTL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(_registry, "_loaded", type(_registry._loaded)())
    return tmp_path / "cache" / "sources"


@pytest.fixture
def path(tiny_source, tmp_path):
    tiny_source.save(tmp_path / "tiny.safetensors")
    return tmp_path / "tiny.safetensors"


@pytest.fixture
def other(tiny_source):
    """Another source than the tiny one."""
    network = tiny_source.new_network(2)
    return Source(tiny_source.card, network)


@pytest.fixture
def shipped(monkeypatch, path, tmp_path):
    """Let the tiny source be in the package, as "toy" and "toy.all@1"."""
    sha256 = load_source(path).sha256
    entry = {"file": path.name, "sha256": sha256}
    monkeypatch.setitem(_catalog.SHIPPED, "toy.all@1", entry)
    monkeypatch.setitem(_catalog.ALIASES, "toy", "toy.all@1")
    monkeypatch.setattr(_registry, "WEIGHTS", tmp_path)
    _registry._loaded.clear()
    return entry


def test_a_path_is_loaded_whatever_its_type(path, tiny_source):
    loaded = load_source(path)
    assert loaded.card == tiny_source.card
    assert load_source(str(path)) is loaded
    assert load_source(loaded) is loaded
    assert len(loaded.sha256) == 64 and tiny_source.sha256 is None


def test_a_registered_source_is_loaded_by_its_name(path, tiny_source):
    shipped_names = list_sources()
    registered = register_source(path, "my-oxides")
    assert list_sources() == [*shipped_names, "my-oxides"]
    assert load_source("my-oxides") is registered
    assert np.array_equal(registered.predict(FORMULAS), tiny_source.predict(FORMULAS))


def test_a_source_in_memory_can_be_registered_and_stays_after_its_file(path, tiny_source):
    one = register_source(tiny_source, "one")
    two = register_source(str(path), "two")
    path.unlink()
    assert load_source("one").sha256 == one.sha256 == two.sha256


def test_registering_the_same_again_changes_nothing(path, tiny_source, cache):
    register_source(path, "tiny")
    before = {file.name: file.stat().st_size for file in cache.iterdir()}
    register_source(tiny_source, "tiny")
    assert {file.name: file.stat().st_size for file in cache.iterdir()} == before


def test_two_that_register_one_name_at_once_leave_a_whole_source(tiny_source, other):
    failed = []

    def register(source):
        try:
            for _ in range(20):
                _registry._loaded.clear()  # as in two processes
                register_source(source, "tiny", overwrite=True)
        except (OSError, SourceIntegrityError) as error:
            failed.append(error)

    threads = [threading.Thread(target=register, args=[each]) for each in (tiny_source, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _registry._loaded.clear()
    assert failed == [] and load_source("tiny").card == tiny_source.card


def test_another_source_is_not_replaced_unless_asked(path, tiny_source, other, cache):
    register_source(path, "tiny")
    with pytest.raises(InputError, match="name='tiny', which is another registered source"):
        register_source(other, "tiny")
    assert load_source("tiny").sha256 == load_source(path).sha256
    register_source(other, "tiny", overwrite=True)
    assert np.array_equal(load_source("tiny").predict(FORMULAS), other.predict(FORMULAS))
    assert len(list(cache.glob("[!.]*"))) == 2


def test_names_that_begin_alike_do_not_disturb_each_other(tiny_source, other):
    register_source(tiny_source, "a")
    register_source(tiny_source, "a-0123456789abcdef")
    register_source(tiny_source, "a.b")
    register_source(other, "a", overwrite=True)
    for name in ("a-0123456789abcdef", "a.b"):
        assert np.array_equal(load_source(name).predict(FORMULAS), tiny_source.predict(FORMULAS))


@pytest.mark.parametrize(
    "name",
    ["", " ", ".", "..", "../x", "a/b", "a\\b", "/tmp/x", "~x", "x.safetensors", "é", "a b", "a\n"]
    + ["x" * 101, 3, None, b"x"],
)
def test_names_that_look_like_paths_are_refused(tiny_source, name, cache):
    with pytest.raises(InputError, match="Got name="):
        register_source(tiny_source, name)
    assert not cache.exists()


@pytest.mark.parametrize("name", ["toy", "toy.all@1"])
def test_the_name_of_a_shipped_source_is_not_given_away(other, shipped, name):
    for overwrite in (False, True):
        with pytest.raises(InputError, match="source of sktl itself"):
            register_source(other, name, overwrite=overwrite)


def test_a_file_that_is_no_source_is_not_registered(tmp_path, cache):
    (tmp_path / "text.txt").write_text("weights")
    with pytest.raises(SourceIntegrityError):
        register_source(tmp_path / "text.txt", "text")
    with pytest.raises(SourceNotFoundError):
        register_source(tmp_path / "absent", "absent")
    assert not cache.exists()


def test_a_shipped_source_has_a_short_name_and_an_id(shipped, tiny_source):
    assert "toy" in list_sources() and "toy.all@1" not in list_sources()
    assert load_source("toy") is load_source("toy.all@1")
    assert load_source("toy").sha256 == shipped["sha256"]


def test_a_name_that_is_shipped_later_is_listed_once(tiny_source, other, request):
    register_source(other, "toy")
    shipped = request.getfixturevalue("shipped")
    assert list_sources().count("toy") == 1
    assert load_source("toy").sha256 == shipped["sha256"]


def test_a_name_goes_before_a_file_of_that_name(shipped, other, tmp_path, monkeypatch):
    other.save(tmp_path / "toy")
    other.save(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    assert load_source("toy").sha256 == shipped["sha256"]
    assert load_source("mine").sha256 == load_source("./toy").sha256 != shipped["sha256"]


@pytest.mark.parametrize("damage", ["changed", "truncated", "missing"])
@pytest.mark.parametrize("kind", ["shipped", "registered"])
def test_a_damaged_file_is_refused(kind, damage, path, cache, request):
    if kind == "shipped":
        request.getfixturevalue("shipped")
    else:
        register_source(path, "toy")
        path = next(cache.glob("*.safetensors"))
        _registry._loaded.clear()
    content = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes(content[:-1] + (b"\xff" if damage == "changed" else b""))
    with pytest.raises(SourceIntegrityError, match="missing" if damage == "missing" else "sha256"):
        load_source("toy")


@pytest.mark.parametrize("text", ["", "{}", '{"sha256": "../../x"}', '{"sha256": 3}', "[]"])
def test_a_damaged_registration_is_refused_and_can_be_repaired(tiny_source, cache, text):
    register_source(tiny_source, "tiny")
    (cache / "tiny.json").write_text(text)
    with pytest.raises(SourceIntegrityError, match="overwrite=True"):
        load_source("tiny")
    register_source(tiny_source, "tiny", overwrite=True)
    assert load_source("tiny").card == tiny_source.card


@pytest.mark.parametrize("entry", ["tiny.json", "tiny-*"])
@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_what_is_no_file_in_the_cache_is_refused(tiny_source, cache, entry, kind):
    register_source(tiny_source, "tiny")
    (path,) = cache.glob(entry)
    path.unlink()
    {"folder": path.mkdir, "pipe": lambda: os.mkfifo(path)}.get(
        kind, lambda: path.symlink_to("/dev/zero")
    )()
    _registry._loaded.clear()
    for use in (load_source, lambda name: register_source(tiny_source, name)):
        with pytest.raises(SourceIntegrityError, match="is no file: remove|is missing"):
            use("tiny")


@pytest.mark.parametrize("source", ["unknown", "no/such/file.safetensors", "", "x" * 5000, "a\0b"])
def test_an_unknown_source_is_an_error_that_lists_the_known(shipped, source):
    with pytest.raises(SourceNotFoundError, match=r"Got source=.*toy.*path of a source file"):
        load_source(source)


@pytest.mark.parametrize("source", [None, 3, b"toy", ["toy"], Path("toy"), Path(".")])
def test_only_names_paths_and_sources_are_loaded(shipped, source):
    with pytest.raises(SourceNotFoundError, match="Got source="):
        load_source(source)


def test_a_misspelt_name_is_answered_with_the_right_one(shipped, tiny_source):
    register_source(tiny_source, "my-oxides")
    with pytest.raises(SourceNotFoundError, match="Did you mean 'my-oxides'"):
        load_source("my-oxide")
    with pytest.raises(LookupError, match="Did you mean 'toy.all@1'"):
        load_source("toy.al@1")


def test_the_same_content_is_parsed_once(path, tmp_path, monkeypatch):
    parsed = []
    original = _registry.source_from_bytes
    monkeypatch.setattr(
        _registry, "source_from_bytes", lambda *args: parsed.append(1) or original(*args)
    )
    (tmp_path / "copy").write_bytes(path.read_bytes())
    found = []
    threads = [threading.Thread(target=lambda: found.append(load_source(path))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(source is found[0] for source in [*found, load_source(tmp_path / "copy")])
    assert len(parsed) <= 4


def test_a_replaced_file_is_read_anew(path, other):
    first = load_source(path)
    other.save(path)
    assert load_source(path).sha256 != first.sha256


def test_few_sources_are_kept_in_memory(tiny_source, tmp_path):
    for i in range(10):
        network = tiny_source.new_network()
        network.head.bias.data += i
        Source(tiny_source.card, network).save(tmp_path / f"{i}")
        load_source(tmp_path / f"{i}")
    assert len(_registry._loaded) == 8


def test_another_process_finds_a_registered_source(tiny_source):
    sha256 = register_source(tiny_source, "for-workers").sha256
    code = "import sktl; print(sktl.load_source('for-workers').sha256)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == sha256


def test_listing_sources_writes_nothing(cache):
    list_sources()
    assert not cache.parent.exists()


def test_the_catalog_is_data():
    content = json.loads((_catalog.WEIGHTS / "catalog.json").read_text(encoding="utf-8"))
    assert set(content) == {"aliases", "sources"}
    assert set(content["aliases"].values()) <= set(content["sources"])
