"""One thread for torch: models this small gain nothing from more, and lose much where cores are busy."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(1)
