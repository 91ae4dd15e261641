"""Time embedding beside the package alignn.

    python benchmarks/agreement/alignn_speed.py STRUCTURES

From 1,000 crystals to their embedding, by the package's own graphs and its model of the published
size, and by ``CrystalGraphs`` and ``ALIGNN`` of that size; weights are random. Times are those of
the processor, on one thread and without gradients. The two take turns with one block of crystals
after the other. The package's batches have the size that is fastest for it on the first block; so
have sktl's, which it chooses by itself. Result: ``benchmarks/results/alignn_speed.json``.
"""

import argparse

import numpy as np
import torch
from _crystals import add_options, read_crystals, speed, timed, write_result
from alignn_agreement import BatchNormModel, LayerNormModel, package_atoms

from sktl.networks import ALIGNN
from sktl.representations import CrystalGraphs
from sktl.sources import run_rows

BAR = 2.0
BATCH_SIZES = (1, 2, 4, 8, 16, 64)
N_OUTPUTS = 3
# Each of the package's models with the graphs of sktl that are nearest to its own.
KINDS = {
    BatchNormModel: ("batch", {}),
    LayerNormModel: ("layer", {"angle_cutoff": 3.5}),
}


class Package:
    """The package's graphs and one of its models."""

    def __init__(self, kind):
        self.kind = kind()
        self.kind.model.eval()
        self.batch_size = 1

    def graphs(self, structures):
        """Return the package's graphs of structures."""
        return [self.kind.graph(atoms) for atoms in package_atoms(structures)]

    def embed(self, graphs):
        """Run the model on graphs."""
        starts = range(0, len(graphs), self.batch_size)
        with torch.no_grad():
            for start in starts:
                pair, _ = self.kind.batch(graphs[start : start + self.batch_size])
                self.kind.outputs(pair)

    def choose_batch_size(self, graphs):
        """Choose the batch size that is fastest for these graphs."""
        times = {}
        for self.batch_size in BATCH_SIZES:
            times[self.batch_size] = timed(self.embed, graphs)[1]
        self.batch_size = min(times, key=times.get)


class Own:
    """sktl's graphs and network."""

    def __init__(self, kind):
        norm, angles = KINDS[kind]
        self.network = ALIGNN(N_OUTPUTS, norm=norm, n_element_features=None).eval()
        self.encoder = CrystalGraphs(**angles)

    def graphs(self, structures):
        """Return sktl's graphs of structures."""
        return self.encoder.encode(structures)

    def embed(self, rows):
        """Return embeddings (n, 256)."""
        return run_rows(self.network.features, rows)


def compare(kind, blocks):
    """Return how fast one of the package's models and sktl's network are."""
    torch.manual_seed(0)
    own, package = Own(kind), Package(kind)
    package.choose_batch_size(package.graphs(blocks[0]))
    seconds = []
    for block in blocks:
        taken = []
        for each in (own, package):
            graphs, for_graphs = timed(each.graphs, block)
            taken.append((for_graphs, timed(each.embed, graphs)[1]))
        seconds.append(taken)
    return {
        "model": kind.name,
        "graphs": kind.graphs,
        "sktl_graphs": repr(KINDS[kind][1]),
        "package_batch_size": package.batch_size,
        "n_crystals": sum(map(len, blocks[1:])),
    } | speed(np.array(seconds[1:]), "alignn")  # the first block warms up


def main():
    """Time both kinds of models and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser, n=1000, max_atoms=40)
    parser.add_argument("--block", type=int, default=50, help="crystals between turns")
    options = parser.parse_args()
    torch.set_num_threads(1)
    structures = read_crystals(options.structures, options.n + options.block, options.max_atoms)
    starts = range(0, len(structures), options.block)
    blocks = [structures[start : start + options.block] for start in starts]
    models = [compare(kind, blocks) for kind in KINDS]
    lowest = min(model["package_over_sktl"]["both"] for model in models)
    result = {"models": models, "bar": BAR, "met": lowest >= BAR}
    write_result("alignn_speed", result, options, ("alignn", "dgl", "torch", "numpy"))


if __name__ == "__main__":
    main()
