"""A policy that keeps what it is shown, so that a test can compare it with what a dataset says that it was shown."""

from pathlib import Path

import numpy as np


class Keeping:
    """Random small actions, one at a time; pictures and state of every step go to FOLDER/<episode>__<step>.npz."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def reset(self, episode):
        self.episode = episode
        self.generator = episode.generator("keeping")

    def infer(self, observation):
        path = self.folder / f"{self.episode.file_stem}__{observation.step}.npz"
        np.savez(path, vector=observation.state["vector"], **observation.images)
        return self.generator.uniform(-0.5, 0.5, 7)
