import dataclasses
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import StoreError, UsageError
from harness.plan import in_rounds
from harness.statistics.sequential import PairedTest, RateTest
from harness.stopping import ReferenceRun, StopRule, StopTest, confidence_sequence, stop_test_of
from harness.types import Episode


def episodes(tasks=3, inits=5, suite="mine", seed=0):
    return [Episode(suite, task, f"t{task}", "go", init, 0, seed) for task in range(tasks) for init in range(inits)]


def rule(rounds=40, tasks=2, against=0.5):
    return StopRule(tuple(tuple(f"t{task}/r{i}" for task in range(tasks)) for i in range(rounds)), against)


def told(test, outcomes):
    for key, outcome in outcomes.items():
        test.add(key, outcome)
    return test


def all_keys(of):
    return [key for one in of.rounds for key in one]


# The plan in rounds


@given(tasks=st.integers(1, 4), inits=st.integers(1, 6), seed=st.integers(0, 99))
def test_rounds_hold_every_episode_once_and_one_of_every_task_each(tasks, inits, seed):
    plan = episodes(tasks, inits, seed=seed)
    rounds = in_rounds(plan)
    assert sorted(episode.key for one in rounds for episode in one) == sorted(episode.key for episode in plan)
    assert all([episode.task_id for episode in one] == list(range(tasks)) for one in rounds)


@given(st.permutations(episodes(1, 6)))
def test_rounds_do_not_depend_on_the_order_of_the_episodes(shuffled):
    assert in_rounds(shuffled) == in_rounds(episodes(1, 6))


def test_initial_states_are_shuffled_for_every_task_and_seed_anew():
    orders = {tuple(one[task].init for one in in_rounds(episodes(3, 20, seed=seed))) for seed in (0, 1) for task in range(3)}
    assert len(orders) == 6
    assert tuple(range(20)) not in orders


def test_tasks_with_different_numbers_of_episodes_are_refused():
    with pytest.raises(UsageError, match=r"as many episodes of every task, and here they are 2 to 5: --episodes 2"):
        in_rounds(episodes(2, 5) + [dataclasses.replace(one, task_id=2) for one in episodes(1, 2)])


def test_suites_with_different_numbers_of_tasks_are_refused():
    with pytest.raises(UsageError, match=r"mine has 2, other has 1.*one by one"):
        in_rounds(episodes(2) + episodes(1, suite="other"))


# The test


@settings(deadline=None)
@given(st.data())
def test_the_order_in_which_episodes_end_changes_nothing(data):
    plan = rule(rounds=12)
    outcomes = {key: data.draw(st.sampled_from(["success", "failure", "error"])) for key in all_keys(plan)}
    arrival = data.draw(st.permutations(list(outcomes)))
    first, second = told(StopTest(plan), outcomes), StopTest(plan)
    for key in arrival:
        second.add(key, outcomes[key])
    # A decision holds from its own look on, so that even what arrives early and comes late in the plan is not looked at.
    assert repr(second.finding) == repr(first.finding)
    assert second.seen == first.seen


def test_a_round_is_looked_at_when_it_is_complete_and_those_before_are():
    test = StopTest(rule())
    assert not test.add("t0/r1", "success")
    assert not test.add("t1/r1", "success")
    assert not test.add("t0/r0", "failure")
    assert test.finding.rounds == 0
    assert test.add("t1/r0", "success")
    assert (test.finding.rounds, test.finding.episodes, test.finding.successes) == (2, 4, 3)
    assert test.seen == {"t0/r0", "t1/r0", "t0/r1", "t1/r1"}


def test_it_decides_where_the_rate_test_does_and_looks_no_more():
    plan = rule()
    test = told(StopTest(plan), dict.fromkeys(all_keys(plan), "success"))
    direct, rounds = RateTest(0.5), 0
    while direct.decided is None:
        direct.update([True, True])
        rounds += 1
    finding = test.finding
    assert (finding.decided, finding.rounds, finding.episodes) == ("better", rounds, 2 * rounds)
    assert rounds < 10
    assert finding.stopped_early
    assert finding.e_value == direct.e_value >= 20
    assert finding.rate_interval == direct.interval
    assert finding.rate_interval[0] > 0.5
    assert finding.words.startswith(
        f"stopped early, after {2 * rounds} episodes in {rounds} of 40 rounds: better than 50 %;"
    )


