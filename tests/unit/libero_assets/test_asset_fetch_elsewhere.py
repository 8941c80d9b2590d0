"""Fetching from folders, archives and addresses of archives."""

import errno
import os
import zipfile

import pytest
from hub_server import COMMIT
from sample_assets import FILES, msh

from harness.envs.libero import asset_fetch
from harness.envs.libero.asset_fetch import RECORD, FetchOptions, fetch, partial_folder, read_record
from harness.errors import DownloadError

MESH = "scenes/table/table_vis.msh"


def quiet(what, done, total):
    pass


@pytest.fixture
def archive(tmp_path):
    def make(files, name="set.zip"):
        with zipfile.ZipFile(tmp_path / name, "w") as opened:
            for file, data in files.items():
                opened.writestr(f"LIBERO-master/libero/libero/assets/{file}", data)
        return tmp_path / name

    return make


@pytest.fixture
def into(tmp_path):
    return tmp_path / "data" / "assets"


def test_a_folder_and_an_archive_are_copied_and_recorded(archive, into, manifest, contents, write_files, tmp_path):
    for source in (archive(FILES), write_files(tmp_path / "checkout" / "libero/libero/assets", FILES).parents[2]):
        fetch(FetchOptions(into, str(source), replace=True), manifest, quiet)
        assert {name: data for name, data in contents(into).items() if name != RECORD} == FILES
        assert read_record(into)["source"] == str(source)
        assert [path.name for path in into.parent.iterdir()] == ["assets"]


def test_an_incomplete_archive_is_refused_and_leaves_nothing(archive, into, manifest):
    source = archive({name: data for name, data in FILES.items() if name != MESH})
    with pytest.raises(DownloadError, match=r"table_vis\.msh: missing"):
        fetch(FetchOptions(into, str(source), allow_modified=True), manifest, quiet)
    assert list(into.parent.iterdir()) == []


def test_a_refused_set_leaves_the_one_that_was_there(archive, into, manifest, contents):
    fetch(FetchOptions(into, str(archive(FILES))), manifest, quiet)
    before = contents(into)
    with pytest.raises(DownloadError, match="not LIBERO's own"):
        fetch(FetchOptions(into, str(archive({**FILES, MESH: msh(3)})), replace=True), manifest, quiet)
    assert contents(into) == before


def test_a_download_that_was_cut_goes_on_with_the_next_fetch(archive, into, manifest, hub):
    hub.files["set.zip"] = archive(FILES).read_bytes()
    hub.cuts["set.zip"] = 20_000
    options = FetchOptions(into, f"{hub.url}/plain/set.zip")
    with pytest.raises(DownloadError, match="cut after 20000 of"):
        fetch(options, manifest, quiet)
    assert not into.exists()
    fetch(options, manifest, quiet)
    assert [part for _, _, part in hub.log] == [None, "bytes=20000-"]
    assert (into / MESH).read_bytes() == FILES[MESH]
    assert not partial_folder(into).exists()


def test_an_archive_that_arrives_damaged_is_downloaded_again(archive, into, manifest, hub):
    whole = archive(FILES).read_bytes()
    hub.files["set.zip"] = whole[:-100]
    options = FetchOptions(into, f"{hub.url}/plain/set.zip")
    with pytest.raises(DownloadError, match="cannot be read as an archive"):
        fetch(options, manifest, quiet)
    hub.files["set.zip"] = whole
    fetch(options, manifest, quiet)
    assert (into / MESH).read_bytes() == FILES[MESH]


def test_an_archive_that_lacks_a_file_is_downloaded_again(archive, into, manifest, hub):
    whole = archive(FILES).read_bytes()
    hub.files["set.zip"] = archive({name: data for name, data in FILES.items() if name != MESH}).read_bytes()
    options = FetchOptions(into, f"{hub.url}/plain/set.zip")
    with pytest.raises(DownloadError, match="A further fetch gets these anew"):
        fetch(options, manifest, quiet)
    hub.files["set.zip"] = whole
    fetch(options, manifest, quiet)
    assert (into / MESH).read_bytes() == FILES[MESH]


def test_a_folder_with_linked_folders_in_it_is_taken(write_files, into, manifest, tmp_path):
    real, linked = write_files(tmp_path / "real", FILES), tmp_path / "linked"
    linked.mkdir()
    for folder in real.iterdir():
        (linked / folder.name).symlink_to(folder)
    fetch(FetchOptions(into, str(linked)), manifest, quiet)
    assert (into / MESH).read_bytes() == FILES[MESH]


def test_a_set_that_cannot_be_moved_into_place_leaves_the_old_one_there(archive, into, manifest, contents, monkeypatch):
    fetch(FetchOptions(into, str(archive(FILES))), manifest, quiet)
    before = contents(into)
    moves = []

    def rename(old, new):
        moves.append(new)
        if len(moves) == 2:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        os.replace(old, new)

    monkeypatch.setattr(asset_fetch.os, "rename", rename)
    with pytest.raises(DownloadError, match="busy"):
        fetch(FetchOptions(into, str(archive(FILES)), replace=True), manifest, quiet)
    assert contents(into) == before


def test_a_folder_that_cannot_be_written_is_an_error(archive, tmp_path, manifest):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DownloadError, match="fetching into"):
        fetch(FetchOptions(tmp_path / "file" / "assets", str(archive(FILES))), manifest, quiet)


def test_without_huggingface_hub_the_other_ways_are_named(into, manifest, monkeypatch):
    from harness.errors import UsageError

    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(UsageError, match=r"(?s)huggingface_hub is not installed.*--from"):
        fetch(FetchOptions(into, revision=COMMIT), manifest, quiet)
