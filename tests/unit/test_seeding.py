import random

import numpy as np
import pytest

from harness.seeding import GlobalGenerators, generator_fingerprints


def draws():
    return random.random(), float(np.random.rand()), float(np.random.randn())


def test_the_same_seed_gives_the_same_draws_whatever_was_drawn_before() -> None:
    with GlobalGenerators(7).in_use():
        first = draws()
    np.random.rand(100)
    random.random()
    with GlobalGenerators(7).in_use():
        again = draws()
    with GlobalGenerators(8).in_use():
        other = draws()
    assert first == again
    assert not set(first) & set(other)


def test_everybody_elses_draws_go_on_as_if_nothing_had_happened() -> None:
    random.seed(1)
    np.random.seed(1)
    undisturbed = [draws(), draws()]
    random.seed(1)
    np.random.seed(1)
    disturbed = [draws()]
    with GlobalGenerators(7).in_use():
        draws()
    disturbed.append(draws())
    assert disturbed == undisturbed


def test_the_generators_are_put_back_when_the_block_fails() -> None:
    random.seed(1)
    expected = random.Random(1).random()

    def fail() -> None:
        with GlobalGenerators(7).in_use():
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert random.random() == expected


def test_generators_go_on_where_they_were_left_whoever_draws_in_between() -> None:
    with GlobalGenerators(7).in_use():
        expected = [draws(), draws()]
    mine, other = GlobalGenerators(7), GlobalGenerators(8)
    found = []
    for _ in range(2):
        with mine.in_use():
            found.append(draws())
        with other.in_use():
            draws()
        np.random.rand()
    assert found == expected


@pytest.mark.parametrize(
    ("draw", "whose"), [(random.random, "Python"), (np.random.rand, "NumPy"), (np.random.randn, "NumPy")]
)
def test_a_draw_changes_the_fingerprint_of_its_generator_alone(draw, whose) -> None:
    before = generator_fingerprints()
    assert generator_fingerprints() == before
    draw()
    after = generator_fingerprints()
    assert {name for name in before if after[name] != before[name]} == {whose}


def test_torch_is_seeded_where_it_is_installed() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    with GlobalGenerators(7).in_use():
        first = torch.rand(3)
    with GlobalGenerators(7).in_use():
        again = torch.rand(3)
    assert torch.equal(first, again)
