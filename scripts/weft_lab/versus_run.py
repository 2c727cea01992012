"""Measuring a comparison: which rows, which cells; then a run like any other, with the peer's samples among ours."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from weft_lab import errors, golang, matrix, paths, runner, session, store, versus
from weft_lab.bench import Bench
from weft_lab.catalog import Catalog
from weft_lab.cells import CALLED, CALLS, Cell
from weft_lab.errors import UsageError, WeftError
from weft_lab.matrix import Plan

ROUNDS = 11
MIN_TIME_MS = 20.0
TIMEOUT_S = 60.0
MOST_WORKERS = 1024


@dataclass(frozen=True)
class Wanted:
    """What was asked for."""

    rows: str | None
    workers: list[int]
    schedulers: list[str]
    rounds: int
    min_time_ms: float
    timeout_s: float


@dataclass(frozen=True)
class Outputs:
    """Where the result goes besides the terminal and the run's directory."""

    json: Path | None
    markdown: Path | None
    report: bool


def parse_workers(text: str) -> list[int]:
    """`1,2` to numbers."""
    words = text.split(",")
    if not all(re.fullmatch(r"[0-9]{1,4}", word) and 1 <= int(word) <= MOST_WORKERS for word in words):
        raise UsageError(f"--workers: whole numbers from 1 to {MOST_WORKERS}, with commas between: '{text}'")
    return list(dict.fromkeys(int(word) for word in words))


def parse_schedulers(text: str | None, catalog: Catalog) -> list[str]:
    """`steal,global` to names; nothing is the default."""
    known = catalog.variants("scheduler")
    names = list(dict.fromkeys(text.split(","))) if text is not None else [catalog.defaults[1]]
    for name in names:
        if name not in known:
            raise UsageError(f"--sched: no scheduler '{name}'{errors.suggestion(name, known)}")
    return names


def select(catalog: Catalog, pattern: str | None) -> list[dict[str, Any]]:
    """The rows of the suite whose name the pattern finds, or whose group or package it is."""
    suite = [row for row in catalog.workloads.values() if row.get("suite") == golang.SUITE]
    if not suite:
        raise WeftError("this weft-bench has no rows that mirror Go's benchmarks; build it: ./scripts/weft setup")
    if pattern is None:
        return suite
    try:
        regex = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"--rows: not a regular expression: {error}: {pattern}") from None
    chosen = [
        row
        for row in suite
        if regex.search(row["go_name"]) or regex.fullmatch(row["group"]) or regex.fullmatch(row["go_package"])
    ]
    if not chosen:
        raise UsageError(f"--rows {pattern} finds none of the {len(suite)} rows{_near(pattern, suite)}")
    return chosen


def _near(pattern: str, suite: list[dict[str, Any]]) -> str:
    close = errors.nearest(pattern, [row["go_name"] for row in suite])
    return f"; did you mean {' or '.join(close)}?" if close else "; see: ./scripts/weft list"


def plan(wanted: Wanted, bench: Bench, *, peer: bool) -> Plan:
    """The cells of both sides; rows that none of our variants can serve are skipped, with the reason."""
    catalog = bench.catalog
    found = Plan(
        name=f"versus-{golang.PEER}",
        source=f"versus {golang.PEER}",
        text=_as_toml(wanted),
        rounds=wanted.rounds,
        min_time_ms=wanted.min_time_ms,
        timeout_s=wanted.timeout_s,
    )
    rows = select(catalog, wanted.rows)
    sides = {
        (row["name"], workers): _ours(row, workers, wanted.schedulers, catalog)
        for row in rows
        for workers in wanted.workers
    }
    refused = bench.check([cell.name for cells in sides.values() for cell in cells])
    for (workload, workers), cells in sides.items():
        served = [cell for cell in cells if refused[cell.name] is None]
        served = [] if all(cell.called for cell in served) else served
        found.cells.update(dict.fromkeys(served, 1))
        found.skipped.update({cell.name: refused[cell.name] or "" for cell in cells if cell not in served})
        if peer and served:
            found.cells[Cell(workload, workers=workers, peer=golang.PEER)] = 1
    if not found.cells:
        raise UsageError(f"nothing to measure: {next(iter(found.skipped.values()))}")
    return found


def _ours(row: dict[str, Any], workers: int, schedulers: list[str], catalog: Catalog) -> list[Cell]:
    channels = catalog.variants("channel") if "chan" in row["uses"] else [None]
    ours = [Cell(row["name"], channel, scheduler, (), workers) for scheduler in schedulers for channel in channels]
    usual = versus.default(ours, catalog)
    twin = usual and replace(usual, workload=row["name"].replace(CALLED, CALLS, 1))
    return [*ours, twin] if twin and twin.workload in catalog.workloads else ours


