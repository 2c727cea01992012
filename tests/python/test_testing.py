"""Goal: `weft test` counts what failed and says it in its last line. Method: made-up JUnit files and stages."""

import pytest
from weft_lab import testing
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


@pytest.mark.parametrize(
    ("failed", "code", "last"), [([], 0, "10 passed, 0 failed"), (["x"], 1, "10 passed, 5 failed")]
)
def test_the_last_line_and_the_exit_code(monkeypatch, capsys, failed, code, last):
    def stage(*_, **__):
        _[-2]("working")
        return Tally(2, list(failed))

    monkeypatch.setattr(testing, "c_side", stage)
    monkeypatch.setattr(testing, "python_side", stage)
    monkeypatch.setattr(testing, "sim_stage", stage)
    assert testing.run(None, quick=False, python=True) == code
    assert capsys.readouterr().out.splitlines()[-1] == last


def test_a_command_is_followed_into_its_log(tmp_path):
    seen = []
    log = tmp_path / "logs" / "log"
    command = ["sh", "-c", "echo '[1/2] cc'; echo noise >&2; echo '[2/2] ld'; exit 3"]
    assert testing.follow(command, log, seen.append, r"^\[(\d+/\d+)\]") == 3
    assert seen == ["1/2", "2/2"]
    assert "noise" in log.read_text()
