"""A model as small as tests can use, and what it is asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from harness.tokens.statistics import action_statistics
from harness.vla.checkpoint import Parts, save
from harness.vla.config import VLAConfig

TINY = VLAConfig(image_px=16, patch_px=8, vision_width=16, vision_layers=1, width=32, layers=2, head_width=8, vocab_size=600)
INSTRUCTIONS = ("pick up the soup", "open the top drawer of the cabinet and put the bowl in it", "zzz")


def parts_of(config: VLAConfig) -> Parts:
    """Tokenizers that know two of the instructions' words, for actions between -1 and 1."""
    actions = np.array([[-1.0], [1.0]]).repeat(config.action_dim, axis=1)
    return Parts.of_corpus(config, INSTRUCTIONS[:2], action_statistics(actions, [False] * config.action_dim))


def pictures_of(config: VLAConfig, count: int, seed: int = 0) -> np.ndarray:
    """Noise, uint8 (count, image_px, image_px, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (count, config.image_px, config.image_px, 3), dtype=np.uint8)


def saved(folder: Path, config: VLAConfig = TINY) -> Path:
    """The folder of a model with random weights, always the same; needs torch."""
    import torch

    from harness.vla.model import VLA

    torch.manual_seed(0)
    parts = parts_of(config)
    save(
        folder, parts, VLA(config, parts.actions.token_ids), "mine", [np.array([[-1.0], [1.0]]).repeat(config.action_dim, 1)]
    )
    return folder
