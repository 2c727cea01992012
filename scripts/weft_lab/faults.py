"""`weft test --faults`: makes deliberate faults, one at a time, and sees whether the suite notices."""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from weft_lab import errors, paths, testing

LIST = paths.ROOT / "tests" / "faults" / "faults.toml"
COPY = paths.BUILD / "faults"
PLACES = ("CMakeLists.txt", "CMakePresets.json", "cmake", "core", "variants", "tests", "examples", "bench", "scripts")
SECONDS = "20"  # a hang is a failure too


@dataclass(frozen=True)
class Fault:
    """One of the list."""

    name: str
    file: str
    was: str
    now: str
    run: str
    theme: str
    test: str
    preset: str = "release"
    tries: int = 5

    def applied(self, text: str) -> str:
        """The file with the fault in it."""
        if text.count(self.was) != 1:
            raise errors.WeftError(f"{paths.shown(LIST)}: '{self.name}': its text is not in {self.file} exactly once")
        return text.replace(self.was, self.now)


def load() -> list[Fault]:
    """The list."""
    rows = tomllib.loads(LIST.read_text())["fault"]
    return [Fault(**{("now" if key == "is" else key): value for key, value in row.items()}) for row in rows]


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


def build(preset: str, program: str, log: Path) -> bool:
    """Builds one program of the copy."""
    configure = ["cmake", "--preset", preset, "-D", "WEFT_BENCH=OFF", "-D", "WEFT_WERROR=OFF"]
    make = ["cmake", "--build", "--preset", preset, "--target", program]
    with log.open("w") as stream:
        return all(
            subprocess.run(command, cwd=COPY, stdout=stream, stderr=subprocess.STDOUT, check=False).returncode == 0
            for command in (configure, make)
        )


def failing(fault: Fault) -> list[str]:
    """The tests that fail in one run."""
    program, *combination = fault.run.split()
    environment = {
        "CK_RUN_CASE": fault.theme,
        "WEFT_TEST_SECONDS": SECONDS,
        "ASAN_OPTIONS": "detect_stack_use_after_return=0",
        "TSAN_OPTIONS": "halt_on_error=1:atexit_sleep_ms=0",
    }
    done = subprocess.run(
        [str(COPY / "build" / fault.preset / "tests" / program), *combination],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return testing.FAILURE.findall(done.stdout)


def caught(fault: Fault, say: testing.Say) -> tuple[bool, str]:
    """Makes the fault, runs its test, takes the fault back. True, and by what; False, and why."""
    program = fault.run.split()[0]
    file = COPY / fault.file
    original = file.read_text()
    log = paths.BUILD / "weft" / "fault.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(fault.applied(original))
    try:
        say("building")
        if not build(fault.preset, program, log):
            return False, f"it does not build: {paths.shown(log)}"
        seen: set[str] = set()
        for number in range(1, fault.tries + 1):
            say(f"{fault.test}, try {number} of {fault.tries}")
            seen.update(failing(fault))
            if fault.test in seen:
                return True, f"{fault.test} ({fault.run}, {fault.preset}), try {number}"
        return False, f"{fault.test} passes" + (f"; what failed: {', '.join(sorted(seen))}" if seen else "")
    finally:
        file.write_text(original)


def run() -> int:
    """The test verb with --faults."""
    console = Console(highlight=False)
    faults = load()
    copy_tree()
    missed = 0
    with testing.status_line(console, "faults") as status:
        for number, fault in enumerate(faults, start=1):
            say = (
                (lambda text, number=number: status.update(f"faults: {number}/{len(faults)}: {text}"))
                if status
                else (lambda _: None)
            )
            good, how = caught(fault, say)
            missed += not good
            word = "caught" if good else "MISSED"
            console.print(f"{word}  {fault.name}: {how}", style=None if good else "red", markup=False, soft_wrap=True)
    print(f"{len(faults) - missed} faults caught, {missed} missed", flush=True)
    return errors.FAILURE if missed else errors.OK
