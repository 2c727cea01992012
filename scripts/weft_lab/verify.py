"""`weft verify`: everything that is known to prove one variant right, for the author of a new one.

A part is a small plug: what must be built for it, what it runs for a variant, and how the figures are read from
what that says. A part whose program is not there is not run, and its figures are null; it never counts as passed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from weft_lab import errors, paths, table, testing

LOGS = "verify"
FIGURES = {  # of the JSON, and as columns
    "executions": "model",
    "histories": "histories",
    "linearizable": "linear",
    "mutants": "mutants",
    "seeded_faults": "seeded",
    "sim_seeds": "sim",
    "faults_injected": "injected",
}
ADDED = ("executions", "histories", "sim_seeds", "faults_injected")  # where several parts, or rounds, have some


@dataclass(frozen=True)
class Variant:
    """One line of variants.def that is no control."""

    kind: str  # channel, sched
    name: str

    @property
    def file(self) -> str:
        """Its source, below the root."""
        return f"variants/{self.kind}/{self.name}.c"


def variants() -> list[Variant]:
    """All of variants.def, in its order: channels, then schedulers."""
    channels = [Variant("channel", name) for name in testing.sim_channels()]
    return channels + [Variant("sched", name) for name in testing.scheds()]


def find(name: str) -> Variant:
    """A variant by its name."""
    known = variants()
    for variant in known:
        if variant.name == name:
            return variant
    hint = errors.suggestion(name, [variant.name for variant in known])
    raise errors.UsageError(f"no variant '{name}'{hint}")


class NotThere(Exception):  # noqa: N818  (it is no error: the part is left out)
    """A part's program does not exist in this tree, or does not serve this variant."""


@dataclass
class Outcome:
    """What one part found for one variant."""

    figures: dict[str, Any] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    said: str = ""  # for the table
    ran: bool = True
    seconds: float = 0.0
    modelled: int = 0  # of the histories: the model checker's


@dataclass
class Job:
    """What a part is asked to do."""

    variant: Variant
    deep: bool
    seed: int
    say: testing.Say
    console: Console
    # What is the same for all variants is done once: the key says what.
    once: dict[str, Any] = field(default_factory=dict)

    def shared(self, key: str, make: Callable[[], Any]) -> Any:
        """The result of make(), made at the first call with this key; so is its failure."""
        if key not in self.once:
            try:
                self.once[key] = make()
            except NotThere as reason:
                self.once[key] = reason
        if isinstance(self.once[key], NotThere):
            raise self.once[key]
        return self.once[key]


@dataclass(frozen=True)
class Part:
    """A plug."""

    name: str
    about: str
    run: Callable[[Job], Outcome]


def log_file(name: str) -> Path:
    """Where a part writes what was said."""
    return paths.BUILD / "weft" / LOGS / name


def build(job: Job, preset: str, target: str) -> Path:
    """Builds one target of a preset, once; the directory of its tests' programs."""

    def make() -> Path:
        known = json.loads((paths.ROOT / "CMakePresets.json").read_text())["configurePresets"]
        if preset not in {one["name"] for one in known}:
            raise NotThere(f"there is no preset {preset}")
        log = log_file(f"build-{preset}-{target}.log")
        if testing.follow(["cmake", "--preset", preset], log, job.say, r"^-- (Configuring done)"):
            raise errors.WeftError(f"cmake --preset {preset} failed: {paths.shown(log)}")
        directory = paths.BUILD / preset
        if testing.follow(["ninja", "-C", str(directory), "-t", "query", target], log, job.say, r"(?!)"):
            raise NotThere(f"the program {target} is not in this tree")
        if testing.follow(
            ["cmake", "--build", "--preset", preset, "--target", target], log, job.say, r"^\[(\d+/\d+)\]"
        ):
            raise errors.WeftError(f"the build of {target} failed: {paths.shown(log)}")
        return directory / "tests"

    return job.shared(f"build {preset} {target}", make)


def program_of(directory: Path, name: str) -> Path:
    """A program that was just built, wherever below the tests it stands; the newest, should an older one lie about."""
    found = [file for file in directory.rglob(name) if file.is_file()]
    if not found:
        raise errors.WeftError(f"{paths.shown(directory)}: {name} was built and is not there")
    return max(found, key=lambda file: file.stat().st_mtime_ns)


def ask(job: Job, command: list[str], answer: Path) -> tuple[int, Any]:
    """Runs a program that writes JSON into a file; its exit status, and what it wrote (None: nothing readable)."""
    answer.parent.mkdir(parents=True, exist_ok=True)
    answer.unlink(missing_ok=True)
    status = testing.follow(command, answer.with_suffix(".log"), job.say, r"^(.{1,60})")
    try:
        return status, json.loads(answer.read_text())
    except (OSError, ValueError):
        return status, None


