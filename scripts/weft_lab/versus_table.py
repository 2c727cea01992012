"""A comparison as people read it: in the terminal, as Markdown, and as a section of the report."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
from rich.table import Table
from rich.text import Text

from weft_lab import figures, golang, paths, stats, store, table
from weft_lab.stats import Estimate
from weft_lab.store import Result
from weft_lab.versus import MADE_UP, Pair, Row, Versus

HERE = Path(__file__).parent / "report"
PEERS = {golang.PEER: "Go"}
FAILED = "FAILED"
MOST_COLUMNS = 5
"""More variants than these are not shown one by one."""
WIDE = 100
SIDES = ("best", "default", "calls")
NAME_WIDTH = 14
VERDICTS = {"faster": "bold green", "slower": "bold yellow", "tie": "", "": "dim"}


@dataclass(frozen=True)
class Ratio:
    """A ratio as shown, and whether its interval leaves out 1."""

    text: str = ""
    span: str = ""
    verdict: str = ""
    who: str = ""


@dataclass(frozen=True)
class Figure:
    """A time as shown."""

    text: str = ""
    best: bool = False
    failed: bool = False


@dataclass(frozen=True)
class Line:
    """A row of a table."""

    name: str
    workers: int
    unit: str
    peer: Figure
    ours: list[Figure]
    best: Ratio
    default: Ratio
    calls: Ratio
    whole: str
    failures: list[tuple[str, str]]


@dataclass(frozen=True)
class Mean:
    """Geometric means of a group."""

    workers: int
    best: str
    default: str
    calls: str
    rows: int

    @property
    def shown(self) -> list[str]:
        """In the order of the heads."""
        return [self.best, self.default, self.calls]


@dataclass
class Part:
    """One table: the rows of a group that the same variants serve, those over channels or those over none."""

    group: str
    net: bool
    title: str
    variants: list[str]
    lines: list[Line] = field(default_factory=list)
    means: list[Mean] = field(default_factory=list)
    """Of the whole group, in its last part."""

    def mean(self, workers: int) -> Mean | None:
        return next((mean for mean in self.means if mean.workers == workers), None)

    @property
    def called(self) -> bool:
        """Does any row have a time by the public functions?"""
        return any(line.calls.text for line in self.lines)

    @property
    def columns(self) -> list[str]:
        return self.variants if len(self.variants) <= MOST_COLUMNS else []


def _time(estimate: Estimate | None, *, best: bool = False) -> Figure:
    return Figure(figures.ns(estimate.median), best=best) if estimate else Figure()


def _ratio(pair: Pair | None) -> Ratio:
    if pair is None or pair.ratio is None:
        return Ratio(who=pair.cell.combination if pair else "")
    ratio = pair.ratio
    verdict = "faster" if ratio.low > 1 else "slower" if ratio.high < 1 else "tie"
    span = f"{figures.times(ratio.low)}\N{EN DASH}{figures.times(ratio.high)}"
    return Ratio(figures.times(ratio.median), span, verdict, pair.cell.combination)


def _mine(one: Result | None, pairs: list[Pair]) -> Figure:
    if one is None:
        return Figure("-")
    if one.failure:
        return Figure(FAILED, failed=True)
    pair = Row.pick(pairs, one.cell)
    return _time(pair.ns if pair else None, best=bool(pairs) and pairs[0] is pair)


def _line(row: Row, variants: list[str]) -> Line:
    net = row.group in MADE_UP
    pairs = row.net if net else row.pairs
    theirs = row.peer_net() if net else None
    if not net and row.peer_values:
        theirs = stats.estimate(list(row.peer_values.values()))
    peer = Figure("skips" if row.skipped else "") if theirs is None else _time(theirs)
    if row.peer and row.peer.failure:
        peer = Figure(FAILED, failed=True)
    mine = {one.cell.combination: one for one in row.ours}
    return Line(
        name=row.name,
        workers=row.workers,
        unit=row.unit if row.metric == golang.TIME else f"{row.unit}: {row.metric}",
        peer=peer,
        ours=[_mine(mine.get(variant), pairs) for variant in variants],
        best=_ratio(pairs[0] if pairs else None),
        default=_ratio(row.pick(pairs, row.default)),
        calls=_ratio(row.calls),
        whole=_whole(row) if net else "",
        failures=row.failures,
    )


def _whole(row: Row) -> str:
    """Times with the work in them: the peer's, and that of our default pair."""
    theirs = stats.estimate(list(row.peer_values.values())) if row.peer_values else None
    mine = row.pick(row.pairs, row.default)
    return " / ".join(figures.ns(one.median) if one else "-" for one in (theirs, mine.ns if mine else None))


