"""Saving and loading a fitted estimator, and what is checked on the way."""

from __future__ import annotations

import contextlib
import datetime
import json
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from sktl._json import read_json
from sktl._types import PathLike
from sktl._version import __version__
from sktl.estimators._files._format1 import read_format1
from sktl.estimators._files._learners import pack_learners, unpack_learners
from sktl.estimators._files._values import Reader, Writer
from sktl.estimators._provenance import FittedModel, read_examples
from sktl.exceptions import InputError, ModelIntegrityError, SktlError
from sktl.sources import read_tensors, write_tensors

FORMAT = "sktl model"
FORMAT_VERSION = 2
TOLERANCE = 1e-6
"""Largest difference of predictions to those when it was saved, as a share of the largest."""

_LEARNERS = "scikit-learn"
_PACKAGES = ("scikit-learn", "torch", "numpy", "skorch", "matminer", "pymatgen")


def save_model(
    model: FittedModel, path: PathLike, *, target: str | None = None, unit: str | None = None
) -> None:
    """Write a fitted estimator to one file; see `MaterialsModel.save`."""
    check_is_fitted(model)
    tensors, objects = _pack(model)
    reference = _reference(model)
    if not np.isfinite(reference).all():
        raise InputError(f"Got a model that predicts {reference}, expected finite numbers.")
    header = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "objects": objects,
        "target": {"name": target, "unit": unit},
        "training_sha256": model.training_sha256_,
        "reference": reference,
        "versions": {"sktl": __version__} | {name: version(name) for name in _PACKAGES},
        "date": datetime.date.today().isoformat(),
    }
    write_tensors(path, tensors, json.dumps(header, allow_nan=False))


def read_model(path: PathLike, sha256: str | None = None) -> Any:
    """Return the fitted estimator of a file; see `sktl.load_model`."""
    name = Path(path).name
    try:
        tensors, text = read_tensors(path, sha256)
    except SktlError as error:
        raise ModelIntegrityError(f"{name} was not loaded: {error}") from error
    with _whole(name):
        header = _read_header(text)
        model = _unpack(tensors, header)
        _compare(model, header["reference"])
        kept = ("target", "training_sha256", "versions", "date")
        model.file_ = {key: header[key] for key in kept}
    return model


@contextlib.contextmanager
def _whole(name: str) -> Iterator[None]:
    """Say of whatever goes wrong within that the file of this name is not a whole model.

    Readers of a changed content may raise anything: numpy's of arrays has a tokenizer's errors.
    """
    try:
        yield
    except SktlError as error:
        raise ModelIntegrityError(f"{name} was not loaded: {error}") from error
    except Exception as error:
        raise ModelIntegrityError(f"{name} is not a whole model: {error!r}.") from error


def _read_header(text: str) -> dict[str, Any]:
    """Return the header of a file after checking that it is one that is known here."""
    constants = []  # NaN and its like, which are not JSON and stand in files of format 1 only

    def read_constant(word: str) -> float:
        constants.append(word)
        return float(word)

    header = read_json(text, read_constant)
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ModelIntegrityError(
            f"it does not say that it is a {FORMAT}. A source is read by sktl.load_source."
        )
    if header["format_version"] > FORMAT_VERSION:
        raise ModelIntegrityError(
            f"got format version {header['format_version']} of sktl {header['versions']['sktl']}, "
            f"expected at most {FORMAT_VERSION}: a newer sktl wrote it."
        )
    if constants and header["format_version"] > 1:
        raise ModelIntegrityError(f"got {constants[0]}, which is not JSON.")
    for key in ("name", "unit"):
        if not isinstance(header["target"][key], str | None):
            raise ModelIntegrityError(f"got target={header['target']!r}, expected texts.")
    return header


def _pack(model: FittedModel) -> tuple[dict[str, Tensor], list[Any]]:
    """Return the tensors of a file, and its objects, of which the first is the model."""
    writer = Writer()
    try:
        writer.encode(model, "")
        if writer.learners:
            content = pack_learners(writer.learners, writer.is_own, writer.refer)
            writer.tensors[_LEARNERS] = torch.frombuffer(bytearray(content), dtype=torch.uint8)
    except SktlError:
        raise
    except Exception as error:
        raise InputError(f"Got a model with a part that no file can hold: {error!r}") from error
    return writer.tensors, writer.objects


def _unpack(tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> Any:
    """Return the estimator of a file."""
    if header["format_version"] == 1:
        model = read_format1(tensors, header)
    else:
        content = tensors.get(_LEARNERS)
        learners = [] if content is None else unpack_learners(content.numpy().tobytes())
        model = Reader(header["objects"], tensors, learners).make(0)
    if not hasattr(model, "save"):
        raise ModelIntegrityError(f"Got a {type(model).__name__}, expected a model.")
    return model


def _reference(model: Any) -> list[Any]:
    """Return predictions for the examples, of a classifier its probabilities."""
    predict = getattr(model, "predict_proba", model.predict)
    return np.asarray(predict(read_examples(model))).tolist()


def _compare(model: Any, reference: list[Any]) -> None:
    """Raise unless the examples are predicted as they were."""
    found, expected = np.array(_reference(model)), np.array(reference)
    limit = TOLERANCE * max(np.abs(expected).max(), np.finfo(float).tiny)
    if found.shape != expected.shape or not np.abs(found - expected).max() <= limit:
        raise ModelIntegrityError(
            f"The model predicts something else than when it was saved: got {found.tolist()}, "
            f"expected {expected.tolist()}."
        )
