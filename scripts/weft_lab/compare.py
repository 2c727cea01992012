"""Two runs, or two variants within one run: what differs, what ties, what cannot be told.

Within one run the samples of two variants were taken side by side, so they are compared round by round.
Two runs were not: what the machine did to one and not to the other looks like a difference. Three things tell
how much that may be, and nothing below them is called a difference: the A/A pairs of each run, how far the cells
of a run wander from its first half to its second, and how far the limits, the same code in both, lie apart.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from weft_lab import errors, paths, stats, store
from weft_lab.cells import Cell
from weft_lab.errors import UsageError
from weft_lab.ranking import noise_floor
from weft_lab.stats import Ratio
from weft_lab.store import Result, Run

SCHEMA = 1
FIELDS = {"chan": "channel", "channel": "channel", "sched": "scheduler", "scheduler": "scheduler"}
MANY_TIMES = 20  # that many times the rounds there are is not advice any more
LEAST_HALF = 3


@dataclass(frozen=True)
class Row:
    """One cell of a comparison."""

    label: str
    a: Result
    b: Result
    ratio: Ratio | None
    floor: float
    p: float | None = None
    verdict: str = "unresolved"
    reason: str | None = None


@dataclass
class Comparison:
    """All cells, with what a reader must know beside them."""

    kind: str
    a: str
    b: str
    threshold: float
    rows: list[Row]
    notes: list[str] = field(default_factory=list)
    only_a: list[str] = field(default_factory=list)
    only_b: list[str] = field(default_factory=list)
    advice: str = ""

    @property
    def rounds_needed(self) -> int:
        """Rounds that the widest unresolved cell would need; 0 if all is resolved."""
        open_rows = [row for row in self.rows if row.verdict == "unresolved" and row.ratio]
        tested = sum(row.ratio is not None for row in self.rows)
        return max((_needed(row, self.threshold, tested) for row in open_rows), default=0)

    @property
    def hopeless(self) -> bool:
        """Would it take so many rounds that only a quieter machine helps?"""
        counts = [row.ratio.count for row in self.rows if row.ratio]
        return self.rounds_needed > MANY_TIMES * max(counts, default=1)

    @property
    def more_rounds(self) -> int:
        counts = [row.ratio.count for row in self.rows if row.verdict == "unresolved" and row.ratio]
        return max(1, self.rounds_needed - min(counts)) if counts else 0


def _needed(row: Row, threshold: float, comparisons: int) -> int:
    assert row.ratio is not None
    half = math.log(row.ratio.high / row.ratio.low) / 2
    return stats.rounds_needed(half, math.log1p(threshold), row.ratio.count, comparisons)


def compare(what: list[str], pattern: str | None, threshold: float) -> Comparison:
    """What the verb was given to a comparison."""
    if len(what) == 2:
        result = compare_runs(
            store.read(store.resolve(what[0])), store.read(store.resolve(what[1])), threshold, pattern
        )
    elif len(what) == 3:
        result = compare_variants(store.read(store.resolve(what[0])), what[1], what[2], threshold, pattern)
    else:
        raise UsageError("compare wants two runs, or one run and two variants: RUN chan:a chan:b")
    return result


def _keep(pattern: str | None) -> Callable[[str], bool]:
    if pattern is None:
        return lambda _: True
    try:
        regex = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"--filter: not a regular expression: {error}: {pattern}") from None
    return lambda name: regex.search(name) is not None


def compare_runs(a: Run, b: Run, threshold: float, pattern: str | None = None) -> Comparison:
    """Cells of the same name in two runs."""
    keep = _keep(pattern)
    shared = [name for name in a.results if name in b.results and keep(name)]
    if not shared:
        raise UsageError(
            f"{a.name} and {b.name} have no cell in common" + (f" that matches {pattern}" if pattern else "")
        )
    moved = drift(a, b)
    floors = noise_floor(a), noise_floor(b)
    wanders = wander(a), wander(b)
    rows = []
    for name in shared:
        one, two = a.results[name], b.results[name]
        ratio = stats.unpaired(list(one.values.values()), list(two.values.values()))
        key = (one.cell.workload, one.cell.workers)
        floor = max(moved, *(floor.of(one.cell) for floor in floors), *(each.get(key, 0.0) for each in wanders))
        rows.append(Row(name, one, two, _unless_failed(one, two, ratio), floor))
    result = Comparison("runs", paths.shown(a.path), paths.shown(b.path), threshold, judge(rows, threshold))
    result.only_a = [name for name in a.results if name not in b.results and keep(name)]
    result.only_b = [name for name in b.results if name not in a.results and keep(name)]
    result.notes = [*_notes(a, b, moved), *_missing_notes(result), *_unfinished(a, b)]
    result.advice = f"{store.resume_command(b.manifest)} --rounds N (and {a.name}), or a quieter machine"
    return result


def compare_variants(run: Run, a: str, b: str, threshold: float, pattern: str | None = None) -> Comparison:
    """Two channels or two schedulers, everything else being equal."""
    kind, first = _variant(run, a)
    other, second = _variant(run, b)
    if kind != other:
        raise UsageError(f"{a} and {b} are of two kinds: compare chan: with chan:, or sched: with sched:")
    if first == second:
        raise UsageError(f"{a} and {b} are the same variant")
    keep = _keep(pattern)
    floor = noise_floor(run)
    rows = []
    for result in run.results.values():
        if getattr(result.cell, kind) != first or not keep(result.cell.name):
            continue
        twin = run.results.get(replace(result.cell, **{kind: second}).name)
        if twin is not None:
            rows.append((result, twin))
    if not rows:
        raise UsageError(f"{run.name} has no cell in which {a} and {b} differ in nothing else")
    judged = judge(
        [
            Row(
                _label(one.cell, kind),
                one,
                two,
                _unless_failed(one, two, stats.paired(one.values, two.values, len(rows))),
                floor.of(one.cell),
            )
            for one, two in rows
        ],
        threshold,
    )
    result = Comparison("variants", f"{run.name} {a}", f"{run.name} {b}", threshold, judged)
    result.notes = _unfinished(run)
    result.advice = f"{store.resume_command(run.manifest)} --rounds N"
    return result


def _label(cell: Cell, kind: str) -> str:
    return replace(cell, **{kind: None}).name


def _variant(run: Run, text: str) -> tuple[str, str]:
    """`chan:ring` to ("channel", "ring"); a bare name if only one kind has it."""
    known = {
        kind: sorted({getattr(r.cell, kind) for r in run.results.values()} - {None})
        for kind in ("channel", "scheduler")
    }
    prefix, colon, name = text.partition(":")
    if not colon:
        hits = [kind for kind, names in known.items() if text in names]
        if len(hits) == 1:
            return hits[0], text
        kind, name = "", text
    else:
        kind = FIELDS.get(prefix, "")
        if kind and name in known[kind]:
            return kind, name
    spelled = [f"chan:{n}" for n in known["channel"]] + [f"sched:{n}" for n in known["scheduler"]]
    raise UsageError(f"{run.name} has no variant '{text}'{errors.suggestion(text, spelled)}")


def _unless_failed(one: Result, two: Result, ratio: Ratio | None) -> Ratio | None:
    return None if one.failure or two.failure else ratio


def judge(rows: list[Row], threshold: float) -> list[Row]:
    """Verdicts, with the p-values corrected for the number of cells."""
    tested = [index for index, row in enumerate(rows) if row.ratio]
    corrected = stats.holm([rows[index].ratio.p for index in tested])  # type: ignore[union-attr]
    p_of = dict(zip(tested, corrected, strict=True))
    return [_judged(row, p_of.get(index), threshold) for index, row in enumerate(rows)]


def _judged(row: Row, p: float | None, threshold: float) -> Row:
    broken = row.a.failure or row.b.failure
    if broken:
        side = "A" if row.a.failure else "B"
        return replace(row, verdict="failed", reason=f"in {side}: {broken}")
    if row.ratio is None or p is None:
        return replace(row, verdict="unresolved", reason="too few samples")
    step = math.log(row.ratio.ratio)
    if p < stats.ALPHA and abs(step) > row.floor:
        return replace(row, p=p, verdict="slower" if step > 0 else "faster")
    widest = max(abs(math.log(row.ratio.low)), abs(math.log(row.ratio.high)))
    if widest <= math.log1p(threshold):
        return replace(row, p=p, verdict="tie")
    below = p < stats.ALPHA
    reason = "below the noise floor" if below else "interval wider than the threshold"
    return replace(row, p=p, verdict="unresolved", reason=reason)


def wander(run: Run) -> dict[tuple[str, int | None], float]:
    """How far cells move within a run, from its first half to its second, by workload and workers.

    That is a run compared with a repetition of itself, a minute apart. Nine cells in ten stay below.
    """
    steps: dict[tuple[str, int | None], list[float]] = {}
    for result in run.measured():
        rounds = sorted(result.values)
        early, late = rounds[: len(rounds) // 2], rounds[len(rounds) // 2 :]
        if len(early) >= LEAST_HALF:
            medians = [float(np.median([result.values[number] for number in part])) for part in (early, late)]
            key = (result.cell.workload, result.cell.workers)
            steps.setdefault(key, []).append(abs(math.log(medians[1] / medians[0])))
    return {key: float(np.quantile(values, 0.9)) for key, values in steps.items()}


def drift(a: Run, b: Run) -> float:
    """How far the machine moved between two runs: the limits are the same code in both."""
    steps = []
    for name, one in a.results.items():
        two = b.results.get(name)
        if two is None or one.failure or two.failure or not one.cell.is_limit:
            continue
        ratio = stats.unpaired(list(one.values.values()), list(two.values.values()))
        if ratio is not None:
            steps.append(abs(math.log(ratio.ratio)))
    return float(np.quantile(steps, 0.75)) if steps else 0.0


def _notes(a: Run, b: Run, moved: float) -> list[str]:
    notes = []
    for key in ("cpu", "cores", "kernel", "governor", "compiler", "flags", "allocator"):
        one, two = a.manifest["environment"].get(key), b.manifest["environment"].get(key)
        if one != two:
            notes.append(f"the runs differ in {key}: {one} / {two}")
    if a.manifest["min_time_ms"] != b.manifest["min_time_ms"]:
        notes.append("the runs differ in the measured time of a sample")
    if moved > stats.LEAST_FLOOR:
        notes.append(
            f"the machine moved by {100 * math.expm1(moved):.1f} % between the runs (by their limits); "
            "differences below that are not called so"
        )
    return notes


def _missing_notes(result: Comparison) -> list[str]:
    return [
        f"{len(names)} cells are only in {side}, {names[0]} for one"
        for side, names in (("A", result.only_a), ("B", result.only_b))
        if names
    ]


def _unfinished(*runs: Run) -> list[str]:
    notes = [f"{run.name} is not complete ({run.manifest['status']})" for run in runs if not run.complete]
    return notes + [message for run in runs for message in store.warn_damaged(run)]


def as_json(result: Comparison) -> dict[str, Any]:
    """A comparison for programs: `rows` has one row a cell."""
    return {
        "schema": SCHEMA,
        "kind": result.kind,
        "a": result.a,
        "b": result.b,
        "confidence": stats.CONFIDENCE,
        "correction": "holm",
        "threshold": result.threshold,
        "notes": result.notes,
        "only_a": result.only_a,
        "only_b": result.only_b,
        "more_rounds": result.more_rounds,
        "rows": [_row_json(row) for row in result.rows],
    }


def _median(result: Result) -> float | None:
    return stats.estimate(list(result.values.values())).median if result.values else None


def _row_json(row: Row) -> dict[str, Any]:
    ratio = row.ratio
    return {
        "cell": row.label,
        "a": row.a.cell.name,
        "b": row.b.cell.name,
        "unit": f"ns/{row.a.unit}",
        "median_a": _median(row.a),
        "median_b": _median(row.b),
        "samples_a": len(row.a.values),
        "samples_b": len(row.b.values),
        "ratio": ratio.ratio if ratio else None,
        "interval": [ratio.low, ratio.high] if ratio else None,
        "test": ratio.test if ratio else None,
        "p": ratio.p if ratio else None,
        "p_corrected": row.p,
        "noise_floor": math.expm1(row.floor),
        "verdict": row.verdict,
        "reason": row.reason,
    }


def exit_code(result: Comparison, *, fail_on_improvement: bool) -> int:
    """The one number that a script looks at: the worst verdict."""
    verdicts = {row.verdict for row in result.rows}
    if "failed" in verdicts:
        return errors.UNVERIFIED
    if "slower" in verdicts:
        return errors.REGRESSION
    if "unresolved" in verdicts:
        return errors.UNRESOLVED
    if "faster" in verdicts and fail_on_improvement:
        return errors.IMPROVED
    return errors.OK
