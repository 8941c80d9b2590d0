"""MLflow: files in the run directory unless ``MLFLOW_TRACKING_URI`` names a server or another store."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow.entities import Metric, Param
from mlflow.tracking import MlflowClient

_EXPERIMENT = "evalharness"

# What the service takes at once, and how long a value may be (mlflow.utils.validation).
_PARAMS_AT_ONCE = 100
_LONGEST_VALUE = 500


class MlflowTracker:
    """An MLflow run; without a server it is under ``mlruns`` in the run directory."""

    def __init__(self, directory: Path, name: str, config: Mapping[str, Any]) -> None:
        where = os.environ.get("MLFLOW_TRACKING_URI")
        if where is None:
            where = (directory / "mlruns").absolute().as_uri()
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # else MLflow 3 wants a database
        self._client = MlflowClient(tracking_uri=where)
        experiment = os.environ.get("MLFLOW_EXPERIMENT_NAME", _EXPERIMENT)
        found = self._client.get_experiment_by_name(experiment)
        place = found.experiment_id if found is not None else self._client.create_experiment(experiment)
        self._run_id = self._client.create_run(place, run_name=name).info.run_id
        params = [Param(key, str(value)[:_LONGEST_VALUE]) for key, value in config.items()]
        for start in range(0, len(params), _PARAMS_AT_ONCE):
            self._client.log_batch(self._run_id, params=params[start : start + _PARAMS_AT_ONCE])
        self._done = 0

    def log(self, done: int, metrics: Mapping[str, float]) -> None:
        """See `harness.tracking.base.Tracker.log`."""
        self._done = done
        now_ms = time.time_ns() // 1_000_000
        self._client.log_batch(self._run_id, metrics=[Metric(key, value, now_ms, done) for key, value in metrics.items()])

    def finish(self, summary: Mapping[str, float]) -> None:
        """See `harness.tracking.base.Tracker.finish`."""
        self.log(self._done, summary)
        self._client.set_terminated(self._run_id)
