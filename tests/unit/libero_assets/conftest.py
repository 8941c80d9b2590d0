"""A few small assets in place of LIBERO's, with their manifest, and a hub that serves them."""

from __future__ import annotations

import json

import pytest
from hub_server import HubServer, blob_id
from sample_assets import FILES, NOT_LOADED

from harness.envs.libero import assets as assets_module
from harness.envs.libero.assets import AssetManifest, asset_manifest


@pytest.fixture
def manifest():
    names = tuple(FILES)
    return AssetManifest(
        files={name: blob_id(data) for name, data in FILES.items()}, tasks={"cook": names, "look": names[2:]}
    )


@pytest.fixture
def manifest_file(manifest, tmp_path, monkeypatch):
    """The small manifest in place of the package's, also for commands."""
    path = tmp_path / "manifest.json"
    names = list(manifest.files)
    tasks = {task: [names.index(file) for file in files] for task, files in manifest.tasks.items()}
    path.write_text(json.dumps({"files": dict(manifest.files), "tasks": tasks}))
    monkeypatch.setattr(assets_module, "_MANIFEST", path)
    asset_manifest.cache_clear()
    yield path
    asset_manifest.cache_clear()


@pytest.fixture
def hub(monkeypatch):
    for variable in ("HF_ENDPOINT", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HF_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    server = HubServer()
    server.files = {**FILES, **NOT_LOADED}
    yield server
    server.close()


@pytest.fixture
def write_files():
    def write(root, files):
        for name, data in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(data)
        return root

    return write


@pytest.fixture
def contents():
    """Every file below a folder, by name."""
    return lambda root: {
        path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()
    }
