"""What is said of a policy's conventions, in a world that can be seen through."""

from __future__ import annotations

import numpy as np
from line_world import EPISODE, PROTOCOL, SPEC

from harness.checking.agreement import agreement, led
from harness.checking.walk import Walk
from harness.policies.base import BasePolicy
from harness.types import Observation

PICTURE = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
ACTIONS = np.array([[0.5, 0.0], [-0.5, 0.0]])
WALK = Walk(EPISODE, tuple(Observation({"eye": PICTURE}, {"x": np.zeros(1)}, "go", step) for step in range(2)), ACTIONS)


class Follows(BasePolicy):
    """Goes the expert's way."""

    def infer(self, observation):
        return ACTIONS[observation.step]


class Particular(Follows):
    """Refuses any other picture."""

    def infer(self, observation):
        assert np.array_equal(observation.images["eye"], PICTURE)
        return super().infer(observation)


def of_pictures(policy):
    answers = led(policy, SPEC, WALK, WALK.observations)
    (found,) = [one for one in agreement(policy, SPEC, PROTOCOL, WALK, answers) if one.what == "pictures"]
    return found.level, found.detail


def test_a_policy_that_never_looks_is_told_so() -> None:
    assert of_pictures(Follows()) == ("warning", "the answers do not depend on the pictures")


def test_nothing_is_said_of_pictures_that_a_policy_refuses_in_every_other_convention() -> None:
    level, detail = of_pictures(Particular())
    assert level == "ok"
    assert "none could be compared" in detail
