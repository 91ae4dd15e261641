"""A pretrained network together with its representation and its card."""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path
from typing import Self

import numpy as np
import torch

from sktl._store import atomic_write
from sktl._types import FloatArray, MaterialsLike, PathLike, SingleArray
from sktl.exceptions import SourceIntegrityError, UnseenElementError
from sktl.networks import Network
from sktl.representations import SYMBOLS, Compositions, Crystals, Materials, Rows
from sktl.sources._architectures import find_architecture
from sktl.sources._card import SourceCard
from sktl.sources._checkpoint import pack_tensors, read_content, unpack_tensors
from sktl.sources._inference import run_rows
from sktl.sources._networks import network_from_tensors

REFERENCE_TOLERANCE = 1e-5


class Source:
    """A pretrained network with the representation that it reads and its card.

    A source is not changed once it is made, and is shared: `load_source` returns the same object
    for the same file. Its weights are half-precision numbers (held in single precision) unless
    asked otherwise, so that what is saved predicts exactly what is in memory.

    Parameters
    ----------
    card : SourceCard
        What the source is.
    network : Network
        The network with the weights; one output for each property of the card. The source takes it
        over: the weights are rounded to half precision and no longer train.
    sha256 : str, optional
        Hash of the file that it was read from.
    half : bool, default=True
        Whether the weights are rounded to half precision.

    Attributes
    ----------
    card : SourceCard
    network : Network
        In evaluation mode; `new_network` gives a copy that trains.
    representation : Representation
        Turns formulas or structures into what the network reads.
    sha256 : str or None
        Hash of the file; None if the source was never in one.
    half : bool

    Raises
    ------
    SourceIntegrityError
        A weight is not finite, or too large for half precision.

    See Also
    --------
    sktl.load_source : Load a source by its name or from a file.
    sktl.pretrain : Make one.

    Examples
    --------
    >>> from sktl import load_source
    >>> source = load_source("oqmd")
    >>> source.card.property_names[0]
    'oqmd_formation_enthalpy'
    >>> source.predict(["NaCl", "Fe2O3"]).shape
    (2, 4)
    """

    def __init__(
        self, card: SourceCard, network: Network, sha256: str | None = None, *, half: bool = True
    ) -> None:
        self.card = card
        self.half = half
        if half:
            _round_weights(network)
        self.network = network.eval().requires_grad_(False)
        self.representation = find_architecture(card.network["name"]).representation()
        self.sha256 = sha256

    def __repr__(self) -> str:
        return (
            f"Source({self.card.id!r}, {type(self.network).__name__}, {len(self.card.properties)} "
            f"properties, {len(self.card.elements)} elements)"
        )

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def new_network(self, n_outputs: int | None = None, rows: Rows | None = None) -> Network:
        """Return a trainable copy of the network.

        Parameters
        ----------
        n_outputs : int, optional
            Outputs of a new head of zeros; with 0 the network returns its embedding. The source's
            own head stays if not given.
        rows : Rows, optional
            Encoded rows that the new head will be trained on. The columns of an embedding that
            differ in scale are standardised by them.

        Returns
        -------
        Network
        """
        network = copy.deepcopy(self.network).requires_grad_(True)
        if n_outputs is not None:
            network.reset_head(n_outputs)
        if rows is not None and network.scales_embedding:
            network.scale_embedding(run_rows(network.features, rows))
        return network

    def read(self, materials: Materials | MaterialsLike) -> Compositions | Crystals:
        """Return materials as the representation reads them, before they are encoded.

        Parameters
        ----------
        materials : list, Series or array of str, Composition or Structure, length n
            As in `embed`.

        Returns
        -------
        Compositions or Crystals
            Of n rows.

        Raises
        ------
        FormulaError, StructureError
            A formula or a structure cannot be read.
        UnseenElementError
            A material holds an element that is not in the card.
        """
        known = Materials.read(materials)
        batch: Compositions | Crystals = self.representation.read(known)
        unseen = ~np.isin(batch.numbers, self.card.elements)
        if not unseen.any():
            return batch
        entry = int(unseen.argmax())
        rows = np.unique(batch.rows[unseen]).tolist()
        raise UnseenElementError(
            f"Got {SYMBOLS[batch.numbers[entry] - 1]} in "
            f"{known.name_row(int(batch.rows[entry]))}, expected elements that "
            f"{self.card.id} was trained on ({len(self.card.elements)} of them). Leave such rows "
            f"out: {len(rows)} of {len(batch)}.",
            rows=rows,
            elements=sorted({SYMBOLS[z - 1] for z in batch.numbers[unseen]}),
        )

    def embed(self, materials: Materials | MaterialsLike) -> SingleArray:
        """Return the embedding of materials.

        Parameters
        ----------
        materials : list, Series or array of str, Composition or Structure, length n
            What to embed. Of structures only the composition counts where the representation
            reads formulas.

        Returns
        -------
        float32 array (n, embedding_size)

        Raises
        ------
        FormulaError, StructureError
            A formula or a structure cannot be read.
        UnseenElementError
            A material holds an element that is not in the card.
        """
        return run_rows(self.network.features, self._encode(materials))

    def predict(self, materials: Materials | MaterialsLike) -> FloatArray:
        """Return the source's own predictions.

        Parameters
        ----------
        materials : list, Series or array of str, Composition or Structure, length n
            What to predict for.

        Returns
        -------
        float64 array (n, n_properties)
            In the order and the units of ``card.properties``.

        Raises
        ------
        FormulaError, StructureError
            A formula or a structure cannot be read.
        UnseenElementError
            A material holds an element that is not in the card.
        SourceIntegrityError
            A prediction is no finite number.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            said = self.card.to_units(run_rows(self.network, self._encode(materials)))
        bad = np.flatnonzero(~np.isfinite(said).all(axis=1))
        if len(bad):
            raise SourceIntegrityError(
                f"The source {self.card.id} predicts {said[bad[0]]} for row {bad[0]}, expected "
                "finite numbers: it is damaged, do not use it."
            )
        return said

    def verify(self) -> float:
        """Compare predictions with the card's reference predictions.

        Returns
        -------
        float
            Largest deviation, as a fraction of each property's scale.

        Raises
        ------
        SourceIntegrityError
            The deviation is above 1e-5: this installation computes something else. Or the card has
            no reference predictions.
        """
        reference = np.asarray(self.card.reference.get("predictions", []))
        if not reference.size:
            raise SourceIntegrityError(f"The card of {self.card.id} has no reference predictions.")
        scales = np.maximum(
            [item.scale for item in self.card.properties], np.abs(reference).max(axis=0)
        )
        found = self._reference_predictions()
        deviation = float(np.abs((found - reference) / scales).max())
        if not deviation <= REFERENCE_TOLERANCE:
            raise SourceIntegrityError(
                f"Source {self.card.id} predicts otherwise than when it was made: got a deviation "
                f"of {deviation:.2g} of a property's scale, expected at most "
                f"{REFERENCE_TOLERANCE:g}."
            )
        return deviation

    def save(self, path: PathLike) -> None:
        """Write the source to one safetensors file, atomically.

        The weights are stored in their precision, the card in the header. What is read back
        predicts exactly what this source predicts.

        Parameters
        ----------
        path : path-like
            File to write, by custom ending in ``.safetensors``.
        """
        atomic_write(path, self.to_bytes())

    def to_bytes(self) -> bytes:
        """Return the content of the file that `save` writes, always the same bytes."""
        text = self.card.to_json()
        SourceCard.from_json(text)
        weights = self.network.state_dict()
        if self.half:
            weights = {name: tensor.half() for name, tensor in weights.items()}
        return pack_tensors(weights, text)

    def _encode(self, materials: Materials | MaterialsLike) -> Rows:
        """Return materials as rows of the representation."""
        return self.representation.encode(self.read(materials))

    def _reference_predictions(self) -> FloatArray:
        batch = self.representation.read_reference(self.card.reference[self.representation.reads])
        return self.card.to_units(run_rows(self.network, self.representation.encode(batch)))


def _round_weights(network: Network) -> None:
    """Round the weights to half precision in place."""
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            rounded = tensor.half().float()
            if not torch.isfinite(rounded).all():
                raise SourceIntegrityError(
                    f"Got {name} with weights that are not finite in half precision."
                )
            tensor.copy_(rounded)


def read_source(path: PathLike, sha256: str | None = None) -> Source:
    """Read a source file, checking its hash, its card and every tensor.

    Parameters
    ----------
    path : path-like
        The file.
    sha256 : str, optional
        Hash of the whole file, compared before anything is parsed.

    Returns
    -------
    Source

    Raises
    ------
    SourceIntegrityError
        The file is not a whole source, or not the one that the hash promises.
    """
    return source_from_bytes(read_content(path, sha256), Path(path).name)


def source_from_bytes(content: bytes, name: str) -> Source:
    """Return the source that is the content of a file; `name` stands in messages.

    Raises
    ------
    SourceIntegrityError
        As in `read_source`.
    """
    tensors, text = unpack_tensors(content, name)
    card = SourceCard.from_json(text)
    kind = card.network["name"]
    network = network_from_tensors(kind, len(card.properties), card.network["arguments"], tensors)
    representation = find_architecture(kind).representation
    wanted = {"name": representation.name, "version": representation.version}
    if card.representation != wanted:
        raise SourceIntegrityError(
            f"Got representation={card.representation} for {card.id}, this sktl has {wanted}."
        )
    half = all(tensor.dtype == torch.float16 for tensor in tensors.values())
    return Source(card, network, hashlib.sha256(content).hexdigest(), half=half)
