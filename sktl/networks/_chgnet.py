"""CHGNet: the energy of a crystal from gated convolutions over atoms, bonds and bond angles."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from sktl.exceptions import InputError
from sktl.networks._chgnet_blocks import GraphEmbedding, Interaction, Readout, Updates
from sktl.networks._graph import AtomState, mean_rows
from sktl.networks._scaled import ScaledNetwork

_EMBEDDING = {
    "atoms": "atom_embedding.embedding",
    "lengths": "bond_basis_expansion.rbf_expansion_ag",
    "short_lengths": "bond_basis_expansion.rbf_expansion_bg",
    "cosines": "angle_basis_expansion.fourier_expansion",
    "bonds": "bond_embedding",
    "weights": "bond_weights_ag",
    "angle_weights": "bond_weights_bg",
    "angles": "angle_embedding",
}
_LAYERS = {
    "atoms": "atom_conv_layers.{}.twoBody_atom",
    "bonds": "bond_conv_layers.{}.twoBody_bond",
    "angles": "angle_layers.{}.twoBody_bond",
    "atoms_out": "atom_conv_layers.{}.mlp_out.layers.1",
    "bonds_out": "bond_conv_layers.{}.mlp_out.layers.1",
}
_GATED = {
    "core": "mlp_core.layers.3",
    "gate": "mlp_gate.layers.3",
    "norm_core": "bn1",
    "norm_gate": "bn2",
}
_FIXED = {
    "update_bond": True,
    "update_angle": True,
    "mlp_first": True,
    "is_intensive": True,
    "non_linearity": "silu",
    "gMLP_norm": "layer",
    "readout_norm": "layer",
    "conv_norm": None,
}


class CHGNet(ScaledNetwork):
    """Map a crystal, seen as a graph of atoms, bonds and bond angles, to properties.

    An interaction block sums, for each atom, messages from its bonds and the atoms at their other
    ends; then, for each bond, messages from its angles, their other bonds and the atoms at their
    vertices; then it updates the angles from all of these. Both directions of a bond share one
    vector. Messages fade out smoothly, towards `cutoff` between atoms and towards `angle_cutoff`
    between bonds. The output does not depend on translation, rotation, the choice of unit cell, the
    order of atoms, bonds and angles, or the other crystals of a batch.

    The embedding has means over the atoms of a crystal: of their vectors after each interaction,
    the last of which is ``crystal_fea`` in the package chgnet; of the energy from the readout; and
    of the fixed reference energy of their elements, both in eV. The pretrained head adds the two
    energies and ignores the rest. A new head reads all of it. Layers closer to the energy contain
    less of other properties: a linear model of the last phonon frequency (640 crystals) has an
    error of 159 cm^-1 on the last vectors, and of 85 cm^-1 on those of all interactions. The
    hidden layers of the readout contain little but the energy. Columns differ in scale by orders of
    magnitude, so `scale_embedding` standardises them for a new head.

    Depth groups: ``embedding``, ``interaction1`` ..., ``readout``, ``head``.

    Parameters
    ----------
    n_outputs : int, default=1
        Number of outputs of the head.
    n_interactions : int, default=4
        Number of blocks, at least 2. The last updates only atoms, the one before no angles.
    hidden : int, default=64
        Width of atoms, bonds and angles. The embedding has so many columns for each block, and two
        more.
    n_readout : int, default=3
        Number of hidden layers between the atoms and their energy.
    n_distances : int, default=31
        Radial basis functions of the length of a bond, for each of the two cutoffs.
    n_angles : int, default=15
        Frequencies of the angle, each of a sine and a cosine.
    cutoff : float, default=6.0
        Length from which on a bond has no influence, Angstrom.
    angle_cutoff : float, default=3.0
        Length from which on a bond has no angles, Angstrom.
    exponent : int, default=8
        The larger, the later bonds fade out.
    n_elements : int, default=103
        Highest atomic number.

    See Also
    --------
    sktl.representations.CrystalGraphs : Makes the graphs, with ``mode="radius"``, ``cutoff`` and
        ``angle_cutoff`` as here. Longer bonds and further angles change nothing.

    Notes
    -----
    The network is that of the package chgnet (0.4.2), without the magnetic moments of the sites and
    a last update of the angles that nothing reads; `from_chgnet` loads its weights. The package
    refuses a crystal with an atom that has no bond, which it was not trained on; this network does
    not.

    References
    ----------
    Deng et al., Nat. Mach. Intell. 5, 1031 (2023), doi:10.1038/s42256-023-00716-3.

    Examples
    --------
    Two atoms, bound to each other and to nothing else:

    >>> network = CHGNet(2, n_interactions=2, hidden=8)
    >>> network.depth_groups
    ('embedding', 'interaction1', 'interaction2', 'readout', 'head')
    >>> network(
    ...     numbers=torch.tensor([11, 17]),
    ...     crystal=torch.tensor([0, 0]),
    ...     source=torch.tensor([0, 1]),
    ...     target=torch.tensor([1, 0]),
    ...     vectors=torch.tensor([[0.0, 0.0, 2.8], [0.0, 0.0, -2.8]]),
    ...     first=torch.tensor([], dtype=torch.int64),
    ...     second=torch.tensor([], dtype=torch.int64),
    ... ).shape
    torch.Size([1, 2])
    """

    def __init__(
        self,
        n_outputs: int = 1,
        *,
        n_interactions: int = 4,
        hidden: int = 64,
        n_readout: int = 3,
        n_distances: int = 31,
        n_angles: int = 15,
        cutoff: float = 6.0,
        angle_cutoff: float = 3.0,
        exponent: int = 8,
        n_elements: int = 103,
    ) -> None:
        super().__init__()
        _check_arguments(n_interactions, n_distances, n_angles, cutoff, angle_cutoff, exponent)
        bases = n_distances, n_angles, cutoff, angle_cutoff, exponent
        groups: dict[str, nn.Module] = {"embedding": GraphEmbedding(n_elements, hidden, *bases)}
        angles: list[Updates] = ["angles"]
        updates = [*(angles * (n_interactions - 2)), "bonds", "atoms"]
        for i, last in enumerate(updates, start=1):
            groups[f"interaction{i}"] = Interaction(hidden, last)
        groups["readout"] = Readout(hidden, n_readout, n_elements)
        self.body = nn.ModuleDict(groups)
        self.make_scale(n_interactions * hidden + 2)
        self.head = nn.Linear(self.embedding_size, n_outputs)

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
        """Yield the state after each group; the last is the embedding (n, embedding_size).

        Parameters
        ----------
        numbers : int tensor (n_atoms,)
            Atomic numbers of the atoms of all crystals of the batch.
        crystal : int tensor (n_atoms,)
            Crystal of each atom, 0 to n - 1; every crystal has an atom.
        source, target : int tensor (n_bonds,)
            Atoms at the two ends of each directed bond; bond ``n_bonds / 2 + i`` is the reverse of
            bond ``i``.
        vectors : float tensor (n_bonds, 3)
            From the source to the image of the target, Angstrom; none is zero.
        first, second : int tensor (n_angles,)
            Bonds i->j and j->k of each angle, which are not the reverse of each other; with them,
            the reverses k->j and j->i.
        cosines : float tensor (n_angles,), optional
            Of the angles; else they are those of `vectors`.
        atom_multiplicity, bond_multiplicity, angle_multiplicity : float tensors, optional
            Multiplicities where equivalent atoms, bonds and angles occur once, as in
            `sktl.representations.CrystalGraphs`: of atoms, of edges at one target, and of angles at
            one second edge.
        """
        pairs = first, second, cosines
        atoms, bonds, angles, graph = self.body["embedding"](
            numbers, source, target, vectors, *pairs, bond_multiplicity, angle_multiplicity
        )
        yield "embedding", (atoms, crystal, atom_multiplicity)
        means = []
        for name, block in self.body.items():
            if name.startswith("interaction"):
                atoms, bonds, angles = block(atoms, bonds, angles, graph)
                means.append(mean_rows(atoms, crystal, atom_multiplicity))
                yield name, (atoms, crystal, atom_multiplicity)
        energies = self.body["readout"](atoms, numbers, crystal, atom_multiplicity)
        yield "readout", self.scaled(torch.cat([*means, energies], dim=1))

    def summary(self, state: Tensor | AtomState) -> Tensor:
        """Return the mean over the atoms of each crystal, (n, width), for a state of `stages`."""
        return state if torch.is_tensor(state) else mean_rows(*state)

    @classmethod
    def from_chgnet(cls, weights: Mapping[str, Tensor], arguments: Mapping[str, Any]) -> Self:
        """Return the network that has the weights of a model of the package chgnet.

        Its output is the energy in eV/atom. Models 0.3.0 and r2scan can be taken over, 0.2.0
        cannot: it has no norms.

        Parameters
        ----------
        weights : dict of str to tensor
            ``state_dict`` of its model, with that of a linear model of the composition.
        arguments : dict
            ``model_args`` of its model.

        Raises
        ------
        InputError
            The weights or arguments are not those of such a model.
        """
        for key, wanted in _FIXED.items():
            if arguments.get(key, wanted) != wanted:
                raise InputError(
                    f"Got arguments of chgnet with {key}={arguments[key]!r}, expected {wanted!r}."
                )
        try:
            sizes = _sizes(weights, arguments)
            network = cls(1, **sizes)
            own = [name for name in network.state_dict() if name.startswith("body.")]
            sources = {name: _chgnet_names(name, sizes["n_readout"]) for name in own}
            tensors = {
                name: torch.cat([weights[each] for each in names])
                for name, names in sources.items()
            }
            network.load_state_dict(_completed(tensors, network.embedding_size))
        except (KeyError, RuntimeError) as error:
            raise InputError(f"Got weights that are not those of chgnet: {error}.") from error
        unread = rf"site_wise\.|angle_layers\.{sizes['n_interactions'] - 2}\."
        read = {each for names in sources.values() for each in names}
        others = sorted(name for name in set(weights) - read if not re.match(unread, name))
        if others:
            raise InputError(f"Got weights that this network does not have: {others}.")
        return network


def _check_arguments(
    n_interactions: int,
    n_distances: int,
    n_angles: int,
    cutoff: float,
    angle_cutoff: float,
    exponent: int,
) -> None:
    """Raise unless these arguments of `CHGNet` describe a network."""
    smallest = min(n_distances, n_angles, exponent)
    if n_interactions < 2 or smallest < 1 or not (cutoff > 0 and angle_cutoff > 0):
        raise InputError(
            f"Got n_interactions={n_interactions!r}, n_distances={n_distances!r}, "
            f"n_angles={n_angles!r}, cutoff={cutoff!r}, angle_cutoff={angle_cutoff!r}, "
            f"exponent={exponent!r}, expected at least two blocks, one radial basis function, one "
            "frequency of the angle and an exponent of 1, and positive cutoffs."
        )


def _sizes(weights: Mapping[str, Tensor], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of `CHGNet` that fit weights and arguments of the package chgnet."""
    n_elements, hidden = weights["atom_embedding.embedding.weight"].shape
    numbered = [name.split(".") for name in weights]
    readout = {step[2] for step in numbered if step[:2] == ["mlp", "layers"]}
    return {
        "n_interactions": len({step[1] for step in numbered if step[0] == "atom_conv_layers"}),
        "hidden": hidden,
        "n_readout": len(readout) - 1,
        "n_distances": len(weights[f"{_EMBEDDING['lengths']}.frequencies"]),
        "n_angles": len(weights[f"{_EMBEDDING['cosines']}.frequencies"]),
        "cutoff": arguments["atom_graph_cutoff"],
        "angle_cutoff": arguments["bond_graph_cutoff"],
        "exponent": arguments["cutoff_coeff"],
        "n_elements": n_elements,
    }


