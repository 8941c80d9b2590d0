import json
import os
from pathlib import Path

import pytest

from harness.envs.libero import assets as module
from harness.envs.libero.assets import asset_manifest, check_assets, find_assets, missing_files, search_order
from harness.envs.libero.installation import libero_root, missing_packages
from harness.envs.libero.lite.generate import lite_sha256
from harness.errors import AssetsError, UsageError

# Ids from `git hash-object`, sums from `sha256sum`.
HELLO, STOVE = b"hello\n", b"stove\n"
MANIFEST = {
    "files": {
        "articulated_objects/stove.xml": "6840618333bc83f26bb8117aedce8ea9a84589c8",
        "scenes/hello.png": "ce013625030ba8dba906f756967f9e9ca394464a",
    },
    "tasks": {"cook": [0, 1], "greet": [1]},
}
SHA256 = "da09af55450107b7384f60cd5215bd8be3157d917c5eff7951cd99f82b012ff1"
SHA256_WITHOUT_STOVE = "5ce770581385636e26db4cd89e8ecb2c7d4806f2db712d79120c8f70d72809b9"


@pytest.fixture(autouse=True)
def nothing_found(monkeypatch, tmp_path):
    """A machine on which no usual place holds assets."""
    for variable in ("EVALHARNESS_LIBERO_ASSETS", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("EVALHARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "libero_root", lambda: tmp_path / "libero")
    monkeypatch.setattr(module, "checkout_root", lambda: tmp_path / "projects" / "checkout")


@pytest.fixture
def small_manifest(monkeypatch, tmp_path):
    """Two files and two tasks in place of the real 166 and 130."""
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(MANIFEST))
    monkeypatch.setattr(module, "_MANIFEST", path)
    asset_manifest.cache_clear()
    yield
    asset_manifest.cache_clear()


def make(root):
    for name in ("articulated_objects", "scenes"):
        (root / name).mkdir(parents=True)
    (root / "articulated_objects" / "stove.xml").write_bytes(STOVE)
    (root / "scenes" / "hello.png").write_bytes(HELLO)
    return root


def test_files_with_the_official_contents_are_official(small_manifest, tmp_path):
    found = find_assets(str(make(tmp_path / "a")))
    assert (found.kind, found.modified, found.sha256) == ("official", (), SHA256)


def test_a_missing_file_changes_hash_and_kind(small_manifest, tmp_path):
    root = make(tmp_path / "a")
    (root / "articulated_objects" / "stove.xml").unlink()
    found = find_assets(str(root))
    assert (found.kind, found.modified) == ("modified", ("articulated_objects/stove.xml",))
    assert found.sha256 == SHA256_WITHOUT_STOVE


def test_the_same_files_elsewhere_have_the_same_hash(small_manifest, tmp_path):
    assert find_assets(str(make(tmp_path / "a"))).sha256 == find_assets(str(make(tmp_path / "b"))).sha256


def test_files_that_no_task_loads_do_not_matter(small_manifest, tmp_path):
    root = make(tmp_path / "a")
    (root / "README.md").write_text("anything")
    assert find_assets(str(root)).sha256 == SHA256


def test_a_changed_file_is_hashed_again(small_manifest, tmp_path):
    root = make(tmp_path / "a")
    find_assets(str(root))
    (root / "scenes" / "hello.png").write_bytes(b"HELLO\n")
    os.utime(root / "scenes" / "hello.png", ns=(1, 1))
    found = find_assets(str(root))
    assert found.modified == ("scenes/hello.png",)
    assert found.sha256 != SHA256


def test_an_unchanged_folder_is_not_read_again(small_manifest, tmp_path):
    root = make(tmp_path / "a")
    find_assets(str(root))
    file = root / "scenes" / "hello.png"
    before = file.stat()
    file.write_bytes(b"HELLO\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert find_assets(str(root)).sha256 == SHA256


def test_a_damaged_cache_is_made_again(small_manifest, tmp_path):
    root = make(tmp_path / "a")
    find_assets(str(root))
    for cached in (tmp_path / "cache").glob("libero-assets-*.json"):
        cached.write_text('{"sha256":')
    assert find_assets(str(root)).sha256 == SHA256


def test_places_are_taken_in_the_documented_order(small_manifest, tmp_path, monkeypatch):
    hub = tmp_path / "home" / ".cache" / "huggingface" / "hub"
    places = [
        make(tmp_path / "named"),
        make(tmp_path / "variable"),
        make(tmp_path / "data" / "evalharness" / "libero_assets"),
        make(tmp_path / "libero" / "assets"),
        make(tmp_path / "home" / ".cache" / "libero" / "assets"),
        make(hub / "datasets--lerobot--libero-assets" / "snapshots" / "abc"),
        make(hub / "models--lerobot--libero-assets" / "snapshots" / "abc"),
        make(tmp_path / "projects" / "shared" / "libero_assets"),
    ]
    monkeypatch.setenv("EVALHARNESS_LIBERO_ASSETS", str(places[1]))
    assert find_assets(str(places[0])).root == places[0]
    assert find_assets().root == places[1]
    monkeypatch.delenv("EVALHARNESS_LIBERO_ASSETS")
    for place in places[2:]:
        assert find_assets().root == place
        (place / "scenes").rename(place / "gone")
    assert find_assets().kind == "lite"


def test_the_hub_cache_is_read_at_its_main_revision(small_manifest, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    repository = tmp_path / "hf" / "hub" / "datasets--lerobot--libero-assets"
    main, newer = (make(repository / "snapshots" / name) for name in ("aaa", "bbb"))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("aaa\n")
    os.utime(main, (1, 1))
    assert find_assets().root == main
    (repository / "refs" / "main").unlink()
    assert find_assets().root == newer


def test_where_there_are_none_the_lite_set_is_made_and_says_what_it_is():
    found = find_assets()
    assert (found.kind, found.sha256) == ("lite", lite_sha256())
    assert "not comparable with published" in found.warning
    assert (found.root / "scenes" / "libero_floor_base_style.xml").is_file()
    assert missing_files(found) == ()
    check_assets(found, asset_manifest().tasks)


@pytest.mark.parametrize("by", ["option", "variable"])
def test_the_lite_set_can_be_asked_for_where_there_are_others(small_manifest, by, tmp_path, monkeypatch):
    make(tmp_path / "data" / "evalharness" / "libero_assets")
    assert find_assets().kind != "lite"
    if by == "variable":
        monkeypatch.setenv("EVALHARNESS_LIBERO_ASSETS", "lite")
    assert find_assets("lite" if by == "option" else "auto").kind == "lite"


def test_a_lite_set_that_somebody_changed_is_refused():
    scene = find_assets("lite").root / "scenes" / "libero_floor_base_style.xml"
    scene.write_bytes(scene.read_bytes() + b"<!-- mine -->")
    with pytest.raises(AssetsError, match=r"libero_floor_base_style\.xml is not as the harness made it; remove the folder"):
        find_assets("lite")


def test_the_places_end_with_the_lite_set_which_is_always_there():
    *others, last = search_order()
    assert last.embedded
    assert last.holds_assets
    assert not any(place.embedded for place in others)


def test_without_an_installed_libero_the_other_places_are_still_looked_at(small_manifest, tmp_path, monkeypatch):
    def not_installed():
        raise UsageError("hf-libero is not installed")

    monkeypatch.setattr(module, "libero_root", not_installed)
    place = make(tmp_path / "projects" / "shared" / "libero_assets")
    assert find_assets().root == place


@pytest.mark.parametrize("by", ["option", "variable"])
def test_a_named_folder_without_assets_is_refused_and_not_passed_over(small_manifest, by, tmp_path, monkeypatch):
    make(tmp_path / "data" / "evalharness" / "libero_assets")
    if by == "variable":
        monkeypatch.setenv("EVALHARNESS_LIBERO_ASSETS", str(tmp_path / "nowhere"))
    with pytest.raises(AssetsError, match=r"nowhere, which is not a folder"):
        find_assets(str(tmp_path / "nowhere") if by == "option" else "auto")


def test_a_complete_folder_passes(small_manifest, tmp_path):
    check_assets(find_assets(str(make(tmp_path / "a"))), ["cook", "greet"])


def test_only_files_that_the_asked_tasks_load_are_demanded(small_manifest, tmp_path):
    root = make(tmp_path / "a")
    (root / "articulated_objects" / "stove.xml").unlink()
    found = find_assets(str(root))
    check_assets(found, ["greet"])
    with pytest.raises(AssetsError, match=r"(?s)1 of the files .*stove\.xml"):
        check_assets(found, ["cook"])


def test_an_empty_file_counts_as_missing(small_manifest, tmp_path):
    root = make(tmp_path / "a")
    (root / "scenes" / "hello.png").write_bytes(b"")
    assert missing_files(find_assets(str(root))) == ("scenes/hello.png",)


def test_a_task_of_the_users_own_is_passed_over(small_manifest, tmp_path):
    check_assets(find_assets(str(make(tmp_path / "a"))), ["my_own_task"])


def test_a_long_list_of_missing_files_is_cut_and_counted(tmp_path):
    root = make(tmp_path / "a")
    with pytest.raises(AssetsError) as caught:
        check_assets(find_assets(str(root)), asset_manifest().tasks)
    assert "166 of the files" in str(caught.value)
    assert "and 156 more" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 13


@pytest.mark.skipif(bool(missing_packages()), reason="hf-libero is not installed")
def test_the_manifest_knows_every_installed_task():
    installed = {path.stem for path in libero_root().glob("init_files/*/*.pruned_init")}
    assert len(installed) == 130
    assert set(asset_manifest().tasks) == installed


def test_every_task_loads_a_scene_and_textures():
    for task, files in asset_manifest().tasks.items():
        assert any(file.startswith("scenes/") and file.endswith(".xml") for file in files), task
        assert any(file.endswith(".png") for file in files), task
        assert any(file.endswith(".msh") for file in files), task


def real_assets():
    named = os.environ.get("EVALHARNESS_LIBERO_ASSETS")
    return Path(named) if named else Path(__file__).resolve().parents[3] / "shared" / "libero_assets"


REAL = real_assets()


@pytest.mark.assets
@pytest.mark.skipif(not REAL.is_dir(), reason="LIBERO's assets are not here")
def test_the_real_assets_are_complete():
    found = find_assets(str(REAL))
    check_assets(found, asset_manifest().tasks)
    assert "articulated_objects/flat_stove.xml" not in found.modified


@pytest.mark.assets
@pytest.mark.skipif(not (REAL / "README.md").is_file(), reason="the assets with listed stand-ins are not here")
def test_exactly_the_listed_stand_ins_are_told_apart_from_official_files():
    listed = {line[2:].strip() for line in (REAL / "README.md").read_text().splitlines() if line.startswith("- ")}
    assert set(find_assets(str(REAL)).modified) == listed & set(asset_manifest().files)
