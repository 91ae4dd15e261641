"""Model files: a fitted estimator in one file of numbers and JSON, from which no code runs."""

import contextlib
import copy
import datetime
import json
import zipfile
from importlib.metadata import version
from pathlib import Path, PurePath

import numpy as np
import skops.io
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.tree._tree import Tree
from sklearn.utils.validation import check_is_fitted
from skops.io.exceptions import UntrustedTypesFoundException
from skorch.history import History

from sktl._version import __version__
from sktl.estimators._provenance import read_examples
from sktl.exceptions import InputError, ModelIntegrityError, SktlError
from sktl.networks import Network
from sktl.sources import (
    MODEL_NETWORKS,
    Source,
    network_from_tensors,
    read_tensors,
    write_tensors,
)
from sktl.training import history_from_rows, history_rows

FORMAT = "sktl model"
FORMAT_VERSION = 1
TOLERANCE = 1e-6
"""Largest difference of predictions to those when it was saved, as a share of the largest."""

_ESTIMATOR = "estimator"
_PRECISIONS = (torch.float32, torch.float64)
_PACKAGES = ("scikit-learn", "torch", "numpy", "skorch", "matminer")
_BOOSTED = (HistGradientBoostingRegressor, HistGradientBoostingClassifier)
# What skops makes an object of, besides what it trusts on its own. Each is plain data with methods.
_TRUSTED = [
    "sktl.estimators._domain.Domain",
    *("sktl.estimators._files.Part", "sktl.estimators._input.NetworkInput"),
    "sktl.estimators._classifier.TransferClassifier",
    "sktl.estimators._regressor.TransferRegressor",
    "sktl.estimators.stack._regressor.TransferStackRegressor",
    "sktl.estimators._harmonic.HarmonicTransformer",
    *(f"sktl.estimators.stack._bases.{name}" for name in ("ColumnWeights", "LogarithmicTarget")),
    "sktl.estimators._transformer.DeepFeatureTransformer",
    *(f"sktl.estimators._uncertainty.{name}" for name in ("Calibration", "ErrorModel")),
    "sktl.estimators._uncertainty.Uncertainty",
    *(f"sktl.representations._encodings.{name}" for name in ("ElementFractions", "ElementTokens")),
    "sktl.representations._encodings.NumericColumns",
    *(f"sktl.representations._structure.{name}" for name in ("ChgnetGraphs", "CrystalGraphs")),
    "sktl.representations._matminer.MatminerTransformer",
    *(f"sktl.sources._card.{name}" for name in ("PropertyCard", "SourceCard")),
    *(f"sktl.training._target.{name}Target" for name in ("Class", "Number", "Source")),
    "sktl.training._target.ZeroInflatedTarget",
    "sktl.training._policy.Policy",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    *(
        f"sklearn.gaussian_process.kernels.{name}"
        for name in ("ConstantKernel", "DotProduct", "Matern", "Product", "Sum")
    ),
    "sklearn.tree._tree.Tree",
    "numpy.dtype",
]


class Part:
    """Stands in a stored estimator for a part that is stored beside it.

    Parameters
    ----------
    index : int
        Place among the parts.
    """

    def __init__(self, index):
        self.index = index


def save_model(model, path, *, target=None, unit=None):
    """Write a fitted estimator to one file; see `MaterialsModel.save`."""
    check_is_fitted(model)
    tensors, header = _pack(model)
    header |= {
        "target": {"name": target, "unit": unit},
        "training_sha256": model.training_sha256_,
        "reference": _reference(model),
        "versions": {"sktl": __version__} | {name: version(name) for name in _PACKAGES},
        "date": datetime.date.today().isoformat(),
    }
    write_tensors(path, tensors, json.dumps(header))


def load_model(path):
    """Return the fitted estimator of a file that its method ``save`` wrote.

    Nothing in the file is executed: it is read by safetensors, JSON and skops, and makes objects of
    sktl, scikit-learn and numpy only. Its hash is compared before, its predictions afterwards.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    TransferRegressor, TransferClassifier or TransferStackRegressor
        Fitted; predictions are those of the estimator that was saved, to a millionth. Its
        ``file_`` is a dict with the target, unit, versions and date that the file states.

    Raises
    ------
    ModelIntegrityError
        The file is damaged, is no model, is of a newer version of sktl, or predicts something else
        than it did when it was saved.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sktl import TransferRegressor, load_model
    >>> model = TransferRegressor(max_epochs=1, random_state=0)
    >>> model = model.fit(["NaCl", "Si", "GaAs"], [8.5, 1.1, 1.4])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "gap.sktl"
    ...     model.save(path, target="band gap", unit="eV")
    ...     again = load_model(path)
    >>> bool((again.predict(["ZnO"]) == model.predict(["ZnO"])).all()), again.file_["target"]
    (True, {'name': 'band gap', 'unit': 'eV'})
    """
    name = Path(path).name
    try:
        tensors, text = read_tensors(path)
    except SktlError as error:
        raise ModelIntegrityError(f"{name} was not loaded: {error}") from error
    with _whole(name):
        header = json.loads(text)
        _check_header(header)
        model = _unpack(tensors, header)
        _compare(model, header["reference"])
        kept = ("target", "training_sha256", "versions", "date")
        model.file_ = {key: header[key] for key in kept}
    return model


@contextlib.contextmanager
def _whole(name):
    """Say of whatever goes wrong within that the file of this name is not a whole model.

    Readers of a changed content may raise anything: numpy's of arrays has a tokenizer's errors.
    """
    try:
        yield
    except (SktlError, UntrustedTypesFoundException) as error:
        raise ModelIntegrityError(f"{name} was not loaded: {error}") from error
    except Exception as error:
        raise ModelIntegrityError(f"{name} is not a whole model: {error!r}.") from error


