import contextlib
import json
import subprocess

import pytest
from hub_server import COMMIT, blob_id
from sample_assets import FILES, NOT_LOADED, msh

from harness.envs.libero.asset_fetch import RECORD, FetchOptions, fetch, partial_folder, read_record
from harness.envs.libero.assets import AssetManifest
from harness.errors import DownloadError, UsageError

pytest.importorskip("huggingface_hub")

MESH = "scenes/table/table_vis.msh"


def quiet(what, done, total):
    pass


@pytest.fixture
def options(hub, tmp_path):
    """Options for a fetch from the local hub into a folder that is not there yet."""

    def make(**changes):
        return FetchOptions(**{"into": tmp_path / "data" / "assets", "revision": COMMIT, "endpoint": hub.url, **changes})

    return make


def test_exactly_the_files_that_tasks_load_are_fetched_and_nothing_else_is_left(hub, options, manifest, contents):
    target = options().into
    fetched = fetch(options(), manifest, quiet)
    found = contents(target.parent)
    record = json.loads(found.pop(f"assets/{RECORD}"))
    assert found == {f"assets/{name}": data for name, data in FILES.items()}
    assert (fetched.new, fetched.root) == (True, target)
    assert (record["source"], record["commit"], record["kind"]) == ("lerobot/libero-assets", COMMIT, "official")
    assert read_record(target) == record


def test_all_files_are_fetched_on_request(options, manifest, contents):
    fetch(options(everything=True), manifest, quiet)
    assert contents(options().into).keys() - {RECORD} == FILES.keys() | NOT_LOADED.keys()


def test_a_branch_is_recorded_as_the_commit_that_it_stands_for(options, manifest):
    record = fetch(options(revision="main"), manifest, quiet).record
    assert (record["revision"], record["commit"]) == ("main", COMMIT)


def test_a_connection_that_is_cut_in_the_middle_of_a_large_file_goes_on_from_there(hub, options, manifest):
    large = msh(vertices=900_000)
    hub.files[MESH] = large
    files = {**manifest.files, MESH: blob_id(large)}
    hub.cuts[MESH] = 10_600_000
    with contextlib.suppress(DownloadError):  # huggingface_hub 1 goes on in the next fetch only, 2 at once
        fetch(options(), AssetManifest(files, manifest.tasks), quiet)
    fetch(options(), AssetManifest(files, manifest.tasks), quiet)
    assert (options().into / MESH).read_bytes() == large
    # It writes blocks of 10 MiB, and asks again for what came after the last one.
    asked = [part for method, name, part in hub.log if (method, name) == ("GET", MESH)]
    assert asked == [None, f"bytes={10 * 2**20}-"]


def test_after_a_connection_that_is_lost_for_good_only_missing_files_are_fetched(hub, options, manifest):
    hub.cuts[MESH], hub.reset = 10_000, True
    hub.files = dict(sorted(hub.files.items(), key=lambda item: item[0] == MESH))
    with pytest.raises(DownloadError, match="could not be downloaded"):
        fetch(options(), manifest, quiet)
    assert not options().into.exists()
    before = {path.name for path in partial_folder(options().into).rglob("*.*") if ".cache" not in path.parts}
    hub.log.clear()
    fetch(options(), manifest, quiet)
    assert MESH in hub.asked()
    assert not before & {name.rsplit("/")[-1] for name in hub.asked()}
    assert before >= {"stove.xml"}, "files that were whole are kept"


def test_a_file_with_other_contents_is_refused_and_fetched_anew_the_next_time(hub, options, manifest, contents):
    hub.files[MESH] = msh(seed=1)
    with pytest.raises(DownloadError, match=r"(?s)1 of the 5 files .*table_vis\.msh: not LIBERO's own.*--allow-modified"):
        fetch(options(), manifest, quiet)
    assert not options().into.exists()
    hub.files[MESH] = FILES[MESH]
    hub.log.clear()
    fetch(options(), manifest, quiet)
    assert hub.asked() == [MESH]
    assert (options().into / MESH).read_bytes() == FILES[MESH]


def test_modified_files_are_accepted_on_request_and_recorded(hub, options, manifest):
    hub.files[MESH] = msh(seed=1)
    record = fetch(options(allow_modified=True), manifest, quiet).record
    assert (record["kind"], record["modified"]) == ("modified", [MESH])


