from __future__ import annotations

import pytest
from click.testing import CliRunner

from harness.cli.collect import collect
from harness.cli.export import export
from harness.cli.main import cli
from harness.datasets.formats import FORMATS, dataset_format
from harness.errors import UsageError


def refused(*arguments) -> str:
    result = CliRunner().invoke(cli, list(map(str, arguments)))
    assert isinstance(result.exception, UsageError), result.output
    return str(result.exception)


@pytest.mark.parametrize("command", [collect, export])
def test_every_format_can_be_chosen(command):
    (option,) = (one for one in command.params if one.name == "format_name")
    assert tuple(option.type.choices) == FORMATS


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_can_be_written(name):
    pytest.importorskip("h5py" if name == "hdf5" else "pyarrow")
    made = dataset_format(name)
    assert callable(made.write_pictures)
    assert callable(made.assemble)


def test_an_unknown_format_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="Did you mean 'hdf5'"):
        dataset_format("hdf")


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    assert "is not a run directory" in refused("export", tmp_path, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_unknown_suite_leaves_no_folder(tmp_path):
    assert "lifft" in refused("collect", "--suite", "lifft", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_gone_on_with_is_told(tmp_path):
    (tmp_path / "notes.txt").touch()
    assert "there is nothing to go on with" in refused("collect", "--suite", "lift", "--out", tmp_path, "--resume")


def test_force_removes_nothing_that_no_collection_made(tmp_path):
    (tmp_path / "notes.txt").touch()
    assert "is no dataset of evalharness" in refused("collect", "--suite", "lift", "--out", tmp_path, "--force")
    (tmp_path / "notes.txt").unlink()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").touch()
    assert "is no run; nothing is removed" in refused("collect", "--suite", "lift", "--out", tmp_path, "--force")
    assert (tmp_path / "run" / "thesis.tex").exists()


def test_noise_of_nothing_is_wrong_usage(tmp_path):
    result = CliRunner().invoke(cli, ["collect", "--suite", "lift", "--noise", "0", "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "--noise" in result.output
