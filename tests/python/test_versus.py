"""Goal: a comparison with Go is of samples taken side by side, says what it knows and no more, and loses nothing.
Method: the fake binary against a fake Go, whose times are known."""

import itertools
import json
import math
import signal
import subprocess
import sys
import time

import pytest
from conftest import FAKE_GO, environment
from test_report import Page
from weft_lab import golang, report, stats, store, versus, versus_table
from weft_lab.golang import Benchmark
from weft_lab.process import Ended

KEYS = {"name", "group", "workers", "go_ns", "best_ns", "best", "default_ns", "ratio_best", "ratio_default"}
CHAN_SYNC = "go.ChanSync/chan:{}/sched:steal/workers:{}"


@pytest.fixture
def go(tmp_path, monkeypatch):
    """The fake toolchain takes the place of the real one."""
    for package in ("runtime", "time"):
        (tmp_path / "go" / "src" / package).mkdir(parents=True)
    monkeypatch.setenv("WEFT_GO", str(FAKE_GO))
    monkeypatch.setenv("FAKE_GOROOT", str(tmp_path / "go"))
    for name in ("VERSION", "NOISE", "FAIL", "PANIC", "HANG", "SKIP", "LACKS", "BROKEN"):
        monkeypatch.delenv(f"FAKE_GO_{name}", raising=False)


def compare(weft, tmp_path, *arguments, rounds=2, **more):
    file = tmp_path / "out.json"
    words = ["versus", "go", "--name", "one", "--rounds", rounds, "--json", file, "--no-report", *arguments]
    done = weft(*words, **more)
    return done, json.loads(file.read_text()) if file.exists() else None


def row(found, name, workers):
    return next(row for row in found["rows"] if (row["name"], row["workers"]) == (name, workers))


def test_the_json_that_scripts_read(weft, tmp_path, go):
    done, found = compare(weft, tmp_path, FAKE_NOISE=0)
    assert done.returncode == 0, done.stderr
    assert found["go_version"] == "go1.99"
    assert all(row.keys() >= KEYS for row in found["rows"])
    assert len(found["rows"]) == 13  # seven benchmarks at two numbers of workers, one of them not at one
    one = row(found, "ChanSync", 1)
    assert (one["group"], one["best"]) == ("channel", "ring + steal")
    assert one["go_ns"] == pytest.approx(250, rel=0.1)
    assert one["best_ns"] == one["default_ns"] == pytest.approx(100, rel=0.1)
    middle, low, high = one["ratio_best"]
    assert low <= middle <= high
    assert middle == pytest.approx(2.5, rel=0.1)
    assert set(one["ns"]) >= {"ring + steal", "mutex + steal", "futex + steal"}
    assert row(found, "CreateGoroutines", 2)["best"] == "steal"
    assert row(found, "ParallelTimerLatency", 1)["go_ns"] == pytest.approx(80000, rel=0.1)
    assert set(found["geomean"]["channel"]) == {"1", "2"}


def test_what_the_public_functions_cost_stands_beside(weft, tmp_path, go):
    done, found = compare(weft, tmp_path, FAKE_NOISE=0, FAKE_GO_NOISE=0)
    sync, work = row(found, "ChanSync", 1), row(found, "ChanSyncWork", 1)
    assert (sync["default_ns"], sync["calls_ns"]) == pytest.approx((100, 200))
    assert sync["ratio_calls"] == pytest.approx([1.25, 1.25, 1.25])
    assert "ring + steal, called" not in sync["ns"]
    assert work["ratio_calls"] == pytest.approx([1.5, 1.5, 1.5])  # 300 / 200, without the work
    assert row(found, "SelectUncontended", 1)["calls_ns"] is None
    assert found["geomean"]["channel"]["1"]["calls"] == pytest.approx(math.sqrt(1.25 * 2))
    assert found["geomean"]["select"]["1"]["calls"] is None  # none of its rows has such a twin
    assert "calls: the same pair" in " ".join(done.stdout.split())
    text = (tmp_path / "results" / "one" / "versus.md").read_text()
    assert "| calls, 1 worker |" in text and "| Go / calls |" in text


