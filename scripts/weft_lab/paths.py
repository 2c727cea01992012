"""Where things are. Everything is inside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MATRICES = ROOT / "bench" / "matrix"
SCHEMAS = ROOT / "results" / "schema"
BUILD = Path(os.environ.get("WEFT_BUILD") or ROOT / "build")


def results_dir() -> Path:
    """The directory of all runs; WEFT_RESULTS moves it (tests do)."""
    return Path(os.environ.get("WEFT_RESULTS") or ROOT / "results")


def bench_binary() -> Path:
    """The benchmark binary; WEFT_BENCH names another one (tests and foreign builds do)."""
    return Path(os.environ.get("WEFT_BENCH") or BUILD / "release" / "bench" / "weft-bench")


def scale_binary() -> Path:
    """The program of the figures; WEFT_SCALE names another one."""
    return Path(os.environ.get("WEFT_SCALE") or BUILD / "release" / "bench" / "scale" / "weft-scale")


def scale_go_binary() -> Path | None:
    """Its twin in Go, if WEFT_SCALE_GO names one that is built already."""
    given = os.environ.get("WEFT_SCALE_GO")
    return Path(given) if given else None


def shown(path: Path) -> str:
    """A path as the user would type it: relative to where they are, if it is below."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def is_file(path: Path) -> bool:
    """Is it a file? Not, if no file can have that name: one that users type may be anything."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_dir(path: Path) -> bool:
    """The same for a directory."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
