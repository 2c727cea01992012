"""Numbers as a reader wants them: three significant digits, and a unit that fits."""

from __future__ import annotations


def ns(value: float) -> str:
    """Nanoseconds in three digits: 4.12, 33.1, 512, 8.41k, 73.0k, 1.20M."""
    for factor, suffix in ((1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G")):
        if abs(value) < 999.5 * factor or suffix == "G":
            return f"{_three(value / factor)}{suffix}"
    raise AssertionError


def _three(value: float) -> str:
    if abs(value) >= 99.95:
        return f"{value:.0f}"
    if abs(value) >= 9.995:
        return f"{value:.1f}"
    return f"{value:.2f}"


def span(low: float, high: float) -> str:
    """An interval: 32.9-33.4 with an en dash."""
    return f"{ns(low)}\N{EN DASH}{ns(high)}"


def ratio(value: float) -> str:
    """A ratio in three digits and a multiplication sign."""
    return f"{value:.3f}" if 0.1 <= value < 10 else f"{value:.3g}"


def times(value: float) -> str:
    """A ratio that is read as `so many times`: 0.87, 2.31, 45.2."""
    return f"{value:.2f}" if 0.1 <= value < 9.995 else f"{value:.3g}"


def duration(seconds: float) -> str:
    """Seconds for a human: 0.4 s, 42 s, 2 min 5 s."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole} s" if whole < 120 else f"{whole // 60} min {whole % 60} s"
