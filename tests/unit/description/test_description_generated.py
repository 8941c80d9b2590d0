"""What is committed in robots/piper is what the script generates."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from description_reference import CHECKOUT, PIPER

from harness.description.generate import write_description
from harness.description.model import load_description
from harness.errors import UsageError

SCRIPT = CHECKOUT / "scripts" / "generate_piper.py"
TEXTS = ("piper.urdf", "piper.xml", "piper_curobo_v2.yml", "piper_curobo_v07.yml")


def committed():
    return {path.relative_to(PIPER) for path in PIPER.rglob("*") if path.is_file() and not path.name.startswith(".")}


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("piper")
    write_description(load_description(PIPER / "robot.yaml"), folder, usd=False)
    return folder


@pytest.mark.parametrize("name", TEXTS)
def test_a_committed_text_is_what_is_generated(generated, name):
    assert (PIPER / name).read_text(encoding="utf-8") == (generated / name).read_text(encoding="utf-8")


def test_the_committed_meshes_are_what_is_generated(generated):
    names = sorted(path.name for path in (generated / "meshes").iterdir())
    assert names == sorted(path.name for path in (PIPER / "meshes").iterdir())
    for name in names:
        assert (PIPER / "meshes" / name).read_bytes() == (generated / "meshes" / name).read_bytes(), name


def test_nothing_else_is_committed_beside_them(generated):
    made = {path.relative_to(generated) for path in generated.rglob("*") if path.is_file()}
    assert committed() - {Path("robot.yaml"), Path("piper.usda")} == made


def test_all_files_together_are_under_two_megabytes():
    assert sum((PIPER / path).stat().st_size for path in committed()) < 2_000_000


def test_the_committed_usd_says_what_is_generated(tmp_path):
    usd = pytest.importorskip("pxr.Usd", reason="usd-core is not installed")
    from harness.description.usd import write_usd

    write_usd(load_description(PIPER / "robot.yaml"), tmp_path / "piper.usda")
    ours = usd.Stage.Open(str(PIPER / "piper.usda"))
    fresh = usd.Stage.Open(str(tmp_path / "piper.usda"))
    pairs = list(zip(ours.Traverse(), fresh.Traverse(), strict=True))
    assert len(pairs) > 100
    for here, there in pairs:
        assert (here.GetPath(), here.GetTypeName()) == (there.GetPath(), there.GetTypeName())
        assert here.GetAppliedSchemas() == there.GetAppliedSchemas()
        assert [item.GetName() for item in here.GetAuthoredProperties()] == [
            item.GetName() for item in there.GetAuthoredProperties()
        ]
        for attribute in here.GetAuthoredAttributes():
            assert_same_value(attribute.Get(), there.GetAttribute(attribute.GetName()).Get(), attribute.GetPath())


def assert_same_value(one, other, path):
    if isinstance(one, str | bool) or one is None or "Token" in type(one).__name__:
        assert one == other, path
        return
    if hasattr(one, "GetReal"):
        one, other = ((*q.GetImaginary(), q.GetReal()) for q in (one, other))
    np.testing.assert_allclose(np.array(one), np.array(other), rtol=1e-6, atol=1e-9, err_msg=str(path))


def test_the_script_refuses_to_overwrite_the_current_variant_with_another():
    result = subprocess.run([sys.executable, SCRIPT, "--variant", "old-dh"], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "--out" in result.stderr


def test_an_unknown_variant_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match="Did you mean 'old-dh'"):
        load_description(PIPER / "robot.yaml", "old-hd")
