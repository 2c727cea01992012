"""A run as data frames: what charts and reports are made of."""

from __future__ import annotations

from statistics import median

import polars as pl

from weft_lab import ranking
from weft_lab.ranking import Place, Question
from weft_lab.store import Run

CELLS = {
    "shape": pl.String,
    "workload": pl.String,
    "workers": pl.Int64,
    "channel": pl.String,
    "scheduler": pl.String,
    "peer": pl.String,
    "combination": pl.String,
    "unit": pl.String,
    "ns": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "samples": pl.Int64,
    "band": pl.Int64,
    "times_best": pl.Float64,
    "failure": pl.String,
    "cpu_ns": pl.Float64,
    "switches_per_k": pl.Float64,
    "rss_mib": pl.Float64,
    "name": pl.String,
}
LIMITS = {"limit": pl.String, "ns": pl.Float64, "low": pl.Float64, "high": pl.Float64, "unit": pl.String}
NO_CHANNEL = "no channel"


def _middle(counters: list[dict[str, float]], key: str) -> float | None:
    values = [row[key] for row in counters if key in row]
    return median(values) if values else None


def _switches(counters: list[dict[str, float]]) -> float | None:
    """Context switches, of both kinds, for a thousand operations."""
    values = [
        1000 * (row.get("ctx_voluntary", 0.0) + row.get("ctx_involuntary", 0.0)) / row["messages"]
        for row in counters
        if row.get("messages") and "ctx_voluntary" in row
    ]
    return median(values) if values else None


def _channel(run: Run, place: Place) -> str:
    """A peer stands with the channels where the workload has some."""
    cell = place.cell
    return cell.channel or (cell.peer if cell.peer and cell.workload in run.over_channels else None) or NO_CHANNEL


def _row(run: Run, question: Question, place: Place, best: float | None) -> dict[str, object]:
    counters = run.results[place.cell.name].counters
    good = place.estimate if place.failure is None else None
    rss = _middle(counters, "rss_kib")
    return {
        "shape": question.shape,
        "workload": question.workload,
        "workers": question.workers,
        "channel": _channel(run, place),
        "scheduler": place.cell.scheduler or place.cell.peer,
        "peer": place.cell.peer,
        "combination": place.cell.combination,
        "unit": place.unit,
        "ns": good.median if good else None,
        "low": good.low if good else None,
        "high": good.high if good else None,
        "samples": good.count if good else 0,
        "band": place.band,
        "times_best": good.median / best if good and best else None,
        "failure": place.failure,
        "cpu_ns": _middle(counters, "cpu_ns_per_unit"),
        "switches_per_k": _switches(counters),
        "rss_mib": rss / 1024 if rss is not None else None,
        "name": place.cell.name,
    }


def cells(run: Run, questions: list[Question]) -> pl.DataFrame:
    """One row for each cell that competes."""
    rows = []
    for question in questions:
        medians = [p.estimate.median for p in question.places if p.estimate and not p.failure]
        rows += [_row(run, question, place, min(medians, default=None)) for place in question.places]
    return pl.DataFrame(rows, schema=CELLS)


def limits(run: Run) -> pl.DataFrame:
    """One row for each limit that was measured."""
    rows = [
        {
            "limit": place.cell.name.removeprefix("limit/").replace("/", " "),
            "ns": place.estimate.median,
            "low": place.estimate.low,
            "high": place.estimate.high,
            "unit": place.unit,
        }
        for place in ranking.others(run, limits=True)
        if place.estimate and not place.failure
    ]
    return pl.DataFrame(rows, schema=LIMITS)


def overall(frame: pl.DataFrame) -> pl.DataFrame:
    """Combinations by how far they are from the best of each question: geometric mean, and worst.

    A combination that lacks a question that others answer is listed with how many it answers, so that
    nothing looks good by not taking part.
    """
    asked = frame.filter(pl.col("channel") != NO_CHANNEL, pl.col("peer").is_null())
    return (
        asked.filter(pl.col("ns").is_not_null())
        .sort("times_best", descending=True)
        .group_by("combination", maintain_order=True)
        .agg(
            pl.col("channel").first(),
            pl.col("scheduler").first(),
            pl.col("times_best").log().mean().exp().alias("mean"),
            pl.col("times_best").max().alias("worst"),
            pl.format("{}, {} workers", pl.col("shape").first(), pl.col("workers").first()).alias("worst_at"),
            (pl.col("band") == 1).sum().alias("wins"),
            pl.len().alias("answered"),
        )
        .with_columns(pl.lit(asked.select("shape", "workers").n_unique()).alias("asked"))
        .sort(["answered", "mean"], descending=[True, False])
    )
