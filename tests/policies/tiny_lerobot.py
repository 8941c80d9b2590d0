"""Tiny LeRobot checkpoints with random weights, written by lerobot itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PICTURE_PX, CHUNK, STEPS = 32, 6, 4
PICTURES = ("observation.images.image", "observation.images.image2")


def make_act(folder: Path, pictures: tuple[str, ...] = PICTURES, **settings: Any) -> Path:
    """An ACT of 45 MB: its ResNet cannot be made smaller."""
    from lerobot.policies.act.configuration_act import ACTConfig

    config = ACTConfig(
        **_features(pictures),
        device="cpu",
        chunk_size=CHUNK,
        dim_model=16,
        n_heads=2,
        dim_feedforward=16,
        n_encoder_layers=1,
        n_vae_encoder_layers=1,
        latent_dim=4,
        pretrained_backbone_weights=None,
        **{"n_action_steps": STEPS, **settings},
    )
    return _save(config, folder, pictures)


def make_smolvla(folder: Path, pictures: tuple[str, ...] = PICTURES) -> Path:
    """A SmolVLA of 0.2 MB, with a vision-language model beside it in ``folder/vlm``."""
    from lerobot.policies.smolvla.configuration_smolvla import SmolVLAConfig

    config = SmolVLAConfig(
        **_features(pictures),
        device="cpu",
        vlm_model_name=str(_vision_language_model(folder / "vlm")),
        resize_imgs_with_padding=(PICTURE_PX, PICTURE_PX),
        chunk_size=CHUNK,
        n_action_steps=STEPS,
        max_state_dim=8,
        max_action_dim=8,
        num_vlm_layers=2,
        num_steps=2,
        tokenizer_max_length=16,
    )
    return _save(config, folder / "smolvla", pictures)


def edit_config(folder: Path, **fields: Any) -> None:
    """Changes fields of a checkpoint's config.json."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def statistics(pictures: tuple[str, ...] = PICTURES) -> dict[str, Any]:
    """Mean and standard deviation of state, action and pictures, as lerobot's data sets have them."""
    import torch

    generator = torch.Generator().manual_seed(3)

    def of(*shape: int, spread: float) -> dict[str, Any]:
        noise = torch.rand((2, *shape), generator=generator)
        return {"mean": noise[0] * spread, "std": (noise[1] + 0.5) * spread}

    shown = {key: of(3, 1, 1, spread=0.5) for key in pictures}
    return {"observation.state": of(8, spread=1.0), "action": of(7, spread=0.1), **shown}


def _features(pictures: tuple[str, ...]) -> dict[str, Any]:
    from lerobot.configs.types import FeatureType, PolicyFeature

    shown = {key: PolicyFeature(FeatureType.VISUAL, (3, PICTURE_PX, PICTURE_PX)) for key in pictures}
    return {
        "input_features": shown | {"observation.state": PolicyFeature(FeatureType.STATE, (8,))},
        "output_features": {"action": PolicyFeature(FeatureType.ACTION, (7,))},
    }


def _save(config: Any, folder: Path, pictures: tuple[str, ...]) -> Path:
    import torch
    from lerobot.policies.factory import get_policy_class, make_pre_post_processors

    with torch.random.fork_rng():
        torch.manual_seed(0)
        get_policy_class(config.type)(config).save_pretrained(folder)
    for processor in make_pre_post_processors(config, dataset_stats=statistics(pictures)):
        processor.save_pretrained(folder)
    return folder


def _vision_language_model(folder: Path) -> Path:
    """Config and processor of a SmolVLM that knows a few words."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        PreTrainedTokenizerFast,
        SmolVLMConfig,
        SmolVLMImageProcessor,
        SmolVLMProcessor,
        SmolVLMVideoProcessor,
    )

    special = {
        "image_token": "<image>",
        "fake_image_token": "<fake_token_around_image>",
        "global_image_token": "<global-img>",
        "end_of_utterance_token": "<end_of_utterance>",
    }
    words = ["<unk>", "<pad>", *special.values(), "pick", "up", "the", "black", "bowl", "open", "drawer"]
    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>", extra_special_tokens=special
    )
    text = {"model_type": "llama", "vocab_size": 32, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = SmolVLMConfig(
        image_token_id=words.index("<image>"),
        scale_factor=2,
        vision_config=vision | {"image_size": PICTURE_PX, "patch_size": 8},
        text_config=text | {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8, "pad_token_id": 1},
    )
    config.save_pretrained(folder)
    SmolVLMProcessor(SmolVLMImageProcessor(), fast, SmolVLMVideoProcessor()).save_pretrained(folder)
    return folder
