"""A policy of any quality: the Piper's expert in a share of the episodes, and one that does nothing in all others.

Which episodes those are depends on the episode's key alone, so that a better one succeeds wherever a worse one does.
"""

from pathlib import Path

import numpy as np

from harness.policies.expert.policy import ExpertPolicy


class Graded:
    needs_images = False
    raw_actions = True
    needs_privileged = True

    def __init__(self, skill="0", checkpoint=None):
        self.skill = float(Path(checkpoint).read_text() if checkpoint else skill)
        self.expert = ExpertPolicy("eef_delta")

    def reset(self, episode):
        self.able = episode.derived_seed("graded") / 2**32 < self.skill
        self.expert.reset(episode)

    def infer(self, observation):
        return self.expert.infer(observation) if self.able else np.zeros(7)
