"""What a policy is given and answers, held against the statistics of the data that it was trained on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.checking.variations import AXIS_ANGLE, orientations, place_of
from harness.errors import HarnessError
from harness.policies.check import Finding
from harness.transforms.recipes import VECTOR
from harness.transforms.statistics import OPENVLA_FILE, Statistics, VectorStatistics, read_statistics
from harness.types import Float64Array, Observation, Policy

# A number so many standard deviations off does not come from the data; half as many is still likely. The mistake that this
# is for, a quaternion read in the wrong order, is 8.5 off (LIBERO's gripper looks down).
_OFF = 5.0
# Another convention fits better when its worst number is so many times nearer.
_BETTER = 2.0
# Added to standard deviations: some numbers of a state hardly move.
_LEAST_STD = 1e-3
# By what factor the spread of actions may differ from the data's before it is said.
_SPREAD = 3.0


@dataclass(frozen=True)
class Training:
    """Statistics, and those of the other data sets in their file.

    Attributes:
        chosen: What the policy normalises with, or the user names.
        others: Data set's name -> its statistics.
    """

    chosen: Statistics
    others: dict[str, Statistics]


def read_training(path: Path, unnorm_key: str | None) -> Training:
    """Reads statistics and what else is in their file.

    Raises:
        PolicyUnavailableError: See `read_statistics`.
    """
    chosen = read_statistics(path, unnorm_key)
    if chosen.key is None:
        return Training(chosen, {})
    file = path / OPENVLA_FILE if path.is_dir() else path
    names = [name for name in json.loads(file.read_bytes()) if name != chosen.key]
    others = {}
    for name in names:
        try:
            others[name] = read_statistics(path, name)
        except HarnessError:
            continue  # a data set that nobody asked about may be damaged
    return Training(chosen, others)


def against_training(
    policy: Policy, training: Training, observations: Sequence[Observation], answers: Float64Array
) -> list[Finding]:
    """What statistics say of a policy's state, data set and actions.

    Args:
        policy: May have ``model_state(observation)``, the state vector that it gives its model before normalising; without
            it that is the environment's.
        training: Of its data.
        observations: Of an episode, the first one included.
        answers: Its first action to each, (N, A).
    """
    chosen = training.chosen
    findings = [_quantiles(chosen)]
    if chosen.state is not None:
        given = np.array([_given(policy, one) for one in observations])
        findings += [_state(given, observations, chosen.state), *_data_set(given, training)]
    return [*findings, _spread(answers, chosen.actions)]


def z_scores(values: Float64Array, statistics: VectorStatistics) -> Float64Array:
    """How many standard deviations the median of some vectors (N, D) is off, (D,); what pads the statistics is left out."""
    count = values.shape[1]
    mean, std = np.array(statistics.mean)[:count], np.array(statistics.std)[:count]
    return np.asarray((np.median(values, axis=0)[: len(mean)] - mean) / (std + _LEAST_STD))


def _given(policy: Policy, observation: Observation) -> Float64Array:
    # getattr: a policy of another package need not know of it.
    own = getattr(policy, "model_state", lambda _: None)(observation)
    return np.asarray(observation.state[VECTOR] if own is None else own, dtype=np.float64)


def _quantiles(statistics: Statistics) -> Finding:
    lacking = [
        name
        for name, part in (("actions", statistics.actions), ("state", statistics.state))
        if part is not None and not part.has_quantiles
    ]
    if lacking:
        return Finding(
            "warning", "statistics", f"q01 and q99 of {' and '.join(lacking)} are missing: only z-scores can be had"
        )
    key = "" if statistics.key is None else f" of {statistics.key}"
    return Finding("ok", "statistics", f"means, deviations and quantiles{key} are there")


def _state(given: Float64Array, observations: Sequence[Observation], statistics: VectorStatistics) -> Finding:
    if given.shape[1] > len(statistics.mean):
        return Finding(
            "error",
            "state",
            f"the model is given {given.shape[1]} numbers as its state, and its training data have {len(statistics.mean)}",
        )
    as_given = z_scores(given, statistics)
    worst = int(np.argmax(np.abs(as_given)))
    said = f"dimension {worst} is {abs(as_given[worst]):.1f} standard deviations from the training data"
    if abs(as_given[worst]) < _OFF:
        return Finding("ok", "state", f"{said} at most")
    fits = {name: float(np.abs(z_scores(vectors, statistics)).max()) for name, vectors in _candidates(observations).items()}
    best = min(fits, key=lambda name: fits[name], default=None)
    if best is None or fits[best] * _BETTER > abs(as_given[worst]):
        return Finding("warning", "state", f"{said}, and no other convention of the orientation fits much better")
    made = _made_so(given, observations)
    how = f"; the policy gives its model this: {made}" if made is not None and made != best else ""
    return Finding("warning", "state", f"{said}{how}. What fits ({fits[best]:.1f} at most) is the orientation with {best}")


def _candidates(observations: Sequence[Observation]) -> dict[str, Float64Array]:
    """The environment's state vectors (N, D) with the orientation under every convention."""
    found: dict[str, list[Float64Array]] = {}
    for observation in observations:
        vector = observation.state[VECTOR]
        start = place_of(observation.state[AXIS_ANGLE], vector) if AXIS_ANGLE in observation.state else None
        if start is None:
            continue
        for name, orientation in orientations(observation).items():
            changed = vector.copy()
            changed[start : start + 3] = orientation
            found.setdefault(name, []).append(changed)
    return {name: np.array(vectors) for name, vectors in found.items()}


