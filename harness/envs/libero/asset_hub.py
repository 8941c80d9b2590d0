"""Downloads assets from the Hugging Face hub, or from a server that behaves like it (``HF_ENDPOINT``)."""

from __future__ import annotations

import glob
import os
import re
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from harness.envs.libero.asset_archive import safe_name
from harness.envs.libero.assets import HUB_REPOSITORY
from harness.errors import DownloadError, HarnessError, UsageError

# All 585 files of this commit were found equal to a copy of LIBERO's: github.com/KE7/libero-infinity, audit/asset_parity_*.
# What arrives is compared with the manifest in any case.
PINNED_REVISION = "0b3ea86be5fe169d0fd036ae63d1070ec09e90f6"


def download_from_hub(
    revision: str, into: Path, files: Collection[str], *, everything: bool = False, endpoint: str | None = None
) -> str:
    """Downloads files of the hub's repository, under their names there.

    When a connection is cut, huggingface_hub 2 tries to go on at the last 10 MiB of a file, and gives up after five attempts
    that brought nothing. The next call begins with the files that are not there yet.

    Args:
        revision: A commit, branch or tag.
        into: The folder that receives the files, and in ``.cache`` huggingface_hub's notes about them.
        files: Which files.
        everything: Take all files instead.
        endpoint: The hub's address; ``$HF_ENDPOINT``, else the Hugging Face hub, when None.

    Returns:
        The commit that `revision` stands for.

    Raises:
        UsageError: huggingface_hub is not installed.
        DownloadError: The hub cannot be reached, does not have the files, the connection was cut for good, or the disk is
            full.
    """
    try:
        import huggingface_hub
    except ImportError as error:
        raise UsageError(
            "huggingface_hub is not installed, which downloads LIBERO's assets. Run `make setup` in a checkout, or "
            '`pip install "evalharness[libero]"`, or fetch from an archive with --from.'
        ) from error
    endpoint = endpoint or os.environ.get("HF_ENDPOINT") or None
    try:
        commit, sizes = _listing(revision, endpoint)
        chosen = sorted(sizes) if everything else sorted(files)
        _check_listing(chosen, sizes, commit, into)
        huggingface_hub.snapshot_download(
            HUB_REPOSITORY,
            repo_type="dataset",
            revision=commit,
            local_dir=into,
            allow_patterns=[glob.escape(name) for name in chosen],
            endpoint=endpoint,
        )
    except HarnessError:
        raise
    except Exception as error:  # what a broken network raises differs between huggingface_hub's versions
        host = endpoint or "the Hugging Face hub"
        raise DownloadError(f"{HUB_REPOSITORY} could not be downloaded from {host}: {_reason(error)}") from error
    return commit


def _listing(revision: str, endpoint: str | None) -> tuple[str, Mapping[str, int]]:
    """The commit, and every file's size by its name."""
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    api = HfApi(endpoint=endpoint)
    commit = revision
    if not re.fullmatch(r"[0-9a-f]{40}", revision):
        commit = str(api.repo_info(HUB_REPOSITORY, repo_type="dataset", revision=revision).sha)
    entries = api.list_repo_tree(HUB_REPOSITORY, recursive=True, revision=commit, repo_type="dataset")
    return commit, {safe_name(entry.path): entry.size for entry in entries if isinstance(entry, RepoFile)}


def _check_listing(chosen: Collection[str], sizes: Mapping[str, int], commit: str, into: Path) -> None:
    """Says what cannot work before it is tried: files that the repository does not have, and too small a disk."""
    absent = [name for name in chosen if name not in sizes]
    if absent:
        raise DownloadError(
            f"{HUB_REPOSITORY} has no {absent[0]}{f' and {len(absent) - 1} more' if len(absent) > 1 else ''} at {commit}."
        )
    needed = sum(sizes[name] for name in chosen if not (into / name).is_file())
    into.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(into).free
    if needed > free:
        raise DownloadError(
            f"No space left for {needed / 1e6:.1f} MB in {into}: {free / 1e6:.1f} MB are free. Make room, or name another "
            "place with --into."
        )


def _reason(error: Exception) -> str:
    """What went wrong at the bottom of it, in one line: huggingface_hub wraps what the network library said."""
    bottom: BaseException = error
    while (below := bottom.__cause__) is not None:
        bottom = below
    lines = str(bottom).strip().splitlines()
    return f"{type(bottom).__name__}: {lines[0] if lines else 'no details'}"
