"""`weft test --faults`: makes deliberate faults, one at a time, and sees whether the suite notices.

Each is made in one copy of the tree, with builds of its own that stay from run to run: what a fault costs is the
objects of its file and one link. The program is then set aside, and its test runs while the next fault is built.
"""

from __future__ import annotations

import filecmp
import os
import re
import shlex
import shutil
import subprocess
import time
import tomllib
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from weft_lab import errors, paths, testing

LIST = paths.ROOT / "tests" / "faults" / "faults.toml"
COPY = paths.BUILD / "faults"
PLACES = ("CMakeLists.txt", "CMakePresets.json", "cmake", "core", "variants", "tests", "examples", "bench", "scripts")
SECONDS = 10  # a hang is a failure too
SOUND_SECONDS = 60  # without the fault: on a machine that others use too
MODEL = "weft-model"
MODEL_EXECUTIONS = "20000"  # of each search
TESTS = re.compile(r"\b(?:TASK_TEST|START_TEST)\((\w+)\)")


@dataclass(frozen=True)
class Fault:
    """One of the list."""

    name: str
    file: str
    was: str
    now: str
    run: str
    theme: str = ""
    test: str = ""
    preset: str = "release"
    tries: int = 5
    scale: int = 100
    like: tuple[int, ...] = ()  # numbers of the table in docs/verification.md: bugs of others

    @property
    def program(self) -> str:
        """Which program runs: one of the tests, or the model checker."""
        return self.run.split()[0]

    @property
    def client(self) -> str | None:
        """What the model checker runs."""
        return self.run.split()[1] if self.program == MODEL else None

    @property
    def target(self) -> str:
        """What is built for it."""
        return f"model_{self.client}" if self.client else self.program

    @property
    def built(self) -> Path:
        """Where that is, below the directory of a build."""
        return Path("tests/model/clients") / f"{self.client}.so" if self.client else Path("tests") / self.program

    @property
    def shown(self) -> str:
        """Who notices."""
        return f"{MODEL} {self.client}" if self.client else f"{self.test} ({self.run}, {self.preset})"

    def knows_its_test(self) -> bool:
        """Is there such a test?"""
        tests = paths.ROOT / "tests"
        if self.client:
            shapes = [f"{kind}{self.client.partition('.')[2] or self.client}" for kind in ("channel_", "engine_", "")]
            return any((tests / where / f"{shape}.c").is_file() for where in ("litmus", "model") for shape in shapes)
        theme = tests / self.program / f"{self.theme}.c"
        return theme.is_file() and self.test in TESTS.findall(theme.read_text())

    def applied(self, text: str) -> str:
        """The file with the fault in it."""
        if text.count(self.was) != 1:
            raise errors.WeftError(self.not_found(text.count(self.was)))
        return text.replace(self.was, self.now)

    def not_found(self, times: int) -> str:
        """Why it can't be made."""
        return f"'{self.name}': its text is {times} times in {self.file}, not once"


def load() -> list[Fault]:
    """The list."""
    rows = tomllib.loads(LIST.read_text())["fault"]
    return [
        Fault(
            **{("now" if key == "is" else key): value for key, value in row.items()}
            | {"like": tuple(row.get("like", ()))}
        )
        for row in rows
    ]


def problems(faults: Iterable[Fault]) -> list[str]:
    """What the list says that the tree does not know: known without building anything."""
    found, names = [], set()
    for fault in faults:
        file = paths.ROOT / fault.file
        times = file.read_text().count(fault.was) if file.is_file() else 0
        if times != 1:
            found.append(fault.not_found(times))
        if not fault.knows_its_test():
            found.append(f"'{fault.name}': there is no test {fault.shown}")
        if fault.name in names:
            found.append(f"'{fault.name}': there are two of this name")
        names.add(fault.name)
    return found


# --- the copy -----------------------------------------------------------------------------------------


def refresh(source: Path, target: Path) -> None:
    """Makes a file the same as another one; one that is the same already is left alone, with its time."""
    if not target.is_file() or not filecmp.cmp(source, target, shallow=False):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        shutil.copymode(source, target)


