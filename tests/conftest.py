"""What tests share: LIBERO's assets and a simulator that is ready to be imported."""

from __future__ import annotations

import contextlib

import pytest

from harness.errors import HarnessError


def pytest_addoption(parser):
    parser.addoption(
        "--all-tasks", action="store_true", help="compare all 130 LIBERO tasks with upstream's loop, not eight of them"
    )


def pytest_configure(config):
    """Chooses how pictures are drawn, before any test file imports mujoco, which cannot change it afterwards."""
    from harness.envs.gl import choose_gl, use_gl

    with contextlib.suppress(HarnessError):  # where nothing draws, the tests that draw say so
        use_gl(choose_gl())


@pytest.fixture(scope="session")
def libero_assets():
    """The official assets, or a skip that says why not."""
    from harness.envs.libero.assets import LITE, find_assets, missing_files

    try:
        assets = find_assets()
    except HarnessError as error:
        pytest.skip(f"LIBERO's official assets are not here (docs/assets.md): {str(error).splitlines()[0]}")
    if assets.kind == LITE:
        pytest.skip("LIBERO's official assets are not here (docs/assets.md)")
    missing = missing_files(assets)
    if missing:
        pytest.skip(f"LIBERO's official assets are incomplete: {len(missing)} files are missing, such as {missing[0]}")
    return assets


@pytest.fixture(scope="session")
def simulator(libero_assets):
    """LIBERO importable in this process, with an OpenGL back end."""
    from harness.envs.gl import choose_gl, use_gl
    from harness.envs.libero.installation import prepare

    use_gl(choose_gl())
    prepare(libero_assets.root)
    return libero_assets
