import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from hub_server import COMMIT
from sample_assets import FILES, png

from harness.cli.main import cli
from harness.envs.libero import assets as module

MESH = "scenes/table/table_vis.msh"
# The command in a process of its own, with the small manifest.
PROGRAM = """
import resource, sys
from pathlib import Path
from harness.envs.libero import assets
assets._MANIFEST = Path(sys.argv.pop(1))
limit = int(sys.argv.pop(1))
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
from harness.cli.main import main
main()
"""


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
def assets(manifest_file):
    """Runs the command in this process; returns exit code and output."""

    def run(*arguments):
        result = CliRunner().invoke(cli, ["assets", *map(str, arguments)])
        return result.exit_code, result.output

    return run


@pytest.fixture
def start(manifest_file, hub):
    def start(*arguments, file_limit=0):
        words = [sys.executable, "-c", PROGRAM, manifest_file, file_limit, "assets", *arguments]
        environment = {**os.environ, "HF_ENDPOINT": hub.url, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        return subprocess.Popen(
            list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )

    return start


@pytest.fixture
def evalharness(start):
    def run(*arguments, **options):
        process = start(*arguments, **options)
        stdout, stderr = process.communicate(timeout=60)
        return process.returncode, stdout, stderr

    return run


def test_status_without_assets_shows_the_lite_set_and_how_to_get_the_official_ones(assets):
    code, output = assets("status")
    assert code == 0
    assert "kind    lite" in output
    assert "not comparable with published" in output
    assert "evalharness assets fetch" in output


def test_status_shows_what_is_used_and_every_place_in_order(assets, write_files, tmp_path):
    used = write_files(tmp_path / "libero" / "assets", FILES)
    also = write_files(tmp_path / "projects" / "shared" / "libero_assets", FILES)
    code, output = assets("status")
    assert code == 0
    assert "complete" in output
    assert "official" in output
    rows = [line.split() for line in output.splitlines() if line.startswith("  ")]
    assert [row[0] for row in rows] == ["not", "used", "not", "not", "not", "assets", "assets"]
    assert (rows[1][1], rows[-2][2]) == (str(used), str(also))
    assert "the lite set" in " ".join(rows[-1])


def test_status_as_json_holds_places_kind_hash_and_record(assets, write_files, tmp_path):
    root = write_files(tmp_path / "a", {**FILES, "textures/wood.png": png((9, 9, 9))})
    (root / "evalharness_fetched.json").write_text('{"commit": "abc"}')
    code, output = assets("status", "--assets", root, "--json")
    content = json.loads(output)
    assert code == 0
    assert (content["complete"], content["kind"], content["modified"]) == (True, "modified", ["textures/wood.png"])
    assert content["fetched"] == {"commit": "abc"}
    assert len(content["sha256"]) == 64
    first, *others = content["places"]
    assert (first["root"], first["used"], first["source"]) == (str(root), True, "named by --assets")
    assert not any(place["used"] for place in others)


def test_status_of_an_incomplete_set_fails(assets, write_files, tmp_path):
    root = write_files(tmp_path / "a", {**FILES, MESH: b""})
    code, output = assets("status", "--assets", root)
    assert code == 1
    assert "1 of 5 files are missing" in output


def test_status_of_a_named_folder_without_assets_fails_and_passes_nothing_over(assets, write_files, tmp_path):
    write_files(tmp_path / "libero" / "assets", FILES)
    code, output = assets("status", "--assets", tmp_path / "nowhere", "--json")
    content = json.loads(output)
    assert code == 1
    assert "nowhere, which is not a folder" in content["problem"]
    assert not any(place["used"] for place in content["places"])


def test_verify_passes_for_official_files_only(assets, write_files, tmp_path):
    root = write_files(tmp_path / "a", FILES)
    code, output = assets("verify", "--assets", root)
    assert (code, output.splitlines()[-1]) == (0, f"5 of 5 files in {root} are LIBERO's own.")
    (root / "textures/wood.png").write_bytes(png((9, 9, 9)))
    code, output = assets("verify", "--assets", root)
    assert code == 1
    assert "modified  textures/wood.png" in output
    assert assets("verify", "--assets", root, "--allow-modified")[0] == 0


def test_verify_sees_a_change_that_leaves_size_and_time_as_they_were(assets, write_files, tmp_path):
    root = write_files(tmp_path / "a", FILES)
    assert assets("status", "--assets", root)[0] == 0
    before = (root / MESH).stat()
    (root / MESH).write_bytes(FILES[MESH][:-1] + b"x")
    os.utime(root / MESH, ns=(before.st_atime_ns, before.st_mtime_ns))
    code, output = assets("verify", "--assets", root)
    assert (code, f"modified  {MESH}" in output) == (1, True)


def test_verify_as_json_lists_every_file_and_text_only_ten(manifest_file, assets, write_files, tmp_path):
    many = {f"scenes/{number:02}.xml": "0" * 40 for number in range(25)}
    manifest_file.write_text(json.dumps({"files": many, "tasks": {}}))
    root = write_files(tmp_path / "a", {"scenes/x": b"x", "articulated_objects/x": b"x"})
    code, output = assets("verify", "--assets", root)
    assert code == 1
    assert len([line for line in output.splitlines() if ".xml" in line]) == 10
    assert "and 15 more" in output
    content = json.loads(assets("verify", "--assets", root, "--json", "--allow-modified")[1])
    assert (content["ok"], content["missing"], content["checked"]) == (False, sorted(many), 25)


def test_verify_of_the_lite_set_says_that_it_is_whole_and_not_liberos_own(assets):
    code, output = assets("verify", "--assets", "lite")
    assert code == 1
    assert "is as the harness makes it" in output
    assert "not comparable with published" in output
    found = json.loads(assets("verify", "--json")[1])
    assert (found["ok"], found["kind"]) == (False, "lite")
    (Path(found["root"]) / "scenes" / "libero_floor_base_style.xml").unlink()
    code, output = assets("verify", "--json")
    assert (code, json.loads(output)["ok"]) == (1, False)


def test_fetch_from_the_hub_puts_the_set_where_status_and_runs_find_it(evalharness, hub, tmp_path):
    pytest.importorskip("huggingface_hub")
    code, stdout, stderr = evalharness("fetch", "--revision", COMMIT)
    assert code == 0, stderr
    assert f"Fetched into {tmp_path}/data/evalharness/libero_assets" in stdout
    code, stdout, stderr = evalharness("status", "--json")
    content = json.loads(stdout)
    assert (code, content["kind"], content["fetched"]["commit"]) == (0, "official", COMMIT)
    asked = len(hub.log)
    code, stdout, _ = evalharness("fetch")
    assert (code, len(hub.log)) == (0, asked)
    assert "nothing was fetched" in stdout


def test_ctrl_c_keeps_what_was_fetched_and_the_next_fetch_goes_on(start, evalharness, hub, tmp_path):
    pytest.importorskip("huggingface_hub")
    hub.stalls, hub.reset = {MESH}, True
    process = start("fetch", "--revision", COMMIT)
    assert hub.stalled.wait(30)
    process.send_signal(signal.SIGINT)
    hub.release.set()
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "the same command goes on from there" in stderr
    assert "Traceback" not in stderr
    target = tmp_path / "data" / "evalharness" / "libero_assets"
    assert not target.exists()
    hub.stalls = set()
    hub.log.clear()
    code, _, stderr = evalharness("fetch", "--revision", COMMIT)
    assert code == 0, stderr
    assert MESH in hub.asked()
    assert (target / MESH).read_bytes() == FILES[MESH]


def test_a_disk_that_refuses_is_an_error_and_the_next_fetch_goes_on(evalharness, hub, tmp_path):
    pytest.importorskip("huggingface_hub")
    code, _, stderr = evalharness("fetch", "--revision", COMMIT, file_limit=20_000)
    assert code == 1, stderr
    assert "File too large" in stderr
    assert "Traceback" not in stderr
    assert not (tmp_path / "data" / "evalharness" / "libero_assets").exists()
    code, _, stderr = evalharness("fetch", "--revision", COMMIT)
    assert code == 0, stderr


def test_a_server_that_is_not_there_and_a_wrong_set_are_failures_and_wrong_usage_is_not(evalharness, hub, tmp_path):
    assert evalharness("fetch", "--from", hub.url, "--revision", "main")[0] == 2
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("Dear all,")
    assert evalharness("fetch", "--into", tmp_path / "full")[0] == 2
    code, _, stderr = evalharness("fetch", "--from", tmp_path / "full")
    assert (code, "holds no LIBERO assets" in stderr) == (1, True)
    hub.close()
    code, _, stderr = evalharness("fetch", "--from", f"{hub.url}/plain/set.zip")
    assert (code, "refused" in stderr) == (1, True)


@pytest.mark.parametrize("name", ["status", "fetch", "verify"])
def test_every_command_has_examples(name):
    output = CliRunner().invoke(cli, ["assets", name, "-h"]).output
    assert f"evalharness assets {name}" in output