def copy_tree() -> None:
    """The tree as it is, beside its builds: what was built of the copy before is used again.

    What changes gets a new time. With the source's own, older than what was built while a fault was in a file, the
    build would keep that object, and the fault with it. Builds that were made so are thrown away.
    """
    mark = COPY / "copied-by-content"
    if not mark.is_file():
        shutil.rmtree(COPY / "build", ignore_errors=True)
    for place in PLACES:
        source, target = paths.ROOT / place, COPY / place
        files = [source] if source.is_file() else [one for one in source.rglob("*") if one.is_file()]
        wanted = {COPY / one.relative_to(paths.ROOT): one for one in files if "__pycache__" not in one.parts}
        for old in [target] if target.is_file() else target.rglob("*"):
            if old.is_file() and old not in wanted:
                old.unlink()
        for file, one in wanted.items():
            refresh(one, file)
    mark.touch()


def log_of(fault: Fault) -> Path:
    """What was said while it was built."""
    return paths.BUILD / "weft" / "faults" / f"{re.sub(r'[^a-z0-9]+', '-', fault.name.lower())[:60]}.log"


@dataclass
class Copy:
    """The copy, in which one fault at a time is made."""

    configured: set[str] = field(default_factory=set)
    built: set[Path] = field(default_factory=set)  # programs without a fault
    faulty: str | None = None  # the file that has a fault in it now

    def mend(self) -> None:
        """Takes the fault back that was made last."""
        if self.faulty is not None:
            refresh(paths.ROOT / self.faulty, COPY / self.faulty)
            self.faulty = None

    def build(self, fault: Fault) -> bool:
        """Its program, of the copy as it is."""
        configure = ["cmake", "--preset", fault.preset, "-D", "WEFT_BENCH=OFF", "-D", "WEFT_WERROR=OFF"]
        make = ["cmake", "--build", "--preset", fault.preset, "--target", fault.target]
        log = log_of(fault)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w") as stream:
            for command in ([] if fault.preset in self.configured else [configure]) + [make]:
                if subprocess.run(command, cwd=COPY, stdout=stream, stderr=subprocess.STDOUT, check=False).returncode:
                    return False
        self.configured.add(fault.preset)
        return True

    def sound(self, fault: Fault) -> Path | None:
        """Its program without any fault."""
        aside = COPY / "programs" / f"sound-{fault.preset}-{fault.built.name}"
        if aside not in self.built:
            self.mend()
            self.built.add(aside)
            self._set_aside(fault, aside)
        return aside if aside.is_file() else None

    def program(self, fault: Fault, number: int) -> Path | None:
        """Builds its program with the fault in it, and sets it aside; None: it does not build."""
        if self.faulty != fault.file:
            self.mend()  # else it is written over: two faults of one file in turn cost one object each
        self.faulty = fault.file
        (COPY / fault.file).write_text(fault.applied((paths.ROOT / fault.file).read_text()))
        aside = COPY / "programs" / f"{number}-{fault.built.name}"
        self._set_aside(fault, aside)
        return aside if aside.is_file() else None

    def _set_aside(self, fault: Fault, aside: Path) -> None:
        """Builds; what was built is moved, as the next fault links it again in any case."""
        aside.parent.mkdir(exist_ok=True)
        aside.unlink(missing_ok=True)
        if self.build(fault):
            (COPY / "build" / fault.preset / fault.built).rename(aside)


# --- one fault ----------------------------------------------------------------------------------------


def command(fault: Fault, program: Path) -> tuple[list[str], dict[str, str]]:
    """What runs its test, and the environment that it wants."""
    if fault.client:
        return [str(model_checker()), str(program), "--executions", MODEL_EXECUTIONS, "--seed", "1"], {}
    return [str(program), *fault.run.split()[1:]], {"CK_RUN_CASE": fault.theme, "WEFT_TEST": fault.test}


