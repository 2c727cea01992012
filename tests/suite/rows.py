#!/usr/bin/env python3
"""Goal: every row of the suites runs on every variant, and finds itself correct.

Method: ask weft-bench for its rows, run each of those over this channel (or of those over none) on this scheduler, for
the shortest of samples, and look at what it wrote: verified, with as many operations as it says and a time above zero.
A row may be refused only for a reason that the catalogue shows: a channel without rendezvous or select, a row for one
worker, or for more.

  rows.py BINARY CHANNEL SCHEDULER WORKERS...   CHANNEL: a variant, or - for the rows that use none
  exit 0: all of them; 1: not, or there was none
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

REFUSED = 3
TIMEOUT_S = 120


def call(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


def may_be_refused(reason: str, row: dict, flags: dict, workers: int) -> bool:
    """Is that what the flags say?"""
    if "serves capacities from" in reason:
        return flags.get("capacity_min", 0) > 0
    if "may not stand in a select" in reason:
        return not flags.get("select", True)
    if "runs on one processor" in reason:
        return row["go_name"] == "PingPongHog" and workers > 1
    if "skips this on one processor" in reason:
        return workers == 1
    return row["go_name"] == "ParallelTimerLatency" and "skips" in reason and (workers < 2 or workers > os.cpu_count())


def fault_of(binary: str, cell: str, out: Path) -> str | None:
    """Why the sample is no good; None: it is."""
    try:
        done = call(binary, "run", cell, "--min-time-ms", "1", "--seed", "7", "--out", str(out))
    except subprocess.TimeoutExpired:
        return f"took more than {TIMEOUT_S} s"
    if done.returncode != 0:
        return f"exit {done.returncode}: {done.stderr.strip()[-300:]}"
    (sample,) = json.loads(out.read_text())["benchmarks"]
    if "error_message" in sample:
        return str(sample["error_message"])
    operations = sample["messages"]
    if sample["verified"] != 1 or sample["real_time"] <= 0 or operations < 1 or operations != sample["iterations"]:
        return f"not a sample: {sample}"
    return None


def main(binary: str, channel: str, scheduler: str, *worker_counts: str) -> int:
    catalog = json.loads(call(binary, "list").stdout)
    flags = next((row["flags"] for row in catalog["channels"] if row["name"] == channel), {})
    rows = [row for row in catalog["workloads"] if "suite" in row and ("chan" in row["uses"]) == (channel != "-")]
    served: set[str] = set()
    bad = 0
    with tempfile.TemporaryDirectory() as directory:
        for row in rows:
            for workers in map(int, worker_counts):
                where = "" if channel == "-" else f"/chan:{channel}"
                cell = f"{row['name']}{where}/sched:{scheduler}/workers:{workers}"
                check = call(binary, "check", cell)
                if check.returncode == REFUSED and may_be_refused(check.stderr, row, flags, workers):
                    print(f"refused {cell}: {check.stderr.strip()}")
                    continue
                fault = fault_of(binary, cell, Path(directory, "sample.json"))
                print(f"{'WRONG  ' if fault else 'good   '} {cell}{': ' + fault if fault else ''}", flush=True)
                bad += fault is not None
                served.add(row["name"])
    print(f"{len(served)} of {len(rows)} rows ran, {bad} times wrong")
    return 1 if bad or not served else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
