from pathlib import Path

import pytest
from synthetic_runs import record, write_records, write_run

import harness
from harness.errors import StoreError, UsageError

GOAL = "libero_goal"
OUTCOMES = {(GOAL, 0): "sfs"}
LITE = {"assets__kind": "lite", "assets__sha256": "0123456789abcdef", "assets__warning": "not comparable"}


def compare(folder: Path, *, force: bool = False, **changes):
    write_run(folder / "a", "alpha", OUTCOMES)
    write_run(folder / "b", "beta", OUTCOMES, **changes)
    return harness.compare(harness.load_runs(folder), force=force)


@pytest.mark.parametrize(
    ("place", "value", "field"),
    [
        ("seed", 8, "seed"),
        ("request__language", "zh", "language"),
        ("assets__kind", "lite", "assets.kind"),
        ("assets__sha256", "00", "assets.sha256"),
        ("versions__mujoco", "3.3.1", "versions.mujoco"),
        ("versions__robosuite", "1.4.1", "versions.robosuite"),
        ("versions__hf-libero", None, "versions.hf-libero"),
        ("renderer__renderer", "NVIDIA H200", "renderer"),
        ("renderer__backend", "osmesa", "renderer"),
        ("options__errors_as_failures", True, "errors_as_failures"),
        ("suites__0__protocol__max_steps", 300, "libero_goal: protocol.max_steps"),
        ("suites__0__protocol__settle_steps", 5, "libero_goal: protocol.settle_steps"),
        ("suites__0__protocol__scene_seeding", "sequential", "libero_goal: protocol.scene_seeding"),
        ("suites__0__protocol__scene_seed", 8, "libero_goal: protocol.scene_seed"),
        ("suites__0__protocol__gripper", "binarize", "libero_goal: protocol.gripper"),
        ("suites__0__protocol__replan_steps", None, "libero_goal: protocol.replan_steps"),
        ("suites__0__protocol__image_width_px", 128, "libero_goal: protocol.image_width_px"),
        ("suites__0__protocol__cameras", {"a": "b"}, "libero_goal: protocol.cameras"),
        ("suites__0__protocol__action_space", "joint_delta", "libero_goal: protocol.action_space"),
        ("suites__0__tasks__1__instruction", "do it", "libero_goal: instruction of task 1"),
        ("suites__0__tasks__0__definition_sha256", "ff", "libero_goal: definition_sha256 of task 0"),
    ],
)
def test_a_field_that_moves_numbers_is_refused_by_name_with_both_values(tmp_path: Path, place, value, field) -> None:
    with pytest.raises(UsageError) as caught:
        compare(tmp_path, **{place: value})
    message = str(caught.value)
    assert f"\n  {field}: alpha has " in message
    assert "; beta has " in message
    assert "--force" in message


def test_another_environment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="environment: alpha has libero; beta has piper"):
        compare(tmp_path, environment="piper")


def test_all_differences_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        compare(tmp_path, seed=9, **LITE)
    for line in ("seed: alpha has 7; beta has 9", "assets.kind: alpha has official; beta has lite", "assets.sha256: "):
        assert line in str(caught.value)


def test_forced_the_comparison_is_marked(tmp_path: Path) -> None:
    compared = compare(tmp_path, force=True, **LITE)
    assert compared.forced
    assert [difference.field for difference in compared.differences] == ["assets.kind", "assets.sha256"]
    assert compared.notes[0].startswith("NOT COMPARABLE")
    assert [run.assets for run in compared.runs] == ["official (fedcba987654)", "lite (0123456789ab)"]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("engine", "upstream"),
        ("options__workers", 8),
        ("options__envs_per_worker", 4),
        ("options__retries", 0),
        ("policy__fingerprint", "other"),
        ("created", "2027-01-01T00:00:00+00:00"),
        ("assets__root", "/elsewhere"),
        ("suites__0__protocol__name", "openpi"),
    ],
)
def test_what_moves_no_number_is_no_difference(tmp_path: Path, place, value) -> None:
    assert compare(tmp_path, **{place: value}).differences == ()


def test_another_version_of_the_harness_is_noted(tmp_path: Path) -> None:
    compared = compare(tmp_path, versions__evalharness="0.2.0")
    (difference,) = compared.differences
    assert (difference.field, difference.severity) == ("versions.evalharness", "note")
    assert difference.values == {"alpha": "0.1.0", "beta": "0.2.0"}
    assert not compared.forced


def test_a_renderer_of_a_later_session_counts_too(tmp_path: Path) -> None:
    later = {"renderer": {"backend": "egl", "renderer": "NVIDIA H200"}}
    with pytest.raises(UsageError, match=r"renderer: .*beta has llvmpipe \(egl\); then NVIDIA H200 \(egl\)"):
        compare(tmp_path, resumed=[later])


def test_runs_of_other_suites_are_refused_and_forced_compared_on_the_common_ones(tmp_path: Path) -> None:
    write_run(tmp_path / "a", "alpha", {(GOAL, 0): "sf", ("libero_spatial", 0): "ss"})
    write_run(tmp_path / "b", "beta", {(GOAL, 0): "ss"})
    runs = harness.load_runs(tmp_path)
    with pytest.raises(UsageError, match="suites: alpha has libero_goal, libero_spatial; beta has libero_goal"):
        harness.compare(runs)
    compared = harness.compare(runs, force=True)
    assert [pair.suite for pair in compared.pairs] == [GOAL, "mean"]
    assert compared.suites == (GOAL, "libero_spatial")


def test_tasks_that_differ_together_are_one_difference(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        compare(tmp_path, suites__0__tasks__0__instruction="x", suites__0__tasks__1__instruction="y")
    assert "libero_goal: instruction of task 0, 1: " in str(caught.value)


def test_shared_episodes_that_began_from_other_scenes_are_noted(tmp_path: Path) -> None:
    for name, scene in (("a", "5c"), ("b", "00")):
        episodes = [record(GOAL, 0, 0, "success", scene_sha256=scene), record(GOAL, 0, 1, "success")]
        write_records(tmp_path / name, name, episodes, [GOAL])
    (difference,) = harness.compare(harness.load_runs(tmp_path)).differences
    assert (difference.field, difference.severity) == ("scenes", "note")
    assert difference.values["b"].startswith("1 episode that began from a scene")


def test_a_run_whose_record_lacks_something_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"run\.json is damaged.*it lacks 'kind'"):
        compare(tmp_path, assets={"sha256": "00", "warning": ""})
