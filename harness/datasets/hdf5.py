"""LIBERO's HDF5: a file a task, ``data/demo_0``, ``data/demo_1`` and so on.

Names, shapes and attributes are those of scripts/create_dataset.py in Lifelong-Robot-Learning/LIBERO; docs/datasets.md says
what differs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from harness.datasets.frames import EpisodeFrames
from harness.datasets.lerobot import write_json
from harness.datasets.pieces import ACTION, EXECUTED, STATE, Piece
from harness.datasets.source import Source
from harness.datasets.stats import as_json, vector_stats
from harness.errors import StoreError
from harness.types import Float64Array

_DEMO_FILE = "demo.hdf5"
_DEMO = "demo"

# LIBERO's name of the wrist camera's pictures.
_CAMERAS = {"wrist": "eye_in_hand"}

# Where the parts of LIBERO's observations come from: position, orientation as axis-angle, gripper, joints, quaternion.
_PARTS: Mapping[str, tuple[str, ...]] = {
    "libero": ("eef_pos", "eef_axis_angle", "gripper_qpos", "joint_pos", "eef_quat_xyzw"),
    "piper": ("tcp_pos", "tcp_axis_angle", "gripper_opening", "joint_pos", "tcp_quat_wxyz"),
}

# robosuite's names for how the simulator's own pictures run: rows bottom up, or top down.
_CONVENTIONS: Mapping[str, str] = {"libero": "opengl", "piper": "opencv"}


def write_pictures(folder: Path, frames: EpisodeFrames, source: Source) -> None:
    """Puts an episode's demonstration into its piece.

    Pictures are turned back to the simulator's own, whose rows run bottom up in LIBERO.

    Raises:
        StoreError: The file cannot be written.
    """
    length = len(frames.action)
    last = np.zeros(length, dtype=np.uint8)
    last[-1] = 1
    with _file(folder / _DEMO_FILE, "w") as file:
        demo = file.create_group(_DEMO)
        demo.create_dataset("actions", data=frames.action)
        if source.noise_std is not None:
            demo.create_dataset("executed_actions", data=frames.executed)
        demo.create_dataset("states", data=frames.sim_state)
        demo.create_dataset("dones", data=last)
        demo.create_dataset("rewards", data=last * np.uint8(frames.succeeded))
        demo.attrs["num_samples"] = length
        demo.attrs["init_state"] = frames.sim_state[0]
        obs = demo.create_group("obs")
        for name, rows in _proprioception(frames.state, source).items():
            parent = demo if name == "robot_states" else obs
            parent.create_dataset(name, data=rows)
        for camera, pictures in frames.pictures.items():
            turned = pictures[:, ::-1, ::-1] if source.protocol.image_rotation_deg == 180 else pictures
            name = f"{_CAMERAS.get(camera, camera)}_rgb"
            # A chunk a frame, so that one frame is read without its neighbours.
            obs.create_dataset(name, data=turned, chunks=(1, *turned.shape[1:]), compression="gzip", compression_opts=1)


def assemble(pieces: Sequence[Piece], source: Source, target: Path) -> None:
    """Writes the dataset: ``SUITE/TASK_demo.hdf5`` and ``stats.json``.

    Args:
        pieces: Episodes in the dataset's order, at least one.
        source: What their numbers mean.
        target: An empty folder.

    Raises:
        StoreError: A file cannot be written.
    """
    by_task: dict[tuple[str, int], list[Piece]] = {}
    for piece in pieces:
        by_task.setdefault((piece.suite, piece.task_id), []).append(piece)
    for place, demos in by_task.items():
        path = target / demos[0].suite / f"{demos[0].task}_demo.hdf5"
        _write_task(path, demos, source, source.bddl.get(place))
    contents = [piece.arrays() for piece in pieces]
    names = (STATE, ACTION) if source.noise_std is None else (STATE, ACTION, EXECUTED)
    stats = {name: vector_stats(np.concatenate([arrays[name] for arrays in contents]).astype(np.float64)) for name in names}
    write_json(target / "stats.json", as_json(stats))


def _write_task(path: Path, demos: Sequence[Piece], source: Source, bddl: Path | None) -> None:
    with _file(path, "w") as file:
        data = file.create_group("data")
        for index, piece in enumerate(demos):
            with _file(piece.folder / _DEMO_FILE, "r") as part:
                file.copy(part[_DEMO], data, name=f"demo_{index}")
            data[f"demo_{index}"].attrs["key"] = piece.key
        for name, value in _attributes(demos, source, bddl).items():
            data.attrs[name] = value


def _proprioception(state: Mapping[str, Float64Array], source: Source) -> dict[str, Float64Array]:
    position, orientation, gripper, joints, quaternion = (state[part] for part in _PARTS[source.environment])
    return {
        "ee_pos": position,
        "ee_ori": orientation,
        "ee_states": np.concatenate([position, orientation], axis=1),
        "gripper_states": gripper,
        "joint_states": joints,
        "robot_states": np.concatenate([gripper, position, quaternion], axis=1),
    }


def _attributes(demos: Sequence[Piece], source: Source, bddl: Path | None) -> dict[str, Any]:
    protocol = source.protocol
    text = bddl.read_text(encoding="utf-8") if bddl else ""
    match = re.search(r"\(problem\s+(\S+?)\)", text)
    problem = match[1].lower() if match else demos[0].task
    env_kwargs = {
        "robots": [source.robot.capitalize()],
        "action_space": source.spec.action_space,
        "control_freq": protocol.control_freq_hz,
        "camera_names": list(protocol.cameras.values()),
        "camera_heights": protocol.image_height_px,
        "camera_widths": protocol.image_width_px,
    }
    file_name = bddl.name if bddl else ""
    env_args = {
        "type": 1,
        "env_name": problem,
        "problem_name": problem,
        "bddl_file": file_name,
        "env_kwargs": env_kwargs,
    }
    info = {"problem_name": problem, "domain_name": "robosuite", "language_instruction": demos[0].instruction}
    return {
        "env_name": problem,
        "env_args": json.dumps(env_args),
        "problem_info": json.dumps(info),
        "bddl_file_name": file_name,
        "bddl_file_content": text,
        "macros_image_convention": _CONVENTIONS[source.environment],
        "num_demos": len(demos),
        "total": sum(piece.length for piece in demos),
    }


@contextmanager
def _file(path: Path, mode: str) -> Iterator[Any]:
    import h5py

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(path, mode) as file:
            yield file
    except (OSError, RuntimeError) as error:
        verb = "read" if mode == "r" else "written"
        raise StoreError(f"{path} cannot be {verb}: {error}") from error