def _chgnet_names(name: str, n_readout: int) -> list[str]:
    """Return the names that the package chgnet has for the parts of a tensor of the body.

    Examples
    --------
    >>> _chgnet_names("body.interaction2.atoms.norm_gate.bias", 3)
    ['atom_conv_layers.1.twoBody_atom.bn2.bias']
    >>> _chgnet_names("body.readout.energy.6.weight", 3)
    ['mlp.layers.7.weight']
    """
    match name.split("."):
        case ["body", "embedding", part, kind]:
            return [f"{_EMBEDDING[part]}.{kind}"]
        case ["body", "readout", "reference"]:
            return ["composition_model.fc.weight"]
        case ["body", "readout", _, place, kind]:
            layer = int(place)
            return [f"mlp.layers.{layer if layer < 2 * n_readout else layer + 1}.{kind}"]
        case ["body", _, "norm", kind]:
            return [f"readout_norm.{kind}"]
        case ["body", group, part, *rest]:
            block = int(group.removeprefix("interaction")) - 1
            return _interaction_names(_LAYERS[part].format(block), part == "angles", *rest)
    raise KeyError(name)


def _interaction_names(
    layer: str, is_shallow: bool, part: str, kind: str | None = None
) -> list[str]:
    """Return the names of the parts of a tensor in a layer of the package chgnet."""
    if kind is None:
        return [f"{layer}.{part}"]
    if part == "inputs":
        place = 1 if is_shallow else 0
        return [f"{layer}.mlp_{which}.layers.{place}.{kind}" for which in ("core", "gate")]
    return [f"{layer}.{_GATED[part]}.{kind}"]


def _completed(tensors: dict[str, Tensor], width: int) -> dict[str, Tensor]:
    """Return tensors with a row for the atomic number 0 and a head that adds up the energies."""
    atoms, reference = "body.embedding.atoms.weight", "body.readout.reference"
    table = functional.pad(tensors[atoms], (0, 0, 1, 0))
    head = torch.zeros(1, width)
    head[:, -2:] = 1
    return tensors | {
        atoms: table,
        "center": torch.zeros(width),
        "scale": torch.ones(width),
        reference: functional.pad(tensors[reference].flatten(), (1, 0)),
        "head.weight": head,
        "head.bias": torch.zeros(1),
    }
