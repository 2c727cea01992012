"""Running a plan: one process a sample, round after round, until done, interrupted or out of disk."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from weft_lab import cells as cell_io
from weft_lab import environment, paths, store
from weft_lab.bench import Bench, StopNowError
from weft_lab.cells import Arm, Cell
from weft_lab.errors import UsageError, WeftError
from weft_lab.matrix import Plan
from weft_lab.process import Outcome
from weft_lab.schedule import round_order, sample_seed


class Progress(Protocol):
    """What the runner tells whoever watches; nothing is drawn while a sample runs."""

    def advance(self, done: int, seconds_left: float, failed: int, number: int) -> None: ...

    def say(self, message: str) -> None: ...


@dataclass
class Settings:
    """What a user may set over the matrix."""

    filter: str | None = None
    where: list[str] = field(default_factory=list)
    seed: int | None = None
    name: str | None = None
    more: dict[str, Any] = field(default_factory=dict)  # of the manifest


class Sampler(Protocol):
    """Whoever can take a sample of a cell, by its name: our binary, or a peer."""

    def sample(self, name: str, min_time_ms: float, out: Path, seed: int, timeout_s: float) -> Outcome: ...


@dataclass
class Session:
    """A run that is being measured."""

    path: Path
    manifest: dict[str, Any]
    cells: dict[Cell, int]
    bench: Bench
    peers: dict[str, Sampler] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def rounds(self) -> int:
        return int(self.manifest["rounds"])


def now() -> str:
    """This moment, in the form that the manifest uses."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def create(plan: Plan, bench: Bench, settings: Settings, results: Path) -> Session:
    """Make the directory and the manifest of a new run."""
    name = settings.name or f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{plan.name}"
    if "/" in name or name.startswith("."):
        raise UsageError(f"--name: a run's name is one directory in {paths.shown(results)}: '{name}'")
    run = results / name
    if run.exists():
        raise UsageError(
            f"{paths.shown(run)} is there already; results are append-only: "
            f"choose another --name, or go on with it: {store.resume_command(settings.more | {'name': name})}"
        )
    manifest = {**_manifest(plan, bench, settings, name), **settings.more}
    try:
        (run / "samples").mkdir(parents=True)
        store.write_atomic(run / "matrix.toml", plan.text)
        store.write_manifest(run, manifest)
    except OSError as error:
        raise _disk(error, run, manifest) from error
    return Session(run, manifest, plan.cells, bench.kept())


def _manifest(plan: Plan, bench: Bench, settings: Settings, name: str) -> dict[str, Any]:
    catalog = bench.catalog
    rows = []
    for cell, arms in plan.cells.items():
        control = bool({cell.channel, cell.scheduler} & catalog.controls())
        rows.append(
            {
                **cell_io.as_json(cell),
                "kind": "limit" if cell.is_limit else "control" if control else "cell",
                "unit": catalog.unit(cell.workload, cell.limit),
                "arms": arms,
            }
        )
    return {
        "schema": store.SCHEMA,
        "name": name,
        "status": "running",
        "created": now(),
        "rounds": plan.rounds,
        "min_time_ms": plan.min_time_ms,
        "timeout_s": plan.timeout_s,
        "seed": settings.seed if settings.seed is not None else secrets.randbits(32),
        "matrix": {
            "file": Path(plan.source).name,
            "sha256": hashlib.sha256(plan.text.encode()).hexdigest(),
            "filter": settings.filter,
            "where": settings.where,
        },
        "binary": {"sha256": bench.sha256, "build": catalog.raw.get("build", {})},
        "source": environment.source(),
        "environment": environment.collect(catalog.raw.get("build", {})),
        "catalog": catalog.raw,
        "cells": rows,
        "skipped": [{"name": n, "reason": r} for n, r in plan.skipped.items()],
        "sessions": [],
    }


def resume(run: Path, bench: Bench, rounds: int | None, *, retry: bool, say: Callable[[str], None]) -> Session:
    """Go on with a run: refused when it would mix what cannot be compared."""
    manifest = store.read_manifest(run)
    shown = paths.shown(run)
    text = (run / "matrix.toml").read_text(encoding="utf-8") if (run / "matrix.toml").is_file() else ""
    if hashlib.sha256(text.encode()).hexdigest() != manifest["matrix"]["sha256"]:
        raise WeftError(f"{shown}/matrix.toml is not the matrix that this run was made from: start a new run")
    if manifest["binary"]["sha256"] != bench.sha256:
        raise WeftError(
            f"{shown} was measured with another build of weft-bench "
            f"({manifest['binary']['sha256'][:12]}, this one is {bench.sha256[:12]}): "
            "start a new run, and compare the two"
        )
    here = environment.source()
    if manifest["source"]["commit"] != here["commit"]:
        raise WeftError(
            f"{shown} was measured at commit {str(manifest['source']['commit'])[:12]}, "
            f"the checkout is at {str(here['commit'])[:12]}: start a new run, and compare the two"
        )
    if rounds is not None and rounds < manifest["rounds"]:
        raise UsageError(f"--rounds {rounds}: {shown} has {manifest['rounds']} already; give more")
    manifest["rounds"] = rounds or manifest["rounds"]
    manifest["status"] = "running"
    found = {cell_io.from_json(row): row["arms"] for row in manifest["cells"]}
    session = Session(run, manifest, found, bench.kept())
    for cell in found:
        for file in sorted((run / "samples" / cell.slug).glob("*.json")):
            _inspect(session, cell, file, retry=retry, say=say)
    return session


