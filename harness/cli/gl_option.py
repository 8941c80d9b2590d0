"""The option that every command which draws has."""

from __future__ import annotations

import click

gl_option = click.option(
    "--gl",
    type=click.Choice(["auto", "egl", "osmesa", "glfw"]),
    default="auto",
    show_default=True,
    help="OpenGL back end.",
)
