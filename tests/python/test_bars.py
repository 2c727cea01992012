"""Goal: a bar is met exactly when its figure is on the right side. Method: rounds made up, and the figures' sources."""

import re

import pytest
from weft_lab import bars, paths
from weft_lab.bars import GO, WEFT, Bar, Point, Round

BOTH = (1, 2)


def rounds_of(*pairs):
    """One round for each (Weft's time, Go's time)."""
    return [Round({Point("f", 1, WEFT): {"t": ours}, Point("f", 1, GO): {"t": go}}) for ours, go in pairs]


def ratio(one):
    return one.value(WEFT, "f", 1, "t") / one.value(GO, "f", 1, "t")


def bar(limit, **more):
    points = (Point("f", 1, WEFT), Point("f", 1, GO))
    return Bar("group", "f/t/workers:1", "what", points, ratio, "x", limit, **more)


def named(name):
    found = [one for one in bars.all_bars(BOTH) if one.name == name]
    assert len(found) == 1, name
    return found[0]


@pytest.mark.parametrize(
    ("limit", "at_least", "verdict", "clear"),
    [
        (0.25, False, "met", True),
        (0.2, False, "met", False),
        (0.19, False, "not met", False),
        (0.1, False, "not met", True),
        (0.1, True, "met", True),
        (0.3, True, "not met", True),
        (None, False, "shown", True),
    ],
)
def test_the_median_decides_and_the_interval_says_how_surely(limit, at_least, verdict, clear):
    rounds = rounds_of((18, 100), (20, 100), (44, 200))
    judged = bars.judge(bar(limit, at_least=at_least), rounds, {})
    assert judged.figure.median == pytest.approx(0.2)
    assert (judged.figure.low, judged.figure.high) == (pytest.approx(0.18), pytest.approx(0.22))
    assert (judged.verdict, judged.clear, judged.rounds) == (verdict, clear, 3)


def test_the_ratio_is_taken_round_by_round():
    judged = bars.judge(bar(1.0), rounds_of((10, 20), (100, 200), (1000, 2000)), {})
    assert judged.figure.low == judged.figure.high == 0.5


def test_a_process_that_failed_leaves_no_figure():
    failures = {Point("f", 1, GO): "go, 1 workers: exit 1: the sum is wrong"}
    judged = bars.judge(bar(1.0), rounds_of((1, 1)), failures)
    assert (judged.verdict, judged.figure) == ("missing", None)
    assert "the sum is wrong" in judged.reason


def test_a_value_that_nobody_has_is_named():
    judged = bars.judge(bar(1.0), [Round({Point("f", 1, WEFT): {"t": 1.0}})], {})
    assert judged.verdict == "missing"
    assert "no t of go" in judged.reason


@pytest.mark.parametrize("power", [1.0, 1.5, 2.0])
def test_the_exponent_of_a_power_is_that_power(power):
    assert bars.exponent({n: 3 * n**power for n in bars.POPULAR_TASKS}) == pytest.approx(power)


def test_the_slope_of_a_line_is_its_slope():
    assert bars.slope({n: 70 + 4 * n for n in bars.SELECT_CASES}) == pytest.approx(4)


def sample(figure, **values):
    return Round({Point(figure, 1, WEFT): values})


def test_popular_that_grows_with_the_square_is_not_linear():
    one = sample("popular", **{f"tasks_{n}_ns": 2.0 * n for n in bars.POPULAR_TASKS})
    assert bars.judge(named("popular/exponent"), [one], {}).verdict == "not met"
    one = sample("popular", **{f"tasks_{n}_ns": 60.0 for n in bars.POPULAR_TASKS})
    assert bars.judge(named("popular/exponent"), [one], {}).verdict == "met"


def test_select_that_grows_with_the_square_is_not_linear():
    one = sample("select", **{f"wait_{n}_ns": 50 + 0.1 * n * n for n in bars.SELECT_CASES})
    assert bars.judge(named("select/wait/linear"), [one], {}).verdict == "not met"
    one = sample("select", **{f"wait_{n}_ns": 50 + 4.0 * n for n in bars.SELECT_CASES})
    assert bars.judge(named("select/wait/linear"), [one], {}).verdict == "met"


def test_flat_takes_the_worst_pair():
    times = dict(zip(bars.FLAT_ALIVE, (20.0, 10.0, 16.0), strict=True))
    one = sample("flat", **{f"yield_{n}_ns": t for n, t in times.items()})
    judged = bars.judge(named("flat/yield/workers:1"), [one], {})
    assert (judged.figure.median, judged.verdict) == (2.0, "not met")


@pytest.mark.parametrize(("one", "two", "verdict"), [(10.0, 6.0, "not met"), (10.0, 5.0, "met")])
def test_a_gain_is_one_worker_by_two(one, two, verdict):
    both = Round({Point("fib", 1, WEFT): {"fib_ns": one}, Point("fib", 2, WEFT): {"fib_ns": two}})
    judged = bars.judge(named("fib/gain/workers:2"), [both], {})
    assert (judged.figure.median, judged.verdict) == (one / two, verdict)


@pytest.mark.parametrize(("one", "two", "verdict"), [(10.0, 11.5, "not met"), (10.0, 10.9, "met")])
def test_a_loss_is_two_workers_by_one(one, two, verdict):
    both = Round({Point("rows", 1, WEFT): {"chan_sync_ns": one}, Point("rows", 2, WEFT): {"chan_sync_ns": two}})
    assert bars.judge(named("rows/chan_sync/workers:2"), [both], {}).verdict == verdict


def test_names_are_unique_and_begin_with_their_figure():
    found = bars.all_bars(BOTH)
    assert len({one.name for one in found}) == len(found)
    for one in found:
        assert one.name.split("/")[0] in bars.PROGRAMS
        assert {point.figure for point in one.points} == {one.name.split("/")[0]}


def test_rows_of_two_workers_need_both_numbers():
    assert not [one for one in bars.all_bars((1,)) if one.name.startswith(("rows", "fib", "nqueens"))]


def test_every_figure_has_a_program_and_a_twin():
    sources = "".join(file.read_text() for file in (paths.ROOT / "bench" / "scale").glob("*.c"))
    assert set(re.findall(r'\.name = "(\w+)"', sources)) == set(bars.PROGRAMS)
    twins = (paths.ROOT / "bench" / "peers" / "go" / "scale" / "main.go").read_text()
    in_go = set(re.findall(r'^\t"(\w+)": +\{\d+, ', twins, re.MULTILINE))
    assert in_go == {name for name, program in bars.PROGRAMS.items() if GO in program.peers}
