"""The order in which things are measured: all subjects of a task by turns, round after round."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from harness.envs.family import Engine
from harness.errors import EpisodeError
from scripts.bench.crew import Crew
from scripts.bench.samples import Sample, Spent
from scripts.bench.subjects import Harness, Job, Result, UpstreamLoop

# Upstream's loop with both cameras, and without any.
LOOP, LOOP_OFF = "loop", "loop off"
FLOOR = "floor"
SOLVES = "solves"
OFF = "off"
# Policies of whole runs, in words -> URI.
POLICIES = {
    "random, no pictures": "random?chunk=10",
    "both pictures every 10 steps": f"py:{Path(__file__).resolve().with_name('watching.py')}:Watching",
}


def subject_of(engine: Engine, replan: int | str) -> str:
    """An engine at one replan interval, or `OFF` for no pictures at all, such as ``exact 5``."""
    return f"{engine} {replan}"


@dataclass(frozen=True)
class Ending:
    """What shows that two subjects ran the same episode; see `scripts.bench.subjects.Result`."""

    task: str
    round: int
    subject: str
    state_sha256: str
    picture_sha256: str


@dataclass(frozen=True)
class Memory:
    """The most that a subject's process held after its first episode with pictures."""

    task: str
    subject: str
    max_rss_bytes: int


@dataclass(frozen=True)
class ScalingRun:
    """One whole run of the harness: start of the workers, building of models, episodes.

    Attributes:
        policy: In words.
        workers: How many processes.
        round: Runs of one round are compared.
        episodes: How many.
        wall_s: From the call to its return.
    """

    policy: str
    workers: int
    round: int
    episodes: int
    wall_s: float


@dataclass
class Measured:
    """Everything that was measured; tables are made from it alone."""

    samples: list[Sample] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    memory: list[Memory] = field(default_factory=list)
    touching: dict[str, list[float]] = field(default_factory=dict)
    scaling: list[ScalingRun] = field(default_factory=list)

    def add(self, job: Job, number: int, subject: str, spent: dict[str, Spent]) -> None:
        """Keeps what a subject spent on its parts."""
        self.samples += [Sample(job.name, number, subject, part, value) for part, value in spent.items()]

    def add_episode(self, job: Job, number: int, subject: str, result: Result) -> None:
        """Keeps an episode of a subject."""
        self.add(job, number, subject, result.spent)
        self.endings.append(Ending(job.name, number, subject, result.state_sha256, result.picture_sha256))


@dataclass(frozen=True)
class Extent:
    """How much is measured.

    Attributes:
        rounds: Episodes of every subject on every task.
        replans: At which replan intervals.
        engines: Of the harness.
        scaling_policies: Those of `POLICIES` that whole runs are made with.
        scaling_rounds: Runs of every policy and number of workers.
        scaling_episodes: Episodes of either of two tasks in each.
        scaling_steps: Control steps of each.
    """

    rounds: int
    replans: tuple[int, ...]
    engines: tuple[Engine, ...]
    scaling_policies: tuple[str, ...]
    scaling_rounds: int
    scaling_episodes: int
    scaling_steps: int


def measure_task(job: Job, extent: Extent, measured: Measured) -> None:
    """Runs every subject on one task, by turns."""
    makers: dict[str, Callable[[Job], Any]] = {
        LOOP: partial(UpstreamLoop, cameras=True),
        LOOP_OFF: partial(UpstreamLoop, cameras=False),
        **{engine: partial(Harness, engine=engine) for engine in extent.engines},
    }
    with Crew(job, makers) as crew:
        for name in makers:
            note(f"{job.name}: {name}: builds the model and warms up")
            result: Result = crew.ask(name, "warm_up")
            measured.add_episode(job, 0, name, result)
            if name != LOOP_OFF:
                measured.memory.append(Memory(job.name, name, crew.max_rss_bytes(name)))
        for engine in extent.engines:
            crew.ask(engine, "unsettled_start", 0)
        for number in range(1, extent.rounds + 1):
            _measure_round(job, number, extent, crew, measured)


def _measure_round(job: Job, number: int, extent: Extent, crew: Crew, measured: Measured) -> None:
    loop: Result = crew.ask(LOOP, "episode", number)
    measured.add_episode(job, number, LOOP, loop)
    measured.touching.setdefault(job.name, []).append(loop.touching)
    for engine in extent.engines:
        for replan in extent.replans:
            measured.add_episode(job, number, subject_of(engine, replan), crew.ask(engine, "episode", number, replan))
    measured.add_episode(job, number, LOOP_OFF, crew.ask(LOOP_OFF, "episode", number))
    for engine in extent.engines:
        measured.add_episode(job, number, subject_of(engine, OFF), crew.ask(engine, "unseen", number))
        measured.add(job, number, engine, {"unsettled start": crew.ask(engine, "unsettled_start", number)})
    measured.add(job, number, FLOOR, {"step": crew.ask(LOOP, "floor")})
    measured.add(job, number, SOLVES, {"step": crew.ask(LOOP, "solves")})
    note(f"{job.name}: round {number} of {extent.rounds}: upstream's loop {loop.spent['episode'].wall_s:.1f} s")


def measure_scaling(assets: str, extent: Extent, measured: Measured) -> None:
    """Whole runs with one and with two workers, by turns: two tasks of libero_spatial, no videos."""
    from harness.evaluation import evaluate

    for number in range(1, extent.scaling_rounds + 1):
        for policy in extent.scaling_policies:
            for workers in (1, 2):
                with tempfile.TemporaryDirectory() as folder:
                    begin = time.perf_counter()
                    run = evaluate(
                        "libero_spatial",
                        POLICIES[policy],
                        tasks="0-1",
                        episodes=extent.scaling_episodes,
                        max_steps=extent.scaling_steps,
                        workers=workers,
                        assets=assets,
                        video="none",
                        out=str(Path(folder) / "run"),
                        progress=False,
                    )
                    wall_s = time.perf_counter() - begin
                    outcomes: Sequence[str] = list(run.episodes()["outcome"])
                if "error" in outcomes:
                    raise EpisodeError(
                        f"{outcomes.count('error')} of {len(outcomes)} episodes of the scaling run are errors"
                    )
                measured.scaling.append(ScalingRun(policy, workers, number, len(outcomes), wall_s))
                note(f"scaling: {policy}: {workers} worker(s): {len(outcomes)} episodes in {wall_s:.1f} s")


def note(text: str) -> None:
    """Progress, on standard error."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
