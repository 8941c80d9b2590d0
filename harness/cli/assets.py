"""``evalharness assets``: which of LIBERO's meshes and textures are here, and how to get them."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from harness.errors import AssetsError, DownloadError

if TYPE_CHECKING:
    from harness.envs.libero.asset_check import Findings
    from harness.envs.libero.asset_fetch import Fetched
    from harness.envs.libero.assets import AssetSet

_SHOWN = 10

_assets_option = click.option(
    "--assets", default="auto", metavar="auto|lite|DIR", show_default=True, help="LIBERO's assets."
)


@click.group("assets")
def assets() -> None:
    """Find, fetch and verify LIBERO's meshes and textures.

    \b
    Examples:
      evalharness assets status
      evalharness assets fetch
      evalharness assets fetch --from libero.zip
      evalharness assets verify
    """  # noqa: D301


@assets.command()
@_assets_option
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def status(assets: str, as_json: bool) -> None:
    """Say which assets a run would use, from where, and whether they are complete.

    The exit status is 0 when every file that any of the 130 tasks loads is there, and 1 when not.

    \b
    Examples:
      evalharness assets status
      evalharness assets status --assets ~/LIBERO/libero/libero/assets
      evalharness assets status --json
    """  # noqa: D301
    content = _status(assets)
    click.echo(json.dumps(content, indent=2) if as_json else "\n".join(_status_lines(content)))
    raise SystemExit(0 if content["complete"] else 1)


@assets.command()
@click.option("--from", "source", metavar="SOURCE", help="A folder, an archive (zip, tar) or its URL, not the hub.")
@click.option("--into", metavar="DIR", type=click.Path(path_type=Path), help="Put them there.  [default: the data folder]")
@click.option("--all", "everything", is_flag=True, help="Also what none of the 130 tasks loads.")
@click.option("--revision", metavar="COMMIT", help="Another commit, branch or tag of the hub's repository.")
@click.option("--allow-modified", is_flag=True, help="Accept files that are not LIBERO's own.")
@click.option("--replace", is_flag=True, help="Replace assets that are there already.")
def fetch(source: str | None, into: Path | None, revision: str | None, **flags: Any) -> None:
    """Fetch LIBERO's assets from the Hugging Face hub, or from a folder, an archive or a URL.

    Every file is compared with LIBERO's own before the set is moved into place in one step. What an interrupted fetch has
    brought is kept, and the same command goes on from there. HF_ENDPOINT names a mirror of the hub.

    The exit status is 0 when the set is in place and 1 when something failed.

    \b
    Examples:
      evalharness assets fetch
      evalharness assets fetch --into /data/libero_assets
      evalharness assets fetch --from ~/LIBERO
      evalharness assets fetch --from https://example.org/libero_assets.tar.xz
    """  # noqa: D301
    if source is not None and revision is not None:
        raise click.UsageError("--revision is the hub's; it means nothing with --from.")
    if not sys.stderr.isatty():
        # Read when huggingface_hub is imported: its bars would fill a log file.
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from harness.envs.libero.asset_fetch import FetchOptions, partial_folder
    from harness.envs.libero.asset_fetch import fetch as fetch_assets
    from harness.envs.libero.asset_hub import PINNED_REVISION
    from harness.envs.libero.assets import asset_manifest, fetch_target

    target = into or fetch_target()
    options = FetchOptions(into=target, source=source, revision=revision or PINNED_REVISION, **flags)
    try:
        with _progress() as progress:
            fetched = fetch_assets(options, asset_manifest(), progress)
    except DownloadError as error:
        raise DownloadError(f"{error}{_kept(partial_folder(target))}") from error
    except KeyboardInterrupt:
        click.echo(f"Interrupted.{_kept(partial_folder(target))}", err=True)
        raise
    click.echo("\n".join(_fetched_lines(fetched)))


@assets.command()
@_assets_option
@click.option("--allow-modified", is_flag=True, help="Accept files that are not LIBERO's own.")
@click.option("--json", "as_json", is_flag=True, help="Print every file's name, as JSON.")
def verify(assets: str, allow_modified: bool, as_json: bool) -> None:
    """Read every file that any of the 130 tasks loads, and say what is missing, damaged or modified.

    The exit status is 0 when all of them are LIBERO's own, byte for byte, and 1 when not.

    \b
    Examples:
      evalharness assets verify
      evalharness assets verify --assets DIR --allow-modified
      evalharness assets verify --json
    """  # noqa: D301
    import dataclasses

    from harness.envs.libero.asset_check import check_files
    from harness.envs.libero.assets import LITE, asset_manifest, find_assets

    try:
        found = find_assets(assets)
    except AssetsError as error:
        click.echo(json.dumps({"ok": False, "problem": str(error)}, indent=2) if as_json else str(error), err=not as_json)
        raise SystemExit(1) from error
    if found.kind == LITE:
        _verified_lite(found, as_json=as_json)
    findings = check_files(found.root, asset_manifest().files)
    ok = findings.official or (allow_modified and findings.complete)
    if as_json:
        click.echo(json.dumps({"ok": ok, "root": str(found.root), **dataclasses.asdict(findings)}, indent=2))
    else:
        click.echo("\n".join(_verify_lines(found.root, findings)))
    raise SystemExit(0 if ok else 1)


def _verified_lite(found: AssetSet, *, as_json: bool) -> NoReturn:
    """Says that the lite set is whole, which `find_assets` has checked, and what it is not: LIBERO's own."""
    content = {"ok": False, "root": str(found.root), "kind": found.kind, "sha256": found.sha256, "warning": found.warning}
    text = f"Every file in {found.root} is as the harness makes it.\n{found.source}: {found.warning}."
    click.echo(json.dumps(content, indent=2) if as_json else text)
    raise SystemExit(1)


