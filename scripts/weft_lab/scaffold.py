"""`weft new-variant`: a variant that compiles, is in every list, and fails its tests until it is written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from weft_lab import paths, store
from weft_lab.errors import UsageError, WeftError

TEMPLATES = Path(__file__).parent / "templates"
NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
LINE = re.compile(r"^(CHANNEL|SCHED)\((\w+)\)\s*$", re.MULTILINE)
TAKEN = {"chan", "sched", "task", "park", "stack", "timer", "bench", "weft", "mn", "core", "rendezvous", "lock", "lot"}
"""Prefixes that core's functions have; a variant's functions begin with its name."""


@dataclass(frozen=True)
class Kind:
    """What differs between channels and schedulers."""

    word: str
    directory: str
    template: str
    test: str


KINDS = {
    "channel": Kind("CHANNEL", "channel", "channel.c", r"(conformance|stress)\.{name}\."),
    "sched": Kind("SCHED", "sched", "sched.c", r"(conformance|stress)\.\w+\.{name}\."),
}


def registered(text: str) -> dict[str, str]:
    """The names in variants.def, with their kind."""
    return {found.group(2): found.group(1) for found in LINE.finditer(text)}


def register(text: str, word: str, name: str) -> str:
    """variants.def with one line more, after the last of its kind."""
    last = [found for found in LINE.finditer(text) if found.group(1) == word][-1]
    return f"{text[: last.end()].rstrip()}\n{word}({name}){text[last.end() :] or chr(10)}"


def create(kind_name: str, name: str, root: Path | None = None) -> Path:
    """Write the file and the line."""
    kind = KINDS[kind_name]
    root = root or paths.ROOT
    listing = root / "variants" / "variants.def"
    if not NAME.fullmatch(name):
        raise UsageError(f"'{name}' cannot be the name of a variant: lower-case letters, digits and _, a letter first")
    if name in TAKEN:
        raise UsageError(f"'{name}' is a prefix of core's own functions: choose another name")
    text = listing.read_text(encoding="utf-8")
    file = root / "variants" / kind.directory / f"{name}.c"
    if name in registered(text):
        raise UsageError(f"there is a variant '{name}' already: {paths.shown(listing)}")
    if file.exists():
        raise UsageError(f"{paths.shown(file)} is there already")
    template = (TEMPLATES / kind.template).read_text(encoding="utf-8")
    try:
        store.write_atomic(file, template.replace("@NAME@", name))
        store.write_atomic(listing, register(text, kind.word, name))
    except OSError as error:
        raise WeftError(f"{error.filename or file}: {error.strerror}") from None
    print(
        f"{paths.shown(file)} is there, and listed in {paths.shown(listing)}.\n"
        "It compiles, and fails its tests until you have written it:\n"
        "  ./scripts/weft test --preset dev --no-python\n"
        "or, once that has built it, only its own:\n"
        f"  ctest --test-dir build/dev -R '{kind.test.format(name=name)}'\n"
        "To measure it against the others:\n"
        f"  ./scripts/weft run --where {'channel' if kind_name == 'channel' else 'scheduler'}={name},"
        f"{'ring' if kind_name == 'channel' else 'steal'}"
    )
    return file
