"""The bars as tables: in the terminal, at 80 columns, and as Markdown, with Go's own figure too."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from weft_lab import figures, paths, stats, table
from weft_lab.bars import Bar, Judged

STYLES = {"met": "green", "not met": "bold red", "shown": "dim", "missing": "yellow"}
WIDE = 400  # columns: nothing is wrapped in a file


def number(value: float, unit: str) -> str:
    """A figure in three digits, with its unit."""
    if unit == "x":
        return f"{figures.ratio(value)}x"
    if unit == "ns":
        for step, name in ((1e9, "s"), (1e6, "ms"), (1e3, "us")):
            if abs(value) >= step:
                return f"{figures.ns(value / step)} {name}"
        return f"{figures.ns(value)} ns"
    digits = f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
    return f"{digits}{unit if unit == '%' else ' ' + unit if unit else ''}"


def limit_text(bar: Bar) -> str:
    """The bar with its direction."""
    if bar.limit is None:
        return ""
    sign = "\N{GREATER-THAN OR EQUAL TO}" if bar.at_least else "\N{LESS-THAN OR EQUAL TO}"
    return f"{sign}{number(bar.limit, bar.unit)}"


def figure_text(one: Judged) -> str:
    """Median and interval."""
    if one.figure is None:
        return "-"
    low, high = number(one.figure.low, one.bar.unit), number(one.figure.high, one.bar.unit)
    return f"{number(one.figure.median, one.bar.unit)} {low}\N{EN DASH}{high}"


def verdict_text(one: Judged) -> str:
    """`met`, with a ? where the interval lies on both sides of the bar."""
    if one.verdict == "shown":
        return ""
    return one.verdict + ("" if one.clear else " ?")


def _maybe(value: float | None, unit: str) -> str:
    return "" if value is None else number(value, unit)


def _against(one: Judged) -> str:
    if one.against is None:
        return ""
    return f"{one.bar.other} {number(one.against, one.bar.sizes)}"


def _groups(judged: Iterable[Judged]) -> dict[str, list[Judged]]:
    found: dict[str, list[Judged]] = {}
    for one in judged:
        found.setdefault(one.bar.group, []).append(one)
    return found


def counts(judged: Iterable[Judged]) -> str:
    """`12 met, 3 not met, 1 missing`."""
    found = Counter(one.verdict for one in judged)
    return ", ".join(f"{found[name]} {name}" for name in ("met", "not met", "missing") if found[name])


def show(judged: list[Judged], found: dict[str, Any], run: Path, seconds: float, disturbed: float) -> None:
    """To the terminal. `disturbed`: the share of the processors from which others spoil a figure."""
    out = table.console()
    for group, rows in _groups(judged).items():
        grid = Table(box=box.SIMPLE_HEAD, title=group, title_justify="left", title_style="bold", pad_edge=False)
        grid.collapse_padding = True
        for name, right in (("", 0), ("figure", 0), ("bar", 1), ("Weft", 1), ("against", 1), ("", 0)):
            grid.add_column(name, justify="right" if right else "left", no_wrap=name != "")
        for one in rows:
            grid.add_row(
                Text(one.bar.what), Text(figure_text(one)), limit_text(one.bar), _maybe(one.ours, one.bar.sizes),
                Text(_against(one), "dim"), Text(verdict_text(one), STYLES[one.verdict]),
            )  # fmt: skip
        out.print(grid)
        for one in rows:
            if one.reason:
                out.print(Text(f"{one.bar.what}: {one.reason}", "yellow"), soft_wrap=True)
    least = min((one.rounds for one in judged if one.rounds), default=0)
    out.print(
        "Median over the rounds and its 95 % interval"
        + (f" (the range where there are fewer than {stats.LEAST_SAMPLES})" if least < stats.LEAST_SAMPLES else "")
        + ". ?: the interval lies on both sides of the bar.",
        style="dim", soft_wrap=True,
    )  # fmt: skip
    for name, share in found["company"].items():
        if share > disturbed:
            out.print(
                Text(f"DISTURBED {name}: others used {100 * share:.0f} % of the processors meanwhile", "bold yellow"),
                soft_wrap=True,
            )
    state = "interrupted: " if found["status"] == "interrupted" else ""
    out.print(f"{state}{counts(judged)}; {figures.duration(seconds)}; {paths.shown(run)}", soft_wrap=True, markup=False)


def markdown(judged: list[Judged], found: dict[str, Any]) -> str:
    """The same as a file."""
    out = Console(file=io.StringIO(), width=WIDE, highlight=False, color_system=None)
    env = found["environment"]
    out.print(f"# Figures: {counts(judged)}\n", markup=False)
    out.print(
        f"{found['created']}, commit {found['source']['commit']}, {env['cpu']}, {env['cores']} cores, "
        f"{env['kernel']}, Go: {found['go']}\n",
        markup=False,
    )
    company = ", ".join(f"{name} {100 * share:.1f} %" for name, share in found["company"].items())
    out.print(f"Processor time that others took meanwhile: {company}\n", markup=False)
    for group, rows in _groups(judged).items():
        out.print(f"## {group}", markup=False)
        grid = Table(box=box.MARKDOWN)
        for name in ("", "figure", "interval", "bar", "Weft", "against", "the same of Go", "rounds", "verdict"):
            grid.add_column(name, no_wrap=True)
        for one in rows:
            grid.add_row(*map(Text, _markdown_row(one)))
        out.print(grid)
        out.print()
    text = out.file.getvalue()
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def _markdown_row(one: Judged) -> tuple[str, ...]:
    bar, figure = one.bar, one.figure
    span = "" if figure is None else f"{number(figure.low, bar.unit)} to {number(figure.high, bar.unit)}"
    return (
        bar.what, _maybe(None if figure is None else figure.median, bar.unit), span, limit_text(bar),
        _maybe(one.ours, bar.sizes), _against(one), _maybe(one.go_figure, bar.unit), str(one.rounds),
        one.reason or verdict_text(one),
    )  # fmt: skip
