"""Measures what the key-value cache of the small model of `vla:` saves, with weights that are random.

OMP_NUM_THREADS=1 python -m scripts.bench_vla [--chunk 4] [--batch 1] [--device cuda]
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from harness.tokens.statistics import action_statistics
from harness.vla.checkpoint import Parts
from harness.vla.config import VLAConfig
from harness.vla.model import VLA

INSTRUCTION = "pick up the alphabet soup and place it in the basket"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunk", type=int, default=1, help="actions in an answer")
    parser.add_argument("--batch", type=int, default=1, help="observations in a call")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    config = VLAConfig(chunk_steps=arguments.chunk)
    statistics = action_statistics(
        np.random.default_rng(0).uniform(-1, 1, (100, config.action_dim)), [True] * config.action_dim
    )
    parts = Parts.of_corpus(config, [INSTRUCTION], statistics)
    torch.manual_seed(0)
    model = VLA(config, parts.actions.token_ids).to(arguments.device).eval()
    pictures = torch.randint(0, 256, (arguments.batch, config.image_px, config.image_px, 3), dtype=torch.uint8)
    texts = [parts.text_ids(INSTRUCTION)] * arguments.batch

    cached, plain = (model.predict_action(pictures, texts, cache=cache) for cache in (True, False))
    print(f"tokens equal: {torch.equal(cached.token_ids, plain.token_ids)}; ", end="")
    print(f"largest difference of logits: {(cached.logits - plain.logits).abs().max():.1e}")
    times_ms: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(arguments.repeats):
        for cache, found in times_ms.items():  # in turns, so that a busy machine slows both alike
            begin = time.perf_counter()
            model.predict_action(pictures, texts, cache=cache).token_ids.cpu()
            found.append(1000 * (time.perf_counter() - begin))
    middle = {cache: float(np.median(found)) for cache, found in times_ms.items()}
    tokens = 1 + config.patches + len(texts[0])
    weights = sum(parameter.numel() for parameter in model.parameters())
    print(f"{weights:,} weights, {tokens} tokens of prompt, {config.action_tokens} of action")
    print(
        f"median ms a call: {middle[True]:.1f} with cache, {middle[False]:.1f} without: {middle[False] / middle[True]:.1f} x"
    )


if __name__ == "__main__":
    main()
