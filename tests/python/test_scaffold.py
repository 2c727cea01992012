"""Goal: new-variant makes a file in the tree's form and one line, and refuses what would break either.
Method: a tree of its own with this tree's list of variants. That the file compiles is for the C side to show."""

import shutil

import pytest
from conftest import ROOT
from weft_lab import scaffold
from weft_lab.errors import UsageError


@pytest.fixture
def tree(tmp_path):
    for kind in ("channel", "sched"):
        (tmp_path / "variants" / kind).mkdir(parents=True)
    shutil.copy(ROOT / "variants" / "variants.def", tmp_path / "variants")
    return tmp_path


@pytest.mark.parametrize(("kind", "word"), [("channel", "CHANNEL"), ("sched", "SCHED")])
def test_one_file_and_one_line(tree, kind, word):
    listing = tree / "variants" / "variants.def"
    before = listing.read_text()
    file = scaffold.create(kind, "mine2", tree)
    text = file.read_text()
    assert text.startswith("/* mine2: ")
    assert "const struct" in text
    assert "mine2_ops" in text
    assert "not written yet" in text
    assert "@NAME@" not in text
    after = listing.read_text()
    assert [line for line in after.splitlines() if line not in before.splitlines()] == [f"{word}(mine2)"]
    assert len(after.splitlines()) == len(before.splitlines()) + 1
    assert scaffold.registered(after) == scaffold.registered(before) | {"mine2": word}
    defaults = [found.group(2) for found in scaffold.LINE.finditer(after) if found.group(1) == word]
    assert defaults[0] != "mine2"  # the first of a kind is the default


@pytest.mark.parametrize("name", ["", "Ring", "2x", "a-b", "../x", "ring", "steal", "chan", "a" * 40])
def test_names_that_cannot_be(tree, name):
    before = (tree / "variants" / "variants.def").read_text()
    with pytest.raises(UsageError):
        scaffold.create("channel", name, tree)
    assert (tree / "variants" / "variants.def").read_text() == before
    assert list((tree / "variants" / "channel").iterdir()) == []
