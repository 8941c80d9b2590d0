import hashlib
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.types import Episode

NAMES = st.from_regex(r"[A-Za-z0-9_.-]{1,12}", fullmatch=True)
NUMBERS = st.integers(min_value=0, max_value=10_000)
EPISODES = st.builds(
    Episode,
    suite=NAMES,
    task_id=NUMBERS,
    task=NAMES,
    instruction=st.text(max_size=10),
    init=NUMBERS,
    repeat=NUMBERS,
    seed=NUMBERS,
)
EPISODE = Episode("libero_goal", 3, "open_the_drawer", "open the drawer", init=7, repeat=2, seed=11)


def test_the_key_names_suite_task_initial_state_repeat_and_seed() -> None:
    assert EPISODE.key == "libero_goal/task3/init7/repeat2/seed11"
    assert EPISODE.file_stem == "libero_goal__task3__init7__repeat2__seed11"


def test_a_derived_seed_is_the_start_of_the_hash_of_key_and_purpose() -> None:
    digest = hashlib.sha256(b"libero_goal/task3/init7/repeat2/seed11|scene").digest()
    assert EPISODE.derived_seed("scene") == digest[0] + 256 * digest[1] + 65536 * digest[2] + 2**24 * digest[3]


@given(EPISODES, NAMES)
def test_a_derived_seed_fits_numpys_seed(episode: Episode, purpose: str) -> None:
    assert 0 <= episode.derived_seed(purpose) < 2**32


def test_derived_seeds_differ_by_purpose_and_by_every_part_of_the_key() -> None:
    others = [
        Episode("libero_10", 3, "open_the_drawer", "open the drawer", init=7, repeat=2, seed=11),
        Episode("libero_goal", 4, "open_the_drawer", "open the drawer", init=7, repeat=2, seed=11),
        Episode("libero_goal", 3, "open_the_drawer", "open the drawer", init=8, repeat=2, seed=11),
        Episode("libero_goal", 3, "open_the_drawer", "open the drawer", init=7, repeat=3, seed=11),
        Episode("libero_goal", 3, "open_the_drawer", "open the drawer", init=7, repeat=2, seed=12),
    ]
    seeds = [EPISODE.derived_seed("scene"), EPISODE.derived_seed("policy"), *(e.derived_seed("scene") for e in others)]
    assert len(set(seeds)) == len(seeds)


def test_task_name_and_instruction_are_no_part_of_the_identity() -> None:
    reworded = Episode("libero_goal", 3, "another_name", "other words", init=7, repeat=2, seed=11)
    assert reworded.key == EPISODE.key
    assert reworded.derived_seed("scene") == EPISODE.derived_seed("scene")


def test_generators_of_one_key_and_purpose_draw_the_same_numbers() -> None:
    first = EPISODE.generator("policy").random(4).tolist()
    assert EPISODE.generator("policy").random(4).tolist() == first
    assert EPISODE.generator("scene").random(4).tolist() != first


@settings(max_examples=200)
@given(EPISODES, EPISODES)
def test_different_keys_have_different_file_names_without_slashes(one: Episode, other: Episode) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", one.file_stem)
    assert (one.file_stem == other.file_stem) == (one.key == other.key)
