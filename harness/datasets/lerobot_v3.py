"""LeRobot's dataset format v3.0: many episodes in one parquet file and in one video a camera."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.datasets import lerobot
from harness.datasets.lerobot import Placed
from harness.datasets.pieces import Piece
from harness.datasets.source import Source
from harness.datasets.stats import as_json
from harness.datasets.videos import join_videos
from harness.errors import StoreError

_VERSION = "v3.0"
_FILE = "chunk-{chunk_index:03d}/file-{file_index:03d}"
_DATA = f"data/{_FILE}.parquet"
_EPISODES = f"meta/episodes/{_FILE}.parquet"
_VIDEO = f"videos/{{video_key}}/{_FILE}.mp4"

# lerobot's DEFAULT_DATA_FILE_SIZE_IN_MB and DEFAULT_VIDEO_FILE_SIZE_IN_MB.
_DATA_MB, _VIDEO_MB = 100, 200
_MB = 1024**2

# Row -> column -> value, for the table of episodes.
Rows = list[dict[str, Any]]


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
    rows: Rows = [_described(episode) for episode in episodes]
    _write_data(episodes, source, target, rows)
    for camera in source.spec.images:
        _write_videos(episodes, camera, source, target, rows)
    for episode, row in zip(episodes, rows, strict=True):
        stats = as_json(lerobot.episode_stats(episode.piece, source))
        row |= {f"stats/{feature}/{name}": values for feature, found in stats.items() for name, values in found.items()}
    _write_meta(rows, tasks, target)
    lerobot.write_json(target / "meta/stats.json", as_json(lerobot.dataset_stats(pieces, source)))
    lerobot.write_json(target / "meta/info.json", _info(episodes, tasks, source))


def grouped(sizes: Sequence[int], limit: int) -> Iterator[range]:
    """Which neighbours go into one file.

    Args:
        sizes: Of each, in any unit.
        limit: Of a file; one that is larger by itself has a file of its own.

    Yields:
        The indices of each file's.
    """
    start, size = 0, 0
    for index, one in enumerate(sizes):
        if index > start and size + one > limit:
            yield range(start, index)
            start, size = index, 0
        size += one
    if sizes:
        yield range(start, len(sizes))


def _place(number: int) -> dict[str, int]:
    return {"chunk_index": number // lerobot.CHUNK_SIZE, "file_index": number % lerobot.CHUNK_SIZE}


def _described(episode: Placed) -> dict[str, Any]:
    piece = episode.piece
    return {
        "episode_index": episode.index,
        "tasks": [piece.instruction],
        "length": piece.length,
        "key": piece.key,
        "dataset_from_index": episode.first_frame,
        "dataset_to_index": episode.first_frame + piece.length,
        "meta/episodes/chunk_index": 0,
        "meta/episodes/file_index": 0,
    }


def _write_data(episodes: Sequence[Placed], source: Source, target: Path, rows: Rows) -> None:
    import pyarrow as pa

    tables = [lerobot.table(episode, source) for episode in episodes]
    for number, group in enumerate(grouped([one.nbytes for one in tables], _DATA_MB * _MB)):
        place = _place(number)
        lerobot.write_table(target / _DATA.format(**place), pa.concat_tables([tables[index] for index in group]))
        for index in group:
            rows[index] |= {f"data/{name}": value for name, value in place.items()}


def _write_videos(episodes: Sequence[Placed], camera: str, source: Source, target: Path, rows: Rows) -> None:
    key = lerobot.video_key(camera)
    sizes = [episode.piece.video(camera).stat().st_size for episode in episodes]
    for number, group in enumerate(grouped(sizes, _VIDEO_MB * _MB)):
        place = _place(number)
        parts = [(episodes[index].piece.video(camera), episodes[index].piece.length) for index in group]
        join_videos(target / _VIDEO.format(video_key=key, **place), parts, source.fps)
        frames = 0
        for index in group:
            times = {"from_timestamp": frames / source.fps}
            frames += episodes[index].piece.length
            times["to_timestamp"] = frames / source.fps
            rows[index] |= {f"videos/{key}/{name}": value for name, value in (place | times).items()}


def _write_meta(rows: Rows, tasks: Sequence[str], target: Path) -> None:
    import pandas as pd
    import pyarrow as pa

    lerobot.write_table(target / _EPISODES.format(**_place(0)), pa.Table.from_pylist(rows))
    path = target / "meta/tasks.parquet"
    try:
        pd.DataFrame({"task_index": range(len(tasks))}, index=list(tasks)).to_parquet(path, engine="pyarrow")
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error}") from error


def _info(episodes: Sequence[Placed], tasks: Sequence[str], source: Source) -> dict[str, Any]:
    return {
        "codebase_version": _VERSION,
        "robot_type": source.robot,
        "total_episodes": len(episodes),
        "total_frames": sum(episode.piece.length for episode in episodes),
        "total_tasks": len(tasks),
        "chunks_size": lerobot.CHUNK_SIZE,
        "data_files_size_in_mb": _DATA_MB,
        "video_files_size_in_mb": _VIDEO_MB,
        "fps": source.fps,
        "splits": {"train": f"0:{len(episodes)}"},
        "data_path": _DATA,
        "video_path": _VIDEO,
        "features": lerobot.features(source),
    }
