"""Where torch is not installed: all but the weights can be read, and `vla:` says what it needs."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from tiny_vla import TINY, parts_of

from harness.errors import PolicyUnavailableError
from harness.registry import describe_policy, policy_schemes
from harness.tokens.statistics import write_statistics
from harness.tokens.token_map import write_token_map
from harness.vla.checkpoint import read_parts
from harness.vla.config import write_config
from harness.vla.tokenizer import write_tokenizer


@pytest.fixture
def folder(tmp_path):
    parts = parts_of(TINY)
    write_config(tmp_path / "config.json", TINY)
    write_token_map(tmp_path / "action_token_map.json", parts.actions.token_ids)
    write_tokenizer(tmp_path / "tokenizer.json", parts.text)
    write_statistics(tmp_path / "dataset_statistics.json", "mine", [np.array([[-1.0] * 7, [1.0] * 7])], [False] * 7)
    (tmp_path / "model.pt").write_bytes(b"read by torch alone")
    return tmp_path


def test_tokenizers_and_sizes_are_read_without_torch(folder):
    read, made = read_parts(folder), parts_of(TINY)
    assert (read.config, read.text, read.actions.token_ids) == (made.config, made.text, made.actions.token_ids)
    assert read.actions.decode(read.actions.encode([0.5] * 7)) == pytest.approx([0.5] * 7, abs=1 / 255)


def test_the_policy_is_listed():
    assert policy_schemes()["vla"].startswith("vla:FOLDER")


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="torch is installed")
def test_the_policy_says_that_it_needs_torch(folder):
    with pytest.raises(PolicyUnavailableError, match=r"needs torch.*evalharness\[torch\]"):
        describe_policy(f"vla:{folder}")
