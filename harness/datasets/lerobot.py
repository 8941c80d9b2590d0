"""What LeRobot's dataset formats v2.1 and v3.0 have in common: features, rows, statistics, tasks.

Both are described at https://huggingface.co/docs/lerobot/lerobot-dataset-v3; the fields are those that lerobot 0.3.3
(v2.1) and 0.4.4 (v3.0) read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.datasets.frames import EpisodeFrames
from harness.datasets.pieces import ACTION, EXECUTED, HISTOGRAM, STATE, Piece
from harness.datasets.source import Source
from harness.datasets.stats import picture_stats, vector_stats
from harness.datasets.videos import VIDEO_INFO, encode_pictures
from harness.errors import StoreError
from harness.types import Float64Array

# lerobot's DEFAULT_CHUNK_SIZE: episodes (v2.1) or files (v3.0) in one folder.
CHUNK_SIZE = 1000

_PICTURE = "observation.images."
_INDICES: Mapping[str, str] = {
    "timestamp": "float32",
    "frame_index": "int64",
    "episode_index": "int64",
    "index": "int64",
    "task_index": "int64",
}


@dataclass(frozen=True)
class Placed:
    """An episode at its place in a dataset.

    Attributes:
        piece: Which one.
        index: Of the episode, from 0.
        first_frame: Frames of all episodes before it.
        task_index: Of its instruction.
    """

    piece: Piece
    index: int
    first_frame: int
    task_index: int


def write_pictures(folder: Path, frames: EpisodeFrames, source: Source) -> None:
    """Puts an episode's videos into its piece.

    Raises:
        HarnessError: Pictures are of an odd size.
        StoreError: A file cannot be written.
    """
    for camera, pictures in frames.pictures.items():
        encode_pictures(folder / f"{camera}.mp4", pictures, source.fps)


def placed(pieces: Sequence[Piece]) -> tuple[list[Placed], list[str]]:
    """Numbers episodes, frames and tasks; two tasks with the same instruction are one.

    Returns:
        The episodes, and the instruction of every task.
    """
    tasks = list(dict.fromkeys(piece.instruction for piece in pieces))
    found, first_frame = [], 0
    for index, piece in enumerate(pieces):
        found.append(Placed(piece, index, first_frame, tasks.index(piece.instruction)))
        first_frame += piece.length
    return found, tasks


def video_key(camera: str) -> str:
    """The feature of a camera."""
    return _PICTURE + camera


def vectors(source: Source) -> dict[str, list[str]]:
    """The features that are vectors, with a name for each number; what was executed only where it is not the label."""
    names = {STATE: source.state_names, ACTION: source.action_names}
    return names if source.noise_std is None else {**names, EXECUTED: source.action_names}


def features(source: Source) -> dict[str, dict[str, Any]]:
    """The features of ``info.json``."""
    found: dict[str, dict[str, Any]] = {}
    for camera, shape in source.spec.images.items():
        info = {"video.height": shape[0], "video.width": shape[1], "video.fps": source.fps, **VIDEO_INFO}
        names = ["height", "width", "channels"]
        found[video_key(camera)] = {"dtype": "video", "shape": list(shape), "names": names, "info": info}
    for name, names in vectors(source).items():
        found[name] = {"dtype": "float32", "shape": [len(names)], "names": names}
    for name, dtype in _INDICES.items():
        found[name] = {"dtype": dtype, "shape": [1], "names": None}
    return found


def table(episode: Placed, source: Source) -> Any:
    """An episode's rows as a pyarrow table: all features but the pictures."""
    import pyarrow as pa

    arrays, length = episode.piece.arrays(), episode.piece.length
    columns: dict[str, Any] = {}
    for name, names in vectors(source).items():
        flat = np.ascontiguousarray(arrays[name], dtype=np.float32).ravel()
        columns[name] = pa.FixedSizeListArray.from_arrays(pa.array(flat), len(names))
    steps = np.arange(length)
    columns["timestamp"] = pa.array((steps / source.fps).astype(np.float32))
    columns["frame_index"] = pa.array(steps)
    columns["episode_index"] = pa.array(np.full(length, episode.index))
    columns["index"] = pa.array(steps + episode.first_frame)
    columns["task_index"] = pa.array(np.full(length, episode.task_index))
    return pa.table(columns)


def episode_stats(piece: Piece, source: Source) -> dict[str, dict[str, Float64Array]]:
    """Statistics of one episode's features, as stored: of float32."""
    return _stats([piece], source)


def dataset_stats(pieces: Sequence[Piece], source: Source) -> dict[str, dict[str, Float64Array]]:
    """Statistics over all frames of a dataset."""
    return _stats(pieces, source)


def _stats(pieces: Sequence[Piece], source: Source) -> dict[str, dict[str, Float64Array]]:
    contents = [piece.arrays() for piece in pieces]
    found = {}
    for name in vectors(source):
        rows = np.concatenate([arrays[name] for arrays in contents])
        found[name] = vector_stats(rows.astype(np.float32).astype(np.float64))
    for camera in source.spec.images:
        histogram = np.sum([arrays[HISTOGRAM + camera] for arrays in contents], axis=0)
        found[video_key(camera)] = picture_stats(histogram, sum(piece.length for piece in pieces))
    return found


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes an indented JSON file.

    Raises:
        StoreError: It cannot be written.
    """
    _write(path, json.dumps(content, indent=4, ensure_ascii=False, allow_nan=False) + "\n")


def write_lines(path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    """Writes a JSON object a line.

    Raises:
        StoreError: They cannot be written.
    """
    _write(path, "".join(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n" for line in lines))


def write_table(path: Path, content: Any) -> None:
    """Writes a pyarrow table as a parquet file.

    Raises:
        StoreError: It cannot be written.
    """
    import pyarrow.parquet as pq

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(content, path, compression="snappy")
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error}") from error


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error}") from error
