"""Set ``CHGNet`` beside the package chgnet.

    python benchmarks/agreement/chgnet_agreement.py STRUCTURES

Both get the weights of model 0.3.0, which the package brings, and the same crystals, of which each
makes its own graphs. The largest deviations of energies and crystal features, and the times that
each takes for graphs and network, go to ``benchmarks/results/chgnet_agreement.json``.

Times are those of the processor, on one thread and without gradients. The two take turns with one
block of crystals after the other. STRUCTURES is a parquet file with the columns lattice (nine
numbers, Angstrom), species, frac_coords and struct_hash.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from _crystals import add_options, read_crystals, speed, timed, write_result

from sktl.networks import CHGNet
from sktl.representations import ChgnetGraphs
from sktl.sources import run_rows

try:
    import chgnet
    from chgnet.model import CHGNet as PackageCHGNet
except ImportError as error:
    raise SystemExit(
        f"{error}. Install the package to compare with, in an environment of its own: "
        "pip install -c constraints.txt chgnet==0.4.2 pyarrow, and sktl."
    ) from error

WEIGHTS = Path(chgnet.__file__).parent / "pretrained/0.3.0/chgnet_0.3.0_e29f68s314m37.pth.tar"
WIDTH = 64  # of the vector of an atom
BARS = {"energy_ev_per_atom": 1e-4, "embedding": 1e-4, "package_over_sktl": 1.0}


class Package:
    """The package's graphs and network."""

    def __init__(self, model):
        self.model = PackageCHGNet.from_dict(model).eval()

    def graphs(self, structures):
        """Return the package's graphs of structures."""
        return [self.model.graph_converter(each) for each in structures]

    def results(self, graphs, batch_size):
        """Return energies (n,) in eV/atom and mean vectors of the atoms (n, 64)."""
        with torch.no_grad():
            found = self.model.predict_graph(
                graphs, task="e", return_crystal_feas=True, batch_size=batch_size
            )
        sums = np.array([each["crystal_fea"] for each in found])
        n_atoms = np.array([len(each.atomic_number) for each in graphs])
        return np.array([float(each["e"]) for each in found]), sums / n_atoms[:, None]

    def counts(self, graphs):
        """Return the numbers of directed bonds and of angles, (n, 2)."""
        return np.array([(len(each.atom_graph), len(each.bond_graph)) for each in graphs])


class Own:
    """sktl's graphs and network."""

    def __init__(self, model):
        self.network = CHGNet.from_chgnet(model["state_dict"], model["model_args"]).eval()

    def graphs(self, structures):
        """Return sktl's graphs of structures."""
        self.structures = structures
        return ChgnetGraphs().encode(structures)

    def results(self, rows, batch_size):
        """Return energies (n,) in eV/atom and mean vectors of the atoms (n, 64)."""
        features = run_rows(self.network.features, rows, batch_size=batch_size)
        with torch.no_grad():
            energies = self.network.head(torch.as_tensor(features))
        return energies[:, 0].numpy(), features[:, -2 - WIDTH : -2]  # of the last interaction

    def counts(self, graphs):
        """Return the numbers of directed bonds and of angles, (n, 2), of the last crystals."""
        rows = ChgnetGraphs(merged=False).encode(self.structures)
        batches = [rows[[row]] for row in range(len(rows))]
        return np.array([(len(each["source"]), len(each["first"])) for each in batches])


def compare(own, package, structures, batch_size):
    """Return the deviations and the times of one block of crystals.

    Returns
    -------
    dict
        Of ``energies`` (n, 2), ``vectors`` (n, 2, 64), ``counts`` (n, 2, 2) and ``seconds``
        (2, 2), of sktl first and the package second; seconds for graphs and for the network.
    """
    found = {"energies": [], "vectors": [], "counts": [], "seconds": []}
    for each in (own, package):
        graphs, for_graphs = timed(each.graphs, structures)
        (energies, vectors), for_network = timed(each.results, graphs, batch_size)
        found["energies"].append(energies)
        found["vectors"].append(vectors)
        found["counts"].append(each.counts(graphs))
        found["seconds"].append((for_graphs, for_network))
    seconds = np.array(found.pop("seconds"))
    return {key: np.stack(parts, axis=1) for key, parts in found.items()} | {"seconds": seconds}


def summary(blocks):
    """Return deviations, counts and ratios of times over all blocks."""
    energies, vectors, counts = (
        np.concatenate([block[key] for block in blocks])
        for key in ("energies", "vectors", "counts")
    )
    return {
        "largest_deviation": {
            "energy_ev_per_atom": float(np.abs(np.diff(energies, axis=1)).max()),
            "embedding": float(np.abs(np.diff(vectors, axis=1)).max()),
        },
        "standard_deviation": {
            "energy_ev_per_atom": float(energies[:, 1].std()),
            "embedding_largest_column": float(vectors[:, 1].std(axis=0).max()),
        },
        "n_crystals_with_other_graphs": int((counts[:, 0] != counts[:, 1]).any(axis=1).sum()),
        "n": dict(zip(("bonds", "angles"), counts[:, 0].sum(axis=0).tolist(), strict=True))
        | {"crystals": len(energies)},
    } | speed(np.array([block["seconds"] for block in blocks]), "chgnet")


def main():
    """Compare both on blocks of crystals and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser, n=1000, max_atoms=40)
    parser.add_argument("--batch-size", type=int, default=16, help="crystals at a time")
    parser.add_argument("--block", type=int, default=50, help="crystals between turns")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = torch.load(WEIGHTS, map_location="cpu", weights_only=True)["model"]
    both = Own(model), Package(model)
    structures = read_crystals(options.structures, options.n + options.block, options.max_atoms)
    starts = range(0, len(structures), options.block)
    blocks = [structures[start : start + options.block] for start in starts]
    found = [compare(*both, block, options.batch_size) for block in blocks]
    result = summary(found[1:])  # the first block warms up
    largest, ratios = result["largest_deviation"], result["package_over_sktl"]
    result |= {
        "bars": BARS,
        "met": all(largest[key] <= BARS[key] for key in largest)
        and min(ratios.values()) >= BARS["package_over_sktl"],
        "model": "0.3.0",
    }
    packages = "chgnet", "torch", "numpy", "pymatgen"
    write_result("chgnet_agreement", result, options, packages)


if __name__ == "__main__":
    main()
