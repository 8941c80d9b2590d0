import re
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console
from synthetic_runs import record, write_records, write_run

import harness
from harness.reports.comparison_files import write_csv, write_episodes_csv, write_latex, write_markdown
from harness.reports.comparison_terminal import print_comparison
from harness.reports.text_tables import TextTable, latex_table, latex_text, markdown_table, markdown_text

SPATIAL, GOAL = "libero_spatial", "libero_goal"


@pytest.fixture
def compared(tmp_path: Path):
    write_run(tmp_path / "a", "alpha", {(SPATIAL, 0): "ssff", (GOAL, 0): "sssf"})
    write_run(tmp_path / "b_2", "be_ta", {(SPATIAL, 0): "sssf", (GOAL, 0): "ssse"})
    return harness.compare(harness.load_runs(tmp_path), reference="OpenVLA")


def printed(comparison, width: int = 120, **options) -> str:
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    print_comparison(comparison, console, **options)
    return console.export_text()


def test_the_csv_has_a_row_a_checkpoint_and_columns_a_suite(compared, tmp_path: Path) -> None:
    write_csv(compared, tmp_path / "out" / "table.csv")
    frame = pd.read_csv(tmp_path / "out" / "table.csv").set_index("checkpoint")
    measured = frame[frame["kind"] == "measured"]
    assert measured[f"{SPATIAL} rate"].to_dict() == {"alpha": 0.5, "be_ta": 0.75}
    assert measured.loc["be_ta", [f"{GOAL} n", f"{GOAL} successes", f"{GOAL} errors"]].tolist() == [3, 3, 1]
    assert measured["mean rate"].to_dict() == {"alpha": 0.625, "be_ta": 0.875}
    assert measured["assets"].unique().tolist() == ["official (fedcba987654)"]
    assert measured["comparable"].unique().tolist() == ["yes"]
    published = frame[frame["kind"] == "published"].set_index("source")
    assert published.loc["openvla README", f"{SPATIAL} rate"] == pytest.approx(0.847)
    assert published.loc["openvla README", f"{SPATIAL} n"] == 1500
    assert published["run"].isna().all()
    assert ",4.0," not in (tmp_path / "out" / "table.csv").read_text()


def test_the_csv_per_task_has_a_row_a_run_and_task(compared, tmp_path: Path) -> None:
    write_csv(compared, tmp_path / "tasks.csv", per_task=True)
    frame = pd.read_csv(tmp_path / "tasks.csv")
    assert frame[["label", "suite", "task_id", "successes", "n", "errors"]].to_numpy().tolist() == [
        ["alpha", SPATIAL, 0, 2, 4, 0],
        ["alpha", GOAL, 0, 3, 4, 0],
        ["be_ta", SPATIAL, 0, 3, 4, 0],
        ["be_ta", GOAL, 0, 3, 3, 1],
    ]


def test_the_episodes_csv_gives_the_same_rates_again(compared, tmp_path: Path) -> None:
    write_episodes_csv(compared, tmp_path / "episodes.csv")
    frame = pd.read_csv(tmp_path / "episodes.csv")
    assert len(frame) == 16
    counted = frame[frame["counted"]]
    rates = (counted["outcome"] == "success").groupby([counted["label"], counted["suite"]]).mean()
    assert rates.to_dict() == {
        ("alpha", SPATIAL): 0.5, ("alpha", GOAL): 0.75, ("be_ta", SPATIAL): 0.75, ("be_ta", GOAL): 1.0,
    }  # fmt: skip
    (error,) = frame[frame["outcome"] == "error"].to_dict("records")
    assert (error["error_type"], error["error_message"], error["run"]) == ("ValueError", "no", "b_2")


def test_an_error_message_with_line_breaks_and_commas_stays_in_its_cell(tmp_path: Path) -> None:
    error = {"type": "E", "message": 'a,"b"\nc'}
    write_records(tmp_path / "a", "alpha", [record(GOAL, 0, 0, "error", error=error)], [GOAL])
    write_episodes_csv(harness.compare(harness.load_runs(tmp_path)), tmp_path / "episodes.csv")
    assert pd.read_csv(tmp_path / "episodes.csv")["error_message"].tolist() == ['a,"b"\nc']


