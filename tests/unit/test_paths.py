from pathlib import Path

import pytest

from harness import paths
from harness.errors import UsageError


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    for variable in ("EVALHARNESS_SUITES", "EVALHARNESS_CACHE", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(variable, raising=False)


def test_suites_come_from_the_environment_first(monkeypatch, tmp_path):
    monkeypatch.setenv("EVALHARNESS_SUITES", str(tmp_path))
    assert paths.suites_dir() == tmp_path


def test_an_empty_variable_counts_as_unset(monkeypatch):
    monkeypatch.setenv("EVALHARNESS_SUITES", "")
    assert paths.suites_dir().name == "suites"


def test_suites_of_the_checkout_are_used_when_it_runs_from_one():
    root = Path(__file__).resolve().parents[2]
    assert paths.checkout_root() == root
    assert paths.suites_dir() == root / "suites"


def test_suites_of_the_wheel_are_used_outside_a_checkout(monkeypatch, tmp_path):
    (tmp_path / "suites").mkdir()  # another package's folder of that name beside ours in site-packages
    monkeypatch.setattr(paths, "_PACKAGE", tmp_path / "harness")
    assert paths.checkout_root() is None
    assert paths.suites_dir() == tmp_path / "harness" / "_data" / "suites"


def test_the_cache_prefers_its_own_variable_over_xdg(monkeypatch, tmp_path):
    monkeypatch.setenv("EVALHARNESS_CACHE", str(tmp_path / "mine"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert paths.cache_dir() == tmp_path / "mine"
    assert (tmp_path / "mine").is_dir()


def test_the_cache_lies_in_the_xdg_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert paths.cache_dir() == tmp_path / "xdg" / "evalharness"


def test_a_relative_xdg_folder_is_ignored(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert paths.cache_dir() == tmp_path / ".cache" / "evalharness"
    assert paths.data_dir() == tmp_path / ".local" / "share" / "evalharness"


def test_the_data_folder_is_not_made(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert paths.data_dir() == tmp_path / "xdg" / "evalharness"
    assert not (tmp_path / "xdg").exists()


def test_a_home_that_cannot_be_written_gives_a_private_temporary_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", "/dev/null")
    monkeypatch.setattr(paths.tempfile, "tempdir", str(tmp_path))
    folder = paths.cache_dir()
    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o777 == 0o700
    assert paths.cache_dir() == folder


def test_a_temporary_cache_that_others_can_enter_is_not_used(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", "/dev/null")
    monkeypatch.setattr(paths.tempfile, "tempdir", str(tmp_path))
    planted = tmp_path / f"evalharness-{paths.os.getuid()}"
    planted.mkdir()
    planted.chmod(0o777)
    folder = paths.cache_dir()
    assert folder != planted
    assert folder.stat().st_mode & 0o077 == 0


def test_a_named_cache_that_cannot_be_made_is_an_error_that_names_it(monkeypatch):
    monkeypatch.setenv("EVALHARNESS_CACHE", "/dev/null/cache")
    with pytest.raises(UsageError, match="EVALHARNESS_CACHE is /dev/null/cache"):
        paths.cache_dir()
