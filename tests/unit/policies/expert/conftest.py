"""The lift scene, and a loop that runs skills on it without the policy."""

from __future__ import annotations

import pytest

from harness.envs.piper.environment import PiperEnvironment
from harness.envs.piper.spec import piper_env_spec
from harness.envs.piper.task import PiperTask
from harness.envs.piper.tasks.lift import Lift
from harness.policies.expert.arm import Arm
from harness.policies.expert.encode import encode
from harness.policies.expert.view import look
from harness.types import Episode, Protocol, Suite

KIND = "lift"


def protocol(action_space):
    return Protocol(
        name="standard",
        max_steps=200,
        settle_steps=10,
        settle_action=(),
        control_freq_hz=20,
        cameras={"front": "front"},
        image_height_px=64,
        image_width_px=64,
        image_rotation_deg=0,
        state_layout=("joint_pos", "gripper_opening"),
        gripper="as_is",
        replan_steps=None,
        scene_seeding="episode_key",
        scene_seed=0,
        action_space=action_space,
    )


class Bench:
    """One action space's environment, and what is needed to drive it."""

    def __init__(self, action_space, arm):
        self.action_space, self.arm = action_space, arm
        self.protocol = protocol(action_space)
        self.spec = piper_env_spec(self.protocol)
        task = PiperTask("piper", 0, KIND, "lift it", kind=KIND, scene=Lift(), init_seed=1, init_count=50)
        suite = Suite("piper", (), "piper", "", self.protocol, (task,))
        self.environment = PiperEnvironment((suite,), {"piper": self.protocol})

    def begin(self, init):
        """An episode that has settled; gives back its first view."""
        self.episode = Episode("piper", 0, KIND, "lift it", init, 0, 0)
        self.environment.reset(self.episode)
        self.reached = False
        return self.see(None)

    def observe(self):
        return self.environment.observe(images=False, privileged=True)

    def see(self, before):
        return look(self.observe(), self.arm, before)

    def follow(self, skill, view):
        """Runs a skill to its end; gives back what it gives back, its commands, and every view from the first on."""
        commands, views = [], [view]
        try:
            command = next(skill)
            while True:
                commands.append(command)
                action = encode(self.action_space, command, views[-1])
                self.reached = self.environment.step(action) or self.reached
                views.append(self.see(command))
                command = skill.send(views[-1])
        except StopIteration as end:
            return end.value, commands, views


@pytest.fixture(scope="session")
def arm():
    return Arm()


@pytest.fixture(scope="session")
def benches(arm):
    """Makes the bench of an action space, once for all tests."""
    made = {}

    def bench(action_space="eef_delta"):
        if action_space not in made:
            made[action_space] = Bench(action_space, arm)
        return made[action_space]

    return bench
