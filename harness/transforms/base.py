"""Steps on a sample, groups of them, and how an observation becomes a sample and a sample becomes actions.

A sample is one flat map. From an observation it has ``image/CAMERA``, ``state/NAME`` and ``prompt``, as `sample_of` makes
them; what the model's steps rename and add is up to them; the model's answer comes back as ``actions`` (T, A) beside what
the model was given, so that the steps after it can see the state that it started from.

Most steps are about one array and know nothing of samples: `At` applies them to values of a sample. A step that loses
nothing is `Invertible`.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from harness.errors import PolicyError
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


class Invertible:
    """A step that can be undone: ``step.inverse()(step(value))`` is the value again."""

    def __call__(self, value: Any) -> Any:
        """The value after the step."""
        raise NotImplementedError

    def undo(self, value: Any) -> Any:
        """The value that the step would make this one of."""
        raise NotImplementedError

    def inverse(self) -> Inverse:
        """The step the other way round."""
        return Inverse(self)


class SelfInverse(Invertible):
    """A step that undoes itself."""

    def undo(self, value: Any) -> Any:
        """See `Invertible`."""
        return self(value)


@dataclass(frozen=True)
class Inverse(Invertible):
    """Another step, backwards.

    Attributes:
        step: That other step.
    """

    step: Invertible

    def __call__(self, value: Any) -> Any:
        """See `Invertible`."""
        return self.step.undo(value)

    def undo(self, value: Any) -> Any:
        """See `Invertible`."""
        return self.step(value)


@dataclass(frozen=True)
class At:
    """A step on single values, applied to those of a sample.

    Attributes:
        keys: Which values.
        step: What is done to each.
    """

    keys: tuple[str, ...]
    step: Callable[[Any], Any]

    def __call__(self, sample: Sample) -> Sample:
        """See `Transform`."""
        return {**sample, **{key: self.step(value_at(sample, key)) for key in self.keys}}


@dataclass(frozen=True)
class Take:
    """Keeps the named values alone, under the model's names for them (openpi's ``RepackTransform``).

    Attributes:
        names: The model's name -> ours, one pair a value, in the order in which the model is given them.
    """

    names: tuple[tuple[str, str], ...]

    def __call__(self, sample: Sample) -> Sample:
        """See `Transform`."""
        return {theirs: value_at(sample, ours) for theirs, ours in self.names}


@dataclass(frozen=True)
class Constant:
    """Adds a value that is the same every time.

    Attributes:
        key: Where.
        value: Which.
    """

    key: str
    value: Any

    def __call__(self, sample: Sample) -> Sample:
        """See `Transform`."""
        return {**sample, self.key: self.value}


def value_at(sample: Sample, key: str) -> Any:
    """A value of a sample.

    Raises:
        PolicyError: It is not there.
    """
    if key not in sample:
        raise PolicyError(f"the observation has no {key!r}, only {', '.join(sample) or 'nothing'}")
    return sample[key]


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