def test_markdown_has_rates_pairs_and_published_rows(compared, tmp_path: Path) -> None:
    write_markdown(compared, tmp_path / "table.md", per_task=True)
    text = (tmp_path / "table.md").read_text()
    assert "| alpha | official<br>(fedcba987654) | 50.0 %<br>[15.0, 85.0]<br>2/4 | 75.0 %" in text
    assert "3/3, 1 error |" in text
    assert "**Published, not measured here**" in text
    assert "| OpenVLA | openvla README | openvla | 84.7 ± 0.9 %<br>n = 3 x 500 |" in text
    assert "| be_ta | libero_spatial | 4 | 1 | 0 | +25.0 [" in text
    assert "| libero_spatial | 0: task_0 | 50.0 %" in text
    assert "be_ta against alpha: 1 shared episode left out because of an error in either run." in text
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_latex_escapes_names_and_closes_its_tables(compared, tmp_path: Path) -> None:
    write_latex(compared, tmp_path / "table.tex")
    text = (tmp_path / "table.tex").read_text()
    assert r"be\_ta & " in text
    assert not re.search(r"^[^%\n]*(?<!\\)_", text, re.MULTILINE)
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 3
    for line in re.findall(r"^    .* \\\\$", text, re.MULTILINE):
        assert line.count("{") == line.count("}")
    assert r"\shortstack{{50.0 \%} \\ {[15.0, 85.0]} \\ {2/4}}" in text


def test_the_terminal_shows_everything_in_words(compared) -> None:
    text = printed(compared, per_task=True)
    for part in ("alpha", "be_ta", "official", "62.5 %", "87.5 %", "Published, not measured here", "openvla README"):
        assert part in text
    assert "no difference between be_ta and alpha could be shown" in text.replace("\n", " ")
    assert "Success rates of tasks" in text
    assert max(map(len, text.splitlines())) <= 120


def test_a_narrow_terminal_keeps_the_names(compared) -> None:
    for table in printed(compared, width=90).split("Against the baseline")[1:]:
        assert "be_ta" in table


def test_more_suites_than_fit_beside_each_other_stand_under_each_other(tmp_path: Path) -> None:
    suites = [f"a_suite_with_a_long_name_{i}" for i in range(8)]
    for name, letters in (("alpha", "sf"), ("beta", "ss")):
        write_run(tmp_path / name, name, {(suite, 0): letters for suite in suites})
    text = printed(harness.compare(harness.load_runs(tmp_path)), width=110)
    rates = text.partition("Against the baseline")[0]
    assert rates.count("50.0 % [9.5, 90.5] 1/2") == 8
    assert rates.count("100.0 % [34.2, 100.0] 2/2") == 8
    assert max(map(len, text.splitlines())) <= 110


def test_a_forced_comparison_is_marked_wherever_it_is_shown(tmp_path: Path) -> None:
    write_run(tmp_path / "a", "alpha", {(GOAL, 0): "s"})
    write_run(tmp_path / "b", "beta", {(GOAL, 0): "s"}, assets__kind="lite")
    compared = harness.compare(harness.load_runs(tmp_path), force=True)
    write_markdown(compared, tmp_path / "t.md")
    write_latex(compared, tmp_path / "t.tex")
    write_csv(compared, tmp_path / "t.csv")
    for text in ((tmp_path / "t.md").read_text(), (tmp_path / "t.tex").read_text(), printed(compared)):
        assert "NOT COMPARABLE" in text
        assert "assets.kind: alpha has official; beta has lite" in " ".join(text.split())
    assert pd.read_csv(tmp_path / "t.csv")["comparable"].tolist() == ["no", "no"]


def test_a_single_suite_has_no_row_that_says_the_same_again(tmp_path: Path) -> None:
    write_run(tmp_path / "a", "alpha", {(GOAL, 0): "sf"})
    write_run(tmp_path / "b", "beta", {(GOAL, 0): "ss"})
    compared = harness.compare(harness.load_runs(tmp_path))
    write_markdown(compared, tmp_path / "t.md")
    assert "| mean" not in (tmp_path / "t.md").read_text()


def test_what_means_something_to_markdown_or_latex_is_escaped() -> None:
    assert markdown_text("a|b\n*c* `d` <e> __f__ [g](h)") == r"a\|b \*c\* \`d\` \<e> \_\_f\_\_ [g]\(h)"
    assert latex_text("50 % of $x_1 & {y}\\#~^") == (
        r"50 \% of \$x\_1 \& \{y\}\textbackslash{}\#\textasciitilde{}\textasciicircum{}"
    )


def test_a_table_has_its_columns_aligned() -> None:
    table = TextTable("", ("name", "n"), (("a", "1"), ("b\nc", "")))
    assert markdown_table(table) == "| name | n |\n| --- | ---: |\n| a | 1 |\n| b<br>c |  |\n"
    assert r"\begin{tabular}{lr}" in latex_table(table)
    assert r"\shortstack{{b} \\ {c}} &  \\" in latex_table(table)
