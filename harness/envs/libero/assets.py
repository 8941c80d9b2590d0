"""LIBERO's meshes, textures and MJCF files: where they lie, whether they are complete, and what exactly they are.

hf-libero carries none of them. A manifest beside this module lists what each of the 130 tasks loads, and the contents of
the official files; ``scripts/make_libero_manifest.py`` made it.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.envs.family import Assets
from harness.envs.libero.asset_check import git_blob_id
from harness.envs.libero.installation import libero_root
from harness.envs.libero.lite.generate import lite_files, lite_folder, lite_root, lite_sha256
from harness.errors import AssetsError, UsageError
from harness.files import written_aside
from harness.paths import cache_dir, checkout_root, data_dir

# What the user calls the set that the harness makes, and its kind.
LITE = "lite"
_LITE_WARNING = "LIBERO's objects as the harness draws them: rates are not comparable with published ones"
_MODIFIED_WARNING = "some files are not LIBERO's own: pictures, and possibly rates, differ from published ones"

_MANIFEST = Path(__file__).with_name("asset_manifest.json")
_VARIABLE = "EVALHARNESS_LIBERO_ASSETS"
# hf-libero 0.1.4, libero/libero/utils/download_utils.py: the repository, and that it is one of datasets.
HUB_REPOSITORY = "lerobot/libero-assets"
HOW_TO_GET = (
    f"Get them with `evalharness assets fetch`, or name a folder that has them with --assets DIR or {_VARIABLE}=DIR."
)
_NAMES_IN_A_MESSAGE = 10


@dataclass(frozen=True)
class AssetSet(Assets):
    """One folder of LIBERO's assets: it holds ``scenes``, ``articulated_objects`` and the others.

    Its kind is ``official`` when every file of the manifest has the contents that it has in LIBERO's own repository,
    ``modified`` when some differ or are missing: pictures, and possibly physics, are then not LIBERO's, and ``lite`` when
    the harness made it (`harness.envs.libero.lite`). The hash is over the manifest's files, sorted: path and contents of
    each; of the lite set, over its own files.

    Attributes:
        modified: The manifest's files that are not the official ones, missing ones included, sorted.
    """

    modified: tuple[str, ...] = ()


@dataclass(frozen=True)
class AssetManifest:
    """What the tasks load.

    Attributes:
        files: Path relative to the assets' root -> git blob id of the official file.
        tasks: Name of a task -> the files that it loads.
    """

    files: Mapping[str, str]
    tasks: Mapping[str, tuple[str, ...]]


@functools.cache
def asset_manifest() -> AssetManifest:
    """The manifest that comes with the package; 166 files for 130 tasks."""
    content = json.loads(_MANIFEST.read_text(encoding="utf-8"))
    names = list(content["files"])
    tasks = {task: tuple(names[index] for index in indices) for task, indices in content["tasks"].items()}
    return AssetManifest(files=content["files"], tasks=tasks)


@dataclass(frozen=True)
class Place:
    """One place where assets are looked for.

    Attributes:
        root: The folder.
        source: In words, what kind of place it is.
        named_by: The option or variable by which the user named it; empty for the usual places.
        embedded: Whether this is the lite set, which is made when it is needed.
    """

    root: Path
    source: str
    named_by: str = ""
    embedded: bool = False

    @property
    def holds_assets(self) -> bool:
        """Whether the folder looks like LIBERO's assets, files may still be missing from it, or can be made."""
        return self.embedded or looks_like_assets(self.root)


def fetch_target() -> Path:
    """The folder into which assets are fetched, and the first of the usual places."""
    return data_dir() / "libero_assets"


def search_order(choice: str = "auto") -> Iterator[Place]:
    """The places where assets are looked for, in order; the first that holds some is taken.

    ``--assets``; ``$EVALHARNESS_LIBERO_ASSETS``; `fetch_target`; the ``assets`` of the installed LIBERO; what hf-libero
    downloaded; the Hugging Face hub's cache; ``shared/libero_assets`` beside the checkout; at last the lite set. A place
    that the user names is taken or refused, never passed over.

    Args:
        choice: ``auto``, ``lite``, or the folder that ``--assets`` names.
    """
    named = {"--assets": choice if choice != "auto" else "", _VARIABLE: os.environ.get(_VARIABLE, "")}
    for who, value in named.items():
        if value == LITE:
            yield Place(lite_folder(), f"the lite set, named by {who}", named_by=who, embedded=True)
        elif value:
            yield Place(Path(value).expanduser().absolute(), f"named by {who}", named_by=who)
    for root, source in _usual_places():
        yield Place(root, source)
    yield Place(lite_folder(), "the lite set, which comes with the harness", embedded=True)


def find_assets(choice: str = "auto") -> AssetSet:
    """Finds a folder of LIBERO's assets. Files may still be missing from it: see `check_assets`.

    Args:
        choice: As for `search_order`.

    Raises:
        AssetsError: The one that the user named holds none; the message says how to get some.
    """
    place = next(place for place in search_order(choice) if place.holds_assets or place.named_by)
    if place.embedded:
        return _lite(place.source)
    if not place.holds_assets:
        wrong = "holds no LIBERO assets" if place.root.is_dir() else "is not a folder"
        raise AssetsError(
            f"{place.named_by} names {place.root}, which {wrong}: the folders scenes and articulated_objects should be in "
            f"it.\n{HOW_TO_GET}"
        )
    return _describe(place.root, place.source)