def _mean(value: float | int | None) -> str:
    return figures.times(value) if value is not None else "-"


def view(found: Versus) -> list[Part]:
    """The tables: one for each group of rows, two where some of its rows are over channels and some are not."""
    parts = []
    for name in found.groups:
        rows = [row for row in found.rows if row.group == name]
        over = [row for row in rows if row.over_channels]
        without = [row for row in rows if not row.over_channels]
        both = bool(over and without)
        mine = [_part(some, name, f"{name}, {kind}" if both else name) for kind, some in _kinds(without, over)]
        mine[-1].means = _means(found, name, net=mine[-1].net)
        parts += mine
    return parts


def _kinds(without: list[Row], over: list[Row]) -> list[tuple[str, list[Row]]]:
    return [(kind, rows) for kind, rows in (("without channels", without), ("over channels", over)) if rows]


def _part(rows: list[Row], name: str, title: str) -> Part:
    net = name in MADE_UP
    variants = list(dict.fromkeys(one.cell.combination for row in rows for one in row.ours))
    part = Part(name, net, f"{title}; the work that the benchmark makes up is taken off" if net else title, variants)
    part.lines = [_line(row, part.columns) for row in rows]
    return part


def _means(found: Versus, name: str, *, net: bool) -> list[Mean]:
    means = []
    for workers in found.workers:
        mean = found.mean(name, workers, net=net)
        if mean["rows"]:
            shown = [_mean(mean[side]) for side in SIDES]
            means.append(Mean(workers, *shown, rows=int(mean["rows"] or 0)))
    return means


# --- terminal ---------------------------------------------------------------------------------------------


def _short(variant: str, part: Part) -> str:
    """`ring` for `ring + steal` where there is one scheduler."""
    schedulers = {name.rpartition(" + ")[2] for name in part.variants}
    return variant.partition(" + ")[0] if len(schedulers) == 1 else variant.replace(" + ", "\n")


def _folded(name: str, width: int) -> str:
    """The name in lines, broken where its words begin."""
    lines = [""]
    for word in re.split(r"(?<=/)|(?<=[a-z0-9])(?=[A-Z])", name):
        if lines[-1] and len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] += word
    return "\n".join(lines)


def _figure(figure: Figure) -> Text:
    style = "bold red" if figure.failed else table.BEST if figure.best else ""
    return Text(figure.text or "-", style or ("" if figure.text else "dim"))


def _times(ratio: Ratio, *, name: bool) -> Text:
    if not ratio.text:
        return Text(ratio.who if name else "-", "dim")
    text = Text(f"{ratio.text:>4}", VERDICTS[ratio.verdict])
    text.append(f" {ratio.span:>11}", "dim")
    if name:
        text.append(f" {ratio.who}", "dim")
    return text


def _grid(part: Part, peer: str, *, wide: bool) -> Table:
    """Narrow: the ratio of the default pair stands under that of the best."""
    heads = [_short(name, part) for name in part.columns]
    times = f"{peer} / ours"
    sides = SIDES if part.called else SIDES[:2]
    ratios = [f"{times}, {side}" for side in sides] if wide else [f"{times}\n{', '.join(sides)}"]
    grid = table.new_grid(
        "", "w", peer, *heads, *ratios, title=part.title, right=range(1, len(heads) + 3 + len(ratios))
    )
    grid.collapse_padding = True
    grid.columns[0].overflow = "fold"
    for column in grid.columns[1:]:
        column.no_wrap = True
    before = ""
    for line in part.lines:
        ratios = [_times(line.best, name=not heads), _times(line.default, name=False), _times(line.calls, name=False)]
        ratios = ratios[: len(sides)]
        grid.add_row(
            "" if line.name == before else line.name if wide else _folded(line.name, NAME_WIDTH),
            str(line.workers),
            _figure(line.peer),
            *(_figure(figure) for figure in line.ours),
            *(ratios if wide else [Text("\n").join(ratios)]),
            style="red" if line.failures else "",
        )
        before = line.name
    for index, mean in enumerate(part.means):
        label = Text("geometric mean" if index == 0 else "", "bold")
        blank = [""] * (len(heads) + 1)
        shown = mean.shown[: len(sides)] if wide else [", ".join(mean.shown[: len(sides)])]
        grid.add_row(label, str(mean.workers), *blank, *(Text(text, "bold") for text in shown))
    return grid


