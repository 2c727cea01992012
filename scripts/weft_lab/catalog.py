"""What the binary offers: variants with their flags, workloads with their parameters, limits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from weft_lab.errors import WeftError

SCHEMA = 1


@dataclass(frozen=True)
class Catalog:
    """The object that `weft-bench list` prints."""

    raw: dict[str, Any]

    def __post_init__(self) -> None:
        found = self.raw.get("schema")
        if found != SCHEMA:
            raise WeftError(
                f"weft-bench speaks list schema {found!r}, this side reads {SCHEMA}; "
                "build both from one commit: ./scripts/weft setup"
            )

    @cached_property
    def channels(self) -> dict[str, dict]:
        return {row["name"]: row for row in self.raw["channels"]}

    @cached_property
    def schedulers(self) -> dict[str, dict]:
        return {row["name"]: row for row in self.raw["schedulers"]}

    @cached_property
    def workloads(self) -> dict[str, dict]:
        return {row["name"]: row for row in self.raw["workloads"]}

    @cached_property
    def limits(self) -> dict[str, dict]:
        return {row["name"]: row for row in self.raw["limits"]}

    @cached_property
    def defaults(self) -> tuple[str, str]:
        """The channel and the scheduler of whoever names none."""
        return self.raw["defaults"]["channel"], self.raw["defaults"]["scheduler"]

    def rows(self, suite: str | None, groups: list[str] | None = None) -> list[str]:
        """The workloads of a suite, or of some of its groups; None: those that belong to no suite."""
        return [
            name
            for name, row in self.workloads.items()
            if row.get("suite") == suite and (groups is None or row.get("group") in groups)
        ]

    def suites(self) -> dict[str, list[str]]:
        """The suites with their groups, in the binary's order."""
        found: dict[str, dict[str, None]] = {}
        for row in self.workloads.values():
            if "suite" in row:
                found.setdefault(row["suite"], {})[row["group"]] = None
        return {suite: list(groups) for suite, groups in found.items()}

    def variants(self, kind: str) -> list[str]:
        """The names of the variants of one kind that are measured: neither controls nor what is for tests only."""
        table = self.channels if kind == "channel" else self.schedulers
        return [name for name, row in table.items() if not is_control(row) and not is_for_tests(row)]

    def controls(self) -> set[str]:
        """Channels and schedulers that are there to show a floor, not to be used."""
        rows = [*self.channels.values(), *self.schedulers.values()]
        return {row["name"] for row in rows if is_control(row)}

    def unit(self, workload: str, limit: str | None) -> str:
        """What one operation of a workload or limit is called."""
        row = self.limits.get(limit, {}) if limit else self.workloads.get(workload, {})
        return str(row.get("unit", "operation"))


def is_for_tests(row: dict) -> bool:
    """Does it keep a time of its own, so that nothing can be measured on it?"""
    return bool(row.get("flags", {}).get("virtual_time"))


def is_control(row: dict) -> bool:
    """Is this variant only a control?"""
    return bool(row.get("control") or row.get("flags", {}).get("control"))
