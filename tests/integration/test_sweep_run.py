"""Sweeps and runs that stop early, on the Piper's suites, with policies of graded quality."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness import evaluate
from harness.cli.main import cli
from harness.errors import ResumeError, UsageError
from harness.store import read_info
from harness.sweeps import Whole, sweep

# One group: the tests share runs, which parallel test processes would otherwise each make.
pytestmark = pytest.mark.xdist_group("sweep_run")

GRADED = str(Path(__file__).resolve().parents[1] / "policies" / "graded.py")
GOOD, BAD = f"py:{GRADED}:Graded?skill=1", f"py:{GRADED}:Graded?skill=0"
COMMON = {"environment": "piper", "max_steps": 100, "video": "none", "progress": False}


def outcomes(directory):
    lines = [json.loads(line) for line in (Path(directory) / "episodes.jsonl").read_text().splitlines()]
    return {line["key"]: line["outcome"] for line in lines}


def evalharness(*arguments, cwd):
    command = [sys.executable, "-m", "harness.cli.main", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)


# Sweeps


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """Three files that hold how good a policy is."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for step, skill in ((1000, 0), (2000, 0.5), (10000, 1)):
        (folder / f"step_{step}").write_text(str(skill))
    return folder


@pytest.fixture(scope="module")
def swept(checkpoints):
    """A sweep by the command line, with one checkpoint that cannot be loaded."""
    (checkpoints / "step_500").write_text("no number")
    done = evalharness(
        *("piper", "--suite", "reach", "--policy", f"py:{GRADED}:Graded?checkpoint={{}}", "--checkpoints"),
        *sorted(checkpoints.iterdir()),  # as the shell expands step_*
        *("--episodes", 4, "--max-steps", 100, "--workers", 0, "--video", "none", "--out", "sweep"),
        cwd=checkpoints.parent,
    )
    return checkpoints.parent / "sweep", done


def test_every_checkpoint_has_a_run_by_step_and_one_that_fails_loses_no_other(swept):
    folder, done = swept
    assert done.returncode == 1, done.stderr
    runs = sorted(path.name for path in folder.iterdir() if path.is_dir())
    assert runs == ["01-step500", "02-step1000", "03-step2000", "04-step10000"]
    assert [len(outcomes(folder / name)) for name in runs] == [0, 4, 4, 4]
    assert "step_500 has failed: " in done.stdout
    assert "could not convert string to float" in done.stdout


def test_there_is_one_comparison_and_a_learning_curve(swept):
    folder, done = swept
    with (folder / "learning_curve.csv").open() as file:
        curve = [(int(row["step"]), float(row["success_rate"])) for row in csv.DictReader(file)]
    assert [step for step, _ in curve] == [1000, 2000, 10000]
    rates = [rate for _, rate in curve]
    assert (rates[0], rates[2]) == (0.0, 1.0)
    assert rates == sorted(rates)
    assert "<svg" in (folder / "learning_curve.svg").read_text()
    with (folder / "comparison.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 4
    assert "04-step10000" in (folder / "comparison.md").read_text()
    assert "Success over training" in done.stdout


def test_progress_is_of_the_whole_sweep(swept):
    assert "policy 3 of 4, 10 of 16 episodes" in swept[1].stderr


def test_a_resumed_sweep_runs_what_is_missing_and_what_is_new_and_nothing_else(swept, checkpoints):
    folder, _ = swept
    before = {path.name: (path / "episodes.jsonl").read_bytes() for path in folder.iterdir() if path.is_dir()}
    info = (folder / "03-step2000" / "run.json").read_bytes()
    (checkpoints / "step_500").write_text("0")
    done = sweep([BAD], resume=folder, progress=False)
    assert done.failures == {}
    assert [len(outcomes(run.directory)) for run in done.runs] == [4] * 5
    assert all((folder / name / "episodes.jsonl").read_bytes() == old for name, old in before.items() if old)
    assert (folder / "03-step2000" / "run.json").read_bytes() == info
    assert done.comparison is not None
    assert len(done.comparison.runs) == 5
    assert done.curve is None  # the new one has no step


def test_a_sweep_is_resumed_by_its_own_command_alone(swept):
    done = CliRunner().invoke(cli, ["libero", "--resume", str(swept[0])])
    assert isinstance(done.exception, UsageError)
    assert "is a sweep of piper: evalharness piper --resume" in str(done.exception)


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_done_and_names_the_sweep(tmp_path):
    command = [sys.executable, "-m", "harness.cli.main", "piper", "--suite", "reach", "--policy", BAD, "--policy", GOOD]
    command += ["--episodes", "40", "--workers", "1", "--video", "none", "--out", "sweep"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if line.startswith("[ 2/40]"):
                process.send_signal(signal.SIGINT)
    assert process.returncode == 130
    assert any("what was done is kept. Go on with --resume sweep\n" in line for line in said)
    (run,) = (path for path in (tmp_path / "sweep").iterdir() if path.is_dir())
    assert 2 <= len(outcomes(run)) < 40


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--suite", "lft", "--policy", "expert", "--policy", "zero"), "unknown suite 'lft'"),
        (("--suite", "lift", "--policy", "exprt", "--policy", "zeroo"), "no back end 'exprt'"),
        (("--suite", "lift", "--policy", "expert", "--checkpoints", "step_*"), "where a checkpoint's path belongs"),
        (("--policy", "expert", "--policy", "zero"), "--suite"),
        (("lift", "--policy", "expert"), "unexpected 'lift'"),
    ],
)
def test_a_sweep_that_cannot_be_is_refused_and_nothing_is_written(arguments, message, tmp_path):
    done = CliRunner().invoke(cli, ["piper", *arguments, "--out", str(tmp_path / "out")])
    assert isinstance(done.exception, UsageError) or done.exit_code == 2
    assert message in f"{done.output}{done.exception}"
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(UsageError, match="holds something else"):
        sweep([GOOD, BAD], "reach", out=str(tmp_path), **COMMON)


