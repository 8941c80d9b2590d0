"""A policy that has learned from an expert's ways by ridge regression, and mistakes that it can be given.

`CLONE` is set by whoever makes it; a URI names the class as ``py:module:Cloned?mistake=NAME``.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from harness.transforms.rotations import axis_angle
from harness.transforms.statistics import read_statistics

_SIDE_PX = 16
# How much of an answer the pictures decide, beside the state.
_PICTURES, _RIDGE = 0.3, 0.05
# It looks at colours more than at brightness.
_COLOUR = 4.0

PICTURE_MISTAKES = {
    "rotated": lambda image: image[::-1, ::-1],
    "flipped": lambda image: image[::-1],
    "mirrored": lambda image: image[:, ::-1],
    "bgr": lambda image: image[..., ::-1],
    "chw": lambda image: image.reshape(3, *image.shape[:2]).transpose(1, 2, 0),
}


def features(images, vector):
    small = [_small(images[name]) for name in ("agentview", "wrist")]
    return np.concatenate([_PICTURES * np.concatenate(small), vector, [1.0]])


def _small(image):
    block = image.shape[0] // _SIDE_PX
    cells = image[: block * _SIDE_PX, : block * _SIDE_PX].reshape(_SIDE_PX, block, _SIDE_PX, block, 3)
    red, green, blue = np.moveaxis(cells.mean(axis=(1, 3)) / 255.0, -1, 0)
    return np.stack([green - 0.5, _COLOUR * (red - blue)]).ravel()


def fit(walks, folder: Path) -> None:
    """Learns from walks; writes the weights and the statistics of what it saw, as openpi would."""
    x = np.array([features(one.images, one.state["vector"]) for walk in walks for one in walk.observations])
    y = np.concatenate([walk.actions for walk in walks])
    # In the samples' space: there are fewer of them than features.
    weights = x.T @ np.linalg.solve(x @ x.T + _RIDGE * np.eye(len(x)), y)
    np.save(folder / "weights.npy", weights)
    states = np.array([one.state["vector"] for walk in walks for one in walk.observations])
    described = {"state": _statistics(states), "actions": _statistics(y)}
    (folder / "norm_stats.json").write_text(json.dumps({"norm_stats": described}))


def _statistics(values):
    low, high = np.quantile(values, [0.01, 0.99], axis=0)
    rows = {"mean": values.mean(axis=0), "std": values.std(axis=0), "q01": low, "q99": high}
    return {name: row.tolist() for name, row in rows.items()}


class Cloned:
    """Answers what it has learned, with one mistake at most."""

    def __init__(self, folder, mistake="none") -> None:
        self.weights = np.load(Path(folder) / "weights.npy")
        self.statistics = read_statistics(Path(folder))
        self.mistake = mistake

    def model_state(self, observation):
        vector = observation.state["vector"].copy()
        if self.mistake == "wxyz":
            vector[3:6] = axis_angle(np.roll(observation.state["eef_quat_xyzw"], -1))
        elif self.mistake == "antipodal":
            vector[3:6] = axis_angle(-observation.state["eef_quat_xyzw"])
        return vector

    def infer(self, observation):
        change = PICTURE_MISTAKES.get(self.mistake, lambda image: image)
        images = {name: change(image) for name, image in observation.images.items()}
        action = features(images, self.model_state(observation)) @ self.weights
        mean, std = (np.array(part) for part in (self.statistics.actions.mean, self.statistics.actions.std))
        if self.mistake == "normalised":
            action[:6] = ((action - mean) / (std + 1e-6))[:6]
        elif self.mistake == "twice":
            action[:6] = 10 * action[:6]
        elif self.mistake == "gripper":
            action[6] = -action[6]
        elif self.mistake == "gripper01":
            action[6] = np.clip((1 - action[6]) / 2, 0, 1)
        return action
