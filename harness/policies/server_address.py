"""Where a policy server is, the key to it, and how it is asked: what the adapters of all protocols need of a URI."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self
from urllib.parse import urlsplit

from harness.errors import PolicyUnavailableError
from harness.policies.base import PolicyURI
from harness.timing import QueryTiming

API_KEY_VARIABLES = ("EVALHARNESS_API_KEY", "OPENPI_API_KEY")

_DESCRIBE_TIMEOUT_S = 5.0
_LONGEST_PAUSE_S = 8.0
_TRACEBACK_LINES = 12


@dataclass(frozen=True)
class ServerOptions:
    """How a server is asked, whatever its protocol.

    Attributes:
        api_key: The key that is sent; None: none.
        answer_timeout_s: How long one answer may take. A first inference that compiles takes about a minute.
        connect_timeout_s: How long one attempt to connect, and then whatever the server says first, may take.
        retries: How often connecting is tried again.
        first_pause_s: Pause before the first retry; it doubles each time, up to 8 s.
        max_mb: The longest message that is read, in MiB. A chunk of actions has a few kilobytes; whoever answers with more
            than this is not answering with actions.
    """

    api_key: str | None = None
    answer_timeout_s: float = 120.0
    connect_timeout_s: float = 30.0
    retries: int = 5
    first_pause_s: float = 0.5
    max_mb: int = 64

    @classmethod
    def of(cls, uri: PolicyURI) -> Self:
        """What a policy's URI asks for, ``?timeout_s=S&retries=N&max_mb=MIB``, and the key from the environment.

        Raises:
            PolicyUnavailableError: A parameter is out of range.
        """
        return cls(
            api_key=_api_key(),
            answer_timeout_s=uri.seconds("timeout_s", default=cls.answer_timeout_s),
            retries=uri.integer("retries", default=cls.retries, minimum=0),
            max_mb=uri.integer("max_mb", default=cls.max_mb, minimum=1),
        )

    def impatient(self) -> Self:
        """The same for describing a policy, which must be quick: one attempt of 5 s."""
        return replace(self, connect_timeout_s=_DESCRIBE_TIMEOUT_S, retries=0)


# What applies where nobody says anything.
DEFAULT_OPTIONS = ServerOptions()


def server_url(uri: PolicyURI, scheme: str) -> str:
    """The address of a URI such as ``SCHEME://HOST:PORT``.

    Args:
        uri: Of the policy.
        scheme: What comes before the first colon of the address, such as ``ws`` for ``vla-eval+ws``.

    Raises:
        PolicyUnavailableError: It names no host, holds credentials, or something else that an address must not have.
    """
    if "@" in uri.body:
        raise PolicyUnavailableError(
            "a policy URI must hold no credentials, because it is recorded; put the server's key into the environment, as "
            f"{API_KEY_VARIABLES[0]}"
        )
    url = f"{scheme}:{uri.body}"
    try:
        parts = urlsplit(url)
        valid = bool(parts.hostname) and not parts.fragment and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise PolicyUnavailableError(
            f"policy {uri.text!r}: expected {uri.scheme}://HOST:PORT, such as {uri.scheme}://localhost:8000"
        )
    return url


def _api_key() -> str | None:
    """The server's key, from the environment; None where there is none."""
    return next((os.environ[name] for name in API_KEY_VARIABLES if os.environ.get(name)), None)


def is_loopback(url: str) -> bool:
    """Whether the address is this machine's own, for which no proxy is asked."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def with_retries(attempt: Callable[[], None], *, url: str, options: ServerOptions, sign_of_life: str) -> None:
    """Tries to reach a server until it works; the pauses double, up to 8 s.

    Args:
        attempt: Raises OSError when it may work later; anything else is final.
        url: The server's address.
        options: How often it is tried, and after which pauses.
        sign_of_life: What a server that is up does, as a sentence for the message.

    Raises:
        PolicyUnavailableError: It never worked.
    """
    for number in range(options.retries + 1):
        try:
            return attempt()
        except OSError as error:
            if number == options.retries:
                raise PolicyUnavailableError(_unreachable(url, error, number + 1, sign_of_life)) from error
        time.sleep(min(options.first_pause_s * 2**number, _LONGEST_PAUSE_S))


def _unreachable(url: str, error: OSError, attempts: int, sign_of_life: str) -> str:
    parts = urlsplit(url)
    times = "" if attempts == 1 else f" in {attempts} attempts"
    return (
        f"policy server at {parts.hostname}, port {parts.port or 'default'}, could not be reached{times}: "
        f"{str(error) or type(error).__name__}. Is it running and done loading, does it listen on that port, and is the "
        f"port open from here? {sign_of_life}"
    )


def refused_key(url: str, *, had_key: bool, said: str) -> PolicyUnavailableError:
    """The error for a server that wants another key.

    Args:
        url: Its address.
        had_key: Whether it was given one.
        said: How it said so, such as ``HTTP 401``.
    """
    reason = "the API key was refused" if had_key else "it wants an API key"
    return PolicyUnavailableError(f"policy server {url}: {reason} ({said}); set {API_KEY_VARIABLES[0]} to the server's key")


def too_long(url: str, max_mb: int) -> str:
    """What to say of an answer that is longer than allowed."""
    return f"{url}: the answer is longer than {max_mb} MiB, and was not read; if it must be: ?max_mb=MIB"


def fingerprint_of(metadata: Mapping[str, Any]) -> str:
    """SHA-256 of what a server says of itself, as JSON with sorted keys and no spaces."""
    return hashlib.sha256(json.dumps(metadata, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def timing_of(answer: object, total_s: float) -> QueryTiming:
    """Where the time of an answer went, as the server says: ``{"server_timing": {"infer_ms", "queue_ms"?}}``.

    Args:
        answer: What came back, or the part of it that may hold the times.
        total_s: From asking to the answer; all of it is transport where the server does not say.
    """
    times = answer.get("server_timing") if isinstance(answer, dict) else None
    said = times if isinstance(times, dict) else {}
    return QueryTiming.of_server(total_s, said.get("infer_ms"), said.get("queue_ms"))


def last_lines(text: str) -> str:
    """The end of a server's traceback."""
    return "\n".join(text.rstrip().splitlines()[-_TRACEBACK_LINES:])
