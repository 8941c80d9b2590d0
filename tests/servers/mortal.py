"""A policy server in a process of its own, which kills itself in the middle of an answer, once.

    python -m servers.mortal KIND PORT FILE DIES_AT     (in the folder tests)

It answers DIES_AT - 1 observations; with the next it writes FILE and is gone. When FILE is there, it lives on. Actions
depend on the picture alone, so that a second process answers as the first would have.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

PARTS = ("x", "y", "z", "roll", "pitch", "yaw", "gripper")


def main(kind: str, port: int, dead: Path, dies_at: int) -> None:
    asked = itertools.count(1)

    def chunk(picture: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        if next(asked) == dies_at and not dead.exists():
            dead.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        generator = np.random.default_rng(int(picture.astype(np.int64).sum()))
        return generator.uniform(0, 1, (2, 7)).astype(np.float32)

    with SERVERS[kind](chunk, port):
        print("ready", flush=True)
        threading.Event().wait()


def openpi(chunk: Callable[[Any], Any], port: int) -> AbstractContextManager[Any]:
    from harness.policies.openpi_server import serve

    return serve(lambda request: chunk(request["observation/image"]), port=port)


def vla_eval(chunk: Callable[[Any], Any], port: int) -> AbstractContextManager[Any]:
    from servers.vla_eval import serve_vla_eval

    return serve_vla_eval(lambda seen, session: chunk(seen["images"]["agentview"]), port=port)


def act(chunk: Callable[[Any], Any], port: int) -> AbstractContextManager[Any]:
    from servers.act import serve_act

    return serve_act(lambda request: chunk(request["image"]), port=port)


def gr00t(chunk: Callable[[Any], Any], port: int) -> AbstractContextManager[Any]:
    from servers.gr00t import serve_gr00t

    def answer(seen: dict[str, Any]) -> Any:
        actions = chunk(seen["video.image"])
        return [{name: actions[np.newaxis, :, i : i + 1] for i, name in enumerate(PARTS)}, {}]

    return serve_gr00t(answer, port=port)


SERVERS = {"ws": openpi, "vla-eval+ws": vla_eval, "http": act, "gr00t": gr00t}

if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
