"""The Go toolchain as a peer: its own benchmarks, compiled once for each package, one process a sample."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weft_lab import paths, process, store
from weft_lab.cells import Cell
from weft_lab.errors import WeftError
from weft_lab.process import Outcome

PEER = "go"
SUITE = "go"
INSTALL = "install it (Debian: sudo apt install golang-go; or https://go.dev/dl) and call again"
USUAL_PLACES = (Path("/usr/local/go/bin/go"), Path("/usr/lib/go/bin/go"))
COMPILE_S = 600.0
TRY_S = 60.0
CORES = len(os.sched_getaffinity(0))
TIME = "ns/op"
"""The metric that is compared, unless the catalogue names another one."""
FROM_OUTSIDE = ("GODEBUG", "GOEXPERIMENT", "GOGC", "GOMAXPROCS", "GOMEMLIMIT", "GOTRACEBACK")
"""What would change the other runtime behind our back."""
HARMLESS = "-buildvcs=false"
"""Takes the place of flags that the user's settings may add, -race for one; empty would not."""

RESULT = re.compile(r"^Benchmark(?P<name>\S+)\s+(?P<count>\d+)\t(?P<metrics>.+)$", re.MULTILINE)
METRIC = re.compile(r"(?P<value>[0-9.eE+-]+) (?P<unit>\S+)")


@dataclass(frozen=True)
class Benchmark:
    """One of Go's benchmarks at one number of processors."""

    name: str
    package: str
    pattern: str
    metric: str
    workers: int
    min_time_ms: float = 0.0
    """Part of what it times is fixed: shorter than this, that part is what is measured."""


@dataclass(frozen=True)
class Measured:
    """What Go printed for one benchmark."""

    count: int
    metrics: dict[str, float]


def benchmark(row: Mapping[str, Any], workers: int) -> Benchmark:
    """The original of a row of the catalogue."""
    metric = str(row.get("go_metric") or TIME)
    least = float(row.get("batch_min_ms") or 0)
    return Benchmark(row["go_name"], row["go_package"], row["go_bench"], metric, workers, least)


def find() -> Path | None:
    """The go command; WEFT_GO names another one, or, empty, says that there is none."""
    named = os.environ.get("WEFT_GO")
    if named is not None:
        return Path(named) if named else None
    found = shutil.which("go")
    if found:
        return Path(found)
    return next((place for place in USUAL_PLACES if os.access(place, os.X_OK)), None)


def environment() -> dict[str, str]:
    """Of the go command and of what it compiles."""
    kept = {key: value for key, value in os.environ.items() if key not in FROM_OUTSIDE}
    return {**kept, "GOTOOLCHAIN": "local", "GOFLAGS": HARMLESS}


def parse(text: str, one: Benchmark) -> Measured | str:
    """The result of a benchmark in what its process printed, or why there is none."""
    for found in RESULT.finditer(text):
        name = found.group("name").removesuffix(f"-{one.workers}")
        if name != one.name:
            continue
        try:
            count = int(found.group("count"))
            metrics = {m.group("unit"): float(m.group("value")) for m in METRIC.finditer(found.group("metrics"))}
        except ValueError:
            return f"go printed no numbers for {one.name}: {found.group('metrics')[: process.MOST_SAID]}"
        value = metrics.get(one.metric)
        if value is None:
            return f"go printed no {one.metric} for {one.name}"
        return Measured(count, metrics) if 0 < value < math.inf else f"impossible time {value} {one.metric}"
    return _complaint(text) or f"go printed no result of {one.name}"


def _complaint(text: str) -> str | None:
    """`--- FAIL: BenchmarkX` with the line that says why, if there is one."""
    said = [line.strip() for line in text.splitlines() if line.strip()]
    at = next((index for index, line in enumerate(said) if line.startswith("--- FAIL")), None)
    return None if at is None else ": ".join(said[at : at + 2])[: process.MOST_SAID]


def why_not(text: str, one: Benchmark) -> str | None:
    """Why a benchmark that was tried (-test.v) gives no result by its own doing; None: it gives one, or fails."""
    if any(found["name"].startswith(one.name) for found in RESULT.finditer(text)) or _complaint(text):
        return None
    skipped = re.search(r"^ +\S+\.go:\d+: (?P<why>.+)\n--- SKIP", text, re.MULTILINE)
    if skipped:
        return f"Go's own {one.name} says: {skipped['why']}"
    return f"this Go has no Benchmark{one.name} in package {one.package}"


