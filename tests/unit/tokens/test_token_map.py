"""`action_token_map.json` is written, read, and every known fault of it has a finding."""

from __future__ import annotations

import json

import pytest

from harness.errors import UsageError
from harness.tokens.token_map import TOKEN_MAP_FILE, check_token_map, read_token_map, usable_token_ids, write_token_map

GOOD = {index: 999 - index for index in range(256)}
ALL_CHECKS = ["bins", "duplicates", "vocabulary", "special tokens", "instructions"]


def faults(token_map, **options):
    findings = check_token_map(token_map, options.pop("vocab_size", 1000), **options)
    assert [finding.what for finding in findings] == ALL_CHECKS
    return {finding.what: (finding.level, finding.detail) for finding in findings if finding.level != "ok"}


def test_what_was_written_is_read(tmp_path):
    path = tmp_path / TOKEN_MAP_FILE
    write_token_map(path, list(GOOD.values()))
    assert read_token_map(path) == GOOD
    content = json.loads(path.read_text())
    assert list(content) == [str(index) for index in range(256)]
    assert (content["0"], content["255"]) == (999, 744)
    assert [file.name for file in tmp_path.iterdir()] == [TOKEN_MAP_FILE]


def test_a_good_map_has_no_fault():
    assert faults(GOOD, special_ids=(0, 1, 2), used_ids=(3, 4)) == {}


def test_missing_bins_are_named():
    assert faults({index: token for index, token in GOOD.items() if index != 17}) == {"bins": ("error", "bin 17 is missing")}


def test_a_map_with_fewer_tokens_than_bins_says_how_many_are_missing():
    level, detail = faults({index: token for index, token in GOOD.items() if index < 200})["bins"]
    assert level == "error"
    assert detail.startswith("bin 200 is missing")
    assert detail.endswith("and 51 more")


def test_a_bin_too_many_is_named():
    assert faults({**GOOD, 256: 5}) == {"bins": ("error", "bin 256 is one too many")}


def test_two_bins_with_one_token_are_found():
    assert faults({**GOOD, 3: 999}) == {"duplicates": ("error", "token 999 stands for 2 bins")}


@pytest.mark.parametrize("token", [-1, 1000])
def test_a_token_outside_of_the_vocabulary_is_found(token):
    assert faults({**GOOD, 3: token}) == {"vocabulary": ("error", f"token {token} is outside of 0 to 999")}


def test_a_special_token_is_found():
    assert faults(GOOD, special_ids=(1, 900)) == {"special tokens": ("error", "token 900 is a special token")}


def test_a_token_that_instructions_use_is_a_warning():
    assert faults(GOOD, used_ids=(7, 950)) == {"instructions": ("warning", "token 950 is used by instructions")}


def test_a_usable_map_gives_ids_in_the_order_of_their_bins(tmp_path):
    backwards = dict(sorted(GOOD.items(), reverse=True))
    assert usable_token_ids(backwards, 1000, (0,), tmp_path) == tuple(range(999, 743, -1))


def test_a_map_with_errors_is_refused_with_all_of_them(tmp_path):
    with pytest.raises(UsageError, match=r"(?s)bin 3 is missing.*token 999 is a special token"):
        usable_token_ids({index: token for index, token in GOOD.items() if index != 3}, 1000, (999,), tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1, 2]",
        "[[1, 2]]",
        "3",
        '{"0": "1"}',
        '{"0": 1.5}',
        '{"0": true}',
        '{"zero": 1}',
        '{"-1": 1}',
        '{"0": 1, "0": 2}',
    ],
)
def test_what_is_no_map_of_whole_numbers_is_refused_with_the_file_s_name(tmp_path, text):
    path = tmp_path / TOKEN_MAP_FILE
    path.write_text(text)
    with pytest.raises(UsageError, match=TOKEN_MAP_FILE):
        read_token_map(path)


def test_an_empty_map_is_read_and_lacks_every_bin(tmp_path):
    path = tmp_path / TOKEN_MAP_FILE
    path.write_text("{}")
    assert faults(read_token_map(path))["bins"][0] == "error"


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_token_map(tmp_path / TOKEN_MAP_FILE)