def test_a_run_that_is_not_decided_says_so():
    plan = rule(rounds=3)
    finding = told(StopTest(plan), dict.fromkeys(all_keys(plan), "success")).finding
    assert (finding.decided, finding.stopped_early) == (None, False)
    assert "not decided, after 6 episodes in 3 of 3 rounds: neither better nor worse than 50 %" in finding.words


def test_errors_are_left_out_or_count_as_failures():
    plan = rule(rounds=2)
    outcomes = dict(zip(all_keys(plan), ["success", "error", "error", "failure"], strict=True))
    without, failing = told(StopTest(plan), outcomes), told(StopTest(plan, errors_as_failures=True), outcomes)
    assert (without.finding.episodes, without.finding.left_out, without.finding.rate) == (2, 2, 0.5)
    assert (failing.finding.episodes, failing.finding.left_out, failing.finding.rate) == (4, 0, 0.25)


def test_against_a_run_pairs_are_tested_and_those_with_an_error_in_either_are_left_out():
    plain = rule(rounds=40, tasks=1)
    keys = all_keys(plain)
    reference = ReferenceRun("/runs/a", "pi0", {key: None if key == keys[0] else False for key in keys})
    test = StopTest(dataclasses.replace(plain, against=reference))
    direct = PairedTest()
    test.add(keys[0], "success")
    test.add(keys[1], "error")
    assert (test.finding.episodes, test.finding.left_out) == (0, 2)
    assert math.isnan(test.finding.rate)
    for key in keys[2:]:
        test.add(key, "success")
        if direct.decided is None:
            direct.update([True], [False])
    finding = test.finding
    assert (finding.decided, finding.episodes, finding.difference) == ("better", direct.n, 1.0)
    assert finding.difference_interval == direct.interval
    assert "better than the run a (pi0); 100.0 points" in finding.words


def test_a_worse_policy_is_found_out():
    plan = rule(against=0.9)
    assert told(StopTest(plan), dict.fromkeys(all_keys(plan), "failure")).decided == "worse"


def test_the_confidence_sequence_is_wider_than_wilsons_interval_and_holds_the_rate():
    low, high = confidence_sequence(80, 100)
    assert low < 0.711 < 0.8 < 0.867 < high  # Wilson: 71.1 % to 86.7 %
    assert confidence_sequence(0, 0) == (0.0, 1.0)


# run.json


@pytest.mark.parametrize("paired", [False, True])
def test_a_rule_is_the_same_after_run_json(paired):
    plan = rule(rounds=3)
    if paired:
        values = [True, False, None, True, True, False]
        against = ReferenceRun("/runs/a", "pi0", dict(zip(all_keys(plan), values, strict=True)))
        plan = dataclasses.replace(plan, against=against)
    content = json.loads(json.dumps(plan.info(), allow_nan=False))
    assert StopRule.from_info(content) == plan


def test_what_was_found_fits_into_json_before_and_after_the_first_look():
    test = StopTest(rule())
    assert json.loads(json.dumps(test.finding.info(), allow_nan=False))["rate"] is None
    told(test, {"t0/r0": "success", "t1/r0": "failure"})
    found = json.loads(json.dumps(test.finding.info(), allow_nan=False))
    assert (found["rate"], found["rounds"], found["stopped_early"], found["decided"]) == (0.5, 1, False, None)


def test_a_damaged_rule_is_refused():
    content = rule(rounds=2, against=ReferenceRun("/a", "p", dict.fromkeys(all_keys(rule(rounds=2)), True))).info()
    content["against"]["outcomes"] = "1"
    with pytest.raises(StoreError, match="stopping early is damaged"):
        StopRule.from_info(content)


def test_a_run_without_a_rule_has_no_test():
    assert stop_test_of({}, {}) is None
    assert stop_test_of({"stopping": None}, {"k": "success"}) is None
