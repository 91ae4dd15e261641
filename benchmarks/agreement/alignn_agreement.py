"""Set ``ALIGNN`` beside the package alignn.

    python benchmarks/agreement/alignn_agreement.py STRUCTURES

Both get the same random weights and the same graphs of 100 crystals, which the package's own
routines make. The largest deviation of the outputs and the ratio of the times of a forward and
backward pass, measured in turns, go to ``benchmarks/results/alignn_agreement.json``.

STRUCTURES is a parquet file with the columns lattice (nine numbers, Angstrom), species, frac_coords
and struct_hash. The package has two kinds of models: one with batch norm on graphs of DGL, of up to
the twelfth neighbour, and one with layer norm on graphs of its own, of bonds up to 5 Angstrom.
"""

import argparse
import os
import statistics
import time

import torch
from _crystals import add_options, read_crystals, write_result

from sktl.networks import ALIGNN

os.environ.setdefault("DGLBACKEND", "pytorch")
try:
    import dgl
    from alignn.graphs import Graph
    from alignn.models import alignn as with_batch_norm
    from alignn.models import alignn_atomwise_pure as with_layer_norm
    from alignn.torch_graph_builder import batch_torch_graph_pairs, build_pure_torch_graph
    from jarvis.core.atoms import Atoms
except ImportError as error:
    raise SystemExit(
        f"{error}. Install the packages to compare with, in an environment of their own: "
        "pip install alignn==2026.8.11 dgl==1.1.3 pyarrow, and sktl."
    ) from error

BAR = 1e-4
N_OUTPUTS = 3
SIZES = {"hidden_features": 256, "alignn_layers": 4, "gcn_layers": 4, "atom_input_features": 92}


class BatchNormModel:
    """The package's class ALIGNN, on graphs of DGL."""

    name = "alignn.models.alignn.ALIGNN"
    graphs = "Graph.atom_dgl_multigraph(cutoff=8, max_neighbors=12)"

    def __init__(self):
        config = with_batch_norm.ALIGNNConfig(name="alignn", output_features=N_OUTPUTS, **SIZES)
        self.model = with_batch_norm.ALIGNN(config)

    def graph(self, atoms):
        """Return bonds and angles of a crystal."""
        return Graph.atom_dgl_multigraph(atoms, cutoff=8.0, max_neighbors=12)

    def batch(self, graphs):
        """Return the graphs of several crystals as one pair, and as arrays."""
        bonds, angles = (dgl.batch(list(part)) for part in zip(*graphs, strict=True))
        edges = *bonds.edges(), *angles.edges()
        return (bonds, angles), (bonds.batch_num_nodes(), *edges, bonds.edata["r"])

    def outputs(self, pair):
        """Return the outputs, (n, N_OUTPUTS)."""
        return self.model((*pair, None)).reshape(-1, N_OUTPUTS)


class LayerNormModel:
    """The package's class ALIGNNAtomWisePure, on graphs of the package."""

    name = "alignn.models.alignn_atomwise_pure.ALIGNNAtomWisePure"
    graphs = "build_pure_torch_graph(two_body_cutoff=5, three_body_cutoff=3.5, max_neighbors=12)"

    def __init__(self):
        config = with_layer_norm.ALIGNNAtomWisePureConfig(
            name="alignn_atomwise_pure",
            output_features=N_OUTPUTS,
            calculate_gradient=False,
            energy_mult_natoms=False,
            **SIZES,
        )
        self.model = with_layer_norm.ALIGNNAtomWisePure(config)

    def graph(self, atoms):
        """Return bonds and angles of a crystal."""
        return build_pure_torch_graph(
            atoms, two_body_cutoff=5.0, three_body_cutoff=3.5, max_neighbors=12
        )

    def batch(self, graphs):
        """Return the graphs of several crystals as one pair, and as arrays."""
        bonds, angles = batch_torch_graph_pairs(graphs)
        edges = bonds.src, bonds.dst, angles.src, angles.dst
        return (bonds, angles), (bonds.batch_num_nodes, *edges, bonds.edata["r"])

    def outputs(self, pair):
        """Return the outputs, (n, N_OUTPUTS)."""
        return self.model((*pair, None))["out"].reshape(-1, N_OUTPUTS)


def package_atoms(structures):
    """Return crystals as the package reads them."""
    return [
        Atoms(
            lattice_mat=structure.lattice.matrix,
            coords=structure.frac_coords,
            elements=[site.specie.symbol for site in structure],
            cartesian=False,
        )
        for structure in structures
    ]


