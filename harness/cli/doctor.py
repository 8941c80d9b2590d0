"""``evalharness doctor``: can LIBERO run here, and what would make its results differ?"""

from __future__ import annotations

import dataclasses
import json
import textwrap
from collections.abc import Iterator

import click

from harness.diagnostics import Problem, Report, diagnose

_GIB = 2**30
_WIDTH = 100


@click.command()
@click.option("--assets", default="auto", metavar="auto|lite|DIR", show_default=True, help="LIBERO's assets.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def doctor(assets: str, as_json: bool) -> None:
    """Say whether LIBERO can run here, and how to mend what is wrong.

    Looks at versions, OpenGL, assets and the machine. The exit status is 0 when LIBERO can run and 1 when it cannot.
    """
    report = diagnose(assets)
    if as_json:
        click.echo(json.dumps({"can_run": report.can_run, **dataclasses.asdict(report)}, indent=2))
    else:
        click.echo("\n".join(_lines(report)))
    raise SystemExit(0 if report.can_run else 1)


def _lines(report: Report) -> Iterator[str]:
    """The report, for people."""
    yield from _section("Versions", {name: version or "not installed" for name, version in report.versions.items()})
    gl = f"{report.gl.backend}, {report.gl.renderer}, OpenGL {report.gl.version}" if report.gl else "none works"
    yield from _section("OpenGL", {**report.backends, "used": gl})
    yield from _section("Assets", _assets_rows(report))
    machine = report.machine
    rows = {
        "system": machine.system,
        "cores": str(machine.cores),
        "memory": f"{machine.memory_bytes / _GIB:.1f} GiB",
        "disk free": f"{machine.disk_free_bytes / _GIB:.1f} GiB",
        "GPU": ", ".join(machine.gpus) or "none found",
        "commit": report.commit or "not a git checkout",
    }
    yield from _section("Machine", rows)
    yield from _problem_lines(report.problems)
    yield click.style("LIBERO can run here." if report.can_run else "LIBERO cannot run here.", bold=True)


def _assets_rows(report: Report) -> dict[str, str]:
    assets = report.assets
    if assets is None:
        return {"folder": "not found"}
    state = "complete" if not assets.missing else f"{assets.missing} files missing"
    return {
        "folder": f"{assets.root} ({assets.source})",
        "state": f"{state}, {assets.kind}" + (f" ({assets.modified} files differ)" if assets.modified else ""),
        "sha256": assets.sha256,
    }


def _section(title: str, rows: dict[str, str]) -> Iterator[str]:
    yield click.style(title, bold=True)
    width = max(map(len, rows))
    yield from (f"  {name:<{width}}  {value}" for name, value in rows.items())
    yield ""


def _problem_lines(problems: tuple[Problem, ...]) -> Iterator[str]:
    if not problems:
        return
    yield click.style("Problems", bold=True)
    for problem in problems:
        mark = click.style("error  ", fg="red") if problem.fatal else click.style("warning", fg="yellow")
        lines = [*_wrapped(problem.what), *_wrapped(f"-> {problem.remedy}", indent="   ")]
        yield f"  {mark}  {lines[0]}"
        yield from (f"           {line}" for line in lines[1:])
    yield ""


def _wrapped(text: str, indent: str = "") -> Iterator[str]:
    for part in text.splitlines():
        # Commands and paths stay whole, so that they can be copied.
        yield from textwrap.wrap(part, _WIDTH, break_on_hyphens=False, break_long_words=False, subsequent_indent=indent)
