"""The programs that the documentation shows are the files that are built and tested."""

from __future__ import annotations

import re

import pytest
from weft_lab import paths

SHOWN = re.compile(r"^\[examples/(\w+)\.c\]\([^)]*\)\n\n```c\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GUIDE = (paths.ROOT / "docs" / "go.md").read_text()


@pytest.mark.parametrize(("name", "text"), SHOWN.findall(GUIDE))
def test_program_is_the_file(name: str, text: str) -> None:
    assert text == (paths.ROOT / "examples" / f"{name}.c").read_text()


def test_every_idea_is_shown() -> None:
    assert len(SHOWN.findall(GUIDE)) == GUIDE.count("\n### ") > 9


def test_programs_are_short() -> None:
    for path in (paths.ROOT / "examples").glob("*.c"):
        assert 15 <= len(path.read_text().splitlines()) <= 60, path.name
