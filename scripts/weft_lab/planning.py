"""How long a plan will take: from what the newest runs took for the same cells, or from a rule."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weft_lab import store
from weft_lab.cells import Cell
from weft_lab.matrix import Plan

START_MS = 8.0  # a process starts, makes its runtime, writes its file
WARM_UP = 1.7  # finding the number of iterations costs about as much as using it


@dataclass(frozen=True)
class Row:
    """One cell of a plan."""

    cell: Cell
    arms: int
    seconds: float


def _overhead(results: Path) -> float | None:
    """Wall time of a sample over its measured time, in the newest complete run."""
    for run in reversed(store.run_dirs(results)[-5:]):
        try:
            manifest = json.loads((run / "manifest.json").read_text())
            seconds = sum(session["seconds"] for session in manifest["sessions"])
            samples = manifest["rounds"] * sum(row["arms"] for row in manifest["cells"])
            if manifest["status"] == "complete" and samples >= 100 and seconds > 0:
                return 1000 * seconds / samples - manifest["min_time_ms"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def estimate(plan: Plan, results: Path) -> list[Row]:
    """Every cell with the seconds that all its samples should take."""
    known = _overhead(results)
    sample_ms = plan.min_time_ms + max(0.0, known) if known is not None else plan.min_time_ms * WARM_UP + START_MS
    return [Row(cell, arms, plan.rounds * arms * sample_ms / 1000) for cell, arms in plan.cells.items()]


def as_json(plan: Plan, rows: list[Row]) -> dict[str, Any]:
    """A plan for programs."""
    return {
        "matrix": plan.source,
        "rounds": plan.rounds,
        "min_time_ms": plan.min_time_ms,
        "samples": plan.samples,
        "seconds": round(sum(row.seconds for row in rows), 1),
        "cells": [{"name": row.cell.name, "arms": row.arms, "seconds": round(row.seconds, 3)} for row in rows],
        "skipped": [{"name": name, "reason": reason} for name, reason in plan.skipped.items()],
    }
