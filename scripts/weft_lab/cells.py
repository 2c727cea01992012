"""A cell is one point of the matrix; its name is what the binary, the results and the user call it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

LIMIT = "limit"
CALLS = "calls"
"""The suite of rows that do what the suite `go` does, by the public functions."""
CALLED = "go"


@dataclass(frozen=True)
class Cell:
    """workload x channel x scheduler x parameters x workers, or one limit of the machine; or the same workload done by
    another runtime, a peer."""

    workload: str
    channel: str | None = None
    scheduler: str | None = None
    params: tuple[tuple[str, int], ...] = ()
    workers: int | None = None
    limit: str | None = None
    peer: str | None = None

    @property
    def name(self) -> str:
        """The cell as the binary spells it: workload/chan:x/sched:y/param:n/workers:w."""
        parts = [self.workload]
        if self.limit:
            parts.append(self.limit)
        if self.peer:
            parts.append(f"peer:{self.peer}")
        if self.channel:
            parts.append(f"chan:{self.channel}")
        if self.scheduler:
            parts.append(f"sched:{self.scheduler}")
        parts += [f"{key}:{value}" for key, value in self.params]
        if self.workers is not None:
            parts.append(f"workers:{self.workers}")
        return "/".join(parts)

    @property
    def slug(self) -> str:
        """The name as a directory."""
        return re.sub(r"[^A-Za-z0-9_.-]", "-", self.name.replace("/", "__").replace("\N{MICRO SIGN}", "u"))

    @property
    def suite(self) -> str | None:
        """The suite that the workload is a row of: what stands before the dot of its name."""
        before, dot, _ = self.workload.partition(".")
        return before if dot else None

    @property
    def called(self) -> str | None:
        """The row that this one does by the public functions, if it is such a row."""
        return f"{CALLED}{self.workload.removeprefix(CALLS)}" if self.suite == CALLS else None

    @property
    def is_limit(self) -> bool:
        return self.limit is not None

    @property
    def question(self) -> tuple[str, tuple[tuple[str, int], ...], int | None]:
        """Cells with the same question compete with each other."""
        if self.limit:
            return (self.name, (), None)
        return (self.called or self.workload, self.params, self.workers)

    @property
    def shape(self) -> str:
        """Workload and parameters, without the variants and the workers: `spsc cap:64`."""
        words = [self.limit or self.workload, *(f"{key}:{value}" for key, value in self.params)]
        return " ".join(words)

    @property
    def combination(self) -> str:
        """The variants of this cell: `ring + steal`, or `steal` where there is no channel; a peer's name."""
        variants = self.peer or " + ".join(part for part in (self.channel, self.scheduler) if part)
        return f"{variants}, called" if self.called else variants

    def fields(self) -> dict[str, str]:
        """What --where key=value looks at."""
        found = {"workload": self.limit or self.workload, **{k: str(v) for k, v in self.params}}
        if self.suite:
            found["suite"] = self.suite
        if self.limit:
            found["limit"] = self.limit
        if self.peer:
            found["peer"] = self.peer
        if self.channel:
            found["channel"] = found["chan"] = self.channel
        if self.scheduler:
            found["scheduler"] = found["sched"] = self.scheduler
        if self.workers is not None:
            found["workers"] = str(self.workers)
        return found


class Arm(NamedTuple):
    """One of the two arms of an A/A pair; ordinary cells have arm 0 only."""

    cell: Cell
    arm: int


def as_json(cell: Cell) -> dict[str, object]:
    """The cell as the manifest holds it."""
    return {
        "name": cell.name,
        "slug": cell.slug,
        "workload": cell.workload,
        "limit": cell.limit,
        "channel": cell.channel,
        "scheduler": cell.scheduler,
        "params": dict(cell.params),
        "workers": cell.workers,
        **({"peer": cell.peer} if cell.peer else {}),
    }


def from_json(row: dict) -> Cell:
    """The inverse of as_json."""
    return Cell(
        workload=row["workload"],
        channel=row["channel"],
        scheduler=row["scheduler"],
        params=tuple(row["params"].items()),
        workers=row["workers"],
        limit=row["limit"],
        peer=row.get("peer"),
    )
