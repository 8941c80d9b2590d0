"""What the policies that load a checkpoint in this process share: its files, its name, what it needs, and the device."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.errors import PolicyUnavailableError
from harness.policies.base import PolicyURI, short_name

# Folders of LeRobot's training output that say nothing about which checkpoint it is.
_NAMELESS = frozenset({"pretrained_model", "checkpoints"})


# What Hugging Face's libraries take for true.
_OFFLINE = frozenset({"1", "ON", "YES", "TRUE"})


def local_path(uri: PolicyURI) -> Path:
    """The file or folder that a URI names; nothing is ever downloaded.

    Raises:
        PolicyUnavailableError: It is not there; where the name could be one of the Hugging Face hub, with how to get it.
    """
    if not uri.body:
        raise PolicyUnavailableError(f"policy {uri.text!r} names no checkpoint: expected {uri.scheme}:PATH")
    path = Path(uri.body).expanduser()
    if path.exists():
        return path
    hint = ""
    if not path.is_absolute() and len(path.parts) == 2 and not path.suffix:
        hint = (
            f". If it is a repository of the Hugging Face hub, fetch it first, "
            f"`hf download {uri.body} --local-dir {path.name}`, and name the folder: {uri.scheme}:{path.name}"
        )
    raise PolicyUnavailableError(f"policy {uri.text!r}: there is no {path} (looked from {Path.cwd()}){hint}")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file that holds a map.

    Raises:
        PolicyUnavailableError: It cannot be read, or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PolicyUnavailableError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise PolicyUnavailableError(f"{path} must hold a map, not {type(content).__name__}")
    return content


def checkpoint_name(kind: str, path: Path) -> str:
    """A name for tables from the checkpoint's kind and where it lies; a folder that every training makes is left out."""
    parts = [part for part in path.resolve().parts if part not in _NAMELESS]
    told = parts[-2:] if path.resolve().name in _NAMELESS else parts[-1:]
    return short_name(kind, *told)


def fingerprint(paths: Iterable[Path], *settings: str) -> str:
    """SHA-256 over the names and contents of files, and over settings that change the answers.

    Raises:
        PolicyUnavailableError: A file cannot be read.
    """
    total = hashlib.sha256()
    for path in sorted(paths):
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise PolicyUnavailableError(f"{path} cannot be read: {error.strerror}") from error
        total.update(f"{path.name}\0{digest}\n".encode())
    total.update("\0".join(settings).encode())
    return total.hexdigest()


def require(uri: PolicyURI, extra: str, *packages: str) -> None:
    """Makes sure that packages can be imported, without importing them.

    Args:
        uri: For whom.
        extra: The harness's extra that installs them.
        packages: Their names in Python.

    Raises:
        PolicyUnavailableError: One is not installed.
    """
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise PolicyUnavailableError(
            f"policy {uri.text!r} needs {' and '.join(missing)}, which this environment does not have: "
            f'`pip install "evalharness[{extra}]"`, or serve it from an environment that does (docs/checkpoints.md)'
        )


def stay_offline() -> None:
    """Keeps Hugging Face's libraries from the network, unless the user has set HF_HUB_OFFLINE to something.

    They read the variable when they are first imported.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")


def check_cached(uri: PolicyURI, names: Iterable[str]) -> None:
    """Makes sure that what a checkpoint builds upon is on this machine, where nothing may be downloaded.

    Args:
        uri: Whose checkpoint.
        names: Folders, or repositories of the Hugging Face hub.

    Raises:
        PolicyUnavailableError: One is neither a folder nor in Hugging Face's cache.
    """
    from huggingface_hub import try_to_load_from_cache

    if os.environ.get("HF_HUB_OFFLINE", "").upper() not in _OFFLINE:
        return
    files = ("config.json", "tokenizer_config.json")
    for name in names:
        if not Path(name).is_dir() and not any(isinstance(try_to_load_from_cache(name, file), str) for file in files):
            raise PolicyUnavailableError(
                f"policy {uri.text!r} builds upon {name}, which is neither a folder nor in Hugging Face's cache: "
                f"`hf download {name}`, or HF_HUB_OFFLINE=0 to let it be downloaded"
            )


def chosen_device(uri: PolicyURI) -> str:
    """PyTorch's device that a URI asks for; without a wish CUDA's where there is one, and otherwise the processor.

    Raises:
        PolicyUnavailableError: There is no such device here.
    """
    import torch

    wish = uri.params.get("device") or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(0, device=wish)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise PolicyUnavailableError(f"policy {uri.text!r}: device={wish!r} cannot be used: {reason}") from error
    return wish
