import pytest

from harness.errors import StoreError, UsageError
from harness.pages import video_files
from harness.pages.video_files import PageFiles, RunFiles


def folder_with_video(folder, name="a.mp4", size=10):
    (folder / "videos").mkdir(parents=True, exist_ok=True)
    (folder / "videos" / name).write_bytes(b"x" * size)
    return folder


@pytest.mark.parametrize(
    ("page", "base"),
    [
        ("run/report.html", ""),
        ("report.html", "run/"),
        ("pages/report.html", "../run/"),
        ("pages/deep/report.html", "../../run/"),
    ],
)
def test_a_run_is_addressed_relative_to_the_page(tmp_path, page, base):
    assert PageFiles(tmp_path / page, embed=False).base(tmp_path / "run") == base


def test_an_address_is_percent_encoded(tmp_path):
    files = PageFiles(tmp_path / "report.html", embed=False)
    assert files.base(tmp_path / 'a "b" <c>#?:ü') == "a%20%22b%22%20%3Cc%3E%23%3F%3A%C3%BC/"


def test_linked_videos_are_not_embedded(tmp_path):
    files = PageFiles(tmp_path / "report.html", embed=False)
    assert files.video(folder_with_video(tmp_path), "a.mp4") == 1
    assert files.embedded == {}


def test_embedded_videos_have_elements_of_their_own(tmp_path):
    folder_with_video(tmp_path, "b.mp4")
    files = PageFiles(tmp_path / "report.html", embed=True)
    names = [files.video(folder_with_video(tmp_path), name) for name in ("a.mp4", "b.mp4")]
    assert len(set(names)) == 2
    assert [files.embedded[name].name for name in names] == ["a.mp4", "b.mp4"]


def test_more_than_a_page_may_hold_is_refused_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setattr(video_files, "MAX_EMBEDDED_BYTES", 15_000_000)
    files = PageFiles(tmp_path / "report.html", embed=True)
    files.video(folder_with_video(tmp_path, size=15_000_000), "a.mp4")
    with pytest.raises(UsageError, match=r"more than 15 MB.*Leave out --embed"):
        files.video(folder_with_video(tmp_path, "b.mp4", size=1), "b.mp4")


def test_a_video_that_went_away_is_a_store_error(tmp_path):
    with pytest.raises(StoreError, match=r"gone\.mp4 cannot be embedded"):
        PageFiles(tmp_path / "report.html", embed=True).video(tmp_path, "gone.mp4")


@pytest.mark.parametrize(
    ("recorded", "name"),
    [
        ("videos/a.mp4", "a.mp4"),
        (None, None),
        ("videos/missing.mp4", None),
        ("/etc/passwd", None),
        ("videos/../videos/a.mp4", None),
        ("../videos/a.mp4", None),
        ("a.mp4", None),
        ("javascript:alert(1)", None),
    ],
)
def test_only_a_file_of_the_runs_videos_is_ever_shown(tmp_path, recorded, name):
    assert RunFiles(folder_with_video(tmp_path)).video_name(recorded) == name


def test_a_run_without_folders_has_no_files(tmp_path):
    there = RunFiles(tmp_path)
    assert there.video_name("videos/a.mp4") is None
    assert not there.has_log("a.txt")
