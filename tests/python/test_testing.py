"""Goal: `weft test` counts what failed and says it in its last line. Method: made-up JUnit files and stages."""

from types import SimpleNamespace

import pytest
from weft_lab import aarch64, faults, fuzzing, testing
from weft_lab.testing import Tally

XML = """<testsuite tests="4">
<testcase name="unit.a" classname="unit" status="run"/>
<testcase name="b" status="run"><failure message="x"/></testcase>
<testcase name="c" status="fail"/>
<testcase name="d" status="notrun"><skipped/></testcase>
</testsuite>"""


def test_junit_files_are_counted(tmp_path):
    file = tmp_path / "x.xml"
    file.write_text(XML)
    tally = testing.junit(file, "asan")
    assert (tally.passed, tally.skipped) == (1, 1)
    assert tally.failed == ["asan: b", "asan: c"]


@pytest.fixture
def stages(monkeypatch):
    """Every stage of the verb says what `stages.tally` holds, and that it was run."""
    ran = SimpleNamespace(names=[], tally=Tally(2))

    def fake(name):
        def stage(*given, **_):
            words = [word for word in given if isinstance(word, str)]
            ran.names.append(words[0] if words else name)
            return Tally(ran.tally.passed, list(ran.tally.failed))

        return stage

    for module, function, name in (
        (testing, "c_side", "c"),
        (testing, "python_side", "python"),
        (testing, "sim_stage", "sim"),
        (faults, "stage", "faults"),
        (aarch64, "stage", "aarch64"),
        (fuzzing, "stage", "fuzz"),
    ):
        monkeypatch.setattr(module, function, fake(name))
    return ran


@pytest.mark.parametrize(
    ("failed", "code", "last"), [([], 0, "16 passed, 0 failed"), (["x"], 1, "16 passed, 8 failed")]
)
def test_the_last_line_and_the_exit_code(stages, capsys, failed, code, last):
    stages.tally = Tally(2, failed)
    assert testing.run(None, quick=False, python=True) == code
    assert capsys.readouterr().out.splitlines()[-1] == last


def test_all_stages_unless_it_is_narrowed_down(stages):
    testing.run(None, quick=False, python=True)
    assert stages.names[:5] == ["release", "asan", "tsan", "sim", "python"]
    assert sorted(stages.names[5:]) == ["aarch64", "faults", "fuzz"]  # fuzz beside the others
    stages.names.clear()
    testing.run(None, quick=True, python=True)
    testing.run(["asan"], quick=False, python=True)
    assert stages.names == ["release", "sim", "python", "asan", "python"]


def test_a_command_is_followed_into_its_log(tmp_path):
    seen = []
    log = tmp_path / "logs" / "log"
    command = ["sh", "-c", "echo '[1/2] cc'; echo noise >&2; echo '[2/2] ld'; exit 3"]
    assert testing.follow(command, log, seen.append, r"^\[(\d+/\d+)\]") == 3
    assert seen == ["1/2", "2/2"]
    assert "noise" in log.read_text()
