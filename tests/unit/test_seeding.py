import random

import numpy as np
import pytest

from harness.seeding import seeded_generators


def draws():
    return random.random(), float(np.random.rand()), float(np.random.randn())


def test_the_same_seed_gives_the_same_draws_whatever_was_drawn_before() -> None:
    with seeded_generators(7):
        first = draws()
    np.random.rand(100)
    random.random()
    with seeded_generators(7):
        again = draws()
    with seeded_generators(8):
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
    with seeded_generators(7):
        draws()
    disturbed.append(draws())
    assert disturbed == undisturbed


def test_the_generators_are_put_back_when_the_block_fails() -> None:
    random.seed(1)
    expected = random.Random(1).random()

    def fail() -> None:
        with seeded_generators(7):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert random.random() == expected


def test_torch_is_seeded_where_it_is_installed() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    with seeded_generators(7):
        first = torch.rand(3)
    with seeded_generators(7):
        again = torch.rand(3)
    assert torch.equal(first, again)
