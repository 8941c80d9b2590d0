"""Policies written as a Python function, class or object, in a module or in a file."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy.typing as npt

from harness.errors import HarnessError, PolicyError, PolicyTimeoutError, PolicyUnavailableError, suggest
from harness.policies.base import BasePolicy, PolicyURI, short_name
from harness.types import Concurrency, EnvSpec, Episode, Observation, PolicyInfo


@dataclass(frozen=True)
class _Target:
    """What a ``py:`` URI points at, imported but not instantiated."""

    kind: Literal["class", "instance", "callable"]
    value: Any
    source: Path | None


class PythonPolicy(BasePolicy):
    """py:MODULE:NAME or py:FILE.py:NAME: your own function, class or object.

    NAME is a function ``fn(observation)`` that answers with (A,) or (T, A); or a class, instantiated with the URI's
    parameters as string keyword arguments; or an object. A class or an object has ``infer(observation)``, and may have
    ``reset(episode)``, ``close()``, ``infer_batch(observations, episodes)`` (`harness.policies.base.BatchPolicy`),
    ``needs_images``, ``raw_actions``, ``needs_privileged`` and ``action_space``.

    The parameter ``timeout_s`` is the harness's: an answer that took longer is an error. It is measured after the answer
    came; a call that never returns is ended by ``--episode-timeout``.
    """

    params = None

    def __init__(self, uri: PolicyURI, target: Any, timeout_s: float | None) -> None:
        self._uri = uri
        self._target = target
        self._timeout_s = timeout_s
        self._infer = target.infer if callable(getattr(target, "infer", None)) else target
        self.needs_images = bool(getattr(target, "needs_images", True))
        self.raw_actions = bool(getattr(target, "raw_actions", False))
        self.needs_privileged = bool(getattr(target, "needs_privileged", False))
        self.statistics = getattr(target, "statistics", None)
        self.stateless = not callable(getattr(target, "reset", None))

    @classmethod
    def describe(cls, uri: PolicyURI) -> PolicyInfo:
        """See `BasePolicy.describe`: imports, but instantiates nothing.

        The fingerprint is the SHA-256 of the file that defines NAME; files that it imports are not part of it.
        """
        _timeout_s(uri)
        location, name = _split(uri)
        target = _find(uri)
        fingerprint = f"module {location}"
        if target.source is not None:
            fingerprint = hashlib.sha256(target.source.read_bytes()).hexdigest()
        details = {"kind": target.kind, "source": str(target.source or location), "params": dict(uri.params)}
        short = short_name(Path(location).stem if _is_file(location) else location, name)
        concurrency: Concurrency = "batch" if callable(getattr(target.value, "infer_batch", None)) else "none"
        return PolicyInfo(uri.text, short, fingerprint, details, _action_space(uri, target), concurrency=concurrency)

    @classmethod
    def from_uri(cls, uri: PolicyURI, spec: EnvSpec) -> PythonPolicy:
        """See `BasePolicy.from_uri`; a class is instantiated here."""
        target = _find(uri)
        timeout_s = _timeout_s(uri)
        value = target.value
        if target.kind == "class":
            arguments = {name: text for name, text in uri.params.items() if name != "timeout_s"}
            try:
                value = value(**arguments)
            except Exception as error:
                raise PolicyUnavailableError(f"policy {uri.text!r} could not be made: {_what_and_where(error)}") from error
        space = getattr(value, "action_space", None)
        if space not in (None, spec.action_space):
            raise PolicyUnavailableError(
                f"policy {uri.text!r}: its object says that its actions are {space!r}, "
                f"and the run takes {spec.action_space!r}. Make action_space an attribute of the class, "
                "or give --action-space."
            )
        return cls(uri, value, timeout_s)

    def reset(self, episode: Episode) -> None:
        """Calls ``reset(episode)`` where there is one."""
        self._call("reset", episode)

    def infer(self, observation: Observation) -> npt.ArrayLike:
        """What the function or ``infer`` answers.

        Raises:
            PolicyError: It raised; the message has the place.
            PolicyTimeoutError: It took longer than ``timeout_s``.
        """
        answer: npt.ArrayLike = self._timed("infer", self._infer, observation)
        return answer

    def infer_batch(self, observations: Sequence[Observation], episodes: Sequence[Episode]) -> Sequence[npt.ArrayLike]:
        """What ``infer_batch`` answers; see `harness.policies.base.BatchPolicy`. The whole call has ``timeout_s``.

        Raises:
            PolicyError: It raised, or the policy has no such method.
            PolicyTimeoutError: It took longer than ``timeout_s``.
        """
        method = getattr(self._target, "infer_batch", None)
        if not callable(method):
            raise PolicyError(f"policy {self._uri.text!r} has no method infer_batch(observations, episodes)")
        answers: Sequence[npt.ArrayLike] = self._timed("infer_batch", method, observations, episodes)
        return answers

    def _timed(self, name: str, method: Callable[..., Any], *arguments: Any) -> Any:
        begin = time.monotonic()
        with self._errors_named(name):
            answer = method(*arguments)
        took_s = time.monotonic() - begin
        if self._timeout_s is not None and took_s > self._timeout_s:
            raise PolicyTimeoutError(
                f"policy {self._uri.text!r} took {took_s:.3g} s for one answer; timeout_s is {self._timeout_s:g}"
            )
        return answer

    def model_state(self, observation: Observation) -> npt.ArrayLike | None:
        """What ``model_state`` answers, where there is one."""
        method = getattr(self._target, "model_state", None)
        state: npt.ArrayLike | None = self._timed("model_state", method, observation) if callable(method) else None
        return state

    def close(self) -> None:
        """Calls ``close()`` where there is one."""
        self._call("close")

    def _call(self, name: str, *arguments: Any) -> None:
        method = getattr(self._target, name, None)
        if callable(method):
            with self._errors_named(name):
                method(*arguments)

    @contextmanager
    def _errors_named(self, name: str) -> Iterator[None]:
        try:
            yield
        except HarnessError:
            raise
        except Exception as error:
            raise PolicyError(f"{name} of policy {self._uri.text!r} raised {_what_and_where(error)}") from error


def _timeout_s(uri: PolicyURI) -> float | None:
    return uri.seconds("timeout_s", default=1.0) if "timeout_s" in uri.params else None


def _action_space(uri: PolicyURI, target: _Target) -> str | None:
    space = getattr(target.value, "action_space", None)
    if space is not None and not isinstance(space, str):
        raise PolicyUnavailableError(f"policy {uri.text!r}: its action_space is {space!r}; expected a name")
    return space


def _split(uri: PolicyURI) -> tuple[str, str]:
    location, _, name = uri.body.rpartition(":")
    if not location or not name.isidentifier():
        raise PolicyUnavailableError(
            f"policy {uri.text!r}: expected py:MODULE:NAME or py:path/to/file.py:NAME, NAME a function, class or object"
        )
    return location, name


def _is_file(location: str) -> bool:
    return location.endswith(".py") or "/" in location


def _find(uri: PolicyURI) -> _Target:
    """Imports what the URI points at and sees what it is."""
    location, name = _split(uri)
    try:
        module = _import_file(Path(location).expanduser()) if _is_file(location) else importlib.import_module(location)
    except (Exception, SystemExit) as error:
        if isinstance(error, PolicyUnavailableError):
            raise
        is_unknown = isinstance(error, ModuleNotFoundError) and error.name == location
        hint = f"; a file is written py:path/to/{location}.py:{name}" if is_unknown else ""
        raise PolicyUnavailableError(f"policy {uri.text!r} cannot be imported: {_what_and_where(error)}{hint}") from error
    if not hasattr(module, name):
        public = [known for known in vars(module) if not known.startswith("_")]
        raise PolicyUnavailableError(f"policy {uri.text!r}: {location} has no {name!r}. {suggest(name, public)}")
    value = getattr(module, name)
    return _Target(_kind(uri, value), value, _source(module, value))


def _kind(uri: PolicyURI, value: Any) -> Literal["class", "instance", "callable"]:
    has_infer = callable(getattr(value, "infer", None))
    if inspect.isclass(value):
        if not has_infer:
            raise PolicyUnavailableError(f"policy {uri.text!r}: class {value.__name__} has no method infer(observation)")
        return "class"
    if not has_infer and not callable(value):
        raise PolicyUnavailableError(
            f"policy {uri.text!r}: a {type(value).__name__} can neither be called nor has it infer(observation)"
        )
    extra = sorted(set(uri.params) - {"timeout_s"})
    if extra:
        raise PolicyUnavailableError(
            f"policy {uri.text!r}: parameter {extra[0]!r} has no taker: only a class is given parameters"
        )
    return "instance" if has_infer else "callable"


def _source(module: ModuleType, value: Any) -> Path | None:
    """The file that defines a class or function, or else the module's own; None for one without a file."""
    if inspect.isclass(value) or inspect.isfunction(value):
        module = sys.modules.get(value.__module__, module)
    path = getattr(module, "__file__", None)
    return Path(path) if path and Path(path).is_file() else None


def _import_file(path: Path) -> ModuleType:
    """Imports a file under a name of its own, once for one content; its directory is importable meanwhile."""
    if not path.is_file():
        raise PolicyUnavailableError(f"there is no file {path} (looked from {Path.cwd()})")
    path = path.resolve()
    digest = hashlib.sha256(str(path).encode() + b"\0" + path.read_bytes()).hexdigest()
    name = f"_evalharness_policy_{digest[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PolicyUnavailableError(f"{path} is not a Python file: its name must end with .py")
    module = importlib.util.module_from_spec(spec)
    # Registered before it runs, as an ordinary import is: dataclasses look their module up.
    sys.modules[name] = module
    try:
        with _importable(str(path.parent)):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextmanager
def _importable(directory: str) -> Iterator[None]:
    sys.path.insert(0, directory)
    try:
        yield
    finally:
        if directory in sys.path:
            sys.path.remove(directory)


def _what_and_where(error: BaseException) -> str:
    """An exception's type and message, and the line that raised it."""
    text = f"{type(error).__name__}: {error}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<frozen")]
    if isinstance(error, SyntaxError) or not frames:
        return text
    return f"{text} (at {frames[-1].filename}:{frames[-1].lineno})"