def _status(choice: str) -> dict[str, Any]:
    """Everything that ``status`` prints."""
    from harness.envs.libero.asset_fetch import read_record
    from harness.envs.libero.assets import asset_manifest, find_assets, missing_files, search_order

    content: dict[str, Any] = {"complete": False, "files": len(asset_manifest().files), "problem": None}
    places = list(search_order(choice))
    try:
        found = find_assets(choice)
    except AssetsError as error:
        content["problem"] = str(error)
        root = None
    else:
        root = found.root
        missing = missing_files(found)
        content |= {"root": str(root), "source": found.source, "kind": found.kind, "sha256": found.sha256}
        content["warning"] = found.warning
        content |= {"complete": not missing, "missing": list(missing)}
        content |= {"modified": sorted(set(found.modified) - set(missing)), "fetched": read_record(root)}
    content["places"] = []
    for place in places:
        state = "assets" if place.holds_assets else "other" if place.root.exists() else "absent"
        row = {"root": str(place.root), "source": place.source, "state": state, "used": place.root == root}
        content["places"].append(row)
        root = None if place.root == root else root  # a folder that is two of the places is used as the first of them
    return content


def _status_lines(content: dict[str, Any]) -> Iterator[str]:
    """The status, for people."""
    if "root" not in content:
        yield content["problem"]
        return
    missing, modified = len(content["missing"]), len(content["modified"])
    yield f"folder  {content['root']} ({content['source']})"
    state = "complete" if content["complete"] else f"{missing} of {content['files']} files are missing"
    yield f"state   {state}"
    yield f"kind    {content['kind']}{f' ({modified} files differ from the official ones)' if modified else ''}"
    yield f"sha256  {content['sha256']}"
    if content["warning"]:
        yield f"note    {content['warning']}"
    if content["fetched"]:
        record = content["fetched"]
        yield f"fetched {record.get('fetched')} from {record.get('source')} {record.get('commit', '')}".rstrip()
    yield "\nPlaces, in the order in which they are looked at:"
    states = {"assets": "assets too", "other": "no assets in it", "absent": "not there"}
    for place in content["places"]:
        yield f"  {'used' if place['used'] else states[place['state']]:<15}  {place['root']} ({place['source']})"
    if not content["complete"] or content["kind"] == "lite":
        yield "\nGet the official assets with `evalharness assets fetch`."


def _verify_lines(root: Path, findings: Findings) -> Iterator[str]:
    """The findings, for people."""
    for what in ("missing", "damaged", "modified"):
        names = getattr(findings, what)
        yield from (f"{what:<9} {name}" for name in names[:_SHOWN])
        if len(names) > _SHOWN:
            yield f"{what:<9} and {len(names) - _SHOWN} more; --json lists all"
    right = findings.checked - len(findings.missing) - len(findings.damaged) - len(findings.modified)
    yield f"{right} of {findings.checked} files in {root} are LIBERO's own."


def _kept(partial: Path) -> str:
    """Says what an unfinished fetch has left, if anything."""
    return (
        f"\nWhat was fetched so far is kept in {partial}; the same command goes on from there." if partial.exists() else ""
    )


def _fetched_lines(fetched: Fetched) -> Iterator[str]:
    if not fetched.new:
        yield f"{fetched.root} is complete, and every file is LIBERO's own; nothing was fetched."
        return
    modified = len(fetched.findings.modified)
    yield f"Fetched into {fetched.root}; {fetched.findings.checked} files checked, {modified} of them modified."
    from harness.envs.libero.assets import find_assets

    with contextlib.suppress(AssetsError):
        if find_assets().root.resolve() == fetched.root:
            return
    yield f"To use them: --assets {fetched.root}, or EVALHARNESS_LIBERO_ASSETS={fetched.root}"


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str, int, int | None], None]]:
    """A bar on a terminal, and one line for each thing that is done elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    bar = Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
    tasks: dict[str, TaskID] = {}
    said: set[str] = set()

    def progress(what: str, done: int, total: int | None) -> None:
        if what not in said:
            said.add(what)
            click.echo(f"{what} ...", err=True)
        if done or total:  # the hub's library says nothing of bytes here, and draws its own bars
            bar.start()
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)

    try:
        yield progress
    finally:
        bar.stop()