def _inspect(session: Session, cell: Cell, file: Path, *, retry: bool, say: Callable[[str], None]) -> None:
    """One sample of an earlier session: good, failed, or to be done again."""
    try:
        sample = store.parse_sample(file.read_text(errors="replace"), paths.shown(file))
    except store.DamagedError as error:
        moved = store.set_aside(session.path, file)
        say(f"{error}; moved to {paths.shown(moved)}, to be measured again")
        return
    if sample.error and retry:
        store.set_aside(session.path, file)
    elif sample.error:
        session.failed.setdefault(cell.name, sample.error)


@contextmanager
def alone() -> Iterator[None]:
    """Only one measurement at a time in this checkout: two would spoil each other."""
    lock = paths.BUILD / "weft" / "run.lock"
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        stream = lock.open("w")
    except OSError as error:
        raise WeftError(f"{paths.shown(lock)}: {error.strerror}") from None
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WeftError("another weft run is measuring; two at once would spoil each other: wait for it") from None
        yield


@contextmanager
def _stop_on_signal(session: Session, progress: Progress) -> Iterator[None]:
    """First Ctrl-C: stop after the sample that runs. Second: at once."""

    def stop(number: int, frame: object) -> None:
        del number, frame
        if session.interrupted:
            raise StopNowError
        session.interrupted = True
        progress.say("stopping after this sample (again: at once)")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def measure(session: Session, progress: Progress) -> None:
    """Take every sample that is missing. The manifest says how it ended."""
    ledger = _open_session(session)
    started = time.monotonic()
    try:
        with _stop_on_signal(session, progress):
            try:
                _rounds(session, progress, started)
            except StopNowError:
                session.interrupted = True
        _close_session(session, ledger, time.monotonic() - started)
    except OSError as error:
        raise _disk(error, session.path, session.manifest) from error


def _open_session(session: Session) -> dict[str, Any]:
    ledger = {
        "started": now(),
        "seconds": None,
        "load_before": environment.load(),
        "load_after": None,
        "ticks_before": environment.cpu_ticks(),
        "ticks_after": None,
    }
    session.manifest["sessions"].append(ledger)
    try:
        store.write_manifest(session.path, session.manifest)
    except OSError as error:
        raise _disk(error, session.path, session.manifest) from error
    return ledger


def _close_session(session: Session, ledger: dict[str, Any], seconds: float) -> None:
    ledger["seconds"] = round(seconds, 3)
    ledger["load_after"] = environment.load()
    ledger["ticks_after"] = environment.cpu_ticks()
    session.manifest["status"] = "interrupted" if session.interrupted else "complete"
    store.write_manifest(session.path, session.manifest)


def _rounds(session: Session, progress: Progress, started: float) -> None:
    missing = _missing(session)
    total = session.rounds * sum(session.cells.values())
    done = total - sum(len(arms) for _, arms in missing)
    taken = 0
    left = total - done
    for number, arms in missing:
        for arm in arms:
            if session.interrupted:
                return
            if arm.cell.name not in session.failed:
                _one(session, arm, number)
                taken += 1
            done, left = done + 1, left - 1
            pace = (time.monotonic() - started) / max(taken, 1)
            progress.advance(done, pace * left, len(session.failed), number)


def _missing(session: Session) -> list[tuple[int, list[Arm]]]:
    """The samples that are not there yet, in the order in which they are taken."""
    seed = session.manifest["seed"]
    found = []
    for number in range(1, session.rounds + 1):
        order = round_order(session.cells, seed, number)
        arms = [arm for arm in order if not store.sample_path(session.path, arm, number).exists()]
        if arms:
            found.append((number, arms))
    return found


def _one(session: Session, arm: Arm, number: int) -> None:
    """One sample: measured, or written down as failed."""
    out = store.sample_path(session.path, arm, number)
    out.parent.mkdir(parents=True, exist_ok=True)
    sampler = session.peers[arm.cell.peer] if arm.cell.peer else session.bench
    outcome = sampler.sample(
        arm.cell.name,
        session.manifest["min_time_ms"],
        out,
        sample_seed(session.manifest["seed"], arm, number),
        session.manifest["timeout_s"],
    )
    problem = outcome.problem
    if problem is None:
        try:
            problem = store.parse_sample(out.read_text(errors="replace"), out.name).error
        except store.DamagedError:
            store.set_aside(session.path, out)
            problem = "left a result that is not google-benchmark JSON"
            outcome = Outcome(problem)
    if outcome.problem is not None:
        if "No space left" in outcome.problem:
            raise OSError(errno.ENOSPC, "No space left on device")
        store.write_atomic(out, store.failure_json(arm, number, outcome.problem))
    if problem is not None:
        session.failed.setdefault(arm.cell.name, problem)


def _disk(error: OSError, run: Path, manifest: dict[str, Any]) -> WeftError:
    if store.disk_full(error):
        return WeftError(
            f"{paths.shown(run)}: the disk is full. What was measured stays; make room, then: "
            f"{store.resume_command(manifest)}"
        )
    return WeftError(f"{paths.shown(Path(error.filename or run))}: {error.strerror or error}")
