"""ALIGNN: edge-gated convolutions over the atoms, bonds and bond angles of crystals."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn

from sktl.exceptions import InputError
from sktl.networks._base import Network
from sktl.networks._graph import (
    NORMS,
    AngleBlock,
    AtomState,
    EdgeGatedConvolution,
    ElementTable,
    Expansion,
    GraphEmbedding,
    dense_layer,
    mean_rows,
)

_PARTS = {
    "atoms": "node_update",
    "bonds": "edge_update",
    "gate_source": "src_gate",
    "gate_target": "dst_gate",
    "gate_edge": "edge_gate",
    "own": "src_update",
    "message": "dst_update",
    "norm_nodes": "bn_nodes",
    "norm_edges": "bn_edges",
}
_EXPANSIONS = {"bonds": "edge_embedding", "angles": "angle_embedding"}
_UNREAD = re.compile(
    r"^angle_embedding\.|^_species_table$|\.bn_edges\.|\.centers$|\.num_batches_tracked$"
)


class ALIGNN(Network):
    """Map a crystal, seen as a graph of atoms, bonds and bond angles, to properties.

    The atoms are joined by directed bonds, and in the line graph the bonds i->j and j->k are
    joined by the angle between them. An ALIGNN block convolves over the atoms, then over the bonds
    of the line graph; a GCN block over the atoms alone. The mean over the atoms of a crystal is
    its embedding, which a linear head maps to outputs. The output does not depend on rotation, on
    the order of atoms, bonds and angles or, in evaluation mode, on the other crystals of a batch.

    Depth groups: ``embedding``, ``alignn1`` ..., ``gcn1`` ..., ``head``.

    Parameters
    ----------
    n_outputs : int, default=1
        Number of outputs of the head.
    n_alignn : int, default=4
        Number of ALIGNN blocks; with 0, angles have no influence.
    n_gcn : int, default=4
        Number of GCN blocks.
    hidden : int, default=256
        Width of atoms, bonds and angles, which is the embedding size.
    expansion_width : int, default=64
        Width between `hidden` and the expansions of distances and angles.
    n_distances : int, default=80
        Radial basis functions of the distance, centred from 0 to `cutoff`.
    n_angles : int, default=40
        Radial basis functions of the cosine of the angle, centred from -1 to 1.
    cutoff : float, default=8.0
        Centre of the last radial basis function of the distance, Angstrom. A longer bond is no
        error, but the network sees ever less of its length.
    n_elements : int, default=103
        Highest atomic number.
    n_element_features : int or None, default=None
        None: each element has a learned vector. Otherwise the number of columns of a fixed table
        of element features, (n_elements + 1, n_element_features), which comes with the weights or
        by `set_element_table`. Until then it holds NaN, and so do all outputs.
    norm : {"layer", "batch"}, default="layer"
        Normalisation. With "batch" an output depends on the rest of the batch in training mode, in
        which equivalent atoms, bonds or angles that occur once count once.

    Notes
    -----
    The network is that of the package alignn; `from_alignn` loads its weights. These are the
    package's choices, kept because its weights depend on them: a radial basis function is
    exp(-(x - centre)^2 / spacing), in which the spacing is not squared; the gate of a bond is the
    sigmoid of its update before norm and residual; an ALIGNN block updates the bonds on the graph
    of the atoms first and on the line graph second. The package also computes a last update
    of the angles and a last update of the bonds that nothing reads: these are left out here.

    An atom receives the mean of its neighbours, weighted by the gates, and only atoms are pooled.
    If all neighbours have the same vector the weights do not matter: all crystals of one element
    have the same embedding, whatever their structure.

    References
    ----------
    Choudhary and DeCost, npj Comput. Mater. 7, 185 (2021), doi:10.1038/s41524-021-00650-1.

    Examples
    --------
    Two atoms, bound to each other and to nothing else:

    >>> network = ALIGNN(2, n_alignn=1, n_gcn=1, hidden=8)
    >>> network.depth_groups
    ('embedding', 'alignn1', 'gcn1', 'head')
    >>> network(
    ...     numbers=torch.tensor([11, 17]),
    ...     crystal=torch.tensor([0, 0]),
    ...     source=torch.tensor([0, 1]),
    ...     target=torch.tensor([1, 0]),
    ...     vectors=torch.tensor([[0.0, 0.0, 2.8], [0.0, 0.0, -2.8]]),
    ...     first=torch.tensor([0, 1]),
    ...     second=torch.tensor([1, 0]),
    ... ).shape
    torch.Size([1, 2])
    """

    def __init__(
        self,
        n_outputs: int = 1,
        *,
        n_alignn: int = 4,
        n_gcn: int = 4,
        hidden: int = 256,
        expansion_width: int = 64,
        n_distances: int = 80,
        n_angles: int = 40,
        cutoff: float = 8.0,
        n_elements: int = 103,
        n_element_features: int | None = None,
        norm: Literal["layer", "batch"] = "layer",
    ) -> None:
        super().__init__()
        _check_arguments(n_alignn, n_gcn, n_distances, n_angles, cutoff, norm)
        make_norm = NORMS[norm]
        atoms: list[nn.Module]
        if n_element_features is None:
            atoms = [nn.Embedding(n_elements + 1, hidden), make_norm(hidden), nn.SiLU()]
        else:
            table = ElementTable(n_elements, n_element_features)
            atoms = [table, *dense_layer(n_element_features, hidden, make_norm)]
        widths = expansion_width, hidden
        bonds = Expansion(0.0, cutoff, n_distances, *widths, make_norm)
        angles = Expansion(-1.0, 1.0, n_angles, *widths, make_norm) if n_alignn else None
        embedding = GraphEmbedding(nn.Sequential(*atoms), bonds, angles)
        groups: dict[str, nn.Module] = {"embedding": embedding}
        for i in range(1, n_alignn + 1):
            groups[f"alignn{i}"] = AngleBlock(hidden, make_norm, updates_angles=i < n_alignn)
        for i in range(1, n_gcn + 1):
            groups[f"gcn{i}"] = EdgeGatedConvolution(hidden, make_norm, updates_edges=i < n_gcn)
        self.body = nn.ModuleDict(groups)
        self.embedding_size = hidden
        self.head = nn.Linear(hidden, n_outputs)

    def stages(
        self,
        numbers: Tensor,
        crystal: Tensor,
        source: Tensor,
        target: Tensor,
        vectors: Tensor,
        first: Tensor,
        second: Tensor,
        cosines: Tensor | None = None,
        atom_multiplicity: Tensor | None = None,
        bond_multiplicity: Tensor | None = None,
        angle_multiplicity: Tensor | None = None,
    ) -> Iterator[tuple[str, Tensor | AtomState]]:
        """Yield the state after each group; the last is the embedding (n, hidden).

        Parameters
        ----------
        numbers : int tensor (n_atoms,)
            Atomic numbers of the atoms of all crystals of the batch.
        crystal : int tensor (n_atoms,)
            Crystal of each atom, 0 to n - 1; every crystal has an atom.
        source, target : int tensor (n_bonds,)
            Atoms at the two ends of each directed bond; both directions are there.
        vectors : float tensor (n_bonds, 3)
            From the source to the image of the target, Angstrom; none is zero.
        first, second : int tensor (n_angles,)
            Bonds i->j and j->k of each angle.
        cosines : float tensor (n_angles,), optional
            Of the angles; else they are those of `vectors`.
        atom_multiplicity, bond_multiplicity, angle_multiplicity : float tensors, optional
            Multiplicities where equivalent atoms, bonds and angles occur once, as in
            `sktl.representations.CrystalGraphs`: of atoms, of edges at one target, and of angles at
            one second edge.
        """
        atoms, bonds, angles = self.body["embedding"](numbers, vectors, first, second, cosines)
        ends, pairs = (source, target, bond_multiplicity), (first, second, angle_multiplicity)
        yield "embedding", (atoms, crystal, atom_multiplicity)
        for name, block in self.body.items():
            if name.startswith("alignn"):
                atoms, bonds, angles = block(atoms, bonds, angles, ends, pairs)
                yield name, (atoms, crystal, atom_multiplicity)
            elif name.startswith("gcn"):
                atoms, bonds = block(atoms, bonds, *ends)
                state = atoms, crystal, atom_multiplicity
                yield name, state if block.updates_edges else self.summary(state)

    def summary(self, state: Tensor | AtomState) -> Tensor:
        """Return the mean over the atoms of each crystal, (n, hidden), for a state of `stages`."""
        return state if torch.is_tensor(state) else mean_rows(*state)

    def set_element_table(self, table: Tensor) -> None:
        """Set the fixed table of element features.

        Parameters
        ----------
        table : float tensor (n_elements + 1, n_element_features)
            Features of each element in the row of its atomic number; row 0 is never read.

        Raises
        ------
        InputError
            The elements of this network have learned vectors, or the shape is another.
        """
        found = self.body.get_submodule("embedding.atoms.0")
        if not isinstance(found, ElementTable):
            raise InputError("Got an element table, but this network has n_element_features=None.")
        if table.shape != found.table.shape:
            raise InputError(
                f"Got an element table of shape {tuple(table.shape)}, expected "
                f"{tuple(found.table.shape)}."
            )
        found.table.copy_(table)

    @classmethod
    def from_alignn(cls, weights: Mapping[str, Tensor], element_table: Tensor) -> Self:
        """Return the network that has the weights of a model of the package alignn.

        Parameters
        ----------
        weights : dict of str to tensor
            State dict of its model ``ALIGNN``, which has batch norm, or ``ALIGNNAtomWisePure``,
            which has layer norm, with edge-gated convolutions and a single head. The package may
            apply a link function or a softmax to its output; this network does not.
        element_table : float tensor (n_elements + 1, n_element_features)
            Features of each element in the row of its atomic number, those that the model was
            trained on; the package's default are its "cgcnn" features, 92 columns.

        Raises
        ------
        InputError
            The weights are not those of such a model.
        """
        try:
            network = cls(**_sizes(weights), n_elements=len(element_table) - 1)
            own = network.state_dict()
            names = {name: _alignn_name(name) for name in own if not name.endswith(".table")}
            network.load_state_dict(own | {name: weights[names[name]] for name in names})
        except (KeyError, RuntimeError) as error:
            raise InputError(f"Got weights that are not those of alignn: {error}.") from error
        others = [name for name in set(weights) - set(names.values()) if not _UNREAD.search(name)]
        if others:
            raise InputError(f"Got weights that this network does not have: {sorted(others)}.")
        network.set_element_table(element_table)
        return network


def _check_arguments(
    n_alignn: int, n_gcn: int, n_distances: int, n_angles: int, cutoff: float, norm: str
) -> None:
    """Raise unless these arguments of `ALIGNN` describe a network."""
    if n_alignn < 0 or n_gcn < 1 or min(n_distances, n_angles) < 2 or not cutoff > 0:
        raise InputError(
            f"Got n_alignn={n_alignn!r}, n_gcn={n_gcn!r}, n_distances={n_distances!r}, "
            f"n_angles={n_angles!r}, cutoff={cutoff!r}, expected at least 0 ALIGNN blocks, one GCN "
            "block, two radial basis functions of each kind and a positive cutoff."
        )
    if norm not in NORMS:
        raise InputError(f"Got norm={norm!r}, expected one of {sorted(NORMS)}.")


def _sizes(weights: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return the arguments of `ALIGNN` that fit weights of the package alignn."""
    steps = [name.split(".") for name in weights]
    n_outputs, hidden = weights["fc.weight"].shape
    expansion_width, n_distances = weights["edge_embedding.1.layer.0.weight"].shape
    return {
        "n_outputs": n_outputs,
        "n_alignn": len({step[1] for step in steps if step[0] == "alignn_layers"}),
        "n_gcn": len({step[1] for step in steps if step[0] == "gcn_layers"}),
        "hidden": hidden,
        "expansion_width": expansion_width,
        "n_distances": n_distances,
        "n_angles": weights["angle_embedding.1.layer.0.weight"].shape[1],
        "cutoff": float(weights["edge_embedding.0.centers"][-1]),
        "n_element_features": weights["atom_embedding.layer.0.weight"].shape[1],
        "norm": "batch" if "atom_embedding.layer.1.running_mean" in weights else "layer",
    }


def _alignn_name(name: str) -> str:
    """Return the name that the package alignn has for a tensor of `ALIGNN`.

    Examples
    --------
    >>> _alignn_name("body.alignn2.bonds.gate_source.weight")
    'alignn_layers.1.edge_update.src_gate.weight'
    >>> _alignn_name("body.embedding.angles.layers.3.bias")
    'angle_embedding.2.layer.0.bias'
    """
    match name.split("."):
        case ["head", kind]:
            return f"fc.{kind}"
        case ["body", "embedding", "atoms", place, kind]:
            return f"atom_embedding.layer.{int(place) - 1}.{kind}"
        case ["body", "embedding", part, "layers", place, kind]:
            mlp, position = divmod(int(place), 3)
            return f"{_EXPANSIONS[part]}.{mlp + 1}.layer.{position}.{kind}"
        case ["body", group, *parts, kind]:
            block = group.rstrip("0123456789")
            layer = int(group.removeprefix(block)) - 1
            return ".".join([f"{block}_layers", str(layer), *map(_PARTS.__getitem__, parts), kind])
    raise KeyError(name)
