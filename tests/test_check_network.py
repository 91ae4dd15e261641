"""check_network finds each fault of a network, names it, and finds none in sktl's own."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from sktl.exceptions import InputError
from sktl.networks import (
    ALIGNN,
    CHGNet,
    ColumnNet,
    CompositionNet,
    ElemNet,
    Network,
    check_network,
)
from sktl.representations import (
    ChgnetGraphs,
    ColumnRows,
    CrystalGraphs,
    ElementFractions,
    ElementTokens,
    NumericColumns,
    Representation,
)

SMALL_GRAPH = {"hidden": 8, "n_distances": 5, "n_angles": 3}
OWN = {
    "composition": lambda: CompositionNet(2, width=8, hidden=8, trunk_width=8, dropout=0.3),
    "elemnet": lambda: ElemNet(3),
    "columns": lambda: ColumnNet(1, n_inputs=4, width=8, dropout=0.3),
    "alignn": lambda: ALIGNN(2, n_alignn=1, n_gcn=1, norm="batch", **SMALL_GRAPH),
    "chgnet": lambda: CHGNet(1, n_interactions=2, **SMALL_GRAPH),
}
ROWS = ColumnRows(np.random.default_rng(0).random((6, 3), dtype=np.float32))


class Sound(Network):
    """Two layers on three columns."""

    def __init__(self, n_outputs=1, *, width=4):
        super().__init__()
        self.body = nn.ModuleDict(
            {"first": nn.Linear(3, width), "second": nn.Sequential(nn.Tanh(), nn.Dropout(0.5))}
        )
        self.embedding_size = width
        self.head = nn.Linear(width, n_outputs)

    def stages(self, columns):
        first = self.body["first"](columns)
        yield "first", first
        yield "second", self.body["second"](first)


class NoBody(Sound):
    def __init__(self, n_outputs=1):
        super().__init__(n_outputs)
        self.body = nn.Sequential(*self.body.values())


class GroupCalledHead(Sound):
    def __init__(self, n_outputs=1):
        super().__init__(n_outputs)
        self.body["head"] = nn.Identity()


class WrongSize(Sound):
    def __init__(self, n_outputs=1):
        super().__init__(n_outputs)
        self.embedding_size = 7


class NoSize(Sound):
    def __init__(self, n_outputs=1):
        super().__init__(n_outputs)
        self.embedding_size = None


class DeepHead(Sound):
    def __init__(self, n_outputs=1):
        super().__init__(n_outputs)
        self.head = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, n_outputs))


class ParameterOutside(Sound):
    def __init__(self, n_outputs=1):
        super().__init__(n_outputs)
        self.shift = nn.Parameter(torch.zeros(4))


class ScalesNothing(Sound):
    scales_embedding = True


class OutputsLast(Sound):
    def __init__(self, width=4, n_outputs=1):
        super().__init__(n_outputs, width=width)


class OtherOrder(Sound):
    def stages(self, columns):
        first, second = super().stages(columns)
        yield second
        yield first


class StageLeftOut(Sound):
    def stages(self, columns):
        *_, last = super().stages(columns)
        yield last


class NoVector(Sound):
    def summary(self, state):
        return state.mean()


class NarrowFeatures(Sound):
    def features(self, **inputs):
        return super().features(**inputs)[:, :2]


class Infinite(Sound):
    def stages(self, columns):
        for name, state in super().stages(columns):
            yield name, state / 0


class OtherForward(Sound):
    def forward(self, **inputs):
        return super().forward(**inputs) + 1


class ReadsTheBatch(Sound):
    def stages(self, columns):
        for name, state in super().stages(columns):
            yield name, state - state.mean(dim=0)


class CountsRows(Sound):
    def stages(self, columns):
        for name, state in super().stages(columns):
            yield name, state + torch.arange(len(state))[:, None]


class HiddenState(Sound):
    def __init__(self, n_outputs=1):
        super().__init__(n_outputs)
        self.register_buffer("noise", torch.rand(4), persistent=False)

    def stages(self, columns):
        for name, state in super().stages(columns):
            yield name, state + self.noise


class DropsOutside(Sound):
    def stages(self, columns):
        first = nn.functional.dropout(self.body["first"](columns), training=self.training)
        yield "first", first
        yield "second", self.body["second"](first)


class TrainsAll(Sound):
    def train(self, mode=True):
        return nn.Module.train(self, mode)


class FreezesNothing(Sound):
    def freeze(self, depth):
        super().freeze(depth)
        self.requires_grad_(True)


class JoinsOtherRows(Sound):
    joins_members = True

    def stages(self, columns):
        first = self.body["first"](columns.flip(0)).flip(0)
        yield "first", first
        yield "second", self.body["second"](first)


class Fails(Sound):
    def stages(self, columns):
        raise ValueError("no such luck")


FAULTS = [
    (NoBody, "body is Sequential, not an nn.ModuleDict"),
    (GroupCalledHead, "a group of body is called 'head'"),
    (WrongSize, "head is Linear.*, not an nn.Linear on embedding_size=7"),
    (NoSize, "embedding_size is None"),
    (DeepHead, "head is Sequential.*, not an nn.Linear on embedding_size=4"),
    (ParameterOutside, "parameters in no group of body.*: shift"),
    (ScalesNothing, "no method scale_embedding"),
    (OutputsLast, "the first argument of OutputsLast is 'width', not 'n_outputs'"),
    (OtherOrder, r"stages yields \['second', 'first'\], not the groups of body in order"),
    (StageLeftOut, r"stages yields \['second'\], not the groups"),
    (NoVector, "summary gives .* for 'first' and 6 rows, not one vector a row"),
    (NarrowFeatures, r"features returns \(6, 2\), not .* \(6, 4\)"),
    (Infinite, "not finite"),
    (OtherForward, r"forward\(...\) is not head\(features\(...\)\)"),
    (ReadsTheBatch, "depend on the rest of the batch"),
    (CountsRows, "depend on its place in the batch"),
    (HiddenState, "made again and gets its state_dict gives other features"),
    (DropsOutside, "features in training mode are others than in evaluation"),
    (TrainsAll, "the group 'second' is not in evaluation mode"),
    (FreezesNothing, "the group 'first' wants gradients"),
    (JoinsOtherRows, "joined give other outputs than alone"),
    (Fails, "fails on 6 rows: ValueError: no such luck"),
]


@pytest.mark.parametrize("kind", OWN)
def test_own_networks_keep_the_grammar(kind):
    check_network(OWN[kind]())


def test_a_sound_network_passes_and_is_left_as_it_was():
    network = Sound(2)
    network.freeze(1)
    before, generator = copy.deepcopy(network.state_dict()), torch.get_rng_state()
    check_network(network, ROWS)
    assert all(torch.equal(before[key], each) for key, each in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), generator)
    assert not network.body["first"].weight.requires_grad and network.head.training


@pytest.mark.parametrize("kind, message", FAULTS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_fault_is_named(kind, message):
    with pytest.raises(InputError, match=f"(?s){kind.__name__} breaks the grammar.*{message}"):
        check_network(kind(), ROWS)


def test_arguments_that_cannot_be_repeated_are_a_fault():
    class Positional(Sound):
        def __init__(self, n_outputs=1, width=4):
            super().__init__(n_outputs, width=width)

    check_network(Positional(1, width=5), ROWS)
    with pytest.raises(InputError, match=r"other tensors \(body.first.*by keyword"):
        check_network(Positional(1, 5), ROWS)


def test_all_faults_are_listed():
    class Careless(WrongSize):
        scales_embedding = True

    with pytest.raises(InputError) as caught:
        check_network(Careless(), ROWS)
    assert str(caught.value).count("\n- ") == 2


def test_what_cannot_be_tried():
    with pytest.raises(InputError, match="expected an object of a subclass"):
        check_network(nn.Linear(2, 2))
    with pytest.raises(InputError, match="Got 1 rows, expected at least two"):
        check_network(Sound(), ROWS.take(np.arange(1)))

    class OwnInput(Sound):
        def stages(self, spectrum):
            return super().stages(spectrum)

    with pytest.raises(InputError, match=r"with the arguments \['spectrum'\].*pass rows"):
        check_network(OwnInput())


@pytest.mark.parametrize(
    "kind", [ElementTokens, ElementFractions, CrystalGraphs, ChgnetGraphs, NumericColumns]
)
def test_representations_give_rows_as_they_are_written_down(kind):
    representation = kind()
    assert isinstance(representation, Representation)
    if representation.reads == "columns":
        columns = np.random.default_rng(0).random((4, 3))
        batch = representation.fit(representation.read(columns))
        rows = batch.encode(columns)
    else:
        batch = representation.read_reference(representation.reference)
        rows = representation.encode(batch)
        assert len(rows) == len(batch) == len(representation.reference)
    assert rows.sizes.shape == (len(rows),)
    assert rows.width is None or rows[[0, 1]]["columns"].shape == (2, rows.width)
    some, same = rows.take(np.array([2, 0]))[np.array([0])], rows[np.array([2])]
    assert some.keys() == same.keys()
    assert all(np.array_equal(some[name], same[name]) for name in same)
