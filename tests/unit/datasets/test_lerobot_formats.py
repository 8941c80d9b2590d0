"""Datasets of made-up pieces: what stands where, without a simulator."""

from __future__ import annotations

import json
from types import SimpleNamespace

import av
import numpy as np
import pandas as pd
import pytest

from harness.datasets import lerobot_v2, lerobot_v3
from harness.datasets.frames import EpisodeFrames
from harness.datasets.lerobot import write_pictures
from harness.datasets.pieces import new_piece, read_pieces
from harness.datasets.source import Source
from harness.envs.libero.spec import libero_env_spec
from harness.types import Episode, Protocol

pq = pytest.importorskip("pyarrow.parquet")

LENGTHS = (3, 5, 2)
INSTRUCTIONS = ("open it", "close it", "open it")
SPEC = libero_env_spec(32, 48)
PROTOCOL = Protocol(
    name="standard",
    max_steps=9,
    settle_steps=0,
    settle_action=(),
    control_freq_hz=20,
    cameras={"agentview": "agentview", "wrist": "robot0_eye_in_hand"},
    image_height_px=32,
    image_width_px=48,
    image_rotation_deg=180,
    state_layout=("eef_pos", "eef_axis_angle", "gripper_qpos"),
    gripper="as_is",
    replan_steps=None,
    scene_seeding="episode_key",
    scene_seed=0,
    action_space="eef_delta",
)
SOURCE = Source("libero", PROTOCOL, SPEC, noise_std=None, identity={}, bddl={})
AGENTVIEW, WRIST = "observation.images.agentview", "observation.images.wrist"


def frames(index: int, steps: int) -> EpisodeFrames:
    generator = np.random.default_rng(index)
    level = 60 * index + 20
    return EpisodeFrames(
        pictures={
            name: np.full((steps, 32, 48, 3), level + shift, np.uint8) for name, shift in (("agentview", 0), ("wrist", 9))
        },
        state={"vector": generator.normal(size=(steps, 8))},
        action=generator.normal(size=(steps, 7)),
        executed=np.zeros((steps, 7)),
        sim_state=np.zeros((steps, 3)),
        succeeded=True,
    )


@pytest.fixture(scope="module")
def pieces(tmp_path_factory):
    parent = tmp_path_factory.mktemp("pieces")
    for index, (steps, instruction) in enumerate(zip(LENGTHS, INSTRUCTIONS, strict=True)):
        episode = Episode("s", index, f"t{index}", instruction, 0, 0, 0)
        recorded = SimpleNamespace(episode=episode, record=SimpleNamespace(outcome="success"))
        content = frames(index, steps)
        with new_piece(parent, recorded, content) as folder:
            write_pictures(folder, content, SOURCE)
    return list(read_pieces(parent).values())


@pytest.fixture(scope="module")
def v2(pieces, tmp_path_factory):
    target = tmp_path_factory.mktemp("v2")
    lerobot_v2.assemble(pieces, SOURCE, target)
    return target


@pytest.fixture(scope="module")
def v3(pieces, tmp_path_factory):
    target = tmp_path_factory.mktemp("v3")
    lerobot_v3.assemble(pieces, SOURCE, target)
    return target


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def mean_levels(path) -> list[float]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24").mean() for frame in container.decode(video=0)]


def test_v2_has_a_file_an_episode_and_numbers_frames_through(v2):
    tables = [pq.read_table(v2 / f"data/chunk-000/episode_{index:06d}.parquet") for index in range(3)]
    assert [table.num_rows for table in tables] == list(LENGTHS)
    assert [table["index"].to_pylist() for table in tables] == [[0, 1, 2], [3, 4, 5, 6, 7], [8, 9]]
    assert [set(table["task_index"].to_pylist()) for table in tables] == [{0}, {1}, {0}]
    assert tables[1]["timestamp"].to_pylist() == pytest.approx([0, 0.05, 0.1, 0.15, 0.2])
    for index in range(3):
        assert np.array_equal(
            np.array(tables[index]["action"].to_pylist()), frames(index, LENGTHS[index]).action.astype("f4")
        )
        for camera in (AGENTVIEW, WRIST):
            assert len(mean_levels(v2 / f"videos/chunk-000/{camera}/episode_{index:06d}.mp4")) == LENGTHS[index]


