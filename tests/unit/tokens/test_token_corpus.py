"""The tokens that a corpus uses least are spent on actions."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.tokens.corpus import count_tokens, least_used


def test_tokens_are_counted_over_all_sequences():
    assert count_tokens([[1, 2, 1], [], [1]]) == Counter({1: 3, 2: 1})


def test_with_a_corpus_that_uses_none_of_them_the_last_ids_are_chosen_as_openvla_does():
    assert least_used({5: 10}, 32000) == tuple(range(31999, 31999 - 256, -1))


def test_the_least_used_come_first_and_the_highest_id_of_equals():
    assert least_used({0: 2, 1: 1, 2: 1, 3: 0, 4: 7}, 5, wanted=4) == (3, 2, 1, 0)


def test_special_tokens_are_never_chosen():
    assert least_used({}, 6, special_ids=(5, 2), wanted=4) == (4, 3, 1, 0)


@given(st.dictionaries(st.integers(0, 299), st.integers(0, 50)), st.sets(st.integers(0, 299), max_size=44))
def test_no_token_that_is_left_is_used_less_than_one_that_is_chosen(counts, special):
    chosen = least_used(counts, 300, special)
    left = set(range(300)) - set(chosen) - special
    assert len(set(chosen)) == 256
    assert not special & set(chosen)
    assert all(counts.get(token, 0) >= max(counts.get(one, 0) for one in chosen) for token in left)


def test_a_vocabulary_that_is_too_small_is_refused():
    with pytest.raises(UsageError, match="258 with 3 special tokens cannot spare 256"):
        least_used({}, 258, special_ids=(0, 1, 2))


def test_a_corpus_of_another_vocabulary_is_refused():
    with pytest.raises(UsageError, match="token 1000"):
        least_used({1000: 1}, 1000)
