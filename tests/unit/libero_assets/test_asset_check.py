import subprocess

import pytest
from hub_server import blob_id
from sample_assets import FILES, msh, png, stl

from harness.envs.libero.asset_check import check_files, git_blob_id, is_damaged


def test_official_files_pass(manifest, write_files, tmp_path):
    findings = check_files(write_files(tmp_path, FILES), manifest.files)
    assert (findings.missing, findings.damaged, findings.modified) == ((), (), ())
    assert (findings.checked, findings.complete, findings.official) == (5, True, True)


def test_missing_damaged_and_modified_files_are_told_apart(manifest, write_files, tmp_path):
    write_files(tmp_path, FILES)
    (tmp_path / "scenes/table.xml").unlink()
    (tmp_path / "articulated_objects/stove.xml").write_bytes(b"")
    (tmp_path / "scenes/table/table_vis.msh").write_bytes(FILES["scenes/table/table_vis.msh"][:-1])
    (tmp_path / "textures/wood.png").write_bytes(png((0, 0, 255)))
    findings = check_files(tmp_path, manifest.files)
    assert findings.missing == ("articulated_objects/stove.xml", "scenes/table.xml")
    assert findings.damaged == ("scenes/table/table_vis.msh",)
    assert findings.modified == ("textures/wood.png",)
    assert not findings.complete
    assert not findings.official


def test_a_modified_set_is_complete_and_not_official(manifest, write_files, tmp_path):
    findings = check_files(write_files(tmp_path, {**FILES, "textures/wood.png": png((0, 0, 255))}), manifest.files)
    assert (findings.complete, findings.official) == (True, False)


def test_a_folder_in_a_files_place_and_a_file_in_a_folders_place_are_missing_files(manifest, write_files, tmp_path):
    write_files(tmp_path, {"articulated_objects": b"a file", "scenes/table.xml/inside": b"a file"})
    assert check_files(tmp_path, manifest.files).missing == tuple(sorted(FILES))


WHOLE = {".png": png(), ".msh": msh(vertices=10), ".stl": stl(), ".xml": b"<mujoco><a/></mujoco>"}


@pytest.mark.parametrize("suffix", WHOLE)
def test_a_file_that_is_cut_anywhere_is_damaged(suffix):
    data = WHOLE[suffix]
    assert not is_damaged(suffix, data)
    assert [size for size in range(len(data)) if not is_damaged(suffix, data[:size])] == []


def test_a_picture_with_a_flipped_bit_is_damaged():
    data = bytearray(png())
    data[len(data) // 2] ^= 4
    assert is_damaged(".png", bytes(data))


def test_a_mesh_with_a_negative_count_is_damaged():
    assert is_damaged(".msh", b"\xff\xff\xff\xff" + msh(vertices=10)[4:])


def test_kinds_that_are_not_known_count_as_whole():
    assert not is_damaged(".txt", b"anything")


def test_the_id_of_a_file_is_gits(tmp_path):
    (tmp_path / "file").write_bytes(FILES["textures/wood.png"])
    said = subprocess.run(["git", "hash-object", tmp_path / "file"], capture_output=True, text=True, check=True)
    assert git_blob_id(FILES["textures/wood.png"]) == said.stdout.strip() == blob_id(FILES["textures/wood.png"])
