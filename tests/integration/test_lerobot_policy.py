"""The tests of checkpoints that need libraries of their own, run by interpreters that have them."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[1] / "unit" / "policies"


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.parametrize(("library", "file"), [("lerobot", "test_lerobot.py"), ("transformers", "test_huggingface.py")])
def test_checkpoints_are_loaded_where_their_library_is(library: str, file: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(library) and importlib.util.find_spec("torch"):
        pytest.skip(f"{library} is installed here: tests/unit/policies/{file} runs by itself")
    for python in filter(None, os.environ.get("EVALHARNESS_LEROBOT_PYTHON", "").split(os.pathsep)):
        command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--basetemp", tmp_path / "t", UNIT / file]
        environment = os.environ | {"HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        environment.pop("PYTEST_XDIST_WORKER", None)
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=500, check=False, env=environment, cwd=UNIT.parents[2]
        )
        if done.returncode in (0, 1) and re.search(r"[0-9]+ (passed|failed)", done.stdout):
            assert done.returncode == 0, done.stdout[-5000:]
            return
    pytest.skip(f"EVALHARNESS_LEROBOT_PYTHON names no interpreter that has {library}, pytest and evalharness's dependencies")
