"""Reads a dataset with the lerobot library and writes what it finds; run by an interpreter that has lerobot.

usage: read_lerobot.py version
       read_lerobot.py read ROOT OUT.npz FRAME...
"""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import torch
from lerobot.datasets import lerobot_dataset
from lerobot.datasets.lerobot_dataset import CODEBASE_VERSION, LeRobotDataset


def decoded_with_pyav(video_path, timestamps, tolerance_s, backend=None):
    """What lerobot's decoders do, for where neither torchcodec nor torchvision's VideoReader works."""
    import av

    frames, times = [], []
    with av.open(str(video_path)) as container:
        for frame in container.decode(video=0):
            frames.append(frame.to_ndarray(format="rgb24"))
            times.append(float(frame.pts * frame.time_base))
    distances = np.abs(np.array(timestamps)[:, None] - np.array(times)[None])
    assert distances.min(axis=1).max() < tolerance_s, (timestamps, times[:3], times[-3:])
    nearest = np.stack([frames[index] for index in distances.argmin(axis=1)])
    return torch.from_numpy(nearest).permute(0, 3, 1, 2).float() / 255


def has_decoder():
    """Whether the decoder works that lerobot takes: torchcodec where it is installed, else torchvision's."""
    if importlib.util.find_spec("torchcodec") is None:
        import torchvision

        return hasattr(torchvision.io, "VideoReader")
    try:
        import torchcodec.decoders  # noqa: F401
    except (ImportError, RuntimeError, OSError):
        return False
    return True


def read(root, out, frames):
    dataset = LeRobotDataset("local/test", root=root)
    arrays = {}
    for frame in frames:
        for name, value in dataset[frame].items():
            arrays[f"{frame}/{name}"] = value.numpy() if isinstance(value, torch.Tensor) else np.array(value)
    for name in ("action", "observation.state"):
        arrays[name] = np.stack([row.numpy() for row in dataset.hf_dataset[name]])
    np.savez(out, **arrays)
    features = {name: [feature["dtype"], list(feature["shape"])] for name, feature in dataset.meta.features.items()}
    stats = {name: np.asarray(dataset.meta.stats[name]["mean"]).ravel().tolist() for name in ("action", "observation.state")}
    return {
        "length": len(dataset),
        "episodes": dataset.num_episodes,
        "fps": dataset.fps,
        "features": features,
        "mean": stats,
    }


if sys.argv[1] == "version":
    print(CODEBASE_VERSION)
else:
    if not has_decoder():
        lerobot_dataset.decode_video_frames = decoded_with_pyav
    print(json.dumps(read(Path(sys.argv[2]), sys.argv[3], [int(text) for text in sys.argv[4:]])))