def _as_toml(wanted: Wanted) -> str:
    """What was asked for, to stand where other runs keep their matrix."""
    asked = {
        "rows": wanted.rows or "",
        "workers": wanted.workers,
        "schedulers": wanted.schedulers,
        "rounds": wanted.rounds,
        "min_time_ms": wanted.min_time_ms,
        "timeout_s": wanted.timeout_s,
    }
    return f"# weft versus {golang.PEER}\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in asked.items())


def _toolchain(found: Plan, catalog: Catalog) -> golang.Go | None:
    """The peer, compiled; what it skips itself is taken out of the plan."""
    command = golang.find()
    if command is None:
        return None
    go = golang.load(found.cells, catalog.workloads, command)
    go.compile(session.say)
    skipped = go.check()
    found.cells = {cell: arms for cell, arms in found.cells.items() if cell.name not in skipped}
    found.skipped.update(skipped)
    return go


def fresh(wanted: Wanted, bench: Bench, settings: runner.Settings, outputs: Outputs) -> int:
    """A new comparison."""
    found = plan(wanted, bench, peer=golang.find() is not None)
    if wanted.rounds < matrix.MIN_ROUNDS:
        session.say(f"note: {wanted.rounds} rounds give no 95 % interval, only a range; that needs {matrix.MIN_ROUNDS}")
    with runner.alone():
        go = _toolchain(found, bench.catalog)
        if go is None:
            session.say(f"there is no Go toolchain here: ours alone. For a comparison, {golang.INSTALL}")
        settings.more = {"versus": {"peer": golang.PEER, "version": go.version if go else None}}
        running = runner.create(found, bench, settings, paths.results_dir())
        rows = {(cell.workload, cell.workers) for cell in found.cells}
        session.say(
            f"{len(rows)} rows, {len(found.cells)} cells x {found.rounds} rounds into {paths.shown(running.path)}"
            + (f"; {len(found.skipped)} cells skipped" if found.skipped else "")
        )
        return _measure(running, go, outputs)


def again(name: str, rounds: int | None, outputs: Outputs, *, retry: bool) -> int:
    """A comparison goes on."""
    run = store.resolve(name) if name else session.unfinished(versus=True)
    manifest = store.read_manifest(run)
    if not versus.is_versus(manifest):
        raise UsageError(f"{paths.shown(run)} is no comparison: {store.resume_command(manifest)}")
    with runner.alone():
        bench = Bench(paths.bench_binary())
        running = runner.resume(run, bench, rounds, retry=retry, say=session.say)
        go = _same_toolchain(running)
        session.say(f"going on with {paths.shown(run)}")
        return _measure(running, go, outputs)


def _same_toolchain(running: runner.Session) -> golang.Go | None:
    """The toolchain that the run was begun with."""
    version = running.manifest["versus"]["version"]
    if version is None:
        return None
    command = golang.find()
    if command is None:
        raise WeftError(f"{paths.shown(running.path)} was begun with {version}, which is not here: {golang.INSTALL}")
    go = golang.load(running.cells, Catalog(running.manifest["catalog"]).workloads, command)
    if go.version != version:
        raise WeftError(f"{paths.shown(running.path)} was begun with {version}, this is {go.version}: start a new one")
    go.compile(session.say)
    return go


def _measure(running: runner.Session, go: golang.Go | None, outputs: Outputs) -> int:
    if go:
        running.peers = {golang.PEER: go}
    session.measure(running)
    return _finish(running, outputs)


def _finish(running: runner.Session, outputs: Outputs) -> int:
    """Everything that is made of the samples; what was measured is shown even if it is not all."""
    from weft_lab import versus_table

    run = store.read(running.path)
    found = versus.read(run)
    versus_table.show(found)
    for file in (run.path / "versus.json", outputs.json):
        if file:
            _write(file, store.to_json(versus.as_json(found)))
    for file in (run.path / "versus.md", outputs.markdown):
        if file:
            _write(file, versus_table.markdown(found))
    page = None
    if outputs.report and run.measured():
        from weft_lab import report

        page = report.write(run, run.path / "report.html")
    versus_table.show_ending(found, page)
    if running.interrupted:
        return errors.INTERRUPTED
    return errors.FAILURE if run.failed() else errors.OK


def _write(file: Path, text: str) -> None:
    try:
        store.write_atomic(file, text)
    except OSError as error:
        raise WeftError(f"{paths.shown(file)}: {error.strerror}") from None
