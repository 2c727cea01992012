"""Weft against another runtime's own benchmarks: the same operation on both sides, samples of both side by side.

A comparison is a run like any other (results/<run>/), whose cells are rows of the suite that mirrors the peer's
benchmarks, and, for each row, one cell of the peer. A ratio is the peer's time over ours, so above 1 ours is faster:
the median of the rounds' ratios, with its 95 % interval.

The rows over channels and spawns have the variants' operations inlined, which shows what a variant costs. Most of
them are measured once more by the public functions (`calls`), with the default pair: what a program has that includes
weft.h.

Rows that are mostly work made up between two operations (the groups `work` and `wake`) tell little as they are; their
`net` figures have that work's own time taken off both sides, by the same number of nanoseconds in each round:
  work  what our sample of that round measured for the row's work alone (its counter work_ns);
  wake  2 (d + 5 us): each of the two messages of an operation waits for a sender that works d + 5 us, while the
        receiver works d beside it. Run one after the other on one processor they would take 4 d + 10 us, so what a
        runtime does not do in parallel stays in its net figure. (Syscall: the work is a sleep of that length, and
        what the kernel sleeps longer stays in it too.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from weft_lab import golang, stats
from weft_lab.catalog import Catalog
from weft_lab.cells import Cell
from weft_lab.stats import Estimate
from weft_lab.store import Result, Run

GROUPS = ("channel", "select", "spawn", "panic", "wake", "work", "context", "sync", "time")
MADE_UP = ("work", "wake")
"""Groups whose rows are mostly work that the benchmark makes up."""
WAKE_DELAY_NS = 5000.0
DURATION = re.compile(r"/(?P<count>\d+)(?P<unit>ns|us|\N{MICRO SIGN}s|ms|s)$")
UNITS = {"ns": 1.0, "us": 1e3, "\N{MICRO SIGN}s": 1e3, "ms": 1e6, "s": 1e9}


@dataclass(frozen=True)
class Pair:
    """Ratios of one of our cells, or times: the median with its interval."""

    cell: Cell
    ns: Estimate
    ratio: Estimate | None


@dataclass
class Row:
    """One of the peer's benchmarks at one number of workers, on both sides."""

    name: str
    group: str
    package: str
    unit: str
    metric: str
    workers: int
    peer: Result | None
    ours: list[Result]
    default: Cell | None
    """The pair of variants that serves whoever asks for none."""
    skipped: str | None
    """Why the peer has no time here, if it skips this by its own doing."""
    called: Result | None = None
    """The default pair by the public functions, where the others have their operations inlined."""

    @property
    def over_channels(self) -> bool:
        return self.ours[0].cell.channel is not None

    @property
    def failures(self) -> list[tuple[str, str]]:
        """Who failed, and why."""
        sides = [self.peer, *self.ours, self.called]
        return [(one.cell.combination, one.failure) for one in sides if one and one.failure]

    @property
    def peer_values(self) -> dict[int, float]:
        """The peer's samples; none if one of them failed."""
        return self.peer.values if self.peer and not self.peer.failure else {}

    @cached_property
    def pairs(self) -> list[Pair]:
        """Ours that were measured and did not fail, the fastest first."""
        return self._pairs(self.ours)

    @cached_property
    def net(self) -> list[Pair]:
        """The same with the made-up work taken off both sides; only of groups that have it."""
        if self.group not in MADE_UP:
            return []
        return self._pairs(self.ours, net=True)

    @cached_property
    def calls(self) -> Pair | None:
        """The default pair by the public functions; net where there is made-up work."""
        found = self._pairs([self.called], net=self.group in MADE_UP) if self.called else []
        return found[0] if found else None

    def work(self, one: Result) -> dict[int, float]:
        """What is taken off in each round, in ns."""
        if self.group == "wake":
            found = DURATION.search(self.name)
            delay = float(found["count"]) * UNITS[found["unit"]] if found else 0.0
            return dict.fromkeys(one.values, 2 * (delay + WAKE_DELAY_NS))
        counted = zip(one.values, one.counters, strict=True)
        return {number: counters["work_ns"] for number, counters in counted if "work_ns" in counters}

    def _pairs(self, results: list[Result], *, net: bool = False) -> list[Pair]:
        found = []
        for one in results:
            if one.failure or not one.values:
                continue
            less = self.work(one) if net else {}
            mine, theirs = _without(one.values, less), _without(self.peer_values, less)
            if mine:
                ns = stats.estimate(list(mine.values()))
                found.append(Pair(one.cell, ns, stats.quotient(theirs, mine)))
        return sorted(found, key=lambda pair: pair.ns.median)

    def peer_net(self) -> Estimate | None:
        """The peer's time without the work, by the work of our default pair, or of the best."""
        chosen = self.pick(self.net, self.default) or (self.net[0] if self.net else None)
        one = next((one for one in self.ours if chosen and one.cell == chosen.cell), None)
        values = _without(self.peer_values, self.work(one)) if one else {}
        return stats.estimate(list(values.values())) if values else None

    @staticmethod
    def pick(pairs: Iterable[Pair], cell: Cell | None) -> Pair | None:
        return next((pair for pair in pairs if pair.cell == cell), None)


