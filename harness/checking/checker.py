"""A policy led along an expert's way, and let play for a moment: what that says of it."""

from __future__ import annotations

from pathlib import Path

from harness.checking.agreement import agreement, led
from harness.checking.training_data import Training, against_training, read_training
from harness.checking.walk import Stage, stage
from harness.errors import HarnessError, PolicyUnavailableError
from harness.latency import summarise_queries
from harness.policies.base import PolicyURI
from harness.policies.check import Finding
from harness.registry import make_policy
from harness.types import Policy

# How long a policy plays: two seconds of LIBERO, several chunks of most checkpoints.
ROLLOUT_STEPS = 40


def check_on_suite(
    uri: str, suite: str, *, assets: str = "auto", statistics: Path | None = None, unnorm_key: str | None = None
) -> list[Finding]:
    """Holds a policy against an expert in the first initial state of a suite's first task.

    Args:
        uri: The policy's.
        suite: As `harness.request.Request.suite`.
        assets: As `harness.request.Request.assets`.
        statistics: Of its training data, ``norm_stats.json`` or ``dataset_statistics.json``; None: those that the policy or
            its URI names, if there are any.
        unnorm_key: Which data set's.

    Returns:
        The findings in the order in which they were made.

    Raises:
        UsageError: The suite, or what it needs, is not here; or the statistics cannot be read.
    """
    training = read_training(statistics, unnorm_key) if statistics is not None else None
    scene = stage(suite, uri, assets)
    try:
        policy = make_policy(uri, scene.spec)
        try:
            return _checked(policy, scene, training or _training_of(policy, PolicyURI.parse(uri)))
        finally:
            policy.close()
    finally:
        scene.close()


def _checked(policy: Policy, scene: Stage, training: Training | None) -> list[Finding]:
    if policy.needs_privileged:
        return [Finding("ok", "rollout", "it sees what only a simulator knows: there is nothing to compare it with")]
    findings = _rollout(policy, scene)
    if any(finding.level == "error" for finding in findings):
        return findings
    try:
        walk = scene.walk()
    except HarnessError as error:
        return [*findings, Finding("warning", "expert", f"there is nothing to compare with: {error}")]
    try:
        answers = led(policy, scene.spec, walk, walk.observations)
        findings += agreement(policy, scene.spec, scene.protocol, walk, answers)
        if training is not None:
            findings += against_training(policy, training, walk.observations, answers)
    except Exception as error:  # the policy's own, told as a finding
        findings.append(Finding("error", "infer", f"{type(error).__name__}: {error}"))
    return findings


def _rollout(policy: Policy, scene: Stage) -> list[Finding]:
    result = scene.rollout(policy, ROLLOUT_STEPS)
    if result.error is not None:
        return [Finding("error", "rollout", f"{result.error.type} after {result.steps} steps: {result.error.message}")]
    latency = summarise_queries(result.queries)
    asked = f"{result.steps} steps of {scene.episode.key}, {len(result.queries)} answers"
    if latency is None:
        return [Finding("ok", "rollout", asked)]
    first_ms = 1000 * result.queries[0].timing.total_s
    return [
        Finding("ok", "rollout", asked),
        Finding("ok", "answer times", f"first {first_ms:.1f} ms, p50 {latency.p50_ms:.1f} ms, p99 {latency.p99_ms:.1f} ms"),
    ]


def _training_of(policy: Policy, uri: PolicyURI) -> Training | None:
    """The statistics that a policy has, or that its URI names."""
    own = getattr(policy, "statistics", None)
    if own is not None:
        return Training(own, {})
    for place in (uri.params.get("stats"), uri.body if uri.scheme == "hf" else None):
        if place is not None:
            try:
                return read_training(Path(place), uri.params.get("unnorm_key"))
            except PolicyUnavailableError:
                continue  # the policy has found them elsewhere, or needs none
    return None