def test_how_far_a_sweep_has_come_counts_all_policies():
    time_s = [0.0]
    whole = Whole(3, 10, clock=lambda: time_s[0])
    whole.next(2, 4)
    assert whole.words() == "policy 2 of 3, 14 of 30 episodes"
    time_s[0] = 5.0
    whole.ended()
    assert whole.words() == "policy 2 of 3, 15 of 30 episodes, 1 min 15 s left"


# Stopping early


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A good policy in two workers, stopped early."""
    out = tmp_path_factory.mktemp("runs") / "stopped"
    options = {"stop_when": "decided", "against": "0.4", "episodes": 40, "workers": 2}
    return evaluate("reach", GOOD, out=str(out), **COMMON, **options)


def test_a_run_stops_when_it_is_decided_and_says_so_everywhere(stopped):
    found = read_info(stopped.directory)["stopping"]["found"]
    assert (found["decided"], found["stopped_early"], found["rate"]) == ("better", True, 1.0)
    n = found["episodes"]
    assert n <= len(outcomes(stopped.directory)) <= n + 2  # what was running was finished
    assert found["e_value"] >= 20
    assert found["rate_interval"][0] > 0.4
    text = (stopped.directory / "summary.md").read_text()
    assert f"- stopping: stopped early, after {n} episodes in {n} of 40 rounds: better than 40 %" in text
    assert "] †" in text
    assert set(stopped.summary()["interval"]) == {"confidence sequence"}


def test_a_comparison_shows_a_stopped_runs_own_limits_and_says_why(stopped):
    from harness import compare, load_runs

    comparison = compare(load_runs(stopped.directory))
    (run,) = comparison.runs
    rows = stopped.summary().set_index("suite")
    assert run.mean.interval == (rows.loc["mean", "ci_low"], rows.loc["mean", "ci_high"])
    assert [rate.interval[0] for rate in run.suites.values()] == [run.mean.interval[0]]
    assert any("may stop early" in note and "confidence sequences" in note for note in comparison.notes)
    assert not any("is not finished" in note for note in comparison.notes)


def test_the_episodes_are_the_first_of_the_plan_in_its_order_which_is_shuffled(stopped):
    plan = [key for one in read_info(stopped.directory)["stopping"]["rounds"] for key in one]
    ran = outcomes(stopped.directory)
    assert set(ran) == set(plan[: len(ran)])
    assert plan != sorted(plan, key=lambda key: int(key.split("init")[1].split("/")[0]))


def test_a_stopped_run_that_is_resumed_has_nothing_to_do_and_keeps_its_rule(stopped):
    before = outcomes(stopped.directory)
    again = evaluate(resume=stopped.directory, progress=False)
    assert outcomes(stopped.directory) == before
    assert again.finding() == stopped.finding()
    for given, message in (({"against": "0.5"}, "cannot change"), ({"episodes": 41}, "keeps its plan")):
        with pytest.raises(ResumeError, match=message):
            evaluate(resume=stopped.directory, progress=False, **given)


def test_a_stopped_run_is_no_reference(stopped, tmp_path):
    options = {"stop_when": "decided", "against": str(stopped.directory), "episodes": 40}
    with pytest.raises(UsageError, match=r"it lacks \d+ of the 40 episodes.*no fair sample"):
        evaluate("reach", BAD, out=str(tmp_path / "a"), **COMMON, **options)


@pytest.fixture(scope="module")
def baseline(tmp_path_factory):
    """A bad policy's run."""
    return evaluate("reach", BAD, out=str(tmp_path_factory.mktemp("runs") / "baseline"), episodes=12, **COMMON)


