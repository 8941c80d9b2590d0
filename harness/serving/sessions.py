"""What the server keeps for a client: its episode, and its place among the others."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

from harness.episode import episode_generators
from harness.errors import PolicyError
from harness.policies.base import BasePolicy
from harness.serving.batching import Inference, Reply
from harness.types import Episode, Observation

# Suite of the made-up episodes: the protocols do not say which episode a client is in.
SUITE = "served"


class Sessions:
    """Opens sessions on one policy, and refuses a second one where the policy could not keep them apart."""

    def __init__(self, inference: Inference) -> None:
        """Takes the thread that asks the policy."""
        self.inference = inference
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._begun: dict[Session, str] = {}

    def open(self, questions: int = 1) -> Session:
        """A new session.

        Args:
            questions: How many questions it may have open at once.
        """
        return Session(self, next(self._numbers), questions)

    def admit(self, session: Session, episode: Episode) -> None:
        """Lets a session begin an episode.

        Raises:
            PolicyError: The policy would confuse it with another session's.
            HarnessError: The policy could not be made.
        """
        stateless = _is_stateless(self.inference.policy())
        with self._lock:
            others = [key for other, key in self._begun.items() if other is not session]
            if others and not stateless and not self.inference.batched:
                raise PolicyError(
                    "this policy has reset() and no infer_batch(): it keeps the state of one episode, so it serves one "
                    "client at a time, and another is connected. End that one, serve a copy on another port, or write "
                    "infer_batch"
                )
            if episode.key in others and not stateless:
                raise PolicyError(
                    f"another client is in the episode {episode.key}, and the policy keeps its state under this key. "
                    "Runs of the same episodes at the same time need a server each"
                )
            self._begun[session] = episode.key

    def forget(self, session: Session) -> None:
        """A session has ended."""
        with self._lock:
            self._begun.pop(session, None)


class Session:
    """One client. Its episodes are made up: the key is ``served/task<session>/init<how many before>/repeat0/seed0``.

    The policy is reset before the first question, and whenever `reset` is called.
    """

    def __init__(self, sessions: Sessions, number: int, questions: int) -> None:
        """Made by `Sessions.open`."""
        self._sessions = sessions
        self._inference = sessions.inference
        self._number = number
        self._resets = itertools.count()
        self._lock = threading.Lock()
        self._episode: Episode | None = None
        self._asked = 0
        self._inference.join_in(self, questions)

    @property
    def asked(self) -> int:
        """Observations since the last reset."""
        return self._asked

    @property
    def begun(self) -> bool:
        """Whether there is an episode."""
        return self._episode is not None

    def reset(self, instruction: str = "", episode: Episode | None = None) -> None:
        """Begins an episode.

        Args:
            instruction: Part of the made-up episode.
            episode: The episode that the client says it is in.

        Raises:
            Exception: Whatever the policy's reset raised, or `Sessions.admit`.
        """
        with self._lock:
            self._reset(instruction, episode)

    def ask(self, observation: Observation, wanted: Callable[[], bool] = lambda: True) -> Reply:
        """Waits for the policy's answer.

        Args:
            observation: What is asked.
            wanted: False once the client has gone.

        Raises:
            Exception: Whatever the policy raised, or what is wrong with its answer.
        """
        with self._lock:
            if self._episode is None:
                self._reset(observation.instruction, None)
            assert self._episode is not None
            self._asked += 1
            answer = self._inference.put(observation, self._episode, self._generators, wanted)
        reply = answer.result()
        assert reply is not None
        return reply

    def close(self) -> None:
        """The client has gone."""
        self._sessions.forget(self)
        self._inference.leave(self)

    def _reset(self, instruction: str, episode: Episode | None) -> None:
        episode = episode or Episode(
            suite=SUITE, task_id=self._number, task=SUITE, instruction=instruction, init=next(self._resets), repeat=0, seed=0
        )
        self._sessions.admit(self, episode)
        generators = episode_generators(episode)
        self._inference.put(episode, episode, generators).result()
        self._episode, self._generators, self._asked = episode, generators, 0


def _is_stateless(policy: object) -> bool:
    """Whether there is nothing to reset: any number of clients can then be answered in turns."""
    untouched = isinstance(policy, BasePolicy) and type(policy).reset is BasePolicy.reset
    return untouched or bool(getattr(policy, "stateless", False))
