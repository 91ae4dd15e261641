"""The networks that a transfer estimator trains on its rows, and what they make of materials."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
import torch
from skorch.history import History
from torch import Tensor, nn

from sktl._checks import resolve_device
from sktl._types import AnyArray, ArrayLike, FloatArray, IntArray
from sktl.estimators._domain import Domain
from sktl.estimators._input import NetworkInput
from sktl.estimators._uncertainty import Features
from sktl.exceptions import InputError
from sktl.networks import AttributedNetwork, ConditionedNetwork, Network
from sktl.representations import (
    AttributedRows,
    Compositions,
    Materials,
    Rows,
    RowsBeside,
    label_pairs,
    label_rows,
)
from sktl.sources import Source, SourceCard, run_rows
from sktl.training import (
    ClassTarget,
    LabelledRows,
    MemberRows,
    NumberTarget,
    Policy,
    expect_fits,
    merge_rows,
    split_rows,
    train,
    train_at_once,
)

MOST_FOR_START = 10_000
"""Rows, evenly among all, from which a head that reads attributes starts."""

Target: TypeAlias = NumberTarget | ClassTarget


class NetworkModel(Protocol):
    """A fitted model that has networks of its own, and a way to what they read."""

    input_: NetworkInput
    networks_: list[Network]
    device: str


class TrainedModel(NetworkModel, Protocol):
    """A model that trains networks of its own, from a source or from random weights."""

    source_: SourceCard | None
    random_state: int | np.random.RandomState | None

    @property
    def target_(self) -> Target: ...


class Part(NamedTuple):
    """The rows of one network.

    Attributes
    ----------
    seed : int
        Source of its randomness.
    training, held_out : int array
        The rows that it is trained on, and those that it is not.
    """

    seed: int
    training: IntArray
    held_out: IntArray


@dataclass
class TrainingRows:
    """Encoded rows with targets (n, k) and weights.

    Rows of one kind have the same input, rows of one group the same composition. `given` says
    which of the rows, as they were given, each is.
    """

    encoded: Rows
    given: IntArray
    kinds: IntArray
    groups: IntArray
    y: AnyArray
    weights: FloatArray

    @classmethod
    def read(
        cls,
        network_input: NetworkInput,
        materials: Materials,
        y: AnyArray,
        weights: FloatArray,
    ) -> TrainingRows:
        """Return materials with targets (n, k) in canonical order, those that agree merged."""
        batch = network_input.fit(materials, weights)
        kinds = label_rows(batch)
        groups = kinds if isinstance(batch, np.ndarray) else label_rows(batch.compositions)
        if materials.conditions is not None:
            kinds = label_pairs(kinds, materials.conditions.labels())
        encoded = network_input.encode(batch, materials.conditions)
        whole = cls(encoded, np.arange(len(y)), kinds, groups, y, weights)
        kept, merged = merge_rows(kinds, y, weights)
        if len(kept) < 2:
            raise InputError(
                f"Got n_samples = {len(kept)} distinct rows with positive weight, expected at "
                "least 2 to train on."
            )
        return replace(whole.take(kept), weights=merged)

    def split(self, fraction: float, seed: int) -> Part:
        """Return a part whose held-out rows are drawn, those of one composition together."""
        return Part(seed, *split_rows(self.groups, fraction, seed))

    def part(self, chosen: IntArray, seed: int) -> Part:
        """Return the part of rows that were given, without held-out ones."""
        return Part(seed, np.flatnonzero(np.isin(self.given, chosen)), np.empty(0, dtype=np.int64))

    def take(self, chosen: IntArray) -> TrainingRows:
        """Return some of the rows."""
        return TrainingRows(
            self.encoded.take(chosen),
            self.given[chosen],
            self.kinds[chosen],
            self.groups[chosen],
            self.y[chosen],
            self.weights[chosen],
        )


class Members(NamedTuple):
    """Networks that were trained on the same rows, each with others held out.

    Attributes
    ----------
    networks : list of Network
    histories : list of skorch History
    rows : TrainingRows
        All rows.
    parts : list of Part
        Which of them each network was trained on, and which not.
    """

    networks: list[Network]
    histories: list[History]
    rows: TrainingRows
    parts: Sequence[Part]

    @property
    def judged(self) -> bool:
        """Whether every network has held-out rows."""
        return all(len(part.held_out) for part in self.parts)

    @property
    def held_out(self) -> list[TrainingRows]:
        """The rows that each network was not trained on."""
        return [self.rows.take(part.held_out) for part in self.parts]


def train_members(
    rows: TrainingRows,
    parts: Sequence[Part],
    target: Target,
    new_network: Callable[[int, Rows], Network],
    policy: Policy,
    *,
    model: TrainedModel,
) -> Members:
    """Train networks on rows, each on a part of them.

    Parameters
    ----------
    rows : TrainingRows
    parts : list of Part
        Of each network.
    target : NumberTarget or another
        From targets to what the networks are trained on.
    new_network : callable
        Takes a seed and encoded training rows; returns the network that a member starts from.
    policy : Policy
        How to train.
    model : estimator
        Whose networks they are: its parameters, its source and its ``input_`` are asked for.

    Returns
    -------
    Members
    """
    z, networks = target.encode(rows.y), []
    for part in parts:
        training = rows.take(part.training)
        networks.append(new_network(part.seed, training.encoded))
        _start_head(networks[-1], target, training, z[part.training])
    is_classes = isinstance(target, ClassTarget)
    joins = networks[0].joins_members and model.source_ is not None and not is_classes
    at_once = joins and len(parts) > 1
    policy = policy.resolve(
        max(len(part.training) for part in parts),
        model.input_.architecture,
        pretrained=model.source_ is not None,
        classes=is_classes,
        at_once=at_once,
    )
    expect_fits(1 if at_once else len(parts))
    train_all = _train_at_once if at_once else _train_each
    data, device = LabelledRows(rows.encoded, z, rows.weights), resolve_device(model.device)
    histories = train_all(networks, data, parts, target.criterion(), policy, device)
    for network in networks:
        network.requires_grad_(False)
    if model.input_.numeric:
        networks = [network.double() for network in networks]
    return Members(networks, histories, rows, parts)


def _train_each(
    networks: Sequence[Network],
    data: LabelledRows,
    parts: Sequence[Part],
    criterion: nn.Module,
    policy: Policy,
    device: str,
) -> list[History]:
    """Train networks one after the other, and return their histories."""
    histories = []
    for network, part in zip(networks, parts, strict=True):
        training, valid = (
            LabelledRows(data.rows, data.z, data.weights, chosen)
            for chosen in (part.training, part.held_out)
        )
        history = train(
            network,
            training,
            criterion,
            policy,
            seed=part.seed,
            valid=valid if len(valid) else None,
            device=device,
        )
        histories.append(history)
    return histories


def _train_at_once(
    networks: Sequence[Network],
    data: LabelledRows,
    parts: Sequence[Part],
    criterion: nn.Module,
    policy: Policy,
    device: str,
) -> list[History]:
    """Train networks at once, and return the history that they share for each."""
    held_out = [part.held_out for part in parts]
    judged = all(map(len, held_out))
    history = train_at_once(
        networks,
        MemberRows(data.rows, data.z, data.weights, [part.training for part in parts]),
        criterion,
        policy,
        seed=parts[0].seed,
        valid=MemberRows(data.rows, data.z, data.weights, held_out) if judged else None,
        device=device,
    )
    return [history] * len(parts)


def _start_head(network: Network, target: Target, rows: TrainingRows, z: AnyArray) -> None:
    """Let a new linear head start from a linear model, where the embedding is made for one."""
    head, attributed = network.head, isinstance(network, AttributedNetwork)
    if not isinstance(head, nn.Linear) or head.weight.any():
        return
    if not (network.scales_embedding or attributed):
        return
    most = MOST_FOR_START if attributed else len(z)
    some = np.unique(np.linspace(0, len(z) - 1, most).round().astype(int))
    features = run_rows(network.features, rows.encoded.take(some))
    target.start_head(head, features, z[some], rows.weights[some])


def start_network(model: TrainedModel, source: Source | None, seed: int, encoded: Rows) -> Network:
    """Return the network that a member of a model starts from, for its encoded training rows."""
    n_outputs = model.target_.n_outputs
    if isinstance(encoded, RowsBeside):
        inner = start_network(model, source, seed, encoded.rows)
        return _around(inner, encoded, n_outputs, seed)
    if source is None:
        return model.input_.new_network(n_outputs, seed, encoded.width)
    return source.new_network(n_outputs, encoded)


def _around(network: Network, rows: RowsBeside, n_outputs: int, seed: int) -> Network:
    """Return a network that also reads what stands beside the materials."""
    width = rows.beside.shape[1]
    if isinstance(rows, AttributedRows):
        return AttributedNetwork(n_outputs, network=network, n_attributes=width)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return ConditionedNetwork(n_outputs, network=network, n_conditions=width)


def judge_members(
    members: Members, target: Target
) -> tuple[list[AnyArray], list[AnyArray], FloatArray]:
    """Let a target make the choices that need held-out rows, and return what these rows tell.

    Features and outputs are lists, of the held-out rows of each network; weights (n,) are of all.
    """
    held_out = members.held_out
    found = [
        _features_and_outputs(network, rows.encoded)
        for network, rows in zip(members.networks, held_out, strict=True)
    ]
    features, outputs = map(list, zip(*found, strict=True))
    y = np.concatenate([rows.y for rows in held_out])
    weights = np.concatenate([rows.weights for rows in held_out])
    target.choose(np.concatenate(outputs)[None], y, weights)
    return features, outputs, weights


def run_members(model: NetworkModel, materials: Materials) -> AnyArray:
    """Return the outputs of all networks of a model, (m, n, n_outputs)."""
    rows = model.input_.encode(model.input_.read(materials), materials.conditions)
    device = resolve_device(model.device)
    return np.stack([run_rows(each, rows, device=device) for each in _on(model, device)])


def run_members_whole(model: NetworkModel, materials: Materials) -> tuple[AnyArray, AnyArray]:
    """Return the embeddings of all networks, (m, n, d), and their outputs, (m, n, n_outputs)."""
    rows = model.input_.encode(model.input_.read(materials), materials.conditions)
    device = resolve_device(model.device)
    found = [_features_and_outputs(each, rows, device) for each in _on(model, device)]
    features, outputs = map(np.stack, zip(*found, strict=True))
    return features, outputs


def embed_materials(
    model: NetworkModel, materials: Materials, features: Features | None = None
) -> tuple[AnyArray, Compositions | AnyArray]:
    """Return the embedding (n, d) of the first network, and compositions, or columns as they are.

    Elements may be any that the network has a place for. `features` (m, n, d) are embeddings that a
    prediction has left.
    """
    batch = model.input_.read(materials, any_element=True)
    elements = batch if isinstance(batch, np.ndarray) else batch.compositions
    if features is not None:
        return features[0], elements
    device = resolve_device(model.device)
    network = _on(model, device)[0]
    rows = model.input_.encode(batch, materials.conditions)
    embedding = run_rows(network.features, rows, device=device)
    return embedding[:, : network.material_size], elements


def learn_domain(model: NetworkModel, materials: Materials, values: ArrayLike) -> Domain:
    """Return the training rows of a model as points of the embedding of its first network.

    Parameters
    ----------
    model : estimator
        The fitted estimator of a network.
    materials : Materials, n rows
    values : array (n,) or (n, k)
        Targets or labels, as the user gave them.
    """
    embedding, batch = embed_materials(model, materials)
    elements = set() if isinstance(batch, np.ndarray) else set(batch.numbers.tolist())
    return Domain(embedding, label_rows(batch), elements, materials.texts(), np.asarray(values))


def _on(model: NetworkModel, device: str) -> list[Network]:
    """Return the networks of a model on a device."""
    if device == "cpu":
        return model.networks_
    return [copy.deepcopy(network).to(device) for network in model.networks_]


def _features_and_outputs(network: Network, rows: Rows, device: str = "cpu") -> list[AnyArray]:
    """Return the embedding of the materials (n, d) and the outputs (n, n_outputs) of a network."""
    size = network.material_size

    def both(**inputs: Tensor) -> Tensor:
        features = network.features(**inputs)
        return torch.cat([features[:, :size], network.head(features)], dim=1)

    return np.split(run_rows(both, rows, device=device), [size], axis=1)
