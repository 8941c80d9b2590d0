"""Steps on a sample, groups of them, and how an observation becomes a sample and a sample becomes actions.

A sample is one flat map. From an observation it has ``image/CAMERA``, ``state/NAME`` and ``prompt``, as `sample_of` makes
them; what the model's steps rename and add is up to them; the model's answer comes back as ``actions`` (T, A) beside what the
model was given, so that the steps after it can see the state that it started from.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from harness.types import Observation

Sample = Mapping[str, Any]

IMAGE, STATE, PROMPT, ACTIONS = "image/", "state/", "prompt", "actions"


class Transform(typing.Protocol):
    """One step. It makes a new sample, and writes into neither the old one nor its arrays."""

    def __call__(self, sample: Sample) -> Sample:
        """The sample after the step.

        Raises:
            PolicyError: The sample lacks what the step needs, or it has another shape or type.
        """


@dataclass(frozen=True)
class Group:
    """Steps before and after a model; the outermost is the first before it and the last after it.

    Attributes:
        inputs: Before the model, in their order.
        outputs: After the model, in their order.
    """

    inputs: tuple[Transform, ...] = ()
    outputs: tuple[Transform, ...] = ()

    def then(self, inner: Group) -> Group:
        """Both groups, `inner` nearer to the model."""
        return Group((*self.inputs, *inner.inputs), (*inner.outputs, *self.outputs))

    def before(self, sample: Sample) -> Sample:
        """What the model is given."""
        return apply(self.inputs, sample)

    def after(self, sample: Sample) -> Sample:
        """What comes of the model's answer."""
        return apply(self.outputs, sample)


def apply(steps: tuple[Transform, ...], sample: Sample) -> Sample:
    """The sample after all steps."""
    return reduce(lambda now, step: step(now), steps, sample)


def sample_of(observation: Observation) -> Sample:
    """The sample of an observation; the arrays are the observation's own."""
    images = {IMAGE + name: image for name, image in observation.images.items()}
    state = {STATE + name: value for name, value in observation.state.items()}
    return {**images, **state, PROMPT: observation.instruction}
