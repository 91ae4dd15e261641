"""The networks that a transfer estimator trains on its rows, and what they make of materials."""

import copy
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from sklearn.utils import check_random_state

from sktl._checks import check_weights, resolve_device
from sktl.estimators._domain import Domain
from sktl.exceptions import InputError
from sktl.representations import group_rows
from sktl.sources import run_rows
from sktl.training import LabelledRows, expect_fits, merge_rows, split_rows, train


@dataclass
class TrainingRows:
    """Encoded rows with targets (n, k) and weights.

    Rows of one kind have the same input, rows of one group the same composition.
    """

    encoded: object
    kinds: np.ndarray
    groups: np.ndarray
    y: np.ndarray
    weights: np.ndarray

    @classmethod
    def read(cls, network_input, materials, y, sample_weight):
        """Return materials with targets (n, k) in canonical order, those that agree merged."""
        weights = check_weights(materials, sample_weight)
        batch = network_input.fit(materials, weights)
        kinds = group_rows(batch)
        groups = kinds if network_input.numeric else group_rows(batch.compositions)
        whole = cls(network_input.encode(batch), kinds, groups, y, weights)
        kept, merged = merge_rows(kinds, y, weights)
        if len(kept) < 2:
            raise InputError(
                f"Got n_samples = {len(kept)} distinct rows with positive weight, expected at "
                "least 2 to train on."
            )
        return replace(whole.take(kept), weights=merged)

    def take(self, chosen):
        """Return some of the rows."""
        parts = (self.kinds, self.groups, self.y, self.weights)
        return TrainingRows(self.encoded.take(chosen), *(part[chosen] for part in parts))


class Members(NamedTuple):
    """Networks that were trained on the same rows, each with others held out.

    Attributes
    ----------
    networks : list of Network
    histories : list of skorch History
    held_out : list of TrainingRows
        The rows that each network was not trained on.
    """

    networks: list
    histories: list
    held_out: list

    @property
    def judged(self):
        """Whether every network has held-out rows."""
        return all(len(rows.y) for rows in self.held_out)


def train_members(rows, target, new_network, policy, *, model):
    """Train networks on rows.

    Parameters
    ----------
    rows : TrainingRows
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
    seeds = check_random_state(model.random_state).randint(2**31 - 1, size=model.n_members)
    expect_fits(len(seeds))
    found = []
    for seed in map(int, seeds):
        training, held_out = split_rows(rows.groups, policy.validation_fraction, seed)
        training, held_out = rows.take(training), rows.take(held_out)
        network = new_network(seed, training.encoded)
        labelled, valid = (
            LabelledRows(part.encoded, target.encode(part.y), part.weights)
            for part in (training, held_out)
        )
        if network.scales_embedding and not network.head.weight.any():
            features = run_rows(network.features, training.encoded)
            target.start_head(network.head, features, labelled.z.numpy(), training.weights)
        history = train(
            network,
            labelled,
            target.criterion(),
            policy.resolve(
                len(labelled), model.input_.architecture, pretrained=model.source_ is not None
            ),
            seed=seed,
            valid=valid if len(valid) else None,
            device=resolve_device(model.device),
        )
        network.requires_grad_(False)
        found.append((network.double() if model.input_.numeric else network, history, held_out))
    return Members(*map(list, zip(*found, strict=True)))


def start_network(model, source, seed, encoded):
    """Return the network that a member of a model starts from, for its encoded training rows."""
    n_outputs = model.target_.n_outputs
    if source is None:
        return model.input_.new_network(n_outputs, seed, encoded.width)
    return source.new_network(n_outputs, encoded)


def judge_members(members, target):
    """Let a target make the choices that need held-out rows, and return what these rows tell.

    Returns
    -------
    features, outputs : list of array
        Of the held-out rows of each network.
    weights : float array (n,)
        Of all held-out rows, the networks one after the other.
    """
    found = [
        _features_and_outputs(network, rows.encoded)
        for network, rows in zip(members.networks, members.held_out, strict=True)
    ]
    features, outputs = zip(*found, strict=True)
    y = np.concatenate([rows.y for rows in members.held_out])
    weights = np.concatenate([rows.weights for rows in members.held_out])
    target.choose(np.concatenate(outputs)[None], y, weights)
    return features, outputs, weights


def run_members(model, materials):
    """Return the outputs of all networks of a model, (m, n, n_outputs)."""
    rows = model.input_.encode(model.input_.read(materials))
    device = resolve_device(model.device)
    return np.stack([run_rows(each, rows, device=device) for each in _on(model, device)])


def run_members_whole(model, materials):
    """Return the embeddings of all networks, (m, n, d), and their outputs, (m, n, n_outputs)."""
    rows = model.input_.encode(model.input_.read(materials))
    device = resolve_device(model.device)
    found = [_features_and_outputs(each, rows, device) for each in _on(model, device)]
    return tuple(np.stack(part) for part in zip(*found, strict=True))


def embed_materials(model, materials, features=None):
    """Return the embedding (n, d) of the first network, and compositions, or columns as they are.

    Elements may be any that the network has a place for. `features` (m, n, d) are embeddings that a
    prediction has left.
    """
    batch = model.input_.read(materials, any_element=True)
    elements = batch if model.input_.numeric else batch.compositions
    if features is not None:
        return features[0], elements
    device = resolve_device(model.device)
    network = _on(model, device)[0]
    return run_rows(network.features, model.input_.encode(batch), device=device), elements


def learn_domain(model, materials, values):
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
    columns = isinstance(batch, np.ndarray)
    elements = set() if columns else set(batch.numbers.tolist())
    return Domain(embedding, group_rows(batch), elements, materials.texts(), np.asarray(values))


def _on(model, device):
    """Return the networks of a model on a device."""
    if device == "cpu":
        return model.networks_
    return [copy.deepcopy(network).to(device) for network in model.networks_]


def _features_and_outputs(network, rows, device="cpu"):
    """Return the embedding (n, d) and the outputs (n, n_outputs) of a network."""

    def both(**inputs):
        features = network.features(**inputs)
        return torch.cat([features, network.head(features)], dim=1)

    return np.split(run_rows(both, rows, device=device), [network.embedding_size], axis=1)
