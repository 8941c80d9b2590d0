"""A run's episodes, read back from its directory, and the world to draw or simulate them in again."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.checked_yaml import checked
from harness.envs.families import family_of
from harness.envs.family import Assets, Family
from harness.errors import HarnessError, StoreError, UsageError
from harness.provenance import versions
from harness.recording.trace import Trace, load_trace
from harness.store import RUN_FILE, VIDEOS_FOLDER, Record, final_records, read_info, read_records
from harness.suites import load_suites
from harness.types import PROTOCOL_VIEW, Environment, Episode, Outcome, Protocol, Suite, View

_NEAREST = 3


@dataclass(frozen=True)
class RecordedEpisode:
    """The attempt that counts of an episode.

    Attributes:
        directory: The run directory.
        episode: Which one.
        protocol: What it was run with.
        record: What came of it.
        renderers: What drew pictures in the run's sessions.
    """

    directory: Path
    episode: Episode
    protocol: Protocol
    record: Record
    renderers: tuple[str, ...]

    @property
    def key(self) -> str:
        """The episode's key."""
        return self.episode.key

    @property
    def stem(self) -> str:
        """The name of the attempt's files."""
        return Path(self.record.trace).stem if self.record.trace else self.episode.file_stem

    @property
    def has_trace(self) -> bool:
        """Whether the trace is there; it may be damaged."""
        return self.record.trace is not None and (self.directory / self.record.trace).is_file()

    def trace(self) -> Trace:
        """Reads the trace.

        Raises:
            HarnessError: There is none, it is damaged, or it is not this attempt's.
        """
        if self.record.trace is None:
            raise HarnessError(f"{self.key} has no trace: its attempt ended before there was a state to keep")
        path = self.directory / self.record.trace
        if not path.is_file():
            raise HarnessError(f"{self.key} has no trace: {path} is not there any more")
        trace = load_trace(path)
        if len(trace.actions) != self.record.steps:
            raise HarnessError(
                f"{path} is not the trace of {self.key}: it has {len(trace.actions)} actions, and the record says "
                f"{self.record.steps} steps"
            )
        return trace

    def video_path(self, view: View = PROTOCOL_VIEW) -> Path:
        """Where the video of a view belongs: that of the protocol's own view is the one that a run makes."""
        protocol = self.protocol
        cameras = view.cameras or tuple(protocol.cameras)
        size = (view.width_px or protocol.image_width_px, view.height_px or protocol.image_height_px)
        folder = self.directory / VIDEOS_FOLDER
        if cameras == tuple(protocol.cameras) and size == (protocol.image_width_px, protocol.image_height_px):
            return folder / f"{self.stem}.mp4"
        shown = "+".join("".join(c if c.isalnum() or c in "_-" else "-" for c in name) for name in cameras)
        return folder / f"{self.stem}.{shown}.{size[0]}x{size[1]}.mp4"


