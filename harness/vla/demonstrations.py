"""Demonstrations from LIBERO's HDF5, as `evalharness collect --format hdf5` writes them, for training."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.errors import UsageError
from harness.transforms.images import ResizeWithPad
from harness.types import Float64Array, UInt8Array


@dataclass(frozen=True)
class Demonstration:
    """One episode of T steps.

    Attributes:
        pictures: Before each action, uint8 (T, size, size, 3), RGB, turned as a policy sees them.
        instruction: What was asked for.
        actions: (T, A).
    """

    pictures: UInt8Array
    instruction: str
    actions: Float64Array

    def chunks(self, steps: int) -> Float64Array:
        """The next actions (T, steps, A) from every step on; after the end the last one stays."""
        index = np.arange(len(self.actions))[:, np.newaxis] + np.arange(steps)
        chunks: Float64Array = self.actions[index.clip(max=len(self.actions) - 1)]
        return chunks


def read_demonstrations(folder: Path, camera: str, image_px: int) -> list[Demonstration]:
    """Reads all episodes of a dataset.

    Args:
        folder: What ``evalharness collect --format hdf5`` made.
        camera: The policy's name of a camera that is called the same in the files, such as ``agentview``.
        image_px: Side of the pictures; they are resized as `harness.transforms.images.ResizeWithPad` does.

    Raises:
        UsageError: There is no such dataset, or it cannot be read.
    """
    import h5py

    found = []
    resize = ResizeWithPad(image_px)
    try:
        for path in sorted(folder.glob("*/*_demo.hdf5")):
            with h5py.File(path, "r") as file:
                data = file["data"]
                instruction = json.loads(data.attrs["problem_info"])["language_instruction"]
                bottom_up = data.attrs["macros_image_convention"] == "opengl"
                for index in range(len(data)):
                    demo = data[f"demo_{index}"]
                    raw = demo["obs"][f"{camera}_rgb"][:]
                    turned = raw[:, ::-1, ::-1] if bottom_up else raw
                    pictures = np.stack([resize(picture) for picture in turned])
                    found.append(Demonstration(pictures, instruction, np.asarray(demo["actions"], dtype=np.float64)))
    except (OSError, KeyError, ValueError) as error:
        raise UsageError(f"the demonstrations in {folder} cannot be read: {error}") from error
    if not found:
        raise UsageError(f"{folder} holds no SUITE/TASK_demo.hdf5; make some with evalharness collect --format hdf5")
    return found
