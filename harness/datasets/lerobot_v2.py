"""LeRobot's dataset format v2.1: a parquet file and a video a camera for every episode."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from harness.datasets import lerobot
from harness.datasets.pieces import Piece
from harness.datasets.source import Source
from harness.datasets.stats import QUANTILES, as_json
from harness.errors import StoreError

_VERSION = "v2.1"
_DATA = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
_VIDEO = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"


def assemble(pieces: Sequence[Piece], source: Source, target: Path) -> None:
    """Writes the dataset.

    Args:
        pieces: Episodes in the dataset's order, at least one.
        source: What their numbers mean.
        target: An empty folder.

    Raises:
        StoreError: A file cannot be written.
    """
    episodes, tasks = lerobot.placed(pieces)
    for episode in episodes:
        place = {"episode_chunk": episode.index // lerobot.CHUNK_SIZE, "episode_index": episode.index}
        lerobot.write_table(target / _DATA.format(**place), lerobot.table(episode, source))
        for camera in source.spec.images:
            name = _VIDEO.format(**place, video_key=lerobot.video_key(camera))
            _link(episode.piece.video(camera), target / name)
    meta = target / "meta"
    lerobot.write_lines(
        meta / "tasks.jsonl", [{"task_index": index, "task": instruction} for index, instruction in enumerate(tasks)]
    )
    lerobot.write_lines(
        meta / "episodes.jsonl",
        [
            {"episode_index": one.index, "tasks": [one.piece.instruction], "length": one.piece.length, "key": one.piece.key}
            for one in episodes
        ],
    )
    lerobot.write_lines(
        meta / "episodes_stats.jsonl",
        [
            {"episode_index": one.index, "stats": as_json(lerobot.episode_stats(one.piece, source), leave_out=QUANTILES)}
            for one in episodes
        ],
    )
    lerobot.write_json(meta / "stats.json", as_json(lerobot.dataset_stats(pieces, source)))
    lerobot.write_json(
        meta / "info.json",
        {
            "codebase_version": _VERSION,
            "robot_type": source.robot,
            "total_episodes": len(episodes),
            "total_frames": sum(piece.length for piece in pieces),
            "total_tasks": len(tasks),
            "total_videos": len(episodes) * len(source.spec.images),
            "total_chunks": -(-len(episodes) // lerobot.CHUNK_SIZE),
            "chunks_size": lerobot.CHUNK_SIZE,
            "fps": source.fps,
            "splits": {"train": f"0:{len(episodes)}"},
            "data_path": _DATA,
            "video_path": _VIDEO,
            "features": lerobot.features(source),
        },
    )


def _link(source: Path, target: Path) -> None:
    """Gives a file a second name, so that no disk is needed for a second copy, or copies it where that cannot be."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)
    except OSError as error:
        raise StoreError(f"{target} cannot be written: {error}") from error
