"""``evalharness plan``: how many episodes a comparison needs, before it is made."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.statistics.planning import PairedDesign, UnpairedDesign


@click.command()
@click.option("--baseline", type=float, required=True, metavar="RATE", help="Success rate of the one, such as 0.9.")
@click.option(
    "--detect", type=float, metavar="DIFFERENCE", help="Rate of the other minus the baseline, such as 0.03 or -0.1."
)
@click.option("--episodes", type=int, metavar="N", help="Episodes at hand: which difference do they show?")
@click.option("--paired", is_flag=True, help="Both run the same episodes, as the same suite and seed do.")
@click.option(
    "--correlation", type=float, metavar="R",
    help="Of the outcomes of shared episodes, from -1 to 1; needs --paired.  [default: 0, the cautious assumption]",
)  # fmt: skip
@click.option("--discordance", type=float, metavar="SHARE", help="Share of episodes that only one of them solves; --paired.")
@click.option("--alpha", type=float, default=0.05, show_default=True, help="Chance of a false alarm.")
@click.option("--power", type=float, default=0.8, show_default=True, help="Chance to find the difference.")
def plan(
    baseline: float,
    detect: float | None,
    episodes: int | None,
    paired: bool,
    correlation: float | None,
    discordance: float | None,
    alpha: float,
    power: float,
) -> None:
    """Say how many episodes show a difference, or which difference a number of episodes shows.

    \b
    Examples:
      evalharness plan --baseline 0.9 --detect 0.03
      evalharness plan --baseline 0.9 --detect 0.03 --paired --discordance 0.08
      evalharness plan --baseline 0.9 --episodes 500 --paired
    """  # noqa: D301
    from harness.errors import HarnessError, UsageError
    from harness.statistics.planning import PairedDesign, UnpairedDesign

    if (detect is None) == (episodes is None):
        raise UsageError("say either which difference is wanted (--detect) or how many episodes there are (--episodes)")
    if not paired and (correlation is not None or discordance is not None):
        raise UsageError("--correlation and --discordance are about shared episodes: add --paired")
    if correlation is not None and discordance is not None:
        raise UsageError("--correlation and --discordance say the same in two ways: give one")
    try:
        design = (
            PairedDesign(baseline, correlation or 0.0, discordance, alpha) if paired else UnpairedDesign(baseline, alpha)
        )
        found = _found(design, detect, episodes, power)
    except HarnessError as error:
        raise UsageError(str(error)) from error
    click.echo(f"At a baseline of {100 * baseline:g} %, with a chance of {100 * power:g} % (alpha {alpha:g}): {found}")


def _found(design: PairedDesign | UnpairedDesign, detect: float | None, episodes: int | None, power: float) -> str:
    """What is found with how many episodes, in words."""
    kind = "shared episodes" if hasattr(design, "correlation") else "episodes of each run, none shared,"
    if episodes is None:
        assert detect is not None
        return f"{design.episodes(detect, power)} {kind} show a difference of {100 * detect:+g} points."
    sizes = {word: design.detectable(episodes, power, worse=word == "worse") for word in ("better", "worse")}
    known = [f"{100 * size:.1f} points {word}" for word, size in sizes.items() if not math.isnan(size)]
    if not known:
        return f"{episodes} {kind} show no difference at all; take more."
    return f"{episodes} {kind} show a run that is at least {' or '.join(known)}."
