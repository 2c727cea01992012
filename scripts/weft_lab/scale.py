"""Taking the figures of bench/scale: Weft and Go side by side, one process a sample, judged against the bars.

results/<run>/
    figures.json            what was measured, on what, each bar with its figure and its verdict
    figures.md              the table
    samples/<figure>/workers-N/<who>-0001.json     what the programs printed
"""

from __future__ import annotations

import json
import os
import random
import re
import resource
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from weft_lab import bars, environment, errors, paths, runner, store
from weft_lab.bars import PROGRAMS, WEFT, Bar, Judged, Point, Round
from weft_lab.errors import UsageError, WeftError

SCHEMA = 1
DISTURBED = 0.05  # of the processors' time, used by others: what was measured meanwhile is not to be trusted
GO_SOURCE = paths.ROOT / "bench" / "peers" / "go" / "scale"
NO_GO = "no Go toolchain (Debian: golang-go)"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    workers: tuple[int, ...] = (1, 2)
    only: str | None = None
    rounds: int | None = None
    name: str | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Clock:
    """Seconds so far: of the wall, of all processors at work, of this process and its children, stolen."""

    wall: float
    busy: float
    own: float
    stolen: float

    @staticmethod
    def now() -> Clock:
        ticks = environment.cpu_ticks()
        tick = os.sysconf("SC_CLK_TCK")
        busy = sum(ticks.get(name, 0) for name in ("user", "nice", "system", "irq", "softirq"))
        own = sum(
            used.ru_utime + used.ru_stime
            for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        )
        return Clock(time.monotonic(), busy / tick, own, ticks.get("steal", 0) / tick)


@dataclass
class Company:
    """What others did while a figure was taken, in seconds of processor time."""

    available: float = 0.0  # of all processors
    foreign: float = 0.0
    stolen: float = 0.0

    def add(self, before: Clock, after: Clock, cores: int) -> None:
        self.available += (after.wall - before.wall) * cores
        self.foreign += (after.busy - before.busy) - (after.own - before.own)
        self.stolen += after.stolen - before.stolen

    @property
    def share(self) -> float:
        """Of the processors' time; ticks are coarse, so that a little less than nothing is nothing."""
        return max(0.0, self.foreign + self.stolen) / self.available if self.available else 0.0


@dataclass
class Taken:
    """All samples of a run."""

    rounds: list[dict[Point, dict[str, float]]] = field(default_factory=list)
    failures: dict[Point, str] = field(default_factory=dict)
    company: dict[str, Company] = field(default_factory=dict)  # by figure
    interrupted: bool = False

    def add(self, number: int, point: Point, values: dict[str, float]) -> None:
        while len(self.rounds) < number:
            self.rounds.append({})
        self.rounds[number - 1][point] = values


@dataclass(frozen=True)
class Programs:
    """The two programs; `go` is None where there is no toolchain."""

    weft: Path
    go: Path | None
    go_version: str | None

    def of(self, who: str) -> Path | None:
        return self.weft if who == WEFT else self.go


def choose(request: Request) -> list[Bar]:
    """The bars that the expression finds."""
    found = bars.all_bars(request.workers)
    if request.only is None:
        return found
    try:
        pattern = re.compile(request.only)
    except re.error as error:
        raise UsageError(f"--only {request.only}: {error}") from None
    chosen = [bar for bar in found if pattern.search(bar.name)]
    if not chosen:
        names = sorted({bar.name.split("/")[0] for bar in found})
        raise UsageError(f"--only {request.only}: no bar is called that; they begin with {', '.join(names)}")
    return chosen


def plan(chosen: Iterable[Bar], request: Request, *, with_go: bool) -> list[list[tuple[int, Point]]]:
    """Blocks of competitors: for each figure its points, each with its number of rounds."""
    wanted: dict[str, set[int]] = {}
    for bar in chosen:
        for point in bar.points:
            wanted.setdefault(point.figure, set()).add(point.workers)
    blocks = []
    for figure, workers in wanted.items():
        program = PROGRAMS[figure]
        rounds = request.rounds or program.rounds
        peers = [who for who in program.peers if who == WEFT or with_go]
        blocks.append([(rounds, Point(figure, count, who)) for count in sorted(workers) for who in peers])
    return blocks


