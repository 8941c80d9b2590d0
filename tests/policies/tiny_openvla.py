"""A tiny model in a folder with its own code, as OpenVLA's are, whose answers can be worked out on paper."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

WORDS = ["In", ":", "What", "action", "should", "the", "robot", "take", "to", "pick", "up", "bowl", "?", "Out"]
GAIN = (0.5, -0.25, 1.0, 2.0, 1.5, 0.75, 0.9)


def _of_actions(q01: float, q99: float) -> dict[str, Any]:
    vectors = {"mean": 0.1, "std": 0.2, "q01": q01, "q99": q99}
    # OpenVLA leaves the gripper as it is.
    return {"action": {name: [value] * 7 for name, value in vectors.items()} | {"mask": [True] * 6 + [False]}}


STATISTICS = {"libero_spatial_no_noops": _of_actions(-0.5, 0.5), "bridge_orig": _of_actions(-0.1, 0.3)}

_CONFIGURATION = """
from transformers import PretrainedConfig

class TinyConfig(PretrainedConfig):
    model_type = "tiny_vla"

    def __init__(self, norm_stats=None, chunk=0, **kwargs):
        self.norm_stats = norm_stats
        self.chunk = chunk
        super().__init__(**kwargs)
"""

_MODELING = """
import numpy as np
import torch
from transformers import PreTrainedModel
from .configuration_tiny import TinyConfig

class TinyVLA(PreTrainedModel):
    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.gain = torch.nn.Parameter(torch.zeros(7))
        self.norm_stats = config.norm_stats
        self.post_init()

    def _init_weights(self, module):
        pass

    def predict_action(self, input_ids, attention_mask, pixel_values, unnorm_key, do_sample):
        assert not do_sample and input_ids.shape == attention_mask.shape
        means = pixel_values.mean(dim=(0, 2, 3))
        size = torch.tensor([pixel_values.shape[2] / 1000, input_ids.shape[1] / 100, float(input_ids.sum()) / 1000])
        features = torch.cat([means, size.to(means), torch.ones_like(means[:1])])
        action = (self.gain * features).float().cpu().numpy().astype(np.float64)
        stats = {name: np.array(values) for name, values in self.norm_stats[unnorm_key]["action"].items()}
        scaled = 0.5 * (action + 1) * (stats["q99"] - stats["q01"]) + stats["q01"]
        action = np.where(stats["mask"], scaled, action)
        return (np.stack([action] * self.config.chunk), None) if self.config.chunk else action
"""

_PROCESSING = """
import numpy as np
import torch
from transformers import BatchFeature, ProcessorMixin

class TinyProcessor(ProcessorMixin):
    attributes = ["tokenizer"]
    tokenizer_class = "PreTrainedTokenizerFast"

    def __init__(self, tokenizer=None):
        super().__init__(tokenizer)

    def __call__(self, text, image):
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None] / 255
        tokens = self.tokenizer([text], return_tensors="pt", return_token_type_ids=False)
        return BatchFeature({**tokens, "pixel_values": pixels})
"""


def make_tiny_openvla(folder: Path, *, statistics_in_config: bool = False, chunk: int = 0) -> Path:
    """Writes the folder: config, code, weights, tokenizer, statistics."""
    import torch
    from safetensors.torch import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    code = {"configuration_tiny": _CONFIGURATION, "modeling_tiny": _MODELING, "processing_tiny": _PROCESSING}
    for name, text in code.items():
        (folder / f"{name}.py").write_text(text)
    config: dict[str, Any] = {
        "model_type": "tiny_vla",
        "architectures": ["TinyVLA"],
        "auto_map": {"AutoConfig": "configuration_tiny.TinyConfig", "AutoModelForVision2Seq": "modeling_tiny.TinyVLA"},
        "chunk": chunk,
    }
    if statistics_in_config:
        config["norm_stats"] = STATISTICS
    else:
        write_json(folder / "dataset_statistics.json", STATISTICS)
    write_json(folder / "config.json", config)
    save_file({"gain": torch.tensor(GAIN)}, folder / "model.safetensors", metadata={"format": "pt"})
    words = Tokenizer(models.WordLevel({word: index for index, word in enumerate(["<unk>", *WORDS])}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=words, unk_token="<unk>").save_pretrained(folder)
    processor = {"processor_class": "TinyProcessor", "auto_map": {"AutoProcessor": "processing_tiny.TinyProcessor"}}
    write_json(folder / "processor_config.json", processor)
    return folder


def write_json(path: Path, content: Any) -> None:
    """Writes a JSON file."""
    path.write_text(json.dumps(content))


def expected_action(prompt: str, level: int, data_set: str) -> np.ndarray:
    """What the model answers before the gripper's rule, for a picture of one grey level."""
    ids = [WORDS.index(word) + 1 if word in WORDS else 0 for word in re.findall(r"\w+|[^\w\s]+", prompt)]
    features = [level / 255] * 3 + [0.224, len(ids) / 100, sum(ids) / 1000, 1.0]
    action = np.array(GAIN) * features
    of = STATISTICS[data_set]["action"]
    low, high = np.array(of["q01"]), np.array(of["q99"])
    return np.where(of["mask"], (action + 1) / 2 * (high - low) + low, action)