def fails(fault: Fault, program: Path, seconds: int = SECONDS) -> bool:
    """Does its test fail?"""
    words, chosen = command(fault, program)
    environment = {
        "WEFT_TEST_SECONDS": str(seconds),
        "WEFT_STRESS_SCALE": str(fault.scale),
        "ASAN_OPTIONS": "detect_stack_use_after_return=0",
        "TSAN_OPTIONS": "halt_on_error=1:atexit_sleep_ms=0",
    }
    done = subprocess.run(
        words,
        env={**os.environ, **environment, **chosen},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if fault.client and done.returncode not in (0, 1):
        raise errors.WeftError(f"{fault.shown}: {done.stdout.strip()[-300:]}")  # it found nothing: it did not run
    return done.returncode == 1 if fault.client else fault.test in testing.FAILURE.findall(done.stdout)


def model_checker() -> Path:
    """The checker itself, of the tree's own build: no fault is made in it."""
    return paths.BUILD / "release" / "tests" / "model" / "weft-model"


def build_checker(say: testing.Say) -> None:
    """It is there already, if the whole of the build release is."""
    log = paths.BUILD / "weft" / "faults" / "weft-model.log"
    for command_ in (["cmake", "--preset", "release"], ["cmake", "--build", "--preset", "release", "--target", MODEL]):
        if testing.follow(command_, log, say, r"^\[(\d+/\d+)\]"):
            raise errors.WeftError(f"{' '.join(command_)} failed: {paths.shown(log)}")


@dataclass(frozen=True)
class Verdict:
    """Was it noticed, and by what; or why not."""

    caught: bool
    how: str
    seconds: float = 0.0


def tried(fault: Fault, sound: Path | None, program: Path | None) -> Verdict:
    """Runs its test until that fails, as often as it says; without the fault it must not fail."""
    if sound is None or program is None:
        return Verdict(False, f"it does not build: {paths.shown(log_of(fault))}")
    try:
        return _decided(fault, sound, program)
    except errors.WeftError as error:
        return Verdict(False, str(error))


def _decided(fault: Fault, sound: Path, program: Path) -> Verdict:
    if fails(fault, sound, SOUND_SECONDS):
        return Verdict(False, f"{fault.shown} fails without the fault too")
    started = time.monotonic()
    for number in range(1, fault.tries + 1):
        if fails(fault, program):
            program.unlink(missing_ok=True)
            return Verdict(True, f"{fault.shown}, try {number}", time.monotonic() - started)
    words, chosen = command(fault, program)
    again = shlex.join([*(f"{key}={value}" for key, value in chosen.items()), *words])
    return Verdict(False, f"{fault.shown} passes: {again}", time.monotonic() - started)


def in_turn(faults: Iterable[Fault]) -> list[Fault]:
    """So that as little as possible is built: by build, file, program."""
    return sorted(faults, key=lambda fault: (fault.preset, fault.file, fault.target))


def verdicts(faults: list[Fault], say: testing.Say) -> Iterator[tuple[Fault, Verdict]]:
    """Makes each fault, and runs its test beside the building of the next ones."""
    if any(fault.client for fault in faults):
        build_checker(say)
    copy_tree()
    copy = Copy()
    running: list[tuple[Fault, Future[Verdict]]] = []
    try:
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for number, fault in enumerate(faults, start=1):
                say(f"{number}/{len(faults)}: {fault.name}")
                sound = copy.sound(fault)
                running.append((fault, pool.submit(tried, fault, sound, copy.program(fault, number))))
                while running and running[0][1].done():
                    yield running[0][0], running.pop(0)[1].result()
            while running:
                say(f"{len(faults) - len(running) + 1}/{len(faults)}: {running[0][0].name}")
                yield running[0][0], running.pop(0)[1].result()
    finally:
        copy.mend()


# --- the verb -----------------------------------------------------------------------------------------


def stage(say: testing.Say, console: Console, chosen: list[Fault] | None = None) -> testing.Tally:
    """All of them, or those given, as a stage of the test verb."""
    faults = in_turn(load() if chosen is None else chosen)
    wrong = problems(faults)
    if wrong:
        listed = "\n  ".join(wrong)
        console.print(
            f"{paths.shown(LIST)} has to be aimed anew:\n  {listed}", style="red", markup=False, soft_wrap=True
        )
        return testing.Tally(failed=[f"faults: {one}" for one in wrong])
    tally = testing.Tally()
    for fault, verdict in verdicts(faults, say):
        if verdict.caught:
            tally.passed += 1
        else:
            tally.failed.append(f"faults: {fault.name}")
        word = "caught" if verdict.caught else "MISSED"
        console.print(
            f"{word}  {fault.name}: {verdict.how} ({verdict.seconds:.1f} s)",
            style=None if verdict.caught else "red",
            markup=False,
            soft_wrap=True,
        )
    return tally


def run(pattern: str) -> int:
    """The test verb with --faults: those whose name or file the pattern finds."""
    chosen = [one for one in load() if re.search(pattern, f"{one.name} {one.file}")]
    if not chosen:
        raise errors.UsageError(f"{paths.shown(LIST)} has no fault whose name or file matches {pattern}")
    return testing.only_stage("faults", lambda say, console: stage(say, console, chosen))
