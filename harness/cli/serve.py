"""``evalharness serve``: a policy behind a port, for an environment of its own."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import click

from harness.cli.run_options import complete_policy
from harness.errors import PolicyUnavailableError, UsageError

if TYPE_CHECKING:
    from harness.serving.batching import Counts
    from harness.serving.server import Server

_DEFAULT_KEY_VARIABLE = "EVALHARNESS_API_KEY"
_LOCAL_HOSTS = ("127.0.0.1", "::1", "localhost")
_STATUS_EVERY_S = 2.0

_EXAMPLES = """\b
Examples:
  evalharness serve 'py:my_policies.py:Model?device=cuda' --port 8000
  evalharness serve py:my_policies.py:Model --warm-up --max-batch 32 --max-wait-ms 10
  evalharness serve py:my_policies.py:Model --protocol vla-eval
  EVALHARNESS_API_KEY=... evalharness serve py:my_policies.py:Model --host 0.0.0.0"""


@click.command(epilog=_EXAMPLES)
@click.argument("uri", shell_complete=complete_policy)
@click.option(
    "--protocol",
    type=click.Choice(["openpi", "vla-eval", "http"]),
    default="openpi",
    show_default=True,
    help="openpi: ws://, msgpack. vla-eval: ws://, an action a message. http: POST /act, as OpenVLA.",
)
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on; the default is this machine alone."
)
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option("--suite", metavar="NAME|FILE", help="Whose observations and actions.  [default: LIBERO's, as published]")
@click.option(
    "--max-batch",
    type=click.IntRange(1),
    default=16,
    show_default=True,
    metavar="N",
    help="Observations in one call, for a policy with infer_batch.",
)
@click.option(
    "--max-wait-ms",
    type=click.FloatRange(0),
    default=5.0,
    show_default=True,
    metavar="MS",
    help="How long a question waits for others at most; not at all when every client has asked.",
)
@click.option(
    "--replan", type=click.IntRange(1), metavar="K", help="vla-eval: actions of a chunk that are used.  [default: all]"
)
@click.option("--warm-up", is_flag=True, help="Answer a made-up observation before saying that it is ready.")
@click.option(
    "--api-key-env",
    metavar="NAME",
    help=f"Environment variable with the key that clients must send.  [default: {_DEFAULT_KEY_VARIABLE}, if it is set]",
)
@click.option("--max-mb", type=click.IntRange(1), default=64, show_default=True, help="Largest message in MiB.")
def serve(
    uri: str,
    protocol: str,
    host: str,
    port: int,
    suite: str | None,
    max_batch: int,
    max_wait_ms: float,
    replan: int | None,
    warm_up: bool,
    api_key_env: str | None,
    max_mb: int,
) -> None:
    """Serve the policy at URI to clients in other processes, environments or machines.

    It listens at once; GET /healthz answers 503 until the weights are loaded, then 200. Ctrl-C ends it: what is being
    answered is answered.
    """
    from harness.cli.policies import policy_spec
    from harness.serving.batching import Batching
    from harness.serving.server import WIRE_PROTOCOLS, Served, Server
    from harness.serving.websocket import Access

    if replan is not None and protocol != "vla-eval":
        raise UsageError(
            "--replan is for --protocol vla-eval; with the others the client decides how much of a chunk it uses"
        )
    key = _api_key(api_key_env)
    if host not in _LOCAL_HOSTS and key is None:
        click.echo(
            f"warning: anybody who reaches {host}, port {port}, can use this server; set {_DEFAULT_KEY_VARIABLE} to a key",
            err=True,
        )
    served = Served(
        uri=uri,
        spec=policy_spec(uri, suite),
        protocol=next(known for known in WIRE_PROTOCOLS if known == protocol),
        host=host,
        port=port,
        access=Access(key, max_mb * 2**20),
        batching=Batching(max_batch, max_wait_ms / 1000),
        warm_up=warm_up,
        replan_steps=replan,
    )
    with Server(served) as server:
        click.echo(f"{server.info.name} ({uri}): loading; listening on {server.url}")
        policy = server.inference.policy()
        batches = f"up to {max_batch} observations a call" if server.inference.batched else "one observation a call"
        click.echo(f"ready: {batches}. To evaluate it:\n  evalharness libero --suite spatial --policy '{server.policy_uri}'")
        if policy.raw_actions and protocol == "vla-eval":
            click.echo("warning: its actions are meant to be applied as they are, and a client cannot know that", err=True)
        if not policy.raw_actions and protocol == "http":
            click.echo("note: clients of this protocol take the gripper's number for 0 (close) to 1 (open)", err=True)
        _report(server)


def _api_key(variable: str | None) -> str | None:
    """The key, from the environment alone: a command line can be read by everybody on the machine."""
    key = os.environ.get(variable or _DEFAULT_KEY_VARIABLE)
    if variable is not None and not key:
        raise UsageError(f"--api-key-env {variable}: this environment variable is not set")
    return key or None


def _report(server: Server) -> None:
    """Waits for the end, and meanwhile shows a status line where there is a terminal.

    Raises:
        PolicyUnavailableError: The inference thread has ended.
    """
    shown = sys.stderr.isatty()
    before, before_s = server.inference.counts(), time.monotonic()
    while server.inference.wait_for_end(_STATUS_EVERY_S):
        now, now_s = server.inference.counts(), time.monotonic()
        if shown:
            click.echo(f"\r\x1b[K{status_line(before, now, now_s - before_s)}", err=True, nl=False)
        before, before_s = now, now_s
    raise PolicyUnavailableError("the policy's thread has ended; nothing can be answered any more")


def status_line(before: Counts, now: Counts, seconds: float) -> str:
    """What happened between two looks, in a line."""
    answered, calls = now.answered - before.answered, now.calls - before.calls
    batch = f", {(answered + now.failed - before.failed) / calls:.1f} observations a call" if calls else ""
    errors = f", {now.failed} errors" if now.failed else ""
    return f"{now.clients} clients, {answered / seconds:.1f} answers/s{batch}, {now.answered} in all{errors}"
