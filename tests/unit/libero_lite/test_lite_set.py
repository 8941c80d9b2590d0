"""The generated set: complete, the same everywhere, and with the names that upstream's code asks for."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path, PurePosixPath

import pytest

from harness.envs.libero import lite
from harness.envs.libero.assets import asset_manifest
from harness.envs.libero.lite.generate import generate_lite, lite_files, lite_root, lite_sha256
from harness.errors import StoreError

# Upstream's problem classes and predicates ask for these; ranges as hf-libero's open, close and turn-on ranges need them.
JOINTS = {
    "articulated_objects/wooden_cabinet.xml": {
        "top_level": (-0.16, 0.01), "middle_level": (-0.16, 0.01), "bottom_level": (-0.16, 0.01),
    },
    "articulated_objects/white_cabinet.xml": {
        "top_level": (-0.16, 0.01), "middle_level": (-0.16, 0.01), "bottom_level": (-0.16, 0.01),
    },
    "articulated_objects/microwave.xml": {"microjoint": (-2.094, 0.0)},
    "articulated_objects/flat_stove.xml": {"button": (-0.005, 2.1)},
}  # fmt: skip
REGIONS = {
    "articulated_objects/wooden_cabinet.xml": {"top_side", "top_region", "middle_region", "bottom_region"},
    "articulated_objects/microwave.xml": {"top_side", "heating_region"},
    "articulated_objects/flat_stove.xml": {"cook_region", "burner"},
    "stable_scanned_objects/basket/basket.xml": {"contain_region"},
    "turbosquid_objects/wooden_tray/wooden_tray.xml": {"contain_region"},
    "turbosquid_objects/wine_rack/wine_rack.xml": {"top_region"},
    "turbosquid_objects/wooden_two_layer_shelf/wooden_two_layer_shelf.xml": {"top_side", "top_region", "bottom_region"},
    "turbosquid_objects/desk_caddy/desk_caddy.xml": {
        "left_contain_region", "right_contain_region", "front_contain_region", "back_contain_region",
    },
}  # fmt: skip
MARKS = {"bottom_site", "top_site", "horizontal_radius_site"}


@pytest.fixture(scope="module")
def files():
    return lite_files()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp("lite")
    generate_lite(root)
    return root


def documents(files):
    return {path: ET.fromstring(content) for path, content in files.items() if path.endswith(".xml")}


def test_it_has_every_description_that_the_130_tasks_load_and_otherwise_only_pictures(files):
    described = {path for path in files if path.endswith(".xml")}
    assert described == {path for path in asset_manifest().files if path.endswith(".xml")}
    assert all(path.endswith((".xml", ".png")) for path in files)


def test_it_has_the_pictures_that_upstream_puts_on_floors_and_walls(files):
    named_by_upstream = {path for path in asset_manifest().files if path.startswith("textures/")}
    assert {"textures/martin_novak_wood_table.png"} == named_by_upstream - set(files), "only the table's is ours alone"


def test_files_name_only_files_of_the_set(files):
    for path, document in documents(files).items():
        for element in document.iter():
            if name := element.get("file"):
                assert os.path.normpath(PurePosixPath(path).parent / name) in files, (path, name)


def test_another_process_with_another_hash_seed_makes_the_same_bytes():
    command = "from harness.envs.libero.lite.generate import lite_sha256; print(lite_sha256())"
    made = [
        subprocess.run(
            [sys.executable, "-c", command],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    ]
    assert made == [lite_sha256()] * 2


def test_description_and_set_are_small(files):
    description = sum(module.stat().st_size for module in Path(lite.__file__).parent.glob("*.py"))
    assert description < 500_000
    assert sum(map(len, files.values())) < 1_000_000


def test_mujoco_compiles_every_file(written):
    import mujoco

    for path in sorted(written.rglob("*.xml")):
        model = mujoco.MjModel.from_xml_path(str(path))
        assert model.nbody > 1, path


def test_joints_move_through_upstreams_ranges(files):
    for path, expected in JOINTS.items():
        joints = {
            joint.get("name"): tuple(map(float, joint.get("range").split()))
            for joint in documents(files)[path].iter("joint")
        }
        assert joints == expected, path
    loose = set(documents(files)) - set(JOINTS)
    assert not [path for path in loose if documents(files)[path].find(".//joint") is not None]


def test_regions_have_upstreams_names_a_turn_and_three_sizes(files):
    for path, expected in REGIONS.items():
        sites = {site.get("name"): site for site in documents(files)[path].iter("site")}
        assert set(sites) - MARKS == expected, path
        for name in expected - {"burner"}:
            assert sites[name].get("type") == "box"
            assert len(sites[name].get("size").split()) == 3
            assert len(sites[name].get("quat").split()) == 4


def test_every_object_has_the_frame_that_robosuite_reads(files):
    for path, document in documents(files).items():
        if not path.startswith("scenes/"):
            (outer,) = document.find("worldbody")
            assert [body.get("name") for body in outer.findall("body")] == ["object"], path
            assert {site.get("name") for site in outer.findall("site")} == MARKS, path


def test_what_is_seen_does_not_collide_and_what_collides_is_not_seen(files):
    for path, document in documents(files).items():
        for geom in document.iter("geom"):
            if geom.get("name") == "floor":
                continue
            assert geom.get("group") == ("0" if geom.get("material") is None else "1"), path
            assert (geom.get("contype"), geom.get("conaffinity")) == ("0", "0") or geom.get("group") == "0", path


def test_everything_that_can_be_picked_up_states_its_mass(files):
    for path, document in documents(files).items():
        if not path.startswith(("scenes/", "articulated_objects/")):
            masses = [float(inertial.get("mass")) for inertial in document.iter("inertial")]
            assert len(masses) == 1, path
            assert 0.001 < masses[0] < 0.5, path


def ask_for_root(cache):
    os.environ["EVALHARNESS_CACHE"] = cache
    return str(lite_root())


def test_processes_that_ask_at_the_same_time_get_one_complete_set(tmp_path, files):
    cache = str(tmp_path / "cache")
    with ProcessPoolExecutor(3, multiprocessing.get_context("spawn")) as pool:
        (root,) = set(pool.map(ask_for_root, [cache] * 3))
    found = {path.relative_to(root).as_posix(): path.read_bytes() for path in Path(root).rglob("*") if path.is_file()}
    assert found == files
    assert [path.name for path in Path(cache).iterdir()] == [Path(root).name], "nothing half-written stays"


def test_the_set_is_made_once(tmp_path, monkeypatch):
    monkeypatch.setenv("EVALHARNESS_CACHE", str(tmp_path))
    root = lite_root()
    before = (root / "scenes").stat().st_mtime_ns
    assert lite_root() == root
    assert (root / "scenes").stat().st_mtime_ns == before


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    with pytest.raises(StoreError, match="file"):
        generate_lite(blocked)
