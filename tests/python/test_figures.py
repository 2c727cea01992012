"""Goal: the figures verb takes what it must and says what is met. Method: programs that measure nothing."""

import json
import re

import pytest
from conftest import ROOT
from weft_lab import scale
from weft_lab.bars import Point

FAKE = ROOT / "tests" / "python" / "fake_weft_scale"


@pytest.fixture(autouse=True)
def fakes(monkeypatch):
    for name in ("FAIL", "GARBAGE", "HANG", "VALUES"):
        monkeypatch.delenv(f"FAKE_SCALE_{name}", raising=False)
    monkeypatch.setenv("WEFT_SCALE", str(FAKE))
    monkeypatch.setenv("WEFT_SCALE_GO", str(FAKE))


def run(weft, tmp_path, *arguments, **more):
    file = tmp_path / "figures.json"
    done = weft("figures", "--name", "one", "--json", file, *arguments, **more)
    found = json.loads(file.read_text()) if file.exists() else None
    return done, found


def verdicts(found):
    return {bar["name"]: bar["verdict"] for bar in found["bars"]}


def test_all_bars_from_programs_to_tables(weft, tmp_path):
    markdown = tmp_path / "out.md"
    done, found = run(weft, tmp_path, "--rounds", 1, "--markdown", markdown)
    assert done.returncode == 0, done.stderr
    assert set(verdicts(found).values()) == {"met", "shown"}
    *table, ending = done.stdout.splitlines()
    assert all(len(line) <= 80 for line in table if not line.startswith(("Median", "DISTURBED")))
    assert ending.startswith(f"{list(verdicts(found).values()).count('met')} met; ")
    scale.validate(found)
    directory = tmp_path / "results" / "one"
    assert json.loads((directory / "figures.json").read_text()) == found
    assert (directory / "figures.md").read_text() == markdown.read_text()
    rows = re.findall(r"^\| .*\|$", markdown.read_text(), re.MULTILINE)
    groups = len({bar["group"] for bar in found["bars"]})
    assert len(rows) == len(found["bars"]) + groups  # a head for each group


def test_a_bar_that_is_missed_is_said_and_is_no_failure(weft, tmp_path):
    values = json.dumps({"weft skynet cold_ns": 3e8})
    done, found = run(weft, tmp_path, "--only", "skynet", "--rounds", 2, FAKE_SCALE_VALUES=values)
    assert done.returncode == 0
    assert verdicts(found) == {
        "skynet/cold/workers:1": "not met",
        "skynet/warm/workers:1": "met",
        "skynet/cold/workers:2": "not met",
        "skynet/warm/workers:2": "met",
    }
    cold = found["bars"][0]
    assert (cold["figure"], cold["ours"], cold["against"], cold["limit"]) == (pytest.approx(0.3), 3e8, 1e9, 0.2)
    assert "not met" in done.stdout
    assert "2 met, 2 not met" in done.stdout


def test_only_what_was_asked_for_is_run(weft, tmp_path):
    done, _ = run(weft, tmp_path, "--only", "^(select/ready|idle/cpu.*:4)", "--rounds", 3)
    assert done.returncode == 0
    samples = tmp_path / "results" / "one" / "samples"
    ran = {str(file.relative_to(samples)) for file in samples.rglob("*.json")}
    assert ran == {
        f"{figure}/{who}-{number:04d}.json"
        for figure in ("select/workers-1", "idle/workers-4")
        for who in ("weft", "go")
        for number in (1, 2, 3)
    }


@pytest.mark.parametrize(
    ("variable", "reason"),
    [("FAKE_SCALE_FAIL", "exit 1: weft-scale: the sum"), ("FAKE_SCALE_GARBAGE", "not the JSON")],
)
def test_a_program_that_fails_leaves_its_bars_missing(weft, tmp_path, variable, reason):
    done, found = run(weft, tmp_path, "--only", "skynet", "--rounds", 2, **{variable: "weft skynet 2"})
    assert done.returncode == 5
    assert verdicts(found)["skynet/cold/workers:2"] == "missing"
    assert verdicts(found)["skynet/cold/workers:1"] == "met"
    assert reason in found["failures"][0]["reason"]
    assert reason in done.stdout


