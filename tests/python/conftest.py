"""What the tests share: a binary that measures nothing, a results directory, the command line."""

import io
import json
import os
import random
import re
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest
from weft_lab import cli, matrix, paths, runner, schedule, store
from weft_lab.bench import Bench

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FAKE = HERE / "fake_weft_bench"
FAKE_GO = HERE / "fake_go"

_spec = spec_from_loader("fake", SourceFileLoader("fake", str(FAKE)))
fake = module_from_spec(_spec)
_spec.loader.exec_module(fake)


def fake_check(names):
    """What the fake binary's check verb says, without a process for each."""
    return {name: fake.refusal(fake.parse(name)) for name in names}


SMALL = """\
schema = 1
name = "small"

[sampling]
rounds = 6
min_time_ms = 1
timeout_s = 20

[[cells]]
workload = "ping_pong"
channel = ["ring", "mutex"]
scheduler = "steal"
workers = [1, 2]

[[cells]]
workload = "ping_pong"
channel = "ring"
scheduler = "steal"
workers = 1
aa = true

[[cells]]
workload = "spawn_chain"
scheduler = "steal"
workers = 1

[[limits]]
name = ["empty_loop", "context_switch"]
"""


@pytest.fixture(autouse=True)
def sandbox(tmp_path, monkeypatch):
    """Every test measures with the fake, into a directory of its own, and caches nothing outside of it."""
    for name in ("CRASH", "HANG", "UNVERIFIED", "GARBAGE", "FULL", "SCALED", "SCALE", "NOISE"):
        monkeypatch.delenv(f"FAKE_{name}", raising=False)
    monkeypatch.setenv("WEFT_BENCH", str(FAKE))
    monkeypatch.setenv("WEFT_GO", "")
    monkeypatch.setenv("WEFT_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    monkeypatch.setenv("WEFT_BUILD", str(tmp_path / "build"))
    (tmp_path / "results").mkdir()


@pytest.fixture
def small(tmp_path):
    """A small matrix as a file."""
    file = tmp_path / "small.toml"
    file.write_text(SMALL)
    return file


@pytest.fixture
def weft(monkeypatch):
    """The command line: weft("run", ...) gives what it said and its exit code."""

    def call(*arguments, **more):
        out, err = io.StringIO(), io.StringIO()
        with monkeypatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            for name, value in more.items():
                patch.setenv(name, str(value))
            try:
                code = cli.main([str(argument) for argument in arguments])
            except SystemExit as end:  # argparse's --help
                code = end.code
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())

    return call


def environment(**more):
    """The environment of a child: this one's, with the package to be found."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "scripts"), **{k: str(v) for k, v in more.items()}}


@pytest.fixture
def made_up(small, tmp_path):
    """Finished runs of the small matrix, their samples written without processes: made_up("name", ...)."""
    bench = Bench(FAKE)
    plan = matrix.load(small, bench.catalog, fake_check, 2)

    def make(name, rounds=12, noise=0.01, scaled="(?!)", scale=1.0, failing="(?!)"):
        plan.rounds = rounds
        session = runner.create(plan, bench, runner.Settings(name=name), tmp_path / "results")
        source = random.Random(name)
        for number in range(1, rounds + 1):
            for arm in schedule.round_order(session.cells, 1, number):
                file = store.sample_path(session.path, arm, number)
                file.parent.mkdir(exist_ok=True)
                value = fake.value_of(arm.cell.name, noise, source)
                value *= scale if re.search(scaled, arm.cell.name) else 1
                text = json.dumps({"benchmarks": [{"real_time": value, "time_unit": "ns", "verified": 1}]})
                if re.search(failing, arm.cell.name):
                    text = store.failure_json(arm, number, "crashed: SIGABRT")
                file.write_text(text)
        store.write_manifest(session.path, session.manifest | {"status": "complete"})
        return session.path

    return make


@pytest.fixture
def measured(made_up):
    """A finished run of six rounds, by its directory."""
    return made_up("one", rounds=6)
