"""Goal: a matrix comes to the cells it says, and what is wrong with one is said with file and line.
Method: small matrices against the fake binary's catalog."""

import pytest
from conftest import FAKE, SMALL, fake_check
from weft_lab import matrix, paths
from weft_lab.bench import Bench
from weft_lab.errors import UsageError

BENCH = Bench(FAKE)
HEAD = "schema = 1\n"


def plan_of(text, cores=2):
    return matrix.parse(text, "m.toml", BENCH.catalog, fake_check, cores)


def test_products_are_expanded_in_the_binarys_order_of_fields():
    plan = plan_of(HEAD + '[[cells]]\nworkload = "spsc"\ncap = 64\nchannel = "ring"\nscheduler = "steal"\nworkers = 2')
    assert [cell.name for cell in plan.cells] == ["spsc/chan:ring/sched:steal/cap:64/workers:2"]


def test_star_leaves_controls_out_and_unservable_combinations_are_skipped_with_a_reason():
    plan = plan_of(HEAD + '[[cells]]\nworkload = "spsc"\ncap = [0, 1]\nworkers = 1')
    assert len(plan.cells) == 4 * 3 * 2 - 3
    assert len(plan.skipped) == 3
    assert all("chan:ck" in name and "capacity 0" in reason for name, reason in plan.skipped.items())


def test_spawn_workloads_have_no_channel():
    plan = plan_of(HEAD + '[[cells]]\nworkload = "spawn_chain"\nworkers = 1')
    assert {cell.channel for cell in plan.cells} == {None}
    assert len(plan.cells) == 3


def test_star_leaves_the_rows_of_suites_out():
    plan = plan_of(HEAD + '[[cells]]\nworkload = "*"\nworkers = 1')
    assert {cell.workload for cell in plan.cells} == {*BENCH.catalog.rows(None)}
    assert all("." not in name for name in BENCH.catalog.rows(None))


def test_a_suite_is_all_its_rows_and_a_group_some_of_them():
    whole = plan_of(HEAD + '[[cells]]\nsuite = "go"\nworkers = 1')
    assert {cell.workload for cell in whole.cells} == {*BENCH.catalog.rows("go")} - {"go.WakeupParallelSpinning.1us"}
    assert {cell.suite for cell in whole.cells} == {"go"}
    some = plan_of(HEAD + '[[cells]]\nsuite = "go"\ngroup = ["select", "spawn"]\nchannel = "ring"\nworkers = 1')
    assert {cell.workload for cell in some.cells} == {"go.SelectUncontended", "go.CreateGoroutines"}
    one = plan_of(HEAD + '[[cells]]\nworkload = "go.ChanSync"\nchannel = "ring"\nscheduler = "steal"\nworkers = 1')
    assert [cell.name for cell in one.cells] == ["go.ChanSync/chan:ring/sched:steal/workers:1"]


def test_the_default_matrix_asks_its_own_questions_only():
    plan = matrix.load(matrix.find("default"), BENCH.catalog, fake_check, 2)
    assert {cell.suite for cell in plan.cells} == {None}


def test_where_knows_suites_and_groups():
    plan = plan_of(HEAD + '[[cells]]\nsuite = "go"\nworkers = 1\n[[cells]]\nworkload = "spsc"\ncap = 1\nworkers = 1')
    matrix.select(plan, None, ["suite=go", "group=spawn", "scheduler=steal"])
    assert [cell.name for cell in plan.cells] == ["go.CreateGoroutines/sched:steal/workers:1"]
    assert matrix.suite_asked_for(["workers=1", "suite=go"]) == "go"
    assert matrix.suite_asked_for(["workload=go"]) is None


@pytest.mark.parametrize(
    ("value", "cores", "workers"),
    [
        ('"auto"', 2, [1, 2, 4]),
        ('"auto"', 1, [1, 2]),
        ('"sweep"', 6, [1, 2, 4, 6, 12]),
        ('[1, "cores"]', 8, [1, 8]),
    ],
)
def test_worker_counts(value, cores, workers):
    plan = plan_of(HEAD + f'[[cells]]\nworkload = "spawn_flat"\nscheduler = "steal"\nworkers = {value}', cores)
    assert [cell.workers for cell in plan.cells] == workers


