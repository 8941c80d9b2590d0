"""Holds OpenVLA's preprocessing here against TensorFlow's, which OpenVLA uses; the numbers stand in docs/transforms.md.

In an environment of its own: `pip install tensorflow-cpu pillow`, then `PYTHONPATH=. python scripts/compare_tensorflow.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from harness.transforms.images import CentreCrop, JpegRoundTrip, ResizeLanczos

_SIZE_PX = 224
_AREA = 0.9


def pictures() -> dict[str, Any]:
    """Noise, and waves of a few pixels' length: uint8 (256, 256, 3)."""
    rows, columns = np.mgrid[0:256, 0:256]
    waves = [np.sin(rows / 17) + np.cos(columns / 11), np.sin(columns / 13), np.cos((rows + columns) / 19)]
    noise = np.random.default_rng(7).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    return {"noise": noise, "waves": np.stack([np.uint8(127 + 60 * wave) for wave in waves], axis=-1)}


def lanczos(image: Any) -> Any:
    """Scaled to 224x224 as OpenVLA scales."""
    resized = tf.image.resize(image, (_SIZE_PX, _SIZE_PX), method="lanczos3", antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8).numpy()


def jpeg(dct_method: str) -> Callable[[Any], Any]:
    """Through JPEG with one of libjpeg's inverse transforms; empty: TensorFlow's own choice, and OpenVLA's."""
    return lambda image: tf.io.decode_jpeg(tf.image.encode_jpeg(image), dct_method=dct_method).numpy()


def crop(image: Any) -> Any:
    """The middle 90 % by area, scaled back."""
    margin = (1 - float(np.sqrt(_AREA))) / 2
    box = [[margin, margin, 1 - margin, 1 - margin]]
    unit = tf.image.convert_image_dtype(tf.convert_to_tensor(image), tf.float32)
    cropped = tf.image.crop_and_resize(unit[None], box, [0], image.shape[:2])[0]
    return tf.image.convert_image_dtype(tf.clip_by_value(cropped, 0, 1), tf.uint8, saturate=True).numpy()


def main() -> None:
    print(f"TensorFlow {tf.__version__}")
    steps = {
        "Lanczos": (lanczos, ResizeLanczos(_SIZE_PX)),
        "centre crop": (crop, CentreCrop(_AREA)),
        "JPEG, TensorFlow's choice": (jpeg(""), JpegRoundTrip()),
        "JPEG, accurate transform": (jpeg("INTEGER_ACCURATE"), JpegRoundTrip()),
    }
    for kind, image in pictures().items():
        for name, (theirs, ours) in steps.items():
            apart = np.abs(theirs(image).astype(int) - ours(image))
            share = f"{(apart > 0).mean():.3%} differ"
            print(f"{kind}, {name}: {share}, {apart.mean():.3f} on average, {apart.max()} at most")


if __name__ == "__main__":
    main()
