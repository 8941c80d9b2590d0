"""One thread that owns a policy and answers everybody's questions, several in one call where the policy can."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

import numpy.typing as npt

from harness.asking import batch_answers
from harness.episode import Answer, Question, ask
from harness.errors import PolicyError, PolicyUnavailableError
from harness.policies.base import BatchPolicy, checked_chunk
from harness.seeding import GlobalGenerators
from harness.types import Episode, Float64Array, Observation, Policy


@dataclass(frozen=True)
class Batching:
    """When questions are put to the policy.

    Attributes:
        max_batch: Observations in one call at most; 1 for a policy that cannot answer several.
        max_wait_s: How long the oldest question waits for others, at most. Nobody waits when every client has asked.
    """

    max_batch: int = 1
    max_wait_s: float = 0.0


@dataclass(frozen=True)
class Reply:
    """What came of an observation.

    Attributes:
        chunk: Actions (T, A), checked.
        queue_ms: From asking until the model began.
        infer_ms: In the model; of a batch the whole call.
        batch_size: Observations in that call.
    """

    chunk: Float64Array
    queue_ms: float
    infer_ms: float
    batch_size: int


@dataclass(frozen=True)
class Counts:
    """What a server has done so far.

    Attributes:
        clients: Sessions that are open.
        answered: Observations that were answered.
        failed: Observations that became an error.
        calls: Calls of the model.
    """

    clients: int
    answered: int
    failed: int
    calls: int


@dataclass(frozen=True, eq=False)
class Ticket:
    """An open question.

    Attributes:
        what: A reset, or an observation.
        episode: Whose it is.
        generators: The episode's own, for what runs for this episode alone.
        wanted: False once nobody waits for the answer.
        asked_s: When it was asked, `time.perf_counter`.
        reply: Becomes a `Reply`, or None after a reset.
    """

    what: Question
    episode: Episode
    generators: GlobalGenerators
    wanted: Callable[[], bool]
    asked_s: float
    reply: Future[Reply | None]


class Inference:
    """Makes a policy in a thread of its own, and asks it there, until it is closed.

    Resets go before observations; whoever asks has one question open at a time, so that its own stay in order. What a call
    raises is the error of those that were in it. An answer is checked by itself, so that a wrong one in a batch is the
    error of that one alone.
    """

    def __init__(self, make: Callable[[], Policy], action_dim: int, batching: Batching, *, batched: bool) -> None:
        """Begins to make the policy.

        Args:
            make: Makes the policy, and warms it up if that is wanted.
            action_dim: Numbers in one action.
            batching: When to ask.
            batched: Whether the policy is a `harness.policies.base.BatchPolicy`.
        """
        self.batching = batching if batched else Batching()
        self.batched = batched
        self._make = make
        self._action_dim = action_dim
        self._changed = threading.Condition()
        self._resets: list[Ticket] = []
        self._open: list[Ticket] = []
        self._asked: list[Ticket] = []
        self._clients: dict[object, int] = {}
        self._closing = False
        self._ready = threading.Event()
        # Not Thread.join: one that Ctrl-C interrupts takes the thread for ended (bpo-45274).
        self._ended = threading.Event()
        self._policy: Policy | None = None
        self._failure: Exception | None = None
        self._answered, self._failed, self._calls = 0, 0, 0
        # A daemon: weights that are being loaded, or a model that hangs, must not keep the process from ending.
        threading.Thread(target=self._run, name="inference", daemon=True).start()

    @property
    def loaded(self) -> bool:
        """Whether the policy is there and answers."""
        return self._ready.is_set() and self._failure is None and not self._closing

    def wait_for_end(self, timeout_s: float) -> bool:
        """Waits a while; False once no further question will be answered."""
        return not self._ended.wait(timeout_s)

    def policy(self) -> Policy:
        """Waits until the policy is there; ask it nothing outside of its thread.

        Raises:
            PolicyUnavailableError: It could not be made, or the server was closed before it was.
            HarnessError: Whatever else the making raised.
        """
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        assert self._policy is not None
        return self._policy

    def counts(self) -> Counts:
        """What was done so far."""
        return Counts(len(self._clients), self._answered, self._failed, self._calls)

    def join_in(self, client: object, questions: int) -> None:
        """Takes note of a client, and of how many questions it may have open at once."""
        with self._changed:
            self._clients[client] = questions

    def leave(self, client: object) -> None:
        """A client has gone: nobody waits for it any more."""
        with self._changed:
            self._clients.pop(client, None)
            self._changed.notify_all()

    def put(
        self, what: Question, episode: Episode, generators: GlobalGenerators, wanted: Callable[[], bool] = lambda: True
    ) -> Future[Reply | None]:
        """Takes a question; `Ticket` says what the arguments are.

        Raises:
            PolicyError: The server is shutting down.
        """
        ticket = Ticket(what, episode, generators, wanted, time.perf_counter(), Future())
        with self._changed:
            if self._closing:
                raise PolicyError("the server is shutting down") from self._failure
            (self._resets if isinstance(what, Episode) else self._open).append(ticket)
            self._changed.notify_all()
        return ticket.reply

    def close(self) -> None:
        """Answers what is open, takes nothing more, and closes the policy; does not wait for weights that are loading."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._ready.is_set():
            self._ended.wait()
        else:
            self._end(PolicyUnavailableError("the server was shut down before the policy was loaded"))

    def give_up(self) -> None:
        """Waits for nothing more: what the model has not answered becomes an error."""
        self._end(PolicyUnavailableError("the server was shut down before the policy had answered"))

    def _run(self) -> None:
        try:
            self._policy = self._make()
            self._ready.set()
            while (tickets := self._collect()) is not None:
                self._asked = tickets
                self._answer(self._policy, tickets)
            self._policy.close()
            self._end(PolicyUnavailableError("the server is shut down"))
        except BaseException as error:  # also a SystemExit of somebody's model
            self._end(error if isinstance(error, Exception) else PolicyUnavailableError(f"the model ended with {error!r}"))
        finally:
            self._ended.set()

    def _end(self, error: Exception) -> None:
        """Nothing is answered any more."""
        with self._changed:
            self._closing, self._failure = True, error
            for ticket in (*self._asked, *self._resets, *self._open):
                with suppress(InvalidStateError):  # answered, perhaps at this very moment
                    ticket.reply.set_exception(PolicyError(f"the server stopped: {error}"))
            self._asked, self._resets, self._open = [], [], []
        self._ready.set()

    def _collect(self) -> list[Ticket] | None:
        """Waits for what is to be done next: all resets, or observations for one call. None: closed, and nothing is open."""
        with self._changed:
            while True:
                if self._resets:
                    resets, self._resets = self._resets, []
                    return resets
                self._drop_unwanted()
                if self._open:
                    left_s = 0.0 if self._closing else self._left_s()
                    if left_s <= 0:
                        size = self.batching.max_batch
                        batch, self._open = self._open[:size], self._open[size:]
                        return batch
                    self._changed.wait(left_s)
                elif self._closing:
                    return None
                else:
                    self._changed.wait()

    def _drop_unwanted(self) -> None:
        """Forgets the questions of clients that have gone."""
        unwanted = [ticket for ticket in self._open if not ticket.wanted()]
        self._open = [ticket for ticket in self._open if ticket not in unwanted]
        for ticket in unwanted:
            ticket.reply.set_exception(PolicyError("the client has gone"))

    def _left_s(self) -> float:
        """How long the open observations may still wait for company."""
        if len(self._open) >= min(self.batching.max_batch, sum(self._clients.values())):
            return 0.0
        return self._open[0].asked_s + self.batching.max_wait_s - time.perf_counter()

    def _answer(self, policy: Policy, tickets: list[Ticket]) -> None:
        begin_s = time.perf_counter()
        if self.batched and not isinstance(tickets[0].what, Episode):
            self._answer_together(policy, tickets, begin_s)
            return
        for ticket in tickets:
            begin_s = time.perf_counter()
            with ticket.generators.in_use():
                answer = ask(policy, ticket.what)
            self._calls += not isinstance(ticket.what, Episode)
            self._settle(ticket, answer, begin_s, 1)

    def _answer_together(self, policy: Policy, tickets: list[Ticket], begin_s: float) -> None:
        chunks: list[npt.ArrayLike | None] = [None] * len(tickets)
        error = None
        try:
            observations = [cast(Observation, ticket.what) for ticket in tickets]
            chunks = list(batch_answers(cast(BatchPolicy, policy), observations, [t.episode for t in tickets]))
        except Exception as raised:  # the questions' error, not the server's
            error = raised
        seconds = time.perf_counter() - begin_s
        self._calls += 1
        for ticket, chunk in zip(tickets, chunks, strict=True):
            self._settle(ticket, Answer(chunk, error, seconds), begin_s, len(tickets))

    def _settle(self, ticket: Ticket, answer: Answer, begin_s: float, batch_size: int) -> None:
        """Hands out an answer, or what is wrong with it."""
        try:
            if answer.error is not None:
                raise answer.error
            reply = None
            if not isinstance(ticket.what, Episode):
                chunk = checked_chunk(answer.chunk, self._action_dim)
                queue_ms, infer_ms = 1000 * (begin_s - ticket.asked_s), 1000 * answer.seconds
                reply = Reply(chunk, queue_ms, infer_ms, batch_size)
        except Exception as error:
            self._failed += not isinstance(ticket.what, Episode)
            ticket.reply.set_exception(error)
        else:
            self._answered += reply is not None
            ticket.reply.set_result(reply)
