"""Makes one picture of a run: a row an episode, with frames at even distances from its video.

Usage: python scripts/contact_sheet.py RUN sheet.jpg [--episodes 2] [--frames 4]
"""

from __future__ import annotations

from pathlib import Path

import av
import click
import numpy as np
from PIL import Image

from harness import Run


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("picture", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--episodes", default=2, show_default=True, help="Rows: the first episodes that have a video, one a task.")
@click.option("--frames", default=4, show_default=True, help="Columns.")
def contact_sheet(run: Path, picture: Path, episodes: int, frames: int) -> None:
    """Write PICTURE, a sheet of frames of RUN's videos."""
    table = Run(run).episodes().dropna(subset="video").drop_duplicates(["suite", "task_id"])
    if table.empty:
        raise click.ClickException(f"{run} has no videos")
    rows = [_row(run / video, frames) for video in table["video"].head(episodes)]
    Image.fromarray(np.concatenate(rows, axis=0)).save(picture, quality=85)


def _row(video: Path, count: int) -> np.ndarray:
    with av.open(str(video)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    chosen = np.linspace(0, len(frames) - 1, count).round().astype(int)
    return np.concatenate([frames[i] for i in chosen], axis=1)


if __name__ == "__main__":
    contact_sheet()
