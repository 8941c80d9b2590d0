import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.envs.gl import GLInfo, choose_gl, try_backend
from harness.errors import RenderingError, UsageError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def working():
    """The back ends that draw on this machine."""
    found = [name for name in ("egl", "osmesa") if isinstance(try_backend(name), GLInfo)]
    if not found:
        pytest.skip("no OpenGL back end works here")
    return found


def in_python(program, **variables):
    """Runs a program in a fresh interpreter, with the given environment variables set or, when None, unset."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for name, value in {"PYOPENGL_PLATFORM": None, "MUJOCO_GL": None, **variables}.items():
        environment.pop(name, None)
        if value is not None:
            environment[name] = value
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_unknown_back_end_is_answered_with_the_known_ones():
    with pytest.raises(UsageError, match=r"Did you mean 'egl'.*osmesa"):
        choose_gl("elg")


def test_a_working_back_end_says_who_draws(working):
    info = choose_gl(working[0])
    assert info.backend == working[0]
    assert info.attempts == ((working[0], "ok"),)
    assert info.renderer
    assert info.vendor
    assert info.version[0].isdigit()


def test_auto_tries_egl_first(working, monkeypatch):
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    info = choose_gl()
    assert info.attempts[0][0] == "egl"
    assert info.backend == working[0]


def test_auto_tries_what_the_user_set_first(working, monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "OSMesa")
    assert choose_gl().attempts[0][0] == "osmesa"


def test_a_back_end_that_fails_is_an_error_with_what_it_said_and_what_to_install(monkeypatch):
    for variable in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    try_backend.cache_clear()
    with pytest.raises(RenderingError, match=r"(?s)glfw: \w.*apt-get install libegl1") as caught:
        choose_gl("glfw")
    assert "Traceback" not in str(caught.value)


def test_a_broken_installation_gives_a_sentence_and_not_an_exception(monkeypatch, tmp_path):
    (tmp_path / "mujoco.py").write_text("raise ImportError('libEGL.so.1 is missing')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    try_backend.cache_clear()
    assert try_backend("egl") == "ImportError: libEGL.so.1 is missing"
    try_backend.cache_clear()


def test_a_probe_that_crashes_gives_a_sentence_and_not_an_exception(monkeypatch, tmp_path):
    (tmp_path / "mujoco.py").write_text("import os; os.kill(os.getpid(), 11)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    try_backend.cache_clear()
    assert try_backend("osmesa") == "its process was ended by signal 11"
    try_backend.cache_clear()


USE = """
import os, sys
from harness.envs.gl import GLInfo, use_gl
use_gl(GLInfo({backend!r}, "", "", "", ()))
print(os.environ["MUJOCO_GL"], os.environ.get("PYOPENGL_PLATFORM"), "mujoco" in sys.modules)
"""


@pytest.mark.parametrize(
    ("backend", "expected"),
    [("egl", "egl egl False"), ("osmesa", "osmesa osmesa False"), ("glfw", "glx None False")],
)
def test_using_a_back_end_sets_the_environment_and_imports_nothing(backend, expected):
    assert in_python(USE.format(backend=backend), PYOPENGL_PLATFORM="other").strip() == expected


def test_using_another_back_end_than_mujoco_was_imported_with_is_refused(working):
    name, other = working[0], "osmesa" if working[0] == "egl" else "egl"
    program = f"""
import mujoco
from harness.envs.gl import GLInfo, use_gl
from harness.errors import RenderingError
use_gl(GLInfo({name!r}, "", "", "", ()))
try:
    use_gl(GLInfo({other!r}, "", "", "", ()))
except RenderingError as error:
    print(error)
"""
    said = in_python(program, MUJOCO_GL=name)
    assert f"back end '{name}' and cannot change to '{other}'" in said
