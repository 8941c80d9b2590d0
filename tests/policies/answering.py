"""Policies to be served: their answers say which observation and which episode they are an answer to."""

import random

import numpy as np


class Echo:
    """Two actions: the state's first seven numbers, and the mean of every picture. Fails where the state begins with 666."""

    def infer(self, observation):
        if observation.state["vector"][0] == 666:
            raise RuntimeError("the state begins with 666")
        pictures = [observation.images[name].mean() for name in ("agentview", "wrist")]
        return [observation.state["vector"][:7], [*pictures, observation.step, 0, 0, 0, 0]]


class Batches(Echo):
    """The same in batches; the second action's third number is the size of the batch."""

    def infer_batch(self, observations, episodes):
        answers = [self.infer(observation) for observation in observations]
        for answer in answers:
            answer[1][2] = len(observations)
        return answers


class Raw:
    """One action as LIBERO's simulator takes it: the state's first six numbers, and a gripper that closes."""

    needs_images = False
    raw_actions = True

    def infer(self, observation):
        return [*observation.state["vector"][:6], 1.0]


class NaNWhereAsked(Batches):
    """Batches in which the answer to a state that begins with 13 is NaN."""

    def infer_batch(self, observations, episodes):
        answers = super().infer_batch(observations, episodes)
        wrong = [observation.state["vector"][0] == 13 for observation in observations]
        return [np.full(7, np.nan) if bad else answer for bad, answer in zip(wrong, answers, strict=True)]


class Remembers:
    """Keeps the episode it was reset for: answers with its init, how often it was asked in it, and a global draw."""

    needs_images = False

    def reset(self, episode):
        self.init, self.asked = episode.init, 0

    def infer(self, observation):
        self.asked += 1
        return [self.init, self.asked, random.random(), observation.step, 0, 0, 0]


class Everything:
    """Random actions drawn from all that a policy is shown, from the episode and from the global generators."""

    def reset(self, episode):
        self.key = episode.key

    def infer(self, observation):
        from hashlib import sha256

        digest = sha256(
            repr((self.key, observation.instruction, observation.step, random.random(), np.random.rand())).encode()
        )
        for values in (observation.images, observation.state):
            for name in sorted(values):
                digest.update(name.encode() + str(values[name].dtype).encode() + values[name].tobytes())
        return np.random.default_rng(int.from_bytes(digest.digest()[:8], "little")).uniform(-1, 1, (3, 7))


class Broken:
    """Cannot be made."""

    def __init__(self):
        raise FileNotFoundError("weights.safetensors is missing")

    def infer(self, observation):
        return np.zeros(7)
