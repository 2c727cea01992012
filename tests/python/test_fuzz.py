"""Goal: no reader of outside input ends in a traceback. Method: the targets of tests/fuzz/readers.py over their
corpora; fuzzing itself is `weft test --fuzz`."""

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader

import pytest
from weft_lab import paths

FUZZ = paths.ROOT / "tests" / "fuzz"
_spec = spec_from_loader("readers", SourceFileLoader("readers", str(FUZZ / "readers.py")))
readers = module_from_spec(_spec)
_spec.loader.exec_module(readers)

INPUTS = [(name, file.name) for name in sorted(readers.TARGETS) for file in sorted((FUZZ / "corpus" / name).iterdir())]


@pytest.mark.parametrize(("name", "file"), INPUTS)
def test_input_is_read_or_refused(name, file):
    readers.TARGETS[name]((FUZZ / "corpus" / name / file).read_bytes())


def test_every_target_has_a_corpus():
    written = {source.stem for source in FUZZ.glob("*.c")}
    assert {one.name for one in (FUZZ / "corpus").iterdir()} == written | set(readers.TARGETS)
    assert all(any((FUZZ / "corpus" / name).iterdir()) for name in written)


@pytest.mark.parametrize("broken", [ValueError("x"), readers.WeftError("")])
def test_a_traceback_is_a_finding_and_so_is_an_error_without_words(monkeypatch, broken):
    def fail(*_):
        raise broken

    monkeypatch.setattr(readers.store, "parse_sample", fail)
    with pytest.raises((ValueError, AssertionError)):
        readers.TARGETS["sample"](b"{}")