def test_a_failed_call_is_named(weft, tmp_path, go):
    done, found = compare(weft, tmp_path, "--rows", "^ChanSync$", "--workers", "1", FAKE_UNVERIFIED="^calls")
    assert done.returncode == 1
    one = found["rows"][0]
    assert one["calls_ns"] is None
    assert [bad["who"] for bad in one["failed"]] == ["ring + steal, called"]
    assert one["ratio_default"] is not None


def test_a_call_that_failed_in_one_round_has_no_time_and_leaves_no_mean(weft, tmp_path, go):
    compare(weft, tmp_path, "--rows", "^ChanSync$|^MakeChan", "--workers", "1")
    run = store.read(tmp_path / "results" / "one")
    assert versus.read(run).mean("channel", 1)["calls"] is not None
    call = run.results[CHAN_SYNC.replace("go.", "calls.").format("ring", 1)]
    call.failure = "it is wrong (round 2)"
    assert call.values  # those of the other round
    found = versus.read(run)
    assert next(row for row in found.rows if row.name == "ChanSync").calls is None
    mean = found.mean("channel", 1)
    assert (mean["rows"], mean["calls"]) == (2, None)  # not that of the other row alone, beside means of two
    assert mean["default"] is not None


def test_the_best_is_chosen_and_the_default_is_the_default(weft, tmp_path, go):
    slow = {"FAKE_SCALED": "chan:ring", "FAKE_SCALE": 3}
    _, found = compare(weft, tmp_path, "--rows", "^ChanSync$", **slow)
    one = row(found, "ChanSync", 1)
    assert one["best"] == "futex + steal"
    assert one["ratio_best"][0] > one["ratio_default"][0]
    assert one["default_ns"] == one["ns"]["ring + steal"]


def test_a_ratio_is_of_samples_of_the_same_round(weft, tmp_path, go):
    _, found = compare(weft, tmp_path, "--rows", "^ChanSync$", "--workers", "2", rounds=6)
    run = store.read(tmp_path / "results" / "one")
    theirs = run.results["go.ChanSync/peer:go/workers:2"].values
    ours = run.results[CHAN_SYNC.format("ring", 2)].values
    ratios = stats.estimate([theirs[number] / ours[number] for number in theirs])
    assert found["rows"][0]["ratio_default"] == pytest.approx([ratios.median, ratios.low, ratios.high], rel=0.01)


def test_the_other_side_is_measured_among_ours_in_an_order_that_changes(weft, tmp_path, go):
    compare(weft, tmp_path, "--rows", "CreateGo|^MakeChan", "--workers", "1", rounds=6)
    files = (tmp_path / "results" / "one" / "samples").glob("*/*.json")
    taken = [file.parent.name for file in sorted(files, key=lambda file: file.stat().st_mtime_ns)]
    assert len(taken) == 6 * (6 + 3)
    rounds = [taken[start : start + 9] for start in range(0, len(taken), 9)]
    assert len({tuple(order) for order in rounds}) > 1
    places = set()
    for order in rounds:
        blocks = [
            list(block) for _, block in itertools.groupby(order, lambda name: name.partition("__")[0].partition(".")[2])
        ]
        assert sorted(map(len, blocks)) == [3, 6]  # what competes stands together, Go in its midst
        assert all(sum("peer-go" in name for name in block) == 1 for block in blocks)
        places |= {index for block in blocks if len(block) == 6 for index, name in enumerate(block) if "peer" in name}
    assert len(places) > 1


