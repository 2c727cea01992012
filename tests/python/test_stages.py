"""Goal: the stages fuzz and aarch64 say what they found, and what was left out and why. Method: fake programs."""

import sys

import pytest
from rich.console import Console
from weft_lab import aarch64, fuzzing, testing
from weft_lab.fuzzing import Target
from weft_lab.testing import Tally


def say(_):
    pass


@pytest.fixture
def fuzzers(monkeypatch, tmp_path):
    """Targets that are shell scripts: fuzzers(name=text, ...)."""

    def put(**scripts):
        made = []
        for name, text in scripts.items():
            file = tmp_path / name
            file.write_text(f"#!/bin/sh\n{text}\n")
            file.chmod(0o755)
            made.append(Target(name, (str(file),)))
        monkeypatch.setattr(fuzzing, "targets", lambda: made)
        monkeypatch.setattr(fuzzing, "build", lambda *_: Tally())

    return put


def test_a_target_that_finds_nothing_passes(fuzzers, capsys):
    fuzzers(cell="echo '#12 cov: 7 ft: 9'; echo 'Done 1234 runs in 2 second(s)'")
    tally = fuzzing.stage(say, Console(width=200), 1)
    assert (tally.passed, tally.failed) == (1, [])
    assert "cell: 1,234 inputs, coverage 7" in capsys.readouterr().out


def test_a_finding_fails_and_is_shown_with_what_runs_it_again(fuzzers, capsys):
    fuzzers(
        cell="echo 'tests/fuzz/cell.c:9: x == y'; echo 'Test unit written to /tmp/found/cell-crash-1'; exit 77",
        run="exit 1",
    )
    tally = fuzzing.stage(say, Console(width=200), 1)
    assert tally.failed == ["fuzz: cell", "fuzz: run"]
    said = capsys.readouterr().out
    assert "cell: tests/fuzz/cell.c:9: x == y" in said
    assert "/cell /tmp/found/cell-crash-1" in said
    assert "run: exit 1; all of it: " in said


def test_fuzzing_beside_another_stage_is_reported_in_its_turn(fuzzers, capsys):
    fuzzers(cell="echo 'Done 5 runs in 2 second(s)'", run="exit 1")
    console, fuzz = Console(width=200), fuzzing.Beside(1)

    def other(*_):
        return Tally(passed=3)

    assert fuzz.alongside(other)(say, console).passed == 3
    assert capsys.readouterr().out == ""
    tally = fuzz.stage(say, console)
    assert (tally.passed, tally.failed) == (1, ["fuzz: run"])
    assert "cell: 5 inputs" in capsys.readouterr().out


def test_targets_are_given_time_and_corpus(fuzzers, capsys, tmp_path):
    fuzzers(cell=f'echo "$@" >{tmp_path}/arguments')
    fuzzing.stage(say, Console(width=200), 3)
    arguments = (tmp_path / "arguments").read_text().split()
    assert "-max_total_time=3" in arguments
    assert arguments[-1].endswith("tests/fuzz/corpus/cell")


def test_without_atheris_the_python_targets_are_left_out_and_said(fuzzers, monkeypatch, capsys):
    fuzzers(cell="true")
    here = [*fuzzing.targets(), Target("golang", (sys.executable, "readers.py", "golang"))]
    monkeypatch.setattr(fuzzing, "targets", lambda: here)
    monkeypatch.setattr(fuzzing, "python_can", lambda: False)
    tally = fuzzing.stage(say, Console(width=200), 1)
    assert (tally.passed, tally.skipped, tally.failed) == (1, 1, [])
    assert "skipped: golang" in capsys.readouterr().out


def test_every_target_is_known():
    names = [target.name for target in fuzzing.targets()]
    assert {"cell", "options", "job", "replay"} <= set(names)
    assert {"matrix", "values", "run", "sample", "compare", "golang"} <= set(names)
    assert len(set(names)) == len(names)


# --- AArch64 ---


def test_without_tools_it_is_skipped_and_says_why(monkeypatch, capsys):
    monkeypatch.setattr(aarch64.shutil, "which", lambda name: None)
    tally = aarch64.stage(say, Console(width=200))
    assert (tally.passed, tally.skipped, tally.failed) == (0, 1, [])
    said = capsys.readouterr().out
    assert "skipped" in said
    assert "qemu-user" in said


def test_libraries_that_can_not_be_fetched_are_a_reason(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(aarch64.shutil, "which", lambda name: "/usr/bin/" + name)
    monkeypatch.setattr(aarch64, "root", lambda: tmp_path)
    monkeypatch.setattr(testing, "follow", lambda *_, **__: 100)
    tally = aarch64.stage(say, Console(width=200))
    assert tally.skipped == 1
    assert "libck-dev" in capsys.readouterr().out


def test_what_runs_is_what_was_asked_for(monkeypatch):
    asked = []
    monkeypatch.setattr(aarch64, "prepare", lambda _: None)
    monkeypatch.setattr(testing, "c_side", lambda preset, *_, only, **__: asked.append((preset, only)) or Tally(3))
    assert aarch64.stage(say, Console()).passed == 3
    assert asked == [("aarch64", aarch64.TESTS)]
