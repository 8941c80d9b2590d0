import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from harness.envs.libero.installation import libero_root, missing_packages
from harness.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
installed = pytest.mark.skipif(bool(missing_packages()), reason="hf-libero is not installed")

PREPARE = """
import os, sys
from pathlib import Path
from harness.envs.libero.installation import prepare
prepare(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
import libero.libero
print(os.environ["LIBERO_CONFIG_PATH"])
print(libero.libero._assets_path_cache)
print(sorted({"torch", "robosuite", "mujoco", "bddl"} & set(sys.modules)))
"""


def start(home, program, *arguments, search_path=(), flags=()):
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": os.pathsep.join([str(ROOT), *map(str, search_path)]),
    }
    return subprocess.Popen(
        [sys.executable, *flags, "-c", program, *map(str, arguments)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out.splitlines()


@installed
def test_the_root_holds_tasks_and_initial_states_and_is_found_without_an_import(tmp_path):
    program = (
        "import sys; from harness.envs.libero.installation import libero_root; print(libero_root()); "
        "print('libero' in sys.modules)"
    )
    root, imported = finish(start(tmp_path, program))
    assert imported == "False"
    assert len(list(Path(root).glob("bddl_files/libero_spatial/*.bddl"))) == 10
    assert len(list(Path(root).glob("init_files/libero_90/*.pruned_init"))) == 90


@installed
def test_preparing_asks_nothing_and_leaves_no_folder_in_the_home(tmp_path):
    home, assets = tmp_path / "home", tmp_path / "assets"
    home.mkdir()
    assets.mkdir()
    config, cached, heavy = finish(start(home, PREPARE, assets))
    assert not (home / ".libero").exists()
    assert Path(config).parent == home / ".cache" / "evalharness"
    assert cached == str(assets)
    assert heavy == "[]"


@installed
def test_the_configuration_has_absolute_paths_into_the_installed_package(tmp_path):
    config = yaml.safe_load((Path(finish(start(tmp_path, PREPARE, tmp_path))[0]) / "config.yaml").read_text())
    assert sorted(config) == ["assets", "bddl_files", "benchmark_root", "datasets", "init_states"]
    assert all(Path(value).is_absolute() for value in config.values())
    assert Path(config["bddl_files"]) == libero_root() / "bddl_files"
    assert Path(config["init_states"]) == libero_root() / "init_files"
    assert Path(config["assets"]) == tmp_path


@installed
def test_without_assets_the_choice_is_left_to_libero(tmp_path):
    assert finish(start(tmp_path, PREPARE))[1] == "None"


@installed
def test_runs_at_the_same_time_share_a_configuration_only_when_it_is_the_same(tmp_path):
    assets = [tmp_path / name for name in ("a", "b")]
    for folder in assets:
        folder.mkdir()
    running = [start(tmp_path, PREPARE, assets[index % 2]) for index in range(4)]
    configs = [finish(process)[0] for process in running]
    assert configs[0] == configs[2] != configs[1] == configs[3]
    assert {path.name for config in configs for path in Path(config).iterdir()} == {"config.yaml"}


def test_what_is_not_installed_is_named_with_the_way_to_install_it(tmp_path):
    program = """
from harness.envs.libero.installation import libero_root
from harness.errors import UsageError
try:
    libero_root()
except UsageError as error:
    print(error)
"""
    # -S leaves site-packages out, so that nothing but the standard library and the checkout can be imported.
    said = finish(start(tmp_path, program, flags=("-S",)))[0]
    assert "hf-libero, robosuite, bddl, mujoco are not installed" in said
    assert "make setup" in said
    assert "evalharness[libero]" in said


def test_another_package_of_the_same_name_is_told_apart(tmp_path, monkeypatch):
    for name in ("libero", "robosuite", "bddl", "mujoco"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(UsageError, match="no bddl_files and init_files"):
        libero_root()