def test_means_are_geometric_and_made_up_work_stays_out_of_them(weft, tmp_path, go):
    _, found = compare(weft, tmp_path, FAKE_NOISE=0, FAKE_GO_NOISE=0)
    ratios = [row(found, name, 2)["ratio_default"][0] for name in ("ChanSync", "MakeChan/Byte")]
    assert ratios == pytest.approx([250 / 130, 40 / 13])
    mean = found["geomean"]["channel"]["2"]
    assert mean["default"] == pytest.approx(math.sqrt(math.prod(ratios)))
    assert mean["rows"] == 2
    assert row(found, "ChanSyncWork", 1)["group"] == "work"
    assert "1" not in found["geomean"]["wake"]


def test_the_work_is_taken_off_both_sides(weft, tmp_path, go):
    done, found = compare(weft, tmp_path, "--rows", "Work|Wakeup", FAKE_NOISE=0, FAKE_GO_NOISE=0)
    work = row(found, "ChanSyncWork", 1)
    assert work["ratio_default"][0] == pytest.approx(1300 / 1100)
    assert work["net"]["go_ns"] == pytest.approx(300)
    assert work["net"]["default_ns"] == pytest.approx(100)
    assert work["net"]["ratio_default"] == pytest.approx([3, 3, 3])
    wake = row(found, "WakeupParallelSpinning/1\N{MICRO SIGN}s", 2)
    assert wake["net"]["default_ns"] == pytest.approx(1300)  # 2 (1 us + 5 us) less
    assert wake["net"]["ratio_default"][0] == pytest.approx(2)
    assert found["geomean_net"]["wake"]["2"]["default"] == pytest.approx(2)
    assert "work; the work that the benchmark makes up is taken off" in done.stdout


def test_work_that_leaves_nothing_leaves_no_ratio(weft, tmp_path, go):
    _, found = compare(weft, tmp_path, "--rows", "Wakeup", "--workers", "2", FAKE_SCALED="Wakeup", FAKE_SCALE=0.1)
    one = found["rows"][0]
    assert one["net"]["best_ns"] is one["net"]["ratio_best"] is None
    assert one["ratio_best"][0] > 1
    assert found["geomean_net"]["wake"]["2"]["best"] is None


def test_the_table_is_read_at_80_columns(weft, tmp_path, go):
    done, _ = compare(weft, tmp_path)
    assert all(len(line) <= 80 for line in done.stdout.splitlines() if not line.startswith("written:"))
    for word in ("MakeChan/", "Geometric means", "Go / ours", "ring", "mutex", "best", "default"):
        assert word in done.stdout


def test_a_group_over_channels_and_without_is_two_tables_with_one_mean(weft, tmp_path, go, monkeypatch):
    compare(weft, tmp_path, "--workers", "1", "--rows", "^ChanSync$|CreateGo")
    run = store.read(tmp_path / "results" / "one")
    for row in run.manifest["catalog"]["workloads"]:
        row["group"] = "spawn"
    parts = versus_table.view(versus.read(run))
    assert [part.title for part in parts] == ["spawn, without channels", "spawn, over channels"]
    assert [len(part.variants) for part in parts] == [1, 4]
    assert [[mean.rows for mean in part.means] for part in parts] == [[], [2]]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("ChanSync", ["ChanSync"]),
        ("WakeupParallelSpinning/100us", ["WakeupParallel", "Spinning/100us"]),
        ("ReceiveDataFromClosedChan", ["ReceiveData", "FromClosedChan"]),
    ],
)
def test_long_names_are_broken_where_words_begin(name, lines):
    assert versus_table._folded(name, 14).split("\n") == lines


