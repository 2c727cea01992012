"""`weft test`: builds and tests every preset, then the Python side; ends with `N passed, N failed`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from weft_lab import errors, paths

PRESETS = ("release", "asan", "tsan")
SLOW = "stress"  # label of the tests that --quick leaves out
TEST_TIMEOUT_S = 300
SIM_SEEDS = 3  # a taste; --sim N is the meal
TAIL_LINES = 25
# Tests at a time: many wait for most of their time (deadlocks to be reported, sleeps). Of conformance on two cores, 20
# programs took 69 s two at a time, 45 s three or four at a time.
JOBS = (os.cpu_count() or 1) * 3 // 2 or 1

Say = Callable[[str], None]


@dataclass
class Tally:
    """What passed, and what did not, with where to read about it."""

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: int = 0

    def add(self, other: Tally) -> None:
        self.passed += other.passed
        self.skipped += other.skipped
        self.failed += other.failed


def junit(file: Path, prefix: str) -> Tally:
    """Counts of a JUnit file, as ctest and pytest write it."""
    tally = Tally()
    for case in ElementTree.parse(file).getroot().iter("testcase"):
        bad = case.find("failure") is not None or case.find("error") is not None
        words = dict.fromkeys((case.get("classname"), case.get("name")))  # ctest's two are the same
        name = ".".join(word for word in words if word)
        if bad or case.get("status") == "fail":
            tally.failed.append(f"{prefix}: {name}")
        elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            tally.skipped += 1
        else:
            tally.passed += 1
    return tally


def follow(
    command: list[str],
    log: Path,
    say: Say,
    pattern: str,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
) -> int:
    """Run a command with its output in a file; lines that match `pattern` are progress."""
    look = re.compile(pattern)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as stream:
        process = subprocess.Popen(
            command,
            cwd=cwd or paths.ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            env={**os.environ, **(env or {})},
        )
        with process:
            try:
                for line in process.stdout or ():
                    stream.write(line)
                    found = look.search(line)
                    if found:
                        say(found.group(1))
            except BaseException:
                process.terminate()
                raise
        return process.returncode


def broken(what: str, log: Path, console: Console) -> Tally:
    """What could not even be begun, with the end of what it said."""
    lines = log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
    console.print("\n".join(lines), markup=False, highlight=False)
    console.print(f"{what} failed; all of it: {paths.shown(log)}", style="red")
    return Tally(failed=[what])


def c_side(
    preset: str,
    say: Say,
    console: Console,
    *,
    quick: bool,
    only: str | None = None,
    env: dict[str, str] | None = None,
) -> Tally:
    """Configure, build and test one preset; `only`: tests whose name matches."""
    build = paths.BUILD / preset
    logs = paths.BUILD / "weft"
    say("configuring")  # always: libraries may have come that were not there the last time
    log = logs / f"configure-{preset}.log"
    if follow(["cmake", "--preset", preset], log, say, r"^-- (Configuring done)"):
        return broken(f"cmake --preset {preset}", log, console)
    log = logs / f"build-{preset}.log"
    say("building")
    if follow(["cmake", "--build", "--preset", preset], log, say, r"^\[(\d+/\d+)\]"):
        return broken(f"build of {preset}", log, console)
    log, xml = logs / f"test-{preset}.log", logs / f"test-{preset}.xml"
    xml.unlink(missing_ok=True)
    command = [
        "ctest", "--test-dir", str(build), "--output-junit", str(xml), "--output-on-failure",
        "--no-tests=error", "--timeout", str(TEST_TIMEOUT_S), "-j", str(JOBS),
        *(["-LE", SLOW] if quick else []), *(["-R", only] if only else []),
    ]  # fmt: skip
    code = follow(command, log, say, r"^\s*(\d+/\d+) Test", env)
    if not xml.is_file():
        return broken(f"ctest of {preset}", log, console)
    tally = junit(xml, preset)
    if code and not tally.failed:
        return broken(f"ctest of {preset}", log, console)
    if tally.failed:
        console.print(f"what they said: {paths.shown(log)}", style="red", highlight=False)
    return tally


C_PLACES = ("core", "variants", "bench", "tests", "examples")
C_SUFFIXES = (".c", ".h", ".cc")


def tidiness() -> list[tuple[str, list[str]]]:
    """Who looks at how the code is written: a name, and a command that fails where its tool would change a file."""
    ruff, places = [sys.executable, "-m", "ruff"], ["scripts", "tests"]
    sources = [
        path for place in C_PLACES for path in sorted((paths.ROOT / place).rglob("*")) if path.suffix in C_SUFFIXES
    ]
    clang_format = [str(Path(sys.executable).with_name("clang-format")), "--dry-run", "--Werror"]
    return [
        ("ruff check", [*ruff, "check", *places]),
        ("ruff format", [*ruff, "format", "--check", "--diff", *places]),
        ("clang-format", [*clang_format, *(str(path.relative_to(paths.ROOT)) for path in sources)]),
    ]


def python_side(say: Say, console: Console) -> Tally:
    """How the code is written, then pytest."""
    logs = paths.BUILD / "weft"
    tally = Tally()
    cache = {"RUFF_CACHE_DIR": str(logs / "ruff")}
    for name, command in tidiness():
        say(name)
        log = logs / f"{name.replace(' ', '-')}.log"
        if follow(command, log, say, r"^(\S+\.(?:py|c|h|cc)):", cache):
            tally.add(broken(name, log, console))
        else:
            tally.passed += 1
    log, xml = logs / "pytest.log", logs / "pytest.xml"
    xml.unlink(missing_ok=True)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        str(os.cpu_count() or 1),
        f"--junitxml={xml}",
        "tests/python",
    ]
    code = follow(command, log, say, r"\[ *(\d+%)\]", {"COLUMNS": "80"})
    if not xml.is_file():
        tally.add(broken("pytest", log, console))
        return tally
    found = junit(xml, "python")
    if code and not found.failed:
        found = broken("pytest", log, console)
    elif found.failed:
        console.print(f"what they said: {paths.shown(log)}", style="red", highlight=False)
    tally.add(found)
    return tally


# --- under seeds --------------------------------------------------------------------------------------

SIM_PROGRAMS = ("conformance", "stress")
SIM_SCALE = "20"  # percent of the stress tests' length: many seeds find more than long runs
FAILURE = re.compile(r":[FE]:[^:]*:([^:]*):")


@dataclass(frozen=True)
class SimRun:
    """One program under one seed; run again, it does the same."""

    program: str
    channel: str
    seed: int

    def command(self) -> list[str]:
        """How to start it."""
        return [str(paths.BUILD / "release" / "tests" / self.program), self.channel, "sim", "1"]

    def shown(self) -> str:
        """The line that a user types to see it again."""
        program = paths.shown(paths.BUILD / "release" / "tests" / self.program)
        return f"WEFT_SEED={self.seed} WEFT_STRESS_SCALE={SIM_SCALE} {program} {self.channel} sim 1"

    def failures(self) -> tuple[list[str], str]:
        """The tests that failed, and all that was said."""
        env = {
            **os.environ,
            "WEFT_SEED": str(self.seed),
            "WEFT_STRESS_SCALE": SIM_SCALE,
            "WEFT_TEST_BRIEF": "1",
        }
        done = subprocess.run(
            self.command(),
            cwd=paths.ROOT,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        failed = sorted(FAILURE.findall(done.stdout))
        return (failed or ["the program itself"] if done.returncode else []), done.stdout


def sim_channels() -> list[str]:
    """Channels that pass the suite: those of variants.def that are no controls."""
    lines = (paths.ROOT / "variants" / "variants.def").read_text().splitlines()
    names = [line[len("CHANNEL(") : -1] for line in lines if line.startswith("CHANNEL(")]
    files = {name: (paths.ROOT / "variants" / "channel" / f"{name}.c").read_text() for name in names}
    return [name for name in names if ".control = true" not in files[name]]


def scheds() -> list[str]:
    """The schedulers of variants.def."""
    lines = (paths.ROOT / "variants" / "variants.def").read_text().splitlines()
    return [line[len("SCHED(") : -1] for line in lines if line.startswith("SCHED(")]


def sim_stage(seeds: range, say: Say, console: Console, channels: list[str] | None = None) -> Tally:
    """Every channel (or those given) and program under every seed; what fails is run again at once."""
    chosen = channels or sim_channels()
    runs = [SimRun(program, channel, seed) for seed in seeds for program in SIM_PROGRAMS for channel in chosen]
    tally = Tally()
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for number, (run_, (failed, said)) in enumerate(
            zip(runs, pool.map(SimRun.failures, runs), strict=True), start=1
        ):
            say(f"{number}/{len(runs)}")
            if not failed:
                tally.passed += 1
                continue
            log = paths.BUILD / "weft" / f"sim-{run_.program}-{run_.channel}-{run_.seed}.log"
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text(said)
            again = "the same again" if run_.failures()[0] == failed else "not the same again"
            console.print(
                f"seed {run_.seed}: {', '.join(failed)} ({again}); all of it: {paths.shown(log)}\n  {run_.shown()}",
                style="red",
                markup=False,
                soft_wrap=True,
            )
            tally.failed.append(f"sim: {run_.program} {run_.channel} seed {run_.seed}")
    return tally


def run_sim(count: int, first: int) -> int:
    """The test verb with --sim."""
    console = Console(highlight=False)
    seeds = range(first, first + count)
    build = [(["cmake", "--preset", "release"], "configure"), (["cmake", "--build", "--preset", "release"], "build")]
    with status_line(console, "sim") as status:
        say = (lambda text: status.update(f"sim: {text}")) if status else (lambda _: None)
        for command, name in build:
            log = paths.BUILD / "weft" / f"{name}-release.log"
            if follow(command, log, say, r"^\[(\d+/\d+)\]"):
                broken(" ".join(command), log, console)
                return errors.FAILURE
        tally = sim_stage(seeds, say, console)
    print(
        f"seeds {first} to {first + count - 1}: {tally.passed} passed, {len(tally.failed)} failed "
        f"({len(SIM_PROGRAMS)} programs x {len(sim_channels())} channels x {count} seeds)",
        flush=True,
    )
    return errors.FAILURE if tally.failed else errors.OK


Stage = Callable[[Say, Console], Tally]


def _default_stages(presets: list[str], *, quick: bool, python: bool) -> list[tuple[str, Stage]]:
    """Of the verb without options; what is narrowed down to builds is those builds."""
    from weft_lab import aarch64, faults, fuzzing

    stages: list[tuple[str, Stage]] = [
        (preset, lambda say, console, preset=preset: c_side(preset, say, console, quick=quick)) for preset in presets
    ]
    if "release" in presets:
        stages.append(("sim", lambda say, console: sim_stage(range(1, 1 + SIM_SEEDS), say, console)))
    if python:
        stages.append(("python", python_side))
    if python and not quick and presets == list(PRESETS):
        fuzz = fuzzing.Beside()
        stages += [("faults", fuzz.alongside(faults.stage)), ("aarch64", aarch64.stage), ("fuzz", fuzz.stage)]
    return stages


def _in_turn(stages: list[tuple[str, Stage]]) -> Tally:
    """Each stage, with its line and its time."""
    console = Console(highlight=False)
    total = Tally()
    for name, stage in stages:
        started = time.monotonic()
        with status_line(console, name) as status:
            say = (lambda text, name=name: status.update(f"{name}: {text}")) if status else (lambda _: None)
            tally = stage(say, console)
        skipped = f", {tally.skipped} skipped" if tally.skipped else ""
        line = f"{name}: {tally.passed} passed, {len(tally.failed)} failed{skipped}"
        console.print(
            f"{line} in {time.monotonic() - started:.0f} s",
            style="red" if tally.failed else "green",
            markup=False,
        )
        total.add(tally)
    for name in total.failed:
        console.print(f"FAILED {name}", style="red", markup=False, soft_wrap=True)
    return total


def only_stage(name: str, stage: Stage) -> int:
    """One stage by itself, and the last line."""
    total = _in_turn([(name, stage)])
    print(f"{total.passed} passed, {len(total.failed)} failed", flush=True)
    return errors.FAILURE if total.failed else errors.OK


def run(presets: list[str] | None, *, quick: bool, python: bool) -> int:
    """The test verb."""
    wanted = list(presets or (PRESETS[:1] if quick else PRESETS))
    total = _in_turn(_default_stages(wanted, quick=quick, python=python))
    print(f"{total.passed} passed, {len(total.failed)} failed", flush=True)
    return errors.FAILURE if total.failed else errors.OK


class _Quiet(AbstractContextManager):
    """Where nobody watches, stages are only announced."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, *rest: object) -> None:
        pass


def status_line(console: Console, name: str) -> AbstractContextManager:
    """A line that tells what is going on, where somebody watches."""
    if console.is_terminal:
        return console.status(f"{name}: starting")
    console.print(f"{name} ...", markup=False)
    return _Quiet()
