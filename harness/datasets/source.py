"""What a dataset is made from: a run, and what its numbers mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.policies.noisy import noise_std
from harness.recorded_run import RecordedRun
from harness.suites import load_suites
from harness.types import EnvSpec, Protocol

_ROBOTS = {"libero": "panda", "piper": "piper"}

_CARTESIAN = ("x", "y", "z", "rx", "ry", "rz", "gripper")
_JOINTS = (*(f"joint_{number}" for number in range(1, 7)), "gripper")
_ACTION_NAMES = {"eef_delta": _CARTESIAN, "eef_pose": _CARTESIAN, "joint_position": _JOINTS, "joint_delta": _JOINTS}


@dataclass(frozen=True)
class Source:
    """A run, as far as a dataset's description goes.

    Attributes:
        environment: The family's name.
        protocol: Of the run's suites; what a dataset depends on is the same in all of them.
        spec: What the environment shows and takes.
        noise_std: Of the noise that the policy was run with; None when it was run without.
        identity: What tells the run from others, for the dataset's record.
        bddl: Suite and task id -> the BDDL file of a LIBERO task.
    """

    environment: str
    protocol: Protocol
    spec: EnvSpec
    noise_std: float | None
    identity: Mapping[str, Any]
    bddl: Mapping[tuple[str, int], Path]

    @property
    def fps(self) -> int:
        """Frames a second: one a control step."""
        return self.protocol.control_freq_hz

    @property
    def robot(self) -> str:
        """The robot's name, as LeRobot's ``robot_type``."""
        return _ROBOTS.get(self.environment, self.environment)

    @property
    def action_names(self) -> list[str]:
        """A name for each number of an action."""
        names = _ACTION_NAMES.get(self.spec.action_space, ())
        if len(names) == self.spec.action_dim:
            return list(names)
        return [f"action_{index}" for index in range(self.spec.action_dim)]

    @property
    def state_names(self) -> list[str]:
        """A name for each number of the state vector."""
        return [name for part in self.protocol.state_layout for name in _numbered(part, self.spec.state[part])]


def _numbered(part: str, length: int) -> list[str]:
    if length == 1:
        return [part]
    ends = "xyz" if length == 3 else [str(number) for number in range(1, length + 1)]
    return [f"{part}_{end}" for end in ends]


def source_of(run: RecordedRun) -> Source:
    """What a run says of a dataset made from it.

    Raises:
        UsageError: The run's suites are not here any more.
    """
    info = run.info
    protocol = next(iter(run.protocols.values()))
    suites = load_suites(info["request"]["suite"], info["request"]["environment"])
    bddl = {(suite.name, task.task_id): getattr(task, "bddl", None) for suite in suites for task in suite.tasks}
    return Source(
        environment=info["environment"],
        protocol=protocol,
        spec=run.family.spec(protocol),
        noise_std=noise_std(info["policy"]["uri"]),
        identity={
            "created": info["created"],
            "suites": list(run.protocols),
            "protocol": protocol.name,
            "policy": {name: info["policy"][name] for name in ("uri", "name", "fingerprint")},
            "seed": info["seed"],
            "assets": {name: info["assets"][name] for name in ("kind", "sha256")},
            "versions": dict(info["versions"]),
        },
        bddl={place: Path(path) for place, path in bddl.items() if path is not None},
    )
