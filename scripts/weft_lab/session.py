"""What the user sees of a run: progress while it measures, then the table and where the report is."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from weft_lab import errors, paths, runner, schedule, store
from weft_lab.bench import Bench
from weft_lab.errors import UsageError, WeftError
from weft_lab.matrix import MIN_ROUNDS, Plan

REFRESH_S = 0.25


class Bar:
    """A progress bar that is drawn between samples only: a thread of its own would disturb them."""

    def __init__(self, total: int, rounds: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TextColumn("{task.fields[left]}"),
            console=self._console,
            auto_refresh=False,
            expand=True,
        )
        self._rounds = rounds
        self._task = self._progress.add_task(f"round 1/{rounds}", total=total, left="")
        self._drawn = 0.0

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *rest: object) -> None:
        self._progress.refresh()
        self._progress.stop()

    def advance(self, done: int, seconds_left: float, failed: int, number: int) -> None:
        moment = time.monotonic()
        if moment - self._drawn < REFRESH_S and seconds_left > 0:
            return
        self._drawn = moment
        red = f"  [red]{failed} failed[/]" if failed else ""
        self._progress.update(
            self._task,
            completed=done,
            description=f"round {number}/{self._rounds}",
            left=f"{clock(seconds_left)} left{red}",
        )
        self._progress.refresh()

    def say(self, message: str) -> None:
        self._progress.console.print(message, markup=False, highlight=False)


class Lines:
    """The same for a log file: one line a round."""

    def __init__(self, total: int, rounds: int) -> None:
        self._total, self._rounds, self._round = total, rounds, 0

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *rest: object) -> None:
        pass

    def advance(self, done: int, seconds_left: float, failed: int, number: int) -> None:
        if number != self._round or done == self._total:
            self._round = number
            self.say(
                f"round {number}/{self._rounds}: {done}/{self._total} samples, "
                f"{failed} failed, {clock(seconds_left)} left"
            )

    def say(self, message: str) -> None:
        print(message, file=sys.stderr, flush=True)


def clock(seconds: float) -> str:
    """Seconds as 2:05."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def fresh(plan: Plan, bench: Bench, settings: runner.Settings, json_file: Path | None, *, report: bool) -> int:
    """A new run."""
    if plan.rounds < MIN_ROUNDS:
        say(f"note: {plan.rounds} rounds give no 95 % interval; that needs {MIN_ROUNDS}")
    with runner.alone():
        session = runner.create(plan, bench, settings, paths.results_dir())
        say(
            f"{len(plan.cells)} cells x {plan.rounds} rounds into {paths.shown(session.path)}"
            + (f"; {len(plan.skipped)} skipped (./scripts/weft plan says why)" if plan.skipped else "")
        )
        measure(session)
    return _finish(session, json_file, report=report)


def again(name: str, rounds: int | None, json_file: Path | None, *, retry: bool, report: bool) -> int:
    """A run goes on."""
    run = store.resolve(name) if name else unfinished(versus=False)
    manifest = store.read_manifest(run)
    if "versus" in manifest:
        raise UsageError(f"{paths.shown(run)} is a comparison: {store.resume_command(manifest)}")
    with runner.alone():
        session = runner.resume(run, Bench(paths.bench_binary()), rounds, retry=retry, say=say)
        say(f"going on with {paths.shown(run)}")
        measure(session)
    return _finish(session, json_file, report=report)


def unfinished(*, versus: bool) -> Path:
    """The newest run that is not complete, of those of `weft run` or of `weft versus`."""
    for run in reversed(store.run_dirs()):
        try:
            manifest = store.read_manifest(run)
            if manifest["status"] != "complete" and ("versus" in manifest) == versus:
                return run
        except WeftError as error:
            say(f"passed over: {error}")
    raise UsageError("no run in results/ is unfinished; name the one to go on with: --resume RUN")


def say(message: str) -> None:
    """One line to whoever watches."""
    print(f"weft: {message}", file=sys.stderr, flush=True)


def measure(session: runner.Session) -> None:
    """Take what is missing, with progress shown."""
    total = session.rounds * sum(session.cells.values())
    kind = Bar if sys.stderr.isatty() else Lines
    with kind(total, session.rounds) as progress:
        runner.measure(session, progress)


def summary(run: store.Run, report: Path | None) -> dict[str, Any]:
    """The JSON that other people's scripts read: its keys are fixed."""
    failed = run.failed()
    cells = [result.cell for result in run.results.values()]
    return {
        "cells": len(cells),
        "verified": len(run.measured()),
        "failed": [{"name": r.cell.name, "reason": r.failure} for r in failed],
        "combinations": len(schedule.combinations(cells, run.controls)),
        "workloads": len({cell.workload for cell in cells if not cell.is_limit}),
        "seconds": round(sum(s["seconds"] or 0 for s in run.manifest["sessions"]), 3),
        "run": str(run.path),
        "report": str(report) if report else None,
        "status": run.manifest["status"],
        "rounds": run.manifest["rounds"],
        "skipped": len(run.manifest["skipped"]),
    }


def _finish(session: runner.Session, json_file: Path | None, *, report: bool) -> int:
    from weft_lab import table

    run = store.read(session.path)
    table.show_run(run)
    page = None
    if report and run.measured():
        from weft_lab import report as pages

        try:
            page = pages.write(run, run.path / "report.html")
        except OSError as error:
            say(f"no report: {error.strerror}; make room, then: ./scripts/weft report {run.name}")
            return errors.FAILURE
    if json_file is not None:
        try:
            store.write_atomic(json_file, store.to_json(summary(run, page)))
        except OSError as error:
            raise WeftError(f"--json {json_file}: {error.strerror}") from None
    table.show_ending(run, page)
    if session.interrupted:
        return errors.INTERRUPTED
    return errors.FAILURE if run.failed() else errors.OK
