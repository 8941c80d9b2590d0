"""Makes one picture of a run: an episode of every task, with frames at even distances from its video.

Usage: python scripts/contact_sheet.py RUN sheet.jpg [--episodes 2] [--frames 4] [--columns 1] [--scale 1.0]

Videos of a run that has none are made by `evalharness replay RUN`.
"""

from __future__ import annotations

from pathlib import Path

import av
import click
import numpy as np
from PIL import Image

from harness import Run
from harness.store import VIDEOS_FOLDER


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("picture", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--episodes", default=2, show_default=True, help="How many: the first that have a video, one a task.")
@click.option("--frames", default=4, show_default=True, help="Frames of each, side by side.")
@click.option("--columns", default=1, show_default=True, help="Columns of episodes; each is filled from top to bottom.")
@click.option("--scale", default=1.0, show_default=True, help="Of every frame.")
@click.option("--outcome", type=click.Choice(["success", "failure"]), help="Only episodes that ended so.")
def contact_sheet(
    run: Path, picture: Path, episodes: int, frames: int, columns: int, scale: float, outcome: str | None
) -> None:
    """Write PICTURE, a sheet of frames of RUN's videos."""
    table = Run(run).episodes()
    table["file"] = [run / VIDEOS_FOLDER / f"{key.replace('/', '__')}.mp4" for key in table["key"]]
    table = table[[file.exists() for file in table["file"]]]
    if outcome is not None:
        table = table[table["outcome"] == outcome]
    table = table.drop_duplicates(["suite", "task_id"])
    if table.empty:
        raise click.ClickException(f"{run} has no such videos")
    rows = [_row(file, frames, scale) for file in table["file"].head(episodes)]
    height = -(-len(rows) // columns)
    rows += [np.zeros_like(rows[0])] * (height * columns - len(rows))
    sheet = np.concatenate([np.concatenate(rows[i : i + height]) for i in range(0, len(rows), height)], axis=1)
    Image.fromarray(sheet).save(picture, quality=85)


def _row(video: Path, count: int, scale: float) -> np.ndarray:
    with av.open(str(video)) as container:
        frames = [frame.to_image() for frame in container.decode(video=0)]
    chosen = np.linspace(0, len(frames) - 1, count).round().astype(int)
    size = (round(frames[0].width * scale), round(frames[0].height * scale))
    return np.concatenate([np.asarray(frames[i].resize(size, Image.Resampling.LANCZOS)) for i in chosen], axis=1)


if __name__ == "__main__":
    contact_sheet()
