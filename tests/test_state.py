"""Tags: each is one class's, with a way from every earlier version to this one."""

import pytest

from sktl import _state
from sktl.exceptions import ModelIntegrityError


@pytest.fixture(autouse=True)
def _own_tags(monkeypatch):
    monkeypatch.setattr(_state, "_KINDS", {})
    monkeypatch.setattr(_state, "_NAMES", {})


class Spread:
    """Something that a file holds."""

    def __init__(self, width):
        self.width = width


class Other(Spread):
    """Something else."""


def test_an_object_comes_back_from_its_attributes():
    assert not _state.is_stored(Spread(1))
    _state.stored("spread/1")(Spread)
    assert _state.to_state(Spread(2)) == ("spread/1", {"width": 2})
    assert _state.from_state("spread/1", {"width": 3}).width == 3
    assert _state.is_stored(Spread(1)) and not _state.is_stored(Other(1))
    assert _state.stored_tags() == {"spread/1": Spread}


def test_states_of_earlier_versions_are_raised_step_by_step():
    steps = [
        lambda state: {"half": state["quarter"] * 2},
        lambda state: {"width": state["half"] * 2},
    ]
    _state.stored("spread/3", upgrades=steps)(Spread)
    made = [
        _state.from_state("spread/1", {"quarter": 1}),
        _state.from_state("spread/2", {"half": 2}),
        _state.from_state("spread/3", {"width": 4}),
    ]
    assert [each.width for each in made] == [4, 4, 4]


def test_a_tag_is_one_class_s_and_no_version_is_left_out():
    _state.stored("spread/1")(Spread)
    _state.stored("spread/1")(Spread)  # a module that is loaded again
    with pytest.raises(ValueError, match="it is the tag of"):
        _state.stored("spread/1")(Other)
    with pytest.raises(ValueError, match="it is the tag of"):
        _state.stored("spread/2", upgrades=[dict])(Other)
    with pytest.raises(ValueError, match="0 upgrades for 'other/2', expected 1"):
        _state.stored("other/2")(Other)
    for tag in ("spread", "/1", "spread/0", "spread/x"):
        with pytest.raises(ValueError, match="expected a name and a version"):
            _state.stored(tag)


@pytest.mark.parametrize(
    ("tag", "state", "message"),
    [
        ("nothing/1", {}, "expected one of"),
        ("spread", {}, "expected one of"),
        (1, {}, "expected one of"),
        ("spread/2", {}, "at most version 1"),
        ("spread/1", [], "without a state"),
        ("spread/1", {1: 2}, "without a state"),
    ],
)
def test_what_is_no_state_makes_no_object(tag, state, message):
    _state.stored("spread/1")(Spread)
    with pytest.raises(ModelIntegrityError, match=message):
        _state.from_state(tag, state)
