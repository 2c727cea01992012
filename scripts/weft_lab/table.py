"""What is shown in the terminal. Made to be read at 80 columns."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from weft_lab import figures, paths, store
from weft_lab.catalog import Catalog

if TYPE_CHECKING:
    from weft_lab.compare import Comparison
    from weft_lab.environment import Finding
    from weft_lab.matrix import Plan
    from weft_lab.planning import Row
    from weft_lab.ranking import Place, Question
    from weft_lab.store import Run

BEST = "bold green"
MOST_FAILURES = 12


class _Output(Console):
    """A console that leaves a reader who has gone (`weft list | head`) to the command line."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def console() -> Console:
    """Standard output, without rich's own guessing at what numbers and paths look like."""
    return _Output(highlight=False, soft_wrap=False)


def new_grid(*columns: str, title: str | None = None, right: Iterable[int] = ()) -> Table:
    """A table, in the looks that all of them have."""
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index in set(right) else "left")
    return table


def _flag(value: Any) -> Text:
    if value is True:
        return Text("yes", "green")
    if value is False:
        return Text("-", "dim")
    return Text(str(value))


def show_catalog(catalog: Catalog) -> None:
    """The list verb."""
    out = console()
    for kind, rows in (("channels", catalog.channels), ("schedulers", catalog.schedulers)):
        grid = new_grid(kind, "", title=None)
        for row in rows.values():
            control = " (control)" if row.get("control") else ""
            grid.add_row(Text(row["name"], "bold"), Text(row["summary"] + control))
        out.print(grid)
        _show_flags(out, list(rows.values()))
    grid = new_grid("workloads", "asks", "a figure is per", "parameters")
    for row in (catalog.workloads[name] for name in catalog.rows(None)):
        params = ", ".join(f"{p['name']} {p.get('default', '')}" for p in row.get("params", []))
        grid.add_row(Text(row["name"], "bold"), Text(row["question"]), row["unit"], Text(params))
    out.print(grid)
    for suite, groups in catalog.suites().items():
        grid = new_grid(f"suite {suite}", "group", "asks", "a figure is per")
        for name in catalog.rows(suite, groups):
            row = catalog.workloads[name]
            grid.add_row(Text(name, "bold"), row["group"], Text(row["question"]), row["unit"])
        out.print(grid)
    grid = new_grid("limits", "", "a figure is per")
    for row in catalog.limits.values():
        grid.add_row(Text(row["name"], "bold"), Text(row["summary"]), row.get("unit", ""))
    out.print(grid)


def _show_flags(out: Console, rows: list[dict]) -> None:
    """Flags down, variants across: it stays narrow."""
    names = list(dict.fromkeys(name for row in rows for name in row.get("flags", {})))
    if not names:
        return
    grid = new_grid("flag", *(row["name"] for row in rows))
    for name in names:
        grid.add_row(Text(name.replace("_", " ")), *(_flag(row.get("flags", {}).get(name, "-")) for row in rows))
    out.print(grid)


def show_plan(plan: Plan, rows: list[Row]) -> None:
    """The plan verb."""
    out = console()
    for row in rows:
        arms = "  A/A pair" if row.arms == 2 else ""
        out.print(Text(f"{row.seconds:7.2f} s  {row.cell.name}{arms}"), soft_wrap=True)
    for name, reason in plan.skipped.items():
        out.print(Text(f"  skipped  {name}: {reason}", "dim"), soft_wrap=True)
    skipped = f", {len(plan.skipped)} skipped" if plan.skipped else ""
    out.print(
        f"\n{plan.source}: {len(rows)} cells x {plan.rounds} rounds of {plan.min_time_ms:g} ms = "
        f"{plan.samples} samples{skipped}, about {figures.duration(sum(row.seconds for row in rows))}",
        soft_wrap=True,
        markup=False,
    )


