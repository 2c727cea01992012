"""The machine's state: recorded with every run, judged by doctor."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weft_lab import paths

BUSY_LOAD = 0.3
STOLEN_SHARE = 0.01


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(errors="replace").strip()
    except OSError:
        return None


def _cpuinfo(key: str) -> str | None:
    found = re.search(rf"^{re.escape(key)}\s*:\s*(.+)$", _read("/proc/cpuinfo") or "", re.MULTILINE)
    return found.group(1).strip() if found else None


def _chosen(text: str | None) -> str | None:
    """The word in brackets: `always [madvise] never`."""
    found = re.search(r"\[(\w+)\]", text or "")
    return found.group(1) if found else text


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(paths.ROOT), *arguments],
            capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def source() -> dict[str, Any]:
    """Commit and whether the tree differs from it (results apart)."""
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain", "--", ".", ":(exclude)results")
    return {"commit": commit, "dirty": None if changes is None else bool(changes)}


def cpu_ticks() -> dict[str, int]:
    """The counters of /proc/stat that tell stolen and busy time."""
    names = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
    first = (_read("/proc/stat") or "cpu").splitlines()[0].split()[1:]
    return dict(zip(names, (int(word) for word in first), strict=False))


def load() -> float | None:
    """One-minute load average."""
    text = _read("/proc/loadavg")
    return float(text.split()[0]) if text else None


def virtualised() -> str | None:
    """Name of the hypervisor or container technology; None on bare metal."""
    try:
        done = subprocess.run(["systemd-detect-virt"], capture_output=True, text=True, timeout=5, check=False)
        if done.stdout.strip() not in ("", "none"):
            return done.stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        pass
    flags = (_cpuinfo("flags") or "").split()
    if "hypervisor" in flags:
        return _read("/sys/class/dmi/id/product_name") or "hypervisor"
    return None


def collect(build: dict[str, Any] | None = None) -> dict[str, Any]:
    """Everything about the machine and the build that a reader of the results would ask for."""
    build = build or {}
    release = platform.freedesktop_os_release() if Path("/etc/os-release").exists() else {}
    memory = re.search(r"MemTotal:\s*(\d+)", _read("/proc/meminfo") or "")
    return {
        "cpu": _cpuinfo("model name") or _cpuinfo("CPU part") or platform.processor() or "unknown",
        "architecture": platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "cores_total": os.cpu_count() or 1,
        "smt": _read("/sys/devices/system/cpu/smt/active"),
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "boost": _read("/sys/devices/system/cpu/cpufreq/boost"),
        "virtualised": virtualised(),
        "memory_kib": int(memory.group(1)) if memory else None,
        "thp": _chosen(_read("/sys/kernel/mm/transparent_hugepage/enabled")),
        "kernel": f"{platform.system()} {platform.release()}",
        "os": release.get("PRETTY_NAME", "unknown"),
        "python": platform.python_version(),
        "compiler": build.get("compiler"),
        "flags": build.get("flags"),
        "build_type": build.get("build_type"),
        "allocator": build.get("allocator"),
    }


@dataclass(frozen=True)
class Finding:
    """One thing that doctor looked at."""

    name: str
    state: str
    good: bool
    advice: str = ""


def stolen_share(before: dict[str, int], after: dict[str, int]) -> float | None:
    """The share of processor time that the hypervisor gave to others between two readings."""
    spent = {key: after.get(key, 0) - before.get(key, 0) for key in after}
    total = sum(spent.values())
    return spent.get("steal", 0) / total if total > 0 else None


def diagnose(env: dict[str, Any], load_now: float | None, stolen: float | None) -> list[Finding]:
    """What may spoil a result on this machine, and what helps."""
    cores = env["cores"]
    governor = env["governor"]
    found = [
        Finding(
            "cores",
            f"{cores} usable of {env['cores_total']}",
            cores >= 2,
            "with one core nothing runs in parallel: multi-worker results are of time slicing",
        ),
        Finding(
            "virtualised",
            env["virtualised"] or "no",
            env["virtualised"] is None,
            "neighbours may take time from you: use more rounds, repeat a run, trust the A/A floor",
        ),
        Finding(
            "governor",
            governor or "not visible",
            governor in ("performance", None),
            "the clock changes with load: sudo cpupower frequency-set -g performance",
        ),
        Finding(
            "boost",
            {"1": "on", "0": "off", None: "not visible"}.get(env["boost"], str(env["boost"])),
            env["boost"] != "1",
            "the clock depends on heat and on how many cores are busy; "
            "echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost",
        ),
        Finding(
            "SMT",
            {"1": "on", "0": "off", None: "not visible"}.get(env["smt"], str(env["smt"])),
            env["smt"] != "1",
            "two workers may share one core; echo off | sudo tee /sys/devices/system/cpu/smt/control",
        ),
        Finding(
            "huge pages (THP)",
            env["thp"] or "not visible",
            env["thp"] != "always",
            "memory moves into huge pages while you measure; "
            "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled",
        ),
    ]
    if load_now is not None:
        found.append(
            Finding(
                "load",
                f"{load_now:.2f} (1 min)",
                load_now <= BUSY_LOAD * cores,
                "something else is running: wait for it, or end it",
            )
        )
    if stolen is not None:
        found.append(
            Finding(
                "steal",
                f"{100 * stolen:.1f} % of processor time",
                stolen <= STOLEN_SHARE,
                "the hypervisor runs others in your time: measure when they are quiet",
            )
        )
    return found