def _lite(source: str) -> AssetSet:
    """The lite set, made if need be, and read: a file of it that somebody changed would change results."""
    root = lite_root()
    for path, content in lite_files().items():
        if not _holds(root / path, content):
            raise AssetsError(f"{root / path} is not as the harness made it; remove the folder {root}, and it is made again")
    return AssetSet(LITE, root, source, lite_sha256(), _LITE_WARNING)


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def looks_like_assets(root: Path) -> bool:
    """Whether a folder has what every set of LIBERO's assets has."""
    return (root / "scenes").is_dir() and (root / "articulated_objects").is_dir()


def missing_files(assets: AssetSet, tasks: Iterable[str] | None = None) -> tuple[str, ...]:
    """The files that the named tasks load and that are not there or empty; all 130 tasks when None.

    Tasks that are not LIBERO's own are passed over: nothing is known of them. The lite set is whole when it is found.
    """
    if assets.kind == LITE:
        return ()
    manifest = asset_manifest()
    chosen = manifest.tasks if tasks is None else tasks
    needed = {file for task in chosen for file in manifest.tasks.get(task, ())}
    return tuple(sorted(file for file in needed if not _is_filled(assets.root / file)))


def check_assets(assets: AssetSet, tasks: Iterable[str]) -> None:
    """Checks that everything that the tasks load is there, before an hour of work ends in the first of the missing files.

    Args:
        assets: From `find_assets`.
        tasks: Names of tasks; user-defined ones are passed over.

    Raises:
        AssetsError: Files are missing or empty.
    """
    missing = missing_files(assets, tasks)
    if not missing:
        return
    listing = "".join(f"\n  {file}" for file in missing[:_NAMES_IN_A_MESSAGE])
    rest = len(missing) - _NAMES_IN_A_MESSAGE
    raise AssetsError(
        f"{len(missing)} of the files that these tasks load are missing or empty in {assets.root} ({assets.source}):"
        f"{listing}{f'{chr(10)}  and {rest} more' if rest > 0 else ''}\n{HOW_TO_GET}"
    )


def _is_filled(path: Path) -> bool:
    """Whether there is a file with something in it (an interrupted download leaves empty ones)."""
    try:
        return path.is_file() and path.stat().st_size > 0
    except OSError:
        return False


def _usual_places() -> Iterator[tuple[Path, str]]:
    """The folders that are looked at when the user names none, with where each comes from, in order."""
    yield fetch_target(), "the harness's data folder"
    # Without an installed LIBERO its folder is no place to look; whoever builds an environment says what is missing.
    with contextlib.suppress(UsageError):
        yield libero_root() / "assets", "beside the installed LIBERO"
    yield Path("~/.cache/libero/assets").expanduser(), "hf-libero's own download"
    for hub in (f"datasets--{HUB_REPOSITORY.replace('/', '--')}", f"models--{HUB_REPOSITORY.replace('/', '--')}"):
        yield _hub_snapshot(_hub_cache() / hub), "the Hugging Face hub's cache"
    checkout = checkout_root()
    if checkout is not None:
        yield checkout.parent / "shared" / "libero_assets", "beside the checkout"


def _hub_cache() -> Path:
    """The hub's cache, by the rules of huggingface_hub/constants.py."""
    for variable, below in (("HF_HUB_CACHE", ""), ("HUGGINGFACE_HUB_CACHE", ""), ("HF_HOME", "hub")):
        if os.environ.get(variable):
            return Path(os.environ[variable]).expanduser() / below
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "huggingface" / "hub"


def _hub_snapshot(repository: Path) -> Path:
    """The snapshot that ``refs/main`` names, else the newest one; the folder of snapshots where there is none."""
    snapshots = repository / "snapshots"
    # A download of another revision leaves no such reference.
    with contextlib.suppress(OSError, ValueError):
        return snapshots / (repository / "refs" / "main").read_text(encoding="ascii").strip()
    try:
        return max(snapshots.iterdir(), key=lambda folder: folder.stat().st_mtime_ns, default=snapshots)
    except OSError:
        return snapshots


def _describe(root: Path, source: str) -> AssetSet:
    """Hashes the files, or takes the hashes from the cache when no file's size or time has changed since."""
    key = hashlib.sha256(_MANIFEST.read_bytes())
    for file in sorted(asset_manifest().files):
        try:
            found = (root / file).stat()
        except OSError:
            continue
        key.update(f"{root / file}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    cached = cache_dir() / f"libero-assets-{key.hexdigest()[:32]}.json"
    try:
        content = json.loads(cached.read_text(encoding="utf-8"))
        sha256, modified = str(content["sha256"]), tuple(str(file) for file in content["modified"])
    except (OSError, ValueError, LookupError, TypeError):
        sha256, modified = _hash_files(root)
        with written_aside(cached) as aside:
            aside.write_text(json.dumps({"sha256": sha256, "modified": modified}), encoding="utf-8")
    if modified:
        return AssetSet("modified", root, source, sha256, _MODIFIED_WARNING, modified)
    return AssetSet("official", root, source, sha256)


def _hash_files(root: Path) -> tuple[str, tuple[str, ...]]:
    """Reads every file of the manifest once, 97 MB in 0.2 s from memory; returns `AssetSet.sha256` and `modified`."""
    total = hashlib.sha256()
    modified = []
    for file, official in sorted(asset_manifest().files.items()):
        try:
            data = (root / file).read_bytes()
        except OSError:
            total.update(f"{file}\0missing\n".encode())
            modified.append(file)
            continue
        total.update(f"{file}\0{hashlib.sha256(data).hexdigest()}\n".encode())
        if git_blob_id(data) != official:
            modified.append(file)
    return total.hexdigest(), tuple(modified)
