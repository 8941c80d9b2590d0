"""Steps on a model's actions (T, A), and on states where they have the same numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.episode import with_gripper_rule
from harness.transforms.base import ACTIONS, Invertible, Sample, value_at
from harness.types import Float64Array, GripperRule


def make_bool_mask(*dims: int) -> tuple[bool, ...]:
    """A mask from runs of dimensions, in openpi's notation.

    Args:
        dims: n > 0: n times True; n < 0: -n times False; 0: nothing. ``(6, -1)`` is six joints and a gripper.
    """
    return tuple(dim > 0 for dim in dims for _ in range(abs(dim)))


@dataclass(frozen=True)
class DeltaFromAbsolute(Invertible):
    """Absolute actions as differences from the state that the model was given; undone, absolute actions from differences.

    Every action of a chunk is relative to that one state (``DeltaActions`` and ``AbsoluteActions`` in
    ``src/openpi/transforms.py`` of Physical-Intelligence/openpi).

    Attributes:
        mask: True where an action is a difference; may be shorter than an action.
        state_key: Where the state (S,) is, in the actions' units; its first numbers belong to the mask's.
    """

    mask: tuple[bool, ...]
    state_key: str

    def __call__(self, sample: Sample) -> Sample:
        """See `harness.transforms.base.Transform`."""
        return self._shifted(sample, -1.0)

    def undo(self, value: Sample) -> Sample:
        """See `harness.transforms.base.Transform`."""
        return self._shifted(value, 1.0)

    def _shifted(self, sample: Sample, sign: float) -> Sample:
        dims = len(self.mask)
        actions = np.array(value_at(sample, ACTIONS), dtype=np.float64)
        state = np.asarray(value_at(sample, self.state_key), dtype=np.float64)
        actions[..., :dims] += sign * np.where(self.mask, state[..., :dims], 0.0)
        return {**sample, ACTIONS: actions}


@dataclass(frozen=True)
class Pad(Invertible):
    """Zeros after the last dimension, up to a model's width; undone, they are cut off.

    Attributes:
        dim: Numbers before.
        width: Numbers after, at least as many.
    """

    dim: int
    width: int

    def __call__(self, value: npt.ArrayLike) -> Float64Array:
        """(..., width) from (..., dim)."""
        array = np.asarray(value, dtype=np.float64)
        return np.concatenate([array, np.zeros((*array.shape[:-1], self.width - self.dim))], axis=-1)

    def undo(self, value: npt.ArrayLike) -> Float64Array:
        """(..., dim) from (..., width); what is `dim` wide already is copied.

        Raises:
            ValueError: It has another width.
        """
        array = np.array(value, dtype=np.float64)
        if array.shape[-1] not in (self.dim, self.width):
            raise ValueError(f"it has {array.shape[-1]} numbers; expected {self.dim} or {self.width}")
        return array[..., : self.dim]


@dataclass(frozen=True)
class Gripper:
    """A gripper rule of `harness.types.Protocol`, for models whose gripper has one meaning whatever the protocol says.

    Attributes:
        rule: Which one.
    """

    rule: GripperRule

    def __call__(self, value: npt.ArrayLike) -> Float64Array:
        """Actions (T, A) from actions (T, A) or one action (A,)."""
        return with_gripper_rule(np.atleast_2d(np.asarray(value, dtype=np.float64)), self.rule)