def test_v2_says_what_is_in_it(v2):
    info = json.loads((v2 / "meta/info.json").read_text())
    counts = {name: value for name, value in info.items() if name.startswith("total_")}
    assert counts == {
        "total_episodes": 3,
        "total_frames": 10,
        "total_tasks": 2,
        "total_videos": 6,
        "total_chunks": 1,
    }
    assert (info["robot_type"], info["splits"]) == ("panda", {"train": "0:3"})
    assert info["features"]["action"]["names"] == ["x", "y", "z", "rx", "ry", "rz", "gripper"]
    state = ["eef_pos_x", "eef_pos_y", "eef_pos_z", "eef_axis_angle_x", "eef_axis_angle_y", "eef_axis_angle_z"]
    assert info["features"]["observation.state"]["names"] == [*state, "gripper_qpos_1", "gripper_qpos_2"]
    assert [line["task"] for line in lines(v2 / "meta/tasks.jsonl")] == ["open it", "close it"]
    assert [line["tasks"] for line in lines(v2 / "meta/episodes.jsonl")] == [[words] for words in INSTRUCTIONS]
    stats = lines(v2 / "meta/episodes_stats.jsonl")[1]["stats"]
    assert np.shape(stats[AGENTVIEW]["mean"]) == (3, 1, 1)
    assert np.ravel(stats[AGENTVIEW]["max"]) == pytest.approx(80 / 255)
    assert (stats["action"]["count"], "executed_action" in stats) == ([5], False)


def test_v3_has_all_episodes_in_one_file_and_says_where(v3):
    table = pq.read_table(v3 / "data/chunk-000/file-000.parquet")
    assert table["index"].to_pylist() == list(range(10))
    assert table["episode_index"].to_pylist() == [0] * 3 + [1] * 5 + [2] * 2
    rows = pq.read_table(v3 / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    assert [(row["dataset_from_index"], row["dataset_to_index"]) for row in rows] == [(0, 3), (3, 8), (8, 10)]
    times = [(row[f"videos/{WRIST}/from_timestamp"], row[f"videos/{WRIST}/to_timestamp"]) for row in rows]
    assert np.array(times) == pytest.approx(np.array([(0, 0.15), (0.15, 0.4), (0.4, 0.5)]))
    assert all(row["data/chunk_index"] == row[f"videos/{WRIST}/file_index"] == 0 for row in rows)
    assert rows[2]["stats/action/count"] == [2]
    levels = mean_levels(v3 / f"videos/{WRIST}/chunk-000/file-000.mp4")
    assert levels == pytest.approx([29] * 3 + [89] * 5 + [149] * 2, abs=2)


def test_v3_finds_tasks_by_their_instruction(v3):
    tasks = pd.read_parquet(v3 / "meta/tasks.parquet")
    assert dict(tasks["task_index"]) == {"open it": 0, "close it": 1}


def test_v3_begins_a_new_file_when_one_is_full(pieces, tmp_path, monkeypatch):
    monkeypatch.setattr(lerobot_v3, "_MB", 1)  # bytes, so that every episode is too large for company
    lerobot_v3.assemble(pieces, SOURCE, tmp_path)
    rows = pq.read_table(tmp_path / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    assert [row["data/file_index"] for row in rows] == [0, 1, 2]
    assert [row[f"videos/{WRIST}/from_timestamp"] for row in rows] == [0, 0, 0]
    for index, steps in enumerate(LENGTHS):
        assert pq.read_table(tmp_path / f"data/chunk-000/file-{index:03d}.parquet").num_rows == steps
        assert len(mean_levels(tmp_path / f"videos/{WRIST}/chunk-000/file-{index:03d}.mp4")) == steps


def test_both_have_the_same_statistics_with_quantiles(v2, v3):
    stats = json.loads((v3 / "meta/stats.json").read_text())
    assert stats == json.loads((v2 / "meta/stats.json").read_text())
    actions = np.concatenate([frames(index, steps).action for index, steps in enumerate(LENGTHS)]).astype("f4").astype(float)
    assert stats["action"]["q01"] == pytest.approx(np.percentile(actions, 1, axis=0))
    assert stats["action"]["std"] == pytest.approx(np.sqrt(((actions - actions.mean(axis=0)) ** 2).mean(axis=0)))
    assert set(stats[WRIST]) == {"mean", "std", "min", "max", "q01", "q99", "count"}
