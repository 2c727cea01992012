"""Line numbers for TOML. The standard library's parser gives values without positions.

`lines(text)` walks a document that tomllib has already accepted, so it needs to know only what can
hide a key from it: comments, strings, and brackets that span lines.
"""

from __future__ import annotations

import re

Path = tuple[str | int, ...]

_TOKEN = re.compile(
    r'"""(?:\\.|(?!""").)*"{3,5}'  # multi-line basic string
    r"|'''(?:(?!''').)*'{3,5}"  # multi-line literal string
    r'|"(?:\\.|[^"\\\n])*"'  # basic string
    r"|'[^'\n]*'"  # literal string
    r"|\#[^\n]*",  # comment
    re.DOTALL,
)
_HEADER = re.compile(r"\s*\[(\[?)\s*([^\[\]]+?)\s*\]\]?\s*$")
_KEY = re.compile(r"\s*([^=\[\]{}]+?)\s*=(.*)$")


def _blank(match: re.Match[str]) -> str:
    """A string or comment, replaced by as many lines of nothing; a short key keeps its text."""
    text = match.group()
    if text[0] == "#":
        return ""
    if "\n" not in text and text[:3] not in ('"""', "'''"):
        return '"' + re.sub(r"[^\w.-]", "_", text[1:-1]) + '"'
    return '"' + "\n" * text.count("\n") + '"'


def _parts(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]


def lines(text: str) -> dict[Path, int]:
    """Line (from 1) of every table header and every key: ("cells", 0, "workload") -> 7."""
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    depth = 0
    for number, line in enumerate(_TOKEN.sub(_blank, text).split("\n"), start=1):
        if depth == 0 and (header := _HEADER.match(line)):
            table = _resolve(_parts(header.group(2)), counts, array=bool(header.group(1)))
            found.setdefault(table, number)
            continue
        value = line
        if depth == 0 and (key := _KEY.match(line)):
            found.setdefault((*table, *_parts(key.group(1))), number)
            value = key.group(2)
        depth += sum(value.count(c) for c in "[{") - sum(value.count(c) for c in "]}")
    return found


def _resolve(parts: list[str], counts: dict[Path, int], *, array: bool) -> Path:
    """The path of a header: a name that is an array of tables stands for its newest element."""
    path: Path = ()
    for index, part in enumerate(parts):
        path = (*path, part)
        if array and index == len(parts) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def line_of(found: dict[Path, int], path: Path) -> int:
    """The line of a key, or of the nearest thing around it that has one."""
    while path and path not in found:
        path = path[:-1]
    return found.get(path, 1)
