"""The transformer block that the vision encoder and the language model are made of."""

from __future__ import annotations

import torch
from torch import nn

# Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021: the base of its frequencies.
_ROTARY_BASE = 10_000.0

# Width of the hidden layer of a feed-forward part, in widths of the block.
_HIDDEN_WIDTHS = 4


class KeyValueCache:
    """Keys and values of one layer's earlier tokens, so that they are computed once.

    Args:
        capacity: Tokens that there is room for.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._length = 0
        self._keys: torch.Tensor | None = None
        self._values: torch.Tensor | None = None

    def extended(self, keys: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Adds the keys and values (B, heads, n, head width) of n further tokens, and gives those of all."""
        if self._keys is None or self._values is None:
            batch, heads, _, width = keys.shape
            self._keys = keys.new_empty(batch, heads, self._capacity, width)
            self._values = values.new_empty(batch, heads, self._capacity, width)
        end = self._length + keys.shape[2]
        self._keys[:, :, self._length : end] = keys
        self._values[:, :, self._length : end] = values
        self._length = end
        return self._keys[:, :, :end], self._values[:, :, :end]


def rotary_angles(positions: torch.Tensor, head_width: int) -> torch.Tensor:
    """The angles (B, 1, n, head_width / 2), rad, by which queries and keys at positions (B, n) are turned."""
    exponents = torch.arange(0, head_width, 2, device=positions.device, dtype=torch.float32) / head_width
    angles = positions.to(torch.float32)[..., None] * _ROTARY_BASE**-exponents
    return angles[:, None]


def _turned(vectors: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
    """Vectors (B, heads, n, head width) turned in the planes of their halves."""
    first, second = vectors.chunk(2, dim=-1)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


class Attention(nn.Module):
    """Multi-head attention of tokens over themselves and, with a cache, over those before them."""

    def __init__(self, width: int, head_width: int) -> None:
        super().__init__()
        self._head_width = head_width
        self.inwards = nn.Linear(width, 3 * width, bias=False)
        self.outwards = nn.Linear(width, width, bias=False)

    def forward(
        self,
        tokens: torch.Tensor,
        mask: torch.Tensor | None = None,
        angles: torch.Tensor | None = None,
        cache: KeyValueCache | None = None,
    ) -> torch.Tensor:
        """What every token gathers.

        Args:
            tokens: (B, n, width).
            mask: (B, 1, n, all tokens), true where one may look at another; None: everywhere.
            angles: From `rotary_angles`; None: positions play no part.
            cache: Of the tokens before these; these are added.

        Returns:
            (B, n, width).
        """
        batch, length, width = tokens.shape
        split = self.inwards(tokens).view(batch, length, 3, -1, self._head_width)
        queries, keys, values = (part.transpose(1, 2) for part in split.unbind(2))
        if angles is not None:
            queries, keys = _turned(queries, angles), _turned(keys, angles)
        if cache is not None:
            keys, values = cache.extended(keys, values)
        gathered = nn.functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
        return self.outwards(gathered.transpose(1, 2).reshape(batch, length, width))


class Block(nn.Module):
    """Attention and a feed-forward part, each after a normalisation and beside the residual."""

    def __init__(self, width: int, head_width: int) -> None:
        super().__init__()
        self.before_attention = nn.RMSNorm(width)
        self.attention = Attention(width, head_width)
        self.before_feed_forward = nn.RMSNorm(width)
        self.feed_forward = nn.Sequential(
            nn.Linear(width, _HIDDEN_WIDTHS * width), nn.GELU(), nn.Linear(_HIDDEN_WIDTHS * width, width)
        )

    def forward(
        self,
        tokens: torch.Tensor,
        mask: torch.Tensor | None = None,
        angles: torch.Tensor | None = None,
        cache: KeyValueCache | None = None,
    ) -> torch.Tensor:
        """See `Attention.forward`."""
        tokens = tokens + self.attention(self.before_attention(tokens), mask, angles, cache)
        return tokens + self.feed_forward(self.before_feed_forward(tokens))
