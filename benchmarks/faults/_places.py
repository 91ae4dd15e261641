"""Disks that are full, caches that cannot be written or that two processes share."""

import contextlib
import functools
import http.server
import os
import resource
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pooch
from _kills import CONFIG, write_csv
from _processes import (
    FORK,
    begin,
    finish,
    make_rows,
    make_source,
    parts_in,
    run,
    sktl_command,
    timed,
)

from sktl import TransferRegressor, load_model, load_source, register_source
from sktl.datasets import fetch_cross_property
from sktl.exceptions import DataNotFoundError, SktlError

DATA = "exfoliation_energy"
OLDER = b"older\n"
NOBODY = 65534
_READERS = {".sktl": load_model, ".safetensors": load_source}


def full_disk(times, folder, generator):
    """Write models, predictions and sources where a random part of them has room: on a small file
    system that is full, where this machine lets it be mounted, else under a limit on the size of
    files. Then make room and give the same command again."""
    disk = folder / "disk"
    disk.mkdir()
    commands, sizes = _writers(folder, disk), {}
    for output, command in commands.items():
        timed(sktl_command, *command)
        sizes[output] = output.stat().st_size
        output.unlink()
    failures, seen = [], {"on a full file system": 0, "under a limit": 0}
    for i in range(times):
        output = list(commands)[i % len(commands)]
        room = int(generator.integers(0, sizes[output]))
        mounted = bool(i % 2) and _mount(disk, room)
        seen["on a full file system" if mounted else "under a limit"] += 1
        output.write_bytes(OLDER)
        if mounted:
            ended = run(sktl_command, *commands[output])
        else:
            ended = run(_limited, room, *commands[output])
        found = _judge_failed_writing(ended, output)
        if mounted:
            subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        again = run(sktl_command, *commands[output])
        if again.code != 0 or not _is_whole(output, sizes[output]):
            found.append(f"not made good: {again.output[-300:]}")
        failures += [f"run {i}, {output.name}, room for {room} bytes: {each}" for each in found]
        if mounted:
            subprocess.run(["umount", disk], check=True)
        for path in disk.iterdir():
            path.unlink()
    return failures, seen


