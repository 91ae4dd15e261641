"""ElemNet: 17 fully connected layers on elemental fractions."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from sktl.networks._base import Network

_WIDTHS = (1024,) * 4 + (512,) * 3 + (256,) * 3 + (128,) * 3 + (64,) * 2 + (32,)
_DROPOUT_AFTER = {4: 0.2, 7: 0.1, 10: 0.3, 13: 0.2}


class ElemNet(Network):
    """Map numeric columns, such as elemental fractions, to properties through 17 layers.

    Sixteen fully connected layers of 1024 x 4, 512 x 3, 256 x 3, 128 x 3, 64 x 2 and 32 units
    with ReLU, dropout of 0.2, 0.1, 0.3 and 0.2 after the 4th, 7th, 10th and 13th, and a linear
    head.

    Depth groups: ``layer1`` ... ``layer16``, ``head``.

    Parameters
    ----------
    n_outputs : int, default=1
        Number of outputs of the head.
    n_inputs : int, default=103
        Number of input columns; 103 for elemental fractions of H to Lr.

    References
    ----------
    Jha et al., Sci. Rep. 8, 17593 (2018), doi:10.1038/s41598-018-35934-y.
    """

    def __init__(self, n_outputs: int = 1, *, n_inputs: int = 103) -> None:
        super().__init__()
        groups: dict[str, nn.Module] = {}
        for i, width in enumerate(_WIDTHS, start=1):
            linear = nn.Linear(n_inputs, width)
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
            nn.init.zeros_(linear.bias)
            layers: list[nn.Module] = [linear, nn.ReLU()]
            if i in _DROPOUT_AFTER:
                layers.append(nn.Dropout(_DROPOUT_AFTER[i]))
            groups[f"layer{i}"] = nn.Sequential(*layers)
            n_inputs = width
        self.body = nn.ModuleDict(groups)
        self.embedding_size = n_inputs
        self.head = nn.Linear(n_inputs, n_outputs)

    def stages(self, columns: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Yield the activations (n, width) after each layer for columns (n, n_inputs)."""
        state = columns
        for name, layer in self.body.items():
            state = layer(state)
            yield name, state
