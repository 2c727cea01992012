"""What the documentation shows is what there is: programs, the table of verification, the bugs that faults are like."""

from __future__ import annotations

import re

import pytest
from weft_lab import faults, paths, verified, verify

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


# --- docs/verification.md ---

VERIFICATION = verified.document().read_text()
BUGS = re.compile(r"^\| (\d+(?:, \d+)*) \| [^|]+ \|([^|]*)\|$", re.MULTILINE)


def test_the_table_of_what_was_verified_is_what_was_found() -> None:
    if verified.figures().is_file():
        assert verified.shown(VERIFICATION) == verified.render(verified.read())
        assert set(verified.read()["variants"]) == {variant.name for variant in verify.variants()}
    else:
        assert verified.shown(VERIFICATION) == ""


def test_every_bug_of_the_table_that_applies_has_a_fault_like_it() -> None:
    rows = [([int(number) for number in numbers.split(", ")], remark) for numbers, remark in BUGS.findall(VERIFICATION)]
    assert sorted(number for numbers, _ in rows for number in numbers) == list(range(1, 39))
    without = {
        number for numbers, remark in rows if "does not apply" in remark or "no fault" in remark for number in numbers
    }
    assert {number for fault in faults.load() for number in fault.like} == set(range(1, 39)) - without


def test_the_table_is_written_between_its_marks(monkeypatch, tmp_path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{verified.BEGIN}old\n{verified.END}after\n")
    monkeypatch.setattr(verified, "document", lambda: page)
    monkeypatch.setattr(verified, "figures", lambda: tmp_path / "page.json")
    one = dict.fromkeys(verify.FIGURES) | {
        "executions": 12345,
        "histories": 1000,
        "mutants": [3, 4],
        "failures": ["model: x"],
    }
    kept = {
        "commit": "abc",
        "date": "2026-01-01",
        "seed": 7,
        "deep": False,
        "hours": {"ring": 0.5},
        "modelled": {"ring": 200},
    }
    verified.write({**kept, "variants": {"ring": one}})
    text = page.read_text()
    assert text.startswith(f"before\n{verified.BEGIN}Commit abc, seed 7")
    assert text.endswith(f"{verified.END}after\n")
    row = next(line for line in text.splitlines() if line.startswith("|ring"))
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        "ring", "12,345", "1,000 (200)", "-", "3/4", "-", "-", "-", "0.50", "1",
    ]  # fmt: skip
    assert "* ring: model: x" in text
    assert verified.shown(text) == verified.render(verified.read())
