"""The episode loop: the only place in the project that steps an environment with a policy's actions.

The loop is a generator: it gives a question for the policy and is sent the answer. Who drives it decides how the policy is
asked: `run_episode` at once and alone, `harness.interleaving` together with other episodes' questions.
"""

from __future__ import annotations

import hashlib
import time
import traceback
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.policies.base import checked_chunk
from harness.query_log import Query
from harness.realtime import Filler, stale_steps
from harness.recording.trace import Trace, TraceRecorder
from harness.seeding import GlobalGenerators
from harness.timing import QueryTiming
from harness.types import (
    Environment,
    EnvSpec,
    Episode,
    Float64Array,
    GripperRule,
    Observation,
    Outcome,
    Policy,
    Protocol,
    UInt8Array,
)


@dataclass(frozen=True)
class Failure:
    """Why an episode is an error.

    Attributes:
        type: Name of the exception's class.
        message: What it says.
        traceback: Where it came from, for the run's ``errors`` folder.
    """

    type: str
    message: str
    traceback: str = ""

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Describes an exception that is being handled."""
        text = "".join(traceback.format_exception(error))
        return cls(type=type(error).__name__, message=str(error) or repr(error), traceback=text)


@dataclass(frozen=True)
class EpisodeResult:
    """What came out of one attempt at an episode.

    Attributes:
        outcome: Success, failure or error.
        steps: Control steps that the policy's actions were applied for.
        error: Why it is an error; None otherwise.
        scene_sha256: Hash of the settled scene; None when the error came before it.
        frame_sha256: Hash of the first pictures; None when the policy looked at none.
        trace: States and applied actions so far; None when the error came before settling.
        policy_s: Wall seconds in the policy, as `Answer.seconds` has them.
        physics_s: Wall seconds in resetting and stepping.
        render_s: Wall seconds in observing.
        queries: One for every answer with actions.
    """

    outcome: Outcome
    steps: int
    error: Failure | None
    scene_sha256: str | None
    frame_sha256: str | None
    trace: Trace | None
    policy_s: float
    physics_s: float
    render_s: float
    queries: tuple[Query, ...] = ()


class Stopwatch:
    """Adds up wall seconds by name."""

    def __init__(self) -> None:
        self.seconds = {"policy": 0.0, "physics": 0.0, "render": 0.0}

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Adds the block's wall time to `name`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - start


# What the loop wants of the policy: to be reset for an episode, or to answer an observation.
Question = Episode | Observation


@dataclass(frozen=True)
class Answer:
    """What came of a question.

    Attributes:
        chunk: What the policy answered to an observation; None after a reset.
        error: What it raised instead.
        seconds: Wall seconds that the episode's record is charged for it.
        timing: Where the time from asking to the answer went; None of a reset and of an error.
    """

    chunk: npt.ArrayLike | None
    error: Exception | None
    seconds: float
    timing: QueryTiming | None = None


EpisodeLoop = Generator[Question, Answer, EpisodeResult]


def run_episode(
    environment: Environment, spec: EnvSpec, policy: Policy, protocol: Protocol, episode: Episode
) -> EpisodeResult:
    """Runs one episode to its end. What the environment or the policy raises becomes the result's error.

    Args:
        environment: Where it runs; reset here.
        spec: What the environment takes.
        policy: What is queried; reset here.
        protocol: Step budget, gripper rule, replanning.
        episode: Which one.
    """
    loop = episode_loop(environment, spec, policy, protocol, episode)
    with episode_generators(episode).in_use():
        turn = resume(loop)
        while not isinstance(turn, EpisodeResult):
            turn = resume(loop, ask(policy, turn))
    return turn


def episode_generators(episode: Episode) -> GlobalGenerators:
    """The global generators of an episode, for its environment and its policy."""
    return GlobalGenerators(episode.derived_seed("policy's global generators"))


def resume(loop: EpisodeLoop, answer: Answer | None = None) -> Question | EpisodeResult:
    """Lets an episode go on until its next question, or to its end.

    Args:
        loop: From `episode_loop`.
        answer: To its last question; None at the beginning.
    """
    try:
        return next(loop) if answer is None else loop.send(answer)
    except StopIteration as end:
        result: EpisodeResult = end.value
        return result


def ask(policy: Policy, question: Question) -> Answer:
    """Asks a policy one question, and times it."""
    start = time.perf_counter()
    chunk, error = None, None
    try:
        if isinstance(question, Episode):
            policy.reset(question)
        else:
            chunk = policy.infer(question)
    except Exception as raised:  # the episode's error, not the driver's
        error = raised
    seconds = time.perf_counter() - start
    if error is not None or isinstance(question, Episode):
        return Answer(None, error, seconds)
    # getattr: a policy of another package need not know of it.
    known: QueryTiming | None = getattr(policy, "timing", None)
    timing = QueryTiming(0.0, 0.0, seconds) if known is None else known.within(seconds)
    return Answer(chunk, None, seconds, timing)


def episode_loop(
    environment: Environment, spec: EnvSpec, policy: Policy, protocol: Protocol, episode: Episode
) -> EpisodeLoop:
    """The loop of one episode, as a generator that gives questions and is sent answers.

    Nothing runs before it is first resumed. The first question is the reset. What the environment raises, and what an
    answer says that the policy raised, becomes the result's error.

    Args:
        environment: Where it runs; reset here.
        spec: What the environment takes.
        policy: Says what it needs to see; it is not called here.
        protocol: Step budget, gripper rule, replanning.
        episode: Which one.
    """
    run = _Running(environment, spec, policy, protocol, episode)
    try:
        reached = yield from run.until_the_end()
        return run.result("success" if reached else "failure", None)
    except Exception as error:  # whatever is raised, the episode is an error and the run goes on
        return run.result("error", Failure.of(error))


class _Running:
    """One episode while it runs."""

    def __init__(
        self, environment: Environment, spec: EnvSpec, policy: Policy, protocol: Protocol, episode: Episode
    ) -> None:
        self._environment = environment
        self._spec = spec
        self._policy = policy
        self._protocol = protocol
        self._episode = episode
        self._recorder = TraceRecorder()
        self._watch = Stopwatch()
        self._actions: deque[Float64Array] = deque()
        self._filler = Filler(protocol)
        self._queries: list[Query] = []
        self._scene_sha256: str | None = None
        self._frame_sha256: str | None = None
        self._steps = 0

    def until_the_end(self) -> Generator[Question, Answer, bool]:
        with self._watch.measure("physics"):
            scene_sha256 = self._environment.reset(self._episode)
            self._recorder.begin(self._environment.state())
        self._scene_sha256 = scene_sha256
        yield from self._told(self._episode)
        while self._steps < self._protocol.max_steps:
            if not self._actions:
                chunk, stale = yield from self._query()
                self._actions.extend(self._filler.waiting(stale))
                self._actions.extend(self._filler.planned(chunk, stale))
            if self._step(self._actions.popleft()):
                return True
        return False

    def _step(self, action: Float64Array) -> bool:
        with self._watch.measure("physics"):
            reached = self._environment.step(action)
            self._steps += 1
            self._recorder.add(action, self._environment.state())
        return reached

    def _query(self) -> Generator[Question, Answer, tuple[Float64Array, int]]:
        """A chunk, and how many control steps went by while it was thought of."""
        with self._watch.measure("render"):
            observation = self._environment.observe(
                images=self._policy.needs_images, privileged=self._policy.needs_privileged
            )
        if self._frame_sha256 is None and observation.images:
            self._frame_sha256 = frame_sha256(observation.images)
        answer = yield from self._told(observation)
        with self._watch.measure("policy"):
            chunk = checked_chunk(answer.chunk, self._spec.action_dim)
        timing = answer.timing or QueryTiming(0.0, 0.0, answer.seconds)
        stale = min(stale_steps(timing.total_s, self._protocol), self._protocol.max_steps - self._steps)
        self._queries.append(Query(self._steps, timing, stale))
        return chunk if self._policy.raw_actions else with_gripper_rule(chunk, self._protocol.gripper), stale

    def _told(self, question: Question) -> Generator[Question, Answer, Answer]:
        answer = yield question
        self._watch.seconds["policy"] += answer.seconds
        if answer.error is not None:
            raise answer.error
        return answer

    def result(self, outcome: Outcome, error: Failure | None) -> EpisodeResult:
        seconds = self._watch.seconds
        return EpisodeResult(
            outcome=outcome,
            steps=self._steps,
            error=error,
            scene_sha256=self._scene_sha256,
            frame_sha256=self._frame_sha256,
            trace=self._recorder.trace() if self._scene_sha256 is not None else None,
            policy_s=seconds["policy"],
            physics_s=seconds["physics"],
            render_s=seconds["render"],
            queries=tuple(self._queries),
        )


def with_gripper_rule(chunk: Float64Array, rule: GripperRule) -> Float64Array:
    """Applies a protocol's gripper rule to the last number of every action.

    Args:
        chunk: Actions (T, A).
        rule: See `harness.types.Protocol`.

    Returns:
        Actions (T, A); the same array for ``as_is``.
    """
    if rule == "as_is":
        return chunk
    gripper = chunk[:, -1]
    closed = np.where(gripper < 0, -1.0, 1.0) if rule == "binarize" else -np.sign(2.0 * gripper - 1.0)
    return np.concatenate([chunk[:, :-1], closed[:, np.newaxis]], axis=1)


def frame_sha256(images: Mapping[str, UInt8Array]) -> str:
    """SHA-256 over pictures: for every camera in the order of names, the name, the shape and the bytes."""
    digest = hashlib.sha256()
    for name in sorted(images):
        digest.update(f"{name}{images[name].shape}".encode())
        digest.update(np.ascontiguousarray(images[name]).tobytes())
    return digest.hexdigest()
