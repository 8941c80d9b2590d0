"""A policy's URI behind a port: the inference thread, the sessions, and the protocol's front end, brought together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, Self, get_args

from harness.episode import episode_generators
from harness.errors import PolicyUnavailableError
from harness.policies.base import checked_chunk
from harness.policies.check import synthetic_observation
from harness.registry import describe_policy, make_policy
from harness.serving.batching import Batching, Inference
from harness.serving.http import HTTPServer
from harness.serving.observations import Reader
from harness.serving.openpi import openpi_conversations
from harness.serving.sessions import SUITE, Sessions
from harness.serving.vla_eval import vla_eval_conversations
from harness.serving.websocket import Access, WebSocketServer
from harness.types import EnvSpec, Episode, Policy, PolicyInfo

WireProtocol = Literal["openpi", "vla-eval", "http"]
WIRE_PROTOCOLS: tuple[WireProtocol, ...] = get_args(WireProtocol)

# What makes a policy's URI of a server's; OpenVLA-OFT's preset sends all that the HTTP front end reads.
_AROUND_THE_URL: Mapping[WireProtocol, tuple[str, str]] = MappingProxyType(
    {"openpi": ("", ""), "vla-eval": ("vla-eval+", ""), "http": ("", "/act?preset=oft-libero")}
)

# Of the warm-up, which no session ever has.
_WARM_UP = Episode(SUITE, 0, "warm-up", "warm up", 0, 0, seed=1)


@dataclass(frozen=True)
class Served:
    """What is served, and how.

    Attributes:
        uri: The policy's.
        spec: What the clients' environments show and take.
        protocol: Which protocol is spoken.
        host: Address to listen on.
        port: 0 takes a free one.
        access: Who may ask, and how much at once.
        batching: For a policy that answers several observations in one call.
        warm_up: Whether the policy answers a made-up observation before the server says that it is ready.
        replan_steps: vla-eval: how many actions of a chunk are used; None: all.
    """

    uri: str
    spec: EnvSpec
    protocol: WireProtocol
    host: str
    port: int
    access: Access
    batching: Batching
    warm_up: bool = False
    replan_steps: int | None = None


class Server:
    """A running server; a context manager.

    Attributes:
        info: What is served.
        inference: The thread that asks the policy, and what it has done so far.
        url: Where clients connect to.
        policy_uri: What evaluates it, as in ``evalharness libero --policy``.
    """

    def __init__(self, served: Served) -> None:
        """Listens, and begins to load the policy.

        Raises:
            PolicyUnavailableError: The URI cannot work.
            UsageError: The address cannot be listened on.
        """
        self.info = describe_policy(served.uri)
        self._served = served
        self.inference = Inference(
            self._make, served.spec.action_dim, served.batching, batched=self.info.concurrency == "batch"
        )
        try:
            self._front = self._listen(Sessions(self.inference))
        except BaseException:
            self.inference.close()
            raise
        self.url = self._front.url
        before, after = _AROUND_THE_URL[served.protocol]
        self.policy_uri = f"{before}{self.url}{after}"

    def close(self) -> None:
        """Answers what is in flight, takes nothing more, and closes connections and policy."""
        try:
            self.inference.close()
        except BaseException:  # Ctrl-C again, by somebody who does not want to wait for the model
            self.inference.give_up()
            raise
        finally:
            self._front.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _listen(self, sessions: Sessions) -> WebSocketServer | HTTPServer:
        served, about = self._served, _about(self.info)
        if served.protocol == "http":
            return HTTPServer(sessions, self._reader, served.host, served.port, served.access)
        if served.protocol == "openpi":
            converse = openpi_conversations(sessions, self._reader, about)
        else:
            converse = vla_eval_conversations(sessions, self._reader, about, served.replan_steps)
        return WebSocketServer(converse, served.host, served.port, served.access, lambda: self.inference.loaded)

    def _reader(self) -> Reader:
        return Reader(self._served.spec, self.inference.policy().needs_images)

    def _make(self) -> Policy:
        """Makes the policy, in the inference thread, and lets it answer once if that is wanted."""
        policy = make_policy(self._served.uri, self._served.spec)
        try:
            self._try(policy)
        except BaseException:
            policy.close()
            raise
        return policy

    def _try(self, policy: Policy) -> None:
        spec = self._served.spec
        if policy.needs_privileged:
            raise PolicyUnavailableError(
                f"policy {self._served.uri!r} wants to know what only a simulator knows, which no client can send"
            )
        if self._served.warm_up:
            with episode_generators(_WARM_UP).in_use():
                policy.reset(_WARM_UP)
                checked_chunk(policy.infer(synthetic_observation(spec, images=policy.needs_images)), spec.action_dim)


def _about(info: PolicyInfo) -> Mapping[str, Any]:
    """The metadata: what a client records of the policy, with a fingerprint that changes when the answers do."""
    about = {"policy": info.uri, "name": info.name, "fingerprint": info.fingerprint}
    return about if info.action_space is None else {**about, "action_space": info.action_space}