def round_order(blocks: list[list[tuple[int, Point]]], seed: int, number: int) -> list[Point]:
    """Round `number` of those that have so many: blocks, and their insides, in an order of the seed's."""
    source = random.Random(f"{seed}/{number}")
    order = [[point for rounds, point in block if number <= rounds] for block in blocks]
    source.shuffle(order)
    for block in order:
        source.shuffle(block)
    return [point for block in order for point in block]


# --- programs -----------------------------------------------------------------------------------------


def build_go(directory: Path, say: Say) -> tuple[Path | None, str | None]:
    """Compiles the twins with the toolchain that is there; the source tree stays as it is."""
    given = paths.scale_go_binary()
    if given is not None:
        return given, "given"
    if shutil.which("go") is None:
        return None, None
    source = directory / "go"
    shutil.copytree(GO_SOURCE, source)
    say("building the Go twins")
    for command in (["go", "generate", "./..."], ["go", "build", "-o", "weft-scale-go", "."]):
        done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise WeftError(f"{' '.join(command)} in {paths.shown(GO_SOURCE)}: {done.stderr.strip()[:400]}")
    version = subprocess.run(["go", "env", "GOVERSION"], cwd=source, capture_output=True, text=True, check=False)
    return source / "weft-scale-go", version.stdout.strip() or None


def gather(directory: Path, say: Say) -> Programs:
    """Both programs, copied: they stay what they are while they are measured."""
    binary = paths.scale_binary()
    kept = directory / "weft-scale"
    try:
        shutil.copy2(binary, kept)
    except OSError as error:
        raise WeftError(f"{paths.shown(binary)}: {error.strerror}; build it: ./scripts/weft setup") from None
    go, version = build_go(directory, say)
    return Programs(kept, go, version)


def run_program(program: Path, point: Point, seed: int) -> tuple[str, dict[str, float]]:
    """One sample: what was printed, and its values. A WeftError says why there is none."""
    command = [str(program), point.figure, "--workers", str(point.workers), "--seed", str(seed)]
    limit = PROGRAMS[point.figure].timeout_s
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise WeftError(f"timed out after {limit:g} s") from None
    except OSError as error:
        raise WeftError(f"{program.name}: {error.strerror}") from None
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise WeftError(f"exit {done.returncode}: {lines[0][:200] if lines else 'it says nothing'}")
    return done.stdout, parse_values(done.stdout)


