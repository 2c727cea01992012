"""From samples to an answer: who is best at a question, and who cannot be told from the best."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

from weft_lab import stats
from weft_lab.cells import Cell
from weft_lab.stats import Estimate
from weft_lab.store import Result, Run


@dataclass(frozen=True)
class Place:
    """One combination's answer to a question. Band 1 holds the best and its ties; 0 is `failed`."""

    cell: Cell
    unit: str
    estimate: Estimate | None
    band: int
    failure: str | None = None


@dataclass(frozen=True)
class Question:
    """One workload with its parameters at one number of workers, and its places, best first."""

    workload: str
    shape: str
    workers: int | None
    unit: str
    places: list[Place]

    @property
    def winners(self) -> list[Place]:
        return [place for place in self.places if place.band == 1]


@dataclass(frozen=True)
class Floor:
    """How far apart the same thing is from itself: log-ratios of the A/A pairs."""

    by_question: dict[tuple[str, int | None], float]
    overall: float
    pairs: int

    def of(self, cell: Cell) -> float:
        """The floor of a cell: of its workload and workers if that was measured, else the worst of all."""
        return self.by_question.get((cell.workload, cell.workers), self.overall)


def noise_floor(run: Run) -> Floor:
    """The largest difference that A/A pairs show, for each workload and number of workers; at least 1 %."""
    found: dict[tuple[str, int | None], list[float]] = defaultdict(list)
    for result in run.measured():
        ratio = stats.paired(result.values, result.twins) if result.twins else None
        if ratio is not None:
            key = (result.cell.workload, result.cell.workers)
            found[key].append(abs(math.log(ratio.ratio)))
    by_question = {key: max(stats.LEAST_FLOOR, *values) for key, values in found.items()}
    overall = max(by_question.values(), default=stats.LEAST_FLOOR)
    return Floor(by_question, overall, sum(len(values) for values in found.values()))


def _bands(results: list[Result], floor: Floor) -> dict[str, int]:
    """Bands of one question: each begins with the best that is left and takes in what ties with it."""
    left = sorted(results, key=lambda result: stats.estimate(list(result.values.values())).median)
    bands: dict[str, int] = {}
    band = 0
    while left:
        band += 1
        best, rest = left[0], left[1:]
        bands[best.cell.name] = band
        ratios = [stats.paired(best.values, one.values, len(rest)) for one in rest]
        corrected = stats.holm([ratio.p if ratio else 1.0 for ratio in ratios])
        left = []
        for one, ratio, p in zip(rest, ratios, corrected, strict=True):
            apart = ratio and p < stats.ALPHA and abs(math.log(ratio.ratio)) > floor.of(one.cell)
            if apart or left:
                left.append(one)
            else:
                bands[one.cell.name] = band
    return bands


def _question(results: list[Result], floor: Floor) -> Question:
    bands = _bands([result for result in results if result.values and not result.failure], floor)
    places = [
        Place(
            result.cell,
            result.unit,
            stats.estimate(list(result.values.values())) if result.values else None,
            bands.get(result.cell.name, 0),
            result.failure or (None if result.values else "no sample yet"),
        )
        for result in results
    ]
    places.sort(key=lambda p: (p.failure is not None, p.estimate.median if p.estimate else 0.0))
    cell = results[0].cell
    return Question(cell.workload, cell.shape, cell.workers, results[0].unit, places)


def questions(run: Run) -> list[Question]:
    """Every question of a run, controls and limits apart, in the order of the matrix."""
    floor = noise_floor(run)
    groups: dict[object, list[Result]] = {}
    for result in run.results.values():
        if not result.cell.is_limit and not run.is_control(result.cell):
            groups.setdefault(result.cell.question, []).append(result)
    return [_question(results, floor) for results in groups.values()]


def others(run: Run, *, limits: bool) -> list[Place]:
    """The limits, or the controls, of a run."""
    chosen = [
        result for result in run.results.values() if (result.cell.is_limit if limits else run.is_control(result.cell))
    ]
    return [
        Place(
            result.cell,
            result.unit,
            stats.estimate(list(result.values.values())) if result.values else None,
            1,
            result.failure or (None if result.values else "no sample yet"),
        )
        for result in chosen
    ]
