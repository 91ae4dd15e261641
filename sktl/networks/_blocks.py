"""Building blocks that several networks share."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class ResidualBlock(nn.Module):
    """Add two linear layers of the normalised input to the input: x + W2 silu(W1 norm(x)).

    Parameters
    ----------
    width : int
        Width of input and output.
    hidden : int
        Width between the two layers.
    dropout : float
        Share of hidden activations dropped in training.
    """

    def __init__(self, width: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, hidden)
        self.narrow = nn.Linear(hidden, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., width) to (..., width)."""
        return x + self.narrow(self.dropout(functional.silu(self.widen(self.norm(x)))))


class SetAttention(nn.Module):
    """Let the members of a weighted set exchange information, then pass a residual block each.

    The logarithm of a member's weight is added to the attention logits, so that the softmax is
    weighted by the amounts: a member whose weight goes to zero vanishes, and a member of weight
    zero is padding.

    Parameters
    ----------
    width : int
        Width of a token.
    n_heads : int
        Number of attention heads; divides `width`.
    hidden : int
        Width of the residual block that follows the attention.
    dropout : float
        Share of hidden activations dropped in training.
    """

    def __init__(self, width: int, n_heads: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.merge = nn.Linear(width, width)
        self.residual = ResidualBlock(width, hidden, dropout)

    def forward(self, tokens: Tensor, log_weights: Tensor) -> Tensor:
        """Map tokens (n, k, width) with log weights (n, k) to (n, k, width)."""
        n, k, width = tokens.shape
        parts = self.query_key_value(self.norm(tokens))
        parts = parts.view(n, k, 3, self.n_heads, width // self.n_heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=log_weights[:, None, None, :]
        )
        mixed = mixed.transpose(1, 2).reshape(n, k, width)
        return self.residual(tokens + self.merge(mixed))
