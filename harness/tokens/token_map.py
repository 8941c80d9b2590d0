"""`action_token_map.json`: which token id stands for which bin, read, checked and written.

The file is ``{"0": id, ..., "255": id}``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from harness.errors import UsageError
from harness.files import written_aside
from harness.policies.check import Finding, Level
from harness.tokens.action_tokens import BINS

TOKEN_MAP_FILE = "action_token_map.json"  # noqa: S105 - a file's name, no password

# Ids that a message lists before it says how many more there are.
_LISTED = 5


def write_token_map(path: Path, token_ids: Sequence[int]) -> None:
    """Writes the map of token ids in the order of their bins.

    Raises:
        StoreError: The file cannot be written.
    """
    text = json.dumps({str(index): int(token) for index, token in enumerate(token_ids)}, indent=1)
    with written_aside(path) as aside:
        aside.write_text(text + "\n", encoding="utf-8")


def read_token_map(path: Path) -> dict[int, int]:
    """Bin -> token id, as the file says and not yet checked; see `check_token_map`.

    Raises:
        UsageError: The file cannot be read, is no JSON object of whole numbers, or names a bin twice.
    """
    try:
        pairs = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=list)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    if not isinstance(pairs, list) or not all(isinstance(pair, tuple) for pair in pairs):
        raise UsageError(f'{path} is no map; expected {{"0": id, ..., "{BINS - 1}": id}}')
    found: dict[int, int] = {}
    for name, token in pairs:
        if not (name.isascii() and name.isdecimal()) or type(token) is not int:
            raise UsageError(
                f'{path}: {name!r}: {token!r} is no bin and its token id; expected whole numbers, such as "0": 42'
            )
        if int(name) in found:
            raise UsageError(f"{path} names bin {int(name)} twice")
        found[int(name)] = token
    return found


def usable_token_ids(
    token_map: Mapping[int, int], vocab_size: int, special_ids: Collection[int], where: Path
) -> tuple[int, ...]:
    """The token ids in the order of their bins, of a map without errors.

    Raises:
        UsageError: `check_token_map` finds an error; the message has all of them.
    """
    errors = [finding.detail for finding in check_token_map(token_map, vocab_size, special_ids) if finding.level == "error"]
    if errors:
        raise UsageError(f"{where} cannot be used: {'; '.join(errors)}")
    return tuple(token_map[index] for index in range(BINS))


def check_token_map(
    token_map: Mapping[int, int], vocab_size: int, special_ids: Collection[int] = (), used_ids: Collection[int] = ()
) -> list[Finding]:
    """Looks for the known faults of a map.

    Args:
        token_map: Bin -> token id, from `read_token_map`.
        vocab_size: Ids are 0 to ``vocab_size - 1``.
        special_ids: Ids with a meaning of their own, such as those of ``<bos>`` and ``<eos>``.
        used_ids: Ids that plain instructions use.

    Returns:
        Five findings, each ``ok`` or with the bins and ids concerned. ``bins``: some are missing, or there are more than
        256. ``duplicates``: two bins share an id, so that one of them is never decoded. ``vocabulary``: an id is outside of
        it. ``special tokens``: an id has a meaning of its own. ``instructions``: an id occurs in plain text, whose
        embedding training on actions would overwrite (a warning; all others are errors).
    """
    expected = set(range(BINS))
    wrong_bins = sorted(expected ^ token_map.keys())
    times = Counter(token_map.values())
    return [
        _finding("bins", [f"bin {b} is {'missing' if b in expected else 'one too many'}" for b in wrong_bins]),
        _finding("duplicates", [f"token {token} stands for {n} bins" for token, n in sorted(times.items()) if n > 1]),
        _finding(
            "vocabulary",
            [f"token {t} is outside of 0 to {vocab_size - 1}" for t in sorted(times) if not 0 <= t < vocab_size],
        ),
        _finding(
            "special tokens", [f"token {token} is a special token" for token in sorted(times.keys() & set(special_ids))]
        ),
        _finding(
            "instructions",
            [f"token {token} is used by instructions" for token in sorted(times.keys() & set(used_ids))],
            level="warning",
        ),
    ]


def _finding(what: str, faults: Iterable[str], level: Level = "error") -> Finding:
    found = list(faults)
    if not found:
        return Finding("ok", what, "as it should be")
    more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    return Finding(level, what, ", ".join(found[:_LISTED]) + more)
