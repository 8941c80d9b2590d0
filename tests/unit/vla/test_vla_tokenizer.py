"""Text becomes ids: words of a corpus, bytes for all others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.vla.tokenizer import SPECIAL, TextTokenizer, read_tokenizer, write_tokenizer

small = TextTokenizer.of_corpus(["put the bowl on the plate", "open the drawer"], 300)


def test_the_most_frequent_word_has_the_lowest_id_and_equals_are_in_alphabetical_order():
    assert small.words == ("the", "bowl", "drawer", "on", "open", "plate", "put")
    assert small.encode("the plate") == [259, 264]


def test_case_and_white_space_make_no_difference():
    assert small.encode("  Put\nTHE bowl") == small.encode("put the bowl")


def test_a_word_that_no_text_had_becomes_its_bytes():
    assert small.encode("mug") == [3 + ord("m"), 3 + ord("u"), 3 + ord("g")]
    assert small.encode("é") == [3 + 0xC3, 3 + 0xA9]


@given(st.text())
def test_no_text_gives_special_tokens_or_ids_outside_of_the_vocabulary(text):
    assert all(len(SPECIAL) <= token < 259 + len(small.words) for token in small.encode(text))


def test_a_vocabulary_that_is_too_small_is_refused():
    with pytest.raises(UsageError, match="too small for 7 words"):
        TextTokenizer(small.words, 265)


def test_a_word_twice_is_refused():
    with pytest.raises(UsageError, match="a word twice: 'bowl'"):
        TextTokenizer(("bowl", "the", "bowl"), 300)


def test_what_was_written_is_read(tmp_path):
    write_tokenizer(tmp_path / "t.json", small)
    assert read_tokenizer(tmp_path / "t.json") == small


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"words": [1], "vocab_size": 300}', '{"words": [], "vocab_size": "300"}'])
def test_what_is_no_tokenizer_is_refused_with_the_file_s_name(tmp_path, text):
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(UsageError, match=r"t\.json"):
        read_tokenizer(tmp_path / "t.json")