def test_a_program_that_hangs_is_ended(weft, tmp_path, monkeypatch):
    monkeypatch.setitem(scale.PROGRAMS, "fib", scale.bars.Program("fib", 1, timeout_s=0.2))
    done, found = run(weft, tmp_path, "--only", "fib", FAKE_SCALE_HANG="weft fib 1")
    assert done.returncode == 5
    assert "timed out" in found["failures"][0]["reason"]


def test_without_go_the_rest_is_judged(weft, tmp_path, monkeypatch):
    monkeypatch.delenv("WEFT_SCALE_GO")
    monkeypatch.setattr(scale.shutil, "which", lambda _: None)
    done, found = run(weft, tmp_path, "--only", "skynet|idle/cpu", "--rounds", 1)
    assert done.returncode == 0
    assert "no Go toolchain" in done.stderr
    assert found["go"] is None
    assert verdicts(found)["skynet/cold/workers:1"] == "missing"
    assert verdicts(found)["idle/cpu_ms_per_s/workers:4"] == "met"


def test_ctrl_c_keeps_what_was_taken(weft, tmp_path, monkeypatch):
    real, calls = scale.run_program, []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(scale, "run_program", interrupted)
    done, found = run(weft, tmp_path, "--only", "skynet", "--rounds", 3)
    assert done.returncode == 130
    assert found["status"] == "interrupted"
    assert verdicts(found)["skynet/cold/workers:1"] == "met"
    assert found["bars"][0]["rounds"] in (1, 2)


@pytest.mark.parametrize(("busy", "disturbed"), [(1.2, True), (1.01, False)])
def test_others_at_work_are_noticed(weft, tmp_path, monkeypatch, busy, disturbed):
    """By a clock on which a sample takes 1 s, and is busy for 1 s, while all processors are for `busy`."""
    moments = iter(scale.Clock(wall, busy * wall, wall, 0.0) for wall in range(100))
    monkeypatch.setattr(scale.Clock, "now", lambda: next(moments))
    monkeypatch.setattr(scale.os, "cpu_count", lambda: 2)
    done, found = run(weft, tmp_path, "--only", "fib", "--rounds", 2)
    assert found["company"] == {"fib": pytest.approx((busy - 1) / 2)}
    assert ("DISTURBED fib: others used 10 %" in done.stdout) == disturbed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "nonsense"], "they begin with"),
        (["--only", "("], "--only ("),
        (["--workers", "0"], "less than 1"),
        (["--workers", "a"], "invalid"),
        (["--rounds", "0"], "less than 1"),
        (["--json", "/nowhere/x"], "no directory"),
        (["--name", "../up"], "one directory"),
    ],
)
def test_wrong_usage(weft, arguments, said):
    done = weft("figures", *arguments)
    assert done.returncode == 64
    assert said in done.stderr


def test_no_program_says_how_to_get_one(weft):
    done = weft("figures", "--only", "fib", WEFT_SCALE="/nowhere/weft-scale")
    assert done.returncode == 1
    assert "weft setup" in done.stderr


def test_competitors_stay_together_in_every_round_and_their_order_changes():
    blocks = [[(3, Point(figure, w, who)) for w in (1, 2) for who in ("weft", "go")] for figure in ("a", "b")]
    blocks[1] = [(2, point) for _, point in blocks[1]]
    orders = [scale.round_order(blocks, 7, number) for number in (1, 2, 3)]
    for order in orders[:2]:
        figures = [point.figure for point in order]
        assert figures in (["a"] * 4 + ["b"] * 4, ["b"] * 4 + ["a"] * 4)
        assert len(set(order)) == 8
    assert {point.figure for point in orders[2]} == {"a"}
    assert len({tuple(scale.round_order(blocks, seed, 1)) for seed in range(20)}) > 10
    assert orders[0] == scale.round_order(blocks, 7, 1)
