"""What a model's weights are shaped by."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from harness.errors import UsageError
from harness.files import written_aside

CONFIG_FILE = "config.json"


@dataclass(frozen=True)
class VLAConfig:
    """Sizes of a model.

    Attributes:
        camera: Which of `Observation.images` it sees.
        image_px: Side of the square picture that it sees.
        patch_px: Side of a patch; a picture becomes ``(image_px / patch_px) ** 2`` tokens.
        vision_width: Numbers for each patch in the vision encoder.
        vision_layers: Blocks of the vision encoder.
        width: Numbers for each token in the language model.
        layers: Blocks of the language model.
        head_width: Numbers for each attention head; divides both widths, and is even.
        vocab_size: Token ids are 0 to ``vocab_size - 1``.
        action_dim: Numbers in an action.
        chunk_steps: Actions in an answer.

    Raises:
        UsageError: A size is no whole number above 0, or sizes do not divide each other.
    """

    camera: str = "agentview"
    image_px: int = 96
    patch_px: int = 16
    vision_width: int = 64
    vision_layers: int = 2
    width: int = 128
    layers: int = 4
    head_width: int = 32
    vocab_size: int = 1024
    action_dim: int = 7
    chunk_steps: int = 1

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "camera" and (type(value) is not int or value < 1):
                raise UsageError(f"the model's {field.name} is {value!r}; expected a whole number above 0")
        for whole, part in (("image_px", "patch_px"), ("vision_width", "head_width"), ("width", "head_width")):
            if getattr(self, whole) % getattr(self, part):
                raise UsageError(
                    f"the model's {part} ({getattr(self, part)}) must divide its {whole} ({getattr(self, whole)})"
                )
        if self.head_width % 2:
            raise UsageError(f"the model's head_width ({self.head_width}) must be even, for rotary positions")

    @property
    def patches(self) -> int:
        """Tokens of a picture."""
        return (self.image_px // self.patch_px) ** 2

    @property
    def action_tokens(self) -> int:
        """Tokens of an answer."""
        return self.action_dim * self.chunk_steps


def write_config(path: Path, config: VLAConfig) -> None:
    """Writes the sizes as JSON.

    Raises:
        StoreError: The file cannot be written.
    """
    with written_aside(path) as aside:
        aside.write_text(json.dumps(asdict(config), indent=1) + "\n", encoding="utf-8")


def read_config(path: Path) -> VLAConfig:
    """Reads what `write_config` wrote.

    Raises:
        UsageError: The file cannot be read, or is no such map of sizes.
    """
    try:
        return VLAConfig(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
