"""When upstream samples its observables: a pure function of how many substeps there have been since the reset."""

from __future__ import annotations


class SamplingClock:
    """robosuite 1.4.0's ``Observable.update`` without an observable: the same additions of floats, in the same order.

    After a reset an observable is sampled by force, and forced again when the initial state is set; each forced update also
    counts as a substep's time. From then on it is sampled in the first substep of each of its own periods.
    """

    _FORCED_UPDATES = 2

    def __init__(self, *, substep_s: float, control_freq_hz: int) -> None:
        """Starts after the forced updates.

        Args:
            substep_s: The model's time step.
            control_freq_hz: Control steps a simulated second.
        """
        self._substep_s = substep_s
        self._period_s = 1.0 / control_freq_hz
        self._since_sample_s = 0.0
        self._sampled = False
        for _ in range(self._FORCED_UPDATES):
            self._update(force=True)

    def advance(self, substeps: int) -> int:
        """Goes on by a control step.

        Returns:
            The last of its substeps (from 0) in which observables were sampled, or -1.
        """
        last = -1
        for i in range(substeps):
            if self._update(force=False):
                last = i
        return last

    def _update(self, *, force: bool) -> bool:
        self._since_sample_s += self._substep_s
        sampled_now = force or (not self._sampled and self._period_s - 0.0 >= self._since_sample_s)
        self._sampled = self._sampled or sampled_now
        if self._since_sample_s >= self._period_s:
            sampled_now = sampled_now or not self._sampled
            self._since_sample_s %= self._period_s
            self._sampled = False
        return sampled_now
