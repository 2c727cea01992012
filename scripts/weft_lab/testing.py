"""`weft test`: builds and tests every preset, then the Python side; ends with `N passed, N failed`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from weft_lab import errors, paths

PRESETS = ("release", "asan", "tsan")
SLOW = "stress"  # label of the tests that --quick leaves out
TEST_TIMEOUT_S = 300
TAIL_LINES = 25

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


def follow(command: list[str], log: Path, say: Say, pattern: str, env: dict[str, str] | None = None) -> int:
    """Run a command with its output in a file; lines that match `pattern` are progress."""
    look = re.compile(pattern)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as stream:
        process = subprocess.Popen(
            command,
            cwd=paths.ROOT,
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


def _broken(what: str, log: Path, console: Console) -> Tally:
    lines = log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
    console.print("\n".join(lines), markup=False, highlight=False)
    console.print(f"{what} failed; all of it: {paths.shown(log)}", style="red")
    return Tally(failed=[what])


def c_side(preset: str, say: Say, console: Console, *, quick: bool) -> Tally:
    """Configure, build and test one preset."""
    build = paths.BUILD / preset
    logs = paths.BUILD / "weft"
    say("configuring")  # always: libraries may have come that were not there the last time
    log = logs / f"configure-{preset}.log"
    if follow(["cmake", "--preset", preset], log, say, r"^-- (Configuring done)"):
        return _broken(f"cmake --preset {preset}", log, console)
    log = logs / f"build-{preset}.log"
    say("building")
    if follow(["cmake", "--build", "--preset", preset], log, say, r"^\[(\d+/\d+)\]"):
        return _broken(f"build of {preset}", log, console)
    log, xml = logs / f"test-{preset}.log", logs / f"test-{preset}.xml"
    xml.unlink(missing_ok=True)
    command = [
        "ctest", "--test-dir", str(build), "--output-junit", str(xml), "--output-on-failure",
        "--no-tests=error", "--timeout", str(TEST_TIMEOUT_S), "-j", str(os.cpu_count() or 1),
        *(["-LE", SLOW] if quick else []),
    ]  # fmt: skip
    code = follow(command, log, say, r"^\s*(\d+/\d+) Test")
    if not xml.is_file():
        return _broken(f"ctest of {preset}", log, console)
    tally = junit(xml, preset)
    if code and not tally.failed:
        return _broken(f"ctest of {preset}", log, console)
    if tally.failed:
        console.print(f"what they said: {paths.shown(log)}", style="red", highlight=False)
    return tally


def python_side(say: Say, console: Console) -> Tally:
    """ruff, then pytest."""
    logs = paths.BUILD / "weft"
    tally = Tally()
    places = ["scripts", "tests"]
    cache = {"RUFF_CACHE_DIR": str(logs / "ruff")}
    for name, arguments in (("ruff check", ["check"]), ("ruff format", ["format", "--check", "--diff"])):
        say(name)
        log = logs / f"{name.replace(' ', '-')}.log"
        if follow([sys.executable, "-m", "ruff", *arguments, *places], log, say, r"^(\S+\.py):", cache):
            tally.add(_broken(name, log, console))
        else:
            tally.passed += 1
    log, xml = logs / "pytest.log", logs / "pytest.xml"
    xml.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={xml}", "tests/python"]
    code = follow(command, log, say, r"\[ *(\d+%)\]", {"COLUMNS": "80"})
    if not xml.is_file():
        tally.add(_broken("pytest", log, console))
        return tally
    found = junit(xml, "python")
    if code and not found.failed:
        found = _broken("pytest", log, console)
    elif found.failed:
        console.print(f"what they said: {paths.shown(log)}", style="red", highlight=False)
    tally.add(found)
    return tally


def run(presets: list[str] | None, *, quick: bool, python: bool) -> int:
    """The test verb."""
    console = Console(highlight=False)
    wanted = list(presets or (PRESETS[:1] if quick else PRESETS))
    total = Tally()
    stages: list[tuple[str, Callable[[Say], Tally]]] = [
        (preset, lambda say, preset=preset: c_side(preset, say, console, quick=quick)) for preset in wanted
    ]
    if python:
        stages.append(("python", lambda say: python_side(say, console)))
    for name, stage in stages:
        started = time.monotonic()
        with _status(console, name) as status:
            say = (lambda text, name=name: status.update(f"{name}: {text}")) if status else (lambda _: None)
            tally = stage(say)
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
    print(f"{total.passed} passed, {len(total.failed)} failed", flush=True)
    return errors.FAILURE if total.failed else errors.OK


class _Quiet(AbstractContextManager):
    """Where nobody watches, stages are only announced."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, *rest: object) -> None:
        pass


def _status(console: Console, name: str) -> AbstractContextManager:
    if console.is_terminal:
        return console.status(f"{name}: starting")
    console.print(f"{name} ...", markup=False)
    return _Quiet()
