"""Pictures as tokens: a small vision transformer."""

from __future__ import annotations

import torch
from torch import nn

from harness.vla.blocks import Block
from harness.vla.config import VLAConfig

# Standard deviation of learned positions at first, as of the Vision Transformer's (Dosovitskiy et al., 2021).
_POSITION_STD = 0.02


class VisionEncoder(nn.Module):
    """Cuts a picture into patches and lets them look at each other."""

    def __init__(self, config: VLAConfig) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, config.vision_width, kernel_size=config.patch_px, stride=config.patch_px)
        self.positions = nn.Parameter(torch.randn(1, config.patches, config.vision_width) * _POSITION_STD)
        self.blocks = nn.ModuleList(Block(config.vision_width, config.head_width) for _ in range(config.vision_layers))
        self.norm = nn.RMSNorm(config.vision_width)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """The patches' features (B, patches, vision width) of pictures, uint8 (B, H, W, 3), RGB."""
        scaled = pictures.permute(0, 3, 1, 2).to(self.positions.dtype) / 127.5 - 1
        tokens = self.patches(scaled).flatten(2).transpose(1, 2) + self.positions
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens)
