"""Tiny exported models and their cards; what they answer can be worked out on paper."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

PICTURE_PX, CHUNK = 32, 3
SLOPE = np.array([0.1, -0.2, 0.3, 0.05, -0.1, 0.2, 0.5])


def make_export(folder: Path, suffix: str, card: dict[str, Any] | None = None) -> Path:
    """Writes ``model.pt2`` or ``model.pt`` and its card, and gives the model's path.

    The answer's row k is ``SLOPE * (k + the picture's first pixel's green + the state's third number)``.
    """
    import torch

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.slope = torch.nn.Parameter(torch.tensor(SLOPE, dtype=torch.float32))
            self.dropout = torch.nn.Dropout(0.9)

        def forward(self, image: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
            rows = torch.arange(3, device=image.device) + image[0, 1, 0, 0] + state[0, 2]
            return self.dropout(rows[:, None] * self.slope)[None]

    model, path = Model(), folder / f"model{suffix}"
    if suffix == ".pt2":
        example = (torch.zeros(1, 3, PICTURE_PX, PICTURE_PX), torch.zeros(1, 8))
        torch.export.save(torch.export.export(model.eval(), example), path)
    else:
        torch.jit.script(model).save(str(path))
    path.with_suffix(".json").write_text(json.dumps(make_card() if card is None else card))
    return path


def make_card(**changes: Any) -> dict[str, Any]:
    """A card for it: pictures between 0 and 1, nothing normalised."""
    card: dict[str, Any] = {
        "inputs": [
            {
                "kind": "picture",
                "name": "image",
                "camera": "agentview",
                "shape": [1, 3, PICTURE_PX, PICTURE_PX],
                "layout": "CHW",
                "dtype": "float32",
                "range": [0, 1],
            },
            {"kind": "state", "name": "state", "shape": [1, 8], "dtype": "float32"},
        ],
        "output": {"chunk": CHUNK, "action_dim": 7},
    }
    return card | changes


def changed(card: dict[str, Any], index: int, **fields: Any) -> dict[str, Any]:
    """A card with fields of one input changed."""
    inputs = list(card["inputs"])
    inputs[index] = {**inputs[index], **fields}
    return {**card, "inputs": inputs}


def expected_chunk(green: float, third: float) -> np.ndarray:
    """What the model answers to a first pixel's green and the state's third number, as it is given them."""
    return np.outer(np.arange(CHUNK) + green + third, SLOPE)
