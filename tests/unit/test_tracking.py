"""Trackers in their libraries' own offline modes; each is skipped where its library is not installed."""

from collections import Counter

import pandas as pd
import pytest

from harness.errors import UsageError
from harness.reports.summary import summarise
from harness.tracking import GuardedTracker, base, refuse_missing_library
from harness.tracking.numbers import final_metrics, running_metrics, tracked_config

CONFIG = {"policy.uri": "expert", "seed": 7}


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    for name in ("WANDB_MODE", "WANDB_PROJECT", "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)


def track(name, directory, notes):
    tracker = GuardedTracker(name, directory, CONFIG, notes.append)
    tracker.log(1, {"success_rate": 1.0, "errors": 0})
    tracker.log(2, {"success_rate": 0.5, "errors": 0})
    tracker.finish(lambda: {"final/mean/success_rate": 0.5})


def test_tensorboard_writes_event_files(tmp_path):
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed: evalharness[track-tensorboard]")
    from tensorboardX.proto import event_pb2

    notes = []
    track("tensorboard", tmp_path, notes)
    assert notes == []
    (file,) = (tmp_path / "tensorboard").iterdir()
    content, values, place = file.read_bytes(), {}, 0
    while place < len(content):  # TFRecord: length (8 bytes), its CRC (4), the event, its CRC (4)
        length = int.from_bytes(content[place : place + 8], "little")
        event = event_pb2.Event.FromString(content[place + 12 : place + 12 + length])
        values.update({(value.tag, event.step): value.simple_value for value in event.summary.value})
        place += length + 16
    assert values["success_rate", 1] == 1.0
    assert values["success_rate", 2] == 0.5
    assert values["final/mean/success_rate", 2] == 0.5
    assert any(tag.startswith("config") for tag, _ in values)


def test_mlflow_writes_a_file_store(tmp_path):
    pytest.importorskip("mlflow", reason="mlflow is not installed: evalharness[track-mlflow]")
    from mlflow.tracking import MlflowClient

    notes = []
    track("mlflow", tmp_path, notes)
    assert notes == []
    client = MlflowClient(tracking_uri=(tmp_path / "mlruns").as_uri())
    experiment = client.get_experiment_by_name("evalharness")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.info.run_name == tmp_path.name
    assert run.data.params == {"policy.uri": "expert", "seed": "7"}
    assert [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, "success_rate")] == [(1, 1.0), (2, 0.5)]
    assert run.data.metrics["final/mean/success_rate"] == 0.5


def test_wandb_writes_an_offline_run(tmp_path):
    wandb = pytest.importorskip("wandb", reason="wandb is not installed: evalharness[track-wandb]")
    from wandb.proto import wandb_internal_pb2
    from wandb.sdk.internal.datastore import DataStore

    notes = []
    track("wandb", tmp_path, notes)
    assert notes == []
    wandb.teardown()  # waits for the service, which writes the file
    (file,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    store, history, summary, config = DataStore(), [], {}, {}
    store.open_for_scan(str(file))
    while (data := store.scan_data()) is not None:
        record = wandb_internal_pb2.Record.FromString(data)
        config.update({item.key: item.value_json for item in record.run.config.update})
        history.append({("/".join(item.nested_key) or item.key): item.value_json for item in record.history.item})
        summary.update({("/".join(item.nested_key) or item.key): item.value_json for item in record.summary.update})
    assert [(row["_step"], row["success_rate"]) for row in history if "success_rate" in row] == [("1", "1"), ("2", "0.5")]
    assert summary["final/mean/success_rate"] == "0.5"
    assert config["policy.uri"] == '"expert"'


def test_a_library_that_is_not_installed_is_refused_with_what_to_install(monkeypatch):
    monkeypatch.setattr(base, "_SOURCES", {"wandb": base._Source("no_such_library", "", "")})
    with pytest.raises(UsageError, match=r"no_such_library.*pip install 'evalharness\[track-wandb\]'"):
        refuse_missing_library("wandb")


class Failing:
    """A tracker that fails at one call."""

    def __init__(self, directory, name, config):
        if name == "making":
            raise OSError("disk full")

    def log(self, done, metrics):
        if done == 2:
            raise RuntimeError("service gone")

    def finish(self, summary):
        raise RuntimeError("must not be called after a failure")


@pytest.mark.parametrize(("place", "reason"), [("making", "OSError: disk full"), ("logging", "RuntimeError: service gone")])
def test_a_tracker_that_fails_ends_with_one_note_and_raises_nothing(place, reason, tmp_path, monkeypatch):
    monkeypatch.setattr(base, "_SOURCES", {"wandb": base._Source("", __name__, "Failing")})
    notes = []
    track("wandb", tmp_path / place, notes)
    assert notes == [f"tracking with wandb has ended, the run goes on: {reason}"]


def test_nothing_is_tracked_unless_it_is_asked_for(tmp_path):
    track(None, tmp_path, notes := [])
    assert notes == []
    assert list(tmp_path.iterdir()) == []


def test_running_numbers_are_over_all_suites_and_of_each():
    outcomes = Counter({("a", "success"): 3, ("a", "failure"): 1, ("b", "error"): 2, ("b", "success"): 2})
    assert running_metrics(outcomes, errors_as_failures=False) == {
        "success_rate": pytest.approx(5 / 6), "errors": 2, "success_rate/a": 0.75, "errors/a": 0,
        "success_rate/b": 1.0, "errors/b": 2,
    }  # fmt: skip
    assert running_metrics(outcomes, errors_as_failures=True)["success_rate/b"] == 0.5
    assert "success_rate" not in running_metrics(Counter({("a", "error"): 1}), errors_as_failures=False)


def test_final_numbers_are_those_of_the_summary():
    rows = [("a", 0, "t", "success", 5), ("a", 0, "t", "failure", 5), ("b", 0, "t", "error", 5)]
    episodes = pd.DataFrame(rows, columns=["suite", "task_id", "task", "outcome", "steps"])
    metrics = final_metrics(summarise(episodes, run="r", policy="p", assets="a"))
    assert (metrics["final/a/success_rate"], metrics["final/a/successes"], metrics["final/mean/errors"]) == (0.5, 1, 1)
    assert "final/b/success_rate" not in metrics  # no episode counts


def test_the_configuration_is_plain_values_by_dotted_names():
    info = {
        "environment": "piper", "policy": {"uri": "expert", "name": "expert", "fingerprint": "f", "details": {}}, "seed": 1,
        "episodes": 2, "assets": {"kind": "piper", "sha256": "0"}, "renderer": {"renderer": "llvmpipe"}, "engine": "exact",
        "git_commit": None, "versions": {"mujoco": "3"}, "request": {"workers": 0, "tasks": None},
        "suites": [{"name": "s", "protocol": {"max_steps": 9, "cameras": {"a": "b"}, "state_layout": ["x"]}}],
    }  # fmt: skip
    config = tracked_config(info)
    assert config["policy.uri"] == "expert"
    assert config["protocol.s.max_steps"] == 9
    assert config["protocol.s.cameras.a"] == "b"
    assert config["protocol.s.state_layout"] == "['x']"
    assert "git_commit" not in config
    assert "request.tasks" not in config
