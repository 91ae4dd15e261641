"""What the states of estimators in older model files become, version by version."""

from __future__ import annotations

from typing import Any, TypeAlias

from sktl.training import Policy

State: TypeAlias = dict[str, Any]


def upgrade_regressor(state: State) -> State:
    """Return the state of a regressor of version 1 as one of version 2: `head` and `policy`."""
    state = upgrade_classifier(state)
    reset, zero_inflated = state.pop("reset_head", True), state.pop("zero_inflated", "auto")
    if not reset:
        state["head"] = "source"
    elif zero_inflated == "auto":
        state["head"] = "auto"
    else:
        state["head"] = "zero-inflated" if zero_inflated else "linear"
    return state


def upgrade_without_trees(state: State) -> State:
    """Return the state of a regressor of version 2 as one of version 3: no `trees` beside it."""
    report = "The network predicts alone: an older version of sktl compared it with no trees."
    return state | {"trees": False, "trees_": None, "transfer_report_": report}


def upgrade_classifier(state: State) -> State:
    """Return the state of a classifier of version 1 as one of version 2: `policy`."""
    state = upgrade_reader(state)
    fraction = float(state.pop("validation_fraction", Policy.validation_fraction))
    usual = fraction == Policy.validation_fraction
    state["policy"] = None if usual else Policy(validation_fraction=fraction)
    return state


def upgrade_stack(state: State) -> State:
    """Return the state of a stack of version 1 as one of version 2: what base models read."""
    state = upgrade_reader(state)
    own = isinstance(state["estimators"], str)
    on_features = ("extra trees", "boosted trees", "support vectors")
    state["reads_"] = {
        name: "features" if own and name.startswith(on_features) else "materials" if own else "rows"
        for name in state.get("members_", ())
    }
    return state


def upgrade_reader(state: State) -> State:
    """Return the state of what reads materials, of version 1, as one of version 2: the kind."""
    kind = state.get("input_kind_")
    return state | ({"input_kind_": "columns"} if kind == "numeric columns" else {})
