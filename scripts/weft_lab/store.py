"""Run directories: results/<run>/{manifest.json, matrix.toml, samples/<cell>/<round>.json}.

Every file is written whole under another name and then renamed, so whatever ends a run, what it
measured before that stays readable. Nothing is edited afterwards.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from weft_lab import cells, paths
from weft_lab.cells import Arm, Cell
from weft_lab.errors import UsageError, WeftError, suggestion

SCHEMA = 1
NS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}
COUNTERS = (
    "messages", "cpu_ns_per_unit", "ctx_voluntary", "ctx_involuntary", "rss_kib", "parks", "wakes",
    "steals", "switches", "alloc_bytes_per_task", "alloc_bytes_per_channel",
    "work_ns",
)  # fmt: skip


class DamagedError(WeftError):
    """A file that is not what a finished write leaves behind."""


@dataclass(frozen=True)
class Sample:
    """One measured value, or why there is none."""

    ns: float | None
    error: str | None
    counters: dict[str, float]


def disk_full(error: OSError) -> bool:
    """Is this the error of a file system with nothing left?"""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def write_atomic(path: Path, text: str) -> None:
    """Replace a file whole, or not at all."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with scratch.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        scratch.replace(path)
    except OSError:
        scratch.unlink(missing_ok=True)
        raise


def to_json(value: Any) -> str:
    """JSON as everything here writes it: readable, and without NaN."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def resume_command(manifest: dict[str, Any]) -> str:
    """What to type to go on with a run."""
    verb = f"versus {manifest['versus']['peer']}" if "versus" in manifest else "run"
    return f"./scripts/weft {verb} --resume {manifest['name']}"


def sample_path(run: Path, arm: Arm, number: int) -> Path:
    """The file of one sample: rounds count from 1; the second arm of an A/A pair says so."""
    suffix = ".aa.json" if arm.arm else ".json"
    return run / "samples" / arm.cell.slug / f"{number:04d}{suffix}"


def parse_sample(text: str, shown: str) -> Sample:
    """A google-benchmark JSON file of one benchmark."""
    try:
        entry = json.loads(text)["benchmarks"][0]
        counters = {key: float(entry[key]) for key in COUNTERS if key in entry}
        if entry.get("error_occurred"):
            return Sample(None, str(entry.get("error_message") or "failed"), counters)
        if not entry.get("verified", 1):
            return Sample(None, "verification failed", counters)
        value = float(entry["real_time"]) * NS[entry["time_unit"]]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, RecursionError):
        raise DamagedError(f"{shown}: truncated, or not google-benchmark JSON") from None
    if not 0 < value < float("inf"):
        return Sample(None, f"impossible time {value}", counters)
    return Sample(value, None, counters)


def failure_json(arm: Arm, number: int, reason: str) -> str:
    """The sample of a process that left none, in the same format."""
    entry = {
        "name": f"{arm.cell.name}/real_time",
        "run_name": f"{arm.cell.name}/real_time",
        "run_type": "iteration",
        "repetitions": 1,
        "repetition_index": 0,
        "threads": 1,
        "error_occurred": True,
        "error_message": reason,
        "iterations": 0,
        "real_time": 0.0,
        "cpu_time": 0.0,
        "time_unit": "ns",
    }
    context = {"written_by": "weft run, for a process that left no result", "round": str(number)}
    return to_json({"context": {**context, "caches": []}, "benchmarks": [entry]})


@dataclass
class Result:
    """All samples of one cell. `values` and `twins` map a round to nanoseconds."""

    cell: Cell
    unit: str
    values: dict[int, float] = field(default_factory=dict)
    twins: dict[int, float] = field(default_factory=dict)
    counters: list[dict[str, float]] = field(default_factory=list)
    failure: str | None = None


@dataclass(frozen=True)
class Run:
    """A run directory as read."""

    path: Path
    manifest: dict[str, Any]
    results: dict[str, Result]
    damaged: list[str]

    @property
    def name(self) -> str:
        return str(self.manifest["name"])

    @property
    def complete(self) -> bool:
        return self.manifest["status"] == "complete"

    @cached_property
    def controls(self) -> set[str]:
        """Variants of this run that are controls."""
        listed = [*self.manifest["catalog"]["channels"], *self.manifest["catalog"]["schedulers"]]
        return {v["name"] for v in listed if v.get("control") or v.get("flags", {}).get("control")}

    @cached_property
    def over_channels(self) -> set[str]:
        """Workloads of this run's catalogue that use channels."""
        return {row["name"] for row in self.manifest["catalog"]["workloads"] if "chan" in row.get("uses", ())}

    def failed(self) -> list[Result]:
        return [result for result in self.results.values() if result.failure]

    def measured(self) -> list[Result]:
        return [result for result in self.results.values() if result.values and not result.failure]

    def is_control(self, cell: Cell) -> bool:
        return bool({cell.channel, cell.scheduler} & self.controls)


