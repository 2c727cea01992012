"""The statistics, in one place. Times are compared as logarithms: a ratio is what a reader asks for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
ALPHA = 1 - CONFIDENCE
LEAST_SAMPLES = 6  # fewer give no two-sided 95 % interval of a median
LEAST_FLOOR = math.log(1.01)  # nothing under 1 % is called a difference on any machine


@dataclass(frozen=True)
class Estimate:
    """A median with its 95 % interval."""

    median: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Ratio:
    """A ratio of medians with its 95 % interval, and the p-value of `there is no difference`."""

    ratio: float
    low: float
    high: float
    p: float
    count: int
    test: str


@cache
def _rank(count: int) -> int:
    """The rank (from 0) of the sample that is the lower end of a 95 % interval of the median of `count`.

    The number of samples under the true median is binomial; with fewer than six, even the whole range
    holds the median less often than asked for.
    """
    return max(0, int(stats.binom.ppf(ALPHA / 2, count, 0.5)) - 1)


@cache
def _sign_test(up: int, count: int) -> float:
    return float(stats.binomtest(up, count, 0.5).pvalue) if count else 1.0


def estimate(values: Sequence[float]) -> Estimate:
    """Median; its interval from order statistics (exact, no shape assumed); the range if too few."""
    data = np.sort(np.asarray(values, dtype=float))
    rank = _rank(len(data))
    return Estimate(float(np.median(data)), float(data[rank]), float(data[-1 - rank]), len(data))


def quotient(over: Mapping[int, float], under: Mapping[int, float]) -> Estimate | None:
    """over / under, round by round: the median of the rounds' ratios with its 95 % interval."""
    shared = over.keys() & under.keys()
    if not shared:
        return None
    steps = estimate([math.log(over[key] / under[key]) for key in shared])
    return Estimate(math.exp(steps.median), math.exp(steps.low), math.exp(steps.high), steps.count)


def geometric_mean(values: Sequence[float]) -> float | None:
    """Of ratios; None: of nothing."""
    return float(stats.gmean(values)) if len(values) else None


def paired(before: Mapping[int, float], after: Mapping[int, float], comparisons: int = 1) -> Ratio | None:
    """after / before from samples of the same rounds: the sign test on the log-ratios of the rounds.

    The sign test on n rounds cannot give less than 2 / 2^n. Where the number of comparisons puts the bar
    below that, the Mann-Whitney test, which knows nothing of the pairs, can still pass it.
    """
    shared = sorted(before.keys() & after.keys())
    if len(shared) < 2:
        return None
    x = np.log([before[key] for key in shared])
    y = np.log([after[key] for key in shared])
    steps = y - x
    middle = float(np.median(steps))
    interval = estimate(steps.tolist())
    if 2.0 ** (1 - len(shared)) * comparisons < ALPHA:
        p = _sign_test(int(np.sum(steps > 0)), int(np.sum(steps != 0)))
        test = "sign"
    else:
        p = float(stats.mannwhitneyu(x, y).pvalue)
        test = "mann-whitney"
    return Ratio(math.exp(middle), math.exp(interval.low), math.exp(interval.high), p, len(shared), test)


def unpaired(before: Sequence[float], after: Sequence[float]) -> Ratio | None:
    """after / before from two sets of samples: Hodges-Lehmann on the logs, with Mann-Whitney's p."""
    if len(before) < 2 or len(after) < 2:
        return None
    x, y = np.log(before), np.log(after)
    steps = np.sort(np.subtract.outer(y, x).ravel())
    n, m = len(x), len(y)
    spread = stats.norm.ppf(1 - ALPHA / 2) * math.sqrt(n * m * (n + m + 1) / 12)
    cut = max(0, math.floor(n * m / 2 - spread))
    p = float(stats.mannwhitneyu(x, y).pvalue)
    low, high = steps[cut], steps[-1 - cut]
    return Ratio(math.exp(float(np.median(steps))), math.exp(low), math.exp(high), p, min(n, m), "mann-whitney")


def holm(values: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm, 1979)."""
    count = len(values)
    corrected = [0.0] * count
    highest = 0.0
    for rank, index in enumerate(sorted(range(count), key=values.__getitem__)):
        highest = max(highest, min(1.0, values[index] * (count - rank)))
        corrected[index] = highest
    return corrected


def rounds_needed(half_width: float, wanted: float, count: int, comparisons: int) -> int:
    """How many rounds would narrow an interval to what is wanted, and let a test pass the correction."""
    for_width = math.ceil(count * (half_width / wanted) ** 2) if wanted > 0 else count
    for_test = math.ceil(1 + math.log2(max(1, comparisons) / ALPHA))
    return max(for_width, for_test, LEAST_SAMPLES)
