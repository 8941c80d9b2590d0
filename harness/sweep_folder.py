"""The folder of a sweep: ``sweep.json``, which says what is in it, and a run directory for every policy."""

from __future__ import annotations

import datetime
import glob
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from harness.errors import RunDirectoryError, StoreError, UsageError
from harness.files import written_aside
from harness.learning_curve import step_of

SWEEP_FILE = "sweep.json"
SCHEMA_VERSION = 1

# What a policy's URI has where a checkpoint's path belongs.
PLACEHOLDER = "{}"

_LONGEST_NAME = 40


@dataclass(frozen=True)
class Entry:
    """One policy of a sweep.

    Attributes:
        policy: Its URI.
        step: The training step that its name holds; None where it holds none.
        directory: Of its run, within the sweep's folder.
    """

    policy: str
    step: int | None
    directory: str


@dataclass(frozen=True)
class SweepFolder:
    """What a sweep consists of.

    Attributes:
        directory: The folder.
        entries: Its policies, in the order in which they are run.
        options: What all runs are asked for: fields of `harness.request.Request` without policy and place.
        created: When it began, UTC.
    """

    directory: Path
    entries: tuple[Entry, ...]
    options: Mapping[str, Any]
    created: str

    @classmethod
    def read(cls, directory: Path) -> SweepFolder:
        """Reads a sweep's folder.

        Raises:
            RunDirectoryError: It is none.
            StoreError: ``sweep.json`` is damaged or of another version.
        """
        path = directory / SWEEP_FILE
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["schema"] != SCHEMA_VERSION:
                raise StoreError(f"{path} has schema {content['schema']!r}; this version reads schema {SCHEMA_VERSION}")
            entries = tuple(Entry(**entry) for entry in content["policies"])
            return cls(directory, entries, dict(content["options"]), str(content["created"]))
        except OSError as error:
            raise RunDirectoryError(f"{directory} is no sweep: {SWEEP_FILE} cannot be read: {error.strerror}") from error
        except (ValueError, LookupError, TypeError) as error:
            raise StoreError(f"{path} is damaged: {error!r}") from error

    def write(self) -> None:
        """Writes ``sweep.json``, whole or not at all.

        Raises:
            StoreError: It cannot be written.
        """
        content = {
            "schema": SCHEMA_VERSION,
            "created": self.created,
            "command": sys.argv,
            "options": dict(self.options),
            "policies": [asdict(entry) for entry in self.entries],
        }
        text = json.dumps(content, indent=2, allow_nan=False) + "\n"
        with written_aside(self.directory / SWEEP_FILE) as aside:
            aside.write_text(text, encoding="utf-8")


def is_sweep(directory: str | Path) -> bool:
    """Whether a folder is a sweep's."""
    return (Path(directory) / SWEEP_FILE).is_file()


def new_directory(suite: str) -> Path:
    """``results/<UTC time>-<suite>-sweep``."""
    time = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    return Path("results") / f"{time}-{_slug(Path(suite).stem)}-sweep"


def with_policies(entries: Sequence[Entry], policies: Iterable[str]) -> tuple[Entry, ...]:
    """Adds the policies that are not there yet."""
    known = list(entries)
    for policy in policies:
        if policy not in {entry.policy for entry in known}:
            step = step_of(policy)
            name = _slug(policy) if step is None else f"step{step}"
            known.append(Entry(policy, step, f"{len(known) + 1:02}-{name}"))
    return tuple(known)


def checkpoint_policies(policies: Sequence[str], checkpoints: Sequence[str]) -> list[str]:
    """The URIs of a policy for several checkpoints.

    Args:
        policies: One, with `PLACEHOLDER` where the checkpoint's path belongs.
        checkpoints: Paths, or patterns such as ``runs/pi0/checkpoint-*``.

    Returns:
        A URI a checkpoint, by training step where all names hold one, else by name.

    Raises:
        UsageError: The policy has no place for a checkpoint, or no file or folder fits a pattern.
    """
    if len(policies) != 1 or PLACEHOLDER not in policies[0]:
        raise UsageError(
            "--checkpoints needs one --policy that says with {} where a checkpoint's path belongs, such as "
            "--policy 'py:my_policy.py:Model?checkpoint={}'"
        )
    found: dict[str, None] = {}
    for pattern in checkpoints:
        matches = [pattern] if Path(pattern).exists() else sorted(glob.glob(pattern, recursive=True))
        if not matches:
            raise UsageError(f"--checkpoints {pattern}: no file or folder fits")
        found.update(dict.fromkeys(match.rstrip("/") for match in matches))
    steps = {path: step_of(path) for path in found}
    before, _, behind = policies[0].partition(PLACEHOLDER)
    in_query = "?" in before
    ordered = sorted(found, key=_natural) if None in steps.values() else sorted(found, key=lambda path: (steps[path], path))
    return [f"{before}{quote(path) if in_query else path}{behind}" for path in ordered]


def _natural(text: str) -> list[tuple[int, str]]:
    """Sorts numbers within names by value."""
    return [(int(digits or 0), words) for words, digits in re.findall(r"([^0-9]*)([0-9]*)", text)]


def _slug(text: str) -> str:
    """A name for a folder: the end of the text, which is where checkpoints differ."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", text)[-_LONGEST_NAME:].strip("-.") or "policy"
