"""`weft test --deep`: the long version of every part of verify, for every variant; goes on where it was stopped."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console

from weft_lab import environment, errors, parts, paths, store, table, testing, verify
from weft_lab.verify import Job, Outcome, Part, Variant

ONCE = ("mutants", "faults")  # what a second round would only repeat
SEEDS_BETWEEN = 1_000_000  # from round to round
WIDTH = 160


@dataclass
class State:
    """What was done so far, for one commit. A file under build/."""

    commit: str
    seed: int
    done: dict[str, dict[str, Any]] = field(default_factory=dict)  # "round/part/variant": an Outcome

    def outcomes(self, variant: str) -> list[tuple[str, Outcome]]:
        """Part and outcome of all that was done for a variant, in order."""
        return [
            (key.split("/")[1], Outcome(**value)) for key, value in self.done.items() if key.split("/")[2] == variant
        ]


def state_file() -> Path:
    """Where the state is kept."""
    return paths.BUILD / "weft" / "deep.json"


def report_file() -> Path:
    """Where the report goes."""
    return paths.BUILD / "weft" / "deep.md"


def load(commit: str, seed: int) -> tuple[State, bool]:
    """The state of an interrupted run of this commit (True), or a fresh one."""
    try:
        state = State(**json.loads(state_file().read_text()))
    except (OSError, ValueError, TypeError):
        return State(commit, seed), False
    return (state, True) if state.commit == commit else (State(commit, seed), False)


def work(variants: list[Variant], rounds: range) -> Iterator[tuple[str, int, Part, Variant]]:
    """All there is to do: each round, each variant, each part."""
    for number in rounds:
        for variant in variants:
            for part in parts.ALL:
                if number == 0 or part.name not in ONCE:
                    yield f"{number}/{part.name}/{variant.name}", number, part, variant


def combined(outcomes: list[tuple[str, Outcome]]) -> dict[str, Any]:
    """The JSON of one variant over all rounds, with the seconds of its suite."""
    suite = sum(outcome.seconds for part, outcome in outcomes if part == "suite" and outcome.ran)
    return verify.summary(outcome for _, outcome in outcomes) | {"suite_hours": suite / 3600}


def report(state: State, variants: list[Variant]) -> str:
    """Markdown: a row a variant, the hours of the suite, and what failed."""
    found = {variant.name: combined(state.outcomes(variant.name)) for variant in variants}
    page = Console(file=io.StringIO(), width=WIDTH, highlight=False)
    page.print(f"Commit {state.commit}, seed {state.seed}. A dash: not run.\n", markup=False)
    page.print(verify.overview(found, box.MARKDOWN))
    hours = ", ".join(f"{name} {one['suite_hours']:.1f}" for name, one in found.items())
    page.print(f"\nHours of conformance and stress: {hours}.", markup=False, soft_wrap=True)
    for name, one in found.items():
        for failure in one["failures"]:
            page.print(f"- {name}: {failure}", markup=False, soft_wrap=True)
    return page.file.getvalue()


def _rounds(hours: float | None) -> range:
    return range(1) if hours is None else range(1_000_000_000)


def run(hours: float | None) -> int:
    """The test verb with --deep."""
    console = table.console()
    source = environment.source()
    commit = f"{source['commit']}{' with changes' if source['dirty'] else ''}"
    state, resumed = load(commit, int(time.time()))
    variants = verify.variants()
    end = None if hours is None else time.monotonic() + hours * 3600
    if resumed:
        console.print(
            f"going on with {paths.shown(state_file())}: {len(state.done)} pieces of work are done", markup=False
        )
    once: dict[str, Any] = {}
    state_file().parent.mkdir(parents=True, exist_ok=True)
    with testing.status_line(console, "deep") as status:
        for key, number, part, variant in work(variants, _rounds(hours)):
            if key in state.done:
                continue
            if end is not None and time.monotonic() > end:
                break

            def say(text: str, key: str = key) -> None:
                if status:
                    status.update(f"{key}: {text}")

            shared = once.setdefault(str(number), {}) if part.name not in ONCE else once
            job = Job(variant, True, state.seed + number * SEEDS_BETWEEN, say, console, shared)
            outcome = verify.run_part(part, job)
            state.done[key] = asdict(outcome)
            store.write_atomic(state_file(), store.to_json(asdict(state)))
            store.write_atomic(report_file(), report(state, variants))
            word = "not run" if not outcome.ran else "FAILED" if outcome.failures else "passed"
            console.print(f"{key}: {word}: {outcome.said} ({outcome.seconds:.0f} s)", markup=False, soft_wrap=True)
    store.write_atomic(report_file(), report(state, variants))
    console.print(verify.overview({one.name: combined(state.outcomes(one.name)) for one in variants}, box.SIMPLE_HEAD))
    failures = sum(len(outcome["failures"]) for outcome in state.done.values())
    console.print(f"{len(state.done)} pieces of work, {failures} failures; {paths.shown(report_file())}", markup=False)
    return errors.FAILURE if failures else errors.OK
