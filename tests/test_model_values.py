"""Values in model files: each comes back as it was, in type, order and company."""

import json
import math

import numpy as np
import pytest
import torch
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktl import DeepFeatureTransformer, MatminerTransformer
from sktl.estimators._files._learners import pack_learners, unpack_learners
from sktl.estimators._files._values import Reader, Writer
from sktl.estimators._uncertainty import Calibration
from sktl.exceptions import InputError
from sktl.representations import NumericColumns


def again(value):
    """Return what a file makes of a value."""
    writer = Writer()
    text = json.dumps([writer.encode(value, "value"), writer.objects], allow_nan=False)
    content = pack_learners(writer.learners, writer.is_own, writer.refer)
    encoded, objects = json.loads(text)
    return Reader(objects or writer.objects, writer.tensors, unpack_learners(content)).decode(
        encoded
    )


def same(mine, other):
    """Tell whether two values are equal in type and content."""
    if isinstance(mine, dict):
        return list(mine) == list(other) and all(same(mine[key], other[key]) for key in mine)
    if isinstance(mine, list | tuple):
        return len(mine) == len(other) and all(map(same, mine, other)) and type(mine) is type(other)
    if isinstance(mine, np.ndarray):
        alike = mine.dtype == other.dtype and mine.shape == other.shape
        return alike and same(mine.ravel().tolist(), other.ravel().tolist())
    if isinstance(mine, float) and math.isnan(mine):
        return math.isnan(other)
    return type(mine) is type(other) and mine == other


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, -(2**70), 0.1, -0.0, math.nan, math.inf, -math.inf, "é\ud800", "", []),
        {"a": 1, "b/c": {"a": np.float32(0.1)}},
        {1: "int", (1, "x"): "tuple", None: "none", np.int64(3): "scalar"},
        ([1, (2,)], (), {3, 1, 2}),
        *(np.float64(0.1), np.bool_(True), np.str_("x"), np.float64("nan"), np.uint16(7)),
        *(np.dtype("float32"), np.dtype("<U5")),
        np.array(["high", "low"]),
        np.array(3.5),
        np.zeros((0, 3), dtype=np.float32),
        np.arange(6, dtype=np.int16).reshape(2, 3)[:, ::2],
        np.arange(6.0).astype(">f8"),
        np.array([1 + 2j, 3]),
        np.array([None, "x", np.float64(2), (1,)], dtype=object),
        np.array([["2020-01-01", "NaT"]], dtype="datetime64[D]"),
        np.array([b"x", b""]),
        *(np.array([True, False]), np.array([], dtype="<U3"), np.array([np.nan, np.inf])),
    ],
    ids=repr,
)
def test_a_value_comes_back_as_it_was(value):
    found = again(value)
    if isinstance(value, np.ndarray):
        value = value.astype(value.dtype.newbyteorder("="))
    assert same(value, found)


def test_the_order_of_an_array_in_memory_is_kept():
    turned = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    assert again(turned).flags.f_contiguous and again(turned.T.copy(order="C")).flags.c_contiguous
    frozen = np.arange(3.0)
    frozen.flags.writeable = False
    assert again(frozen).flags.writeable


def test_objects_that_are_shared_stay_shared_also_inside_pipelines():
    shared = Calibration(np.array([2.0, 1.0]), np.ones(2))
    reader = MatminerTransformer().fit(["NaCl"])
    scaler = StandardScaler().fit([[1.0], [2.0]])
    pipeline = make_pipeline(reader, scaler)
    found = again({"twice": [shared, (shared,)], "steps": [pipeline, reader, scaler]})
    assert found["twice"][0] is found["twice"][1][0]
    np.testing.assert_array_equal(found["twice"][0].scores, [1.0, 2.0])
    assert found["steps"][0][0] is found["steps"][1] and found["steps"][0][1] is found["steps"][2]
    assert type(found["steps"][1]) is MatminerTransformer
    assert pipeline[0] is reader  # what is saved is as before


def test_learners_hold_objects_that_hold_learners():
    outer = make_pipeline(DeepFeatureTransformer(source=None))
    outer[0].widths_ = make_pipeline(NumericColumns().fit(np.ones((2, 2))))
    found = again(outer)
    np.testing.assert_array_equal(found[0].widths_[0].mean_, [1.0, 1.0])


@pytest.mark.parametrize(
    "value",
    [
        make_pipeline({"sktl object": 0}),
        type("Unknown", (), {})(),
        make_pipeline(torch.nn.Linear(1, 1)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_no_file_can_hold_is_an_error(value):
    with pytest.raises(InputError):
        again(value)
