"""A small text tokenizer: words of a corpus, and bytes for every other word, so that nothing is unknown.

Ids are, in this order: `SPECIAL`, the 256 bytes, the words, and what is left of the vocabulary, which text never uses.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from harness.errors import UsageError
from harness.files import written_aside

TOKENIZER_FILE = "tokenizer.json"

SPECIAL = ("<pad>", "<bos>", "<eos>")
PAD, BOS, EOS = range(len(SPECIAL))

_FIRST_BYTE = len(SPECIAL)
_FIRST_WORD = _FIRST_BYTE + 256
_PIECES = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class TextTokenizer:
    """Text as token ids.

    Attributes:
        words: In the order of their ids; in lower case.
        vocab_size: Ids are 0 to ``vocab_size - 1``.

    Raises:
        UsageError: A word is there twice, or the vocabulary is too small for them.
    """

    words: tuple[str, ...]
    vocab_size: int

    def __post_init__(self) -> None:
        if len(set(self.words)) != len(self.words):
            raise UsageError(f"the tokenizer has a word twice: {Counter(self.words).most_common(1)[0][0]!r}")
        if _FIRST_WORD + len(self.words) > self.vocab_size:
            raise UsageError(
                f"a vocabulary of {self.vocab_size} is too small for {len(self.words)} words beside {_FIRST_WORD} special "
                "tokens and bytes"
            )

    @classmethod
    def of_corpus(cls, texts: Iterable[str], vocab_size: int) -> TextTokenizer:
        """A tokenizer with every word of some texts, the most frequent first.

        Raises:
            UsageError: The vocabulary is too small for them.
        """
        counts = Counter(piece for text in texts for piece in _pieces(text))
        return cls(tuple(sorted(counts, key=lambda word: (-counts[word], word))), vocab_size)

    def encode(self, text: str) -> list[int]:
        """The ids of a text, without special tokens; case and white space make no difference."""
        ids: list[int] = []
        for piece in _pieces(text):
            known = self._ids.get(piece)
            ids += [known] if known is not None else [_FIRST_BYTE + byte for byte in piece.encode()]
        return ids

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: _FIRST_WORD + index for index, word in enumerate(self.words)}


def write_tokenizer(path: Path, tokenizer: TextTokenizer) -> None:
    """Writes a tokenizer as JSON.

    Raises:
        StoreError: The file cannot be written.
    """
    content = {"vocab_size": tokenizer.vocab_size, "words": list(tokenizer.words)}
    with written_aside(path) as aside:
        aside.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_tokenizer(path: Path) -> TextTokenizer:
    """Reads what `write_tokenizer` wrote.

    Raises:
        UsageError: The file cannot be read, or is no such tokenizer.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        words, vocab_size = content["words"], content["vocab_size"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} cannot be read: {type(error).__name__}: {error}") from error
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words) or type(vocab_size) is not int:
        raise UsageError(f"{path} is no tokenizer; expected words, a list of texts, and vocab_size, a whole number")
    return TextTokenizer(tuple(words), vocab_size)


def _pieces(text: str) -> list[str]:
    return _PIECES.findall(text.lower())
