"""Several episodes at once in one thread: whatever one waits for, the others go on.

Each has a slot: an environment of its own and the global generators of its own. What an episode computes depends on nothing
outside its slot, so that results are those of `harness.episode.run_episode`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.asking import Asker
from harness.episode import Answer, EpisodeLoop, EpisodeResult, episode_generators, episode_loop, resume, run_episode
from harness.seeding import GlobalGenerators
from harness.types import Environment, EnvSpec, Episode, Policy, Protocol


@dataclass(frozen=True)
class _Running:
    """What an occupied slot holds."""

    loop: EpisodeLoop
    episode: Episode
    generators: GlobalGenerators


class Interleaver:
    """Drives the episodes of several slots."""

    def __init__(self, environments: Sequence[Environment], spec: EnvSpec, asker: Asker) -> None:
        """Takes what the slots need.

        Args:
            environments: One a slot; nobody else steps them while an episode runs in theirs.
            spec: What they take.
            asker: How the policy is asked.
        """
        self._environments = environments
        self._spec = spec
        self._asker = asker
        self._running: dict[int, _Running] = {}
        self._fresh: list[int] = []

    def begin(self, slot: int, episode: Episode, protocols: Mapping[str, Protocol]) -> None:
        """Puts an episode into a free slot; it begins with the next `advance`.

        Args:
            slot: From 0.
            episode: Which one.
            protocols: Suite name -> its protocol.
        """
        loop = episode_loop(
            self._environments[slot], self._spec, self._asker.policy(slot), protocols[episode.suite], episode
        )
        self._running[slot] = _Running(loop, episode, episode_generators(episode))
        self._fresh.append(slot)

    def advance(self) -> list[tuple[int, EpisodeResult]]:
        """Begins what is fresh; if nothing of it ended, answers questions and lets their episodes go on to the next.

        Returns:
            The slots that are free again, with the results of their episodes.
        """
        fresh, self._fresh = self._fresh, []
        ended = [end for slot in fresh if (end := self._resume(slot, None))]
        if ended:
            return ended
        return [end for slot, answer in self._asker.answers() if (end := self._resume(slot, answer))]

    def close(self) -> None:
        """Closes the policies."""
        self._asker.close()

    def _resume(self, slot: int, answer: Answer | None) -> tuple[int, EpisodeResult] | None:
        """Lets a slot's episode go on; None when it has another question."""
        running = self._running[slot]
        with running.generators.in_use():
            turn = resume(running.loop, answer)
        if isinstance(turn, EpisodeResult):
            del self._running[slot]
            return slot, turn
        self._asker.put(slot, turn, running.episode, running.generators)
        return None


class PlainDriver:
    """Drives the episodes of one slot from beginning to end, and asks the policy alone."""

    def __init__(self, environment: Environment, spec: EnvSpec, policy: Policy) -> None:
        """Takes what the slot needs; see `Interleaver`."""
        self._environment = environment
        self._spec = spec
        self._policy = policy
        self._fresh: list[tuple[int, Episode, Protocol]] = []

    def begin(self, slot: int, episode: Episode, protocols: Mapping[str, Protocol]) -> None:
        """See `Interleaver.begin`."""
        self._fresh.append((slot, episode, protocols[episode.suite]))

    def advance(self) -> list[tuple[int, EpisodeResult]]:
        """Runs the episode to its end."""
        fresh, self._fresh = self._fresh, []
        return [
            (slot, run_episode(self._environment, self._spec, self._policy, protocol, episode))
            for slot, episode, protocol in fresh
        ]

    def close(self) -> None:
        """Closes the policy."""
        self._policy.close()
