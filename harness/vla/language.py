"""The causal language model, on embeddings of text, pictures and actions alike."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from harness.vla.blocks import Block, KeyValueCache, rotary_angles
from harness.vla.config import VLAConfig

_EMBEDDING_STD = 0.02


class LanguageModel(nn.Module):
    """A decoder with rotary positions; its output layer is its embedding."""

    def __init__(self, config: VLAConfig) -> None:
        super().__init__()
        self._head_width = config.head_width
        self.embedding = nn.Embedding(config.vocab_size, config.width)
        nn.init.normal_(self.embedding.weight, std=_EMBEDDING_STD)
        self.blocks = nn.ModuleList(Block(config.width, config.head_width) for _ in range(config.layers))
        self.norm = nn.RMSNorm(config.width)

    def new_caches(self, capacity: int) -> list[KeyValueCache]:
        """An empty cache for each layer, with room for so many tokens."""
        return [KeyValueCache(capacity) for _ in self.blocks]

    def forward(
        self,
        tokens: torch.Tensor,
        positions: torch.Tensor,
        mask: torch.Tensor,
        caches: Sequence[KeyValueCache] | None = None,
    ) -> torch.Tensor:
        """The last layer's features.

        Args:
            tokens: Embeddings, (B, n, width).
            positions: Of each, (B, n).
            mask: See `harness.vla.blocks.Attention.forward`.
            caches: One a layer, of the tokens before these.

        Returns:
            (B, n, width).
        """
        angles = rotary_angles(positions, self._head_width)
        for index, block in enumerate(self.blocks):
            tokens = block(tokens, mask, angles, None if caches is None else caches[index])
        return self.norm(tokens)

    def logits(self, features: torch.Tensor, token_ids: torch.Tensor) -> torch.Tensor:
        """How likely each of some tokens is next: (..., len(token_ids)) of features (..., width)."""
        return features @ self.embedding.weight[token_ids].T
