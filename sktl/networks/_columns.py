"""ColumnNet: a residual network on numeric columns."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from sktl.networks._base import Network
from sktl.networks._blocks import ResidualBlock


class ColumnNet(Network):
    """Map standardised numeric columns, such as physical attributes, to outputs.

    The trunk of `CompositionNet` behind one linear layer. Depth groups: ``input``, ``trunk1`` ...,
    ``head``.

    Parameters
    ----------
    n_outputs : int, default=1
        Number of outputs of the head.
    n_inputs : int
        Number of input columns.
    width : int, default=256
        Width of the trunk, which is the embedding size.
    n_trunk : int, default=3
        Number of residual blocks.
    dropout : float, default=0.0
        Dropout inside the residual blocks.
    """

    def __init__(
        self,
        n_outputs: int = 1,
        *,
        n_inputs: int,
        width: int = 256,
        n_trunk: int = 3,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.embedding_size = width
        groups: dict[str, nn.Module] = {"input": nn.Linear(n_inputs, width)}
        groups |= {f"trunk{i + 1}": ResidualBlock(width, width, dropout) for i in range(n_trunk)}
        self.body = nn.ModuleDict(groups)
        self.head = nn.Linear(width, n_outputs)

    def stages(self, columns: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Yield the state (n, width) after each group for columns (n, n_inputs)."""
        state = columns
        for name, layer in self.body.items():
            state = layer(state)
            yield name, state
