"""The same episode, in whatever order, company, process or session it runs: the same scene, pictures and trajectory."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import evaluate

pytestmark = [pytest.mark.assets, pytest.mark.slow]

LOOKING = f"py:{Path(__file__).parents[1] / 'policies' / 'looking.py'}:Looking"
# Task 4 begins with an open drawer; fixtures of both tasks move.
COMMON = {"suite": "spatial", "policy": LOOKING, "max_steps": 6, "replan": 3, "video": "none", "progress": False}


def fingerprints(run):
    """Key -> everything that may not differ: hashes of scene and pictures, and the trace's bytes."""
    episodes = run.episodes()
    assert (episodes["outcome"] == "failure").all(), episodes[["key", "outcome", "error"]].to_string()
    return {
        row.key: (row.scene_sha256, row.frame_sha256, (run.directory / row.trace).read_bytes())
        for row in episodes.itertuples()
    }


@pytest.mark.parametrize("protocol", ["standard", "openpi"])
def test_an_episode_is_the_same_in_any_order_alone_resumed_and_with_any_number_of_workers(simulator, tmp_path, protocol):
    options = {**COMMON, "protocol": protocol}
    in_order = fingerprints(evaluate(**options, tasks="0,4", init="0-2", out=str(tmp_path / "in_order")))
    assert len(in_order) == 6
    scenes, frames, traces = (set(column) for column in zip(*in_order.values(), strict=True))
    assert len(scenes) == len(frames) == len(traces) == 6, "the six episodes differ from each other"

    reverse = evaluate(**options, tasks="4,0", init="2,1,0", out=str(tmp_path / "reverse"))
    assert fingerprints(reverse) == in_order

    alone = fingerprints(evaluate(**options, tasks="4", init="2", out=str(tmp_path / "alone")))
    assert alone.items() <= in_order.items()
    assert len(alone) == 1

    evaluate(**options, tasks="0", init="1", out=str(tmp_path / "resumed"))
    resumed = evaluate(resume=tmp_path / "resumed", tasks="0,4", init="0-2", progress=False)
    assert fingerprints(resumed) == in_order

    for workers in (1, 3):
        spread = evaluate(**options, tasks="0,4", init="0-2", workers=workers, out=str(tmp_path / f"workers{workers}"))
        assert fingerprints(spread) == in_order
