"""What is applied while a policy thinks and the simulation does not wait for it."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from harness.types import Float64Array, Protocol


def stale_steps(thinking_s: float, protocol: Protocol) -> int:
    """Control steps that go by while a policy thinks; 0 when the simulation waits for it.

    Args:
        thinking_s: From asking to the answer.
        protocol: Says whether the simulation waits, and how quick it is if not.
    """
    return 0 if protocol.realtime_hz is None else math.floor(thinking_s * protocol.realtime_hz)


class Filler:
    """One episode's actions between a question and its answer, and what of the answer is applied after them."""

    def __init__(self, protocol: Protocol) -> None:
        """Begins an episode; before the first answer the action of settling is applied."""
        self._protocol = protocol
        self._last: Float64Array = np.array(protocol.settle_action)
        self._rest: deque[Float64Array] = deque()

    def waiting(self, stale: int) -> list[Float64Array]:
        """The actions of so many control steps in which there is no answer yet."""
        actions = []
        for _ in range(stale):
            if self._protocol.realtime_filler == "continue" and self._rest:
                self._last = self._rest.popleft()
            actions.append(self._last)
        return actions

    def planned(self, chunk: Float64Array, stale: int) -> Float64Array:
        """Those of a new chunk (T, A) that are applied before the next question, (n, A), n >= 1.

        Args:
            chunk: The answer.
            stale: Control steps that went by while it was thought of. ``continue`` leaves out as many actions, because their
                time has passed; the last one is applied in any case.
        """
        passed = min(stale, len(chunk) - 1) if self._protocol.realtime_filler == "continue" else 0
        left = chunk[passed:]
        used = left[: self._protocol.replan_steps]
        self._last = used[-1]
        self._rest = deque(left[len(used) :])
        return used
