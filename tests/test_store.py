"""Files are found, proved, and written whole or not at all."""

import hashlib
import os
import stat
import threading

import pytest

from sktl._store import atomic_write, cache_dir, fetch, sha256_of, verify_sha256
from sktl.exceptions import DataIntegrityError, DataNotFoundError

CONTENT = b"formula,target\nFe2O3,2.1\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = "Project/data/table.csv"
URL = "https://example.invalid/Project/data/table.csv"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch, tmp_path):
    monkeypatch.delenv("SKTL_DATA_MIRROR", raising=False)
    monkeypatch.setenv("SKTL_CACHE", str(tmp_path / "cache"))


def serve(monkeypatch, answer):
    """Let pooch "download" bytes, or fail with an exception; return the list of asked urls."""
    asked = []

    class Downloader:
        def __init__(self, **kwargs):
            pass

        def __call__(self, url, output_file, pooch):
            asked.append(url)
            if isinstance(answer, Exception):
                raise answer
            output_file.write(answer)

    monkeypatch.setattr("pooch.HTTPDownloader", Downloader)
    return asked


def in_mirror(monkeypatch, folder, content):
    path = folder / "mirror" / NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    monkeypatch.setenv("SKTL_DATA_MIRROR", str(folder / "mirror"))
    return path


def test_sha256_is_that_of_the_content(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(CONTENT * 100_000)
    assert sha256_of(path) == hashlib.sha256(CONTENT * 100_000).hexdigest()
    verify_sha256(path, sha256_of(path).upper())


def test_wrong_hash_names_file_found_and_expected(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(CONTENT)
    with pytest.raises(DataIntegrityError) as caught:
        verify_sha256(path, "0" * 64)
    for part in ("a.csv", SHA256, "0" * 64):
        assert part in str(caught.value)


@pytest.mark.parametrize("content", [CONTENT, lambda file: file.write(CONTENT)])
def test_atomic_write_makes_folders_and_replaces(tmp_path, content):
    path = tmp_path / "new" / "a.csv"
    assert atomic_write(path, b"old") == path
    atomic_write(str(path), content)
    assert path.read_bytes() == CONTENT
    assert [each.name for each in path.parent.iterdir()] == ["a.csv"]


@pytest.mark.parametrize("name", ["x" * 255, "\N{GREEK SMALL LETTER ALPHA}" * 127])
def test_atomic_write_to_the_longest_names(tmp_path, name):
    assert atomic_write(tmp_path / name, b"whole").read_bytes() == b"whole"
    assert [each.name for each in tmp_path.iterdir()] == [name]


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
@pytest.mark.parametrize(("mask", "mode"), [(0o077, 0o600), (0o022, 0o644)])
def test_atomic_write_follows_the_umask_and_keeps_the_mode(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        path = atomic_write(tmp_path / "a.csv", b"new")
        assert stat.S_IMODE(path.stat().st_mode) == mode
        path.chmod(0o640)
        atomic_write(path, b"newer")
    finally:
        os.umask(before)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"newer", 0o640)


def test_a_reader_sees_the_old_file_or_the_new(tmp_path):
    path = atomic_write(tmp_path / "a.csv", b"a" * 100_000)
    over = threading.Event()

    def write():
        for k in range(100):
            atomic_write(path, (b"b", b"a")[k % 2] * 100_000)
        over.set()

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    seen = set()
    while not over.is_set():
        seen.add(path.read_bytes())
    for writer in writers:
        writer.join()
    assert seen <= {b"a" * 100_000, b"b" * 100_000}
    assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]


def test_atomic_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"old")

    def write(file):
        file.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        atomic_write(path, write)
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]


def test_cache_dir_argument_before_variable_before_platform(monkeypatch, tmp_path):
    assert cache_dir(tmp_path / "mine") == tmp_path / "mine"
    assert cache_dir() == tmp_path / "cache"
    monkeypatch.delenv("SKTL_CACHE")
    assert "sktl" in str(cache_dir())
    assert list(tmp_path.iterdir()) == []


def test_mirror_is_read_in_place_without_network(monkeypatch, tmp_path):
    asked = serve(monkeypatch, OSError("no network"))
    path = in_mirror(monkeypatch, tmp_path, CONTENT)
    assert fetch(NAME, url=URL, sha256=SHA256) == path
    assert asked == [] and not (tmp_path / "cache").exists()


def test_mirror_with_a_wrong_file_is_an_error(monkeypatch, tmp_path):
    in_mirror(monkeypatch, tmp_path, CONTENT + b"x")
    with pytest.raises(DataIntegrityError, match="table.csv"):
        fetch(NAME, url=URL, sha256=SHA256)


def test_mirror_without_the_file_is_an_error_even_if_cached(monkeypatch, tmp_path):
    atomic_write(tmp_path / "cache" / NAME, CONTENT)
    monkeypatch.setenv("SKTL_DATA_MIRROR", str(tmp_path / "empty"))
    with pytest.raises(DataNotFoundError, match="SKTL_DATA_MIRROR=.*Project/data/table.csv"):
        fetch(NAME, url=URL, sha256=SHA256)


def test_download_happens_once(monkeypatch, tmp_path):
    asked = serve(monkeypatch, CONTENT)
    paths = [fetch(NAME, url=URL, sha256=SHA256) for _ in range(2)]
    assert paths == [tmp_path / "cache" / NAME] * 2
    assert asked == [URL]
    assert paths[0].read_bytes() == CONTENT


def test_bad_download_is_an_error_and_leaves_nothing(monkeypatch, tmp_path):
    serve(monkeypatch, b"<html>try again later</html>")
    with pytest.raises(DataIntegrityError, match=SHA256):
        fetch(NAME, url=URL, sha256=SHA256)
    assert list((tmp_path / "cache" / NAME).parent.iterdir()) == []


def test_damaged_cached_file_is_an_error(monkeypatch, tmp_path):
    asked = serve(monkeypatch, CONTENT)
    atomic_write(tmp_path / "cache" / NAME, CONTENT[:-3])
    with pytest.raises(DataIntegrityError, match="delete it"):
        fetch(NAME, url=URL, sha256=SHA256)
    assert asked == []


def test_offline_error_says_what_to_set_and_where_to_put_the_file(monkeypatch, tmp_path):
    serve(monkeypatch, ConnectionError("network is unreachable"))
    with pytest.raises(DataNotFoundError) as caught:
        fetch(NAME, url=URL, sha256=SHA256)
    for part in (NAME, URL, "SKTL_DATA_MIRROR", "SKTL_CACHE", str(tmp_path / "cache")):
        assert part in str(caught.value)
    assert "unreachable" in str(caught.value)


def test_a_link_stays_and_leads_to_what_was_written(tmp_path):
    (tmp_path / "there").mkdir()
    link, target = tmp_path / "link.csv", tmp_path / "there" / "t.csv"
    link.symlink_to(target)
    for content in (b"new", b"newer"):  # where the link leads nowhere, and to a file
        assert atomic_write(link, content) == link
        assert link.is_symlink() and target.read_bytes() == content
    assert [path.name for path in target.parent.iterdir()] == ["t.csv"]


def test_a_pipe_gets_the_bytes(tmp_path):
    pipe, found = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
    reader.start()
    atomic_write(pipe, lambda file: file.write(b"rows"))
    reader.join(10)
    assert found == [b"rows"] and not pipe.is_file()
