import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("build", "libero", "dev")
# The lock files hold one entry a package: name==version, an optional marker, then its hashes on lines of their own.
ENTRY = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^\s;]+)(?P<rest>.*(?:\n    .*)*)", re.MULTILINE)


def requirements():
    return pytest.importorskip("packaging.requirements")


def normal(name):
    """A project's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(name):
    """Package -> (version, everything else that its entry says)."""
    text = (ROOT / "requirements" / f"{name}.lock").read_text()
    return {found["name"]: (found["version"], found["rest"]) for found in ENTRY.finditer(text)}


def names_in(file):
    lines = (ROOT / "requirements" / file).read_text().splitlines()
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize(
    ("lock", "declared"),
    [
        ("libero", lambda: project()["project"]["dependencies"]),
        ("libero", lambda: project()["project"]["optional-dependencies"]["libero"]),
        ("dev", lambda: project()["dependency-groups"]["dev"]),
        ("build", lambda: project()["build-system"]["requires"]),
    ],
)
def test_every_declared_requirement_has_a_pin_that_fits(lock, declared):
    pins = read_lock(lock)
    for text in declared():
        requirement = requirements().Requirement(text)
        assert pins[normal(requirement.name)][0] in requirement.specifier, text


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes_and_no_address(lock):
    pins = read_lock(lock)
    text = (ROOT / "requirements" / f"{lock}.lock").read_text()
    assert len(pins) == len(re.findall(r"^[a-z]", text, re.MULTILINE)) > 5
    assert [name for name, (_, rest) in pins.items() if "--hash=sha256:" not in rest] == []
    assert not re.search(r"://|index-url|find-links|extra-index", text)


def test_what_no_environment_needs_is_not_installed():
    heavy = {"torch", "torchvision", "nvidia-cublas", "tensorboard", "opencv-python"}
    assert not (heavy | names_in("libero.exclude")) & read_lock("libero").keys()


def test_one_package_has_one_version_in_all_lock_files():
    found = {}
    for lock in LOCKS:
        for name, (version, _) in read_lock(lock).items():
            found.setdefault(name, set()).add(version)
    assert {name: versions for name, versions in found.items() if len(versions) > 1} == {}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The names of the files in a wheel that is built from this checkout."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    build = f"from hatchling.build import build_wheel; print(build_wheel({str(folder)!r}))"
    done = subprocess.run([sys.executable, "-c", build], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        return set(archive.namelist())


def test_the_wheel_has_every_module_and_every_suite(wheel):
    files = {str(path.relative_to(ROOT)) for path in (ROOT / "harness").rglob("*.py")}
    files |= {f"harness/_data/{path.relative_to(ROOT)}" for path in (ROOT / "suites").rglob("*.yaml")}
    files |= {f"harness/_data/{path.relative_to(ROOT)}" for path in (ROOT / "results" / "reference").glob("*.csv")}
    assert files <= wheel
    assert len([name for name in wheel if name.startswith("harness/_data/suites/protocols/")]) >= 4


def test_the_wheel_has_the_asset_manifest_and_the_marker_of_typed_packages(wheel):
    assert {"harness/envs/libero/asset_manifest.json", "harness/py.typed"} <= wheel


def test_the_wheel_has_nothing_else_at_its_top(wheel):
    assert {name.split("/")[0].partition("-")[0] for name in wheel} == {"harness", "evalharness"}
