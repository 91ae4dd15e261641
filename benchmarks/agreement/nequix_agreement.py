"""Set ``Nequix`` beside the package nequix, in torch.

    python benchmarks/agreement/nequix_agreement.py STRUCTURES MODEL

Both get the weights of nequix-mp-1 (MODEL, the publisher's file ``nequix-mp-1.nqx``), and the same
crystals, of which each makes its own graphs. The largest deviations of energies and forces, and
the times that each takes for graphs and network, go to
``benchmarks/results/nequix_agreement.json``, with those of CHGNet in sktl on the same crystals.

Forces are compared on the first ``--forces`` crystals. Times are those of the processor, on one
thread and without gradients: what an embedding takes. The networks take turns with one block of
crystals after the other. STRUCTURES is a parquet file with the columns lattice (nine numbers,
Angstrom), species, frac_coords and struct_hash.
"""

import argparse

import numpy as np
import torch
from _crystals import add_options, read_crystals, speed, timed, write_result

from sktl import load_source
from sktl.representations import ChgnetGraphs, NequixGraphs
from sktl.sources import run_rows

try:
    import ase
    from nequix.data import (
        atomic_numbers_to_indices,
        dict_to_pytorch_geometric,
        preprocess_graph,
    )
    from nequix.model import load_model
    from nequix.torch_impl.utils import convert_model_jax_to_torch
except ImportError as error:
    raise SystemExit(
        f"{error}. Install the package to compare with, in an environment of its own: "
        "pip install -c constraints.txt nequix[torch]==0.4.5 pyarrow, and sktl[structures]."
    ) from error

BARS = {"energy_ev_per_atom": 1e-5, "force_ev_per_angstrom": 1e-4, "package_over_sktl": 2.5}


class Package:
    """The package's graphs and network, in torch."""

    def __init__(self, path):
        model, self.settings = load_model(path)
        self.network = convert_model_jax_to_torch(model, self.settings, False)[0].eval()
        self.indices = atomic_numbers_to_indices(self.settings["atomic_numbers"])

    def graphs(self, structures):
        """Return the package's graphs of structures."""
        return [self._graph(each) for each in structures]

    def results(self, graphs):
        """Return energies (n,) in eV/atom."""
        with torch.inference_mode():
            return np.array([self._energy(each) for each in graphs])

    def forces(self, graph):
        """Return forces (n_atoms, 3) in eV/Angstrom."""
        crystal = torch.zeros(len(graph.x), dtype=torch.int64)
        _, forces, _ = self.network(
            *(graph.x, graph.positions, graph.edge_attr, graph.edge_index, graph.cell),
            *(graph.n_node, graph.n_edge, crystal),
        )
        return forces.detach().numpy()

    def _graph(self, structure):
        atoms = ase.Atoms(
            numbers=structure.atomic_numbers,
            cell=structure.lattice.matrix,
            scaled_positions=structure.frac_coords,
            pbc=True,
        )
        made = preprocess_graph(atoms, self.indices, self.settings["cutoff"], False)
        return dict_to_pytorch_geometric(made)

    def _energy(self, graph):
        first, second = graph.edge_index
        vectors = graph.positions[first] - graph.positions[second] + graph.edge_attr @ graph.cell[0]
        return float(self.network.node_energies(vectors, graph.x, first, second).mean())


class Own:
    """sktl's graphs and a network of a source."""

    def __init__(self, source, graphs):
        self.network = load_source(source).network
        self.representation = graphs

    def graphs(self, structures):
        """Return sktl's graphs of structures."""
        return self.representation.encode(structures)

    def results(self, rows):
        """Return energies (n,) in eV/atom."""
        features = run_rows(self.network.features, rows)
        with torch.no_grad():
            return self.network.head(torch.as_tensor(features))[:, 0].numpy()

    def forces(self, structure):
        """Return forces (n_atoms, 3) in eV/Angstrom."""
        rows = type(self.representation)(merged=False).encode([structure])
        batch = {name: torch.as_tensor(part) for name, part in rows[[0]].items()}
        shifts = torch.zeros(len(structure), 3, requires_grad=True)
        vectors = batch["vectors"] + shifts[batch["target"]] - shifts[batch["source"]]
        energy = self.network(**(batch | {"vectors": vectors})).sum() * len(structure)
        (gradient,) = torch.autograd.grad(energy, shifts)
        return -gradient.numpy()


def compare(members, structures):
    """Return energies (n, members) and seconds (members, 2) for graphs and network of a block."""
    energies, seconds = [], []
    for each in members:
        graphs, for_graphs = timed(each.graphs, structures)
        found, for_network = timed(each.results, graphs)
        energies.append(found)
        seconds.append((for_graphs, for_network))
    return np.stack(energies, axis=1), np.array(seconds)


def summary(energies, seconds, forces):
    """Return deviations and ratios of times; columns are sktl, the package, CHGNet in sktl."""
    both = speed(seconds[:, [0, 1]], "nequix")
    total = seconds.sum(axis=(0, 2))
    largest = {
        "energy_ev_per_atom": float(np.abs(energies[:, 0] - energies[:, 1]).max()),
        "force_ev_per_angstrom": float(max(np.abs(own - other).max() for own, other in forces)),
    }
    met = all(largest[key] <= BARS[key] for key in largest)
    return {
        "largest_deviation": largest,
        "standard_deviation": {"energy_ev_per_atom": float(energies[:, 1].std())},
        "n": {"crystals": len(energies), "crystals_with_forces": len(forces)},
        "sktl_over_chgnet_in_sktl": float(total[0] / total[2]),
        "cpu_seconds_chgnet_in_sktl": float(total[2].round(3)),
        "bars": BARS,
        "met": met and both["package_over_sktl"]["both"] >= BARS["package_over_sktl"],
        "model": "nequix-mp-1",
    } | both


def main():
    """Compare all on blocks of crystals and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser, n=1000, max_atoms=40)
    parser.add_argument("model", help="the publisher's file nequix-mp-1.nqx")
    parser.add_argument("--forces", type=int, default=100, help="crystals to compare forces of")
    parser.add_argument("--block", type=int, default=25, help="crystals between turns")
    options = parser.parse_args()
    torch.set_num_threads(1)
    package, own = Package(options.model), Own("nequix-mp", NequixGraphs())
    members = own, package, Own("chgnet", ChgnetGraphs())
    known = set(package.indices)
    structures = [
        each
        for each in read_crystals(options.structures, 2 * options.n, options.max_atoms)
        if set(each.atomic_numbers) <= known
    ][: options.n + options.block]
    blocks = [
        structures[start : start + options.block]
        for start in range(0, len(structures), options.block)
    ]
    found = [compare(members, block) for block in blocks][1:]  # the first block warms up
    compared = structures[options.block :][: options.forces]
    forces = [(own.forces(s), package.forces(package.graphs([s])[0])) for s in compared]
    energies, seconds = map(list, zip(*found, strict=True))
    result = summary(np.concatenate(energies), np.array(seconds), forces)
    del options.model
    write_result("nequix_agreement", result, options, ("nequix", "e3nn", "torch", "numpy"))


if __name__ == "__main__":
    main()
