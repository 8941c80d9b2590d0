"""Steps on an instruction."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LowerCase:
    """All letters small."""

    def __call__(self, text: str) -> str:
        """The instruction after it."""
        return text.lower()


@dataclass(frozen=True)
class Cleaned:
    """No space around it, and underscores and line ends as spaces.

    Source: ``PaligemmaTokenizer.tokenize``, ``src/openpi/models/tokenizer.py`` of Physical-Intelligence/openpi.
    """

    def __call__(self, text: str) -> str:
        """The instruction after it."""
        return text.strip().replace("_", " ").replace("\n", " ")


@dataclass(frozen=True)
class OpenVLAPrompt:
    """The sentence that OpenVLA is trained to answer, with the instruction in small letters.

    Source: ``get_openvla_prompt``, ``vla-scripts/deploy.py`` of openvla/openvla. Its servers make it themselves of the bare
    instruction; it is for a model in the same process.
    """

    def __call__(self, text: str) -> str:
        """The prompt."""
        return f"In: What action should the robot take to {text.lower()}?\nOut:"
