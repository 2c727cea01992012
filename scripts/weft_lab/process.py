"""The process of one sample: in a session of its own, which a Ctrl-C in the terminal does not reach."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import killpg
from pathlib import Path

from weft_lab import paths
from weft_lab.errors import WeftError

KILL_WAIT_S = 5.0
MOST_SAID = 200


@dataclass(frozen=True)
class Outcome:
    """How the process of one sample ended: `problem` is None when it left a valid file."""

    problem: str | None


@dataclass(frozen=True)
class Ended:
    """A process that has ended, or was ended because its time was up (`problem` says so)."""

    problem: str | None
    stdout: str = ""


def run(
    command: Sequence[str], timeout_s: float, *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Ended:
    """Run a command to its end, or to the end of its time; whatever interrupts us ends it too."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            encoding="utf-8",
            errors="replace",
            cwd=cwd,
            env=env,
        )
    except OSError as error:
        raise WeftError(f"{paths.shown(Path(command[0]))}: {error.strerror}") from error
    try:
        stdout, stderr = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        _kill(process)
        return Ended(f"timed out after {timeout_s:g} s")
    except BaseException:
        _kill(process)
        raise
    return Ended(None if process.returncode == 0 else ending(process.returncode, stderr), stdout)


def _kill(process: subprocess.Popen[str]) -> None:
    """End a sample that we started, with everything in its session."""
    with contextlib.suppress(ProcessLookupError):
        killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=KILL_WAIT_S)


def ending(code: int, stderr: str) -> str:
    """An exit status in words, with what the process said: its panic, or its last line."""
    said = [line.strip() for line in stderr.splitlines() if line.strip()]
    loud = (line for line in said if "panic: " in line or line.startswith("fatal error: "))
    line = next(loud, said[-1] if said else "")
    tail = f": {line[:MOST_SAID]}" if line else ""
    if code < 0:
        try:
            return f"crashed: {signal.Signals(-code).name}{tail}"
        except ValueError:
            return f"crashed: signal {-code}{tail}"
    return f"exit {code}{tail}"
