"""How the questions of several episodes reach the policy: in one batch, or in threads."""

from __future__ import annotations

import threading
import time
import typing
from collections.abc import Sequence
from queue import SimpleQueue
from typing import cast

import numpy.typing as npt

from harness.episode import Answer, Question, ask
from harness.errors import PolicyError, PolicyOutputError
from harness.policies.base import BatchPolicy
from harness.seeding import GlobalGenerators, generator_fingerprints
from harness.timing import QueryTiming
from harness.types import Episode, Observation, Policy


class Asker(typing.Protocol):
    """Takes the questions of slots, each of which has at most one open, and gives answers back."""

    def policy(self, slot: int) -> Policy:
        """The policy that answers a slot's questions."""

    def put(self, slot: int, question: Question, episode: Episode, generators: GlobalGenerators) -> None:
        """Takes a question.

        Args:
            slot: Whose it is.
            question: A reset or an observation.
            episode: The slot's episode.
            generators: The episode's own, for what the policy runs for this episode alone.
        """

    def answers(self) -> list[tuple[int, Answer]]:
        """Slots and their answers: at least one while a question is open."""

    def close(self) -> None:
        """Closes the policies."""


class BatchAsker:
    """Asks one policy in this thread about all observations that are open, in one call; resets come one by one.

    The call's wall time is divided evenly among its episodes. What it raises becomes the error of all of them.
    """

    def __init__(self, policy: Policy) -> None:
        """Takes a policy that is a `harness.policies.base.BatchPolicy` too."""
        self._policy = policy
        self._resets: list[tuple[int, Episode, GlobalGenerators]] = []
        self._open: list[tuple[int, Observation, Episode]] = []

    def policy(self, slot: int) -> Policy:
        """See `Asker.policy`."""
        return self._policy

    def put(self, slot: int, question: Question, episode: Episode, generators: GlobalGenerators) -> None:
        """See `Asker.put`."""
        if isinstance(question, Episode):
            self._resets.append((slot, question, generators))
        else:
            self._open.append((slot, question, episode))

    def answers(self) -> list[tuple[int, Answer]]:
        """Makes the resets, or else asks about all observations; so that after a reset its first one is in the batch."""
        if self._resets:
            resets, self._resets = self._resets, []
            return [(slot, self._reset(episode, generators)) for slot, episode, generators in resets]
        if not self._open:
            return []
        waiting, self._open = self._open, []
        start = time.perf_counter()
        try:
            chunks = batch_answers(
                cast(BatchPolicy, self._policy), [what for _, what, _ in waiting], [episode for _, _, episode in waiting]
            )
        except Exception as error:  # the episodes' error, not the driver's
            seconds = (time.perf_counter() - start) / len(waiting)
            return [(slot, Answer(None, error, seconds)) for slot, _, _ in waiting]
        whole_s = time.perf_counter() - start
        timing = QueryTiming(0.0, 0.0, whole_s)
        return [
            (slot, Answer(chunk, None, whole_s / len(waiting), timing))
            for (slot, _, _), chunk in zip(waiting, chunks, strict=True)
        ]

    def _reset(self, episode: Episode, generators: GlobalGenerators) -> Answer:
        with generators.in_use():
            return ask(self._policy, episode)

    def close(self) -> None:
        """See `Asker.close`."""
        self._policy.close()


class ThreadAsker:
    """Asks every slot's own policy in a thread, so that its waiting overlaps with whatever this thread does.

    An episode is charged the time that its policy took, in which other episodes may have gone on.
    """

    def __init__(self, policies: Sequence[Policy]) -> None:
        """Takes one policy a slot."""
        self._policies = policies
        self._open = 0
        self._answered: SimpleQueue[tuple[int, Answer]] = SimpleQueue()

    def policy(self, slot: int) -> Policy:
        """See `Asker.policy`."""
        return self._policies[slot]

    def put(self, slot: int, question: Question, episode: Episode, generators: GlobalGenerators) -> None:
        """Asks at once."""
        self._open += 1
        # A daemon: a server that never answers must not keep the process from ending.
        threading.Thread(target=self._ask, args=(slot, question), name=f"policy-{slot}", daemon=True).start()

    def _ask(self, slot: int, question: Question) -> None:
        self._answered.put((slot, ask(self._policies[slot], question)))

    def answers(self) -> list[tuple[int, Answer]]:
        """Waits for one answer, and takes those that came meanwhile."""
        found: list[tuple[int, Answer]] = []
        while self._open and (not found or not self._answered.empty()):
            found.append(self._answered.get())
            self._open -= 1
        return found

    def close(self) -> None:
        """See `Asker.close`."""
        for policy in self._policies:
            policy.close()


def batch_answers(policy: BatchPolicy, observations: list[Observation], episodes: list[Episode]) -> Sequence[npt.ArrayLike]:
    """One call of ``infer_batch``, and what is wrong with it.

    Raises:
        PolicyError: It drew from a global generator.
        PolicyOutputError: It did not answer once for every observation.
        Exception: Whatever it raised.
    """
    before = generator_fingerprints()
    chunks = policy.infer_batch(observations, episodes)
    after = generator_fingerprints()
    drawn = [name for name in before if after.get(name) != before[name]]
    if drawn:
        raise PolicyError(
            f"infer_batch drew from the global generator of {' and '.join(drawn)}: an episode's actions would depend on the "
            "episodes beside it. Draw from episode.generator('policy'), or use --envs-per-worker 1"
        )
    answered = f"{len(chunks)} chunks" if hasattr(chunks, "__len__") else f"a {type(chunks).__name__}"
    if answered != f"{len(observations)} chunks":
        raise PolicyOutputError(
            f"infer_batch was asked about {len(observations)} observations and answered with {answered}; "
            "expected one chunk for each"
        )
    return chunks