def _without(values: Mapping[int, float], less: Mapping[int, float]) -> dict[int, float]:
    """Times less what belongs to the benchmark's own work; rounds in which nothing is left are left out."""
    left = {number: value - less.get(number, 0.0) for number, value in values.items()}
    return {number: value for number, value in left.items() if value > 0}


@dataclass
class Versus:
    """All rows of a run, in the order in which they are shown."""

    run: Run
    peer: str
    version: str | None
    rows: list[Row]
    workers: list[int] = field(default_factory=list)

    def group(self, group: str, workers: int) -> list[Row]:
        return [row for row in self.rows if row.group == group and row.workers == workers]

    @property
    def groups(self) -> list[str]:
        return list(dict.fromkeys(row.group for row in self.rows))

    def mean(self, group: str, workers: int, *, net: bool = False) -> dict[str, float | int | None]:
        """Geometric means of the ratios of a group's rows."""
        best: list[float] = []
        default: list[float] = []
        calls: list[float] = []
        for row in self.group(group, workers):
            pairs = row.net if net else row.pairs
            chosen = row.pick(pairs, row.default)
            best += [pairs[0].ratio.median] if pairs and pairs[0].ratio else []
            default += [chosen.ratio.median] if chosen and chosen.ratio else []
            calls += [row.calls.ratio.median] if row.calls and row.calls.ratio else []
        return {
            "best": stats.geometric_mean(best),
            "default": stats.geometric_mean(default),
            "calls": stats.geometric_mean(calls) if len(calls) == len(default) else None,
            "rows": len(best),
        }


def is_versus(manifest: Mapping[str, Any]) -> bool:
    """Is this run a comparison with a peer?"""
    return "versus" in manifest


def read(run: Run) -> Versus:
    """The comparison that a run holds."""
    about = run.manifest["versus"]
    catalog = Catalog(run.manifest["catalog"])
    questions: dict[object, list[Result]] = {}
    for result in run.results.values():
        questions.setdefault(result.cell.question, []).append(result)
    order = {name: index for index, name in enumerate(catalog.workloads)}
    skipped = {one["name"]: one["reason"] for one in run.manifest["skipped"]}
    rows = [_row(results, catalog, skipped) for results in questions.values()]
    rows.sort(key=lambda row: (_rank(row.group), order[row.ours[0].cell.workload], row.workers))
    workers = sorted({row.workers for row in rows})
    return Versus(run, about["peer"], about["version"], rows, workers)


def _rank(group: str) -> int:
    return GROUPS.index(group) if group in GROUPS else len(GROUPS)


def _row(results: list[Result], catalog: Catalog, skipped: Mapping[str, str]) -> Row:
    """Both sides of one question."""
    ours = [one for one in results if not one.cell.peer and not one.cell.called]
    first = ours[0].cell
    about = catalog.workloads[first.workload]
    return Row(
        name=about["go_name"],
        group=about["group"],
        package=about["go_package"],
        unit=ours[0].unit,
        metric=about.get("go_metric", golang.TIME),
        workers=first.workers or 1,
        peer=next((one for one in results if one.cell.peer), None),
        ours=ours,
        default=default([one.cell for one in ours], catalog),
        skipped=skipped.get(Cell(first.workload, workers=first.workers, peer=golang.PEER).name),
        called=next((one for one in results if one.cell.called), None),
    )


