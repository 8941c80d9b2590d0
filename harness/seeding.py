"""Everybody's global random generators, seeded for an episode and put back afterwards."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


@contextmanager
def seeded_generators(seed: int) -> Iterator[None]:
    """Runs a block with Python's, NumPy's and PyTorch's global generators seeded.

    A policy that samples from them (a diffusion policy, say) then answers the same in every run of an episode, whatever ran
    before it in the process. PyTorch is seeded when it has been imported by the start of the block.

    Args:
        seed: 0 to 2**32 - 1.
    """
    torch: Any = sys.modules.get("torch")
    python_state, numpy_state = random.getstate(), np.random.get_state()
    torch_state = torch.random.get_rng_state() if torch else None
    cuda_states = torch.cuda.get_rng_state_all() if torch and torch.cuda.is_initialized() else None
    random.seed(seed)
    np.random.seed(seed)
    if torch:
        torch.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        if torch:
            torch.random.set_rng_state(torch_state)
        if cuda_states is not None:
            torch.cuda.set_rng_state_all(cuda_states)
