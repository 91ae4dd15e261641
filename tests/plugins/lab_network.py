"""A network of another package: a perceptron on the roots of elemental fractions."""

import numpy as np
from torch import nn

from sktl import Architecture
from sktl.networks import Network
from sktl.representations import ColumnRows, FormulaRepresentation


class RootFractions(FormulaRepresentation):
    """A composition as the square roots of 103 elemental fractions."""

    name, version = "lab-root-fractions", 1

    def encode(self, batch):
        """Return compositions as rows of columns."""
        return ColumnRows(np.sqrt(batch.to_dense(103)).astype(np.float32))


class Perceptron(Network):
    """Layers with dropout, and a linear head."""

    def __init__(self, n_outputs=1, *, width=16, n_layers=3):
        super().__init__()
        sizes = [103, *[width] * n_layers]
        self.body = nn.ModuleDict(
            {
                f"layer{i}": nn.Sequential(nn.Linear(*pair), nn.SiLU(), nn.Dropout(0.05))
                for i, pair in enumerate(zip(sizes[:-1], sizes[1:], strict=True), start=1)
            }
        )
        self.embedding_size = width
        self.head = nn.Linear(width, n_outputs)

    def stages(self, columns):
        """Yield the state after each layer."""
        state = columns
        for name, layer in self.body.items():
            state = layer(state)
            yield name, state


RECORD = Architecture(
    name="lab-perceptron",
    network=Perceptron,
    representation=RootFractions,
    title="Perceptron of the laboratory",
    references=(("Perceptron", "10.1037/h0042519"),),
    scratch_arguments={"n_layers": 2},
)