def show(found: Versus) -> None:
    """The tables at the end of a comparison."""
    out = table.console()
    peer = PEERS[found.peer]
    parts = view(found)
    for part in parts:
        out.print(_grid(part, peer, wide=out.width >= WIDE))
    for part in parts:
        for line in part.lines:
            for who, reason in line.failures:
                out.print(Text(f"{FAILED} {line.name}, {line.workers} workers, {who}: {reason}", "red"), soft_wrap=True)
    out.print(
        f"ns for one operation, medians; {peer} / ours over 1: ours is faster, with the 95 % interval of the rounds' "
        "ratios. best: of our variants; default: the pair that serves whoever asks for none, its operations "
        "inlined like those of all variants; calls: the same pair by the public functions.",
        style="dim",
    )
    if any(part.net for part in parts):
        out.print("work, wake: the made-up work is taken off both sides; versus.md says how much.", style="dim")
    _show_means(found, [part for part in parts if part.means], peer)


def _show_means(found: Versus, parts: list[Part], peer: str) -> None:
    """The short answer."""
    if not parts:
        return
    workers = found.workers
    heads = [f"{side}\n{count} w" for count in workers for side in SIDES]
    title = f"Geometric means of {peer} / ours"
    grid = table.new_grid("", "rows", *heads, title=title, right=range(1, len(heads) + 2))
    for part in parts:
        cells = [mean.shown if mean else ["-"] * len(SIDES) for mean in map(part.mean, workers)]
        rows = max(mean.rows for mean in part.means)
        grid.add_row(part.group + (" (net)" if part.net else ""), str(rows), *(text for pair in cells for text in pair))
    table.console().print(grid)


def show_ending(found: Versus, page: Path | None) -> None:
    """The last lines."""
    out = table.console()
    run = found.run
    bad = len(run.failed())
    counts = f"{len(run.measured())} cells measured, {bad} failed"
    skipped = len(run.manifest["skipped"])
    if skipped:
        counts += f", {skipped} skipped"
    if run.manifest["status"] == "interrupted":
        least = min((len(result.values) for result in run.measured()), default=0)
        out.print(
            Text(f"interrupted: {counts}; every good cell has {least} or more samples.", "yellow"), soft_wrap=True
        )
        out.print(f"go on with it: {store.resume_command(run.manifest)}", soft_wrap=True, markup=False)
    else:
        out.print(Text(counts, "red" if bad else "green"))
    for file in (run.path / "versus.md", run.path / "versus.json", page):
        if file:
            out.print(f"written: {paths.shown(file)}", soft_wrap=True, markup=False)


# --- Markdown and HTML ------------------------------------------------------------------------------------


def context(found: Versus) -> dict[str, Any]:
    """What the templates show."""
    return {
        "run": found.run.manifest,
        "peer": PEERS[found.peer],
        "version": found.version,
        "install": golang.INSTALL,
        "parts": view(found),
        "workers": found.workers,
        "sides": SIDES,
        "resume": store.resume_command(found.run.manifest),
        "skipped": _skipped(found),
    }


def _skipped(found: Versus) -> dict[str, list[str]]:
    """The cells that were not measured, by reason."""
    by_reason: dict[str, list[str]] = {}
    for one in found.run.manifest["skipped"]:
        by_reason.setdefault(one["reason"], []).append(one["name"])
    return by_reason


def markdown(found: Versus) -> str:
    """The comparison as a Markdown document."""
    jinja = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    jinja.filters["cell"] = lambda text: str(text).replace("|", "\\|").replace("\n", " ")
    return jinja.get_template("versus.md").render(versus=context(found))
