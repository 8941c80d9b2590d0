"""Where the time of a policy's answer goes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True)
class QueryTiming:
    """The parts of one answer's wall time.

    Attributes:
        transport_s: Between asking and what the server did: preparing, encoding, the wire, decoding.
        queue_s: Waiting for the model, behind other questions.
        inference_s: In the model.
    """

    transport_s: float
    queue_s: float
    inference_s: float

    @classmethod
    def of_server(cls, total_s: float, infer_ms: object, queue_ms: object) -> QueryTiming:
        """Of an answer that a server says something about.

        Args:
            total_s: From asking to the answer.
            infer_ms: What the server says of its inference; anything but a number counts as 0, and what is longer than the
                whole as the whole.
            queue_ms: What it says of its queue, likewise, of what inference leaves.
        """
        inference_s = _seconds(infer_ms, total_s)
        queue_s = _seconds(queue_ms, total_s - inference_s)
        return cls(total_s - inference_s - queue_s, queue_s, inference_s)

    @property
    def total_s(self) -> float:
        """From asking to the answer."""
        return self.transport_s + self.queue_s + self.inference_s

    def within(self, total_s: float) -> QueryTiming:
        """The same queue and inference in a time that somebody else measured; what is left of it is transport."""
        return dataclasses.replace(self, transport_s=max(0.0, total_s - self.queue_s - self.inference_s))


def _seconds(milliseconds: object, most_s: float) -> float:
    if not isinstance(milliseconds, int | float) or isinstance(milliseconds, bool) or not milliseconds > 0:
        return 0.0
    return most_s if milliseconds >= 1000.0 * most_s else min(most_s, milliseconds / 1000.0)