def test_a_pair_wins_over_an_ordinary_mention_of_the_same_cell():
    plan = plan_of(SMALL)
    arms = {cell.name: arms for cell, arms in plan.cells.items()}
    assert arms["ping_pong/chan:ring/sched:steal/workers:1"] == 2
    assert sum(arms.values()) == len(arms) + 1


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("schema = 1\ncells = [\n", 3, "not valid TOML"),
        ("schema = 1\nnam = 3\n", 2, "unknown key 'nam'; did you mean name"),
        ("schema = 2\n[[cells]]\nworkload = 'spsc'", 1, "schema = 1"),
        ("[[cells]]\nworkload = 'spsc'", 1, "schema = 1"),
        (HEAD + "[sampling]\n\nrounds = 0", 4, "from 1 to 10000"),
        (HEAD + "[sampling]\nround = 6", 3, "did you mean rounds"),
        (HEAD + "[sampling]\nrounds = 6.5", 3, "whole number"),
        (HEAD + "[sampling]\nmin_time_ms = true", 3, "must be a number"),
        (HEAD + "sampling = 3", 2, "is a table"),
        (HEAD + "cells = 3", 2, "list of tables"),
        (HEAD, 1, "empty"),
        (HEAD + "\n[[cells]]\ncap = 1", 3, "names no 'workload'"),
        (HEAD + "\n[[cells]]\nworkload = 'spcs'", 4, "did you mean spsc"),
        (HEAD + "[[cells]]\nsuite = 'og'", 3, "did you mean go"),
        (HEAD + "[[cells]]\nsuite = 'go'\ngroup = 'chanel'", 4, "did you mean channel"),
        (HEAD + "[[cells]]\nsuite = 'go'\nworkload = 'spsc'", 4, "no workload 'spsc'"),
        (HEAD + "[[cells]]\nworkload = 'spsc'\ngroup = 'channel'", 4, "goes with a 'suite'"),
        (
            HEAD + "[[cells]]\nworkload = 'spsc'\nchannel = ['ring', 'rng']",
            4,
            "no channel 'rng'; did you mean ring",
        ),
        (HEAD + "[[cells]]\nworkload = 'spsc'\nchannel = []", 4, "empty list"),
        (HEAD + "[[cells]]\nworkload = 'spsc'\n# x\ncapp = 1", 5, "unknown key 'capp'; did you mean cap"),
        (HEAD + "[[cells]]\nworkload = 'spsc'\ncap = -1", 4, "from 0"),
        (HEAD + "[[cells]]\nworkload = 'spsc'\ncap = 'x'", 4, "whole numbers"),
        (HEAD + "[[cells]]\nworkload = 'spsc'\nworkers = 'many'", 4, "auto"),
        (HEAD + "[[cells]]\nworkload = 'spsc'\nworkers = 0", 4, "from 1"),
        (HEAD + "[[cells]]\nworkload = 'spawn_flat'\nchannel = 'ring'", 4, "has no channel"),
        (HEAD + "[[cells]]\nworkload = 'spsc'\naa = 1", 4, "true or false"),
        (
            HEAD + "[[cells]]\nworkload = 'spsc'\n\n[[cells]]\nworkload = 'spsc'\nchannel = 'ck'\ncap = 0",
            5,
            "can be run",
        ),
        (HEAD + "[[limits]]\nname = 'empty'", 3, "did you mean empty_loop"),
        (HEAD + "[[limits]]\nthreads = 2", 2, "has no 'name'"),
        (HEAD + "[[limits]]\nname = 'empty_loop'\nthreads = 2", 4, "unknown key 'threads'"),
    ],
)
def test_errors_name_file_and_line(text, line, said):
    with pytest.raises(UsageError) as caught:
        plan_of(text)
    assert str(caught.value).startswith(f"m.toml:{line}: "), caught.value
    assert said in str(caught.value)


@pytest.mark.parametrize("file", sorted(paths.MATRICES.glob("*.toml")), ids=lambda file: file.stem)
def test_the_matrices_that_come_with_weft_are_good(file):
    assert matrix.load(file, BENCH.catalog, fake_check, 2).cells


def test_the_default_matrix_asks_enough():
    plan = matrix.load(matrix.find("default"), BENCH.catalog, fake_check, 2)
    pairs = {(cell.channel, cell.scheduler) for cell in plan.cells if cell.channel in ("mutex", "ring", "futex", "ck")}
    assert len(pairs) == 12
    assert len({cell.workload for cell in plan.cells if not cell.is_limit}) >= 6
    assert {cell.workers for cell in plan.cells if cell.workers} == {1, 2, 4}
    assert plan.rounds >= matrix.MIN_ROUNDS
    assert {cell.workload for cell, arms in plan.cells.items() if arms == 2} >= {"spsc", "mpmc", "ping_pong"}
    assert {"null", "faa"} <= {cell.channel for cell in plan.cells}


def test_the_binary_is_asked_once_and_remembered(monkeypatch):
    name = "spsc/chan:ck/sched:steal/cap:0/workers:1"
    assert "capacity 0" in BENCH.check([name])[name]
    monkeypatch.setattr(Bench, "_check", lambda *_: pytest.fail("asked again"))
    assert "capacity 0" in BENCH.check([name])[name]


def test_filter_and_where():
    plan = plan_of(SMALL)
    matrix.select(plan, "chan:", ["channel=ring,mutex", "workers=2"])
    assert [cell.name for cell in plan.cells] == [
        "ping_pong/chan:ring/sched:steal/workers:2",
        "ping_pong/chan:mutex/sched:steal/workers:2",
    ]


@pytest.mark.parametrize(
    ("pattern", "where", "said"),
    [
        ("chan:rong", [], "chan:ring"),
        ("(", [], "not a regular expression"),
        (None, ["channel=rong"], "did you mean ring"),
        (None, ["chanel=ring"], "did you mean"),
        (None, ["channel"], "key=value"),
        ("limit", ["channel=ring"], "no cell has 'channel'"),
    ],
)
def test_selections_that_match_nothing_say_what_is_near(pattern, where, said):
    with pytest.raises(UsageError) as caught:
        matrix.select(plan_of(SMALL), pattern, where)
    assert said in str(caught.value)
