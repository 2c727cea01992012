"""Goal: `weft verify` reads what its programs say; what was not run never counts as passed. Method: fake programs."""

import json
from pathlib import Path

import pytest
from weft_lab import deep, errors, faults, parts, paths, testing, verify
from weft_lab.verify import NotThere, Outcome, Part, Variant

RING, STEAL = Variant("channel", "ring"), Variant("sched", "steal")
KEYS = [
    "executions",
    "histories",
    "linearizable",
    "mutants",
    "seeded_faults",
    "sim_seeds",
    "faults_injected",
    "failures",
]

LINEAR = """#!/bin/sh
# weft-linear --json FILE --histories N --seed S CHANNEL SCHEDULER WORKERS
refuted=0
if [ "$7 $8" = "ring $FAKE_REFUTED" ]; then refuted=1; fi
if [ "$8" = "$FAKE_MUTE" ]; then exit 1; fi
echo "{\\"histories\\": $4, \\"refuted\\": $refuted, \\"hung\\": 0, \\"undecided\\": 0, \\"stuck\\": 3}" >"$2"
exit $refuted
"""

MODEL = {
    "clients": [
        {"client": "ring.2x2", "searches": [{"executions": 5, "failed": False}, {"executions": 7, "failed": False}]},
        {"client": "ring.try", "searches": [{"executions": 3, "failed": True}], "message": "lost", "replay": "r1"},
    ]
}
MUTANTS = {
    "scores": [{"file": RING.file, "killed": 2, "all": 4}, {"file": "core/lock.h", "killed": 1, "all": 1}],
    "mutants": [
        {"file": RING.file, "line": 7, "mutation": "acquire -> relaxed", "killed": False, "survives": "a hint"},
        {"file": RING.file, "line": 9, "mutation": "release -> relaxed", "killed": False, "survives": ""},
        {"file": "core/lock.h", "line": 1, "mutation": "x", "killed": False, "survives": ""},
    ],
}
INJECTED = {
    "channels": {
        "ring": {
            "runs": 10,
            "faults_injected": 99,
            "hangs": 1,
            "failures": [{"job": "alloc", "hang": True, "said": "", "replay": "weft-inject --replay alloc"}],
        }
    },
    "schedulers": {},
}