def _made_so(given: Float64Array, observations: Sequence[Observation]) -> str | None:
    """Which convention the state that a policy gives its model has."""
    for name, vectors in _candidates(observations).items():
        if vectors.shape == given.shape and np.allclose(vectors, given, atol=1e-4):
            return name
    return None


def _data_set(given: Float64Array, training: Training) -> list[Finding]:
    """Whether another data set of the same file fits the state better."""
    if not training.others or training.chosen.state is None:
        return []
    own = float(np.abs(z_scores(given, training.chosen.state)).max())
    fits = {
        name: float(np.abs(z_scores(given, one.state)).max())
        for name, one in training.others.items()
        if one.state is not None and len(one.state.mean) >= given.shape[1]
    }
    best = min(fits, key=lambda name: fits[name], default=None)
    if best is not None and own >= _OFF and fits[best] * _BETTER < own:
        return [
            Finding(
                "warning",
                "unnorm_key",
                f"the state does not come from {training.chosen.key} ({own:.1f} standard deviations off); it fits {best} "
                f"({fits[best]:.1f}): unnorm_key={best}?",
            )
        ]
    return [Finding("ok", "unnorm_key", f"{training.chosen.key} fits the state as well as any of {len(fits) + 1} data sets")]


def _spread(answers: Float64Array, statistics: VectorStatistics) -> Finding:
    """Whether actions spread as the data do, or as normalised numbers would."""
    count = min(answers.shape[1], len(statistics.std)) - 1
    std = np.array(statistics.std)[:count] + _LEAST_STD
    off = (answers[:, :count] - np.array(statistics.mean)[:count]) / std
    ratio = np.sqrt((off**2).mean(axis=0))
    wide = np.flatnonzero(ratio > _SPREAD)
    dimensions = ", ".join(map(str, wide))
    if len(wide):
        return Finding(
            "warning",
            "actions and data",
            f"dimensions {dimensions} spread up to {ratio.max():.1f} times as far as the training data's: were the actions "
            "un-normalised, and with this data set's statistics?",
        )
    if ratio.max() < 1 / _SPREAD**2:
        return Finding("warning", "actions and data", "the actions hardly move, compared with the training data's")
    return Finding("ok", "actions and data", f"spread at most {ratio.max():.1f} times the training data's")
