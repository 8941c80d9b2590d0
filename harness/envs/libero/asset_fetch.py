"""Fetches a set of assets: brought into a folder aside, compared with the manifest, moved into place when it is right."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.envs.libero.asset_archive import copy_assets
from harness.envs.libero.asset_check import Findings, check_files
from harness.envs.libero.asset_download import download, is_url
from harness.envs.libero.asset_hub import PINNED_REVISION, download_from_hub
from harness.envs.libero.assets import HUB_REPOSITORY, AssetManifest, looks_like_assets
from harness.errors import DownloadError, UsageError

RECORD = "evalharness_fetched.json"
_NAMES_IN_A_MESSAGE = 10

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class FetchOptions:
    """What is fetched, and where to.

    Attributes:
        into: The folder that the assets are to be in.
        source: A folder, an archive, or the URL of one; the hub's repository when None.
        revision: The hub's commit, branch or tag.
        everything: Take all files, not only those that the 130 tasks load.
        allow_modified: Accept files that are not LIBERO's own, as long as they are all there and whole.
        replace: Replace what is in `into` even when it is complete, or was not fetched.
        endpoint: The hub's address, see `download_from_hub`.
    """

    into: Path
    source: str | None = None
    revision: str = PINNED_REVISION
    everything: bool = False
    allow_modified: bool = False
    replace: bool = False
    endpoint: str | None = None


@dataclass(frozen=True)
class Fetched:
    """What `fetch` did.

    Attributes:
        root: The folder with the assets.
        new: False when a complete set was there already and nothing was done.
        findings: How the files compare with the manifest.
        record: What is in the file `RECORD` beside the assets; empty when nothing was done.
    """

    root: Path
    new: bool
    findings: Findings
    record: dict[str, Any]


def fetch(options: FetchOptions, manifest: AssetManifest, progress: Progress) -> Fetched:
    """Fetches a set of assets into a folder.

    Everything is collected in a hidden folder beside the target (`partial_folder`), which stays when something goes wrong,
    so that the next call goes on from there; the target is moved into place at the end, what it replaces stepping aside.

    Args:
        options: What, and where to.
        manifest: Which files the tasks load, and what they should be.
        progress: Told what is being done, the bytes that are done, and of how many where that is known.

    Raises:
        UsageError: The target holds something that would be lost, or the options cannot be.
        DownloadError: The files could not be had, are not what they should be, or the disk refused.
    """
    target = options.into.expanduser().resolve()
    try:
        # What a killed fetch moved aside is back in its place before anything is looked at.
        with _partial(target) as partial:
            if not options.replace:
                there = check_files(target, manifest.files)
                if there.official and not options.everything:
                    return Fetched(target, new=False, findings=there, record={})
                _refuse_to_lose(target)
            elif _is_filled(target) and not looks_like_assets(target):
                raise UsageError(f"{target} holds no LIBERO assets but something else. Name another folder with --into.")
            return _fetch(options, manifest, partial, target, progress)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise DownloadError(f"fetching into {target} failed: {error.strerror or error}{where}") from error


def _fetch(options: FetchOptions, manifest: AssetManifest, partial: Path, target: Path, progress: Progress) -> Fetched:
    files = partial / f"files-{_key(options)}"
    try:
        record = _bring(options, manifest, partial, files, progress)
        try:
            findings = _judge(files, options, manifest)
        except DownloadError:
            _archive(partial, options).unlink(missing_ok=True)  # a further attempt is to get another one
            raise
        record |= {"kind": "official" if findings.official else "modified", "modified": list(findings.modified)}
        _put_in_place(files, partial, target, record)
    finally:
        if options.source is not None:  # copies are made again, and may be what fills the disk
            shutil.rmtree(files, ignore_errors=True)
    return Fetched(target, new=True, findings=findings, record=record)


def partial_folder(target: Path) -> Path:
    """Where an unfinished `fetch` into a folder keeps what it has."""
    resolved = target.expanduser().resolve()
    return resolved.with_name(f".{resolved.name}.partial")


def read_record(root: Path) -> dict[str, Any]:
    """What `fetch` wrote down beside the assets; empty when they came in another way."""
    try:
        content = json.loads((root / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _is_filled(folder: Path) -> bool:
    """Whether there is something that a new folder of this name would replace."""
    return any(folder.iterdir()) if folder.is_dir() else folder.exists()


def _refuse_to_lose(target: Path) -> None:
    """An earlier fetch may be replaced by a new one; anything else only when the user says so."""
    if not _is_filled(target) or (target / RECORD).is_file():
        return
    if looks_like_assets(target):
        raise UsageError(
            f"{target} holds assets that were not fetched by this command. "
            "Replace them with --replace, or name another folder with --into."
        )
    raise UsageError(f"{target} holds no LIBERO assets but something else. Name another folder with --into.")


@contextlib.contextmanager
def _partial(target: Path) -> Iterator[Path]:
    """The folder for what is unfinished, for one process alone; removed when all went well."""
    partial = partial_folder(target)
    partial.mkdir(parents=True, exist_ok=True)
    with (partial / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DownloadError(f"another process is fetching into {target}; wait for it to end.") from error
        if (partial / "replaced").exists() and not target.exists():
            # A process was killed between the two moves of _put_in_place.
            (partial / "replaced").rename(target)
        try:
            yield partial
        except BaseException:
            if any(path.name != "lock" for path in partial.iterdir()):
                raise
            shutil.rmtree(partial, ignore_errors=True)
            raise
        shutil.rmtree(partial, ignore_errors=True)


def _key(options: FetchOptions) -> str:
    """Different sources must not be mixed in one folder."""
    source = options.source or f"{options.endpoint} {options.revision}"
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def _archive(partial: Path, options: FetchOptions) -> Path:
    """Where the archive of a URL is kept."""
    return partial / f"archive-{_key(options)}"


def _bring(options: FetchOptions, manifest: AssetManifest, partial: Path, files: Path, progress: Progress) -> dict[str, Any]:
    """Brings the files into a folder; returns where they are from."""
    record: dict[str, Any] = {"fetched": datetime.now(UTC).isoformat(timespec="seconds")}
    if options.source is None:
        progress(f"downloading {HUB_REPOSITORY}", 0, None)
        commit = download_from_hub(
            options.revision, files, manifest.files, everything=options.everything, endpoint=options.endpoint
        )
        return record | {"source": HUB_REPOSITORY, "revision": options.revision, "commit": commit}
    source = Path(options.source).expanduser()
    if is_url(options.source):
        source = _archive(partial, options)
        download(options.source, source, lambda done, total: progress("downloading", done, total))
    shutil.rmtree(files, ignore_errors=True)
    copied = 0

    def advance(count: int) -> None:
        nonlocal copied
        copied += count
        progress("copying", copied, None)

    try:
        copy_assets(source, files, manifest.files, everything=options.everything, advance=advance)
    except DownloadError:
        if is_url(options.source):  # a further attempt is to get another one
            source.unlink(missing_ok=True)
        raise
    return record | {"source": options.source if is_url(options.source) else str(source.resolve())}


def _judge(files: Path, options: FetchOptions, manifest: AssetManifest) -> Findings:
    """Compares what was brought with the manifest, and removes what is wrong so that a further attempt brings it anew."""
    findings = check_files(files, manifest.files)
    if findings.official or (findings.complete and options.allow_modified):
        return findings
    wrong = {"missing": findings.missing, "damaged": findings.damaged}
    if not options.allow_modified:
        wrong["not LIBERO's own"] = findings.modified
    for name in (*findings.missing, *findings.damaged, *findings.modified):
        with contextlib.suppress(OSError):
            (files / name).unlink()
    listed = [f"\n  {name}: {what}" for what, names in wrong.items() for name in names]
    rest = len(listed) - _NAMES_IN_A_MESSAGE
    raise DownloadError(
        f"{len(listed)} of the {findings.checked} files that the tasks load are not what they should be:"
        f"{''.join(listed[:_NAMES_IN_A_MESSAGE])}{f'{chr(10)}  and {rest} more' if rest > 0 else ''}\n"
        "Nothing was put in place. "
        + ("Accept modified files with --allow-modified." if findings.complete else _again(options))
    )


def _again(options: FetchOptions) -> str:
    if options.source is None or is_url(options.source):
        return "A further fetch gets these anew."
    return f"{options.source} has to be mended first."


def _put_in_place(files: Path, partial: Path, target: Path, record: dict[str, Any]) -> None:
    """Moves the finished folder to its place; an older one steps aside, and back when the move fails."""
    (files / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    replaced = partial / "replaced"
    if target.exists():
        shutil.rmtree(replaced, ignore_errors=True)
        os.rename(target, replaced)
    try:
        os.rename(files, target)
    except OSError:
        if replaced.exists():
            os.rename(replaced, target)
        raise
    shutil.rmtree(target / ".cache", ignore_errors=True)  # huggingface_hub's notes, with which a failed move goes on
