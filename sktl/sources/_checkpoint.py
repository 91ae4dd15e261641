"""One file format for weights: safetensors with checked JSON in its header, never a pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from sktl._json import read_json
from sktl._limits import LONGEST_HEADER
from sktl._store import atomic_write
from sktl._types import PathLike
from sktl.exceptions import SourceIntegrityError

_LENGTH_BYTES = 8
_ALIGNMENT = 8
_METADATA = "__metadata__"


def write_tensors(path: PathLike, tensors: Mapping[str, Tensor], text: str) -> None:
    """Write named tensors and a text to one safetensors file, atomically.

    The same content gives the same bytes.

    Parameters
    ----------
    path : path-like
        File to write; it appears whole or not at all.
    tensors : dict of str to tensor
        What to store.
    text : str
        JSON text that is stored in the header.
    """
    atomic_write(path, pack_tensors(tensors, text))


def pack_tensors(tensors: Mapping[str, Tensor], text: str) -> bytes:
    """Return the bytes that `write_tensors` writes."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    metadata = {"sktl": text, "sha256": _digest(plain, text)}
    packed = safetensors.torch.save(plain, metadata=metadata)
    end = _LENGTH_BYTES + int.from_bytes(packed[:_LENGTH_BYTES], "little")
    header = json.dumps(json.loads(packed[_LENGTH_BYTES:end]), sort_keys=True).encode()
    header += b" " * (-len(header) % _ALIGNMENT)
    return b"".join([len(header).to_bytes(_LENGTH_BYTES, "little"), header, packed[end:]])


def read_tensors(path: PathLike, sha256: str | None = None) -> tuple[dict[str, Tensor], str]:
    """Read a file that `write_tensors` wrote.

    Parameters
    ----------
    path : path-like
        File to read.
    sha256 : str, optional
        Hash of the whole file, compared before anything is parsed.

    Returns
    -------
    tensors : dict of str to tensor
    text : str

    Raises
    ------
    SourceIntegrityError
        The file's hash is another, it is not safetensors, or header and tensors do not belong
        together.
    """
    return unpack_tensors(read_content(path, sha256), Path(path).name)


def read_content(path: PathLike, sha256: str | None = None) -> bytes:
    """Return the bytes of a file that may be safetensors, after comparing its hash with `sha256`.

    Without a hash to expect, a file whose first bytes show that it is something else is not read.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise SourceIntegrityError(f"{path.name} is a folder, a pipe or a device, not a file.")
    with open(path, "rb") as handle:
        if sha256 is None:
            size = path.stat().st_size
            _check_start(handle.read(_LENGTH_BYTES + 1), size, path.name)
            handle.seek(0)
            _check_end(handle, size, path.name)
            handle.seek(0)
        content = handle.read()
    check_hash(content, sha256, path.name)
    return content


def check_hash(content: bytes, sha256: str | None, name: str) -> None:
    """Raise unless the hash of a file is the expected one, if any; `name` stands in messages."""
    if sha256 is None:
        return
    found = hashlib.sha256(content).hexdigest()
    if found != sha256.lower():
        raise SourceIntegrityError(
            f"Got sha256={found!r} for {name}, expected {sha256.lower()!r}: the file is "
            "damaged or is another version. It was not read."
        )


def unpack_tensors(content: bytes, name: str) -> tuple[dict[str, Tensor], str]:
    """Return tensors and text from the bytes of a file; `name` stands in messages.

    Raises
    ------
    SourceIntegrityError
        As in `read_tensors`.
    """
    _check_start(content[: _LENGTH_BYTES + 1], len(content), name)
    end = _LENGTH_BYTES + int.from_bytes(content[:_LENGTH_BYTES], "little")
    try:
        tensors = safetensors.torch.load(content)
        metadata = json.loads(content[_LENGTH_BYTES:end]).get(_METADATA) or {}
    except (
        safetensors.SafetensorError,
        ValueError,
        TypeError,
        KeyError,
        RuntimeError,
    ) as error:
        raise SourceIntegrityError(f"{name} is not a whole safetensors file: {error}.") from error
    if set(metadata) != {"sktl", "sha256"}:
        raise SourceIntegrityError(
            f"{name} was not written by sktl: got header keys {sorted(metadata)}, expected "
            "'sha256' and 'sktl'."
        )
    if _digest(tensors, metadata["sktl"]) != metadata["sha256"]:
        raise SourceIntegrityError(f"{name} is damaged: its content does not match its own hash.")
    return tensors, metadata["sktl"]


def _check_start(start: bytes, size: int, name: str) -> None:
    """Raise unless the first nine bytes of a file of `size` bytes can begin a safetensors file."""
    length = int.from_bytes(start[:_LENGTH_BYTES], "little")
    if start[_LENGTH_BYTES:] == b"{" and length <= min(size - _LENGTH_BYTES, LONGEST_HEADER):
        return
    if start[_LENGTH_BYTES:] == b"{" and LONGEST_HEADER < length <= size:
        raise SourceIntegrityError(
            f"{name} has a header of {length:,} bytes, expected at most {LONGEST_HEADER:,}."
        )
    if start[:2] == b"PK" or start[:1] == b"\x80":
        raise SourceIntegrityError(
            f"{name} is a pickle or a zip archive, such as torch.save or numpy.savez write, not "
            "safetensors. Such a file can run code when it is opened; it was not opened."
        )
    raise SourceIntegrityError(f"{name} is not a whole safetensors file ({size} bytes).")


def _check_end(handle: BinaryIO, size: int, name: str) -> None:
    """Raise unless the tensors that the header of a file states end where its `size` bytes do."""
    length = int.from_bytes(handle.read(_LENGTH_BYTES), "little")
    try:
        header = read_json(handle.read(length))
        ends = [entry["data_offsets"][1] for key, entry in header.items() if key != _METADATA]
        stated = _LENGTH_BYTES + length + int(max(ends, default=0))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
        raise SourceIntegrityError(f"{name} is not a whole safetensors file: {error!r}.") from error
    if stated != size:
        raise SourceIntegrityError(
            f"{name} is not a whole safetensors file: its header states {stated:,} bytes, and it "
            f"has {size:,}."
        )


def _digest(tensors: Mapping[str, Tensor], text: str) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
