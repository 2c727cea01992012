"""Fuzz targets for the readers of the Python side: whatever the input, a result, or an error of ours that says why.

    .venv/bin/python tests/fuzz/readers.py TARGET tests/fuzz/corpus/TARGET      # libFuzzer's arguments, by atheris
    .venv/bin/python tests/fuzz/readers.py TARGET FILE                          # one input again

`./scripts/weft test --fuzz` runs them beside the targets in C; tests/python/test_fuzz.py runs each corpus without
atheris.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

if __name__ == "__main__":
    import atheris

    with atheris.instrument_imports(include=["weft_lab"]):
        from weft_lab import cells, compare, golang, matrix, stats, store, tomlpos
        from weft_lab.catalog import Catalog
        from weft_lab.errors import WeftError
else:
    from weft_lab import cells, compare, golang, matrix, stats, store, tomlpos
    from weft_lab.catalog import Catalog
    from weft_lab.errors import WeftError

CORES = 2
CELLS_MOST = 2000  # beyond: the input is only large
del stats  # it is imported for its instrumentation: compare calls it


@cache
def fake() -> ModuleType:
    """The benchmark binary that the tests use: its catalogue, and which cells it refuses."""
    spec = spec_from_loader("fake", SourceFileLoader("fake", str(ROOT / "tests" / "python" / "fake_weft_bench")))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def must(condition: object, what: str) -> None:
    """A finding, unless the condition holds."""
    if not condition:
        raise AssertionError(what)


def refused(error: WeftError) -> None:
    """A reader may say no, in words."""
    must(str(error).strip(), "an error that says nothing")


def text_of(data: bytes) -> str:
    """As files are read."""
    return data.decode("utf-8", errors="replace")


# --- the targets --------------------------------------------------------------------------------------


def _matrix(text: str) -> None:
    def check(names: list[str]) -> dict[str, str | None]:
        if len(names) > CELLS_MOST:
            raise matrix.UsageError("large")
        return {name: fake().refusal(fake().parse(name)) for name in names}

    try:
        plan = matrix.parse(text, "fuzz.toml", Catalog(fake().CATALOG), check, CORES)
    except WeftError as error:
        refused(error)
        return
    must(plan.cells, "a plan without a cell")
    must(plan.rounds >= 1 and math.isfinite(plan.min_time_ms) and math.isfinite(plan.timeout_s), "settings")
    must(all(cell.is_limit or (cell.workers or 0) >= 1 for cell in plan.cells), "a cell without workers")
    must(all(cells.from_json(cells.as_json(cell)) == cell for cell in plan.cells), "a cell that is read as another one")
    must(all(line >= 1 for line in tomlpos.lines(text).values()), "a line before the first")


def target_matrix(data: bytes) -> None:
    """A matrix file."""
    _matrix(text_of(data))


KEYS = (
    "schema",
    "name",
    "rounds",
    "min_time_ms",
    "timeout_s",
    "workload",
    "channel",
    "scheduler",
    "workers",
    "aa",
    "cap",
)


def target_values(data: bytes) -> None:
    """A value in the place of one key of a matrix that is right: the first byte says which."""
    if not data:
        return
    values = {
        "schema": "1", "name": '"x"', "rounds": "2", "min_time_ms": "1", "timeout_s": "1", "workload": '"spsc"',
        "channel": '"ring"', "scheduler": '"steal"', "workers": "1", "aa": "false", "cap": "64",
    }  # fmt: skip
    values[KEYS[data[0] % len(KEYS)]] = text_of(data[1:])
    rows = [f"{key} = {values[key]}" for key in KEYS]
    _matrix("\n".join([*rows[:2], "[sampling]", *rows[2:5], "[[cells]]", *rows[5:]]) + "\n")


def target_sample(data: bytes) -> None:
    """A file of one sample, google-benchmark's JSON."""
    try:
        sample = store.parse_sample(text_of(data), "fuzz.json")
    except WeftError as error:
        refused(error)
        return
    must((sample.ns is None) != (sample.error is None), "neither a time nor an error")
    must(sample.ns is None or (math.isfinite(sample.ns) and sample.ns > 0), "an impossible time")


