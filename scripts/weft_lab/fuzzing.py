"""`weft test --fuzz`: every reader of outside input under random input, so long each; as many at a time as cores."""

from __future__ import annotations

import importlib.util
import io
import os
import re
import shlex
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from weft_lab import paths, testing

SOURCES = paths.ROOT / "tests" / "fuzz"
READERS = SOURCES / "readers.py"
SECONDS = 60
INPUT_S = 20  # an input that takes longer is a finding
LONGEST = {"run": 8192}  # bytes of an input
LONGEST_USUAL = 1024
NICE = ("nice", "-n", "10")
WIDTH = 200
DONE = re.compile(r"^Done (\d+)(?: runs)? in \d+ second", re.MULTILINE)
COVERED = re.compile(r"cov: (\d+)")
FOUND = re.compile(r"Test unit written to (\S+)")
WHY = re.compile(
    r"^ *(==\d+==ERROR: Addr.*|\S+\.c:\d+: .*|.*runtime error: .*|ALARM: .*|[A-Za-z_.]+(?:Error|Exception)\b.*)$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Target:
    """One reader."""

    name: str
    program: tuple[str, ...]

    def command(self, *arguments: str) -> list[str]:
        """Its program with libFuzzer's arguments."""
        return [*self.program, *arguments]


@dataclass(frozen=True)
class Ending:
    """How it went: what it did; or what it found, and how that is seen again."""

    said: str
    finding: bool = False


def _written_in(file: Path) -> list[str]:
    return re.findall(r"^def target_(\w+)\(", file.read_text(), re.MULTILINE)


def targets() -> list[Target]:
    """Those in C are files; those in Python are functions of one."""
    place = paths.BUILD / "fuzz" / "tests" / "fuzz"
    in_c = [Target(file.stem, (str(place / f"fuzz-{file.stem}"),)) for file in sorted(SOURCES.glob("*.c"))]
    in_python = [Target(name, (sys.executable, str(READERS), name)) for name in _written_in(READERS)]
    return in_c + in_python


def python_can() -> bool:
    """Is atheris there? It is installed for the Pythons that it serves."""
    return importlib.util.find_spec("atheris") is not None


def _place(kind: str) -> Path:
    return paths.BUILD / "weft" / "fuzz" / kind


def run_target(target: Target, seconds: float, before: tuple[str, ...] = ()) -> Ending:
    """One target for so long. What it learns stays in build/, and is where the next run begins."""
    grown, found = _place("corpus") / target.name, _place("found")
    grown.mkdir(parents=True, exist_ok=True)
    found.mkdir(parents=True, exist_ok=True)
    log = _place("logs") / f"{target.name}.log"
    arguments = [
        f"-max_total_time={seconds:g}", f"-timeout={INPUT_S}", "-rss_limit_mb=4096",
        f"-max_len={LONGEST.get(target.name, LONGEST_USUAL)}", f"-artifact_prefix={found}/{target.name}-",
        str(grown), str(SOURCES / "corpus" / target.name),
    ]  # fmt: skip
    code = testing.follow([*before, *target.command(*arguments)], log, lambda _: None, r"(?!)")
    text = log.read_text(errors="replace")
    if code == 0:
        runs = DONE.search(text)
        covered = COVERED.findall(text)
        number = f"{int(runs.group(1)):,}" if runs else "?"
        return Ending(f"{number} inputs, coverage {covered[-1] if covered else '?'}")
    unit, why = FOUND.search(text), WHY.search(text)
    reason = why.group(1)[:300] if why else f"exit {code}"
    if unit is None:
        return Ending(f"{reason}; all of it: {paths.shown(log)}", finding=True)
    words = [
        word if "/" not in word else paths.shown(Path(word).absolute()) for word in (*target.program, unit.group(1))
    ]
    return Ending(f"{reason}\n  {shlex.join(words)}", finding=True)


def build(say: testing.Say, console: Console) -> testing.Tally:
    """The targets in C; nothing failed: they are there."""
    for name, command in (
        ("configure", ["cmake", "--preset", "fuzz"]),
        ("build", ["cmake", "--build", "--preset", "fuzz"]),
    ):
        log = paths.BUILD / "weft" / f"{name}-fuzz.log"
        if testing.follow(command, log, say, r"^\[(\d+/\d+)\]"):
            return testing.broken(" ".join(command), log, console)
    return testing.Tally()


def stage(say: testing.Say, console: Console, seconds: float = SECONDS, before: tuple[str, ...] = ()) -> testing.Tally:
    """Every target, behind the words `before`; a finding is a failure, shown with the line that runs it again."""
    tally = build(say, console)
    if tally.failed:
        return tally
    chosen = targets()
    if not python_can():
        left_out = [target.name for target in chosen if target.program[0] == sys.executable]
        console.print(f"skipped: {', '.join(left_out)}: there is no atheris for this Python", style="yellow")
        chosen = [target for target in chosen if target.name not in left_out]
        tally.skipped += len(left_out)
    say(f"0/{len(chosen)}, {seconds:g} s each")
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        endings = pool.map(lambda target: run_target(target, seconds, before), chosen)
        for number, (target, ending) in enumerate(zip(chosen, endings, strict=True), start=1):
            say(f"{number}/{len(chosen)}, {seconds:g} s each")
            console.print(
                f"{target.name}: {ending.said}", style="red" if ending.finding else None, markup=False, soft_wrap=True
            )
            tally.passed += not ending.finding
            tally.failed += [f"fuzz: {target.name}"] if ending.finding else []
    return tally


class Beside:
    """Fuzzing that goes on, at low priority, beside stages that mostly wait; its own turn only reports."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._said = io.StringIO()
        self._pool = ThreadPoolExecutor(1)
        self._tally: Future[testing.Tally] | None = None

    def _fuzz(self) -> testing.Tally:
        return stage(lambda _: None, Console(file=self._said, highlight=False, width=WIDTH), self._seconds, NICE)

    def alongside(self, other: testing.Stage) -> testing.Stage:
        """The other stage, which starts this one."""

        def begin(say: testing.Say, console: Console) -> testing.Tally:
            self._tally = self._pool.submit(self._fuzz)
            return other(say, console)

        return begin

    def stage(self, say: testing.Say, console: Console) -> testing.Tally:
        """Waits for the end, and says what was found."""
        say("it began beside the stages before")
        tally = self._tally.result() if self._tally else self._fuzz()
        console.print(self._said.getvalue(), end="", markup=False, soft_wrap=True)
        return tally


def run(seconds: float) -> int:
    """The test verb with --fuzz."""
    return testing.only_stage("fuzz", lambda say, console: stage(say, console, seconds))