class RecordedRun:
    """A run directory whose episodes can be drawn and simulated again."""

    def __init__(self, directory: str | Path) -> None:
        """Reads the directory; no trace is read and nothing is built.

        Raises:
            StoreError: There is no run in it, or it is damaged.
        """
        self.directory = Path(directory)
        self.info = read_info(self.directory)
        try:
            self.family: Family = family_of(self.info["environment"])
            self.protocols = {suite["name"]: self._protocol(suite["protocol"]) for suite in self.info["suites"]}
            self.episodes = self._episodes()
            self._requested = (self.info["request"]["suite"], self.info["request"]["environment"])
            self._assets = {name: str(self.info["assets"][name]) for name in ("kind", "sha256", "root")}
            self._versions = dict(self.info["versions"])
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise StoreError(f"{self.directory / RUN_FILE} is damaged, or not of these episodes: {error!r}") from error

    def select(self, names: Sequence[str] = (), outcomes: Collection[Outcome] = ()) -> list[RecordedEpisode]:
        """The episodes of some names and outcomes, each once, those of a task behind each other.

        Args:
            names: Keys, names of their files, or parts of keys, such as ``task3/init7``; all episodes when empty.
            outcomes: How they ended; all when empty.

        Raises:
            UsageError: There are none, or a name is none's or not one's alone.
        """
        if not self.episodes:
            raise UsageError(f"{self.directory} has no episodes yet")
        named = {self.find(name).key for name in names}
        chosen = [
            one
            for one in self.episodes
            if (one.key in named or not names) and (one.record.outcome in outcomes or not outcomes)
        ]
        if not chosen:
            which = f"the {len(named)} named episodes" if names else f"the {len(self.episodes)} episodes"
            raise UsageError(f"none of {which} of {self.directory} ended in {' or '.join(outcomes)}")
        return chosen

    def find(self, name: str) -> RecordedEpisode:
        """The episode of a key, of a file's name, or of a part of a key that is no other's.

        Raises:
            UsageError: There is none, or there are several; the message names some.
        """
        file = Path(name).name.removesuffix(".npz").removesuffix(".mp4")
        for one in self.episodes:
            if one.key == name or one.stem == file:
                return one
        parts = tuple(name.strip("/").split("/"))
        found = [one for one in self.episodes if _contains(tuple(one.key.split("/")), parts)]
        if len(found) == 1:
            return found[0]
        keys = [one.key for one in found or self.episodes]
        near = difflib.get_close_matches(name, keys, n=_NEAREST, cutoff=0.0)
        if found:
            raise UsageError(
                f"--episode {name!r} may be {len(found)} episodes, such as {', '.join(near)}; say more of the key"
            )
        raise UsageError(f"{self.directory} has no episode {name!r}; of its {len(keys)}, the nearest are {', '.join(near)}")

    def find_assets(self, choice: str, episodes: Iterable[RecordedEpisode]) -> Assets:
        """The assets that the run was made with, or else the ones that there are.

        Args:
            choice: ``auto``, or the ones that the user names.
            episodes: Whose tasks need them.

        Raises:
            AssetsError: There are none.
            UsageError: The choice means nothing here.
        """
        tasks = {one.episode.task for one in episodes}
        if choice != "auto":
            return self.family.assets(choice, tasks)
        recorded = self._assets
        # A set's kind may be its name, and its folder may not be among the usual places.
        found, problems = [], []
        for place in dict.fromkeys(("auto", recorded["kind"], recorded["root"])):
            try:
                assets = self.family.assets(place, tasks)
            except HarnessError as error:
                problems.append(error)
                continue
            if assets.sha256 == recorded["sha256"]:
                return assets
            found.append(assets)
        if not found:
            raise problems[0]
        return found[0]

    def differences(self, assets: Assets, episodes: Iterable[RecordedEpisode]) -> list[str]:
        """What is not as it was when the run was made, of all that may change how episodes go; a line each."""
        recorded, installed = self._assets, versions()
        pairs = {
            "assets": (f"{recorded['kind']} ({recorded['sha256'][:12]})", f"{assets.kind} ({assets.sha256[:12]})"),
            **{name: (self._versions.get(name), installed.get(name)) for name in self.family.simulator_packages},
            **self._fingerprints({(one.episode.suite, one.episode.task_id) for one in episodes}),
        }
        return [f"{name}: the run had {then}, here it is {now}" for name, (then, now) in pairs.items() if then != now]

    def _fingerprints(self, places: Collection[tuple[str, int]]) -> dict[str, tuple[Any, Any]]:
        """What defines some tasks, each given as suite and id: name -> hash in the run, and here."""
        recorded = {(suite["name"], task["task_id"]): task for suite in self.info["suites"] for task in suite["tasks"]}
        here = {(suite.name, task.task_id): task for suite in self._suites() for task in suite.tasks}
        return {
            f"{place[0]} task {place[1]}: {name}": (recorded[place].get(name), value)
            for place in sorted(places)
            for name, value in self.family.fingerprints(here[place]).items()
        }

    def environment(self, assets: Assets) -> Environment:
        """An environment with the protocols that the run was made with.

        Raises:
            UsageError: The run's suites are not here any more, or not with its tasks.
        """
        return self.family.make(self._suites(), self.protocols, assets.root)

    def _suites(self) -> tuple[Suite, ...]:
        """The suites as they are here, with all tasks that the run has episodes of."""
        suites = load_suites(*self._requested)
        here = {(suite.name, task.task_id): task.name for suite in suites for task in suite.tasks}
        for one in self.episodes:
            if here.get((one.episode.suite, one.episode.task_id)) != one.episode.task:
                raise UsageError(
                    f"suite {one.episode.suite!r} is not the one that {self.directory} was made with: task "
                    f"{one.episode.task_id} was {one.episode.task!r}, here it is "
                    f"{here.get((one.episode.suite, one.episode.task_id))!r}"
                )
        return suites

    def _protocol(self, content: dict[str, Any]) -> Protocol:
        values = {name: value for name, value in content.items() if name != "name"}
        fields = checked(self.family.protocol_schema, values, self.directory / RUN_FILE, StoreError, "protocol")
        return Protocol(name=content["name"], **dict(fields))

    def _episodes(self) -> tuple[RecordedEpisode, ...]:
        instructions = {
            (suite["name"], task["task_id"]): task["instruction"] for suite in self.info["suites"] for task in suite["tasks"]
        }
        sessions = [self.info, *self.info["resumed"]]
        renderers = tuple(dict.fromkeys(session["renderer"]["renderer"] for session in sessions))
        order = list(self.protocols)
        final = final_records(read_records(self.directory)).values()
        ordered = sorted(final, key=lambda one: (order.index(one.suite), one.task_id, one.init, one.repeat))
        return tuple(
            RecordedEpisode(
                directory=self.directory,
                episode=_episode(record, instructions[record.suite, record.task_id]),
                protocol=self.protocols[record.suite],
                record=record,
                renderers=renderers,
            )
            for record in ordered
        )


def recorded_keys(directory: Path) -> list[str]:
    """The keys of a run's episodes, for tab completion: quick, and nothing but the records is read.

    Raises:
        StoreError: They cannot be read.
    """
    return sorted(final_records(read_records(directory)))


def _episode(record: Record, instruction: str) -> Episode:
    return Episode(record.suite, record.task_id, record.task, instruction, record.init, record.repeat, record.seed)


def _contains(whole: tuple[str, ...], part: tuple[str, ...]) -> bool:
    """Whether a part stands somewhere in the whole, in one piece."""
    return any(whole[start : start + len(part)] == part for start in range(len(whole) - len(part) + 1))