def test_a_damaged_file_is_refused_even_when_modified_ones_are_accepted(hub, options, manifest):
    hub.files[MESH] = FILES[MESH][:-1000]
    with pytest.raises(DownloadError, match=r"table_vis\.msh: damaged"):
        fetch(options(allow_modified=True), manifest, quiet)
    assert not options().into.exists()


def test_a_file_that_the_repository_lacks_is_named_before_anything_is_downloaded(hub, options, manifest):
    del hub.files["textures/wood.png"]
    with pytest.raises(DownloadError, match=r"has no textures/wood\.png"):
        fetch(options(), manifest, quiet)
    assert hub.asked() == []


def test_a_revision_that_does_not_exist_is_an_error(options, manifest):
    with pytest.raises(DownloadError, match=r"Not Found|404"):
        fetch(options(revision="nowhere"), manifest, quiet)


def test_a_complete_official_set_is_left_alone(hub, options, manifest, write_files):
    write_files(options().into, FILES)
    assert not fetch(options(), manifest, quiet).new
    assert hub.asked("HEAD") == hub.asked("GET") == []


def test_an_earlier_fetch_is_replaced_and_mended(options, manifest, contents):
    target = options().into
    fetch(options(), manifest, quiet)
    (target / MESH).write_bytes(b"")
    assert fetch(options(), manifest, quiet).new
    assert (target / MESH).read_bytes() == FILES[MESH]
    assert [path.name for path in target.parent.iterdir()] == ["assets"]


def test_a_folder_with_something_else_is_never_replaced(options, manifest, write_files, contents):
    write_files(options().into, {"thesis.tex": b"years of work"})
    for replace in (False, True):
        with pytest.raises(UsageError, match="holds no LIBERO assets but something else"):
            fetch(options(replace=replace), manifest, quiet)
    assert contents(options().into) == {"thesis.tex": b"years of work"}


def test_assets_of_unknown_origin_are_replaced_only_on_request(options, manifest, write_files):
    write_files(options().into, {**FILES, MESH: msh(seed=2)})
    with pytest.raises(UsageError, match="--replace"):
        fetch(options(), manifest, quiet)
    assert (options().into / MESH).read_bytes() == msh(seed=2)
    fetch(options(replace=True), manifest, quiet)
    assert (options().into / MESH).read_bytes() == FILES[MESH]


def test_a_second_fetch_into_the_same_folder_waits_its_turn(options, manifest):
    import fcntl

    partial = partial_folder(options().into)
    partial.mkdir(parents=True)
    with (partial / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DownloadError, match="another process is fetching"):
            fetch(options(), manifest, quiet)


def test_a_set_that_had_stepped_aside_when_the_process_was_killed_comes_back(hub, options, manifest, write_files, contents):
    old = {"scenes/old.xml": b"<old/>", "articulated_objects/old.xml": b"<old/>", RECORD: b"{}"}
    write_files(partial_folder(options().into) / "replaced", old)
    hub.reset = True
    hub.cuts = dict.fromkeys(FILES, 0)
    with pytest.raises(DownloadError):
        fetch(options(), manifest, quiet)
    assert contents(options().into) == old


def test_a_users_own_set_that_had_stepped_aside_is_not_lost(hub, options, manifest, write_files, contents):
    own = {"scenes/mine.xml": b"<mine/>", "articulated_objects/mine.xml": b"<mine/>"}
    write_files(partial_folder(options().into) / "replaced", own)
    with pytest.raises(UsageError, match="--replace"):
        fetch(options(), manifest, quiet)
    assert contents(options().into) == own


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KiB, and a way to make it larger."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here (needs root)")
    yield disk
    subprocess.run(["umount", disk], check=True)


def enlarge(disk):
    subprocess.run(["mount", "-o", "remount,size=4m", disk], check=True)


def test_a_disk_that_runs_full_is_an_error_and_the_next_fetch_goes_on(hub, options, manifest, small_disk):
    target = small_disk / "assets"
    with pytest.raises(DownloadError, match="No space left"):
        fetch(options(into=target), manifest, quiet)
    assert not target.exists()
    enlarge(small_disk)
    hub.log.clear()
    fetch(options(into=target), manifest, quiet)
    assert 0 < len(hub.asked()) < len(FILES)
    assert (target / MESH).read_bytes() == FILES[MESH]


def test_a_disk_that_is_too_small_is_refused_before_the_download(hub, options, manifest, small_disk):
    hub.files[MESH] = msh(vertices=10_000)
    with pytest.raises(DownloadError, match=r"No space left for 0\.1 MB"):
        fetch(options(into=small_disk / "assets"), manifest, quiet)
    assert hub.asked() == []
