"""Model files of format 1: one skops file, which names the modules that classes lived in then.

The names become the tags of today before skops reads them, so that no class has to stay where it
was, and skops makes objects of scikit-learn only.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from sktl._state import from_state
from sktl.estimators._files._foreign import StoredHistory, StoredNetwork
from sktl.estimators._files._learners import REFERENCE, Filled, fill, unpack_learners
from sktl.exceptions import ModelIntegrityError

_SCHEMA = "schema.json"
_PART = "part"
_TAGS = {
    "sktl.estimators._applicability.Domain": "domain/1",
    "sktl.estimators._classifier.TransferClassifier": "transfer-classifier/1",
    "sktl.estimators._files.Part": _PART,
    "sktl.estimators._harmonic.HarmonicTransformer": "harmonic-transformer/1",
    "sktl.estimators._input.NetworkInput": "network-input/1",
    "sktl.estimators._regressor.TransferRegressor": "transfer-regressor/1",
    "sktl.estimators._stack.TransferStackRegressor": "transfer-stack-regressor/1",
    "sktl.estimators._stack_bases.ColumnWeights": "column-weights/1",
    "sktl.estimators._stack_bases.LogarithmicTarget": "logarithmic-target/1",
    "sktl.estimators._transformer.DeepFeatureTransformer": "deep-feature-transformer/1",
    "sktl.estimators._uncertainty.Calibration": "calibration/1",
    "sktl.estimators._uncertainty.ErrorModel": "error-model/1",
    "sktl.estimators._uncertainty.Uncertainty": "uncertainty/1",
    "sktl.representations._encodings.ElementFractions": "element-fractions/1",
    "sktl.representations._encodings.ElementTokens": "element-tokens/1",
    "sktl.representations._encodings.NumericColumns": "numeric-columns/1",
    "sktl.representations._matminer.MatminerTransformer": "matminer-transformer/1",
    "sktl.representations._structure.ChgnetGraphs": "crystal-graphs-chgnet/1",
    "sktl.representations._structure.CrystalGraphs": "crystal-graphs/1",
    "sktl.sources._card.PropertyCard": "property-card/1",
    "sktl.sources._card.SourceCard": "source-card/1",
    "sktl.training._target.ClassTarget": "class-target/1",
    "sktl.training._target.NumberTarget": "number-target/1",
    "sktl.training._target.SourceTarget": "source-target/1",
    "sktl.training._target.ZeroInflatedTarget": "zero-inflated-target/1",
}


def read_format1(tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> Any:
    """Return the estimator of a file of format 1."""
    weights: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        place, _, rest = name.partition("/")
        weights.setdefault(place, {})[rest] = tensor
    parts = [_part(part, weights.get(str(i), {})) for i, part in enumerate(header["parts"])]
    root = unpack_learners(_with_tags(tensors["estimator"].numpy().tobytes()))
    filled: Filled = {}

    def make(held: dict[str, Any]) -> Any:
        tag = held.pop(REFERENCE)
        if tag == _PART:
            return parts[held["index"]]
        state = {name: fill(value, make, filled) for name, value in held.items()}
        return from_state(tag, state)

    model = fill(root, make, filled)
    if type(model).__name__ != header["estimator"]:
        found = type(model).__name__
        raise ModelIntegrityError(f"Got a {found}, expected a {header['estimator']}.")
    return model


def _part(part: dict[str, Any], weights: Mapping[str, Tensor]) -> Any:
    """Return a part from its description: a network, a history, or the id of a source."""
    if "source" in part:
        return part["source"]
    if "history" in part:
        return StoredHistory.from_state({"epochs": part["history"]})
    return StoredNetwork.from_state(part | {"weights": weights})


def _with_tags(content: bytes) -> bytes:
    """Return the bytes of a skops file in which plain dicts stand for objects of sktl."""
    changed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as archive,
        zipfile.ZipFile(changed, "w") as tagged,
    ):
        for name in archive.namelist():
            part = archive.read(name)
            if name == _SCHEMA:
                part = json.dumps(_tagged(json.loads(part))).encode()
            tagged.writestr(name, part)
    return changed.getvalue()


def _tagged(node: Any) -> Any:
    """Return a node of skops' schema in which objects of sktl are dicts of tag and attributes."""
    if isinstance(node, list):
        return [_tagged(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: _tagged(value) for key, value in node.items()}
    path = f"{node.get('__module__')}.{node.get('__class__')}"
    if node.get("__loader__") != "ObjectNode" or path not in _TAGS:
        return node
    text = {"__module__": "builtins", "__class__": "str"}
    kept = node["content"]
    attributes = kept["content"] if isinstance(kept["content"], dict) else {}
    types = kept["key_types"]["content"] if attributes else []
    tag = text | {"__loader__": "JsonNode", "content": json.dumps(_TAGS[path]), "is_json": True}
    types = {"__module__": "builtins", "__class__": "list", "__loader__": "ListNode"} | {
        "content": [text | {"__loader__": "TypeNode"}, *types]
    }
    dictionary = {"__module__": "builtins", "__class__": "dict", "__loader__": "DictNode"}
    content = {REFERENCE: tag, **attributes}
    return node | dictionary | {"content": content, "key_types": types}
