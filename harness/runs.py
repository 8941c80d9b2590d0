"""A run directory, read: everything that tables, pages and comparisons are made from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from harness.envs.families import family_of
from harness.errors import StoreError
from harness.latency import LatencySummary, read_queries, summarise_latency
from harness.reports.summary import summarise, write_summary
from harness.stopping import Finding, StopTest, stop_test_of
from harness.store import EPISODES_FILE, Record, final_records, read_info, read_records


class Run:
    """The results of one run."""

    def __init__(self, directory: str | Path) -> None:
        """Opens a run directory for reading.

        Raises:
            StoreError: There is no run in it, or it is damaged.
        """
        self.directory = Path(directory)
        self.info: dict[str, Any] = read_info(self.directory)

    def __repr__(self) -> str:
        return f"Run({str(self.directory)!r})"

    @property
    def name(self) -> str:
        """The directory's name."""
        return self.directory.resolve().name

    @property
    def policy(self) -> str:
        """The policy's name."""
        return str(self.info["policy"]["name"])

    @property
    def errors_as_failures(self) -> bool:
        """Whether rates count an error like a failure, as the user asked."""
        return bool(self.info["options"]["errors_as_failures"])

    def records(self) -> list[Record]:
        """All attempts, in the order in which they ended."""
        return read_records(self.directory)

    def attempts(self) -> pd.DataFrame:
        """All attempts: a row each, the fields of ``episodes.jsonl`` as columns."""
        return _frame(self.records())

    def episodes(self) -> pd.DataFrame:
        """The attempt that counts of every episode, by suite, task, initial state and repeat.

        Raises:
            StoreError: The file of episodes is damaged, has two results of one episode, or episodes of another run.
        """
        final = sorted(final_records(self.records()).values(), key=self._order)
        return _frame(final)

    def queries(self) -> pd.DataFrame:
        """The policy's answers in the attempts that count: a row each, the columns of ``queries.csv``.

        Raises:
            StoreError: A file is damaged.
        """
        counted = {(record.key, record.attempt) for record in final_records(self.records()).values()}
        return read_queries(self.directory, counted)

    def latency(self) -> LatencySummary | None:
        """How long the policy's answers took; None where that is not known."""
        return summarise_latency(self.queries())

    def error_count(self) -> int:
        """How many episodes are in error after all tries."""
        return sum(record.outcome == "error" for record in final_records(self.records()).values())

    def summary(self) -> pd.DataFrame:
        """Success rates with intervals: a row a task, a row a suite, and the mean over suites (docs/results.md)."""
        return summarise(
            self.episodes(),
            run=self.name,
            policy=self.policy,
            assets=self.info["assets"]["kind"],
            errors_as_failures=self.errors_as_failures,
            seen=None if (test := self._stop_test()) is None else test.seen,
        )

    def finding(self) -> Finding | None:
        """What the test of a run that may stop early has found; None for all other runs.

        Raises:
            StoreError: The run is damaged.
        """
        test = self._stop_test()
        return None if test is None else test.finding

    def _stop_test(self) -> StopTest | None:
        if self.info.get("stopping") is None:
            return None
        return stop_test_of(self.info, {key: one.outcome for key, one in final_records(self.records()).items()})

    def write_summary(self) -> None:
        """Writes ``summary.csv`` and ``summary.md`` into the run directory, anew."""
        write_summary(self.directory, self.summary(), self.header(), errors_as_failures=self.errors_as_failures)

    def header(self) -> dict[str, str]:
        """What the run was, for the top of a table."""
        info = self.info
        suites = ", ".join(suite["name"] for suite in info["suites"])
        simulator = family_of(info["environment"]).simulator_packages
        packages = ", ".join(f"{name} {info['versions'][name]}" for name in simulator)
        finding, latency = self.finding(), self.latency()
        return {
            "run": self.name,
            "suite": suites,
            "policy": f"{info['policy']['uri']} ({info['policy']['fingerprint'][:12]})",
            "protocol": ", ".join(sorted({_protocol_words(suite["protocol"]) for suite in info["suites"]})),
            "seed": str(info["seed"]),
            "assets": self._assets(),
            "renderer": "; then ".join(self.renderers()),
            "simulator": packages,
            "created": info["created"],
            **({} if latency is None else {"latency": latency.words}),
            **({} if finding is None else {"stopping": finding.words}),
        }

    def _assets(self) -> str:
        """The set, its hash, and what is to be known of it."""
        assets = self.info["assets"]
        return ": ".join(filter(None, (f"{assets['kind']} ({assets['sha256'][:12]})", assets["warning"])))

    def renderers(self) -> list[str]:
        """What drew the pictures, in every session that had another."""
        sessions = [self.info, *self.info.get("resumed", ())]
        names = [f"{session['renderer']['renderer']} ({session['renderer']['backend']})" for session in sessions]
        return list(dict.fromkeys(names))

    def _order(self, record: Record) -> tuple[int, int, int, int]:
        suites = [suite["name"] for suite in self.info["suites"]]
        if record.suite not in suites:
            raise StoreError(
                f"{self.directory / EPISODES_FILE} has an episode of {record.suite!r}, and the run is of "
                f"{', '.join(suites)}: the file belongs to another run"
            )
        return suites.index(record.suite), record.task_id, record.init, record.repeat


def _protocol_words(protocol: Mapping[str, Any]) -> str:
    """A protocol's name, and whether the simulation waits for the policy where it does not."""
    hz = protocol.get("realtime_hz")
    return (
        protocol["name"] if hz is None else f"{protocol['name']}, in real time at {hz:g} Hz ({protocol['realtime_filler']})"
    )


def _frame(records: list[Record]) -> pd.DataFrame:
    # dataclasses.asdict copies every value, which would be most of the time that a large run takes.
    columns = [field.name for field in dataclasses.fields(Record)]
    return pd.DataFrame({name: [getattr(record, name) for record in records] for name in columns}, columns=columns)
