"""Goal: a run keeps what it measured, whatever ends it. Method: the fake binary misbehaves in each way."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import environment
from weft_lab import store


def summary(weft, small, tmp_path, **more):
    file = tmp_path / "out.json"
    done = weft("run", "--matrix", small, "--name", "one", "--json", file, **more)
    return done, json.loads(file.read_text())


def test_a_run_from_matrix_to_report(weft, small, tmp_path):
    done, found = summary(weft, small, tmp_path)
    assert done.returncode == 0, done.stderr
    assert found["cells"] == found["verified"] == 7
    assert found["failed"] == []
    assert (found["combinations"], found["workloads"]) == (2, 2)
    assert found["seconds"] > 0
    run = store.read(tmp_path / "results" / "one")
    assert run.complete
    assert all(len(result.values) == 6 for result in run.results.values())
    assert len(run.results["ping_pong/chan:ring/sched:steal/workers:1"].twins) == 6
    assert (tmp_path / "results" / "one" / "report.html").stat().st_size < 6 << 20
    assert "ring + steal" in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines() if not line.startswith("report:"))


@pytest.mark.parametrize(
    ("variable", "reason"),
    [
        ("FAKE_CRASH", "SIGABRT: assertion failed: x == y"),
        ("FAKE_HANG", "timed out"),
        ("FAKE_UNVERIFIED", "checksum"),
        ("FAKE_GARBAGE", "not google-benchmark JSON"),
    ],
)
def test_a_cell_that_fails_is_shown_failed_with_its_reason(weft, small, tmp_path, variable, reason):
    small.write_text(small.read_text().replace("timeout_s = 20", "timeout_s = 1"))
    done, found = summary(weft, small, tmp_path, **{variable: "chan:mutex.*workers:2"})
    assert done.returncode == 1
    assert [cell["name"] for cell in found["failed"]] == ["ping_pong/chan:mutex/sched:steal/workers:2"]
    assert reason in found["failed"][0]["reason"]
    assert found["verified"] == 6
    assert "FAILED" in done.stdout
    page = (tmp_path / "results" / "one" / "report.html").read_text()
    assert "FAILED: " in page
    assert "<script>alert" not in page


def test_a_full_disk_is_said_and_keeps_what_was_measured(weft, small, tmp_path):
    done = weft("run", "--matrix", small, "--name", "one", FAKE_FULL="spawn_chain")
    assert done.returncode == 1
    assert "disk is full" in done.stderr
    assert "--resume one" in done.stderr
    done = weft("run", "--resume", "one", "--no-report")
    assert done.returncode == 0, done.stderr
    assert store.read(tmp_path / "results" / "one").complete


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_output_to_a_full_disk_is_one_message():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "weft_lab", "list", "--json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )
    assert done.returncode == 1
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


def start(small, tmp_path):
    return subprocess.Popen(
        [sys.executable, "-m", "weft_lab", "run", "--matrix", str(small), "--name", "one", "--rounds", "14"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(), cwd=tmp_path,
    )  # fmt: skip


def wait_for_samples(tmp_path, count):
    deadline = time.monotonic() + 60
    while len(list((tmp_path / "results" / "one" / "samples").glob("*/*.json"))) < count:
        assert time.monotonic() < deadline, "no samples"
        time.sleep(0.01)


def test_ctrl_c_leaves_a_valid_partial_result_that_resumes(weft, small, tmp_path):
    process = start(small, tmp_path)
    wait_for_samples(tmp_path, 15)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "run --resume one" in out
    run = store.read(tmp_path / "results" / "one")
    assert run.manifest["status"] == "interrupted"
    counts = {len(result.values) for result in run.results.values()}
    assert max(counts) - min(counts) <= 1
    store.write_manifest(run.path, run.manifest | {"rounds": max(counts) + 1})
    done = weft("run", "--resume", "--no-report")
    assert done.returncode == 0, done.stderr
    assert store.read(run.path).complete


def test_kill_9_then_resume_loses_nothing(weft, small, tmp_path):
    process = start(small, tmp_path)
    wait_for_samples(tmp_path, 15)
    process.kill()
    process.communicate()
    run = tmp_path / "results" / "one"
    before = {file: file.read_bytes() for file in (run / "samples").glob("*/*.json")}
    victim = sorted(before)[0]
    victim.write_bytes(before.pop(victim)[:40])
    done = weft("run", "--resume", "one", "--rounds", "15", "--no-report")
    assert done.returncode == 0, done.stderr
    assert "truncated" in done.stderr
    assert len(list((run / "set-aside").iterdir())) == 1
    assert all(file.read_bytes() == content for file, content in before.items())
    assert all(len(result.values) == 15 for result in store.read(run).results.values())


def test_more_rounds_for_a_finished_run(weft, measured):
    """(Its first session was made up: there is only one in the ledger.)"""
    assert weft("run", "--resume", "one", "--rounds", "7", "--no-report").returncode == 0
    assert all(len(result.values) == 7 for result in store.read(measured).results.values())
    assert len(store.read_manifest(measured)["sessions"]) == 1


def test_failed_cells_can_be_retried(weft, small, tmp_path):
    weft("run", "--matrix", small, "--name", "one", "--no-report", FAKE_CRASH="spawn")
    assert weft("run", "--resume", "one", "--no-report").returncode == 1
    assert weft("run", "--resume", "one", "--retry-failed", "--no-report").returncode == 0
    assert not store.read(tmp_path / "results" / "one").failed()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m["binary"].update(sha256="0" * 64), "another build"),
        (lambda m: m["source"].update(commit="0" * 40), "at commit 000000000000"),
        (lambda m: m["matrix"].update(sha256="0" * 64), "not the matrix"),
    ],
)
def test_resuming_refuses_to_mix(weft, measured, change, said):
    manifest = store.read_manifest(measured)
    change(manifest)
    store.write_manifest(measured, manifest)
    done = weft("run", "--resume", "one")
    assert done.returncode == 1
    assert said in done.stderr


def test_runs_are_append_only(weft, small, measured):
    done = weft("run", "--matrix", small, "--name", "one")
    assert done.returncode == 64
    assert "append-only" in done.stderr


def test_another_schema_is_refused(weft, measured):
    text = (measured / "manifest.json").read_text().replace('"schema": 1', '"schema": 7', 1)
    (measured / "manifest.json").write_text(text)
    for verb in (["report", "one"], ["plot", "one"], ["compare", "one", "one"], ["run", "--resume", "one"]):
        done = weft(*verb)
        assert done.returncode == 1
        assert "schema 7" in done.stderr


def test_a_truncated_manifest_is_one_message(weft, measured):
    (measured / "manifest.json").write_text((measured / "manifest.json").read_text()[:200])
    done = weft("report", "one")
    assert done.returncode == 1
    assert "manifest.json: truncated" in done.stderr


def test_a_truncated_sample_is_left_out_and_said(weft, measured):
    victim = next((measured / "samples").glob("spawn*/*.json"))
    victim.write_text("{")
    done = weft("report", "one")
    assert done.returncode == 0
    assert "truncated" in done.stderr
    assert len(store.read(measured).results["spawn_chain/sched:steal/workers:1"].values) == 5


def test_two_at_once_are_refused(weft, small, tmp_path):
    process = start(small, tmp_path)
    wait_for_samples(tmp_path, 1)
    done = weft("run", "--matrix", small, "--name", "two")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert done.returncode == 1
    assert "another weft run" in done.stderr


def test_the_order_is_reshuffled_but_competitors_stay_together(small):
    from conftest import FAKE
    from weft_lab import matrix, schedule
    from weft_lab.bench import Bench

    bench = Bench(FAKE)
    plan = matrix.load(small, bench.catalog, bench.check, 2)
    first, again, second = (schedule.round_order(plan.cells, 1, n) for n in (1, 1, 2))
    assert first == again
    assert first != second
    assert sorted(map(repr, first)) == sorted(map(repr, second))
    questions = [arm.cell.question for arm in first]
    blocks = [q for i, q in enumerate(questions) if i == 0 or questions[i - 1] != q]
    assert len(blocks) == len(set(blocks))