def _figure(place: Place | None) -> Text:
    """Median, interval, and the band; ` 33.1 32.9-33.4 1`."""
    if place is None:
        return Text("-", "dim")
    if place.failure or place.estimate is None:
        return Text("FAILED", "bold red")
    text = Text(f"{figures.ns(place.estimate.median):>5}", BEST if place.band == 1 else "")
    text.append(f" {figures.span(place.estimate.low, place.estimate.high):>11}", "dim")
    text.append(f" {place.band}", BEST if place.band == 1 else "dim")
    return text


def _order(questions: list[Question]) -> list[str]:
    """Combinations of one workload, the best over all worker counts first."""
    logs: dict[str, list[float]] = {}
    for question in questions:
        for place in question.places:
            value = math.log(place.estimate.median) if place.estimate else math.inf
            logs.setdefault(place.cell.combination, []).append(value)
    return sorted(logs, key=lambda name: sum(logs[name]) / len(logs[name]))


def _show_workload(out: Console, questions: list[Question]) -> None:
    heads = [f"{q.workers} worker{'s' if q.workers != 1 else ''}" for q in questions]
    title = f"{questions[0].shape}: ns per {questions[0].unit}"
    for start in range(0, len(questions), 3):
        part = questions[start : start + 3]
        grid = new_grid("", *heads[start : start + 3], title=title, right=range(1, len(part) + 1))
        grid.collapse_padding = True
        for column in grid.columns:
            column.no_wrap = True
        places = [{place.cell.combination: place for place in q.places} for q in part]
        for name in _order(part):
            grid.add_row(Text(name), *(_figure(column.get(name)) for column in places))
        out.print(grid)


def show_run(run: Run) -> None:
    """The tables at the end of a run: a ranking for each workload."""
    from weft_lab import ranking

    out = console()
    shapes: dict[str, list[Question]] = {}
    for question in ranking.questions(run):
        shapes.setdefault(question.shape, []).append(question)
    for questions in shapes.values():
        _show_workload(out, sorted(questions, key=lambda q: q.workers or 0))
    for title, places in (
        ("limits: what this machine can do at best, ns", ranking.others(run, limits=True)),
        ("controls: floors of the harness, ns", ranking.others(run, limits=False)),
    ):
        if places:
            _show_others(out, title, places)
    _show_failures(out, run)
    if shapes:
        floor = ranking.noise_floor(run)
        least = f"noise floor {100 * math.expm1(floor.overall):.1f} % at worst, from {floor.pairs} A/A pairs"
        out.print(
            "Median, 95 % interval, band: 1 is the best with all that tie with it."
            + (f"\n{least}." if floor.pairs else "\nNo A/A pair in this run: noise floor taken as 1 %."),
            style="dim",
        )
        show_answers(out, [q for questions in shapes.values() for q in questions])


def show_answers(out: Console, questions: list[Question]) -> None:
    """The short answer: best band of each question."""
    grid = new_grid("asked", "workers", "ns", "best (ties together)", title="The short answer", right=(1, 2))
    for question in questions:
        best = question.winners
        if best and best[0].estimate:
            names = ", ".join(place.cell.combination for place in best[:3])
            more = f" and {len(best) - 3} more" if len(best) > 3 else ""
            grid.add_row(
                question.shape,
                str(question.workers),
                Text(figures.ns(best[0].estimate.median), BEST),
                Text(names + more),
            )
    if grid.row_count:
        out.print(grid)


def _show_others(out: Console, title: str, places: list[Place]) -> None:
    grid = new_grid("", "median", "95 % interval", "per", title=title, right=(1, 2))
    for place in places:
        name = place.cell.name.removeprefix("limit/")
        if place.estimate is None or place.failure:
            grid.add_row(Text(name), Text("FAILED", "bold red"), "", place.unit)
            continue
        low_high = figures.span(place.estimate.low, place.estimate.high)
        grid.add_row(Text(name), figures.ns(place.estimate.median), Text(low_high, "dim"), place.unit)
    out.print(grid)


def _show_failures(out: Console, run: Run) -> None:
    failed = run.failed()
    for result in failed[:MOST_FAILURES]:
        out.print(Text(f"FAILED {result.cell.name}: {result.failure}", "red"), soft_wrap=True)
    if len(failed) > MOST_FAILURES:
        out.print(Text(f"... and {len(failed) - MOST_FAILURES} more failed cells", "red"))


