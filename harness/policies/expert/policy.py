"""The policy that does what a task's script says: for the Piper arm, and for LIBERO."""

from __future__ import annotations

from harness.action_spaces import ACTION_SPACES
from harness.errors import PolicyError, PolicyUnavailableError, suggest
from harness.policies.base import BasePolicy, PolicyURI
from harness.policies.expert.arm import Arm
from harness.policies.expert.encode import encode
from harness.policies.expert.libero.policy import LiberoExpert
from harness.policies.expert.scripts import SCRIPTS
from harness.policies.expert.view import Command, Script, View, look
from harness.provenance import sources_sha256
from harness.types import EnvSpec, Episode, Float64Array, Observation, PolicyInfo

# What LIBERO shows of its arm; see `harness.types.Observation`.
_LIBERO_STATE = frozenset({"eef_pos", "gripper_qpos", "joint_pos"})


class ExpertPolicy(BasePolicy):
    """A script that sees what only the simulator knows: the upper bound of a suite, for LIBERO and for Piper.

    It answers with one action at a time, so that it looks before every control step however seldom the protocol replans; on
    Piper in whichever action space the environment takes. There is nothing random in it.
    """

    needs_images = False
    raw_actions = True
    needs_privileged = True

    def __init__(self, action_space: str, *, libero: bool = False) -> None:
        """Takes one of `harness.action_spaces.ACTION_SPACES`, and whether the environment is LIBERO."""
        self._action_space = action_space
        self._libero = LiberoExpert() if libero else None
        self._arm = Arm()
        self._script: Script | None = None
        self._command: Command | None = None

    @classmethod
    def describe(cls, uri: PolicyURI) -> PolicyInfo:
        """See `BasePolicy.describe`; the fingerprint is that of the scripts, the skills and the kinematics."""
        _refuse_body(uri)
        fingerprint = sources_sha256("policies/expert", "kinematics", "action_spaces.py", "privileged.py")
        return PolicyInfo(uri=uri.text, name="expert", fingerprint=fingerprint, environments=("libero", "piper"))

    @classmethod
    def from_uri(cls, uri: PolicyURI, spec: EnvSpec) -> ExpertPolicy:
        """See `BasePolicy.from_uri`."""
        _refuse_body(uri)
        if set(spec.state) >= _LIBERO_STATE and spec.action_space == "eef_delta":
            return cls(spec.action_space, libero=True)
        if "tcp_pos" not in spec.state or spec.action_space not in ACTION_SPACES:
            raise PolicyUnavailableError(
                f"policy {uri.text!r} drives LIBERO's arm, and the Piper in the action spaces {', '.join(ACTION_SPACES)}; "
                f"this environment takes {spec.action_space!r} and shows {', '.join(spec.state)}. "
                "Choose a LIBERO or a Piper suite."
            )
        return cls(spec.action_space)

    def reset(self, episode: Episode) -> None:
        """Forgets the last episode."""
        self._script = self._command = None
        if self._libero is not None:
            self._libero = LiberoExpert()

    def infer(self, observation: Observation) -> Float64Array:
        """One action (7,); when the script has ended, the one that stays.

        Raises:
            PolicyError: There is no script for this kind of task, nothing privileged was shown, or a goal is out of reach.
        """
        if self._libero is not None:
            return self._libero.infer(observation)
        view = look(observation, self._arm, self._command)
        try:
            if self._script is None:
                self._script = _script(observation, view)
                self._command = next(self._script)
            else:
                self._command = self._script.send(view)
        except StopIteration:
            self._command = self._command or view.told
        return encode(self._action_space, self._command, view)


def _script(observation: Observation, view: View) -> Script:
    kind = observation.privileged.task if observation.privileged else ""
    if kind not in SCRIPTS:
        raise PolicyError(f"the expert has no script for tasks of the kind {kind!r}. {suggest(kind, SCRIPTS)}")
    return SCRIPTS[kind](view)


def _refuse_body(uri: PolicyURI) -> None:
    if uri.body:
        raise PolicyUnavailableError(f"policy {uri.text!r}: nothing may follow {uri.scheme!r}")
