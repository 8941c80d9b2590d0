"""The Piper on its table as an `harness.envs.family.Family`."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.action_spaces import ACTION_SPACES
from harness.envs.family import Assets, Engine
from harness.envs.piper.spec import piper_env_spec
from harness.envs.piper.suite_file import PiperProtocolFields, read_suite
from harness.envs.piper.task import as_piper_task, init_state
from harness.errors import AssetsError, UsageError
from harness.kinematics.robot import load_robot
from harness.paths import robots_dir
from harness.provenance import sources_sha256
from harness.types import Environment, EnvSpec, Protocol, Suite, Task

# Whatever decides how a scene looks, moves and is judged.
_CODE = ("envs/piper", "kinematics", "motion/arm.py", "motion/drive.py", "action_spaces.py")


class PiperFamily:
    """Tasks of our own, built on MuJoCo from robots/piper."""

    # numpy: its generators make the initial states, and promise no stream across versions.
    simulator_packages = ("mujoco", "numpy")
    protocol_schema = PiperProtocolFields
    action_spaces = tuple(ACTION_SPACES)
    engines: tuple[Engine, ...] = ("exact",)

    def suite(self, content: Mapping[str, Any], path: Path) -> Suite:
        """See `Family.suite`."""
        return read_suite(content, path)

    def spec(self, protocol: Protocol) -> EnvSpec:
        """See `Family.spec`."""
        return piper_env_spec(protocol)

    def init_count(self, task: Task) -> int:
        """See `Family.init_count`."""
        return as_piper_task(task).init_count

    def fingerprints(self, task: Task) -> Mapping[str, str]:
        """See `Family.fingerprints`."""
        piper, robot = as_piper_task(task), load_robot()
        states = hashlib.sha256()
        for index in range(piper.init_count):
            state = init_state(piper, robot, index)
            states.update(np.concatenate([state.joint_pos_rad, state.scene]).astype("<f8").tobytes())
        scene = hashlib.sha256(f"{piper.kind} {piper.scene!r}".encode())
        return {"definition_sha256": scene.hexdigest(), "init_states_sha256": states.hexdigest()}

    def assets(self, choice: str, tasks: Collection[str]) -> Assets:
        """See `Family.assets`: the arm's description, and the code that makes scenes of it."""
        if choice != "auto":
            raise UsageError("--assets names LIBERO's meshes; the Piper's description comes with the harness")
        root = robots_dir() / "piper"
        files = sorted([root / "robot.yaml", root / "piper.xml", *(root / "meshes").glob("*.stl")])
        digest = hashlib.sha256(sources_sha256(*_CODE).encode())
        for file in files:
            try:
                digest.update(f"{file.relative_to(root)} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
            except OSError as error:
                raise AssetsError(f"cannot read {file}: {error.strerror}") from error
        return Assets(kind="piper", root=root, source="comes with the harness", sha256=digest.hexdigest())

    def make(
        self,
        suites: tuple[Suite, ...],
        protocols: Mapping[str, Protocol],
        assets_root: Path,
        *,
        engine: Engine = "exact",
    ) -> Environment:
        """See `Family.make`."""
        from harness.envs.piper.environment import PiperEnvironment

        return PiperEnvironment(suites, protocols)