def read_only_cache(times, folder, generator):
    """Work with a cache folder that this user cannot write: fit with a source of the package, load
    a registered source, read data that lie there; to register a source or to fetch other data is
    refused, with an error that names the place."""
    cache, mirror = folder / "cache", Path(os.environ["SKTL_DATA_MIRROR"]).resolve()
    with _environment(SKTL_CACHE=str(cache)):
        register_source(make_source(), "mine")
    for path in fetch_cross_property(DATA, subset="test").sha256:
        place = cache / "CrossPropertyTL" / path
        place.parent.mkdir(parents=True)
        shutil.copyfile(mirror / "CrossPropertyTL" / path, place)
    for path in [cache, *cache.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = _content(cache)
    failures, seen = [], dict.fromkeys(_WITHOUT_WRITING, 0)
    for i in range(times):
        what = list(_WITHOUT_WRITING)[i % len(_WITHOUT_WRITING)]
        ended = run(_unprivileged, cache, what)
        seen[what] += 1
        if ended.code != 0:
            failures.append(f"run {i}, {what}: {ended.output[-500:]}")
    if _content(cache) != before:
        failures.append("the cache was changed")
    for path in [cache, *cache.rglob("*")]:
        path.chmod(0o755)
    return failures, seen


def shared_cache(times, folder, generator):
    """Let two processes that start at once fetch one public file into one empty cache, from a slow
    server on this machine; then let two processes register different sources under one name."""
    mirror = os.environ["SKTL_DATA_MIRROR"]
    expected = fetch_cross_property(DATA, subset="test").sha256
    sources = [make_source(epochs=epochs) for epochs in (1, 2)]
    failures, downloads = [], 0
    with _environment(SKTL_DATA_MIRROR="", NO_PROXY="127.0.0.1"), _server(mirror) as served:
        for i in range(times):
            cache = folder / f"run{i}"
            found = _at_once(_fetch, (cache,), (cache,))
            names = {str(path.relative_to(cache)) for path in cache.rglob("*") if path.is_file()}
            if names != {f"CrossPropertyTL/{path}" for path in expected}:
                found.append(f"the cache holds {sorted(names)}")
            found += _at_once(_register, (cache, sources[0]), (cache, sources[1]))
            ended = run(_load_mine, cache)
            found += [] if ended.code == 0 else [ended.output[-500:]]
            failures += [f"run {i}: {each}" for each in found]
            shutil.rmtree(cache)
        downloads = len(served)
    return failures, {"downloads": downloads}


def _writers(folder, disk):
    """Return commands by the file on the disk that each writes; what they read lies elsewhere."""
    formulas, y = make_rows(200)
    source = folder / "s.safetensors"
    make_source().save(source)
    model = TransferRegressor(source, max_epochs=1, random_state=0).fit(formulas[:60], y[:60])
    model.save(folder / "m.sktl")
    write_csv(folder / "new.csv", *make_rows(2000))
    write_csv(folder / "toy.csv", formulas, y)
    (folder / "toy.toml").write_text(CONFIG)
    commands = {
        "out.sktl": ("fit", folder / "toy.csv", "--target", "y", "--source", source, "--save"),
        "out.csv": ("predict", folder / "m.sktl", folder / "new.csv", "-o"),
        "out.safetensors": ("pretrain", folder / "toy.toml", "--no-progress", "-o"),
    }
    return {disk / name: (*command, disk / name) for name, command in commands.items()}


def _is_whole(output, size):
    if output.suffix == ".csv":
        return output.stat().st_size == size
    try:
        return bool(_READERS[output.suffix](output))
    except SktlError:
        return False


def _mount(disk, room):
    """Mount an empty file system with room for the older file and some bytes; tell if it worked."""
    page = resource.getpagesize()
    size = (1 + room // page) * page
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk]
    with contextlib.suppress(OSError):
        return subprocess.run(command, capture_output=True).returncode == 0
    return False


def _limited(room, *command):
    """Run a command in a process that can write no file longer than `room` bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    return sktl_command(*command)


def _judge_failed_writing(ended, output):
    """Return what is wrong about a command that could not write."""
    found = []
    lines = [line for line in ended.output.splitlines() if line.strip()]
    if ended.code != 1 or "Traceback" in ended.output or not lines[-1].startswith("Error: "):
        found.append(f"exit code {ended.code}: {ended.output[-300:]}")
    if output.read_bytes() != OLDER:
        found.append("the older output was changed")
    if parts_in(output.parent):
        found.append("a temporary file is left")
    return found


def _unprivileged(cache, what):
    """Do something as a user who cannot write the cache, and without a mirror."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    with _environment(SKTL_CACHE=str(cache), SKTL_DATA_MIRROR=""):
        _WITHOUT_WRITING[what]()


def _fit():
    model = TransferRegressor("oqmd", n_members=1, max_epochs=1, random_state=0)
    model.fit(["NaCl", "GaAs", "TiO2"], [8.5, 1.4, 3.2]).predict(["ZnO"])


def _refuse_registration():
    try:
        register_source(load_source("mine"), "other")
    except PermissionError as error:
        assert "other" in str(error)
    else:
        raise AssertionError("registered")


def _refuse_download():
    try:
        fetch_cross_property("expt_deltae", subset="test")
    except DataNotFoundError as error:
        assert "SKTL_CACHE" in str(error) and "Permission denied" in str(error)
    else:
        raise AssertionError("fetched")


_WITHOUT_WRITING = {
    "fitted": _fit,
    "loaded a source": lambda: load_source("mine"),
    "read data": lambda: fetch_cross_property(DATA, subset="test"),
    "refused to register": _refuse_registration,
    "refused to fetch": _refuse_download,
}


def _at_once(work, *all_arguments):
    """Run a function in several processes that wait for each other; return what went wrong."""
    barrier = FORK.Barrier(len(all_arguments))
    begun = [begin(work, barrier, *arguments) for arguments in all_arguments]
    ends = [finish(*each) for each in begun]
    return [f"{end.code}: {end.output[-500:]}" for end in ends if end.code != 0]


def _fetch(barrier, cache):
    barrier.wait()
    assert len(fetch_cross_property(DATA, subset="test", cache_dir=cache).y) == 56


def _register(barrier, cache, source):
    with _environment(SKTL_CACHE=str(cache)):
        barrier.wait()
        register_source(source, "mine", overwrite=True)


def _load_mine(cache):
    with _environment(SKTL_CACHE=str(cache)):
        load_source("mine").verify()


@contextlib.contextmanager
def _server(folder):
    """Serve a folder slowly, and let pooch ask here for what it would ask a publisher for."""
    served, usual = [], pooch.HTTPDownloader

    class Slow(http.server.SimpleHTTPRequestHandler):
        def copyfile(self, source, outputfile):
            served.append(self.path)
            while chunk := source.read(1024):
                outputfile.write(chunk)
                time.sleep(0.002)

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Slow, directory=folder)
    )

    class Local(usual):
        def __call__(self, url, output_file, pooch):
            path = url.partition("/data/")[2]
            place = f"http://127.0.0.1:{server.server_port}/CrossPropertyTL/data/{path}"
            return super().__call__(place, output_file, pooch)

    threading.Thread(target=server.serve_forever, daemon=True).start()
    pooch.HTTPDownloader = Local
    try:
        yield served
    finally:
        pooch.HTTPDownloader = usual
        server.shutdown()


@contextlib.contextmanager
def _environment(**values):
    """Set environment variables for a while; an empty one counts as not set."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _content(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
