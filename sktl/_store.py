"""Find files and prove that they are the right ones; write files so that none is ever half there.

Nothing here touches the network or the disk at import. ``SKTL_DATA_MIRROR`` names a folder that
stands in for every publisher's address; ``SKTL_CACHE`` names the folder for downloaded files.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from sktl.exceptions import DataIntegrityError, DataNotFoundError

if TYPE_CHECKING:
    from sktl._types import PathLike

MIRROR_VARIABLE = "SKTL_DATA_MIRROR"
CACHE_VARIABLE = "SKTL_CACHE"
_CHUNK_BYTES = 1 << 20
_unfinished: set[Path] = set()


def sha256_of(path: PathLike) -> str:
    """Return the SHA-256 of a file's content as 64 hexadecimal digits.

    Parameters
    ----------
    path : str or path-like
        The file to read.

    Returns
    -------
    str
        The hash, in lower case.
    """
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def verify_sha256(path: PathLike, expected: str) -> None:
    """Raise unless a file's SHA-256 is the expected one.

    Parameters
    ----------
    path : str or path-like
        The file to check.
    expected : str
        The hash that the file must have, 64 hexadecimal digits.

    Raises
    ------
    DataIntegrityError
        If the hash differs; the message names the file and both hashes.
    """
    found = sha256_of(path)
    if found != expected.lower():
        message = _wrong_hash(path, found, expected)
        raise DataIntegrityError(f"{message} It was not used; delete it or replace it.")


def atomic_write(path: PathLike, content: bytes | Callable[[BinaryIO], object]) -> Path:
    """Write a file so that a reader sees the old content or the new, never a part.

    The bytes go to a temporary file in the same folder, are flushed to the disk, and the
    temporary file then takes the name, and the mode of a file that it replaces. When writing
    fails, what stood at `path` still stands. A link stays, and the file that it leads to is
    written; a pipe or a device gets the bytes once all are there.

    Parameters
    ----------
    path : str or path-like
        The file to write. Missing parent folders are made.
    content : bytes or callable
        The bytes, or a function that gets the open binary file and writes to it.

    Returns
    -------
    pathlib.Path
        The path of the written file.
    """
    given = Path(path)
    if given.exists() and not (given.is_file() or given.is_dir()):
        _write_through(given, content)
        return given
    path = given.resolve() if given.is_symlink() else given
    path.parent.mkdir(parents=True, exist_ok=True)
    start = path.name[:50]  # a name has 255 bytes at most
    temporary = path.with_name(f".{start}.{secrets.token_hex(4)}.part")
    _unfinished.add(temporary)
    try:
        with open(temporary, "xb") as file:
            if callable(content):
                content(file)
            else:
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        _unfinished.discard(temporary)
    return given


def _write_through(path: Path, content: bytes | Callable[[BinaryIO], object]) -> None:
    """Write to a pipe or a device, which cannot be replaced."""
    if callable(content):
        whole = io.BytesIO()
        content(whole)
        content = whole.getvalue()
    with open(path, "wb") as file:
        file.write(content)


def remove_unfinished() -> None:
    """Remove the temporary files of writes under way, of a process that is about to be ended."""
    for temporary in tuple(_unfinished):
        temporary.unlink(missing_ok=True)


def cache_dir(cache: PathLike | None = None) -> Path:
    """Return the folder for downloaded files, without making it.

    Parameters
    ----------
    cache : str, path-like or None, default=None
        A folder that goes before ``SKTL_CACHE``, which goes before the platform's user cache.

    Returns
    -------
    pathlib.Path
        The folder.
    """
    chosen = cache or os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    import pooch

    return Path(pooch.os_cache("sktl"))


def fetch(name: str, *, url: str, sha256: str, cache: PathLike | None = None) -> Path:
    """Return the path of a checked public file: from the mirror, the cache or its publisher.

    With ``SKTL_DATA_MIRROR`` set, the file is read in place there and the network is not used.
    Otherwise a cached copy is taken, and when there is none the file is downloaded once.

    Parameters
    ----------
    name : str
        The file's path, with forward slashes, below the mirror and below the cache.
    url : str
        The publisher's full address of the file.
    sha256 : str
        The hash that the file must have, wherever it comes from.
    cache : str, path-like or None, default=None
        The cache folder; see `cache_dir`.

    Returns
    -------
    pathlib.Path
        A file with exactly the expected content.

    Raises
    ------
    DataIntegrityError
        If the file's content is not the expected one. A bad download leaves nothing behind.
    DataNotFoundError
        If the mirror does not hold the file, or the download fails.
    """
    path, mirror = _place(name, cache), os.environ.get(MIRROR_VARIABLE)
    if not path.is_file() and mirror:
        raise DataNotFoundError(
            f"Got {MIRROR_VARIABLE}={mirror!r}, expected a folder that holds {name!r}."
        )
    if not path.is_file():
        return _download(path, name, url, sha256)
    verify_sha256(path, sha256)
    return path


def at_hand(name: str, cache: PathLike | None = None) -> bool:
    """Tell whether `fetch` finds a file without the network; it is not checked."""
    return _place(name, cache).is_file()


def _place(name: str, cache: PathLike | None) -> Path:
    """Return where a public file is looked for: in the mirror, or else in the cache."""
    mirror = os.environ.get(MIRROR_VARIABLE)
    return (Path(mirror).expanduser() if mirror else cache_dir(cache)) / name


def _download(path: Path, name: str, url: str, sha256: str) -> Path:
    """Download to a temporary file, check its hash, and only then give it its name."""
    import pooch

    downloader = pooch.HTTPDownloader(progressbar=False)

    def write(file: BinaryIO) -> None:
        downloader(url, file, None)
        file.flush()
        found = sha256_of(file.name)
        if found != sha256.lower():
            raise DataIntegrityError(f"{_wrong_hash(url, found, sha256)} It was not kept.")

    try:
        return atomic_write(path, write)
    except OSError as error:
        raise DataNotFoundError(
            f"Could not get {name!r} from {url} ({type(error).__name__}: {error}). "
            f"Without a network, set {MIRROR_VARIABLE} to a folder that holds {name!r}, "
            f"or put the file at {str(path)!r}; {CACHE_VARIABLE} chooses the cache folder."
        ) from error


def _wrong_hash(path: PathLike, found: str, expected: str) -> str:
    return (
        f"Got sha256={found!r} for {str(path)!r}, expected {expected.lower()!r}: the file is "
        "damaged or is another version."
    )
