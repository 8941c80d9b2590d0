"""The card that docs/checkpoints.md shows; what is wrong with others is in test_exported.py."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from harness.envs.libero.spec import libero_env_spec
from harness.errors import PolicyUnavailableError
from harness.policies.base import PolicyURI
from harness.policies.export_card import card_statistics, check_fit, read_card

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "checkpoints.md"


def test_the_card_in_the_documentation_is_one_for_libero(tmp_path: Path) -> None:
    (text,) = re.findall(r"```json\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL)
    path = tmp_path / "model.json"
    path.write_text(text)
    card = read_card(path)
    check_fit(PolicyURI.parse("export:model.pt2"), card, libero_env_spec())
    assert [one.shape for one in card.inputs] == [(1, 3, 224, 224), (1, 8)]
    with pytest.raises(PolicyUnavailableError, match=r"norm_stats\.json cannot be read"):
        card_statistics(path, card)
    vectors = {name: [0.0] * 8 for name in ("mean", "std", "q01", "q99")}
    content = {"norm_stats": {"state": vectors, "actions": {name: [1.0] * 7 for name in vectors}}}
    (tmp_path / "norm_stats.json").write_text(json.dumps(content))
    assert card_statistics(path, card).actions.q99 == (1.0,) * 7
