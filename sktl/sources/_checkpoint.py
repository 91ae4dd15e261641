"""One file format for weights: safetensors with checked JSON in its header, never a pickle."""

import hashlib
import json

import safetensors
import safetensors.torch
import torch

from sktl._store import atomic_write
from sktl.exceptions import SourceIntegrityError


def write_tensors(path, tensors, text):
    """Write named tensors and a text to one safetensors file, atomically.

    Parameters
    ----------
    path : path-like
        File to write; it appears whole or not at all.
    tensors : dict of str to tensor
        What to store.
    text : str
        JSON text that travels in the header.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    header = {"sktl": text, "sha256": _digest(tensors, text)}
    atomic_write(path, safetensors.torch.save(tensors, metadata=header))


def read_tensors(path, sha256=None):
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
        The file's hash is another, it is not safetensors, or header and tensors do not belong together.
    """
    with open(path, "rb") as handle:
        content = handle.read()
    name = getattr(path, "name", path)
    found = hashlib.sha256(content).hexdigest()
    if sha256 is not None and found != sha256:
        raise SourceIntegrityError(f"{name}: got sha256 {found}, expected {sha256}.")
    try:
        tensors = safetensors.torch.load(content)
        header_size = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + header_size]).get("__metadata__", {})
    except (safetensors.SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise SourceIntegrityError(f"{name} is not a whole safetensors file: {error}") from error
    if set(header) != {"sktl", "sha256"}:
        raise SourceIntegrityError(f"{name} was not written by sktl: header keys {sorted(header)}.")
    if _digest(tensors, header["sktl"]) != header["sha256"]:
        raise SourceIntegrityError(f"{name} is damaged: its content does not match its own hash.")
    return tensors, header["sktl"]


def _digest(tensors, text):
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
