"""Times a served policy: answers a second and latency with 1, 4 and 16 clients, with and without batching.

Usage: python scripts/bench_serving.py [--seconds 4] [--fixed-ms 20] [--item-ms 0.5]

The model answers N observations in FIXED + N x ITEM milliseconds, in which it sleeps: an accelerator's time is not this
machine's, and a batch costs it little more than one observation does. Every question has two 224x224 pictures and a state.
Three servers, each in a process of its own: ``evalharness serve`` with batches of up to 16, the same with batches of 1, and
`harness.policies.openpi_server`, openpi's protocol with one request at a time. The clients share one process more, a thread
each, and ask again as soon as they are answered. Last, the protocol's overhead: a model that takes no time, one client;
what an answer took beyond the server's own ``queue_ms`` and ``infer_ms``, and all of it.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import click
import numpy as np

from harness.policies.openpi_client import OpenPIClient
from harness.policies.openpi_server import serve
from harness.serving.batching import Batching
from harness.serving.server import Served, Server
from harness.serving.websocket import Access
from harness.types import Observation

CLIENTS = (1, 4, 16)
SIZE_PX = 224


class Model:
    """Sleeps FIXED + N x ITEM milliseconds, and answers with the state."""

    def __init__(self, fixed_ms: str, item_ms: str) -> None:
        self.fixed_s, self.item_s = float(fixed_ms) / 1000, float(item_ms) / 1000

    def infer(self, observation: Observation) -> Any:
        """See `harness.types.Policy`."""
        return self.infer_batch([observation], [])[0]

    def infer_batch(self, observations: Sequence[Observation], episodes: Sequence[Any]) -> list[Any]:
        """See `harness.policies.base.BatchPolicy`."""
        seconds = self.fixed_s + self.item_s * len(observations)
        if seconds > 0:
            time.sleep(seconds)
        return [np.tile(observation.state["vector"][:7], (10, 1)) for observation in observations]


@dataclass(frozen=True)
class Measured:
    """What clients saw.

    Attributes:
        answers_a_second: Of all clients.
        latencies_ms: Of every answer.
        overheads_ms: The part that is neither queue nor inference.
        batch: Observations a call, on average over the answers.
    """

    answers_a_second: float
    latencies_ms: np.ndarray[Any, Any]
    overheads_ms: np.ndarray[Any, Any]
    batch: float


def run_server(kind: str, fixed_ms: float, item_ms: float, pipe: Connection) -> None:
    """A server in its own process; says its address, and ends when it is told anything."""
    if kind == "one at a time":
        model = Model(str(fixed_ms), str(item_ms))
        with serve(lambda request: model.infer(Observation({}, {"vector": request["observation/state"]}, "", 0))) as plain:
            pipe.send(plain.url)
            pipe.recv()
        return
    from harness.envs.libero.spec import libero_env_spec

    uri = f"py:{__file__}:Model?fixed_ms={fixed_ms}&item_ms={item_ms}"
    batching = Batching(16 if kind == "batches" else 1, 0.005)
    with Server(Served(uri, libero_env_spec(), "openpi", "127.0.0.1", 0, Access(), batching)) as server:
        server.inference.policy()
        pipe.send(server.url)
        pipe.recv()


def run_clients(url: str, clients: int, seconds: float, pipe: Connection) -> None:
    """Clients in one process, a thread each."""
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 256, (2, SIZE_PX, SIZE_PX, 3), dtype=np.uint8)
    seen: list[tuple[float, float, float]] = []
    together = threading.Barrier(clients + 1)

    def ask(number: int) -> None:
        state = np.full(8, float(number))
        request = {"observation/image": pictures[0], "observation/wrist_image": pictures[1]}
        request |= {"observation/state": state, "prompt": "pick up the black bowl"}
        client = OpenPIClient(url)
        client.ask(request)
        together.wait()
        end_s = time.perf_counter() + seconds
        while (begin_s := time.perf_counter()) < end_s:
            answer = client.ask(request)
            took_ms = 1000 * (time.perf_counter() - begin_s)
            if not np.array_equal(answer["actions"][0], state[:7]):
                raise RuntimeError("an answer belongs to another question")
            timing = answer["server_timing"]
            seen.append((took_ms, took_ms - timing["infer_ms"] - timing.get("queue_ms", 0.0), timing.get("batch_size", 1)))
        client.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    together.wait()
    begin_s = time.perf_counter()
    for thread in threads:
        thread.join()
    pipe.send((time.perf_counter() - begin_s, seen))


@contextmanager
def in_process(target: Any, *arguments: Any) -> Iterator[Connection]:
    """Runs a function in a process of its own; the pipe is its last argument."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=target, args=(*arguments, there), daemon=True)
    process.start()
    there.close()
    try:
        yield here
    finally:
        process.join(timeout=30)


def measure(kind: str, fixed_ms: float, item_ms: float, clients: int, seconds: float) -> Measured:
    """One server, and clients that ask it for a while."""
    with in_process(run_server, kind, fixed_ms, item_ms) as server:
        url = server.recv()
        with in_process(run_clients, url, clients, seconds) as asking:
            took_s, seen = asking.recv()
        server.send(None)
    latencies, overheads, batches = np.array(seen).T
    return Measured(len(seen) / took_s, latencies, overheads, float(batches.mean()))


@click.command()
@click.option("--seconds", default=4.0, show_default=True, help="Of each measurement.")
@click.option("--fixed-ms", default=20.0, show_default=True, help="What a call of the model takes, whatever is in it.")
@click.option("--item-ms", default=0.5, show_default=True, help="What every observation in it takes besides.")
def main(seconds: float, fixed_ms: float, item_ms: float) -> None:
    """Print the tables."""
    click.echo(
        "| server | clients | answers/s | p50 ms | p99 ms | observations a call |\n| --- | --- | --- | --- | --- | --- |"
    )
    for clients in CLIENTS:
        for kind in ("one at a time", "batches of 1", "batches"):
            got = measure(kind, fixed_ms, item_ms, clients, seconds)
            p50, p99 = np.percentile(got.latencies_ms, [50, 99])
            click.echo(f"| {kind} | {clients} | {got.answers_a_second:.1f} | {p50:.1f} | {p99:.1f} | {got.batch:.1f} |")
    click.echo("\n| no model, one client | p50 ms | p99 ms |\n| --- | --- | --- |")
    for kind in ("one at a time", "batches"):
        got = measure(kind, 0.0, 0.0, 1, seconds)
        for what, values in (("all of it", got.latencies_ms), ("but queue and inference", got.overheads_ms)):
            p50, p99 = np.percentile(values, [50, 99])
            click.echo(f"| {kind}, {what} | {p50:.2f} | {p99:.2f} |")


if __name__ == "__main__":
    main()