def _check_header(header):
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ModelIntegrityError(
            f"it does not say that it is a {FORMAT}. A source is read by sktl.load_source."
        )
    if header["format_version"] > FORMAT_VERSION:
        raise ModelIntegrityError(
            f"got format version {header['format_version']} of sktl {header['versions']['sktl']}, "
            f"expected at most {FORMAT_VERSION}: a newer sktl wrote it."
        )
    for key in ("name", "unit"):
        if not isinstance(header["target"][key], str | None):
            raise ModelIntegrityError(f"got target={header['target']!r}, expected texts.")


def _parts(model, types):
    """Return the objects of some types that an estimator holds, each once."""
    seen, found, left = set(), [], [model]
    while left:
        part = left.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, types):
            found.append(part)
        elif isinstance(part, dict):
            left += part.values()
        elif isinstance(part, list | tuple):
            left += part
        elif isinstance(part, np.ndarray) and part.dtype == object:
            left += part.ravel().tolist()
        elif not isinstance(part, type):
            left += getattr(part, "__dict__", {}).values()
    return found


def _pack(model):
    """Return the tensors and the first half of the header of a file."""
    parts = _parts(model, (Network, History, Source, PurePath))
    tensors, described = {}, []
    for i, part in enumerate(parts):
        if isinstance(part, Source):
            described.append({"source": part.card.id, "sha256": part.sha256})
        elif isinstance(part, PurePath):
            described.append({"source": str(part)})
        elif isinstance(part, History):
            described.append({"history": history_rows(part)})
        else:
            described.append(_describe(part))
            tensors |= {f"{i}/{name}": tensor for name, tensor in part.state_dict().items()}
    plain = copy.deepcopy(model, {id(part): Part(i) for i, part in enumerate(parts)})
    try:
        content = skops.io.dumps(plain, compression=zipfile.ZIP_DEFLATED)
        unknown = set(skops.io.get_untrusted_types(data=content)) - set(_TRUSTED)
    except Exception as error:
        raise InputError(f"Got a model with a part that no file can hold: {error!r}") from error
    if unknown:
        raise InputError(
            f"Got a model with parts of {sorted(unknown)}, expected estimators of sktl and "
            "scikit-learn."
        )
    tensors[_ESTIMATOR] = torch.frombuffer(bytearray(content), dtype=torch.uint8)
    header = {"format": FORMAT, "format_version": FORMAT_VERSION, "parts": described}
    return tensors, header | {"estimator": type(model).__name__}


def _describe(network):
    """Return how a network is made again."""
    (name,) = (name for name, kind in MODEL_NETWORKS.items() if kind is type(network))
    arguments = {key: value for key, value in network.arguments.items() if key != "n_outputs"}
    n_outputs = getattr(network.head, "out_features", 0)
    return {"network": name, "n_outputs": n_outputs, "arguments": arguments}


def _unpack(tensors, header):
    """Return the estimator of a file."""
    weights = {}
    for name, tensor in tensors.items():
        place, _, rest = name.partition("/")
        weights.setdefault(place, {})[rest] = tensor
    parts = [_make(part, weights.get(str(i), {})) for i, part in enumerate(header["parts"])]
    content = tensors[_ESTIMATOR].numpy().tobytes()
    plain = skops.io.loads(content, trusted=_TRUSTED)
    if type(plain).__name__ != header["estimator"]:
        raise ModelIntegrityError(
            f"Got a {type(plain).__name__}, expected a {header['estimator']}."
        )
    for found in _parts(plain, (Tree, *_BOOSTED)):
        _check_trees(found)
    memo = {id(part): parts[part.index] for part in _parts(plain, (Part,))}
    return copy.deepcopy(plain, memo)


def _make(part, weights):
    """Return a part from its description: a network, a history, or the id of a source."""
    if "source" in part:
        return part["source"]
    if "history" in part:
        return history_from_rows(part["history"])
    made = part["network"], part["n_outputs"], part["arguments"]
    network = network_from_tensors(*made, weights, MODEL_NETWORKS, _PRECISIONS)
    return network.eval().requires_grad_(False)


def _check_trees(found):
    """Raise if a node of a tree points outside the tree, or back, where a prediction never ends."""
    if isinstance(found, Tree):
        nodes = found.__getstate__()["nodes"]
        names, n_columns = ("left_child", "right_child", "feature"), found.n_features
        trees = [(nodes, nodes["left_child"] != -1)]
    else:
        names, n_columns = ("left", "right", "feature_idx"), found.n_features_in_
        tables = [tree.nodes for stage in found._predictors for tree in stage]
        trees = [(nodes, nodes["is_leaf"] == 0) for nodes in tables]
    for nodes, inner in trees:
        left, right, column = (nodes[name][inner].astype(np.int64) for name in names)
        after = np.minimum(left, right) > np.flatnonzero(inner)
        inside = (np.maximum(left, right) < len(nodes)) & (column >= 0) & (column < n_columns)
        if not (after & inside).all():
            raise ModelIntegrityError("Got a decision tree whose nodes point outside it or back.")


def _reference(model):
    """Return predictions for the examples, of a classifier its probabilities."""
    predict = getattr(model, "predict_proba", model.predict)
    return np.asarray(predict(read_examples(model))).tolist()


def _compare(model, expected):
    """Raise unless the examples are predicted as they were."""
    found, expected = np.array(_reference(model)), np.array(expected)
    limit = TOLERANCE * max(np.abs(expected).max(), np.finfo(float).tiny)
    if found.shape != expected.shape or not np.abs(found - expected).max() <= limit:
        raise ModelIntegrityError(
            f"The model predicts something else than when it was saved: got {found.tolist()}, "
            f"expected {expected.tolist()}."
        )
