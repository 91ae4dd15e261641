"""Values as JSON and tensors, and back: the states of the objects that a model is made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sktl._state import from_state, is_stored, to_state
from sktl._types import AnyArray
from sktl.estimators._files._foreign import as_stored
from sktl.estimators._files._learners import REFERENCE, Filled, fill
from sktl.exceptions import ModelIntegrityError
from sktl.sources import Source

_TENSOR_KINDS = "biuf"
_TENSOR_BYTES = 8
_BYTES_KINDS = "USMmcf"
_SCALAR_KINDS = "biufU"
_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class Writer:
    """Take an object apart: into objects by tag, tensors, and estimators of scikit-learn.

    Attributes
    ----------
    objects : list of dict
        Tag and state of each object; a state refers to other objects by their place here.
    tensors : dict of str to tensor
        The arrays and weights of the states, by the place of the object and the attribute.
    learners : list of objects
        What is not stored by a tag: estimators of scikit-learn and what belongs to them.
    """

    def __init__(self) -> None:
        self.objects: list[dict[str, Any] | None] = []
        self.tensors: dict[str, Tensor] = {}
        self.learners: list[Any] = []
        self._places: dict[int, dict[str, int]] = {}
        self._kept: list[Any] = []  # so that no other object gets the id of one of these

    def encode(self, value: Any, name: str) -> Any:
        """Return a value as JSON; tensors in it get this name."""
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if type(value) is list:
            return self._encode_all(value, name)
        if type(value) is dict and all(type(key) is str for key in value):
            return {"dict": {key: self.encode(v, f"{name}/{key}") for key, v in value.items()}}
        if type(value) is dict:
            return {"pairs": self._encode_all([list(pair) for pair in value.items()], name)}
        if type(value) in (tuple, set):
            items = value if type(value) is tuple else sorted(value, key=repr)
            return {type(value).__name__: self._encode_all(items, name)}
        if isinstance(value, np.generic) and value.dtype.kind in _SCALAR_KINDS:
            return {"scalar": [value.dtype.str, self.encode(value.item(), name)]}
        if isinstance(value, np.dtype) and value.names is None:
            return {"dtype": value.str}
        if isinstance(value, np.ndarray) and value.dtype.kind != "V":
            return {"array": self._encode_array(np.asarray(value), name)}
        if isinstance(value, torch.Tensor):
            return {"tensor": self._keep(value, name)}
        if isinstance(value, Source | PurePath):
            return value.card.id if isinstance(value, Source) else str(value)
        return self._refer(value)

    def is_own(self, part: object) -> bool:
        """Tell whether an object is not left to skops where it stands in a learner."""
        return is_stored(as_stored(part)) or isinstance(part, Source | PurePath)

    def refer(self, part: object) -> str | dict[str, int]:
        """Return what stands in a learner for such an object."""
        found = self.encode(part, "")
        return found if isinstance(found, str) else {REFERENCE: found["object"]}

    def _encode_all(self, values: Iterable[Any], name: str) -> list[Any]:
        return [self.encode(value, f"{name}/{i}") for i, value in enumerate(values)]

    def _encode_array(self, array: AnyArray, name: str) -> dict[str, Any]:
        """Return what an array is made from again: items, or a tensor with what it does not say."""
        if array.dtype.kind == "O":
            items = self._encode_all(array.ravel().tolist(), name)
            return {"shape": list(array.shape), "items": items}
        turned = array.flags.f_contiguous and not array.flags.c_contiguous
        array = np.array(array.T if turned else array, order="C")
        array = array.astype(array.dtype.newbyteorder("="), copy=False)
        made: dict[str, Any] = {"order": "F"} if turned else {}
        if array.dtype.kind not in _TENSOR_KINDS or array.dtype.itemsize > _TENSOR_BYTES:
            made |= {"dtype": array.dtype.str, "shape": list(array.shape)}
            array = array.reshape(-1).view(np.uint8)
        return made | {"tensor": self._keep(torch.from_numpy(array), name)}

    def _keep(self, tensor: Tensor, name: str) -> str:
        while name in self.tensors:
            name += "'"
        self.tensors[name] = tensor
        return name

    def _refer(self, thing: object) -> dict[str, int]:
        """Return a reference to an object, which is taken apart when it is first met."""
        if id(thing) in self._places:
            return self._places[id(thing)]
        self._kept.append(thing)
        known = as_stored(thing)
        if not is_stored(known):
            self._places[id(thing)] = {"scikit-learn": len(self.learners)}
            self.learners.append(thing)
            return self._places[id(thing)]
        number = len(self.objects)
        self._places[id(thing)] = {"object": number}
        self.objects.append(None)
        tag, state = to_state(known)
        encoded = {key: self.encode(value, f"{number}/{key}") for key, value in state.items()}
        self.objects[number] = {"tag": tag, "state": encoded}
        return self._places[id(thing)]


class Reader:
    """Make objects again from what a `Writer` took them apart into; its attributes, read.

    Parameters
    ----------
    objects : list of dict
    tensors : dict of str to tensor
    learners : list of objects
        With references to objects where these stood in them.
    """

    def __init__(
        self,
        objects: Sequence[Mapping[str, Any]],
        tensors: Mapping[str, Tensor],
        learners: Sequence[Any],
    ) -> None:
        self.objects, self.tensors, self.learners = objects, tensors, learners
        self._made: dict[int, Any] = {}
        self._open: set[int] = set()
        self._filled: Filled = {}

    def make(self, number: int) -> Any:
        """Return the object of this number, always the same one."""
        if number in self._made:
            return self._made[number]
        if type(number) is not int or not 0 <= number < len(self.objects) or number in self._open:
            raise ModelIntegrityError(f"Got a reference to object {number!r} that leads nowhere.")
        self._open.add(number)
        described = self.objects[number]
        state = {key: self.decode(value) for key, value in described["state"].items()}
        self._made[number] = from_state(described["tag"], state)
        return self._made[number]

    def decode(self, value: Any) -> Any:
        """Return the value that `Writer.encode` turned to JSON."""
        if isinstance(value, list):
            return [self.decode(item) for item in value]
        if not isinstance(value, dict):
            return value
        ((kind, content),) = value.items()
        if kind == "dict":
            return {key: self.decode(item) for key, item in content.items()}
        decoders: dict[str, Callable[[Any], Any]] = {
            "object": self.make,
            "scikit-learn": self._learner,
            "array": self._array,
            "tensor": self.tensors.__getitem__,
            "tuple": lambda items: tuple(self.decode(items)),
            "set": lambda items: set(self.decode(items)),
            "pairs": lambda pairs: dict(map(self.decode, pairs)),
            "float": _NOT_FINITE.__getitem__,
            "scalar": lambda parts: _dtype(parts[0], _SCALAR_KINDS).type(self.decode(parts[1])),
            "dtype": np.dtype,
        }
        return decoders[kind](content)

    def _array(self, made: dict[str, Any]) -> AnyArray:
        if "items" in made:
            items, shape = made["items"], made["shape"]
            if math.prod(shape) != len(items):
                raise ModelIntegrityError(f"Got {len(items)} items for an array of shape {shape}.")
            array = np.empty(len(items), dtype=object)
            for i, item in enumerate(items):
                array[i] = self.decode(item)
            return array.reshape(shape)
        array = self.tensors[made["tensor"]].numpy()
        if "dtype" in made:
            array = array.view(_dtype(made["dtype"], _BYTES_KINDS)).reshape(made["shape"])
        return array.T if made.get("order") == "F" else array

    def _learner(self, number: int) -> Any:
        learner = self.learners[number]
        return fill(learner, lambda held: self.make(held[REFERENCE]), self._filled)


def _dtype(text: str, kinds: str) -> np.dtype[Any]:
    dtype = np.dtype(text)
    if dtype.kind not in kinds:
        raise ModelIntegrityError(f"Got dtype={text!r}, expected one of the kinds {kinds!r}.")
    return dtype
