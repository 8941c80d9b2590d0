import pytest
from click.testing import CliRunner
from page_runs import LIFT, write_run

from harness.cli.compare import compare
from harness.cli.report import report
from harness.errors import UsageError


def run(command, *arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)


def test_report_writes_the_page_and_says_where(tmp_path):
    directory, page = write_run(tmp_path / "alpha", {LIFT: "sf"}), tmp_path / "pages" / "report.html"
    done = run(report, directory, "--html", page)
    assert done.exit_code == 0
    assert f"wrote {page}" in done.stderr
    assert "<title>alpha: alpha</title>" in page.read_text(encoding="utf-8")


def test_compare_writes_the_page_and_says_where(tmp_path):
    directories = [write_run(tmp_path / name, {LIFT: "sf"}) for name in ("alpha", "beta")]
    page = tmp_path / "compare.html"
    done = run(compare, *directories, "--html", page)
    assert done.exit_code == 0
    assert f"wrote {page}" in done.stderr
    assert "<title>alpha and beta</title>" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", [report, compare])
def test_embedding_into_no_page_is_refused(tmp_path, command):
    directories = [write_run(tmp_path / name, {LIFT: "s"}) for name in ("alpha", "beta")]
    with pytest.raises(UsageError, match="--embed puts videos into a page"):
        run(command, *directories, "--embed")


def test_embedded_videos_make_the_page_larger(tmp_path):
    directory = write_run(tmp_path / "alpha", {LIFT: "sf"}, videos=True)
    for name, options in (("linked.html", []), ("embedded.html", ["--embed"])):
        assert run(report, directory, "--html", tmp_path / name, *options).exit_code == 0
    videos = sum(path.stat().st_size for path in (directory / "videos").iterdir())
    grown = (tmp_path / "embedded.html").stat().st_size - (tmp_path / "linked.html").stat().st_size
    assert grown > 4 / 3 * videos
