"""The same observation under other conventions: what a policy would have to be shown if it had that convention wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from harness.transforms.images import FlipHorizontal, FlipVertical, Rotate180, SwapRedBlue
from harness.transforms.recipes import VECTOR
from harness.transforms.rotations import WxyzFromXyzw, axis_angle, shorter_way
from harness.types import Float64Array, Observation, UInt8Array

QUATERNION, AXIS_ANGLE = "eef_quat_xyzw", "eef_axis_angle"


@dataclass(frozen=True)
class Variation:
    """An observation under another convention.

    Attributes:
        name: What is different, in words.
        of: ``pictures`` or ``state``.
        of_observation: The same moment so; what cannot be said in it is left as it is.
    """

    name: str
    of: str
    of_observation: Callable[[Observation], Observation]


def channels_first(image: UInt8Array) -> UInt8Array:
    """(H, W, 3) whose bytes are those of the picture as (3, H, W)."""
    return np.ascontiguousarray(image.transpose(2, 0, 1)).reshape(image.shape)


_PICTURES: Mapping[str, Callable[[UInt8Array], UInt8Array]] = MappingProxyType(
    {
        "rotated by 180 degrees": Rotate180(),
        "flipped upside down": FlipVertical(),
        "mirrored left to right": FlipHorizontal(),
        "BGR in place of RGB": SwapRedBlue(),
        "channels first (CHW) in place of last": channels_first,
    }
)


def other_order(quaternion: Float64Array) -> Float64Array:
    """A quaternion xyzw (4,) whose numbers are taken to be wxyz, written as xyzw again."""
    read: Float64Array = WxyzFromXyzw().undo(quaternion)
    return read


def orientations(observation: Observation) -> dict[str, Float64Array]:
    """How the end effector's orientation may come to stand in a state, as axis-angle (3,), rad, by what was done to it.

    Empty where the observation has no quaternion xyzw.
    """
    if QUATERNION not in observation.state:
        return {}
    right = observation.state[QUATERNION]
    return {
        "its angle up to 2 pi": axis_angle(right),
        "its angle up to pi": axis_angle(shorter_way(right)),
        "the quaternion's other sign (antipodal)": axis_angle(-right),
        "xyzw read as wxyz": axis_angle(other_order(right)),
    }


def variations() -> tuple[Variation, ...]:
    """All of them."""
    pictures = [Variation(name, "pictures", _with_pictures(change)) for name, change in _PICTURES.items()]
    state = [
        # What such a policy must be shown to read it right: the order undone.
        Variation("xyzw read as wxyz", "state", _with_orientation(WxyzFromXyzw())),
        Variation("the quaternion's other sign (antipodal)", "state", _with_orientation(np.negative)),
    ]
    return (*pictures, *state)


def _with_pictures(change: Callable[[UInt8Array], UInt8Array]) -> Callable[[Observation], Observation]:
    def varied(observation: Observation) -> Observation:
        return dataclasses.replace(observation, images={name: change(image) for name, image in observation.images.items()})

    return varied


def _with_orientation(change: Callable[[Float64Array], Float64Array]) -> Callable[[Observation], Observation]:
    def varied(observation: Observation) -> Observation:
        if QUATERNION not in observation.state:
            return observation
        before = observation.state[AXIS_ANGLE]
        quaternion = change(observation.state[QUATERNION])
        after = axis_angle(quaternion)
        vector = observation.state[VECTOR].copy()
        start = place_of(before, vector)
        if start is not None:
            vector[start : start + 3] = after
        state = {**observation.state, QUATERNION: quaternion, AXIS_ANGLE: after, VECTOR: vector}
        return dataclasses.replace(observation, state=state)

    return varied


def place_of(part: Float64Array, vector: Float64Array) -> int | None:
    """Where a part stands in a vector; None where it does not."""
    places = [i for i in range(len(vector) - len(part) + 1) if np.array_equal(vector[i : i + len(part)], part)]
    return places[0] if places else None
