import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import harness
from harness import provenance
from harness.envs.families import FAMILIES, family_of

git_needed = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository with one commit that the harness takes for its checkout."""
    git(tmp_path, "init", "--quiet")
    (tmp_path / "code.py").write_text("1")
    git(tmp_path, "add", "code.py")
    git(tmp_path, "commit", "--quiet", "--message", "one")
    monkeypatch.setattr(provenance, "checkout_root", lambda: tmp_path)
    return tmp_path


def test_versions_are_those_of_the_packages_and_none_where_one_is_absent(monkeypatch) -> None:
    monkeypatch.setattr(provenance, "PACKAGES", ("numpy", "no-such-distribution"))
    assert provenance.versions() == {
        "python": platform.python_version(),
        "evalharness": harness.__version__,
        "numpy": np.__version__,
        "no-such-distribution": None,
    }


@pytest.mark.parametrize("environment", FAMILIES)
def test_the_simulators_packages_are_among_the_recorded_ones(environment) -> None:
    assert set(family_of(environment).simulator_packages) <= set(provenance.versions())


def test_nothing_is_imported_to_find_versions() -> None:
    code = "import sys; from harness import provenance; provenance.versions(); print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(Path(harness.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert not {"mujoco", "robosuite", "torch", "pandas", "numpy", "av"} & set(done.stdout.split())


@git_needed
def test_the_commit_is_the_checkouts_head(checkout) -> None:
    assert provenance.git_commit() == git(checkout, "rev-parse", "HEAD")


@git_needed
def test_a_tag_does_not_hide_the_commit(checkout) -> None:
    git(checkout, "tag", "--annotate", "v1", "--message", "one")
    assert provenance.git_commit() == git(checkout, "rev-parse", "HEAD")


@git_needed
def test_a_changed_file_makes_the_commit_dirty_and_a_new_one_does_not(checkout) -> None:
    (checkout / "new.py").write_text("2")
    assert provenance.git_commit() == git(checkout, "rev-parse", "HEAD")
    (checkout / "code.py").write_text("2")
    assert provenance.git_commit() == git(checkout, "rev-parse", "HEAD") + "-dirty"


def test_outside_a_repository_there_is_no_commit(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setattr(provenance, "checkout_root", lambda: tmp_path)
    assert provenance.git_commit() is None


def test_outside_a_checkout_there_is_no_commit(monkeypatch) -> None:
    monkeypatch.setattr(provenance, "checkout_root", lambda: None)
    assert provenance.git_commit() is None


def test_without_git_there_is_no_commit(checkout, monkeypatch, tmp_path_factory) -> None:
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("empty")))
    assert provenance.git_commit() is None


def test_the_machine_is_described_in_plain_data() -> None:
    machine = provenance.machine()
    assert json.loads(json.dumps(machine)) == machine
    assert machine["hostname"] == platform.node()
    assert 1 <= machine["cores"] <= os.cpu_count()
    assert machine["processor"]


def test_a_hash_of_sources_changes_with_a_python_file_and_with_nothing_else(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(harness, "__file__", str(tmp_path / "__init__.py"))
    script = tmp_path / "scripts" / "deep" / "lift.py"
    script.parent.mkdir(parents=True)
    script.write_text("up = 1\n")
    (tmp_path / "one.py").write_text("one = 1\n")
    before = provenance.sources_sha256("scripts", "one.py")
    assert before != provenance.sources_sha256("scripts")
    (tmp_path / "scripts" / "notes.txt").write_text("anything")
    (tmp_path / "other.py").write_text("other = 1\n")
    assert provenance.sources_sha256("scripts", "one.py") == before
    script.write_text("up = 2\n")
    assert provenance.sources_sha256("scripts", "one.py") != before
