"""Sources by name: those in the package, and those that a user registered."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import json
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from sktl._json import read_json
from sktl._store import atomic_write, cache_dir
from sktl._types import PathLike
from sktl.exceptions import InputError, SourceIntegrityError, SourceNotFoundError
from sktl.sources._card import is_source_name
from sktl.sources._catalog import ALIASES, SHIPPED, WEIGHTS
from sktl.sources._checkpoint import check_hash, read_content
from sktl.sources._foreign import available_foreign, find_foreign
from sktl.sources._source import Source, source_from_bytes

_KEPT_IN_MEMORY = 8
_FILE_SUFFIX = ".safetensors"
_loaded: OrderedDict[str | None, Source] = OrderedDict()
_lock = threading.Lock()


def list_sources() -> list[str]:
    """List the names that `load_source` knows, one for each source.

    Returns
    -------
    list of str
        The sources in the package by their short names, those of other packages, such as "chgnet",
        where their weights are there, then those registered on this machine.

    See Also
    --------
    load_source : Load one; its ``card`` says what it is.
    register_source : Give a source file a name.

    Examples
    --------
    >>> from sktl import list_sources, load_source
    >>> for name in list_sources():
    ...     card = load_source(name).card
    """
    registered = [name for name in _registered_names() if not _is_shipped(name)]
    foreign = [name for name in available_foreign() if name not in registered]
    return _shipped_names() + foreign + registered


def load_source(source: PathLike | Source) -> Source:
    """Load a pretrained source by its name or from a file.

    Nothing is downloaded for a source of sktl. The sha256 of a shipped or registered file is
    compared before the file is parsed. The same file gives the same object, which is shared and
    must not be changed.

    Parameters
    ----------
    source : str, path-like or Source
        A name from `list_sources`, the id of a source of sktl or of another package, or the path of
        a source file (a name goes before a file of that name). A `Source` is returned as it is.

    Returns
    -------
    Source

    Raises
    ------
    SourceNotFoundError
        No source has this name and no file lies there; the message lists the names.
    SourceIntegrityError
        The file is damaged, is not a source, or is not the one that was shipped or registered.

    Examples
    --------
    >>> from sktl import load_source
    >>> load_source("oqdm")
    Traceback (most recent call last):
        ...
    sktl.exceptions.SourceNotFoundError: Got source='oqdm', expected ...
    """
    if isinstance(source, Source):
        return source
    if isinstance(source, str):
        entry = SHIPPED.get(ALIASES.get(source, source))
        if entry is not None:
            return _load_file(WEIGHTS / entry["file"], entry["sha256"])
        if is_source_name(source) and _record(_folder(), source).exists():
            return _load_registered(_folder(), source)
        foreign = find_foreign(source) if is_source_name(source) else None
        if foreign is not None:
            return foreign.check(_kept(foreign.sha256, foreign.load))
    path = _existing_file(source)
    if path is not None:
        return _load_file(path)
    raise SourceNotFoundError(_not_found(source))


def register_source(
    source: PathLike | Source, name: str, *, sha256: str | None = None, overwrite: bool = False
) -> Source:
    """Give a source a name that `load_source` and every estimator understand from now on.

    The file is copied to the cache folder (``SKTL_CACHE``, or the platform's user cache), so that
    other processes, such as joblib's workers, and later sessions find it.

    Parameters
    ----------
    source : path-like or Source
        A source file, or a source in memory.
    name : str
        Letters, digits and ``. _ @ + -``, such as "my-oxides".
    sha256 : str, optional
        Hash of the whole file from elsewhere, compared before anything is parsed. A hash inside the
        file protects against damage, not against intent.
    overwrite : bool, default=False
        Replace another source of this name. The name of a shipped source is never given away.

    Returns
    -------
    Source
        What ``load_source(name)`` now returns.

    Raises
    ------
    InputError
        The name cannot be used, or belongs to another source.
    SourceNotFoundError
        There is no file at the path.
    SourceIntegrityError
        The file is not a whole source, or not the one that the hash promises; nothing was
        registered.

    See Also
    --------
    list_sources : List all names.
    """
    _check_new_name(name)
    path = _existing_file(source)
    if isinstance(source, Source):
        content = source.to_bytes()
        check_hash(content, sha256, f"source={name!r}")
    elif path is not None:
        content = read_content(path, sha256)
    else:
        raise SourceNotFoundError(
            f"Got source={source!r}, expected a Source or the path of a file."
        )
    source_from_bytes(content, f"source={name!r}")
    found = hashlib.sha256(content).hexdigest()
    folder = _folder()
    record = _record(folder, name)
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / f".{name}.lock"
    for each in (record, lock, _registered_file(folder, name, found)):
        _check_entry(each)
    with FileLock(lock):  # of two processes, one comes first
        old = _read_record(record) if record.is_file() and not overwrite else found
        if old != found:
            raise InputError(
                f"Got name={name!r}, which is another registered source: choose another name, or "
                "pass overwrite=True to replace it."
            )
        atomic_write(_registered_file(folder, name, found), content)
        atomic_write(record, json.dumps({"sha256": found}).encode())
        _remove_others(folder, name, found)
        return _load_registered(folder, name)


def _shipped_names() -> list[str]:
    """Return a name for each shipped source: its aliases, or its id where it has none."""
    names = [alias for alias, id in ALIASES.items() if id in SHIPPED]
    return names + [id for id in SHIPPED if id not in ALIASES.values()]


def _registered_names() -> list[str]:
    folder = _folder()
    return sorted(path.stem for path in folder.glob("*.json")) if folder.is_dir() else []


def _is_shipped(name: str) -> bool:
    """Tell whether a name belongs to a source in the package."""
    return name in SHIPPED or name in ALIASES


def _existing_file(source: object) -> Path | None:
    """Return the path of the file that a string or path-like names, None if there is none."""
    if isinstance(source, str | os.PathLike):
        path = os.path.expanduser(source)
        return Path(path) if os.path.isfile(path) else None
    return None


def _folder() -> Path:
    return cache_dir() / "sources"


def _record(folder: Path, name: str) -> Path:
    """Return the path of the small file that makes a registration valid."""
    return folder / f"{name}.json"


def _registered_file(folder: Path, name: str, sha256: str) -> Path:
    return folder / f"{name}-{sha256[:16]}{_FILE_SUFFIX}"


def _read_record(record: Path) -> str:
    """Return the sha256 that a registration promises."""
    _check_entry(record)
    try:
        sha256 = read_json(record.read_text(encoding="utf-8"))["sha256"]
        if re.fullmatch("[0-9a-f]{64}", sha256):
            return sha256
    except (ValueError, KeyError, TypeError):
        pass
    raise SourceIntegrityError(
        f"{record.name} in the cache is damaged: register the source again, with overwrite=True."
    )


def _check_entry(path: Path) -> None:
    """Raise if something else than a file, such as a folder or a pipe, is in the cache there."""
    if path.exists() and not path.is_file():
        raise SourceIntegrityError(f"{path.name} in the cache is no file: remove {str(path)!r}.")


def _load_registered(folder: Path, name: str) -> Source:
    """Return the source of a name; another process may replace it meanwhile."""
    sha256 = _read_record(_record(folder, name))
    try:
        return _load_file(_registered_file(folder, name, sha256), sha256)
    except (SourceIntegrityError, FileNotFoundError):
        if _read_record(_record(folder, name)) == sha256:
            raise
    return _load_registered(folder, name)


def _remove_others(folder: Path, name: str, sha256: str) -> None:
    """Remove the files of sources that had this name before."""
    keep = _registered_file(folder, name, sha256).name
    pattern = re.compile(re.escape(name) + "-[0-9a-f]{16}" + re.escape(_FILE_SUFFIX))
    for path in folder.iterdir():
        if path.name != keep and pattern.fullmatch(path.name):
            with contextlib.suppress(OSError):
                path.unlink()


def _load_file(path: Path, sha256: str | None = None) -> Source:
    """Return the source in a file; the same content is parsed once."""

    def read() -> Source:
        content = read_content(path, sha256)
        found = hashlib.sha256(content).hexdigest()
        return _loaded.get(found) or source_from_bytes(content, path.name)

    if sha256 not in _loaded and not path.is_file():
        raise SourceIntegrityError(
            f"{path.name} is missing: the installation or cache is not whole."
        )
    return _kept(sha256, read)


def _kept(sha256: str | None, read: Callable[[], Source]) -> Source:
    """Return the source with a hash; where it is not in memory, or None is known, `read` it."""
    with _lock:
        if sha256 in _loaded:
            _loaded.move_to_end(sha256)
            return _loaded[sha256]
    source = read()
    with _lock:
        source = _loaded.setdefault(source.sha256, source)
        _loaded.move_to_end(source.sha256)
        while len(_loaded) > _KEPT_IN_MEMORY:
            _loaded.popitem(last=False)
    return source


def _check_new_name(name: str) -> None:
    """Raise unless a name can be registered."""
    if not isinstance(name, str) or not is_source_name(name) or name.endswith(_FILE_SUFFIX):
        raise InputError(
            f"Got name={name!r}, expected letters, digits and . _ @ + - (no path), such as "
            "'my-oxides'."
        )
    if _is_shipped(name) or find_foreign(name) is not None:
        raise InputError(
            f"Got name={name!r}, which is a source of sktl itself or of an installed package: "
            "choose another name."
        )


def _not_found(source: object) -> str:
    names = list_sources()
    known = ", ".join(names) or "none is installed"
    message = (
        f"Got source={source!r}, expected the name of a source ({known}), the path of a source "
        "file, or a Source."
    )
    close = difflib.get_close_matches(source, [*names, *SHIPPED]) if isinstance(source, str) else []
    return f"{message} Did you mean {close[0]!r}?" if close else message
