from __future__ import annotations

import errno
from types import SimpleNamespace

import numpy as np
import pytest

from harness.datasets.frames import EpisodeFrames
from harness.datasets.pieces import new_piece, read_pieces
from harness.errors import StoreError
from harness.types import Episode


def recorded(init: int = 0):
    episode = Episode("s", 2, "t", "do it", init, 0, 0)
    return SimpleNamespace(episode=episode, key=episode.key, record=SimpleNamespace(outcome="success"))


def frames(steps: int = 4) -> EpisodeFrames:
    actions = np.arange(steps * 7.0).reshape(steps, 7)
    return EpisodeFrames(
        pictures={"front": np.full((steps, 2, 2, 3), 9, dtype=np.uint8)},
        state={"vector": np.ones((steps, 5))},
        action=actions,
        executed=actions + 1,
        sim_state=np.zeros((steps, 3)),
        succeeded=True,
    )


def make(parent, init: int = 0) -> None:
    with new_piece(parent, recorded(init), frames()) as folder:
        (folder / "front.mp4").write_bytes(b"video")


def test_what_was_made_is_read_back(tmp_path):
    make(tmp_path, 0)
    make(tmp_path, 1)
    pieces = read_pieces(tmp_path)
    assert list(pieces) == ["s/task2/init0/repeat0/seed0", "s/task2/init1/repeat0/seed0"]
    piece = pieces["s/task2/init1/repeat0/seed0"]
    assert (piece.suite, piece.task_id, piece.task, piece.instruction) == ("s", 2, "t", "do it")
    assert (piece.outcome, piece.length, piece.video("front").read_bytes()) == ("success", 4, b"video")
    arrays = piece.arrays()
    assert np.array_equal(arrays["action"] + 1, arrays["executed_action"])
    assert arrays["histogram.front"][:, 9].tolist() == [16, 16, 16]


def test_an_interrupted_episode_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), new_piece(tmp_path, recorded(), frames()):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path):
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(StoreError, match=r"cannot be written: .*No space left"), new_piece(tmp_path, recorded(), frames()):
        raise full
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed(tmp_path):
    make(tmp_path, 0)
    left = tmp_path / "s__task2__init1__repeat0__seed0.part"
    left.mkdir()
    (left / "arrays.npz").write_bytes(b"half")
    assert list(read_pieces(tmp_path)) == ["s/task2/init0/repeat0/seed0"]
    assert not left.exists()


def test_a_damaged_piece_is_named(tmp_path):
    make(tmp_path, 0)
    (tmp_path / "s__task2__init0__repeat0__seed0" / "episode.json").write_text("{")
    with pytest.raises(StoreError, match="s__task2__init0__repeat0__seed0 is damaged"):
        read_pieces(tmp_path)


def test_no_folder_means_no_pieces(tmp_path):
    assert read_pieces(tmp_path / "none") == {}