# --- running ------------------------------------------------------------------------------------------


def run_part(part: Part, job: Job) -> Outcome:
    """One part for one variant; what is not there, and what breaks, is an outcome too."""
    started = time.monotonic()
    try:
        outcome = part.run(job)
    except NotThere as reason:
        outcome = Outcome(said=str(reason), ran=False)
    except errors.WeftError as error:
        outcome = Outcome(failures=[f"{part.name}: {error}"], said="broken")
    outcome.seconds = time.monotonic() - started
    return outcome


def summary(outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """The JSON of one variant: every figure is there, null where its part was not run."""
    result: dict[str, Any] = dict.fromkeys(FIGURES)
    failures: list[str] = []
    for outcome in outcomes:
        failures += outcome.failures
        for key, value in outcome.figures.items():
            before = result[key]
            if before is None or value is None:
                result[key] = value if before is None else before
            elif key in ADDED:
                result[key] = before + value
            elif key == "linearizable":
                result[key] = before and value
    return result | {"failures": failures}


def _mark(outcome: Outcome) -> Text:
    if not outcome.ran:
        return Text("not run", "yellow")
    return Text("FAILED", "bold red") if outcome.failures else Text("passed", "green")


def show_variant(console: Console, variant: Variant, outcomes: dict[str, Outcome]) -> None:
    """The table of one variant, and its failures."""
    title = f"{variant.kind} {variant.name}"
    grid = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)
    for column in ("part", "", "what was found"):
        grid.add_column(column)
    grid.add_column("s", justify="right")
    for name, outcome in outcomes.items():
        grid.add_row(name, _mark(outcome), Text(outcome.said), f"{outcome.seconds:.0f}")
    console.print(grid)
    for outcome in outcomes.values():
        for failure in outcome.failures:
            console.print(f"FAILED {failure}", style="red", markup=False, soft_wrap=True)


def shown_figure(value: Any) -> str:
    """For people: 12,000; 3/4; yes; a dash for what was not run."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, list):
        return "/".join(str(one) for one in value)
    return f"{value:,}"


def overview(
    summaries: dict[str, dict[str, Any]],
    style: box.Box,
    hours: dict[str, float] | None = None,
    modelled: dict[str, int] | None = None,
) -> Table:
    """One row a variant; with the hours that it took, and how many histories are the model checker's, if given."""
    grid = Table(box=style, pad_edge=False, collapse_padding=True)
    grid.add_column("variant", style="bold", no_wrap=True)
    for name in (*FIGURES.values(), *(["hours"] if hours is not None else []), "failed"):
        grid.add_column(name, justify="right", no_wrap=True)
    for name, found in summaries.items():
        failures = len(found["failures"])
        cells = [shown_figure(found[key]) for key in FIGURES]
        if (modelled or {}).get(name):
            cells[list(FIGURES).index("histories")] += f" ({modelled[name]:,})"
        cells += [f"{hours[name]:.2f}"] if hours is not None else []
        grid.add_row(name, *cells, Text(str(failures), "bold red" if failures else ""))
    return grid


def run(
    chosen: list[Variant],
    parts: list[Part],
    seed: int,
    *,
    deep: bool,
    hours: dict[str, float] | None = None,
    modelled: dict[str, int] | None = None,
) -> dict[str, dict[str, Any]]:
    """All parts for each variant; shows as it goes, returns the JSON, in `hours` how long each took, and in `modelled`
    how many of its histories are the model checker's."""
    console = table.console()
    summaries: dict[str, dict[str, Any]] = {}
    once: dict[str, Any] = {}
    ran = missing = 0
    for variant in chosen:
        outcomes: dict[str, Outcome] = {}
        with testing.status_line(console, f"verify {variant.name}") as status:
            for part in parts:

                def say(text: str, name: str = f"{variant.name}: {part.name}") -> None:
                    if status:
                        status.update(f"{name}: {text}")

                outcomes[part.name] = run_part(part, Job(variant, deep, seed, say, console, once))
        show_variant(console, variant, outcomes)
        summaries[variant.name] = summary(outcomes.values())
        if hours is not None:
            hours[variant.name] = sum(outcome.seconds for outcome in outcomes.values()) / 3600
        if modelled is not None:
            modelled[variant.name] = sum(outcome.modelled for outcome in outcomes.values())
        ran += sum(outcome.ran for outcome in outcomes.values())
        missing += sum(not outcome.ran for outcome in outcomes.values())
    if len(chosen) > 1:
        console.print(overview(summaries, box.SIMPLE_HEAD))
    failures = sum(len(found["failures"]) for found in summaries.values())
    console.print(f"seed {seed}: {ran} parts run, {missing} not run, {failures} failures", highlight=False)
    return summaries