def parse_values(text: str) -> dict[str, float]:
    """The values of a program's JSON."""
    try:
        found = {str(name): float(value) for name, value in json.loads(text)["values"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise WeftError("truncated, or not the JSON it should be") from None
    return found


# --- taking -------------------------------------------------------------------------------------------


def sample_path(run: Path, point: Point, number: int) -> Path:
    """Where a sample is kept."""
    return run / "samples" / point.figure / f"workers-{point.workers}" / f"{point.who}-{number:04d}.json"


def take(run: Path, blocks: list[list[tuple[int, Point]]], programs: Programs, seed: int, say: Say) -> Taken:
    """Every round; a program that fails is not run again."""
    taken = Taken()
    most = max(rounds for block in blocks for rounds, _ in block)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # which ends the program that runs, too
    try:
        for number in range(1, most + 1):
            order = [point for point in round_order(blocks, seed, number) if point not in taken.failures]
            for done, point in enumerate(order, start=1):
                say(f"round {number}/{most}, {done}/{len(order)}: {point.figure}, {point.workers} workers, {point.who}")
                _take_one(run, point, number, programs, seed, taken)
    except KeyboardInterrupt:
        taken.interrupted = True
    finally:
        signal.signal(signal.SIGTERM, before)
    return taken


def _take_one(run: Path, point: Point, number: int, programs: Programs, seed: int, taken: Taken) -> None:
    program = programs.of(point.who)
    assert program is not None  # what is not there is not planned
    before = Clock.now()
    try:
        text, values = run_program(program, point, seed + number)
    except WeftError as error:
        taken.failures[point] = f"{point.who}, {point.workers} workers: {error}"
        return
    taken.company.setdefault(point.figure, Company()).add(before, Clock.now(), os.cpu_count() or 1)
    file = sample_path(run, point, number)
    file.parent.mkdir(parents=True, exist_ok=True)
    store.write_atomic(file, text)
    taken.add(number, point, values)


def judge(chosen: Iterable[Bar], taken: Taken) -> list[Judged]:
    """All bars."""
    rounds = [Round(samples) for samples in taken.rounds]
    return [bars.judge(bar, rounds, taken.failures) for bar in chosen]


# --- results ------------------------------------------------------------------------------------------


def _as_json(one: Judged) -> dict[str, Any]:
    figure = one.figure
    return {
        "name": one.bar.name,
        "group": one.bar.group,
        "what": one.bar.what,
        "unit": one.bar.unit,
        "limit": one.bar.limit,
        "at_least": one.bar.at_least,
        "verdict": one.verdict,
        "clear": one.clear,
        "figure": None if figure is None else figure.median,
        "low": None if figure is None else figure.low,
        "high": None if figure is None else figure.high,
        "rounds": one.rounds,
        "ours": one.ours,
        "against": one.against,
        "against_is": one.bar.other,
        "sizes": one.bar.sizes,
        "go_figure": one.go_figure,
        "reason": one.reason,
    }


def summary(
    name: str, request: Request, seed: int, programs: Programs, taken: Taken, judged: list[Judged]
) -> dict[str, Any]:
    """What figures.json holds."""
    return {
        "schema": SCHEMA,
        "name": name,
        "created": runner.now(),
        "status": "interrupted" if taken.interrupted else "complete",
        "workers": list(request.workers),
        "only": request.only,
        "seed": seed,
        "go": programs.go_version,
        "source": environment.source(),
        "environment": environment.collect(),
        "failures": [
            {"figure": point.figure, "workers": point.workers, "who": point.who, "reason": reason}
            for point, reason in taken.failures.items()
        ],
        "company": {name: round(one.share, 4) for name, one in taken.company.items()},
        "bars": [_as_json(one) for one in judged],
    }


def validate(found: dict[str, Any]) -> None:
    """Hold a figures.json against its published schema."""
    import jsonschema

    rules = json.loads((paths.SCHEMAS / f"figures-{SCHEMA}.schema.json").read_text())
    jsonschema.validate(found, rules)


def _directory(request: Request) -> Path:
    name = request.name or f"{datetime.now(UTC):%Y%m%d-%H%M%S}-figures"
    if "/" in name or name.startswith("."):
        raise UsageError(f"--name: a run's name is one directory in results/: '{name}'")
    run = paths.results_dir() / name
    if run.exists():
        raise UsageError(f"{paths.shown(run)} is there already; results are append-only: choose another --name")
    return run


def figures(request: Request, json_file: Path | None, markdown_file: Path | None, say: Say) -> int:
    """The figures verb."""
    from weft_lab import bars_table

    chosen = choose(request)
    run = _directory(request)
    seed = request.seed if request.seed is not None else secrets.randbits(31)
    started = time.monotonic()
    with runner.alone(), tempfile.TemporaryDirectory() as scratch:
        programs = gather(Path(scratch), say)
        if programs.go is None:
            say(f"{NO_GO}: what is held against Go stays open")
        run.mkdir(parents=True)
        taken = take(run, plan(chosen, request, with_go=programs.go is not None), programs, seed, say)
    judged = judge(chosen, taken)
    found = summary(run.name, request, seed, programs, taken, judged)
    validate(found)
    text = bars_table.markdown(judged, found)
    for file in filter(None, (run / "figures.json", json_file)):
        store.write_atomic(file, store.to_json(found))
    for file in filter(None, (run / "figures.md", markdown_file)):
        store.write_atomic(file, text)
    bars_table.show(judged, found, run, time.monotonic() - started, DISTURBED)
    if taken.interrupted:
        return errors.INTERRUPTED
    return errors.UNVERIFIED if taken.failures else errors.OK
