"""Everybody's global random generators, seeded for an episode and put back afterwards."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np


class GlobalGenerators:
    """The states of Python's, NumPy's and PyTorch's global generators that belong to one episode.

    A policy that samples from them (a diffusion policy, say) then answers the same in every run of an episode, whatever ran
    before it, or runs beside it, in the process. PyTorch's are seeded when it has been imported by the first use.
    """

    def __init__(self, seed: int) -> None:
        """Takes the seed that they begin with, 0 to 2**32 - 1."""
        self._seed = seed
        self._states: _States | None = None

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Runs a block with the episode's generators, from where its last block left them, and puts the others back."""
        before = _States.now()
        if self._states is None:
            _seed_all(self._seed)
        else:
            self._states.put_back()
        try:
            yield
        finally:
            self._states = _States.now()
            before.put_back()


def generator_fingerprints() -> dict[str, bytes]:
    """Whose global generator -> bytes that change whenever somebody draws from it."""
    states = _States.now()
    name, keys, *rest = states.numpy
    # Python's state is a tuple of 625 numbers, whose text would take twenty times as long as its hash.
    prints = {"Python": repr(hash(states.python)).encode(), "NumPy": keys.tobytes() + repr((name, rest)).encode()}
    if states.torch is not None:
        prints["PyTorch"] = b"".join(state.numpy().tobytes() for state in (states.torch, *(states.cuda or ())))
    return prints


@dataclass(frozen=True)
class _States:
    """What all global generators were at one moment; None where there was no PyTorch, or no CUDA in use."""

    python: Any
    numpy: Any
    torch: Any
    cuda: Any

    @classmethod
    def now(cls) -> _States:
        torch = _torch()
        return cls(
            python=random.getstate(),
            numpy=np.random.get_state(),
            torch=torch.random.get_rng_state() if torch else None,
            cuda=torch.cuda.get_rng_state_all() if torch and torch.cuda.is_initialized() else None,
        )

    def put_back(self) -> None:
        random.setstate(self.python)
        np.random.set_state(self.numpy)
        if self.torch is not None:
            _torch().random.set_rng_state(self.torch)
        if self.cuda is not None:
            _torch().cuda.set_rng_state_all(self.cuda)


def _seed_all(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch = _torch()
    if torch:
        torch.manual_seed(seed)


def _torch() -> Any:
    return sys.modules.get("torch")
