"""Talking to the benchmark binary."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from weft_lab import paths, process
from weft_lab.catalog import Catalog
from weft_lab.errors import WeftError
from weft_lab.process import Outcome

UNSERVABLE = 3
WRONG_NAME = 64


class StopNowError(Exception):
    """The user does not want to wait for the sample that is running."""


@dataclass(frozen=True)
class Bench:
    """The benchmark binary at one path."""

    path: Path

    @cached_property
    def sha256(self) -> str:
        try:
            return hashlib.sha256(self.path.read_bytes()).hexdigest()
        except OSError as error:
            raise WeftError(f"{paths.shown(self.path)}: {error.strerror}; build it: ./scripts/weft setup") from None

    def kept(self) -> Bench:
        """A copy of the binary that stays what it is while a run measures it, whatever is built meanwhile."""
        shelf = paths.BUILD / "weft" / "bin"
        copy = shelf / f"weft-bench-{self.sha256[:16]}"
        try:
            if not copy.is_file():
                shelf.mkdir(parents=True, exist_ok=True)
                for old in shelf.iterdir():
                    old.unlink()
                scratch = copy.with_suffix(f".{os.getpid()}")
                shutil.copy2(self.path, scratch)
                scratch.replace(copy)
        except OSError as error:
            raise WeftError(f"{paths.shown(copy)}: {error.strerror}") from None
        kept = Bench(copy)
        if kept.sha256 != self.sha256:
            raise WeftError(f"{paths.shown(self.path)} is being built: call again when that is done")
        return kept

    @cached_property
    def catalog(self) -> Catalog:
        done = self._ask("list")
        if done.returncode != 0:
            raise WeftError(f"{paths.shown(self.path)} list: {_ending(done)}")
        try:
            return Catalog(json.loads(done.stdout))
        except (ValueError, KeyError) as error:
            raise WeftError(f"{paths.shown(self.path)} list: not the JSON it should be: {error}") from None

    def _ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                [self.path, *arguments],
                capture_output=True,
                stdin=subprocess.DEVNULL,
                text=True,
                timeout=30,
                check=False,
            )
        except OSError as error:
            raise WeftError(f"{paths.shown(self.path)}: {error.strerror}; build it: ./scripts/weft setup") from None
        except subprocess.TimeoutExpired:
            raise WeftError(f"{paths.shown(self.path)} {' '.join(arguments)}: no answer in 30 s") from None

    def _check(self, name: str) -> str | None:
        done = self._ask("check", name)
        if done.returncode == 0:
            return None
        if done.returncode in (UNSERVABLE, WRONG_NAME):
            return done.stderr.strip() or "cannot be served"
        raise WeftError(f"{paths.shown(self.path)} check {name}: {_ending(done)}")

    def check(self, names: list[str]) -> dict[str, str | None]:
        """Why each cell cannot be run, or None. Answers are kept in build/ until the binary changes."""
        store = paths.BUILD / "weft" / f"check-{self.sha256[:16]}.json"
        try:
            known = json.loads(store.read_text())
        except (OSError, ValueError):
            known = {}
        missing = [name for name in names if name not in known]
        if missing:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
                known.update(zip(missing, pool.map(self._check, missing), strict=True))
            try:
                store.parent.mkdir(parents=True, exist_ok=True)
                scratch = store.with_suffix(f".{os.getpid()}")
                scratch.write_text(json.dumps(known))
                scratch.replace(store)
            except OSError:
                pass  # only a cache
        return {name: known[name] for name in names}

    def sample(self, name: str, min_time_ms: float, out: Path, seed: int, timeout_s: float) -> Outcome:
        """Measure a cell once, in a process of its own that a Ctrl-C in the terminal does not reach."""
        command = [
            str(self.path), "run", name, "--min-time-ms", f"{min_time_ms:g}",
            "--out", str(out), "--seed", str(seed),
        ]  # fmt: skip
        problem = process.run(command, timeout_s).problem
        return Outcome(problem if problem or out.is_file() else "exited 0 without a result")


def _ending(done: subprocess.CompletedProcess[str]) -> str:
    return process.ending(done.returncode, done.stderr)
