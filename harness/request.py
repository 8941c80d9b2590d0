"""What a user asks for, and what can be said of it without looking at anything."""

from __future__ import annotations

import math
import typing
from dataclasses import dataclass

from harness.envs.family import ENGINES, Engine
from harness.errors import UsageError, suggest
from harness.plan import Selection, parse_indices
from harness.types import STANDARD, RealtimeFiller

# The language that every task has an instruction in.
ENGLISH = "en"

VIDEO_MODES = ("all", "failures", "successes", "none")
# When a run stops: at the end of its plan, or as soon as the answer to --against is clear.
STOP_WHEN = ("end", "decided")

FILLERS = typing.get_args(RealtimeFiller)

TRACKERS = ("wandb", "mlflow", "tensorboard")

_SMALLEST = {
    "episodes": 1, "repeats": 1, "seed": 0, "replan": 1, "max_steps": 1, "workers": 0, "envs_per_worker": 1, "retries": 0,
}  # fmt: skip


@dataclass(frozen=True)
class Request:
    """What a user asks for. The fields are those of `evaluate`."""

    suite: str
    policy: str
    environment: str | None = None
    tasks: str | None = None
    episodes: int | None = None
    init: str | None = None
    repeats: int = 1
    seed: int | None = None
    protocol: str = STANDARD
    replan: int | None = None
    max_steps: int | None = None
    realtime_hz: float | None = None
    realtime_filler: str | None = None
    action_space: str | None = None
    language: str = ENGLISH
    workers: int = 0
    envs_per_worker: int = 1
    engine: Engine = "exact"
    assets: str = "auto"
    gl: str = "auto"
    video: str = "all"
    out: str | None = None
    retries: int = 1
    episode_timeout_s: float | None = None
    errors_as_failures: bool = False
    stop_when: str = "end"
    against: str | None = None
    track: str | None = None

    def __post_init__(self) -> None:
        """Refuses what can be refused without looking at anything.

        Raises:
            UsageError: A number or a word is out of range.
        """
        self._refuse_wrong_types()
        for name, least in _SMALLEST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise UsageError(f"{_option(name)} must be at least {least}, not {value}")
        if self.seed is not None and self.seed >= 2**32:
            raise UsageError(f"--seed must be below 2**32, which is where numpy's seeds end, not {self.seed}")
        if self.episode_timeout_s is not None:
            if not 0 < self.episode_timeout_s < math.inf:
                raise UsageError(f"--episode-timeout must be a positive number of seconds, not {self.episode_timeout_s}")
            if self.workers == 0:
                raise UsageError("--episode-timeout needs a worker process that can be ended: --workers 1 or more")
        if self.engine not in ENGINES:
            raise UsageError(f"there is no --engine {self.engine!r}. {suggest(self.engine, ENGINES)}")
        if self.video not in VIDEO_MODES and not self.video.isdecimal():
            raise UsageError(
                f"--video {self.video!r} is neither a number of videos a task nor a mode. {suggest(self.video, VIDEO_MODES)}"
            )
        self._refuse_wrong_words()
        self._refuse_wrong_realtime()

    def _refuse_wrong_realtime(self) -> None:
        if self.realtime_hz is not None and not 0 < self.realtime_hz < math.inf:
            raise UsageError(f"--realtime must be a positive number of control steps a second, not {self.realtime_hz}")
        if self.realtime_filler is not None and self.realtime_hz is None:
            raise UsageError("--realtime-filler says what is done while the policy thinks; it needs --realtime HZ")
        if self.realtime_filler is not None and self.realtime_filler not in FILLERS:
            raise UsageError(
                f"there is no --realtime-filler {self.realtime_filler!r}. {suggest(self.realtime_filler, FILLERS)}"
            )

    def _refuse_wrong_words(self) -> None:
        if self.stop_when not in STOP_WHEN:
            raise UsageError(f"there is no --stop-when {self.stop_when!r}. {suggest(self.stop_when, STOP_WHEN)}")
        if self.stop_when == "decided" and self.against is None:
            raise UsageError("--stop-when decided needs --against: a success rate such as 0.9, or a run directory")
        if self.stop_when == "end" and self.against is not None:
            raise UsageError("--against says what --stop-when decided is to decide; give both or neither")
        if self.track is not None and self.track not in TRACKERS:
            raise UsageError(f"there is no --track {self.track!r}. {suggest(self.track, TRACKERS)}")

    def _refuse_wrong_types(self) -> None:
        for name, expected in typing.get_type_hints(Request).items():
            value = getattr(self, name)
            expected = {"engine": str, "episode_timeout_s": expected | int, "realtime_hz": expected | int}.get(
                name, expected
            )
            if not isinstance(value, expected):
                wanted = getattr(expected, "__name__", str(expected))
                raise UsageError(f"{_option(name)} must be of type {wanted}, not {value!r}")

    @property
    def selection(self) -> Selection:
        """Which part of the suites is asked for."""
        return Selection(
            tasks=_indices("--tasks", self.tasks),
            init=_indices("--init", self.init),
            episodes=self.episodes,
            repeats=self.repeats,
        )


def _option(field: str) -> str:
    """A field's name on the command line."""
    return "--" + field.removesuffix("_s").removesuffix("_hz").replace("_", "-")


def _indices(option: str, text: str | None) -> tuple[int, ...] | None:
    try:
        return None if text is None else parse_indices(text)
    except UsageError as error:
        raise UsageError(f"{option}: {error}") from error
