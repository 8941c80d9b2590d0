import io
import stat
import tarfile
import zipfile
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_assets import FILES, NOT_LOADED

from harness.envs.libero import asset_archive
from harness.envs.libero.asset_archive import copy_assets, safe_name
from harness.errors import DownloadError


def nothing(count):
    pass


def zip_of(files, path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def tar_of(files, path, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def folder_of(files, path):
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


MAKERS = {
    "zip": zip_of,
    "tar": lambda files, path: tar_of(files, path, "w"),
    "gz": tar_of,
    "xz": lambda files, path: tar_of(files, path, "w:xz"),
    "bz2": lambda files, path: tar_of(files, path, "w:bz2"),
    "folder": folder_of,
}


@pytest.mark.parametrize("below", ["", "libero/libero/assets/"])
@pytest.mark.parametrize("kind", MAKERS)
def test_the_wanted_files_are_found_in_every_kind_of_source(kind, below, tmp_path, contents):
    source = MAKERS[kind]({below + name: data for name, data in {**FILES, **NOT_LOADED}.items()}, tmp_path / "source")
    copy_assets(source, tmp_path / "out", FILES, everything=False, advance=nothing)
    assert contents(tmp_path / "out") == FILES


@pytest.mark.parametrize("kind", MAKERS)
def test_everything_means_all_below_the_assets_and_nothing_above(kind, tmp_path, contents):
    assets = {**FILES, **NOT_LOADED}
    inside = {f"assets/{name}": data for name, data in assets.items()} | {"setup.py": b"import os\n"}
    copy_assets(MAKERS[kind](inside, tmp_path / "source"), tmp_path / "out", FILES, everything=True, advance=nothing)
    assert contents(tmp_path / "out") == assets


def test_a_tar_of_the_folder_itself_is_read(tmp_path, contents):
    source = tar_of({f"./{name}": data for name, data in FILES.items()}, tmp_path / "a.tar.gz")
    copy_assets(source, tmp_path / "out", FILES, everything=False, advance=nothing)
    assert contents(tmp_path / "out") == FILES


def test_progress_adds_up_to_the_bytes_copied(tmp_path):
    steps = []
    copy_assets(zip_of(FILES, tmp_path / "a"), tmp_path / "out", FILES, everything=False, advance=steps.append)
    assert sum(steps) == sum(map(len, FILES.values()))


@pytest.mark.parametrize(
    "name", ["../outside.xml", "scenes/../../outside.xml", "/etc/outside.xml", "C:\\outside", "a\\..\\b"]
)
@pytest.mark.parametrize("make", [zip_of, tar_of])
def test_a_name_that_leads_out_of_the_folder_is_refused(make, name, tmp_path, contents):
    source = make({**FILES, name: b"harm"}, tmp_path / "source")
    with pytest.raises(DownloadError, match="leads out of the folder"):
        copy_assets(source, tmp_path / "out", FILES, everything=True, advance=nothing)
    assert contents(tmp_path).keys() == {"source"}


@given(st.text(alphabet=st.sampled_from("a./\\:\0 "), max_size=12))
def test_no_name_that_is_accepted_leads_out_of_the_folder(name):
    try:
        plain = PurePosixPath(safe_name(name))
    except DownloadError:
        return
    assert not plain.is_absolute()
    assert ".." not in plain.parts


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(kind, tmp_path):
    source = tar_of({name: data for name, data in FILES.items() if name != "textures/wood.png"}, tmp_path / "a.tar", "w")
    with tarfile.open(source, "a") as archive:
        member = tarfile.TarInfo("textures/wood.png")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(DownloadError, match=r"textures/wood\.png is a link, a device"):
        copy_assets(source, tmp_path / "out", FILES, everything=False, advance=nothing)
    assert not (tmp_path / "out").exists()


def test_links_in_a_zip_are_refused(tmp_path):
    source = zip_of({name: data for name, data in FILES.items() if name != "textures/wood.png"}, tmp_path / "a.zip")
    with zipfile.ZipFile(source, "a") as archive:
        member = zipfile.ZipInfo("textures/wood.png")
        member.create_system, member.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "/etc/passwd")
    with pytest.raises(DownloadError, match="is a link"):
        copy_assets(source, tmp_path / "out", FILES, everything=False, advance=nothing)
    assert not (tmp_path / "out" / "textures").exists()


@pytest.mark.parametrize("make", [zip_of, tar_of])
def test_a_file_that_unpacks_to_far_too_much_is_refused_before_it_is_unpacked(make, tmp_path, monkeypatch):
    monkeypatch.setattr(asset_archive, "MAX_FILE_BYTES", 100_000)
    source = make({**FILES, "textures/wood.png": bytes(100_001)}, tmp_path / "bomb")
    assert source.stat().st_size < 50_000
    with pytest.raises(DownloadError, match="100001 bytes, more than the 100000"):
        copy_assets(source, tmp_path / "out", FILES, everything=False, advance=nothing)
    assert not (tmp_path / "out").exists()


def test_many_files_that_are_too_much_together_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(asset_archive, "MAX_TOTAL_BYTES", 30_000)
    with pytest.raises(DownloadError, match="unpacks to more than"):
        copy_assets(zip_of(FILES, tmp_path / "bomb"), tmp_path / "out", FILES, everything=False, advance=nothing)
    assert not (tmp_path / "out").exists()


def test_a_bomb_beside_the_wanted_files_of_a_tar_is_not_unpacked_to_get_past_it(tmp_path, monkeypatch):
    monkeypatch.setattr(asset_archive, "MAX_TOTAL_BYTES", 1_000_000)
    source = tar_of({"zeros": bytes(1_000_001), **FILES}, tmp_path / "bomb")
    with pytest.raises(DownloadError, match="unpacks to more than"):
        copy_assets(source, tmp_path / "out", FILES, everything=False, advance=nothing)


def test_a_header_that_would_fill_the_memory_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(asset_archive, "MAX_FILE_BYTES", 100_000)
    with tarfile.open(tmp_path / "bomb", "w:gz", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("scenes/a.xml")
        member.pax_headers = {"comment": "x" * 200_000}
        archive.addfile(member)
    with pytest.raises(DownloadError, match="unpacks to more than"):
        copy_assets(tmp_path / "bomb", tmp_path / "out", FILES, everything=False, advance=nothing)


def test_an_archive_of_too_many_members_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(asset_archive, "MAX_MEMBERS", 4)
    for make in (zip_of, tar_of):
        with pytest.raises(DownloadError, match="more than 4 members"):
            copy_assets(make(FILES, tmp_path / "many"), tmp_path / "out", FILES, everything=False, advance=nothing)


@pytest.mark.parametrize("kind", ["zip", "gz", "xz", "bz2", "tar"])
def test_an_archive_that_is_cut_short_is_an_error(kind, tmp_path):
    source = MAKERS[kind](FILES, tmp_path / "source")
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    with pytest.raises(DownloadError, match=r"cannot be read as an archive|is damaged"):
        copy_assets(source, tmp_path / "out", FILES, everything=False, advance=nothing)


def test_a_flipped_bit_in_an_archive_is_an_error(tmp_path):
    source = zip_of(FILES, tmp_path / "source")
    data = bytearray(source.read_bytes())
    data[len(data) // 2] ^= 1
    source.write_bytes(data)
    with pytest.raises(DownloadError, match="cannot be read as an archive"):
        copy_assets(source, tmp_path / "out", FILES, everything=False, advance=nothing)


def test_an_encrypted_member_is_an_error(tmp_path):
    source = zip_of(FILES, tmp_path / "source")
    data = source.read_bytes()
    # Bit 0 of the flags, in every local header (PK\3\4, flags at 6) and central one (PK\1\2, flags at 8).
    for mark, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        pieces = data.split(mark)
        place = offset - len(mark)
        data = mark.join(
            [pieces[0]] + [piece[:place] + bytes([piece[place] | 1]) + piece[place + 1 :] for piece in pieces[1:]]
        )
    source.write_bytes(data)
    with pytest.raises(DownloadError, match="encrypted"):
        copy_assets(source, tmp_path / "out", FILES, everything=False, advance=nothing)


@pytest.mark.parametrize("make", [zip_of, tar_of, folder_of])
def test_a_source_without_assets_says_what_should_be_in_it(make, tmp_path):
    source = make({"scenes/only.xml": b"<mujoco/>"}, tmp_path / "source")
    with pytest.raises(DownloadError, match=r"holds no LIBERO assets.*articulated_objects"):
        copy_assets(source, tmp_path / "out", FILES, everything=False, advance=nothing)


def test_a_source_that_is_no_archive_or_not_there_is_an_error(tmp_path):
    (tmp_path / "letter.txt").write_text("Dear all,")
    with pytest.raises(DownloadError, match="cannot be read as an archive"):
        copy_assets(tmp_path / "letter.txt", tmp_path / "out", FILES, everything=False, advance=nothing)
    with pytest.raises(DownloadError, match="does not exist"):
        copy_assets(tmp_path / "nothing", tmp_path / "out", FILES, everything=False, advance=nothing)


def test_links_in_a_folder_of_the_users_own_are_followed(tmp_path, contents):
    """The Hugging Face hub's cache is made of links."""
    blobs = folder_of(FILES, tmp_path / "blobs")
    for name in FILES:
        (tmp_path / "snapshot" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "snapshot" / name).symlink_to(blobs / name)
    copy_assets(tmp_path / "snapshot", tmp_path / "out", FILES, everything=True, advance=nothing)
    assert contents(tmp_path / "out") == FILES
    assert not any(path.is_symlink() for path in (tmp_path / "out").rglob("*"))
