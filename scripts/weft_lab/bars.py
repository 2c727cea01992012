"""The bars: what Weft must reach that no row of a benchmark table tells, each against a figure of bench/scale.

A bar's figure is computed in every round from the samples of that round, Weft's and Go's, which were taken side by
side; its median over the rounds is held against the bar. Where it says of Go what it says of Weft, it is computed
for Go too. What is computed from what is here and nowhere else; what a sample's value means is in the first
comment of the figure's file in bench/scale.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from scipy.stats import linregress

from weft_lab import stats

WEFT, GO = "weft", "go"
KIB = 1024
PARKED_BYTES = 4.6 * KIB
# Where the bar says `linear`, how straight that is was for this file to say; chosen before anything was measured.
LINEAR_EXPONENT = 1.1
LINEAR_SLOPES = 1.5
IDLE_WORKERS = (1, 2, 4)
SELECT_CASES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
SELECT_STATIC = 64
FLAT_ALIVE = (100, 10_000, 1_000_000)
POPULAR_TASKS = (10, 100, 1000, 10_000)
ROWS = (
    "ping_pong", "chan_sync", "prod_cons_0", "prod_cons_10", "prod_cons_100",
    "prod_cons_work_0", "prod_cons_work_10", "prod_cons_work_100",
)  # fmt: skip


class MissingError(Exception):
    """A value that no sample of this round has."""


@dataclass(frozen=True)
class Point:
    """One process of a round: a figure, by one runtime, with a number of workers."""

    figure: str
    workers: int
    who: str


@dataclass(frozen=True)
class Program:
    """How a figure is taken."""

    figure: str
    rounds: int
    workers: tuple[int, ...] | None = None  # None: those that the user asks for
    peers: tuple[str, ...] = (WEFT, GO)
    timeout_s: float = 120.0


PROGRAMS = {
    program.figure: program
    for program in (
        Program("skynet", 4),
        Program("noop", 4, workers=(1,)),
        Program("parked", 3),
        Program("parked_64k", 3),
        Program("unstarted", 3, workers=(1,)),
        Program("first_touch", 3, workers=(1,), peers=(WEFT,)),
        Program("flat", 3, workers=(1,)),
        Program("select", 6, workers=(1,)),
        Program("popular", 6, workers=(1,)),
        Program("idle", 3, workers=IDLE_WORKERS),
        Program("tick", 3),
        Program("wake", 6),
        Program("rows", 7),
        Program("fib", 7),
        Program("nqueens", 7),
    )
}


@dataclass(frozen=True)
class Round:
    """The values of one round, by point and name."""

    samples: Mapping[Point, Mapping[str, float]]

    def value(self, who: str, figure: str, workers: int, name: str) -> float:
        try:
            return self.samples[Point(figure, workers, who)][name]
        except KeyError:
            raise MissingError(f"{figure}, {workers} workers: no {name} of {who}") from None


Compute = Callable[[Round], float]


@dataclass(frozen=True)
class Bar:
    """One line of the result: a figure and, if it is one that must be reached, the bar."""

    group: str  # the sentence that it belongs to
    name: str  # figure/what/workers:N, by which it is chosen
    what: str
    points: tuple[Point, ...]  # what must have been taken
    figure: Compute
    unit: str  # of the figure: "x", "B", "ns", "ms/s", "%", ""
    limit: float | None = None  # None: shown beside
    at_least: bool = False
    ours: Compute | None = None  # the time or size behind a ratio, in `sizes`
    against: Compute | None = None  # and what it is divided by, or what Go has
    sizes: str = "ns"
    other: str = "Go"  # what `against` is
    go_figure: Compute | None = None

    def holds(self, value: float) -> bool | None:
        """Is that on the right side? None: there is no bar."""
        if self.limit is None:
            return None
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True)
class Judged:
    """A bar with what was measured."""

    bar: Bar
    rounds: int
    figure: stats.Estimate | None
    ours: float | None = None
    against: float | None = None
    go_figure: float | None = None
    reason: str | None = None  # why there is no figure

    @property
    def verdict(self) -> str:
        """met, not met, shown, missing."""
        if self.figure is None:
            return "missing"
        held = self.bar.holds(self.figure.median)
        return "shown" if held is None else "met" if held else "not met"

    @property
    def clear(self) -> bool:
        """Is all of the interval on one side of the bar?"""
        if self.figure is None or self.bar.limit is None:
            return True
        return self.bar.holds(self.figure.low) == self.bar.holds(self.figure.high)


# --- computing ----------------------------------------------------------------------------------------


def _value(who: str, figure: str, workers: int, name: str) -> Compute:
    return lambda one: one.value(who, figure, workers, name)


def _ratio(above: Compute, below: Compute) -> Compute:
    return lambda one: above(one) / below(one)


def _spread(values: Iterable[float]) -> float:
    """The largest by the smallest."""
    found = list(values)
    return max(found) / min(found)


def slope(points: Mapping[float, float]) -> float:
    """Of the straight line of least squares through (n, time)."""
    return float(linregress(list(points.keys()), list(points.values())).slope)


def exponent(points: Mapping[int, float]) -> float:
    """p of the best fit n^p: the slope in a picture with two logarithmic axes."""
    return slope({math.log(n): math.log(time) for n, time in points.items()})


def _select_slope(who: str, prefix: str, least: int, most: int) -> Compute:
    """ns a case, between two numbers of cases."""

    def compute(one: Round) -> float:
        cases = [n for n in SELECT_CASES if least <= n <= most]
        return slope({n: one.value(who, "select", 1, f"{prefix}_{n}_ns") for n in cases})

    return compute


# --- the bars -----------------------------------------------------------------------------------------


def _points(figure: str, workers: int, whos: Iterable[str] = (WEFT, GO)) -> tuple[Point, ...]:
    return tuple(Point(figure, workers, who) for who in whos)


def _plural(workers: int) -> str:
    return f"{workers} worker{'s' if workers != 1 else ''}"


def _times_go(group: str, figure: str, what: str, name: str, workers: int, limit: float | None) -> Bar:
    """Weft's value by Go's."""
    ours, go = _value(WEFT, figure, workers, name), _value(GO, figure, workers, name)
    return Bar(
        group, f"{figure}/{name.removesuffix('_ns')}/workers:{workers}", f"{what}, {_plural(workers)}",
        _points(figure, workers), _ratio(ours, go), "x", limit, ours=ours, against=go,
    )  # fmt: skip


def _absolute(group: str, figure: str, what: str, name: str, workers: int, unit: str, limit: float | None) -> Bar:
    """Weft's value itself, Go's beside it where there is one."""
    peers = PROGRAMS[figure].peers
    go = _value(GO, figure, workers, name) if GO in peers else None
    return Bar(
        group, f"{figure}/{name}/workers:{workers}", f"{what}, {_plural(workers)}",
        _points(figure, workers, (WEFT,)), _value(WEFT, figure, workers, name), unit, limit,
        against=go, sizes=unit, go_figure=go,
    )  # fmt: skip


def _skynet(workers: Iterable[int]) -> list[Bar]:
    group = "skynet, 1,000,000 leaves: at most a fifth of Go's time"
    kinds = (("first run of the process", "cold_ns"), ("later runs", "warm_ns"))
    return [_times_go(group, "skynet", what, name, w, 0.2) for w in workers for what, name in kinds]


def _noop(_workers: Iterable[int]) -> list[Bar]:
    group = "2,000,000 tasks that do nothing: at most a tenth of Go's time, 1 worker"
    kinds = (("first time", "first_ns", 0.1), ("later", "warm_ns", 0.1), ("a group's go for each", "each_ns", None))
    return [_times_go(group, "noop", what, name, 1, limit) for what, name, limit in kinds]


def _parked(workers: Iterable[int]) -> list[Bar]:
    """With the default stacks, and with those that a million tasks ask for: page tables go by address space."""
    bars = []
    for figure, stacks in (("parked", "default stacks"), ("parked_64k", "stack_size 64 KiB")):
        bars += _parked_with(figure, stacks, workers)
    return bars


def _parked_with(figure: str, stacks: str, workers: Iterable[int]) -> list[Bar]:
    memory = f"1,000,000 tasks parked on a channel, {stacks}: at most 4.6 KiB each, all told"
    times = f"... {stacks}: spawned in no more time than Go takes, released for at most 250 ns each"
    bars = []
    for w in workers:
        bars += [
            _absolute(memory, figure, "all told", "total_bytes", w, "B", PARKED_BYTES),
            _absolute(memory, figure, "without page tables", "resident_bytes", w, "B", None),
            _absolute(memory, figure, "page tables", "page_table_bytes", w, "B", None),
            _absolute(memory, figure, "stack", "stack_bytes", w, "B", None),
            _absolute(memory, figure, "stack, pages", "stack_pages", w, "", None),
            _absolute(memory, figure, "all but stack", "other_bytes", w, "B", None),
            _absolute(memory, figure, "mappings, all", "mappings", w, "", None),
        ]
    for w in workers:
        bars += [
            _times_go(times, figure, "spawned", "spawn_ns", w, 1.0),
            _times_go(times, figure, "spawned once more", "spawn_warm_ns", w, None),
            _absolute(times, figure, "released by a close", "close_ns", w, "ns", 250),
            _absolute(times, figure, "released by sends", "send_ns", w, "ns", 250),
        ]
    return bars


def _unstarted(_workers: Iterable[int]) -> list[Bar]:
    group = "10,000,000 tasks spawned, not yet started: at most 200 bytes each"
    return [
        _absolute(group, "unstarted", "all told", "total_bytes", 1, "B", 200),
        _absolute(group, "unstarted", "page tables", "page_table_bytes", 1, "B", None),
        _absolute(group, "unstarted", "had started", "started", 1, "", None),
        _absolute(group, "unstarted", "spawn", "spawn_ns", 1, "ns", None),
        _absolute(group, "unstarted", "then run and end", "run_ns", 1, "ns", None),
    ]


def _first_touch(_workers: Iterable[int]) -> list[Bar]:
    group = "Limit: the kernel's price for the first touch of a page"
    kinds = (
        ("touched one by one", "touch_ns"),
        ("one in each 2 MiB", "sparse_ns"),
        ("again after MADV_DONTNEED", "again_ns"),
        ("MADV_POPULATE_WRITE, 1", "populate_1_ns"),
        ("MADV_POPULATE_WRITE, 16", "populate_16_ns"),
        ("MADV_POPULATE_WRITE, 64", "populate_64_ns"),
        ("MADV_POPULATE_WRITE, 512", "populate_512_ns"),
    )
    return [
        Bar(
            group,
            f"first_touch/{name.removesuffix('_ns')}",
            what,
            _points("first_touch", 1, (WEFT,)),
            _value(WEFT, "first_touch", 1, name),
            "ns",
        )
        for what, name in kinds
    ]


def _flat(_workers: Iterable[int]) -> list[Bar]:
    group = "Cost with 100, 10 k and 1 M tasks alive: within 1.5x of each other"

    def spread(who: str, name: str) -> Compute:
        return lambda one: _spread(one.value(who, "flat", 1, f"{name}_{n}_ns") for n in FLAT_ALIVE)

    def largest(who: str, name: str) -> Compute:
        return _value(who, "flat", 1, f"{name}_{FLAT_ALIVE[-1]}_ns")

    kinds = (
        ("spawn", "spawn", 1.5),
        ("yield", "yield", 1.5),
        ("wake", "wake", 1.5),
        ("wake the oldest", "oldest", None),
    )
    return [
        Bar(
            group,
            f"flat/{name}/workers:1",
            what,
            _points("flat", 1, (WEFT,)),
            spread(WEFT, name),
            "x",
            limit,
            ours=largest(WEFT, name),
            against=largest(GO, name),
            go_figure=spread(GO, name),
        )
        for what, name, limit in kinds
    ]


def _select(_workers: Iterable[int]) -> list[Bar]:
    linear = f"select to n = 1024 cases: linear (slope of 256-1024 within {LINEAR_SLOPES}x of 16-256)"
    half = "... with a slope of at most half of Go's (ns a case)"
    bars = []
    for kind, what in (("wait", "waits"), ("ready", "one is ready")):
        parts = {
            who: _ratio(_select_slope(who, prefix, 256, 1024), _select_slope(who, prefix, 16, 256))
            for who, prefix in ((WEFT, kind), (GO, f"{kind}_static"))
        }
        bars.append(
            Bar(
                linear,
                f"select/{kind}/linear",
                what,
                _points("select", 1, (WEFT,)),
                parts[WEFT],
                "x",
                LINEAR_SLOPES,
                ours=_value(WEFT, "select", 1, f"{kind}_1024_ns"),
                against=_value(GO, "select", 1, f"{kind}_static_1024_ns"),
                go_figure=parts[GO],
            )
        )
    for kind, what in (("wait", "waits"), ("ready", "one is ready")):
        for way, most, limit in (("static", SELECT_STATIC, 0.5), ("static", 1024, 0.5), ("reflect", 1024, None)):
            ours, go = _select_slope(WEFT, kind, 8, most), _select_slope(GO, f"{kind}_{way}", 8, most)
            bars.append(
                Bar(
                    half,
                    f"select/{kind}/{way}_{most}",
                    f"{what}, 8-{most}, Go {way}",
                    _points("select", 1),
                    _ratio(ours, go),
                    "x",
                    limit,
                    ours=ours,
                    against=go,
                )
            )
    return bars


def _popular(_workers: Iterable[int]) -> list[Bar]:
    def fit(who: str) -> Compute:
        """Of the time of a round, which is that of a send times the number of tasks."""
        return lambda one: exponent({n: n * one.value(who, "popular", 1, f"tasks_{n}_ns") for n in POPULAR_TASKS})

    most = f"tasks_{POPULAR_TASKS[-1]}_ns"
    return [
        Bar(
            f"ChanPopular, 10 to 10,000 tasks: linear (time grows as n^p, p at most {LINEAR_EXPONENT})",
            "popular/exponent",
            "p",
            _points("popular", 1, (WEFT,)),
            fit(WEFT),
            "",
            LINEAR_EXPONENT,
            ours=_value(WEFT, "popular", 1, most),
            against=_value(GO, "popular", 1, most),
            go_figure=fit(GO),
        )
    ]


def _idle(_workers: Iterable[int]) -> list[Bar]:
    group = "A runtime with nothing to do: under 1 ms of CPU a second"
    bars = []
    for w in IDLE_WORKERS:
        bars += [
            _absolute(group, "idle", "CPU", "cpu_ms_per_s", w, "ms/s", 1.0),
            _absolute(group, "idle", "switches", "voluntary_per_s", w, "/s", None),
        ]
    return bars


def _tick(workers: Iterable[int]) -> list[Bar]:
    group = "One wake-up a millisecond: under 3 % of a CPU"
    bars = []
    for w in workers:
        bars += [
            _absolute(group, "tick", "a task sleeps 1 ms", "sleep_cpu_percent", w, "%", 3.0),
            _absolute(group, "tick", "a thread outside wakes", "outside_cpu_percent", w, "%", 3.0),
            Bar(
                group,
                f"tick/bare/workers:{w}",
                f"two bare threads, {_plural(w)}",
                _points("tick", w, (WEFT,)),
                _value(WEFT, "tick", w, "bare_cpu_percent"),
                "%",
            ),
        ]
    return bars


def _wake(workers: Iterable[int]) -> list[Bar]:
    group = "Waking a worker that sleeps: p50 within 1.2x, p99 within 2x of the bare futex"
    bars = []
    for w in workers:
        kinds = [("outside", "from outside")] + ([("task", "from a task")] if w > 1 else [])
        for kind, what in kinds:
            for part, limit in (("p50", 1.2), ("p99", 2.0)):
                ours = _value(WEFT, "wake", w, f"{kind}_{part}_ns")
                bare = _value(WEFT, "wake", w, f"{kind}_bare_{part}_ns")
                bars.append(
                    Bar(
                        group,
                        f"wake/{kind}_{part}/workers:{w}",
                        f"{what}, {part}, {_plural(w)}",
                        _points("wake", w, (WEFT,)),
                        _ratio(ours, bare),
                        "x",
                        limit,
                        ours=ours,
                        against=bare,
                        other="futex",
                    )
                )
    return bars


def _gain(who: str, figure: str, name: str, *, loss: bool) -> Compute:
    """Two workers' time by one's (a loss), or one's by two's (a gain)."""
    one, two = _value(who, figure, 1, name), _value(who, figure, 2, name)
    return _ratio(two, one) if loss else _ratio(one, two)


def _two_workers(workers: Iterable[int]) -> list[Bar]:
    if not {1, 2} <= set(workers):
        return []
    loss = "Two workers against one: never more than 10 % slower"
    gain = "Fork-join with two workers: at least 1.7x as fast as with one"
    bars = [
        Bar(
            loss,
            f"rows/{row}/workers:2",
            row.replace("_", " "),
            (*_points("rows", 1, (WEFT,)), *_points("rows", 2, (WEFT,))),
            _gain(WEFT, "rows", f"{row}_ns", loss=True),
            "x",
            1.1,
            ours=_value(WEFT, "rows", 2, f"{row}_ns"),
            against=_value(WEFT, "rows", 1, f"{row}_ns"),
            other="1 worker",
            go_figure=_gain(GO, "rows", f"{row}_ns", loss=True),
        )
        for row in ROWS
    ]
    for name in ("fib", "nqueens"):
        value = f"{name}_ns"
        bars.append(
            Bar(
                gain,
                f"{name}/gain/workers:2",
                name,
                (*_points(name, 1, (WEFT,)), *_points(name, 2, (WEFT,))),
                _gain(WEFT, name, value, loss=False),
                "x",
                1.7,
                at_least=True,
                ours=_value(WEFT, name, 2, value),
                against=_value(WEFT, name, 1, value),
                other="1 worker",
                go_figure=_gain(GO, name, value, loss=False),
            )
        )
    return bars


def all_bars(workers: Iterable[int]) -> list[Bar]:
    """Every bar, for these numbers of workers; their names are unique."""
    chosen = tuple(workers)
    makers = (
        _skynet, _noop, _parked, _unstarted, _first_touch, _flat, _select, _popular, _idle, _tick, _wake, _two_workers,
    )  # fmt: skip
    return [bar for make in makers for bar in make(chosen)]


# --- judging ------------------------------------------------------------------------------------------


def _over_rounds(compute: Compute | None, rounds: Iterable[Round]) -> list[float]:
    """The figure of every round that has what it takes."""
    found = []
    for one in rounds:
        if compute is not None:
            try:
                found.append(compute(one))
            except (MissingError, ZeroDivisionError):
                continue
    return found


def _middle(values: list[float]) -> float | None:
    return stats.estimate(values).median if values else None


def judge(bar: Bar, rounds: list[Round], failures: Mapping[Point, str]) -> Judged:
    """Hold what was measured against one bar. A process that failed leaves the bar without a figure."""
    for point in bar.points:
        if point in failures:
            return Judged(bar, 0, None, reason=failures[point])
    values = _over_rounds(bar.figure, rounds)
    if not values:
        return Judged(bar, 0, None, reason=_why_missing(bar, rounds))
    return Judged(
        bar,
        len(values),
        stats.estimate(values),
        _middle(_over_rounds(bar.ours, rounds)),
        _middle(_over_rounds(bar.against, rounds)),
        _middle(_over_rounds(bar.go_figure, rounds)),
    )


def _why_missing(bar: Bar, rounds: list[Round]) -> str:
    try:
        for one in rounds:
            bar.figure(one)
    except MissingError as error:
        return str(error)
    return "nothing was measured"