@dataclass
class Go:
    """The toolchain at one path."""

    command: Path
    version: str
    root: Path
    benchmarks: dict[str, Benchmark]

    def binary(self, package: str) -> Path:
        """Where the compiled tests of a package are kept."""
        return paths.BUILD / "weft" / "go" / self.version / f"{package.replace('/', '_')}.test"

    def compile(self, say: Callable[[str], None]) -> None:
        """Compile what is not there yet."""
        for package in sorted({one.package for one in self.benchmarks.values()}):
            file = self.binary(package)
            if file.is_file():
                continue
            say(f"compiling the benchmarks of Go's package {package}")
            file.parent.mkdir(parents=True, exist_ok=True)
            scratch = file.with_suffix(f".{os.getpid()}")
            command = [str(self.command), "test", "-c", "-o", str(scratch), package]
            done = process.run(command, COMPILE_S, cwd=self.root / "src", env=environment())
            if done.problem or not scratch.is_file():
                why = done.problem or "it has no tests"
                raise WeftError(
                    f"{self.version} does not compile the benchmarks of {package}: {why}\n"
                    "  they are part of Go's source (Debian: golang-src)"
                )
            scratch.replace(file)

    def check(self) -> dict[str, str]:
        """Benchmarks that give no result, with the reason: each is tried once; answers are kept beside the binaries."""
        file = self.binary("").parent / "check.json"
        try:
            known = json.loads(file.read_text())
        except (OSError, ValueError):
            known = {}
        keys = {name: f"{one.package} {one.pattern} {one.workers} {CORES}" for name, one in self.benchmarks.items()}
        missing = [name for name, key in keys.items() if key not in known]
        if missing:
            known.update((keys[name], self._try(self.benchmarks[name])) for name in missing)
            store.write_atomic(file, store.to_json(known))
        return {name: known[key] for name, key in keys.items() if known[key]}

    def _try(self, one: Benchmark) -> str | None:
        done = process.run(self._command(one, "-test.v", "-test.benchtime", "1x"), TRY_S, **self._place(one))
        return None if done.problem else why_not(done.stdout, one)

    def _command(self, one: Benchmark, *more: str) -> list[str]:
        binary = str(self.binary(one.package))
        return [binary, "-test.run", "^$", "-test.bench", one.pattern, "-test.cpu", str(one.workers), *more]

    def _place(self, one: Benchmark) -> dict[str, Any]:
        """Where tests of Go's packages are run."""
        return {"cwd": self.root / "src" / one.package, "env": environment()}

    def sample(self, name: str, min_time_ms: float, out: Path, seed: int, timeout_s: float) -> Outcome:
        """Measure a benchmark once, and leave the same kind of file as our own binary."""
        del seed  # Go's benchmarks take none
        one = self.benchmarks[name]
        command = self._command(one, "-test.benchtime", f"{max(min_time_ms, one.min_time_ms):g}ms")
        done = process.run(command, timeout_s, **self._place(one))
        if done.problem:
            return Outcome(_complaint(done.stdout) or done.problem)
        found = parse(done.stdout, one)
        if isinstance(found, str):
            return Outcome(found)
        store.write_atomic(out, store.to_json(self._sample(name, one, found)))
        return Outcome(None)

    def _sample(self, name: str, one: Benchmark, found: Measured) -> dict[str, Any]:
        """google-benchmark's form. Go tells no processor time: cpu_time repeats the real one."""
        value = found.metrics[one.metric]
        entry = {
            "name": f"{name}/real_time",
            "run_name": f"{name}/real_time",
            "run_type": "iteration",
            "repetitions": 1,
            "repetition_index": 0,
            "threads": 1,
            "iterations": found.count,
            "real_time": value,
            "cpu_time": value,
            "time_unit": "ns",
            **{f"go_{unit}": number for unit, number in found.metrics.items() if unit != one.metric},
        }
        context = {"written_by": "weft versus", "go_version": self.version, "go_bench": one.pattern, "caches": []}
        return {"context": context, "benchmarks": [entry]}


def load(cells: Mapping[Cell, int], catalog_rows: Mapping[str, Mapping[str, Any]], command: Path) -> Go:
    """The toolchain, for the peer's cells of a run."""
    done = process.run([str(command), "env", "-json", "GOROOT", "GOVERSION"], 60, env=environment())
    if done.problem:
        raise WeftError(f"{command} env: {done.problem}")
    try:
        told = json.loads(done.stdout)
        version, root = str(told["GOVERSION"]), Path(told["GOROOT"])
    except (ValueError, KeyError, TypeError) as error:
        raise WeftError(f"{command} env: not the JSON it should be: {error}") from None
    benchmarks = {
        cell.name: benchmark(catalog_rows[cell.workload], cell.workers or 1) for cell in cells if cell.peer == PEER
    }
    return Go(command, version, root, benchmarks)
