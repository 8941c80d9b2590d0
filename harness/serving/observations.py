"""From what came over a wire to the observation that the served policy knows, with errors that name what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import numpy as np

from harness.errors import PolicyError
from harness.policies.served import OBSERVATION_KEY
from harness.transforms.recipes import FRONT, VECTOR, WRIST, front_camera
from harness.types import EnvSpec, Float64Array, Observation, UInt8Array

Value = TypeVar("Value")


@dataclass(frozen=True)
class Reader:
    """Makes observations for an environment of some spec.

    Attributes:
        spec: What the policy was made for.
        needs_images: Whether the policy looks at pictures; they are left out for one that does not.
    """

    spec: EnvSpec
    needs_images: bool

    @property
    def front(self) -> str:
        """The camera that is not at the wrist; ``agentview`` where there is one."""
        return front_camera(self.spec.images) or FRONT

    def openpi(self, request: Any, step: int) -> Observation:
        """Of openpi's request.

        Args:
            request: Decoded: ``observation/image``, ``observation/wrist_image``, ``observation/state``, ``prompt``. From a
                client of ours: a whole observation (`harness.policies.served`).
            step: Of the former, which do not say.

        Raises:
            PolicyError: Something in it has the wrong type or shape. What it lacks is an error when the policy looks at it.
        """
        fields = _a_map(request)
        if OBSERVATION_KEY in fields:
            whole = _a_map(fields[OBSERVATION_KEY])
            images, state = _a_map(whole.get("images")), _a_map(whole.get("state"))
            return self._observation(images, state, whole.get("instruction"), whole.get("step"))
        return self._observation(
            {self.front: fields.get("observation/image"), WRIST: fields.get("observation/wrist_image")},
            {VECTOR: fields.get("observation/state")},
            fields.get("prompt"),
            step,
        )

    def vla_eval(self, payload: Mapping[str, Any], step: int) -> Observation:
        """Of the payload of vla-eval's ``observation``; ``controller_states`` are not read.

        Raises:
            PolicyError: As `openpi`.
        """
        images = _a_map(payload.get("images", {}))
        named = {self.front if name == FRONT else name: image for name, image in images.items()}
        return self._observation(named, {VECTOR: payload.get("states")}, payload.get("task_description"), step)

    def http(self, request: Any, step: int) -> Observation:
        """Of what is posted to OpenVLA (``image``) or OpenVLA-OFT (``full_image``, ``wrist_image``, ``state``).

        Raises:
            PolicyError: As `openpi`.
        """
        fields = _a_map(request)
        return self._observation(
            {self.front: fields.get("full_image", fields.get("image")), WRIST: fields.get("wrist_image")},
            {VECTOR: fields.get("state")},
            fields.get("instruction"),
            step,
        )

    def _observation(
        self, images: Mapping[str, Any], state: Mapping[str, Any], instruction: object, step: object
    ) -> Observation:
        if not isinstance(instruction, str):
            raise PolicyError(f"the instruction must be a text, not {type(instruction).__name__}")
        if type(step) is not int or step < 0:
            raise PolicyError(f"the step must be a whole number from 0, not {step!r}")
        pictures = {name: _picture(name, image) for name, image in images.items() if image is not None and self.needs_images}
        numbers = {name: self._state(name, value) for name, value in state.items() if value is not None}
        return Observation(_Sent("picture", pictures), _Sent("state", numbers), str(instruction), step)

    def _state(self, name: str, value: Any) -> Float64Array:
        try:
            numbers = np.array(value, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise PolicyError(f"state {name!r} must be numbers, not {type(value).__name__}: {error}") from error
        expected = self.spec.state.get(name)
        if expected is None:
            raise PolicyError(f"there is no state {name!r} here; known: {', '.join(self.spec.state)}")
        if numbers.shape != (expected,) or not np.isfinite(numbers).all():
            raise PolicyError(f"state {name!r} must be {expected} finite numbers, not an array of shape {numbers.shape}")
        return numbers


class _Sent(dict[str, Value]):
    """What a request held. A policy that wants something else is told what there is, instead of a bare KeyError."""

    def __init__(self, what: str, values: Mapping[str, Value]) -> None:
        super().__init__(values)
        self._what = what

    def __missing__(self, name: str) -> NoReturn:
        raise PolicyError(f"the policy needs the {self._what} {name!r}, and the request has {_listed(self)}")


def _picture(name: str, image: Any) -> UInt8Array:
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        found = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise PolicyError(f"picture {name!r} must be uint8 (H, W, 3), not {found}")
    if 0 in image.shape:
        raise PolicyError(f"picture {name!r} is empty: {image.shape}")
    return image


def _a_map(request: Any) -> Mapping[str, Any]:
    if not isinstance(request, dict) or not all(isinstance(name, str) for name in request):
        raise PolicyError(
            f"a request, and what holds pictures or states, must be a map by names, not {type(request).__name__}"
        )
    return request


def _listed(names: Iterable[str]) -> str:
    return f"only {', '.join(names)}" if names else "none"