def randomise(model):
    """Draw the normalisations too, which are 1 and 0 in a new model."""
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name.endswith("running_var") or (name.endswith("weight") and tensor.ndim == 1):
                tensor.uniform_(0.5, 1.5)
            elif name.endswith(("bias", "running_mean")):
                tensor.normal_(std=0.2)


def arrays(atoms, parts):
    """Return what sktl's network takes."""
    counts, source, target, first, second, vectors = parts
    numbers = [number for each in atoms for number in each.atomic_numbers]
    return {
        "numbers": torch.tensor(numbers),
        "crystal": torch.arange(len(counts)).repeat_interleave(counts),
        "source": source.long(),
        "target": target.long(),
        "vectors": vectors.detach(),
        "first": first.long(),
        "second": second.long(),
    }


def element_table(batches):
    """Return the package's features of the elements, read off its graphs."""
    table = torch.zeros(104, SIZES["atom_input_features"])
    for (bonds, _), inputs in batches:
        table[inputs["numbers"]] = bonds.ndata["atom_features"]
    return table


def seconds(outputs, model, inputs):
    """Return the time of a forward and backward pass."""
    model.zero_grad()
    start = time.perf_counter()
    outputs(inputs).square().sum().backward()
    return time.perf_counter() - start


def gradient_deviation(ours, theirs):
    """Return by how much the gradients of the first layer differ, over the largest of them.

    They are those of the batch that was timed last, in training mode.
    """
    found = ours.body["embedding"].atoms[1].weight.grad
    expected = theirs.atom_embedding.layer[0].weight.grad
    return float((found - expected).abs().max() / expected.abs().max())


def compare(kind, atoms, size, n_timed, repeats):
    """Return how one of the package's models and sktl's network agree, and their times."""
    torch.manual_seed(0)
    theirs = kind()
    randomise(theirs.model)
    batches = []
    for start in range(0, len(atoms), size):
        chosen = atoms[start : start + size]
        pair, parts = theirs.batch([theirs.graph(each) for each in chosen])
        batches.append((pair, arrays(chosen, parts)))
    ours = ALIGNN.from_alignn(theirs.model.state_dict(), element_table(batches))
    theirs.model.eval()
    ours.eval()
    with torch.no_grad():
        expected = torch.cat([theirs.outputs(pair) for pair, _ in batches])
        found = torch.cat([ours(**inputs) for _, inputs in batches])
    theirs.model.train()
    ours.train()
    times = [
        (
            seconds(lambda inputs: ours(**inputs), ours, inputs),
            seconds(theirs.outputs, theirs.model, pair),
        )
        for _ in range(repeats + 1)
        for pair, inputs in batches[:n_timed]
    ][n_timed:]
    counted = {"atoms": "numbers", "bonds": "source", "angles": "first"}
    return {
        "model": kind.name,
        "graphs": kind.graphs,
        "n": {key: sum(len(i[name]) for _, i in batches) for key, name in counted.items()},
        "n_parameters": sum(p.numel() for p in ours.parameters()),
        "largest_deviation": float((found - expected).abs().max()),
        "relative_gradient_deviation": gradient_deviation(ours, theirs.model),
        "standard_deviation_of_outputs": expected.std(dim=0).tolist(),
        "seconds": {
            who: statistics.median(column)
            for who, column in zip(("sktl", "alignn"), zip(*times, strict=True), strict=True)
        },
        "time_over_alignn": statistics.median(own / other for own, other in times),
    }


def main():
    """Compare both kinds of models and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser, n=100, max_atoms=20)
    parser.add_argument("--batch-size", type=int, default=10, help="crystals at a time")
    parser.add_argument("--timed", type=int, default=2, help="number of batches to time")
    parser.add_argument("--repeats", type=int, default=3, help="timings of each")
    options = parser.parse_args()
    atoms = package_atoms(read_crystals(options.structures, options.n, options.max_atoms))
    timing = options.batch_size, options.timed, options.repeats
    models = [compare(kind, atoms, *timing) for kind in (BatchNormModel, LayerNormModel)]
    largest = max(model["largest_deviation"] for model in models)
    result = {
        "models": models,
        "largest_deviation": largest,
        "bar": f"at most {BAR}",
        "met": largest <= BAR,
    }
    write_result("alignn_agreement", result, options, ("alignn", "dgl", "torch", "numpy"))


if __name__ == "__main__":
    main()