def default(cells: list[Cell], catalog: Catalog) -> Cell | None:
    """The default channel on the default scheduler, or on the first one that was asked for."""
    channel, scheduler = catalog.defaults
    mine = [cell for cell in cells if cell.channel in (channel, None)]
    return next((cell for cell in mine if cell.scheduler == scheduler), mine[0] if mine else None)


def chart_lines(found: Versus) -> list[dict[str, Any]]:
    """The ratios as a chart wants them: net where there is made-up work."""
    lines = []
    for row in found.rows:
        pairs = row.net if row.group in MADE_UP else row.pairs
        for side, pair in (("best", pairs[0] if pairs else None), ("default", row.pick(pairs, row.default))):
            if pair and pair.ratio:
                lines.append(
                    {
                        "name": row.name + (" (net)" if row.group in MADE_UP else ""),
                        "group": row.group,
                        "workers": row.workers,
                        "side": side,
                        "who": pair.cell.combination,
                        "ratio": pair.ratio.median,
                        "low": pair.ratio.low,
                        "high": pair.ratio.high,
                    }
                )
    return lines


# --- for programs -----------------------------------------------------------------------------------------


def as_json(found: Versus) -> dict[str, Any]:
    """The JSON whose keys are fixed: go_version, rows, geomean and what is in them. Others may come."""
    manifest = found.run.manifest
    return {
        "go_version": found.version,
        "status": manifest["status"],
        "run": str(found.run.path),
        "rounds": manifest["rounds"],
        "min_time_ms": manifest["min_time_ms"],
        "rows": [_json_row(row) for row in found.rows],
        "geomean": _means(found, found.groups, net=False),
        "geomean_net": _means(found, [group for group in found.groups if group in MADE_UP], net=True),
        "failed": [
            {"name": row.name, "workers": row.workers, "who": who, "reason": reason}
            for row in found.rows
            for who, reason in row.failures
        ],
        "skipped": manifest["skipped"],
    }


def _means(found: Versus, groups: list[str], *, net: bool) -> dict[str, dict[str, Any]]:
    return {
        group: {
            str(workers): found.mean(group, workers, net=net)
            for workers in found.workers
            if found.group(group, workers)
        }
        for group in groups
    }


def _json_row(row: Row) -> dict[str, Any]:
    peer = stats.estimate(list(row.peer_values.values())) if row.peer_values else None
    line = {
        "name": row.name,
        "group": row.group,
        "workers": row.workers,
        "package": row.package,
        "unit": row.unit,
        "metric": row.metric,
        **_json_sides(peer, row.pairs, row.default),
        "ns": {pair.cell.combination: pair.ns.median for pair in row.pairs},
        "calls_ns": row.calls.ns.median if row.calls else None,
        "ratio_calls": _json_ratio(row.calls),
        "samples": len(row.peer_values),
        "failed": [{"who": who, "reason": reason} for who, reason in row.failures],
        "skipped": row.skipped,
    }
    if row.group in MADE_UP:
        line["net"] = _json_sides(row.peer_net(), row.net, row.default)
    return line


def _json_sides(peer: Estimate | None, pairs: list[Pair], default: Cell | None) -> dict[str, Any]:
    best, usual = pairs[0] if pairs else None, Row.pick(pairs, default)
    return {
        "go_ns": peer.median if peer else None,
        "best_ns": best.ns.median if best else None,
        "best": best.cell.combination if best else None,
        "default_ns": usual.ns.median if usual else None,
        "ratio_best": _json_ratio(best),
        "ratio_default": _json_ratio(usual),
    }


def _json_ratio(pair: Pair | None) -> list[float] | None:
    if pair is None or pair.ratio is None:
        return None
    return [pair.ratio.median, pair.ratio.low, pair.ratio.high]
