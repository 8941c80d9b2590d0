from page_runs import LIFT, PROTOCOL, REACH, info

from harness.pages.facts import facts_of


def facts(**changes):
    return {(section, field): value for section, field, value in facts_of(info("a", [LIFT, REACH], **changes))}


def test_every_field_of_the_protocol_is_there():
    there = facts()
    assert {field for section, field in there if section == "Protocol"} == set(PROTOCOL)
    assert there["Protocol", "max_steps"] == "200"
    assert there["Protocol", "cameras"] == "front: front\nwrist: wrist"
    assert there["Protocol", "replan_steps"] == "none"


def test_where_suites_differ_each_has_its_line():
    content = info("a", [LIFT, REACH])
    content["suites"][1]["protocol"] = {**PROTOCOL, "max_steps": 80}
    assert ("Protocol", "max_steps", "piper_lift: 200\npiper_reach: 80") in facts_of(content)


def test_assets_renderer_versions_and_machine_are_there():
    there = facts()
    assert there["Assets", "sha256"] == "fedcba9876543210"
    assert there["Renderer", "renderer"] == "llvmpipe"
    assert there["Renderer", "engine"] == "exact"
    assert there["Versions", "mujoco"] == "3.3.2"
    assert there["Versions", "torch"] == "not installed"
    assert there["Machine", "cores"] == "2"
    assert there["Run", "command"] == "evalharness piper --policy 'a policy'"
    assert there["Run", "errors_as_failures"] == "no"
    assert (
        there["Tasks", "piper_lift 0: lift_the_red_cube"] == "instruction: please lift_the_red_cube\ndefinition_sha256: d0"
    )


def test_a_session_that_went_on_says_what_it_had():
    session = {"created": "2026-01-03", "command": ["evalharness"], "versions": {"mujoco": "3.3.3"}}
    there = facts(resumed=[session])
    assert there["Session 2", "created"] == "2026-01-03"
    assert there["Session 2", "versions"] == "mujoco: 3.3.3"
