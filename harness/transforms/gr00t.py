"""The form in which GR00T's policy server takes observations of LIBERO and answers.

Keys and parts are those of ``examples/LIBERO`` of NVIDIA/Isaac-GR00T (N1.6 and later), shapes those of
``Gr00tSimPolicyWrapper`` in ``gr00t/policy/gr00t_policy.py``: the server runs with ``--use-sim-policy-wrapper``, as that
example has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.errors import PolicyOutputError
from harness.transforms.base import ACTIONS, Sample, value_at
from harness.transforms.state import Split

# The state vector's parts; roll, pitch and yaw are the three numbers of an axis-angle. Actions have parts of the same names.
LIBERO_STATE = Split(
    "state",
    (
        ("state.x", 1),
        ("state.y", 1),
        ("state.z", 1),
        ("state.roll", 1),
        ("state.pitch", 1),
        ("state.yaw", 1),
        ("state.gripper", 2),
    ),
)
LIBERO_ACTION_PARTS = ("x", "y", "z", "roll", "pitch", "yaw", "gripper")


@dataclass(frozen=True)
class Batched:
    """One observation as a batch of one with one moment: arrays (1, 1, ...), texts in a list."""

    def __call__(self, sample: Sample) -> Sample:
        """See `harness.transforms.base.Transform`."""
        return {key: [value] if isinstance(value, str) else value[np.newaxis, np.newaxis] for key, value in sample.items()}


@dataclass(frozen=True)
class ChunkOfParts:
    """The chunk (T, A) of an answer that is a map of parts, ``action.NAME`` or ``NAME`` -> (1, T, D).

    Attributes:
        parts: Their names, in the order of an action's numbers.
    """

    parts: tuple[str, ...]

    def __call__(self, sample: Sample) -> Sample:
        """See `harness.transforms.base.Transform`.

        Raises:
            PolicyOutputError: The answer is no map, or lacks a part.
        """
        answer = value_at(sample, ACTIONS)
        return {**sample, ACTIONS: np.concatenate([self._part(answer, name) for name in self.parts], axis=-1)}

    def _part(self, answer: Any, name: str) -> Any:
        if not isinstance(answer, dict):
            raise PolicyOutputError(f"the answer is a {type(answer).__name__}; expected a map of {', '.join(self.parts)}")
        found = [answer[key] for key in (f"action.{name}", name) if key in answer]
        if not found:
            raise PolicyOutputError(f"the answer has no 'action.{name}', only {', '.join(map(str, answer)) or 'nothing'}")
        part = np.asarray(found[0], dtype=np.float64)
        if part.ndim != 3 or part.shape[0] != 1:
            raise PolicyOutputError(f"'action.{name}' has shape {part.shape}; expected (1, T, D)")
        return part[0]