def test_markdown_and_report(weft, tmp_path, go):
    file = tmp_path / "out.md"
    done = weft("versus", "go", "--name", "one", "--rounds", "2", "--markdown", file)
    assert done.returncode == 0, done.stderr
    text = file.read_text()
    assert "range: that takes 6 rounds" in text
    assert "| ChanSync | 1 |" in text
    assert "2 (d + 5 us)" in text
    assert "the original skips this on one processor" in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    heads = [tables[index - 1] for index, line in enumerate(tables) if line.startswith("|---")]
    assert len(heads) == 7  # the means, and a table for each of the six groups
    widths = []
    for line in tables:
        if line in heads:
            widths.append(line.count("|"))
        assert line.count("|") == widths[-1], line
    page = (tmp_path / "results" / "one" / "report.html").read_text()
    words = " ".join(Page(page).words)
    assert "Against Go" in words
    assert "ChanSync" in words
    assert 'id="chart-versus"' in page


def test_without_go_ours_are_measured_alone_and_it_is_said_how_to_get_it(weft, tmp_path):
    done, found = compare(weft, tmp_path, "--rows", "^ChanSync$")
    assert done.returncode == 0, done.stderr
    assert "apt install golang-go" in done.stderr
    assert "go.dev" in done.stderr
    assert found["go_version"] is None
    one = found["rows"][0]
    assert one["go_ns"] is one["ratio_best"] is one["ratio_default"] is None
    assert one["default_ns"] == pytest.approx(100, rel=0.1)
    assert found["geomean"]["channel"]["1"] == {"best": None, "default": None, "calls": None, "rows": 0}
    run = store.read(tmp_path / "results" / "one")
    page = report.render(run)
    assert "No Go toolchain was there" in page
    assert 'id="chart-versus"' not in page


@pytest.mark.parametrize(
    ("variable", "who", "reason"),
    [
        ("FAKE_GO_FAIL", "go", "x_test.go:7: <b>should not be reached"),
        ("FAKE_GO_PANIC", "go", "panic: index out of range"),
        ("FAKE_GO_HANG", "go", "timed out after 1 s"),
    ],
)
def test_a_row_that_fails_there_is_shown_with_its_reason(weft, tmp_path, go, variable, who, reason):
    arguments = ["--rows", "^ChanSync$|^MakeChan", "--workers", "2", "--timeout", "1"]
    done, found = compare(weft, tmp_path, *arguments, **{variable: "^ChanSync$"})
    assert done.returncode == 1
    one = row(found, "ChanSync", 2)
    assert one["go_ns"] is one["ratio_best"] is one["ratio_default"] is None
    assert one["default_ns"] > 0
    assert [(failure["who"], failure["name"]) for failure in found["failed"]] == [(who, "ChanSync")]
    assert reason in one["failed"][0]["reason"]
    assert "FAILED ChanSync, 2 workers, go: " in done.stdout
    mean = found["geomean"]["channel"]["2"]
    assert mean["rows"] == 1
    assert mean["default"] == pytest.approx(row(found, "MakeChan/Byte", 2)["ratio_default"][0])
    page = report.render(store.read(tmp_path / "results" / "one"))
    assert "FAILED: go: " in page
    assert "<b>should not" not in page


@pytest.mark.parametrize(
    ("variable", "reason"),
    [
        ("FAKE_GO_SKIP", "Go's own ChanSync says: skipping: GOMAXPROCS=1"),
        ("FAKE_GO_LACKS", "this Go has no BenchmarkChanSync in package runtime"),
    ],
)
def test_a_row_that_go_has_not_is_ours_alone(weft, tmp_path, go, variable, reason):
    arguments = ["--rows", "^ChanSync$|^MakeChan", "--workers", "2"]
    done, found = compare(weft, tmp_path, *arguments, **{variable: "^ChanSync$"})
    assert done.returncode == 0, done.stderr
    one = row(found, "ChanSync", 2)
    assert one["go_ns"] is one["ratio_best"] is one["ratio_default"] is None
    assert one["default_ns"] > 0
    assert one["skipped"] == reason
    assert found["failed"] == []
    assert found["geomean"]["channel"]["2"]["rows"] == 1
    assert "skips" in done.stdout
    assert reason in (tmp_path / "results" / "one" / "versus.md").read_text()
    assert not list((tmp_path / "results" / "one" / "samples").glob("go.ChanSync*peer*"))