def show_ending(run: Run, report: Path | None) -> None:
    """The last lines of a run."""
    out = console()
    seconds = sum(session["seconds"] or 0 for session in run.manifest["sessions"])
    good, bad = len(run.measured()), len(run.failed())
    counts = f"{good} cells verified, {bad} failed, {figures.duration(seconds)}"
    if run.manifest["status"] == "interrupted":
        least = min((len(result.values) for result in run.measured()), default=0)
        out.print(
            Text(f"interrupted: {counts}; every good cell has {least} or more samples.", "yellow"),
            soft_wrap=True,
        )
        out.print(f"go on with it: {store.resume_command(run.manifest)}", soft_wrap=True, markup=False)
    else:
        out.print(Text(counts, "red" if bad else "green"))
    if report:
        out.print(f"report: {paths.shown(report)}", soft_wrap=True, markup=False)


VERDICTS = {
    "slower": "bold red",
    "faster": "bold green",
    "tie": "dim",
    "unresolved": "yellow",
    "failed": "red",
}


def _short(label: str) -> str:
    """A cell's name that fits a column: `spsc ring steal cap:64 w2`."""
    parts = label.removeprefix("limit/").split("/")
    return " ".join(re.sub(r"^workers:", "w", re.sub(r"^(chan|sched):", "", part)) for part in parts)


def show_comparison(result: Comparison, *, everything: bool) -> None:
    """The compare verb."""
    out = console()
    rows = [row for row in result.rows if everything or row.verdict != "tie"]
    if rows:
        grid = new_grid("cell", "B / A", "95 % interval", "p", "verdict", right=(1, 2, 3))
        for row in rows:
            style = VERDICTS[row.verdict]
            if row.ratio is None:
                grid.add_row(Text(_short(row.label)), "", "", "", Text(row.verdict, style))
                continue
            grid.add_row(
                Text(_short(row.label)),
                Text(figures.ratio(row.ratio.ratio), style),
                Text(f"{figures.ratio(row.ratio.low)}\N{EN DASH}{figures.ratio(row.ratio.high)}"),
                f"{row.p:.1g}" if row.p is not None else "",
                Text(row.verdict, style),
            )
        out.print(grid)
    for row in result.rows:
        if row.verdict == "failed":
            out.print(Text(f"FAILED {row.label}: {row.reason}", "red"), soft_wrap=True)
    for note in result.notes:
        out.print(Text(note, "yellow"), soft_wrap=True)
    counts = Counter(row.verdict for row in result.rows)
    out.print(Text(f"A: {result.a}\nB: {result.b}"), soft_wrap=True)
    out.print(
        ", ".join(f"{counts[name]} {name}" for name in VERDICTS if counts[name])
        + f" of {len(result.rows)} cells (B against A; ratios under 1: B is faster)",
        soft_wrap=True,
    )
    if result.rounds_needed:
        needed = (
            "" if not result.hopeless else ", too many: this machine is too noisy for that, or wait until it is quiet"
        )
        out.print(
            f"{counts['unresolved']} not resolved at {100 * result.threshold:g} %: "
            f"about {result.more_rounds} more rounds would do{needed}: {result.advice}",
            soft_wrap=True,
            markup=False,
        )


def show_doctor(env: dict[str, Any], findings: list[Finding]) -> None:
    """The doctor verb."""
    out = console()
    out.print(Text(f"{env['cpu']}, {env['os']}, {env['kernel']}"), soft_wrap=True)
    for one in findings:
        mark, style = ("ok  ", "green") if one.good else ("WARN", "bold yellow")
        line = Text(mark, style)
        line.append(f"  {one.name}: {one.state}", "default")
        out.print(line, soft_wrap=True)
        if not one.good:
            out.print(Text(f"        {one.advice}", "dim"))
    bad = sum(not one.good for one in findings)
    out.print("nothing here would spoil a result" if not bad else f"{bad} may spoil a result")
