"""``evalharness replay``: a run's episodes drawn again, or simulated again and compared."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from harness.cli.gl_option import gl_option

if TYPE_CHECKING:
    from harness.cli.replay_output import ReplayOutput
    from harness.recorded_run import RecordedEpisode, RecordedRun
    from harness.types import Environment, View


def _complete_key(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from harness.errors import HarnessError
    from harness.recorded_run import recorded_keys

    # click stops reading at an option whose value is not there yet; what it has not read is in args.
    given = [ctx.params.get("run"), *ctx.args]
    try:
        keys = recorded_keys(next(Path(path) for path in given if path))
    except (HarnessError, StopIteration):
        return []
    return [CompletionItem(key) for key in keys if key.startswith(incomplete)]


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--episode",
    "episodes",
    metavar="KEY",
    multiple=True,
    shell_complete=_complete_key,
    help="A key, a trace's or video's name, or a part of a key such as task3/init7. May be repeated.  [default: all]",
)
@click.option(
    "--outcome",
    "outcomes",
    multiple=True,
    type=click.Choice(["success", "failure", "error"]),
    help="Only episodes that ended so. May be repeated.",
)
@click.option(
    "--camera",
    "cameras",
    metavar="NAME",
    multiple=True,
    help="agentview, wrist, or any camera of the scene, such as frontview. May be repeated.  [default: the protocol's]",
)
@click.option("--size", metavar="N|WxH", help="Of every picture, in pixels: 512, or 640x480.  [default: the protocol's]")
@click.option("--video", type=click.Path(dir_okay=False, path_type=Path), help="Where to put the video of one episode.")
@click.option("--verify", is_flag=True, help="Simulate the recorded actions again and compare every bit; no videos.")
@click.option("--force", is_flag=True, help="Replace videos; verify although assets, versions or tasks differ.")
@click.option("--assets", default="auto", metavar="auto|lite|PATH", help="LIBERO's meshes.  [default: the run's]")
@gl_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line, one an episode.")
@click.pass_context
def replay(ctx: click.Context, /, **options: Any) -> None:
    """Make the videos of RUN, a run directory, from its traces; or simulate its episodes again and compare (--verify).

    Videos go to RUN/videos: those with the protocol's cameras and size under the name that the run gives them, others with
    cameras and size in the name. Those that are there are kept; --force draws them again. Ctrl-C keeps what was done.

    --verify prints, for every episode, `identical` or where the simulation first differs from the record.

    Exit code 0: done; 1: an episode differs, or its trace is damaged; 2: wrong usage.

    \b
    Examples:
      evalharness replay results/my_run
      evalharness replay results/my_run --episode task3/init7 --camera frontview --size 512 --video out.mp4
      evalharness replay results/my_run --outcome failure --camera agentview --camera wrist --size 640x480
      evalharness replay results/my_run --verify
      evalharness replay results/my_run --verify --episode libero_spatial/task3/init7/repeat0/seed0 --json
    """  # noqa: D301
    from harness.cli.replay_output import ReplayOutput
    from harness.recorded_run import RecordedRun

    view = _view(options)
    run = RecordedRun(options["run"])
    chosen = run.select(options["episodes"], options["outcomes"])
    with ReplayOutput(as_json=options["as_json"]) as output:
        chosen = _with_traces(chosen, options, output)
        if options["verify"]:
            _verify(run, chosen, options, output)
        else:
            _draw(run, chosen, view, options, output)
    ctx.exit(1 if output.failed else 0)


def parse_size(text: str) -> tuple[int, int]:
    """Width and height in pixels from ``512``, which is square, or ``640x480``.

    Raises:
        UsageError: The text is something else.
    """
    from harness.errors import UsageError

    match = re.fullmatch(r"([0-9]{1,5})(?:x([0-9]{1,5}))?", text.strip().lower())
    if match is None:
        raise UsageError(f"--size {text!r} is neither a number of pixels nor width x height; write 512 or 640x480")
    return int(match[1]), int(match[2] or match[1])


def _view(options: dict[str, Any]) -> View:
    from harness.errors import UsageError
    from harness.types import View

    if options["verify"] and (options["cameras"] or options["size"] or options["video"]):
        raise UsageError("--verify makes no videos: leave out --camera, --size and --video, or --verify")
    cameras = tuple(dict.fromkeys(options["cameras"]))
    if options["size"] is None:
        return View(cameras)
    width_px, height_px = parse_size(options["size"])
    return View(cameras, height_px, width_px)


def _with_traces(chosen: list[RecordedEpisode], options: dict[str, Any], output: ReplayOutput) -> list[RecordedEpisode]:
    """Leaves out the episodes of which there is nothing to replay, and says so.

    Raises:
        HarnessError: One that was named has no trace, or none has.
    """
    # A trace that was there and is not any more makes a verification fail; see RecordedEpisode.trace.
    without = [one for one in chosen if not one.has_trace and not (options["verify"] and one.record.trace)]
    if without and (options["episodes"] or len(without) == len(chosen)):
        without[0].trace()
    if without:
        output.note(f"{len(without)} of {len(chosen)} episodes have no trace and are left out, such as {without[0].key}")
    return [one for one in chosen if one not in without]


def _draw(
    run: RecordedRun, chosen: list[RecordedEpisode], view: View, options: dict[str, Any], output: ReplayOutput
) -> None:
    from harness.envs.gl import choose_gl, use_gl
    from harness.recording.replay import replay_episode

    path = _single_path(chosen, options)
    wanted = []
    for one in chosen:
        if path is None and not options["force"] and one.video_path(view).exists():
            output.kept(one, one.video_path(view))
        else:
            wanted.append(one)
    if not wanted:
        return
    use_gl(choose_gl(options["gl"]))
    assets = run.find_assets(options["assets"], wanted)
    for difference in run.differences(assets, wanted):
        output.note(f"the videos may show something else than the run did: {difference}")

    def draw(environment: Environment, one: RecordedEpisode) -> None:
        output.replayed(replay_episode(environment, one, path, view=view, on_step=output.advance))

    _each(run.environment(assets), wanted, draw, output)


def _single_path(chosen: list[RecordedEpisode], options: dict[str, Any]) -> Path | None:
    """The path of ``--video``, if it is given and may be written."""
    from harness.errors import UsageError

    path: Path | None = options["video"]
    if path is None:
        return None
    if path.suffix.lower() != ".mp4":
        raise UsageError(f"--video {path}: videos are .mp4 files")
    if len(chosen) != 1:
        raise UsageError(f"--video names one file, and {len(chosen)} episodes are chosen: choose one with --episode")
    if path.exists() and not options["force"]:
        raise UsageError(f"--video {path} exists; --force replaces it")
    return path


def _verify(run: RecordedRun, chosen: list[RecordedEpisode], options: dict[str, Any], output: ReplayOutput) -> None:
    from harness.errors import UsageError
    from harness.recording.replay import verify_episode

    if not chosen:
        return
    assets = run.find_assets(options["assets"], chosen)
    differences = run.differences(assets, chosen)
    if differences and not options["force"]:
        lines = "".join(f"\n  {line}" for line in differences)
        raise UsageError(f"{run.directory} was made with something else than what is here:{lines}\n--force verifies anyway.")
    for difference in differences:
        output.note(difference)
    renderer = _renderer(options["gl"], output)

    def verify(environment: Environment, one: RecordedEpisode) -> None:
        output.verified(verify_episode(environment, one, renderer=renderer, on_step=output.advance))

    _each(run.environment(assets), chosen, verify, output)


def _renderer(requested: str, output: ReplayOutput) -> str | None:
    """What draws here; None, and a note, where nothing does: states can be compared without."""
    from harness.envs.gl import choose_gl, use_gl
    from harness.errors import RenderingError

    try:
        info = choose_gl(requested)
    except RenderingError as error:
        if requested != "auto":
            raise
        output.note(f"pictures are not compared: {str(error).splitlines()[0]}")
        return None
    use_gl(info)
    return info.renderer


def _each(
    environment: Environment,
    episodes: list[RecordedEpisode],
    work: Callable[[Environment, RecordedEpisode], None],
    output: ReplayOutput,
) -> None:
    """Works on episodes one after the other; what is wrong with one of them does not stop the others."""
    from harness.errors import HarnessError, StoreError, UsageError

    output.begin(episodes)
    try:
        for one in episodes:
            try:
                work(environment, one)
            except (UsageError, StoreError):
                raise
            except HarnessError as error:
                output.problem(one, str(error))
    except KeyboardInterrupt:
        output.note("stopped; what was done is kept")
        raise
    finally:
        environment.close()
