"""A model's sizes are read, written, and refused where they do not fit."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.vla.config import VLAConfig, read_config, write_config


def test_what_was_written_is_read(tmp_path):
    config = VLAConfig(camera="wrist", image_px=32, chunk_steps=3)
    write_config(tmp_path / "config.json", config)
    assert read_config(tmp_path / "config.json") == config


def test_tokens_of_pictures_and_answers_follow_from_the_sizes():
    config = VLAConfig(image_px=64, patch_px=16, action_dim=7, chunk_steps=2)
    assert (config.patches, config.action_tokens) == (16, 14)


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ({"layers": 0}, "layers is 0"),
        ({"layers": 2.0}, "layers is 2.0"),
        ({"layers": True}, "layers is True"),
        ({"image_px": 90}, r"patch_px \(16\) must divide its image_px \(90\)"),
        ({"width": 100}, r"head_width \(32\) must divide its width \(100\)"),
        ({"head_width": 1}, r"head_width \(1\) must be even"),
    ],
)
def test_sizes_that_cannot_be_are_refused(sizes, words):
    with pytest.raises(UsageError, match=words):
        VLAConfig(**sizes)


@pytest.mark.parametrize("text", ["", "3", "[]", '{"colour": 3}', '{"layers": 0}'])
def test_what_is_no_configuration_is_refused(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UsageError, match=r"config\.json|layers"):
        read_config(tmp_path / "config.json")
