"""From a policy's URI to the class that serves it: built-in back ends, and those of installed packages."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

from harness.errors import PolicyUnavailableError, suggest
from harness.policies.base import BasePolicy, PolicyURI
from harness.types import EnvSpec, Policy, PolicyInfo

ENTRY_POINT_GROUP = "evalharness.policies"

# Named rather than imported, so that a back end's own imports are paid only when it is used.
BUILT_IN: Mapping[str, str] = MappingProxyType(
    {
        "zero": "harness.policies.simple:ZeroPolicy",
        "random": "harness.policies.simple:RandomPolicy",
        "expert": "harness.policies.expert.policy:ExpertPolicy",
        "replay": "harness.policies.replay:ReplayPolicy",
        "noisy": "harness.policies.noisy:NoisyPolicy",
        "py": "harness.policies.python:PythonPolicy",
        "lerobot": "harness.policies.lerobot:LeRobotPolicy",
        "hf": "harness.policies.huggingface:HuggingFacePolicy",
        "export": "harness.policies.exported:ExportedPolicy",
        "vla": "harness.policies.vla:VLAPolicy",
        "ws": "harness.policies.openpi:OpenPIPolicy",
        "wss": "harness.policies.openpi:OpenPIPolicy",
        "vla-eval+ws": "harness.policies.vla_eval:VlaEvalPolicy",
        "vla-eval+wss": "harness.policies.vla_eval:VlaEvalPolicy",
        "http": "harness.policies.act_http:ActHTTPPolicy",
        "https": "harness.policies.act_http:ActHTTPPolicy",
        "gr00t": "harness.policies.gr00t:Gr00tPolicy",
    }
)


def policy_backend(uri_text: str) -> tuple[type[BasePolicy], PolicyURI]:
    """Finds the class that serves a policy URI.

    Args:
        uri_text: Such as ``zero``, ``py:my_policies.py:Model`` or ``ws://localhost:8000``.

    Returns:
        The back end's class, and the URI taken apart.

    Raises:
        PolicyUnavailableError: The scheme is unknown, the back end cannot be imported, or it does not know a parameter.
    """
    uri = PolicyURI.parse(uri_text)
    third_party = _third_party()
    if uri.scheme not in BUILT_IN and uri.scheme not in third_party:
        raise PolicyUnavailableError(
            f"policy {uri_text!r}: there is no back end {uri.scheme!r}. {suggest(uri.scheme, [*BUILT_IN, *third_party])}"
        )
    backend = _load(uri.scheme, third_party)
    _check_params(backend, uri)
    return backend, uri


def describe_policy(uri_text: str) -> PolicyInfo:
    """Says what a URI means, without building the policy.

    Raises:
        PolicyUnavailableError: The URI cannot work.
    """
    backend, uri = policy_backend(uri_text)
    return backend.describe(uri)


def make_policy(uri_text: str, spec: EnvSpec) -> Policy:
    """Makes the policy of a URI for an environment of the given spec.

    Raises:
        PolicyUnavailableError: The URI cannot work.
    """
    backend, uri = policy_backend(uri_text)
    return backend.from_uri(uri, spec)


def policy_schemes() -> dict[str, str]:
    """Every scheme, built in or from an installed package, with one line of help.

    The help is the first line of the class's docstring; of a back end that cannot be imported it is the reason.
    """
    third_party = _third_party()
    helps = {}
    for scheme in [*BUILT_IN, *sorted(third_party)]:
        try:
            helps[scheme] = (inspect.getdoc(_load(scheme, third_party)) or "").partition("\n")[0]
        except PolicyUnavailableError as error:
            helps[scheme] = f"unusable: {error}"
    return helps


def _third_party() -> dict[str, EntryPoint]:
    """Scheme -> entry point of the installed packages' back ends; refuses two owners for one scheme."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        owner = point.dist.name if point.dist else "an installed package"
        if point.name in BUILT_IN:
            raise PolicyUnavailableError(
                f"{owner} registers the policy back end {point.name!r}, which is built in; it must choose another name, "
                "or be uninstalled"
            )
        if point.name in found and found[point.name].value != point.value:
            raise PolicyUnavailableError(
                f"{owner} registers the policy back end {point.name!r} as {point.value}, and another package as "
                f"{found[point.name].value}; uninstall one of them"
            )
        found[point.name] = point
    return found


def _load(scheme: str, third_party: Mapping[str, EntryPoint]) -> type[BasePolicy]:
    """Imports the back end of a scheme that exists."""
    if scheme in BUILT_IN:
        module, _, attr = BUILT_IN[scheme].partition(":")
        built_in: type[BasePolicy] = getattr(importlib.import_module(module), attr)
        return built_in
    point = third_party[scheme]
    try:
        backend: type[BasePolicy] = point.load()
    except Exception as error:
        raise PolicyUnavailableError(
            f"the policy back end {scheme!r} ({point.value}) cannot be imported: {type(error).__name__}: {error}"
        ) from error
    missing = [name for name in ("describe", "from_uri", "reset", "infer", "close") if not hasattr(backend, name)]
    if missing:
        raise PolicyUnavailableError(
            f"the policy back end {scheme!r} ({point.value}) lacks {', '.join(missing)}; subclass "
            "harness.policies.base.BasePolicy"
        )
    return backend


def _check_params(backend: type[BasePolicy], uri: PolicyURI) -> None:
    valid = getattr(backend, "params", None)
    if valid is None:
        return
    for name in uri.params:
        if name not in valid:
            raise PolicyUnavailableError(
                f"policy {uri.text!r}: {uri.scheme} has no parameter {name!r}. {suggest(name, valid)}"
            )
