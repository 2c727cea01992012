#!/usr/bin/env python3
"""Weft against another runtime in one sitting: samples of both, interleaved, in an order reshuffled each round.

  python3 bench/peers/versus.py [--workers 1,2] [--rounds 11] [--filter REGEX] [--json FILE]

One process a sample. Each line is one shape: the ratio peer / Weft of the times (above 1: Weft is faster), as the
median over the rounds with its 95 % interval (order statistics), for the default channel and for the best one.
"""

import argparse
import json
import math
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SHAPES = ("ping_pong", "spawn_chain", "spawn_flat", "spsc/cap:0", "spsc/cap:1", "spsc/cap:64", "spsc/cap:4096")
SHAPES += ("mpmc/cap:0", "mpmc/cap:64", "select/n:1", "select/n:2", "select/n:8")


@dataclass
class Row:
    """One shape at one number of workers: the samples of the peer and of each channel, in ns."""

    shape: str
    workers: int
    samples: dict[str, list[float]] = field(default_factory=dict)


def median_interval(values: list[float], confidence: float = 0.95) -> tuple[float, float, float]:
    """Median and a distribution-free interval: from the k-th smallest to the k-th largest."""
    ordered = sorted(values)
    n, k, below = len(ordered), 0, 0.0
    while k < n // 2 and below + math.comb(n, k) / 2**n <= (1 - confidence) / 2:
        below += math.comb(n, k) / 2**n
        k += 1
    k = max(k, 1)
    return statistics.median(ordered), ordered[k - 1], ordered[n - k]


def cell_name(shape: str, channel: str, sched: str, workers: int) -> str:
    """The name by which weft-bench knows it; channel is - where none is used."""
    head, *param = shape.split("/")
    parts = [head, *([] if channel == "-" else [f"chan:{channel}"]), f"sched:{sched}", *param, f"workers:{workers}"]
    return "/".join(parts)


def real_time(text: str) -> float:
    """The time in a google-benchmark file of one sample."""
    entry = json.loads(text)["benchmarks"][0]
    if entry.get("error_occurred"):
        raise SystemExit(f"{entry['name']}: {entry['error_message']}")
    return float(entry["real_time"])


def sample_weft(bench: Path, cell: str, min_time_ms: int) -> float:
    """One process of weft-bench."""
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory, "sample.json")
        command = [str(bench), "run", cell, "--min-time-ms", str(min_time_ms), "--out", str(out)]
        subprocess.run(command, check=True, timeout=60)
        return real_time(out.read_text())


def sample_peer(peer: Path, shape: str, workers: int, min_time_ms: int) -> float:
    """One process of the peer."""
    command = [str(peer), f"{shape}/workers:{workers}", "--min-time-ms", str(min_time_ms)]
    return real_time(subprocess.run(command, check=True, timeout=60, capture_output=True, text=True).stdout)


def build_peer(directory: Path) -> Path:
    """Compiles it with the toolchain that is there."""
    if shutil.which("go") is None:
        raise SystemExit("the Go toolchain is missing (Debian: golang-go)")
    binary = directory / "weft-peer"
    subprocess.run(["go", "build", "-o", str(binary), "."], cwd=Path(__file__).parent / "go", check=True)
    return binary


def serves(bench: Path, cell: str) -> bool:
    """Can the channel do this at all?"""
    return subprocess.run([bench, "check", cell], capture_output=True, check=False).returncode == 0


def take(bench: Path, peer: Path, rows: list[Row], arguments: argparse.Namespace) -> None:
    """Fills in the rows' samples."""
    jobs = [(row, who) for row in rows for who in row.samples]
    for turn in range(arguments.rounds):
        random.shuffle(jobs)
        for index, (row, who) in enumerate(jobs):
            if who == "peer":
                value = sample_peer(peer, row.shape, row.workers, arguments.min_time_ms)
            else:
                cell = cell_name(row.shape, who, arguments.sched, row.workers)
                value = sample_weft(bench, cell, arguments.min_time_ms)
            row.samples[who].append(value)
            if sys.stderr.isatty():
                print(f"\rround {turn + 1}/{arguments.rounds}, {index + 1}/{len(jobs)}  ", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print(file=sys.stderr)


def ratios(row: Row, who: str) -> tuple[float, float, float]:
    """Peer / Weft, round by round."""
    return median_interval([a / b for a, b in zip(row.samples["peer"], row.samples[who], strict=True)])


def summary(row: Row, default: str) -> dict[str, Any]:
    """What is shown of a row."""
    own = {who: statistics.median(values) for who, values in row.samples.items() if who != "peer"}
    best = min(own, key=lambda who: own[who])
    first = default if default in own else best
    return {
        "shape": row.shape,
        "workers": row.workers,
        "peer_ns": statistics.median(row.samples["peer"]),
        "default": first,
        "default_ns": own[first],
        "default_ratio": ratios(row, first),
        "best": best,
        "best_ns": own[best],
        "best_ratio": ratios(row, best),
        "ns": own,
    }


def show(lines: list[dict[str, Any]]) -> None:
    """A table, to be read as it is or pasted."""
    head = f"{'shape':13} {'workers':>7} {'peer ns':>9}"
    for kind in ("default", "best"):
        head += f" | {kind + ', ns':>16} {'peer/Weft [95 %]':>24}"
    print(head)
    for line in lines:
        text = f"{line['shape']:13} {line['workers']:7d} {line['peer_ns']:9.1f}"
        for kind in ("default", "best"):
            median, low, high = line[f"{kind}_ratio"]
            text += f" | {line[kind]:>6} {line[f'{kind}_ns']:9.1f} {median:8.2f} [{low:6.2f}, {high:6.2f}]"
        print(text)


def make_rows(bench: Path, channels: list[str], arguments: argparse.Namespace) -> list[Row]:
    """The shapes that were asked for, with the channels that serve them."""
    rows = []
    for shape in filter(re.compile(arguments.filter).search, SHAPES):
        for workers in map(int, arguments.workers.split(",")):
            names = ["-"] if shape.startswith("spawn") else channels
            served = [name for name in names if serves(bench, cell_name(shape, name, arguments.sched, workers))]
            rows.append(Row(shape, workers, {who: [] for who in ("peer", *served)}))
    return rows


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--min-time-ms", type=int, default=20)
    parser.add_argument("--sched", default="steal")
    parser.add_argument("--filter", default="", help="shapes that this expression finds")
    parser.add_argument("--bench", type=Path, default=ROOT / "build/release/bench/weft-bench")
    parser.add_argument("--json", type=Path, help="also write the rows, with every channel's median")
    return parser.parse_args()


def main() -> int:
    """Measures, shows, writes."""
    arguments = parse_arguments()
    catalogue = json.loads(subprocess.run([arguments.bench, "list"], check=True, capture_output=True).stdout)
    channels = [channel["name"] for channel in catalogue["channels"] if not channel["control"]]
    rows = make_rows(arguments.bench, channels, arguments)
    with tempfile.TemporaryDirectory() as directory:
        take(arguments.bench, build_peer(Path(directory)), rows, arguments)
    lines = [summary(row, catalogue["defaults"]["channel"]) for row in rows]
    show(lines)
    if arguments.json:
        arguments.json.write_text(json.dumps(lines, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
