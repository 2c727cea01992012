"""Goal: a fault that was made once is in no later build. Method: a tree of two files, its copy, and their times."""

import os

import pytest
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
