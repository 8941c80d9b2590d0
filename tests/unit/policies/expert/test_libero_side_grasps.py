"""Grasps from any side, of things made of a few boxes on a table."""

from __future__ import annotations

import numpy as np
import pytest
from libero_scenes import pose, scene, thing

from harness.policies.expert.libero.hand import boxes
from harness.policies.expert.libero.side_grasps import APPROACH_M, side_grasps
from harness.policies.expert.libero.solids import gaps_m, hand_solid

BOOK = thing("book_1", pose(z=0.06), ((0.012, 0.05, 0.06), (0.0, 0.0, 0.0)))


def test_a_standing_book_is_grasped_across_its_thin_side_from_several_directions():
    found = side_grasps(scene(BOOK), "book_1")
    closing = np.array([grasp.world_t_grip[:3, 1] for grasp in found])
    heights = {round(float(grasp.world_t_grip[2, 2]), 1) for grasp in found}
    assert np.abs(closing[:, 0]) == pytest.approx(np.ones(len(found)))
    assert {grasp.width_m for grasp in found} == {0.024}
    assert -1.0 in heights  # from straight above
    assert max(heights) > -0.5  # and nearly level


def test_no_grasp_and_no_way_to_one_is_in_anything():
    world = scene(BOOK, thing("wall_1", pose(x=0.0, y=0.12, z=0.1), ((0.2, 0.01, 0.1), (0.0, 0.0, 0.0)), movable=False))
    everything, hand = boxes(world.world, np.zeros(3)), hand_solid()
    found = side_grasps(world, "book_1")
    assert found
    for grasp in found:
        back = grasp.world_t_grip.copy()
        back[:3, 3] -= APPROACH_M * back[:3, 2]
        assert gaps_m(hand, [grasp.world_t_grip, back], everything).min() > 0.0
        assert abs(grasp.world_t_grip[0, 3]) < 0.012  # the book is between the fingers


def test_what_is_too_wide_on_all_sides_and_what_lies_flat_is_not_grasped():
    block = thing("block_1", pose(z=0.05), ((0.05, 0.05, 0.05), (0.0, 0.0, 0.0)))
    flat = thing("flat_1", pose(z=0.012), ((0.06, 0.05, 0.012), (0.0, 0.0, 0.0)))
    assert side_grasps(scene(block), "block_1") == []
    assert side_grasps(scene(flat), "flat_1") == []


def test_the_best_grasp_is_near_the_middle_of_the_thing():
    handle = ((0.008, 0.06, 0.008), (0.0, 0.11, 0.05))
    pan = thing("pan_1", pose(), ((0.05, 0.05, 0.03), (0.0, 0.0, 0.03)), handle)
    best = side_grasps(scene(pan), "pan_1")[0]
    assert abs(best.world_t_grip[1, 3] - 0.11) < 0.06
    assert best.world_t_grip[1, 3] < 0.12
