"""`weft test --aarch64`: builds for AArch64, and runs the unit tests and a part of the conformance under qemu-user.

The compiler and qemu are Debian packages (scripts/packages.txt). The two libraries that the tests are linked with can't
be installed beside this machine's own: apt fetches them into build/, with lists of its own, to be unpacked there.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from rich.console import Console

from weft_lab import paths, testing

TOOLS = {"aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu", "qemu-aarch64": "qemu-user"}
LIBRARIES = ("libck0", "libck-dev", "libsubunit0", "libsubunit-dev", "check")
PROVES = ("usr/include/ck_ring.h", "usr/include/check.h")  # below the root: they were unpacked
CHANNELS = ("handoff", "ring", "mutex")
TESTS = rf"^(unit\.(steal|thread)|conformance\.({'|'.join(CHANNELS)})\.steal\.2)$"


EMULATED = {"WEFT_TEST_BRIEF": "1", "WEFT_TEST_SECONDS": "240", "WEFT_STRESS_SCALE": "30"}  # some ten times slower


class MissingError(Exception):
    """Something can't be had here; the message says what, and why."""


def root() -> Path:
    """Where the libraries are unpacked; cmake/aarch64.cmake looks there."""
    return paths.ROOT / "build" / "aarch64-root"


def _apt(state: Path) -> list[str]:
    """apt-get for another architecture, which neither reads nor writes what is installed."""
    options = {
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
        "Dir::State": state,
        "Dir::State::status": "/dev/null",
        "Dir::Cache": state / "cache",
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "",
    }
    return ["apt-get", "-q", *(word for key, value in options.items() for word in ("-o", f"{key}={value}"))]


def fetch_libraries(say: testing.Say) -> None:
    """The libraries' packages, unpacked into the root."""
    if all((root() / file).is_file() for file in PROVES):
        return
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise MissingError("this is not Debian: the libraries for AArch64 are its packages")
    state, logs = paths.BUILD / "weft" / "apt-arm64", paths.BUILD / "weft"
    debs = state / "debs"
    for directory in (state / "lists" / "partial", state / "cache" / "archives" / "partial", debs):
        directory.mkdir(parents=True, exist_ok=True)
    for word, command in (("update", ["update"]), ("download", ["download", *LIBRARIES])):
        say(f"libraries: {word}")
        log = logs / f"aarch64-{word}.log"
        if testing.follow([*_apt(state), *command], log, say, r"(?!)", cwd=debs):
            raise MissingError(f"apt-get {word} of {', '.join(LIBRARIES)} for arm64 fails: {paths.shown(log)}")
    for deb in sorted(debs.glob("*.deb")):
        log = logs / "aarch64-unpack.log"
        if testing.follow(["dpkg-deb", "-x", str(deb), str(root())], log, say, r"(?!)"):
            raise MissingError(f"{deb.name} can't be unpacked: {paths.shown(log)}")


def prepare(say: testing.Say) -> None:
    """All that a build needs."""
    lacking = [package for tool, package in TOOLS.items() if shutil.which(tool) is None]
    if lacking:
        raise MissingError(f"not installed, and could not be: {', '.join(lacking)}")
    fetch_libraries(say)


def stage(say: testing.Say, console: Console) -> testing.Tally:
    """Skipped, with the reason, where the tools can't be had."""
    try:
        prepare(say)
    except MissingError as reason:
        console.print(f"skipped: AArch64: {reason}", style="yellow", markup=False, soft_wrap=True)
        return testing.Tally(skipped=1)
    return testing.c_side("aarch64", say, console, quick=False, only=TESTS, env=EMULATED)


def run() -> int:
    """The test verb with --aarch64."""
    return testing.only_stage("aarch64", stage)