def test_a_row_that_fails_here_is_shown_with_its_reason(weft, tmp_path, go):
    broken = {"FAKE_CRASH": "go.ChanSync/chan:(ring|mutex)"}
    done, found = compare(weft, tmp_path, "--rows", "^ChanSync$", "--workers", "1", **broken)
    assert done.returncode == 1
    one = found["rows"][0]
    assert one["default_ns"] is one["ratio_default"] is None
    assert one["best"] == "futex + steal"
    assert {failure["who"] for failure in one["failed"]} == {"ring + steal", "mutex + steal"}
    assert "SIGABRT: assertion failed" in one["failed"][0]["reason"]
    assert done.stdout.count("FAILED") == 4
    assert "0.00" not in done.stdout
    assert "**FAILED** ChanSync, 1 workers, ring + steal" in (tmp_path / "results" / "one" / "versus.md").read_text()


def test_failed_cells_can_be_retried(weft, tmp_path, go):
    compare(weft, tmp_path, "--rows", "^ChanSync$", FAKE_GO_FAIL="ChanSync")
    assert weft("versus", "go", "--resume", "one", "--no-report").returncode == 1
    assert weft("versus", "go", "--resume", "one", "--retry-failed", "--no-report").returncode == 0


def test_a_row_that_fails_later_has_no_figure_either(weft, tmp_path, go):
    _, found = compare(weft, tmp_path, "--rows", "^ChanSync$", "--workers", "1", rounds=1)
    assert found["rows"][0]["go_ns"] > 0
    file = tmp_path / "out.json"
    weft("versus", "go", "--resume", "one", "--rounds", "2", "--json", file, "--no-report", FAKE_GO_FAIL="ChanSync")
    one = json.loads(file.read_text())["rows"][0]
    assert one["go_ns"] is one["ratio_best"] is None
    assert "(round 2)" in one["failed"][0]["reason"]


def test_go_is_found_in_the_path_or_where_it_usually_is(tmp_path, monkeypatch):
    monkeypatch.delenv("WEFT_GO")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(golang, "USUAL_PLACES", (tmp_path / "usual" / "go",))
    assert golang.find() is None
    (tmp_path / "usual").mkdir()
    (tmp_path / "usual" / "go").symlink_to(FAKE_GO)
    assert golang.find() == tmp_path / "usual" / "go"
    (tmp_path / "go").symlink_to(FAKE_GO)
    assert golang.find() == tmp_path / "go"


