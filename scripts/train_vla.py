"""Trains the small model of `vla:` on demonstrations, and says how many action tokens it gets right.

    evalharness collect --suite object --policy expert --tasks 0-1 --episodes 3 --format hdf5 --out datasets/object
    OMP_NUM_THREADS=1 python -m scripts.train_vla datasets/object --out models/tiny --seconds 60

The last episode of every instruction is not trained on. It is no recipe for a policy that succeeds: it shows that the path
from picture and instruction over tokens to actions is one that can learn.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from harness.suites import load_suites
from harness.tokens.statistics import action_statistics
from harness.transforms.statistics import VectorStatistics
from harness.types import Float64Array
from harness.vla.checkpoint import Parts, save
from harness.vla.config import VLAConfig
from harness.vla.demonstrations import Demonstration, read_demonstrations

BATCH_SIZE = 32
LEARNING_RATE = 1e-3
CHECKED_FRAMES = 200


def main() -> None:
    arguments = _arguments()
    import torch

    from harness.vla.model import VLA
    from harness.vla.training import Batch, batch_of, fit, token_accuracy

    config = VLAConfig(chunk_steps=arguments.chunk)
    demonstrations = read_demonstrations(arguments.dataset, config.camera, config.image_px)
    trained, held_out = _split(demonstrations)
    parts = Parts.of_corpus(config, _instructions(demonstrations), _statistics(trained))
    generator = np.random.default_rng(arguments.seed)
    torch.manual_seed(arguments.seed)
    model = VLA(config, parts.actions.token_ids)

    def batch(demos: Sequence[Demonstration], size: int) -> Batch:
        chosen = [demos[index] for index in generator.integers(len(demos), size=size)]
        steps = [int(generator.integers(len(demo.actions))) for demo in chosen]
        pictures = np.stack([demo.pictures[step] for demo, step in zip(chosen, steps, strict=True)])
        actions = np.stack([demo.chunks(config.chunk_steps)[step] for demo, step in zip(chosen, steps, strict=True)])
        return batch_of(parts, pictures, [demo.instruction for demo in chosen], actions)

    def batches() -> Iterator[Batch]:
        end = time.monotonic() + arguments.seconds
        while time.monotonic() < end:
            yield batch(trained, BATCH_SIZE)

    losses = list(fit(model, batches(), LEARNING_RATE))
    print(
        f"{len(losses)} steps of {BATCH_SIZE} samples; loss from {losses[0]:.2f} to {np.mean(losses[-10:]):.2f} nats a token"
    )
    for name, demos in (("trained on", trained), ("held out", held_out)):
        if demos:
            checked = batch(demos, CHECKED_FRAMES)
            right = token_accuracy(model, checked)
            common = _most_common(checked.action_ids.numpy(), batch(trained, CHECKED_FRAMES).action_ids.numpy())
            print(f"{name}: {right.mean():.1%} of tokens right ({' '.join(f'{share:.0%}' for share in right)}); ", end="")
            print(f"always the most common one: {common.mean():.1%}; chance: {1 / 256:.1%}")
    episodes = [demonstration.actions for demonstration in trained]
    save(arguments.out, parts, model, arguments.dataset.resolve().name, episodes)
    print(f"evalharness libero --suite object --policy vla:{arguments.out} --tasks 0 --episodes 1")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path, help="made by evalharness collect --format hdf5")
    parser.add_argument("--out", type=Path, required=True, help="the model's folder")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to train")
    parser.add_argument("--chunk", type=int, default=1, help="actions in an answer")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def _split(demonstrations: Sequence[Demonstration]) -> tuple[list[Demonstration], list[Demonstration]]:
    """Those to train on, and the last one of every instruction that has several."""
    trained, held_out = [], []
    for instruction in dict.fromkeys(demonstration.instruction for demonstration in demonstrations):
        same = [demonstration for demonstration in demonstrations if demonstration.instruction == instruction]
        trained += same[:-1] or same
        held_out += same[1:][-1:]
    return trained, held_out


def _instructions(demonstrations: Sequence[Demonstration]) -> list[str]:
    """What LIBERO's tasks and the demonstrations ask for: the corpus of the tokenizers."""
    tasks = [task.instruction for suite in load_suites("all", "libero") for task in suite.tasks]
    return [*tasks, *(demonstration.instruction for demonstration in demonstrations)]


def _statistics(demonstrations: Sequence[Demonstration]) -> VectorStatistics:
    actions = np.concatenate([demonstration.actions for demonstration in demonstrations])
    return action_statistics(actions, [True] * (actions.shape[1] - 1) + [False])


def _most_common(ids: np.ndarray, of: np.ndarray) -> Float64Array:
    """The share of each place's tokens that are the most common one of the same place in other answers."""
    common = [np.bincount(column).argmax() for column in of.T]
    return (ids == common).mean(axis=0)


if __name__ == "__main__":
    main()
