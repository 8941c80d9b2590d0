"""A model's folder: written, read and checked; only the weights need torch.

``config.json``, ``model.pt``, ``action_token_map.json``, ``dataset_statistics.json`` and ``tokenizer.json``: docs/vla.md.
"""

from __future__ import annotations

import pickle
import typing
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageError
from harness.files import written_aside
from harness.tokens.action_tokens import ActionTokenizer
from harness.tokens.corpus import count_tokens, least_used
from harness.tokens.statistics import write_statistics
from harness.tokens.token_map import TOKEN_MAP_FILE, read_token_map, usable_token_ids, write_token_map
from harness.transforms.prompts import OpenVLAPrompt
from harness.transforms.statistics import OPENVLA_FILE, VectorStatistics, read_statistics
from harness.types import Float64Array
from harness.vla.config import CONFIG_FILE, VLAConfig, read_config, write_config
from harness.vla.tokenizer import SPECIAL, TOKENIZER_FILE, TextTokenizer, read_tokenizer, write_tokenizer

if typing.TYPE_CHECKING:
    from harness.vla.model import VLA

WEIGHTS_FILE = "model.pt"
FILES = (CONFIG_FILE, WEIGHTS_FILE, TOKEN_MAP_FILE, OPENVLA_FILE, TOKENIZER_FILE)


@dataclass(frozen=True)
class Parts:
    """All of a model but its weights.

    Attributes:
        config: Its sizes.
        text: Its text tokenizer.
        actions: Its action tokenizer.

    Raises:
        UsageError: They do not fit each other.
    """

    config: VLAConfig
    text: TextTokenizer
    actions: ActionTokenizer

    def __post_init__(self) -> None:
        text, model = self.text.vocab_size, self.config.vocab_size
        if text != model:
            raise UsageError(f"the text tokenizer has a vocabulary of {text}, and the model one of {model}")
        if self.actions.action_dim != self.config.action_dim:
            raise UsageError(
                f"the statistics have {self.actions.action_dim} numbers in an action, and the model {self.config.action_dim}"
            )

    @classmethod
    def of_corpus(cls, config: VLAConfig, instructions: Iterable[str], statistics: VectorStatistics) -> Parts:
        """Tokenizers for a corpus: its words as tokens, and the tokens that it uses least as action tokens.

        Args:
            config: The sizes.
            instructions: What the model may be told.
            statistics: Of the actions, with both percentiles.

        Raises:
            UsageError: The vocabulary is too small for them.
        """
        prompts = [OpenVLAPrompt()(instruction) for instruction in instructions]
        text = TextTokenizer.of_corpus(prompts, config.vocab_size)
        counts = count_tokens(text.encode(prompt) for prompt in prompts)
        token_ids = least_used(counts, config.vocab_size, special_ids=range(len(SPECIAL)))
        return cls(config, text, ActionTokenizer(statistics, token_ids))

    def text_ids(self, instruction: str) -> list[int]:
        """The token ids of what the model is asked, in OpenVLA's words."""
        return self.text.encode(OpenVLAPrompt()(instruction))


def check_files(folder: Path) -> None:
    """Sees whether a folder has all files of a model.

    Raises:
        UsageError: It lacks some; the message names them.
    """
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise UsageError(f"{folder} is no model's folder: it lacks {', '.join(missing)}")


def read_parts(folder: Path, unnorm_key: str | None = None) -> Parts:
    """Reads everything but the weights.

    Args:
        folder: The model's.
        unnorm_key: Of which dataset the statistics are; None where there is only one.

    Raises:
        UsageError: A file is missing or wrong, or the files do not fit each other.
    """
    check_files(folder)
    config = read_config(folder / CONFIG_FILE)
    token_map = folder / TOKEN_MAP_FILE
    token_ids = usable_token_ids(read_token_map(token_map), config.vocab_size, range(len(SPECIAL)), token_map)
    actions = ActionTokenizer(read_statistics(folder / OPENVLA_FILE, unnorm_key).actions, token_ids)
    return Parts(config, read_tokenizer(folder / TOKENIZER_FILE), actions)


def save(folder: Path, parts: Parts, model: VLA, dataset: str, episodes: Sequence[Float64Array]) -> None:
    """Writes a model's folder.

    Args:
        folder: Where; it is made where it is missing.
        parts: All but the weights.
        model: The weights.
        dataset: Name of what it was trained on; the statistics' key.
        episodes: The actions (T, A) of every episode of it.

    Raises:
        StoreError: A file cannot be written.
    """
    import torch

    write_config(folder / CONFIG_FILE, parts.config)
    write_token_map(folder / TOKEN_MAP_FILE, parts.actions.token_ids)
    write_tokenizer(folder / TOKENIZER_FILE, parts.text)
    mask = parts.actions.statistics.mask or (True,) * parts.actions.action_dim
    write_statistics(folder / OPENVLA_FILE, dataset, episodes, mask)
    with written_aside(folder / WEIGHTS_FILE) as aside:
        torch.save(model.state_dict(), aside)


def load_model(folder: Path, parts: Parts, device: str = "cpu") -> VLA:
    """Reads the weights; nothing in their file is executed.

    Args:
        folder: The model's.
        parts: From `read_parts`.
        device: As torch names it, such as ``cpu`` or ``cuda:0``.

    Raises:
        UsageError: The file cannot be read, or its weights are of another shape than the sizes say.
    """
    import torch

    from harness.vla.model import VLA

    path = folder / WEIGHTS_FILE
    model = VLA(parts.config, parts.actions.token_ids)
    try:
        model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except (OSError, EOFError, RuntimeError, TypeError, ValueError, AttributeError, pickle.UnpicklingError) as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(f"{path} does not hold the weights of a model of {CONFIG_FILE}'s sizes: {reason}") from error
    model.to(device)
    model.eval()
    return model
