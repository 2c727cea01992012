"""The table of docs/verification.md: what `weft verify --all --docs` found, kept as JSON beside it and never typed."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console

from weft_lab import errors, paths, store, verify

BEGIN, END = "<!-- begin: weft verify --all --docs -->\n", "<!-- end -->\n"
WIDTH = 200


def document() -> Path:
    """The page with the table."""
    return paths.ROOT / "docs" / "verification.md"


def figures() -> Path:
    """What the table is made of."""
    return paths.ROOT / "docs" / "verification.json"


def render(kept: dict[str, Any]) -> str:
    """The lines between the two marks."""
    page = Console(file=io.StringIO(), width=WIDTH, highlight=False, color_system=None)
    page.print(verify.overview(kept["variants"], box.MARKDOWN, kept["hours"], kept.get("modelled")))
    rows = [line.rstrip() for line in page.file.getvalue().splitlines() if line.strip()]
    failures = [f"* {name}: {text}" for name, one in kept["variants"].items() for text in one["failures"]]
    length = "long" if kept["deep"] else "usual"
    head = f"Commit {kept['commit']}, seed {kept['seed']}, the {length} budgets, {kept['date']}. A dash: not run.\n"
    return "\n".join([head, *rows, *(["", "What failed:\n", *failures] if failures else [])]) + "\n"


def _cut(text: str) -> tuple[str, str, str]:
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise errors.WeftError(
            f"{paths.shown(document())}: there must be one line {BEGIN.strip()}, then one {END.strip()}"
        )
    before, rest = text.split(BEGIN)
    inside, after = rest.split(END)
    return before, inside, after


def shown(text: str) -> str:
    """What stands between the marks."""
    return _cut(text)[1]


def write(kept: dict[str, Any]) -> None:
    """Both files."""
    before, _, after = _cut(document().read_text())
    store.write_atomic(figures(), store.to_json(kept))
    store.write_atomic(document(), before + BEGIN + render(kept) + END + after)


def read() -> dict[str, Any]:
    """What was written last."""
    return json.loads(figures().read_text())