def test_a_run_is_held_against_another_and_resumed_without_it(baseline, tmp_path):
    kept = tmp_path / "kept"
    baseline.directory.rename(kept)
    try:
        options = {"stop_when": "decided", "against": str(kept), "episodes": 12, "errors_as_failures": False}
        run = evaluate("reach", GOOD, out=str(tmp_path / "a"), **COMMON, **options)
    finally:
        kept.rename(baseline.directory)
    finding = run.finding()
    assert finding is not None
    assert (finding.decided, finding.difference) == ("better", 1.0)
    assert finding.against == "the run kept (graded-Graded)"
    whole = evaluate(resume=run.directory, stop_when="end", progress=False)  # the other run is not where it was
    assert len(outcomes(whole.directory)) == 12
    assert whole.finding() is None
    assert set(whole.summary()["interval"]) == {"wilson", "mover"}
    with pytest.raises(ResumeError, match="must be chosen when a run begins"):
        evaluate(resume=run.directory, stop_when="decided", against="0.5", progress=False)


def test_a_run_that_is_not_comparable_is_refused_field_by_field(baseline, tmp_path):
    options = {"stop_when": "decided", "against": str(baseline.directory), "episodes": 12}
    with pytest.raises(UsageError, match=r"not comparable.*\n.*protocol\.max_steps: .* has 100; the new run has 101"):
        evaluate("reach", GOOD, out=str(tmp_path / "a"), **{**COMMON, "max_steps": 101}, **options)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("against", "message"),
    [
        ("1", "between 0 and 1"),
        ("-0.5", "between 0 and 1"),
        ("nan", "between 0 and 1"),
        ("no_run", "neither a run"),
    ],
)
def test_what_is_neither_a_rate_nor_a_run_is_refused(against, message):
    with pytest.raises(UsageError, match=message):
        evaluate("reach", GOOD, stop_when="decided", against=against, **COMMON)


@pytest.mark.slow
def test_policies_of_a_sweep_may_stop_early(tmp_path):
    options = {"stop_when": "decided", "against": "0.5", "episodes": 12}
    done = sweep([GOOD, BAD], "reach", out=str(tmp_path / "s"), **COMMON, **options)
    assert [run.finding().decided for run in done.runs] == ["better", "worse"]


# Tracking


def test_a_run_is_tracked(tmp_path):
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed: evalharness[track-tensorboard]")
    evaluate("reach", BAD, out=str(tmp_path / "run"), episodes=1, track="tensorboard", **COMMON)
    (events,) = (tmp_path / "run" / "tensorboard").iterdir()
    content = events.read_bytes()
    assert all(name in content for name in (b"success_rate/piper_reach", b"final/mean/success_rate", b"config"))


# Drawing


@pytest.mark.parametrize("first", ["", "from harness.suites import load_suites; load_suites('piper_up_down')"])
def test_a_run_in_this_process_draws_although_its_suite_needs_mujoco_to_be_read(first, tmp_path):
    program = f"""{first}
from harness import evaluate
evaluate("up-down", "zero", environment="piper", episodes=1, max_steps=2, video="none", out="run", workers=0)
"""
    environment = {name: value for name, value in os.environ.items() if name not in ("MUJOCO_GL", "PYOPENGL_PLATFORM")}
    environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert list(outcomes(tmp_path / "run").values()) == ["failure"]