def start(tmp_path):
    command = [sys.executable, "-m", "weft_lab", "versus", "go", "--name", "one", "--rounds", "8", "--no-report"]
    return subprocess.Popen(
        [*command, "--json", "out.json", "--rows", "^ChanSync$|Byte"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(), cwd=tmp_path,
    )  # fmt: skip


def test_ctrl_c_shows_what_there_is_and_goes_on_later(weft, tmp_path, go):
    process = start(tmp_path)
    deadline = time.monotonic() + 60
    while len(list((tmp_path / "results" / "one" / "samples").glob("*/*.json"))) < 50:
        assert time.monotonic() < deadline, "no samples"
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "versus go --resume one" in out
    assert "ChanSync" in out
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["status"] == "interrupted"
    assert 1 <= row(found, "ChanSync", 1)["samples"] < 8
    assert row(found, "ChanSync", 1)["ratio_best"][0] > 1
    run = tmp_path / "results" / "one"
    before = {file: file.read_bytes() for file in (run / "samples").glob("*/*.json")}
    assert len(before) >= 50
    done = weft("versus", "go", "--resume", "--json", tmp_path / "out.json", "--no-report")
    assert done.returncode == 0, done.stderr
    assert all(file.read_bytes() == content for file, content in before.items())
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["status"] == "complete"
    assert all(row["samples"] == 8 for row in found["rows"])


def test_resuming_refuses_to_mix(weft, tmp_path, go, measured):
    weft("versus", "go", "--name", "two", "--rounds", "1", "--rows", "Byte", "--no-report")
    again = ("versus", "go", "--resume", "two", "--rounds", "2")
    done = weft(*again, FAKE_GO_VERSION="go2")
    assert (done.returncode, "begun with go1.99, this is go2" in done.stderr) == (1, True)
    done = weft(*again, WEFT_GO="")
    assert (done.returncode, "apt install golang-go" in done.stderr) == (1, True)
    done = weft("run", "--resume", "two")
    assert (done.returncode, "./scripts/weft versus go --resume two" in done.stderr) == (64, True)
    done = weft("versus", "go", "--resume", "one")
    assert (done.returncode, "./scripts/weft run --resume one" in done.stderr) == (64, True)


def test_a_row_that_is_partly_fixed_is_measured_longer(tmp_path, go, monkeypatch):
    row = {"go_name": "ChanSync", "go_package": "runtime", "go_bench": "^BenchmarkChanSync$", "batch_min_ms": 200}
    commands = []
    monkeypatch.setattr(golang.process, "run", lambda command, *rest, **more: commands.append(command) or Ended("x"))
    peer = golang.Go(FAKE_GO, "go1.99", tmp_path, {"a": golang.benchmark(row, 1)})
    for asked in (20, 500):
        peer.sample("a", asked, tmp_path / "out.json", 0, 1)
    assert [command[-1] for command in commands] == ["200ms", "500ms"]


def test_go_is_compiled_once(weft, tmp_path, go):
    first = weft("versus", "go", "--rounds", "1", "--rows", "Byte|Timer", "--name", "one", "--no-report")
    assert first.stderr.count("compiling the benchmarks") == 2
    second = weft("versus", "go", "--rounds", "1", "--rows", "Byte|Timer", "--name", "two", "--no-report")
    assert "compiling" not in second.stderr


def test_a_go_that_does_not_compile_is_one_message(weft, tmp_path, go):
    done, found = compare(weft, tmp_path, FAKE_GO_BROKEN="^time$")
    assert (done.returncode, found) == (1, None)
    assert "does not compile the benchmarks of time: exit 1: package time: undefined: x" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results" / "one").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rust"], "invalid choice: 'rust'"),
        (["go", "--rows", "ChanSnc"], "did you mean ChanSync"),
        (["go", "--rows", "("], "--rows: not a regular expression"),
        (["go", "--workers", "1,x"], "whole numbers from 1 to 1024"),
        (["go", "--workers", ""], "whole numbers from 1 to 1024"),
        (["go", "--workers", "0"], "whole numbers from 1 to 1024"),
        (["go", "--workers", "2000"], "whole numbers from 1 to 1024"),
        (["go", "--rows", "Wakeup", "--workers", "1"], "nothing to measure: the original skips"),
        (["go", "--sched", "stael"], "did you mean steal"),
        (["go", "--rounds", "0"], "less than 1"),
        (["go", "--min-time-ms", "0"], "not a positive number"),
        (["go", "--json", "/nowhere/x.json"], "there is no directory"),
        (["go", "--markdown", "/nowhere/x.md"], "--markdown /nowhere/x.md: there is no directory"),
        (["go", "--resume", "x", "--rows", "y"], "--rows cannot be changed"),
        (["go", "--resume"], "unfinished"),
        (["go", "--retry-failed"], "goes with --resume"),
    ],
)
def test_wrong_usage_is_64_with_a_hint(weft, go, arguments, said):
    done = weft("versus", *arguments)
    assert done.returncode == 64
    assert said in done.stderr


def test_rows_are_chosen_by_group_and_package_too(weft, tmp_path, go):
    _, found = compare(weft, tmp_path, "--rows", "spawn|time", "--workers", "1")
    assert [row["name"] for row in found["rows"]] == ["CreateGoroutines", "ParallelTimerLatency"]


