from pathlib import Path

import pytest
from synthetic_runs import write_run

import harness
from harness.comparison import MEAN, load_reference
from harness.errors import UsageError

FOUR = ("libero_spatial", "libero_object", "libero_goal", "libero_10")
HEAD = "checkpoint,suite,rate_percent,standard_error_percent,n,seeds,protocol,source\n"


def test_published_rows_are_as_published() -> None:
    rows = {(row.checkpoint, row.source, row.suite): row for row in load_reference()}
    openvla = rows["OpenVLA", "openvla README", "libero_10"]
    assert (openvla.rate, openvla.standard_error, openvla.n, openvla.seeds) == pytest.approx((0.537, 0.013, 500, 3))
    groot = rows["GR00T N1.6", "Isaac-GR00T examples", "libero_object"]
    assert (groot.rate, groot.standard_error, groot.n) == (pytest.approx(0.9845), None, 200)
    assert rows["pi0.5", "openpi README", MEAN].rate == pytest.approx(0.9685)
    assert rows["pi0.5", "openpi README", MEAN].n is None


def test_every_published_row_has_a_source_and_means_fit_their_suites() -> None:
    by_row: dict[tuple[str, str], dict[str, float]] = {}
    for row in load_reference():
        by_row.setdefault((row.checkpoint, row.source), {})[row.suite] = row.rate
    assert len(by_row) == 14
    for rates in by_row.values():
        assert set(rates) == {*FOUR, MEAN}
        # Published means are rounded to a tenth of a point, from rates that are.
        assert rates[MEAN] == pytest.approx(sum(rates[suite] for suite in FOUR) / 4, abs=0.0011)


def test_rows_are_chosen_by_file_or_by_checkpoint(tmp_path: Path) -> None:
    assert load_reference("libero") == load_reference("all") == load_reference()
    assert {row.source for row in load_reference("PI0.5")} == {"openpi README", "vla-eval reproduction", "LeRobot"}
    (tmp_path / "own.csv").write_text(HEAD + "mine,libero_10,50,,100,,,my paper\n")
    (row,) = load_reference(str(tmp_path / "own.csv"))
    assert (row.checkpoint, row.rate, row.n, row.seeds, row.source) == ("mine", 0.5, 100, None, "my paper")
    with pytest.raises(UsageError, match=r"no published rows of that name\. Did you mean 'pi0.5'"):
        load_reference("pi0.55")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("checkpoint,rate\n", "the columns must be checkpoint, suite"),
        (HEAD + "a,b,140,,,,,s\n", "line 2: .*a rate from 0 to 100"),
        (HEAD + "a,b,14,,,,,\n", "line 2: .*a source"),
        (HEAD + "a,b,many,,,,,s\n", "line 2: could not convert"),
        (HEAD + "a,b,14,,x,,,s\n", "line 2: invalid literal"),
        (HEAD + "a,b\n", "line 2: "),
    ],
)
def test_a_wrong_file_says_where(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "own.csv").write_text(content)
    with pytest.raises(UsageError, match=message):
        load_reference(str(tmp_path / "own.csv"))
    with pytest.raises(UsageError, match="cannot be read"):
        load_reference(str(tmp_path / "nowhere.csv"))


def test_published_rows_change_no_number(tmp_path: Path) -> None:
    write_run(tmp_path / "a", "alpha", {("libero_goal", 0): "sfs"})
    write_run(tmp_path / "b", "beta", {("libero_goal", 0): "sss"})
    runs = harness.load_runs(tmp_path)
    without, beside = harness.compare(runs), harness.compare(runs, reference="all")
    assert without.pairs == beside.pairs
    assert without.reference == ()
    assert {row.suite for row in beside.reference} == {"libero_goal"}
    assert len(beside.reference) == 14
    assert any("not measured here" in note for note in beside.notes)


def test_a_published_mean_is_shown_where_all_its_suites_are_measured(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a", "alpha", {(suite, 0): "s" for suite in FOUR})
    compared = harness.compare(harness.load_runs(run), reference="pi0")
    assert [row.suite for row in compared.reference] == [*FOUR, MEAN]


def test_rates_on_other_assets_are_said_not_to_be_comparable_with_published_ones(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a", "alpha", {("libero_goal", 0): "s"}, assets__kind="lite")
    notes = harness.compare(harness.load_runs(run), reference="pi0").notes
    assert "Rates measured on the assets lite (fedcba987654) are not comparable to published ones." in notes


def test_the_folder_of_published_rows_can_be_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("EVALHARNESS_REFERENCE", str(tmp_path))
    assert load_reference() == ()
