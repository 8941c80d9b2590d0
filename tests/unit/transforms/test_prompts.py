from __future__ import annotations

from harness.transforms.prompts import Cleaned, LowerCase, OpenVLAPrompt


def test_an_instruction_is_put_into_openvlas_sentence_in_small_letters() -> None:
    assert OpenVLAPrompt()("Open the Drawer") == "In: What action should the robot take to open the drawer?\nOut:"


def test_letters_are_made_small() -> None:
    assert LowerCase()("Open the DRAWER") == "open the drawer"


def test_underscores_and_line_ends_become_spaces_and_those_around_go() -> None:
    assert Cleaned()("  open_the\ndrawer\n") == "open the drawer"
