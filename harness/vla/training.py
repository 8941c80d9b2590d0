"""Training, as small as it can be: cross-entropy on the answer's tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from harness.types import Float64Array, UInt8Array
from harness.vla.checkpoint import Parts
from harness.vla.model import VLA
from harness.vla.tokenizer import EOS

# Gradients longer than this are shortened; the usual value for transformers.
_MAX_GRADIENT_NORM = 1.0


@dataclass(frozen=True)
class Batch:
    """Samples as a model reads them.

    Attributes:
        pictures: uint8 (B, image_px, image_px, 3), RGB.
        texts: Token ids of each prompt.
        action_ids: (B, K).
    """

    pictures: torch.Tensor
    texts: Sequence[Sequence[int]]
    action_ids: torch.Tensor


def batch_of(parts: Parts, pictures: UInt8Array, instructions: Sequence[str], actions: Float64Array) -> Batch:
    """Samples turned into tokens.

    Args:
        parts: The model's tokenizers.
        pictures: (B, image_px, image_px, 3), RGB.
        instructions: One each.
        actions: (B, chunk_steps, A).

    Raises:
        UsageError: Actions are of another shape.
    """
    token_ids = parts.actions.encode(actions).reshape(len(actions), -1)
    texts = [parts.text_ids(instruction) for instruction in instructions]
    return Batch(torch.from_numpy(np.ascontiguousarray(pictures)), texts, torch.from_numpy(token_ids))


def fit(model: VLA, batches: Iterable[Batch], learning_rate: float) -> Iterator[float]:
    """Trains on one batch after the other, with AdamW.

    Args:
        model: Changed in place.
        batches: As many as there are to be steps.
        learning_rate: Of every step.

    Yields:
        The loss of each batch before its step: nats a token, over the action tokens and the ``<eos>`` after them; prompts
        are not learnt.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate)
    model.train()
    for batch in batches:
        target_ids = nn.functional.pad(batch.action_ids, (0, 1), value=EOS).to(model.action_ids.device)
        logits = model(batch.pictures, batch.texts, target_ids[:, :-1])
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), target_ids.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), _MAX_GRADIENT_NORM)
        optimizer.step()
        yield float(loss.detach())
    model.eval()


def token_accuracy(model: VLA, batch: Batch) -> Float64Array:
    """The share (K,) of action tokens that are right where those before are given, for each place in the answer."""
    with torch.inference_mode():
        wanted = batch.action_ids.to(model.action_ids.device)
        logits = model(batch.pictures, batch.texts, wanted)[:, :-1]
        found = model.action_ids[logits[..., model.action_ids].argmax(dim=-1)]
        shares: Float64Array = (found == wanted).double().mean(dim=0).cpu().numpy()
    return shares