def job(variant=RING):
    return verify.Job(variant, False, 5, lambda _: None, None)


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A directory of programs that were "built": programs(name, text)."""

    def put(name, text):
        file = tmp_path / "programs" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)

    def build(_, __, target):
        if not (tmp_path / "programs" / target).is_file():
            raise NotThere(f"the program {target} is not in this tree")
        return tmp_path / "programs"

    monkeypatch.setattr(parts, "build", build)
    return put


# --- reading ---


def test_model_checker_executions_are_added_up_and_failures_named():
    found = parts.read_model(MODEL)
    assert found.figures == {"executions": 15}
    assert len(found.failures) == 1
    assert "--replay 'r1'" in found.failures[0]


def test_histories_of_the_model_checker_are_added_and_counted_apart():
    searches = [{"executions": 9, "failed": False, "histories": 4}, {"executions": 9, "failed": False, "histories": 3}]
    client = {"client": "ring.history", "searches": searches}
    found = parts.read_model({"clients": [*MODEL["clients"], client]})
    assert found.figures == {"executions": 33, "histories": 7, "linearizable": True}
    assert found.modelled == 7
    recorded = Outcome({"histories": 100, "linearizable": True})
    assert verify.summary([recorded, found])["histories"] == 107
    searches[1]["failed"] = True
    found = parts.read_model({"clients": [client | {"message": "m", "replay": "r", "program": 17}]})
    assert verify.summary([recorded, found])["linearizable"] is False
    assert found.failures[0].endswith("weft-model ring.history --program 17 --replay 'r'")


def test_mutants_are_those_of_the_variant_and_survivors_must_say_why():
    found = parts.read_mutants(MUTANTS, RING.file)
    assert found.figures == {"mutants": [2, 4]}
    assert [failure.split()[1] for failure in found.failures] == [f"{RING.file}:9"]
    with pytest.raises(NotThere):
        parts.read_mutants(MUTANTS, "variants/channel/ck.c")


def test_a_deep_run_is_failed_by_what_survives_in_core():
    found = parts.read_mutants(MUTANTS, RING.file, core=True)
    assert found.figures == {"mutants": [2, 4]}
    assert [failure.split()[1] for failure in found.failures] == [f"{RING.file}:9", "core/lock.h:1"]
    assert found.said == "2 of 4 killed, 1 explained"


def test_a_deep_run_asks_for_all_mutants_once(programs, monkeypatch):
    asked = []
    programs("weft-model", "#!/bin/sh\necho ring.2x2\n")
    monkeypatch.setattr(parts, "ask", lambda _, command, __: asked.append(command) or (0, MUTANTS))
    deep = job()
    deep.deep = True
    assert len(parts.mutants(deep).failures) == len(parts.mutants(deep).failures) == 2
    assert len(asked) == 1
    assert asked[0][1] == "all"


def test_injected_faults_are_those_of_the_variant():
    found = parts.read_injected(INJECTED, RING)
    assert found.figures == {"faults_injected": 99}
    assert "hangs" in found.failures[0]
    with pytest.raises(NotThere):
        parts.read_injected(INJECTED, STEAL)


@pytest.mark.parametrize("read", [parts.read_model, lambda found: parts.read_injected(found, RING)])
def test_no_result_is_a_failure(read):
    with pytest.raises(errors.WeftError):
        read(None)


def test_clients_are_chosen_by_name():
    names = ["ring.2x2", "ring_wrap", "string.2x2", "steal_slot", "lock"]
    assert parts.clients_of(names, RING) == ["ring.2x2", "ring_wrap"]
    assert parts.clients_of(names, STEAL) == ["steal_slot"]


def test_faults_of_the_file_and_those_in_core_that_it_shows():
    def fault(file, run):
        return faults.Fault("x", file, "a", "b", run, "t", "t")

    assert parts.applies(fault(RING.file, "stress ring steal 2"), RING)
    assert parts.applies(fault("core/chan.c", "stress ring steal 2"), RING)
    assert parts.applies(fault("core/chan.c", "stress ring steal 2"), STEAL)
    assert not parts.applies(fault("core/chan.c", "stress mutex steal 2"), RING)
    assert not parts.applies(fault("variants/channel/ck.c", "conformance ring steal 2"), RING)


# --- histories ---


def test_histories_run_everywhere_and_are_added_up(programs):
    programs("weft-linear", LINEAR)
    programs("weft-linear-nudged", LINEAR)
    found = parts.histories(job())
    assert found.figures["linearizable"] is True
    assert found.figures["histories"] >= parts.HISTORIES
    assert found.failures == []
    where = {run[1:] for run in parts.history_runs(RING, ["ring"], ["steal", "sim"])}
    assert where == {("ring", "steal", 1), ("ring", "steal", 2), ("ring", "steal", 4), ("ring", "sim", 1)}


def test_a_scheduler_runs_with_every_channel():
    runs = parts.history_runs(STEAL, ["ring", "ck"], ["steal", "sim"])
    assert {run[1:3] for run in runs} == {("ring", "steal"), ("ck", "steal")}


def test_a_counterexample_is_a_failure_with_what_replays_it(programs, monkeypatch):
    programs("weft-linear", LINEAR)
    programs("weft-linear-nudged", LINEAR)
    monkeypatch.setenv("FAKE_REFUTED", "global")
    found = parts.histories(job())
    assert found.figures["linearizable"] is False
    assert all("ring global" in failure and "--seed" in failure for failure in found.failures)
    assert found.failures


def test_a_program_that_says_nothing_proves_nothing(programs, monkeypatch):
    programs("weft-linear", LINEAR)
    programs("weft-linear-nudged", LINEAR)
    monkeypatch.setenv("FAKE_MUTE", "thread")
    found = parts.histories(job())
    assert found.figures["linearizable"] is None
    assert found.failures


# --- the verb ---


def test_what_is_not_built_is_null_and_said(programs, monkeypatch, weft, tmp_path):
    programs("weft-linear", LINEAR)
    programs("weft-linear-nudged", LINEAR)
    file = tmp_path / "out.json"
    asked = ["verify", "ring", "--part", "histories", "--part", "model", "--part", "inject", "--json", file]
    done = weft(*asked)
    assert done.returncode == 0, done.stderr
    found = json.loads(file.read_text())
    assert list(found) == ["ring"]
    assert list(found["ring"]) == KEYS
    assert found["ring"]["executions"] is None
    assert found["ring"]["histories"] >= parts.HISTORIES
    assert done.stdout.count("not run") == 3  # two rows, and the last line
    assert "1 parts run, 2 not run, 0 failures" in done.stdout


def test_a_failure_is_exit_1(programs, monkeypatch, weft):
    programs("weft-linear", LINEAR)
    programs("weft-linear-nudged", LINEAR)
    monkeypatch.setenv("FAKE_REFUTED", "steal")
    done = weft("verify", "ring", "--part", "histories")
    assert done.returncode == 1
    assert "FAILED histories" in done.stdout


def test_the_suite_runs_the_combinations_of_the_variant(monkeypatch):
    asked = []

    def c_side(preset, say, console, *, quick, only):
        asked.append((preset, only))
        return testing.Tally(4, ["stress.ring.steal.2"] if preset == "tsan" else [])

    monkeypatch.setattr(testing, "c_side", c_side)
    found = parts.suite(job())
    assert [preset for preset, _ in asked] == list(testing.PRESETS)
    assert found.failures == ["suite: stress.ring.steal.2"]
    assert "ring" in asked[0][1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["verify"], "one variant, or --all"),
        (["verify", "ring", "--all"], "one variant, or --all"),
        (["verify", "rnig"], "did you mean ring"),
        (["verify", "null"], "no variant"),
        (["verify", "ring", "--part", "modle"], "did you mean model"),
        (["test", "--hours", "2"], "goes with --deep"),
    ],
)
def test_wrong_usage(weft, arguments, said):
    done = weft(*arguments)
    assert done.returncode == 64
    assert said in done.stderr


def test_a_target_that_is_unknown_is_not_there(monkeypatch, tmp_path):
    def follow(command, log, say, pattern, env=None):
        return 1 if "query" in command else 0

    monkeypatch.setattr(testing, "follow", follow)
    with pytest.raises(NotThere, match="weft-model"):
        verify.build(job(), "release", "weft-model")
    with pytest.raises(NotThere, match="preset"):
        verify.build(job(), "no_such_preset", "weft-model")


def test_a_build_that_fails_is_a_failure(monkeypatch):
    def follow(command, log, say, pattern, env=None):
        return 1 if "--build" in command else 0

    monkeypatch.setattr(testing, "follow", follow)
    outcome = verify.run_part(Part("x", "", lambda job: verify.build(job, "release", "stress")), job())
    assert outcome.ran
    assert "the build of stress failed" in outcome.failures[0]


# --- test --deep ---


def row_of(text):
    """The cells of the one row of a report's table."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 3
    return [cell.strip() for cell in rows[2].strip("|").split("|")]


