"""Policies that answer batches, for any action space of seven numbers."""

import hashlib
import os
import random
import signal
from pathlib import Path

import numpy as np


class Mixing:
    """Chunks of 4 that depend on the pictures, the state, the episode, what it was asked before, and draws at its reset."""

    def __init__(self):
        self.memory = {}

    def reset(self, episode):
        # From the global generators, which are the episode's own here.
        self.memory[episode] = [random.random(), np.random.rand()]

    def infer(self, observation):
        (episode,) = self.memory
        return self.answer(observation, episode)

    def infer_batch(self, observations, episodes):
        return [self.answer(*pair) for pair in zip(observations, episodes, strict=True)]

    def answer(self, observation, episode):
        digest = hashlib.sha256(observation.state["vector"].tobytes())
        for name in sorted(observation.images):
            digest.update(observation.images[name].tobytes())
        digest.update(repr((episode.key, observation.step, self.memory[episode])).encode())
        seed = int.from_bytes(digest.digest()[:8], "little")
        self.memory[episode].append(seed)
        return np.random.default_rng(seed).uniform(-1, 1, (4, 7))


class Alone(Mixing):
    """The same, without batches: one environment, whose episodes are forgotten one by one."""

    infer_batch = None

    def reset(self, episode):
        self.memory.clear()
        super().reset(episode)


class OneIsWrong(Mixing):
    """Answers initial state 1 with NaN at step 4."""

    def answer(self, observation, episode):
        answer = super().answer(observation, episode)
        return np.full((4, 7), np.nan) if (episode.init, observation.step) == (1, 4) else answer


class KilledOnceInCompany(Mixing):
    """Ends its process in the first batch of three; the file that the environment variable names remembers it."""

    def infer_batch(self, observations, episodes):
        done = Path(os.environ["FAULTY_POLICY_DONE"])
        if len(episodes) == 3 and not done.exists():
            done.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().infer_batch(observations, episodes)


class KillsItsWorker(Mixing):
    """Ends its process whenever initial state 1 is in the batch."""

    def infer_batch(self, observations, episodes):
        if any(episode.init == 1 for episode in episodes):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().infer_batch(observations, episodes)
