import random

import pytest
from hub_server import blob_id

from harness.envs.libero import asset_download
from harness.envs.libero.asset_download import download
from harness.errors import DownloadError, UsageError

DATA = random.Random(0).randbytes(300_000)


@pytest.fixture
def url(hub):
    hub.files["set.zip"] = DATA
    return f"{hub.url}/plain/set.zip"


def nothing(done, total):
    pass


def test_a_file_is_downloaded_and_its_progress_told(url, tmp_path):
    seen = []
    download(url, tmp_path / "set", lambda done, total: seen.append((done, total)))
    assert (tmp_path / "set").read_bytes() == DATA
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    assert (seen[0], seen[-1]) == ((0, 300_000), (300_000, 300_000))


@pytest.mark.parametrize("reset", [False, True])
def test_after_a_cut_connection_the_next_attempt_asks_for_the_rest(url, hub, reset, tmp_path):
    hub.cuts["set.zip"], hub.reset = 270_000, reset
    with pytest.raises(DownloadError, match=r"could not be downloaded: (the connection was cut|.*[Cc]onnection reset)"):
        download(url, tmp_path / "set", nothing)
    assert not (tmp_path / "set").exists()
    have = (tmp_path / "set.part").stat().st_size
    assert have > 0
    download(url, tmp_path / "set", nothing)
    assert (tmp_path / "set").read_bytes() == DATA
    assert [part for _, _, part in hub.log] == [None, f"bytes={have}-"]


def test_a_file_that_has_changed_on_the_server_is_begun_anew(url, hub, tmp_path):
    hub.cuts["set.zip"] = 270_000
    with pytest.raises(DownloadError):
        download(url, tmp_path / "set", nothing)
    changed = bytes(reversed(DATA))
    assert blob_id(changed) != blob_id(DATA)
    hub.files["set.zip"] = changed
    download(url, tmp_path / "set", nothing)
    assert (tmp_path / "set").read_bytes() == changed


def test_a_server_that_knows_no_ranges_is_asked_for_everything(url, hub, tmp_path):
    hub.ranges = False
    hub.cuts["set.zip"] = 270_000
    with pytest.raises(DownloadError):
        download(url, tmp_path / "set", nothing)
    download(url, tmp_path / "set", nothing)
    assert (tmp_path / "set").read_bytes() == DATA


def test_a_partial_file_of_another_url_is_not_continued(url, hub, tmp_path):
    hub.files["other.zip"] = b"x" * 300_000
    hub.cuts["other.zip"] = 270_000
    with pytest.raises(DownloadError):
        download(f"{hub.url}/plain/other.zip", tmp_path / "set", nothing)
    download(url, tmp_path / "set", nothing)
    assert (tmp_path / "set").read_bytes() == DATA


def test_a_partial_file_that_is_whole_already_is_not_glued_to_itself(url, hub, tmp_path):
    hub.cuts["set.zip"] = 270_000
    with pytest.raises(DownloadError):
        download(url, tmp_path / "set", nothing)
    (tmp_path / "set.part").write_bytes(DATA)
    download(url, tmp_path / "set", nothing)
    assert (tmp_path / "set").read_bytes() == DATA


def test_a_file_that_is_there_is_not_asked_for(url, hub, tmp_path):
    (tmp_path / "set").write_bytes(b"there")
    download(url, tmp_path / "set", nothing)
    assert hub.log == []


def test_a_file_that_the_server_does_not_have_is_an_error(hub, tmp_path):
    with pytest.raises(DownloadError, match=r"nothing\.zip could not be downloaded: Not Found"):
        download(f"{hub.url}/plain/nothing.zip", tmp_path / "set", nothing)


def test_a_server_that_does_not_answer_is_an_error(hub, tmp_path):
    hub.close()
    with pytest.raises(DownloadError, match="refused"):
        download(f"{hub.url}/plain/set.zip", tmp_path / "set", nothing)


def test_a_file_larger_than_any_archive_of_libero_is_not_downloaded(url, monkeypatch, tmp_path):
    monkeypatch.setattr(asset_download, "MAX_TOTAL_BYTES", 299_999)
    with pytest.raises(DownloadError, match="is no archive of LIBERO's assets"):
        download(url, tmp_path / "set", nothing)


@pytest.mark.parametrize("address", ["ftp://127.0.0.1/set.zip", "file:///etc/passwd", "http://[::1/set.zip"])
def test_other_kinds_of_addresses_are_refused(address, tmp_path):
    with pytest.raises(UsageError, match="http://"):
        download(address, tmp_path / "set", nothing)
