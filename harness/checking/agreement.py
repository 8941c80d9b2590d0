"""How well a policy's answers agree with an expert's way, as it is shown the world and under other conventions.

A policy that solves the task moves about as the expert does. If it agrees much better when its pictures are turned, it has
been turning them wrongly.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from harness.checking.variations import Variation, variations
from harness.checking.walk import Walk
from harness.episode import with_gripper_rule
from harness.policies.base import checked_chunk
from harness.policies.check import Finding
from harness.types import EnvSpec, Float64Array, Observation, Policy, Protocol

# A convention is called wrong when another agrees by so much more (cosines), and that well at least.
_MARGIN, _WELL = 0.15, 0.4
# When actions are called saturated: so many numbers at their limits, or one so many times beyond them.
_SATURATED_SHARE, _AT_LIMIT, _FAR_BEYOND = 0.35, 0.99, 2.0
# Shares of observations at which a gripper does as the expert's: what says something, and what says the opposite.
_GRIPPER_AGREES, _GRIPPER_OPPOSES = 0.75, 0.3


def agreement(policy: Policy, spec: EnvSpec, protocol: Protocol, walk: Walk, answers: Float64Array) -> list[Finding]:
    """What a policy's answers along an expert's way say of its conventions.

    Args:
        policy: Is reset before every time that it is led along the way.
        spec: What the environment shows and takes.
        protocol: Whose gripper rule is applied.
        walk: The expert's.
        answers: The policy's along it, as shown; see `led`.
    """
    findings = [_saturated(answers, spec), *_gripper(_applied(answers, policy, protocol), answers, walk.actions)]
    as_shown = similarity(answers, walk.actions)
    return [*findings, *_conventions(policy, spec, walk, answers, as_shown)]


def led(policy: Policy, spec: EnvSpec, walk: Walk, observations: Sequence[Observation]) -> Float64Array:
    """The first action of a policy's answer to each observation, (N, A), the policy reset before.

    Raises:
        Exception: Whatever the policy raises.
    """
    policy.reset(walk.episode)
    shown = observations if policy.needs_images else [dataclasses.replace(one, images={}) for one in observations]
    return np.array([checked_chunk(policy.infer(one), spec.action_dim)[0] for one in shown])


def similarity(answers: Float64Array, expert: Float64Array) -> float:
    """The cosine between two ways (N, A), the gripper left out: 1 for the same but for its size, 0 for no motion."""
    mine, theirs = answers[:, :-1], expert[:, :-1]
    scale = float(np.linalg.norm(mine) * np.linalg.norm(theirs))
    return float((mine * theirs).sum()) / scale if scale > 1e-9 else 0.0


def _conventions(policy: Policy, spec: EnvSpec, walk: Walk, answers: Float64Array, as_shown: float) -> list[Finding]:
    findings = []
    for kind in ("pictures", "state"):
        if kind == "pictures" and not policy.needs_images:
            continue
        scores: dict[str, float] = {}
        heeded = False
        for variation in (one for one in variations() if one.of == kind):
            varied = _led_so(policy, spec, walk, variation)
            if varied is not None:
                heeded = heeded or not np.array_equal(varied, answers)
                scores[variation.name] = similarity(varied, walk.actions)
        findings.append(_judged(kind, scores, as_shown, heeded=heeded))
    return findings


def _led_so(policy: Policy, spec: EnvSpec, walk: Walk, variation: Variation) -> Float64Array | None:
    """The answers under a variation; None where the policy cannot be shown it, which is fine."""
    try:
        return led(policy, spec, walk, [variation.of_observation(one) for one in walk.observations])
    except Exception:  # whatever a policy raises at what it was not made for
        return None


def _judged(kind: str, scores: dict[str, float], as_shown: float, *, heeded: bool) -> Finding:
    if not scores:
        return Finding("ok", kind, f"it takes the {kind} in no other convention, so none could be compared")
    if not heeded:
        return Finding("warning" if kind == "pictures" else "ok", kind, f"the answers do not depend on the {kind}")
    best = max(scores, key=lambda name: scores[name])
    seen = f"as shown the answers agree with an expert's by {as_shown:.2f} (cosine)"
    if scores[best] >= _WELL and scores[best] - as_shown >= _MARGIN:
        return Finding(
            "warning",
            kind,
            f"{seen}, and by {scores[best]:.2f} when it is shown other {kind}: {best}. The policy seems to have this "
            "convention wrong",
        )
    if as_shown < _WELL:
        return Finding("ok", kind, f"{seen}: too little to tell conventions apart (best: {best}, {scores[best]:.2f})")
    return Finding("ok", kind, f"{seen}; no other convention agrees better (next: {best}, {scores[best]:.2f})")


def _saturated(answers: Float64Array, spec: EnvSpec) -> Finding:
    low, high = np.array(spec.action_low)[:-1], np.array(spec.action_high)[:-1]
    reach = np.abs(answers[:, :-1] - (low + high) / 2) / ((high - low) / 2)
    share = float((reach >= _AT_LIMIT).mean())
    extent = f"{share:.0%} of the numbers at or beyond their limits, the farthest at {reach.max():.3g} times its limit"
    if share >= _SATURATED_SHARE or reach.max() >= _FAR_BEYOND:
        asked = "were the actions un-normalised, once, and with the right data set's statistics?"
        return Finding("warning", "saturation", f"{extent}: {asked}")
    return Finding("ok", "saturation", extent)


def _applied(answers: Float64Array, policy: Policy, protocol: Protocol) -> Float64Array:
    return answers if policy.raw_actions else with_gripper_rule(answers, protocol.gripper)


def _gripper(applied: Float64Array, answers: Float64Array, expert: Float64Array) -> list[Finding]:
    mine, theirs, said = applied[:, -1], expert[:, -1], answers[:, -1]
    if np.ptp(theirs) == 0:
        return []
    # The gripper's own middle: 0 for commands from -1 to 1, half open for openings in m.
    middle = (theirs.min() + theirs.max()) / 2
    agrees = float(((mine > middle) == (theirs > middle)).mean())
    found = f"opens and closes as the expert's at {agrees:.0%} of the observations"
    from_0_to_1 = bool((np.abs(said - 0.5) <= 0.55).all()) and said.min() < 0.25 and said.max() > 0.75
    unmapped = from_0_to_1 and theirs.min() < 0 and np.array_equal(mine, said)
    if unmapped:
        hint = "it says 0 to 1, and the simulator takes -1 (open) to 1 (close); choose a protocol or preset that maps it"
        return [Finding("warning", "gripper", f"{found}; {hint}")]
    if agrees <= _GRIPPER_OPPOSES:
        return [Finding("warning", "gripper", f"{found}: its sign seems to be the other way round")]
    if agrees < _GRIPPER_AGREES:
        found += ", which says little"
    return [Finding("ok", "gripper", found)]