@cache
def _directory() -> Path:
    base = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="weft-fuzz-", dir=base if base.is_dir() else None))


def target_run(data: bytes) -> None:
    """A run's manifest, and one sample of each of its cells behind a line of three dashes."""
    manifest, _, sample = data.partition(b"\n---\n")
    run = _directory() / "run"
    run.mkdir(exist_ok=True)
    (run / "manifest.json").write_bytes(manifest)
    file = run / "samples" / "spsc__chan-ring__sched-steal__cap-64__workers-1" / "0001.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(sample)
    try:
        found = store.read(run)
    except WeftError as error:
        refused(error)
        return
    must(all(isinstance(one, str) for one in store.warn_damaged(found)), "a warning that is no text")
    must({result.cell.name for result in found.results.values()} == set(found.results), "a cell of another name")
    must(isinstance(found.complete, bool) and found.failed() is not None and found.measured() is not None, "states")
    must(isinstance(found.controls, set) and isinstance(found.over_channels, set), "variants")


@cache
def _measured() -> store.Run:
    rows = [
        cells.Cell("spsc", channel, scheduler, (("cap", 64),), 1)
        for channel in ("ring", "mutex", "ck")
        for scheduler in ("steal", "global")
    ]
    results = {
        cell.name: store.Result(cell, "message", {n: 100.0 + 7 * n + place for n in range(1, 7)})
        for place, cell in enumerate(rows)
    }
    manifest = {"name": "fuzz", "status": "complete", "catalog": fake().CATALOG}
    return store.Run(Path("results/fuzz"), manifest, results, [])


@cache
def _whole_plan() -> matrix.Plan:
    rows = [
        "schema = 1",
        *("[[cells]]", 'suite = "go"', "workers = 1"),
        *("[[cells]]", 'workload = "*"', "workers = 1"),
    ]
    rows += ["[[limits]]", 'name = "*"']
    return matrix.parse("\n".join(rows), "fuzz.toml", Catalog(fake().CATALOG), dict.fromkeys, CORES)


def target_compare(data: bytes) -> None:
    """What selects: two variants and a filter, a line each, of a run; the same filter, and each line more as --where,
    of a plan."""
    first, second, pattern, *where = [*text_of(data).split("\n"), "", ""]
    try:
        found = compare.compare_variants(_measured(), first, second, 0.02, pattern or None)
        must(found.rows, "a comparison of nothing")
        json.dumps(compare.as_json(found), allow_nan=False)
        must(compare.exit_code(found, fail_on_improvement=True) in range(6), "exit code")
    except WeftError as error:
        refused(error)
    plan = _whole_plan()
    narrowed = replace(plan, cells=dict(plan.cells), skipped={})
    try:
        matrix.suite_asked_for(where)
        matrix.select(narrowed, pattern or None, [clause for clause in where if clause])
    except WeftError as error:
        refused(error)
        return
    must(narrowed.cells and set(narrowed.cells) <= set(plan.cells), "cells that nobody asked for")


def target_golang(data: bytes) -> None:
    """What `go test -bench` prints."""
    text = text_of(data)
    for metric in ("ns/op", "avg-late-ns"):
        one = golang.Benchmark("ChanSync", "runtime", "^BenchmarkChanSync$", metric, 2)
        found = golang.parse(text, one)
        if isinstance(found, str):
            must(found.strip(), "no reason")
        else:
            must(math.isfinite(found.metrics[metric]) and found.metrics[metric] > 0, "an impossible time")
        must(golang.why_not(text, one) is None or golang.why_not(text, one), "no reason")


TARGETS: dict[str, Callable[[bytes], None]] = {
    name.removeprefix("target_"): function for name, function in list(globals().items()) if name.startswith("target_")
}


def main() -> None:
    """The program."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"usage: {sys.argv[0]} {'|'.join(TARGETS)} [argument of libFuzzer]...")
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
