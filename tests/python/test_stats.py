"""Goal: the statistics hold what they promise. Method: known values, and many simulated experiments."""

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats
from weft_lab import stats


@pytest.mark.parametrize("count", [6, 7, 10, 11, 12, 15, 30])
def test_interval_of_the_median_is_the_exact_one(count):
    data = np.random.default_rng(count).lognormal(size=count)
    theirs = scipy_stats.quantile_test(data, q=1.0, p=0.5).confidence_interval(0.95)
    ours = stats.estimate(data)
    assert (ours.low, ours.high) == (theirs.low, theirs.high)
    assert ours.median == np.median(data)


def test_too_few_samples_give_their_range():
    assert stats.estimate([3.0, 1.0, 2.0]) == stats.Estimate(2.0, 1.0, 3.0, 3)


def coverage(count, trials=400):
    random = np.random.default_rng(1)
    hits = 0
    for _ in range(trials):
        ratio = stats.unpaired(random.lognormal(0, 0.1, count), random.lognormal(math.log(1.2), 0.1, count))
        hits += ratio.low <= 1.2 <= ratio.high
    return hits / trials


@pytest.mark.parametrize("count", [6, 12])
def test_interval_of_a_ratio_covers_the_truth(count):
    assert coverage(count) >= 0.92


def test_paired_sees_through_drift_that_both_share():
    random = np.random.default_rng(2)
    drift = random.lognormal(0, 0.5, 12)
    before = {i: 100 * d * random.lognormal(0, 0.01) for i, d in enumerate(drift)}
    after = {i: 110 * d * random.lognormal(0, 0.01) for i, d in enumerate(drift)}
    ratio = stats.paired(before, after)
    assert ratio.test == "sign"
    assert ratio.p < 0.001
    assert 1.08 < ratio.low < 1.1 < ratio.high < 1.12


def test_paired_falls_back_where_the_sign_test_cannot_pass_the_correction():
    before, after = {i: 1.0 + i / 100 for i in range(6)}, {i: 2.0 + i / 100 for i in range(6)}
    assert stats.paired(before, after, comparisons=1).test == "sign"
    fallback = stats.paired(before, after, comparisons=11)
    assert fallback.test == "mann-whitney"
    assert fallback.p * 11 < 0.05


def test_paired_uses_shared_rounds_only():
    assert stats.paired({1: 1.0, 2: 1.0, 3: 5.0}, {2: 1.0, 3: 5.0, 4: 9.0}).count == 2
    assert stats.paired({1: 1.0}, {1: 2.0}) is None


def test_identical_samples_are_no_difference():
    same = dict.fromkeys(range(8), 5.0)
    assert stats.paired(same, same).p == 1.0
    assert stats.unpaired([5.0] * 8, [5.0] * 8).ratio == 1.0


def test_holm_by_hand():
    assert stats.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert stats.holm([]) == []
    assert stats.holm([0.9, 0.8]) == [1.0, 1.0]


def test_more_rounds_are_asked_for_where_the_interval_is_wide():
    assert stats.rounds_needed(0.2, 0.1, 10, 1) == 40
    assert stats.rounds_needed(0.01, 0.1, 10, 1000) >= 15  # 2 / 2^n must pass 0.05 / 1000