def test_several_schedulers(weft, tmp_path, go):
    _, found = compare(
        weft, tmp_path, "--rows", "^ChanSync$", "--workers", "1", "--sched", "global,steal", FAKE_NOISE=0
    )
    one = found["rows"][0]
    assert {name.partition(" + ")[2] for name in one["ns"]} == {"global", "steal"}
    assert (one["best"], one["default_ns"]) == ("ring + steal", one["ns"]["ring + steal"])
    _, found = compare(weft, tmp_path, "--rows", "^ChanSync$", "--sched", "global", "--name", "two")
    assert found["rows"][0]["default_ns"] == found["rows"][0]["ns"]["ring + global"]


def test_a_run_of_a_comparison_can_be_plotted_and_reported_again(weft, tmp_path, go):
    compare(weft, tmp_path, "--rows", "^ChanSync$")
    done = weft("plot", "one", "--format", "svg")
    assert done.returncode == 0, done.stderr
    assert "Go / ours" in (tmp_path / "results" / "one" / "plots" / "versus.svg").read_text()
    assert weft("report", "one").returncode == 0
    done = weft("compare", "one", "chan:ring", "chan:mutex")
    assert "./scripts/weft versus go --resume one --rounds N" in done.stdout


TEXT = """goos: linux
pkg: runtime
BenchmarkMakeChan/Byte-2         \t  374416\t       180.1 ns/op\t      12 B/op
BenchmarkMakeChan/Byte/x-2       \t  374416\t       9.1 ns/op
PASS
"""


@pytest.mark.parametrize(
    ("name", "workers", "metric", "text", "found"),
    [
        ("MakeChan/Byte", 2, "ns/op", TEXT, 180.1),
        ("MakeChan/Byte", 1, "ns/op", TEXT.replace("-2 ", " "), 180.1),
        ("Late", 1, "avg-late-ns", "BenchmarkLate   \t   10\t  471685 avg-late-ns\t 3 max-late-ns\n", 471685.0),
        ("Big", 1, "ns/op", "BenchmarkBig   \t   1\t  1.5e+09 ns/op\n", 1.5e9),
        ("MakeChan/Byte", 2, "avg-late-ns", TEXT, "printed no avg-late-ns"),
        ("MakeChan/Int", 2, "ns/op", TEXT, "no result of MakeChan/Int"),
        ("Zero", 1, "ns/op", "BenchmarkZero   \t   1\t  0 ns/op\n", "impossible time 0.0 ns/op"),
        ("Bad", 1, "ns/op", "--- FAIL: BenchmarkBad\n    x.go:3: broken\nFAIL\n", "FAIL: BenchmarkBad: x.go:3: broken"),
    ],
)
def test_what_go_prints_is_understood(name, workers, metric, text, found):
    result = golang.parse(text, Benchmark(name, "runtime", "", metric, workers))
    if isinstance(found, str):
        assert found in result
    else:
        assert result.metrics[metric] == found


def test_a_quotient_is_paired_by_round():
    found = stats.quotient({1: 2.0, 2: 40.0, 3: 9.0}, {1: 1.0, 2: 20.0, 4: 1.0})
    assert (found.median, found.low, found.high, found.count) == pytest.approx((2.0, 2.0, 2.0, 2))
    assert stats.quotient({1: 1.0}, {2: 1.0}) is None
    assert stats.geometric_mean([]) is None
    assert stats.geometric_mean([1.0, 4.0]) == pytest.approx(2.0)


def test_groups_are_shown_in_a_fixed_order(weft, tmp_path, go):
    compare(weft, tmp_path, "--workers", "2")
    found = versus.read(store.read(tmp_path / "results" / "one"))
    assert found.groups == ["channel", "select", "spawn", "wake", "work", "time"]
