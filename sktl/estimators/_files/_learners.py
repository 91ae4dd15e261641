"""Estimators of scikit-learn in a model file: by skops, which makes what it trusts and no more.

skops names modules and classes, so nothing of sktl is given to it: objects of sktl in a pipeline
are stored by their tags, and a plain dict, a reference, stands in the place of each.

skops is imported where it is used: it looks at all that scikit-learn and scipy have, which takes as
long as to import torch, and most models hold none of them.
"""

from __future__ import annotations

import copy
import io
import json
import types
import zipfile
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.tree._tree import Tree

from sktl._limits import expanded_problem
from sktl.exceptions import InputError, ModelIntegrityError

REFERENCE = "sktl object"
"""Key of the dict that stands in a learner for an object of sktl."""

Filled: TypeAlias = dict[int, tuple[Any, Any]]
"""By its id a value, which is kept alive by that, and what it became."""

_CONTAINERS = (dict, list, tuple, np.ndarray)
_BOOSTED = (HistGradientBoostingRegressor, HistGradientBoostingClassifier)
# What skops makes an object of, besides what it trusts on its own. Each is plain data with methods.
_TRUSTED = [
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    *(
        f"sklearn.gaussian_process.kernels.{name}"
        for name in ("ConstantKernel", "DotProduct", "Matern", "Product", "Sum")
    ),
    "sklearn.tree._tree.Tree",
    "numpy.dtype",
]


def pack_learners(
    learners: list[Any], is_own: Callable[[Any], bool], refer: Callable[[Any], Any]
) -> bytes:
    """Return learners as the bytes of a skops file.

    Parameters
    ----------
    learners : list of objects
        More are packed as `refer` adds them.
    is_own : callable
        Tells whether an object is not skops' to store.
    refer : callable
        Returns what stands in a learner for such an object.

    Raises
    ------
    InputError
        There is something that no file can hold.
    """
    from skops.io import dumps, get_untrusted_types

    memo: dict[int, Any] = {}
    for learner in learners:
        parts = list(walk(learner, is_own))
        if any(isinstance(part, dict) and REFERENCE in part for part in parts):
            raise InputError(f"Got a model with a dict that has the key {REFERENCE!r}.")
        own = [part for part in parts if is_own(part)]
        memo |= {id(part): refer(part) for part in own} if own else {id(learner): learner}
    try:
        content = dumps(copy.deepcopy(learners, memo), compression=zipfile.ZIP_DEFLATED)
        unknown = set(get_untrusted_types(data=content)) - set(_TRUSTED)
    except Exception as error:
        raise InputError(f"Got a model with a part that no file can hold: {error!r}") from error
    if unknown:
        raise InputError(
            f"Got a model with parts of {sorted(unknown)}, expected estimators of sktl and "
            "scikit-learn."
        )
    return content


def unpack_learners(content: bytes) -> Any:
    """Return what the bytes of a skops file hold; nothing but trusted types is made.

    Raises
    ------
    ModelIntegrityError
        There are others, or a decision tree is not one.
    """
    from skops.io import exceptions, loads

    _check_declared(content)
    try:
        learners = loads(content, trusted=_TRUSTED)
    except exceptions.UntrustedTypesFoundException as error:
        raise ModelIntegrityError(str(error)) from error
    for part in walk(learners):
        if isinstance(part, (Tree, *_BOOSTED)):
            check_trees(part)
    return learners


def _check_declared(content: bytes) -> None:
    """Raise where the parts of a skops file, each as often as it is referred to, are too large."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sizes = {member.filename: member.file_size for member in archive.infolist()}
        problem = expanded_problem(sum(sizes.values()), len(content))
        if problem:
            raise ModelIntegrityError(f"Of its part by skops {problem}.")
        nodes, expanded = [json.loads(archive.read("schema.json"))], 0
        for name in sizes:
            if name.endswith(".npz"):
                _check_declared_inside(archive.read(name), len(content))
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict):
            expanded += sizes.get(str(node.get("file")), 0)
            nodes += node.values()
        elif isinstance(node, list):
            nodes += node
    problem = expanded_problem(expanded, len(content))
    if problem:
        raise ModelIntegrityError(f"With all references to parts by skops, {problem}.")


def _check_declared_inside(content: bytes, size: int) -> None:
    """Raise where a sparse array, which is an archive of its own, is too large."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        problem = expanded_problem(sum(each.file_size for each in archive.infolist()), size)
    if problem:
        raise ModelIntegrityError(f"Of a sparse array {problem}.")


def walk(root: Any, ends: Callable[[Any], bool] = lambda part: False) -> Iterator[Any]:
    """Yield an object and all that it holds, each once, but nothing of what `ends` is true for."""
    seen: dict[int, Any] = {}
    left = [root]
    while left:
        part = left.pop()
        if id(part) in seen:
            continue
        seen[id(part)] = part
        yield part
        if not ends(part):
            left += [held for _, held in _held(part)]


def fill(value: Any, make: Callable[[dict[str, Any]], Any], filled: Filled) -> Any:
    """Return a value in which, in place, objects have taken the places of their references.

    Parameters
    ----------
    value : object
        What `unpack_learners` returned.
    make : callable
        Returns the object of a dict with the key `REFERENCE`.
    filled : dict
        What has been filled, by id; the same for all calls.
    """
    if id(value) in filled:
        return filled[id(value)][1]
    if isinstance(value, dict) and REFERENCE in value:
        filled[id(value)] = value, make(value)
    elif isinstance(value, tuple):
        items = [fill(item, make, filled) for item in value]
        filled[id(value)] = value, getattr(value, "_make", tuple)(items)
    else:
        filled[id(value)] = value, value
        for place, held in _held(value):
            found = fill(held, make, filled)
            if found is not held:
                holder: Any = value if isinstance(value, _CONTAINERS) else vars(value)
                holder[place] = found
    return filled[id(value)][1]


def _held(part: Any) -> list[tuple[Any, Any]]:
    """Return pairs of place and object of what an object holds."""
    if isinstance(part, np.ndarray):
        return list(np.ndenumerate(part)) if part.dtype == object else []
    if isinstance(part, list | tuple):
        return list(enumerate(part))
    if isinstance(part, type | types.FunctionType | types.ModuleType):
        return []
    return list((part if isinstance(part, dict) else getattr(part, "__dict__", {})).items())


def check_trees(found: Any) -> None:
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
