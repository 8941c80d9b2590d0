"""The whole model: ``<bos> picture text action <eos>``, OpenVLA's order, and actions decoded token by token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from harness.vla.config import VLAConfig
from harness.vla.language import LanguageModel
from harness.vla.tokenizer import BOS, PAD
from harness.vla.vision import VisionEncoder


@dataclass(frozen=True)
class Prediction:
    """Actions of a batch, as tokens.

    Attributes:
        token_ids: (B, K), K = `VLAConfig.action_tokens`: of each action in turn, of each dimension in turn.
        logits: (B, K, 256), of the action tokens alone, in the order of their bins.
    """

    token_ids: torch.Tensor
    logits: torch.Tensor


@dataclass(frozen=True)
class _Prefix:
    """Embedded tokens of a batch: what is shorter has padding in front, so that all end together.

    Attributes:
        tokens: (B, n, width).
        real: (B, n), false at padding.
    """

    tokens: torch.Tensor
    real: torch.Tensor

    def followed_by(self, tokens: torch.Tensor) -> _Prefix:
        """The same with tokens (B, m, width) at the end."""
        return _Prefix(
            torch.cat([self.tokens, tokens], dim=1), nn.functional.pad(self.real, (0, tokens.shape[1]), value=True)
        )

    def positions(self) -> torch.Tensor:
        """(B, n), from 0 at each row's ``<bos>``."""
        return (self.real.cumsum(dim=1) - 1).clamp(min=0)

    def mask(self) -> torch.Tensor:
        """(B, 1, n, n): what each token may look at. Padding looks at itself, because a softmax needs something."""
        length = self.real.shape[1]
        everything = torch.ones(length, length, dtype=torch.bool, device=self.real.device)
        itself = torch.eye(length, dtype=torch.bool, device=self.real.device)
        return (everything.tril() & self.real[:, None, :] | itself)[:, None]


class VLA(nn.Module):
    """Pictures and texts in, action tokens out.

    Args:
        config: The sizes.
        action_token_ids: The token id of each bin.
    """

    def __init__(self, config: VLAConfig, action_token_ids: Sequence[int]) -> None:
        super().__init__()
        self.config = config
        self.vision = VisionEncoder(config)
        self.projector = nn.Sequential(
            nn.Linear(config.vision_width, config.width), nn.GELU(), nn.Linear(config.width, config.width)
        )
        self.language = LanguageModel(config)
        # The folder's action_token_map.json says which they are, not the weights.
        self.register_buffer("action_ids", torch.tensor(list(action_token_ids)), persistent=False)

    def forward(self, pictures: torch.Tensor, texts: Sequence[Sequence[int]], action_ids: torch.Tensor) -> torch.Tensor:
        """Logits of the answers' tokens when the tokens before are given (teacher forcing).

        Args:
            pictures: uint8 (B, image_px, image_px, 3), RGB.
            texts: Token ids of each text, without special tokens.
            action_ids: (B, K).

        Returns:
            (B, K + 1, vocab_size): of the K action tokens, and of the ``<eos>`` after them.
        """
        prefix = self._prefix(pictures, texts).followed_by(self.language.embedding(action_ids))
        features = self.language(prefix.tokens, prefix.positions(), prefix.mask())
        everything = torch.arange(self.config.vocab_size, device=features.device)
        return self.language.logits(features[:, -action_ids.shape[1] - 1 :], everything)

    def predict_action(self, pictures: torch.Tensor, texts: Sequence[Sequence[int]], *, cache: bool = True) -> Prediction:
        """The most likely action tokens, one after the other; nothing but action tokens can be chosen.

        Args:
            pictures: As `forward`.
            texts: As `forward`.
            cache: Keep keys and values of earlier tokens; without, all are computed again for every token, with equal
                results but for rounding.
        """
        with torch.inference_mode():
            prefix = self._prefix(pictures, texts)
            return self._with_cache(prefix) if cache else self._without_cache(prefix)

    def _prefix(self, pictures: torch.Tensor, texts: Sequence[Sequence[int]]) -> _Prefix:
        """``<bos> picture text``; the picture's places hold ``<pad>`` until its own features are put there."""
        device = self.action_ids.device
        patches = self.config.patches
        length = 1 + patches + max(len(text) for text in texts)
        ids = torch.full((len(texts), length), PAD, device=device)
        real = torch.zeros_like(ids, dtype=torch.bool)
        is_patch = torch.zeros_like(real)
        for row, text in enumerate(texts):
            begin = length - 1 - patches - len(text)
            ids[row, begin] = BOS
            ids[row, begin + 1 + patches :] = torch.tensor(list(text), device=device)
            real[row, begin:] = True
            is_patch[row, begin + 1 : begin + 1 + patches] = True
        seen = self.projector(self.vision(pictures.to(device)))
        tokens = self.language.embedding(ids).masked_scatter(is_patch[..., None], seen)
        return _Prefix(tokens, real)

    def _with_cache(self, prefix: _Prefix) -> Prediction:
        steps = self.config.action_tokens
        caches = self.language.new_caches(prefix.tokens.shape[1] + steps)
        features = self.language(prefix.tokens, prefix.positions(), prefix.mask(), caches)
        position = prefix.positions()[:, -1:]
        may_see = prefix.real[:, None, None]
        chosen, logits = [], []
        for step in range(steps):
            ids, scores = self._choose(features[:, -1])
            chosen.append(ids)
            logits.append(scores)
            if step + 1 < steps:
                position = position + 1
                may_see = nn.functional.pad(may_see, (0, 1), value=True)
                features = self.language(self.language.embedding(ids[:, None]), position, may_see, caches)
        return Prediction(torch.stack(chosen, dim=1), torch.stack(logits, dim=1))

    def _without_cache(self, prefix: _Prefix) -> Prediction:
        chosen, logits = [], []
        for _ in range(self.config.action_tokens):
            features = self.language(prefix.tokens, prefix.positions(), prefix.mask())
            ids, scores = self._choose(features[:, -1])
            chosen.append(ids)
            logits.append(scores)
            prefix = prefix.followed_by(self.language.embedding(ids[:, None]))
        return Prediction(torch.stack(chosen, dim=1), torch.stack(logits, dim=1))

    def _choose(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The best action token of each row (B,), and the logits (B, 256) of all."""
        logits = self.language.logits(features, self.action_ids)
        return self.action_ids[logits.argmax(dim=-1)], logits
