"""A pretrained network together with its representation and its card."""

import copy
import dataclasses

import numpy as np
import torch

from sktl.exceptions import SourceIntegrityError
from sktl.networks import CompositionNet, ElemNet
from sktl.representations import ElementFractions, ElementTokens, parse_formulas
from sktl.sources._card import SourceCard
from sktl.sources._checkpoint import read_tensors, write_tensors
from sktl.sources._inference import run_rows

NETWORKS = {"composition": CompositionNet, "elemnet": ElemNet}
REPRESENTATIONS = {"composition": ElementTokens, "elemnet": ElementFractions}
TRANSFORMS = {
    "identity": (np.asarray, np.asarray),
    "log1p": (np.log1p, np.expm1),
    "asinh": (np.arcsinh, np.sinh),
}
REFERENCE_TOLERANCE = 1e-5


class Source:
    """A pretrained network, the representation that it reads, and its card.

    Parameters
    ----------
    card : SourceCard
        What the source is.
    network : Network
        The network with the weights; one output for each property of the card.

    Examples
    --------
    >>> from sktl import load_source
    >>> source = load_source("oqmd")
    >>> source.predict(["NaCl", "Fe2O3"]).shape
    (2, 4)
    """

    def __init__(self, card, network):
        self.card = card
        self.network = network.eval().requires_grad_(False)
        self.representation = REPRESENTATIONS[card.network["name"]]()

    def __repr__(self):
        return f"Source({self.card.id!r})"

    def new_network(self, n_outputs=None):
        """Return a trainable copy of the network, with a new head of zeros if `n_outputs` is given."""
        network = copy.deepcopy(self.network).requires_grad_(True)
        if n_outputs is not None:
            network.reset_head(n_outputs)
        return network

    def embed(self, formulas):
        """Return the embedding of formulas, float32 array (n, embedding_size)."""
        rows = self.representation.encode(parse_formulas(formulas))
        return run_rows(self.network.features, rows)

    def predict(self, formulas):
        """Return the source's own predictions, float64 array (n, n_properties), in the units of the card."""
        return self.to_units(run_rows(self.network, self.representation.encode(parse_formulas(formulas))))

    def to_units(self, z):
        """Return scaled outputs (n, n_properties) in the units of the card."""
        columns = []
        for item, column in zip(self.card.properties, np.asarray(z, dtype=np.float64).T, strict=True):
            inverse = TRANSFORMS[item.transform][1]
            columns.append(inverse(column * item.scale + item.center))
        return np.stack(columns, axis=1)

    def verify(self):
        """Compare predictions with the card's reference predictions.

        Returns
        -------
        float
            Largest deviation in units of each property's scale.

        Raises
        ------
        SourceIntegrityError
            The deviation is above 1e-5: this installation computes something else.
        """
        reference = np.asarray(self.card.reference["predictions"])
        scales = np.maximum([item.scale for item in self.card.properties], np.abs(reference).max(axis=0))
        found = self.predict(self.card.reference["formulas"])
        deviation = float(np.abs((found - reference) / scales).max())
        if not deviation <= REFERENCE_TOLERANCE:
            raise SourceIntegrityError(
                f"Source {self.card.id} predicts otherwise than when it was made: largest deviation "
                f"{deviation:.2g} of a property's scale, expected at most {REFERENCE_TOLERANCE:g}."
            )
        return deviation

    def save(self, path):
        """Write the source to one safetensors file, atomically.

        The weights are stored in half precision and the card in the header. What is saved predicts
        what the loaded file predicts: the source's own weights are rounded first.

        Parameters
        ----------
        path : path-like
            File to write, by custom ending in ``.safetensors``.
        """
        with torch.no_grad():
            for parameter in self.network.parameters():
                parameter.copy_(parameter.half().float())
        formulas = self.card.reference.get("formulas", [])
        if formulas:
            reference = {"formulas": formulas, "predictions": self.predict(formulas).tolist()}
            self.card = dataclasses.replace(self.card, reference=reference)
        weights = {name: tensor.half() for name, tensor in self.network.state_dict().items()}
        write_tensors(path, weights, self.card.to_json())


def build_network(name, n_outputs, arguments):
    """Return a network by its name in a card, with random weights."""
    if name not in NETWORKS:
        raise SourceIntegrityError(f"Got network={name!r}, expected one of {sorted(NETWORKS)}.")
    return NETWORKS[name](n_outputs, **arguments)


def read_source(path, sha256=None):
    """Read a source file, checking its hash, its card and every tensor."""
    tensors, text = read_tensors(path, sha256)
    card = SourceCard.from_json(text)
    try:
        network = build_network(card.network["name"], len(card.properties), card.network["arguments"])
        representation = REPRESENTATIONS[card.network["name"]]
        network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except (KeyError, TypeError, RuntimeError) as error:
        raise SourceIntegrityError(f"Card and weights of {card.id} do not fit: {error}") from error
    wanted = {"name": representation.name, "version": representation.version}
    if card.representation != wanted:
        raise SourceIntegrityError(f"{card.id} reads {card.representation}, this sktl has {wanted}.")
    return Source(card, network)
