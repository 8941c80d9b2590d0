"""The installed hf-libero: found without importing it, imported without its questions.

At import, ``libero.libero`` reads ``$LIBERO_CONFIG_PATH/config.yaml``. Without that file it makes ``~/.libero`` and calls
``input()``, which hangs a batch job. `prepare` writes the file first, into the harness's own cache.

``libero.libero.benchmark`` imports torch and is never needed here: suites are read from YAML.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
from pathlib import Path

from harness.errors import UsageError
from harness.files import written_aside
from harness.paths import cache_dir

# Importable name -> distribution: what building and stepping an environment needs at the least.
_REQUIRED = {"libero": "hf-libero", "robosuite": "robosuite", "bddl": "bddl", "mujoco": "mujoco"}


def missing_packages() -> tuple[str, ...]:
    """The distributions that LIBERO needs and that are not installed; nothing is imported to find out."""
    return tuple(name for module, name in _REQUIRED.items() if not _locations(module))


def libero_root() -> Path:
    """The folder of the installed LIBERO that holds ``bddl_files`` and ``init_files``, found without importing it.

    Raises:
        UsageError: hf-libero or something that it cannot do without is not installed, or LIBERO's files are not there.
    """
    missing = missing_packages()
    if missing:
        raise UsageError(
            f"LIBERO cannot run: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed. "
            'Run `make setup` in a checkout, or `pip install "evalharness[libero]"`.'
        )
    places = [folder / "libero" for folder in _locations("libero")]
    for place in places:
        if (place / "bddl_files").is_dir() and (place / "init_files").is_dir():
            return place
    raise UsageError(
        f"the installed package 'libero' has no bddl_files and init_files (looked in {', '.join(map(str, places))}). "
        "Install hf-libero==0.1.4; another package of the same name may hide it."
    )


def prepare(assets_root: Path | None) -> None:
    """Imports ``libero.libero`` without prompts, pointed at the given assets.

    Writes its configuration into a folder of `harness.paths.cache_dir` that is named after its content, so that runs with
    different installations or assets never overwrite each other's; sets ``LIBERO_CONFIG_PATH`` for this process and its
    children. ``~/.libero`` is neither read nor made.

    Args:
        assets_root: Folder of meshes and textures, see `harness.envs.libero.assets`; None leaves the choice to hf-libero,
            which downloads when an environment is built.

    Raises:
        UsageError: As `libero_root`, or what is installed is a LIBERO without ``get_assets_path``.
    """
    root = libero_root()
    assets = assets_root.absolute() if assets_root is not None else root / "assets"
    os.environ["LIBERO_CONFIG_PATH"] = str(_write_config(root, assets))
    # LIBERO imports matplotlib, which would make a folder in the home directory, or complain where it cannot.
    os.environ.setdefault("MPLCONFIGDIR", str(cache_dir() / "matplotlib"))
    # robosuite warns at every import that it has no file of private settings; nobody needs one.
    logging.getLogger("robosuite_logs").setLevel(logging.ERROR)
    from libero import libero

    if not hasattr(libero, "get_assets_path"):
        raise UsageError(f"the LIBERO at {root} cannot be told where its assets are. Install hf-libero==0.1.4 instead.")
    if assets_root is not None:
        # hf-libero asks this variable first; its name stands for a cache, and it is the only way in besides a download.
        libero._assets_path_cache = str(assets)


def _locations(module: str) -> list[Path]:
    """The folders of an importable package; empty when there is none."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return []
    if spec is None or spec.submodule_search_locations is None:
        return []
    return [Path(folder).absolute() for folder in spec.submodule_search_locations]


def _write_config(root: Path, assets: Path) -> Path:
    """Writes LIBERO's config.yaml and returns the folder that it lies in."""
    import yaml

    # The keys are those of hf-libero 0.1.4, libero/libero/__init__.py, get_default_path_dict.
    text = yaml.safe_dump(
        {
            "benchmark_root": str(root),
            "bddl_files": str(root / "bddl_files"),
            "init_states": str(root / "init_files"),
            "datasets": str(root.parent / "datasets"),
            "assets": str(assets),
        }
    )
    folder = cache_dir() / f"libero-config-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    config = folder / "config.yaml"
    if config.is_file() and config.read_text() == text:
        return folder
    with written_aside(config) as aside:
        aside.write_text(text)
    return folder
