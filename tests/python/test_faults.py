"""Goal: the list of faults is aimed at the tree; a fault that was made once is in no later build, and none is called
caught whose test fails anyway. Method: the list itself; a tree of two files, its copy, and their times; fake programs.
"""

import os
from dataclasses import replace
from itertools import groupby

import pytest
from rich.console import Console
from weft_lab import faults, paths


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A tree and where its copy goes; the sources are old."""
    root, copy = tmp_path / "root", tmp_path / "copy"
    (root / "core").mkdir(parents=True)
    for name in ("a.c", "b.c"):
        (root / "core" / name).write_text(f"good {name}")
        os.utime(root / "core" / name, (1000, 1000))
    monkeypatch.setattr(paths, "ROOT", root)
    monkeypatch.setattr(faults, "COPY", copy)
    monkeypatch.setattr(faults, "PLACES", ("core",))
    return root, copy


def test_what_is_mended_is_newer_than_what_was_built_of_the_fault(tree):
    _, copy = tree
    faults.copy_tree()
    file = copy / "core" / "a.c"
    file.write_text("fault")
    built = file.stat().st_mtime_ns  # an object of the fault is at least as new as this
    faults.copy_tree()  # the run was interrupted: the fault is still there
    assert file.read_text() == "good a.c"
    assert file.stat().st_mtime_ns > built


def test_what_was_mended_in_time_keeps_its_time(tree):
    _, copy = tree
    faults.copy_tree()
    file = copy / "core" / "a.c"
    file.write_text("fault")
    file.write_text("good a.c")
    mended = file.stat().st_mtime_ns
    faults.copy_tree()
    assert file.stat().st_mtime_ns == mended


def test_the_copy_follows_the_tree(tree):
    root, copy = tree
    faults.copy_tree()
    (root / "core" / "a.c").unlink()
    (root / "core" / "c.c").write_text("new")
    faults.copy_tree()
    assert sorted(file.name for file in (copy / "core").iterdir()) == ["b.c", "c.c"]


def test_builds_of_the_old_way_are_thrown_away(tree):
    _, copy = tree
    (copy / "build").mkdir(parents=True)
    faults.copy_tree()
    assert not (copy / "build").exists()
    (copy / "build").mkdir()
    faults.copy_tree()
    assert (copy / "build").exists()


# --- the list ---


def test_the_list_is_aimed_at_the_tree():
    assert faults.problems(faults.load()) == []


def test_what_the_tree_does_not_know_is_said_before_anything_is_built(monkeypatch, capsys):
    one = next(fault for fault in faults.load() if fault.test)
    wrong = [
        replace(one, name="moved", was="this text is nowhere"),
        replace(one, name="gone", file="core/no_such_file.c"),
        replace(one, name="renamed", test="no_such_test"),
        replace(one, name="renamed"),
    ]
    monkeypatch.setattr(faults, "copy_tree", lambda: pytest.fail("it builds"))
    tally = faults.stage(lambda _: None, Console(), wrong)
    assert sorted(line.split("'")[1] for line in tally.failed) == sorted(["moved", "renamed", "renamed", "gone"])
    assert "not once" in capsys.readouterr().out


# --- verdicts ---


@pytest.mark.parametrize(
    ("sound", "faulty", "caught", "said"),
    [
        ("true", "echo x:F:theme:the_test:0: y", True, "try 1"),
        ("true", "true", False, "passes"),
        ("echo x:F:theme:the_test:0: y", "echo x:F:theme:the_test:0: y", False, "without the fault too"),
        (None, "true", False, "does not build"),
    ],
)
def test_verdicts(tmp_path, sound, faulty, caught, said):
    def program(name, body):
        if body is None:
            return None
        file = tmp_path / name
        file.write_text(f"#!/bin/sh\n{body}\n")
        file.chmod(0o755)
        return file

    fault = faults.Fault("n", "core/a.c", "good", "bad", "stress ring steal 2", "theme", "the_test", tries=2)
    verdict = faults.tried(fault, program("sound", sound), program("faulty", faulty))
    assert verdict.caught == caught
    assert said in verdict.how


def test_faults_of_one_file_follow_each_other():
    order = [fault.file for fault in faults.in_turn(faults.load()) if fault.preset == "release"]
    assert [file for file, _ in groupby(order)] == sorted(set(order))
