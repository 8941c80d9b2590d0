"""What a run was made with, in words: the protocol, assets, renderer and versions, as a list of facts."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

# (section, field, value); a section's facts stand together.
Fact = tuple[str, str, str]

_OF_THE_RUN = ("seed", "episodes", "created", "command", "git_commit")
_OF_A_SESSION = ("created", "command", "git_commit", "renderer", "engine", "versions", "machine")


def facts_of(info: Mapping[str, Any]) -> list[Fact]:
    """The content of ``run.json`` as facts, in the order in which people ask.

    Args:
        info: What `harness.store.read_info` gave. What it lacks is left out.

    Returns:
        Every field of the protocols (where suites differ, a line a suite), then policy, run, assets, renderer, versions,
        machine, later sessions, and the fingerprints of tasks.
    """
    run = {"suites": [suite["name"] for suite in info["suites"]], **_taken(info, _OF_THE_RUN), **info["options"]}
    return [
        *_protocol(info["suites"]),
        *_section("Policy", info["policy"]),
        *_section("Run", run),
        *_section("Assets", info["assets"]),
        *_section("Renderer", {**info["renderer"], **_taken(info, ("engine",))}),
        *_section("Versions", {name: value or "not installed" for name, value in info["versions"].items()}),
        *_section("Machine", info.get("machine", {})),
        *_sessions(info["resumed"]),
        *_tasks(info["suites"]),
    ]


def _protocol(suites: Sequence[Mapping[str, Any]]) -> list[Fact]:
    names = list(dict.fromkeys(name for suite in suites for name in suite["protocol"]))
    return [("Protocol", name, _of_suites(name, suites)) for name in names]


def _of_suites(name: str, suites: Sequence[Mapping[str, Any]]) -> str:
    values = {suite["name"]: _words(suite["protocol"].get(name)) for suite in suites}
    if len(set(values.values())) == 1:
        return next(iter(values.values()))
    return "\n".join(f"{suite}: {value}" for suite, value in values.items())


def _sessions(resumed: Sequence[Mapping[str, Any]]) -> list[Fact]:
    """Where the run was gone on with; what such a session may have had otherwise."""
    return [
        fact
        for number, session in enumerate(resumed, start=2)
        for fact in _section(f"Session {number}", _taken(session, _OF_A_SESSION))
    ]


def _taken(content: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Some fields of a record, as far as they are there; the command as a line that a shell takes."""
    taken = {name: content[name] for name in names if name in content}
    return taken | ({"command": shlex.join(map(str, taken["command"]))} if "command" in taken else {})


def _tasks(suites: Sequence[Mapping[str, Any]]) -> list[Fact]:
    return [
        (
            "Tasks",
            f"{suite['name']} {task['task_id']}: {task['name']}",
            "\n".join(f"{name}: {_words(value)}" for name, value in task.items() if name not in ("task_id", "name")),
        )
        for suite in suites
        for task in suite["tasks"]
    ]


def _section(title: str, content: Mapping[str, Any]) -> list[Fact]:
    return [(title, str(name), _words(value)) for name, value in content.items()]


def _words(value: Any) -> str:
    """A value for people: no quotes, no braces; one line a field of what has fields."""
    if value is None or value in ("", [], {}):
        return "none"
    if isinstance(value, Mapping):
        return "\n".join(f"{name}: {one if isinstance(one, str) else json.dumps(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_words(one) for one in value)
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