@pytest.fixture
def two_parts(monkeypatch):
    """Parts that count their runs, and one variant."""
    ran = []

    def counting(asked):
        ran.append(asked.seed)
        assert asked.deep
        return Outcome({"histories": 10, "linearizable": True})

    def failing(asked):
        return Outcome({"mutants": [1, 2]}, ["mutants: x"])

    monkeypatch.setattr(parts, "ALL", [Part("histories", "", counting), Part("mutants", "", failing)])
    monkeypatch.setattr(verify, "variants", lambda: [RING])
    monkeypatch.setattr(deep.environment, "source", lambda: {"commit": "abc", "dirty": False})
    return ran


def test_deep_does_all_once_and_reports(two_parts, weft):
    done = weft("test", "--deep")
    assert done.returncode == 1
    text = (paths.BUILD / "weft" / "deep.md").read_text()
    assert row_of(text) == ["ring", "-", "10", "yes", "1/2", "-", "-", "-", "1"]
    assert "- ring: mutants: x" in text
    assert len(two_parts) == 1


def test_deep_goes_on_where_it_was_stopped(two_parts, weft):
    weft("test", "--deep")
    weft("test", "--deep")
    assert len(two_parts) == 1
    state = paths.BUILD / "weft" / "deep.json"
    found = json.loads(state.read_text())
    state.write_text(json.dumps(found | {"commit": "another"}))
    weft("test", "--deep")
    assert len(two_parts) == 2


def test_deep_with_hours_takes_new_seeds_and_adds_up(two_parts, weft, monkeypatch):
    clock = iter(range(0, 100000, 600))
    monkeypatch.setattr(deep.time, "monotonic", lambda: next(clock))
    weft("test", "--deep", "--hours", "2")
    assert len(set(two_parts)) == len(two_parts) > 2
    text = Path(paths.BUILD / "weft" / "deep.md").read_text()
    assert row_of(text)[:5] == ["ring", "-", str(10 * len(two_parts)), "yes", "1/2"]