def resolve(name: str, results: Path | None = None) -> Path:
    """A run by directory, or by its name (or an unambiguous beginning or end) in results/."""
    given = Path(name)
    if paths.is_file(given / "manifest.json"):
        return given
    if given.name == "manifest.json" and paths.is_file(given):
        return given.parent
    known = [path.name for path in run_dirs(results)]
    hits = [one for one in known if one == name] or [one for one in known if one.startswith(name) or one.endswith(name)]
    if name == "latest" and known:
        hits = [known[-1]]
    base = results or paths.results_dir()
    if len(hits) == 1:
        return base / hits[0]
    if hits:
        raise UsageError(f"'{name}' may be any of these runs: {', '.join(hits)}")
    if paths.is_dir(given):
        raise UsageError(f"{name}: not a run: it has no manifest.json")
    raise UsageError(f"no run '{name}' in {paths.shown(base)}{suggestion(name, known) or ' (there are none yet)'}")


def run_dirs(results: Path | None = None) -> list[Path]:
    """All runs, oldest first by the date in their manifests' names."""
    base = results or paths.results_dir()
    found = [path.parent for path in base.glob("*/manifest.json")]
    return sorted(found, key=lambda path: (path / "manifest.json").stat().st_mtime)


def validate(manifest: Any, shown: str) -> None:
    """Hold a manifest against the published schema."""
    import jsonschema

    if not isinstance(manifest, dict) or "schema" not in manifest:
        raise WeftError(f"{shown}: not a manifest: it has no 'schema'")
    if manifest["schema"] != SCHEMA:
        raise WeftError(
            f"{shown}: written in manifest schema {manifest['schema']!r}, this weft reads {SCHEMA}; "
            "use the weft that made it, or one that is newer"
        )
    rules = json.loads((paths.SCHEMAS / f"manifest-{SCHEMA}.schema.json").read_text())
    checker = jsonschema.Draft202012Validator(rules)
    wrong = next(iter(checker.iter_errors(manifest)), None)
    if wrong is not None:
        raise WeftError(f"{shown}: not a valid manifest: at {wrong.json_path}: {wrong.message[:300]}")


def read_manifest(run: Path) -> dict[str, Any]:
    """The manifest of a run, checked."""
    file = run / "manifest.json"
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise WeftError(f"{paths.shown(file)}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise WeftError(f"{paths.shown(file)}: truncated, or not JSON: {error}") from None
    validate(manifest, paths.shown(file))
    return manifest


def write_manifest(run: Path, manifest: dict[str, Any]) -> None:
    """Check and replace the manifest."""
    validate(manifest, "manifest")
    write_atomic(run / "manifest.json", to_json(manifest))


def _round_of(file: Path) -> tuple[int, int] | None:
    found = re.fullmatch(r"(\d+)(\.aa)?\.json", file.name)
    return (int(found.group(1)), 1 if found.group(2) else 0) if found else None


def read(run: Path) -> Run:
    """A run with all its samples; damaged samples are left out and listed."""
    manifest = read_manifest(run)
    results: dict[str, Result] = {}
    damaged: list[str] = []
    for row in manifest["cells"]:
        cell = cells.from_json(row)
        results[cell.name] = _read_cell(run, cell, row["unit"], damaged)
    return Run(run, manifest, results, damaged)


def _read_cell(run: Path, cell: Cell, unit: str, damaged: list[str]) -> Result:
    result = Result(cell, unit)
    for file in sorted((run / "samples" / cell.slug).glob("*.json")):
        key = _round_of(file)
        if key is None:
            continue
        try:
            sample = parse_sample(file.read_text(encoding="utf-8", errors="replace"), paths.shown(file))
        except (DamagedError, OSError) as error:
            damaged.append(str(error))
            continue
        number, arm = key
        if sample.ns is None:
            result.failure = result.failure or f"{sample.error} (round {number})"
            continue
        (result.twins if arm else result.values)[number] = sample.ns
        if not arm:
            result.counters.append(sample.counters)
    return result


def set_aside(run: Path, file: Path) -> Path:
    """Move a file that cannot be used out of the way, keeping it."""
    shelf = run / "set-aside"
    shelf.mkdir(exist_ok=True)
    target = shelf / f"{file.parent.name}__{file.name}"
    count = 1
    while target.exists():
        target = shelf / f"{file.parent.name}__{file.name}.{count}"
        count += 1
    file.replace(target)
    return target


def warn_damaged(run: Run) -> Iterable[str]:
    """What to tell a reader about samples that could not be read."""
    if run.damaged:
        more = f" (and {len(run.damaged) - 1} more)" if len(run.damaged) > 1 else ""
        yield (f"left out: {run.damaged[0]}{more}; measure again what is missing: {resume_command(run.manifest)}")
