"""The container of compositions: layout, fractions, selection, keys and digests."""

import pickle
import tracemalloc

import numpy as np
import pytest

from sktl.exceptions import InputError
from sktl.representations._compositions import Compositions
from sktl.representations._formula import parse_formulas


@pytest.fixture
def batch():
    return parse_formulas(["Fe2O3", "NaCl", "Ca3(PO4)2", "Si", "Fe4O6"])


def test_layout(batch):
    assert len(batch) == 5
    assert batch.sizes.tolist() == [2, 2, 3, 1, 2]
    assert batch.numbers.tolist() == [8, 26, 11, 17, 8, 15, 20, 14, 8, 26]
    assert batch.amounts.tolist() == [3, 2, 1, 1, 8, 2, 3, 1, 6, 4]
    assert batch.offsets.tolist() == [0, 2, 4, 7, 8, 10]
    assert batch.rows.tolist() == [0, 0, 1, 1, 2, 2, 2, 3, 4, 4]
    assert (batch.numbers.dtype, batch.amounts.dtype, batch.offsets.dtype) == ("i2", "f8", "i8")
    assert repr(batch) == "Compositions(n=5, elements=7)"


def test_batches_leave_nothing_behind():
    formulas = ["Fe2O3"] * 1000
    parse_formulas(formulas)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(20):
            parse_formulas(formulas).unique()
        left = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert left < 20_000  # the offsets of a batch alone are 8,008 bytes


def test_fractions(batch):
    assert batch.fractions == pytest.approx(
        [0.6, 0.4, 0.5, 0.5, 8 / 13, 2 / 13, 3 / 13, 1, 0.6, 0.4], rel=1e-14
    )


def test_keys_and_digests(batch):
    keys = batch.keys()
    assert keys[0] == keys[4] == "8:0.6000;26:0.4000"
    assert keys[2] == "8:0.6154;15:0.1538;20:0.2308"
    assert batch.digests()[0] == "08dc51cb730c334e"


def test_unique(batch):
    first, inverse = batch.unique()
    assert inverse.tolist() == [0, 1, 2, 3, 0]
    assert first.keys() == batch.keys()[:4]
    assert first.take(inverse).keys() == batch.keys()


@pytest.mark.parametrize(
    ("indices", "rows"),
    [
        ([4, 0, 0, -1], [4, 0, 0, 4]),
        ([], []),
        (slice(1, None, 2), [1, 3]),
        (np.array([True, False, False, True, True]), [0, 3, 4]),
        (np.array([2], dtype=np.int8), [2]),
    ],
)
def test_take(batch, indices, rows):
    taken = batch.take(indices)
    np.testing.assert_array_equal(taken.to_dense(), batch.to_dense()[np.array(rows, dtype=int)])
    assert taken.keys() == [batch.keys()[row] for row in rows]


def test_take_refuses_rows_that_do_not_exist(batch):
    with pytest.raises(IndexError):
        batch.take([5])


def test_dense_and_back(batch):
    dense = batch.to_dense()
    assert dense.shape == (5, 103)
    assert dense.sum(axis=1) == pytest.approx(np.ones(5))
    assert dense[0, 7] == pytest.approx(0.6) and dense[0, 25] == pytest.approx(0.4)
    assert Compositions.from_fractions(dense).digests() == batch.digests()
    assert Compositions.from_fractions(dense * 7).fractions == pytest.approx(batch.fractions)


def test_to_dense_refuses_an_element_beyond_the_width():
    batch = parse_formulas(["NaCl", "RfO2"])
    with pytest.raises(InputError, match=r"Rf \(atomic number 104\) in row 1"):
        batch.to_dense()
    assert batch.to_dense(width=118)[1, 103] == pytest.approx(1 / 3)
    assert Compositions.from_fractions(batch.to_dense(118), width=118).keys() == batch.keys()


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.5, 0.0])
def test_from_fractions_names_a_bad_row(value):
    dense = np.zeros((3, 103))
    dense[:, 0] = 1
    dense[2, 0] = value
    with pytest.raises(InputError, match="row 2"):
        Compositions.from_fractions(dense)
    dense[2, :2] = 1, -0.5
    with pytest.raises(InputError, match="row 2"):
        Compositions.from_fractions(dense)


@pytest.mark.parametrize("shape", [(103,), (2, 102), (2, 103, 1)])
def test_from_fractions_refuses_another_shape(shape):
    with pytest.raises(InputError, match=r"expected \(n, 103\)"):
        Compositions.from_fractions(np.ones(shape))


def test_from_fractions_leaves_read_only_input_alone():
    dense = np.eye(103) * 2
    dense.setflags(write=False)
    assert Compositions.from_fractions(dense).amounts.tolist() == [1] * 103


def test_empty_batch():
    empty = Compositions.from_fractions(np.empty((0, 103)))
    assert len(empty) == 0 and empty.keys() == [] and empty.fractions.shape == (0,)
    assert empty.to_dense().shape == (0, 103)
    assert len(empty.unique()[0]) == 0


def test_pickle(batch):
    assert batch.fractions.size == 10
    again = pickle.loads(pickle.dumps(batch))
    assert again.digests() == batch.digests()


@pytest.mark.parametrize(
    ("numbers", "amounts", "offsets", "message"),
    [
        ([8], [1, 2], [0, 1], "shapes"),
        ([8], [1], [], "shapes"),
        ([8], [1], [0, 2], "offsets from 0 to 2"),
        ([8], [1], [0, 0, 1], "row 0"),
        ([8, 26, 26, 8], [1, 1, 1, 1], [0, 2, 4], "row 1"),
        ([8, 8], [1, 1], [0, 2], "row 0"),
        ([8, 119], [1, 1], [0, 1, 2], "row 1"),
        ([0], [1], [0, 1], "row 0"),
        ([8, 8], [1, 0], [0, 1, 2], "row 1"),
        ([8], [np.inf], [0, 1], "row 0"),
    ],
)
def test_refuses_a_broken_layout(numbers, amounts, offsets, message):
    with pytest.raises(InputError, match=message):
        Compositions(numbers, amounts, offsets)
