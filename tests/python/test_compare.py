"""Goal: differences are found, ties are ties, exit codes are those that scripts rely on.
Method: runs of the fake binary, with and without a change."""

import json
import re

import pytest
from weft_lab import compare, store


def rows(file):
    return {row["cell"]: row for row in json.loads(file.read_text())["rows"]}


def test_a_repetition_of_itself_is_no_difference(weft, made_up, tmp_path):
    made_up("a")
    made_up("b")
    done = weft("compare", "a", "b", "--json", tmp_path / "c.json")
    assert done.returncode == 0, done.stdout
    assert {row["verdict"] for row in rows(tmp_path / "c.json").values()} == {"tie"}


def test_a_regression_is_2_and_the_other_way_round_an_improvement(weft, made_up, tmp_path):
    made_up("a")
    made_up("b", scaled="chan:mutex", scale=1.3)
    done = weft("compare", "a", "b", "--json", tmp_path / "c.json")
    assert done.returncode == 2, done.stdout
    found = rows(tmp_path / "c.json")
    slower = {name for name, row in found.items() if row["verdict"] == "slower"}
    assert slower == {name for name in found if "chan:mutex" in name}
    for name in slower:
        low, high = found[name]["interval"]
        assert low < 1.3 < high or found[name]["ratio"] == pytest.approx(1.3, rel=0.03)
    assert weft("compare", "b", "a").returncode == 0
    assert weft("compare", "b", "a", "--fail-on-improvement").returncode == 4
    assert weft("compare", "a", "a", "--fail-on-improvement").returncode == 0


def test_what_is_too_noisy_is_not_resolved_and_says_how_many_rounds(weft, made_up):
    for name in ("a", "b"):
        made_up(name, rounds=6, noise=0.2)
    done = weft("compare", "a", "b", "--threshold", "2")
    assert done.returncode == 3
    assert re.search(r"about \d+ more rounds", done.stdout)


def test_a_failed_cell_is_5(weft, made_up):
    made_up("a")
    made_up("b", failing="spawn")
    done = weft("compare", "a", "b")
    assert done.returncode == 5
    assert "in B: crashed" in done.stdout


def test_two_variants_within_a_run(weft, made_up, tmp_path):
    made_up("a")
    done = weft("compare", "a", "chan:ring", "chan:mutex", "--json", tmp_path / "c.json")
    assert done.returncode == 2
    found = rows(tmp_path / "c.json")
    assert set(found) == {f"ping_pong/sched:steal/workers:{n}" for n in (1, 2)}
    assert all(row["ratio"] == pytest.approx(4, rel=0.05) for row in found.values())
    assert weft("compare", "--run", "a", "mutex", "ring").returncode == 0


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (["a"], "wants two runs"),
        (["a", "nope"], "no run 'nope'"),
        (["a", "chan:ring", "chan:rin"], "did you mean chan:ring"),
        (["a", "chan:ring", "sched:steal"], "two kinds"),
        (["a", "ring", "ring"], "same variant"),
        (["a", "a", "--filter", "nothing"], "no cell in common"),
        (["a", "a", "--filter", "("], "not a regular expression"),
        (["a", "a", "--threshold", "-1"], "not a positive number"),
        (["a", "a", "--json", "/nowhere/x.json"], "no directory"),
    ],
)
def test_wrong_usage(weft, made_up, what, said):
    made_up("a")
    done = weft("compare", *what)
    assert done.returncode == 64
    assert said in done.stderr


def test_more_than_noise_is_needed(measured):
    run = store.read(measured)
    result = compare.compare_runs(run, run, 0.1)
    assert {row.verdict for row in result.rows} == {"tie"}
    assert all(row.floor >= 0.0099 for row in result.rows)
