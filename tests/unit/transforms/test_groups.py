from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from harness.errors import PolicyError
from harness.transforms.base import At, Constant, Group, Sample, Take, sample_of
from harness.transforms.images import Rotate180
from harness.types import Observation


@dataclass(frozen=True)
class Note:
    """Writes down that it was there."""

    name: str

    def __call__(self, sample: Sample) -> Sample:
        return {**sample, "notes": [*sample.get("notes", []), self.name]}


OUTER = Group((Note("outer in 1"), Note("outer in 2")), (Note("outer out"),))
INNER = Group((Note("inner in"),), (Note("inner out 1"), Note("inner out 2")))


def test_the_inner_group_is_nearer_to_the_model() -> None:
    both = OUTER.then(INNER)
    assert both.before({})["notes"] == ["outer in 1", "outer in 2", "inner in"]
    assert both.after({})["notes"] == ["inner out 1", "inner out 2", "outer out"]


def test_groups_compose_in_any_grouping() -> None:
    third = Group((Note("third"),))
    assert OUTER.then(INNER).then(third) == OUTER.then(INNER.then(third))
    assert OUTER.then(Group()) == OUTER == Group().then(OUTER)


def test_an_observation_becomes_a_flat_map_of_its_own_arrays() -> None:
    image, state = np.zeros((2, 2, 3), dtype=np.uint8), np.arange(8.0)
    sample = sample_of(Observation(images={"wrist": image}, state={"vector": state}, instruction="do it", step=3))
    assert set(sample) == {"image/wrist", "state/vector", "prompt"}
    assert sample["image/wrist"] is image
    assert sample["state/vector"] is state
    assert sample["prompt"] == "do it"


def test_a_step_is_applied_to_the_named_values_alone() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    sample = {"a": image, "b": image, "c": image}
    result = At(("a", "b"), Rotate180())(sample)
    assert np.array_equal(result["a"], image[::-1, ::-1])
    assert np.array_equal(result["b"], image[::-1, ::-1])
    assert result["c"] is image
    assert sample["a"] is image


def test_values_are_taken_under_the_models_names_in_its_order() -> None:
    taken = Take((("task", "prompt"), ("state", "state/vector")))({"state/vector": 1, "prompt": "x", "other": 2})
    assert list(taken.items()) == [("task", "x"), ("state", 1)]


def test_a_constant_is_added() -> None:
    assert Constant("unnorm_key", "bridge")({"a": 1}) == {"a": 1, "unnorm_key": "bridge"}


def test_a_value_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(PolicyError, match="no 'image/wrist', only image/agentview, prompt"):
        At(("image/wrist",), Rotate180())({"image/agentview": 1, "prompt": 2})
