"""The states and actions of one episode: recorded step by step, kept as .npz, read back bit for bit."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError
from harness.files import written_aside
from harness.types import Float64Array, SimState

# What a damaged .npz makes zipfile, zlib and numpy raise: RuntimeError covers encrypted members and unknown compression,
# MemoryError a header that promises more numbers than fit.
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Trace:
    """An episode as the simulator lived it: T actions and the T + 1 states around them.

    Attributes:
        time_s: Simulated seconds, (T + 1,).
        qpos: Generalised positions, (T + 1, nq).
        qvel: Generalised velocities, (T + 1, nv).
        actions: The actions as the simulator took them, (T, A); row t leads from state t to state t + 1.

    Raises:
        HarnessError: The arrays are not float64, or their shapes do not belong together.
    """

    time_s: Float64Array
    qpos: Float64Array
    qvel: Float64Array
    actions: Float64Array

    def __post_init__(self) -> None:
        arrays = {"time": self.time_s, "qpos": self.qpos, "qvel": self.qvel, "actions": self.actions}
        for name, array in arrays.items():
            if array.dtype != np.float64:
                raise HarnessError(f"{name} of a trace is {array.dtype}; expected float64")
        dimensions = tuple(array.ndim for array in arrays.values())
        states = len(self.actions) + 1 if self.actions.ndim else 0
        if dimensions != (1, 2, 2, 2) or not states == len(self.time_s) == len(self.qpos) == len(self.qvel):
            shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
            raise HarnessError(
                f"the shapes of a trace do not belong together: {shapes}; "
                "expected time (T+1,), qpos (T+1, nq), qvel (T+1, nv), actions (T, A)"
            )


class TraceRecorder:
    """Collects one episode after the other. ``len()`` is the number of actions recorded so far."""

    def __init__(self) -> None:
        self._states: list[SimState] = []
        self._actions: list[Float64Array] = []

    def __len__(self) -> int:
        return len(self._actions)

    def begin(self, state: SimState) -> None:
        """Forgets what was recorded and starts with an episode's first state."""
        self._states = [_copied(state)]
        self._actions = []

    def add(self, action: npt.ArrayLike, state: SimState) -> None:
        """Records one control step.

        Args:
            action: What the simulator took, (A,); copied.
            state: The state at the end of the step; copied.

        Raises:
            HarnessError: `begin` was not called.
        """
        if not self._states:
            raise HarnessError("a trace has no first state yet: call begin(state) before add(action, state)")
        self._actions.append(np.array(action, dtype=np.float64))
        self._states.append(_copied(state))

    def trace(self) -> Trace:
        """What was recorded since `begin`; without any step, `Trace.actions` is (0, 0).

        Raises:
            HarnessError: `begin` was not called.
        """
        if not self._states:
            raise HarnessError("a trace has no first state yet: call begin(state) before trace()")
        return Trace(
            time_s=np.array([state.time_s for state in self._states], dtype=np.float64),
            qpos=np.stack([state.qpos for state in self._states]),
            qvel=np.stack([state.qvel for state in self._states]),
            actions=np.stack(self._actions) if self._actions else np.zeros((0, 0)),
        )


def save_trace(path: Path, trace: Trace) -> None:
    """Writes a trace as a compressed .npz with the float64 arrays ``time``, ``qpos``, ``qvel`` and ``actions``.

    Equal traces give equal bytes: numpy dates every member of the archive 1980-01-01.

    Raises:
        StoreError: The file cannot be written; nothing is left behind.
    """
    with written_aside(path) as aside, aside.open("wb") as stream:
        np.savez_compressed(stream, time=trace.time_s, qpos=trace.qpos, qvel=trace.qvel, actions=trace.actions)


def load_trace(path: Path) -> Trace:
    """Reads what `save_trace` wrote, bit for bit. Nothing is unpickled.

    Raises:
        HarnessError: The file is missing or damaged, or holds anything but a trace.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return Trace(time_s=archive["time"], qpos=archive["qpos"], qvel=archive["qvel"], actions=archive["actions"])
    except HarnessError as error:
        raise HarnessError(f"{path} is not a trace: {error}") from error
    except (*_UNREADABLE, TypeError, IndexError) as error:  # the last two: a lone .npy array, indexed by a name
        raise HarnessError(
            f"{path} cannot be read as a trace, an .npz file with time, qpos, qvel and actions: {error}"
        ) from error


def _copied(state: SimState) -> SimState:
    return SimState(
        time_s=state.time_s,
        qpos=np.array(state.qpos, dtype=np.float64),
        qvel=np.array(state.qvel, dtype=np.float64),
    )
