"""Which tokens of a vocabulary a corpus uses least: those are the ones to spend on actions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from harness.errors import UsageError
from harness.tokens.action_tokens import BINS


def count_tokens(sequences: Iterable[Iterable[int]]) -> Counter[int]:
    """How often each token id occurs in all sequences together."""
    counts: Counter[int] = Counter()
    for sequence in sequences:
        counts.update(sequence)
    return counts


def least_used(
    counts: Mapping[int, int], vocab_size: int, special_ids: Collection[int] = (), wanted: int = BINS
) -> tuple[int, ...]:
    """The ids that are used least, the least used first.

    Of ids that are used equally the highest comes first, because the ends of vocabularies hold what is rare. With a
    corpus that uses none of the last 256 ids, bin k becomes id ``vocab_size - 1 - k``, which is OpenVLA's choice.

    Args:
        counts: Token id -> how often it occurs; an id that is absent occurs never.
        vocab_size: Ids are 0 to ``vocab_size - 1``.
        special_ids: Never chosen.
        wanted: How many.

    Returns:
        `wanted` different ids.

    Raises:
        UsageError: The vocabulary has too few, or the counts hold ids that it does not have.
    """
    outside = sorted(token for token in counts if not 0 <= token < vocab_size)
    if outside:
        raise UsageError(f"the corpus uses token {outside[0]}, and the vocabulary has 0 to {vocab_size - 1}")
    special = set(special_ids)
    free = [token for token in range(vocab_size) if token not in special]
    if len(free) < wanted:
        raise UsageError(
            f"a vocabulary of {vocab_size} with {vocab_size - len(free)} special tokens cannot spare {wanted} for actions"
        )
    return tuple(sorted(free, key=lambda token: (counts.get(token, 0), -token))[:wanted])
