"""The matrix: a TOML file that says what is measured, checked and expanded to cells.

An entry is a product of lists. Combinations that a variant cannot serve are skipped with the reason;
an entry of which nothing is left, an unknown key or name, or a value out of range is an error that
names the file and the line.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from weft_lab import paths, tomlpos
from weft_lab.catalog import Catalog
from weft_lab.cells import LIMIT, Cell
from weft_lab.errors import UsageError, nearest, suggestion

SCHEMA = 1
TOP_KEYS = ("schema", "name", "sampling", "cells", "limits")
SAMPLING_KEYS = ("rounds", "min_time_ms", "timeout_s")
MIN_ROUNDS = 6

Check = Callable[[list[str]], dict[str, str | None]]
"""Cell names -> why each cannot be run, or None."""


@dataclass
class Plan:
    """What a matrix comes to on this machine with this binary."""

    name: str
    source: str
    text: str
    rounds: int
    min_time_ms: float
    timeout_s: float
    cells: dict[Cell, int] = field(default_factory=dict)  # cell -> arms (2: an A/A pair)
    skipped: dict[str, str] = field(default_factory=dict)  # cell name -> reason
    groups: dict[str, str] = field(default_factory=dict)  # workload of a suite -> its group

    @property
    def samples(self) -> int:
        """Samples in all: every arm of every cell once a round."""
        return self.rounds * sum(self.cells.values())


@dataclass(frozen=True)
class Source:
    """A matrix file as read, with the lines of its keys."""

    file: str
    lines: dict[tomlpos.Path, int]

    def error(self, path: tomlpos.Path, message: str) -> UsageError:
        return UsageError(f"{self.file}:{tomlpos.line_of(self.lines, path)}: {message}")


def find(name: str) -> Path:
    """A matrix by path, or by the name of a file in bench/matrix."""
    given = Path(name)
    if paths.is_file(given):
        return given
    known = sorted(path.stem for path in paths.MATRICES.glob("*.toml"))
    if name in known:
        return paths.MATRICES / f"{name}.toml"
    raise UsageError(f"no matrix '{name}': it is neither a file nor one of {', '.join(known)}")


def load(file: Path, catalog: Catalog, check: Check, cores: int) -> Plan:
    """Read, check and expand a matrix file."""
    shown = paths.shown(file)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{shown}: cannot be read: {error}") from None
    return parse(text, shown, catalog, check, cores)


def parse(text: str, shown: str, catalog: Catalog, check: Check, cores: int) -> Plan:
    """The text of a matrix to its plan."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(_decode_message(shown, text, str(error))) from None
    source = Source(shown, tomlpos.lines(text))
    plan = _head(document, source, text)
    plan.groups = {name: row["group"] for name, row in catalog.workloads.items() if "group" in row}
    wanted: list[tuple[tomlpos.Path, list[tuple[Cell, int]]]] = []
    for kind, expand in (("cells", _expand_cells), ("limits", _expand_limits)):
        for index, entry in enumerate(document.get(kind, [])):
            at: tomlpos.Path = (kind, index)
            wanted.append((at, list(expand(entry, at, source, catalog, cores))))
    if not wanted:
        raise UsageError(f"{shown}:1: the matrix is empty: it has neither [[cells]] nor [[limits]]")
    _admit(plan, wanted, check, source)
    return plan


def _decode_message(shown: str, text: str, message: str) -> str:
    where = re.search(r"\(at (?:line (\d+), column \d+|end of document)\)", message)
    line = where.group(1) if where and where.group(1) else str(text.count("\n") + 1)
    return f"{shown}:{line}: this is not valid TOML: {message}"


def _unknown(source: Source, at: tomlpos.Path, key: str, known: tuple[str, ...]) -> UsageError:
    return source.error((*at, key), f"unknown key '{key}'{suggestion(key, list(known))}")


def _head(document: dict[str, Any], source: Source, text: str) -> Plan:
    for key in document:
        if key not in TOP_KEYS:
            raise _unknown(source, (), key, TOP_KEYS)
    sampling = document.get("sampling", {})
    if not isinstance(sampling, dict):
        raise source.error(("sampling",), "'sampling' is a table: write [sampling]")
    for key in sampling:
        if key not in SAMPLING_KEYS:
            raise _unknown(source, ("sampling",), key, SAMPLING_KEYS)
    if document.get("schema") != SCHEMA:
        raise source.error(("schema",), f"'schema = {SCHEMA}' is needed, this is {document.get('schema')!r}")
    for kind in ("cells", "limits"):
        rows = document.get(kind, [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise source.error((kind,), f"'{kind}' is a list of tables: write [[{kind}]]")
    name = document.get("name", Path(source.file).stem)
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name):
        raise source.error(("name",), f"'name' must be a word of letters, digits, - . _: {name!r}")

    return Plan(
        name=name,
        source=source.file,
        text=text,
        rounds=int(_setting(sampling, "rounds", 12, (1, 10_000), source)),
        min_time_ms=_setting(sampling, "min_time_ms", 15, (0.1, 60_000), source),
        timeout_s=_setting(sampling, "timeout_s", 30, (0.1, 3600), source),
    )


def _setting(sampling: dict[str, Any], key: str, default: float, bounds: tuple[float, float], source: Source) -> float:
    path = ("sampling", key)
    value = sampling.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise source.error(path, f"'{key}' must be a number, not {value!r}")
    if not bounds[0] <= value <= bounds[1]:
        raise source.error(path, f"'{key}' must be from {bounds[0]:g} to {bounds[1]:g}, not {value:g}")
    if key == "rounds" and not isinstance(value, int):
        raise source.error(path, f"'{key}' must be a whole number, not {value!r}")
    return value


def _choice(
    entry: dict[str, Any], key: str, at: tomlpos.Path, source: Source, known: list[str], star: list[str]
) -> list[str]:
    """The names that an entry gives for one dimension; "*" is everything that competes."""
    value = entry.get(key, "*")
    names = value if isinstance(value, list) else [value]
    if not names:
        raise source.error((*at, key), f"'{key}' is an empty list")
    chosen: list[str] = []
    for name in names:
        if name == "*":
            chosen += star
        elif name in known:
            chosen.append(name)
        else:
            raise source.error((*at, key), f"no {key} '{name}'{suggestion(str(name), known)}")
    return list(dict.fromkeys(chosen))


def _numbers(value: Any, low: int, high: int | None, path: tomlpos.Path, source: Source) -> list[int]:
    key = path[-1]
    values = value if isinstance(value, list) else [value]
    if not values:
        raise source.error(path, f"'{key}' is an empty list")
    for number in values:
        if isinstance(number, bool) or not isinstance(number, int):
            raise source.error(path, f"'{key}' must be whole numbers, not {number!r}")
        if number < low or (high is not None and number > high):
            most = "" if high is None else f" to {high}"
            raise source.error(path, f"'{key}' must be from {low}{most}, not {number}")
    return list(dict.fromkeys(values))


def workers_of(value: Any, path: tomlpos.Path, source: Source, cores: int) -> list[int]:
    """Worker counts: numbers, "auto" (1, cores, 2 x cores) or "sweep" (1, 2, 4 ... and those)."""
    found: set[int] = set()
    for item in value if isinstance(value, list) else [value]:
        if item == "auto":
            found |= {1, cores, 2 * cores}
        elif item == "sweep":
            found |= {2**i for i in range(cores.bit_length()) if 2**i <= cores}
            found |= {1, cores, 2 * cores}
        elif item == "cores":
            found.add(cores)
        elif isinstance(item, str):
            raise source.error(
                path,
                f'\'workers\' must be numbers, "auto", "sweep" or "cores", not {item!r}',
            )
        else:
            found.update(_numbers(item, 1, 4096, path, source))
    if not found:
        raise source.error(path, "'workers' is an empty list")
    return sorted(found)


def _params(
    entry: dict[str, Any], declared: list[dict], at: tomlpos.Path, source: Source
) -> list[tuple[tuple[str, int], ...]]:
    """The product of a workload's own parameters, in the order in which it lists them."""
    axes = []
    for param in declared:
        name = param["name"]
        default = param.get("default", [])
        value = entry.get(name, default)
        numbers = _numbers(value, param.get("min", 0), param.get("max"), (*at, name), source)
        axes.append([(name, number) for number in numbers])
    return list(itertools.product(*axes))


def _arms(entry: dict[str, Any], at: tomlpos.Path, source: Source) -> int:
    value = entry.get("aa", False)
    if not isinstance(value, bool):
        raise source.error((*at, "aa"), f"'aa' must be true or false, not {value!r}")
    return 2 if value else 1


def _workloads(entry: dict[str, Any], at: tomlpos.Path, source: Source, catalog: Catalog) -> list[str]:
    """The workloads of an entry: "*" is all of its suite, or of some groups; without a suite, all that are in none."""
    if "suite" not in entry:
        if "workload" not in entry:
            raise source.error(at, "this [[cells]] entry names no 'workload' and no 'suite'")
        if "group" in entry:
            raise source.error((*at, "group"), "'group' goes with a 'suite'")
        return _choice(entry, "workload", at, source, list(catalog.workloads), catalog.rows(None))
    suites = catalog.suites()
    (suite, *more) = _choice(entry, "suite", at, source, list(suites), list(suites))
    if more:
        raise source.error((*at, "suite"), "'suite' is one name")
    groups = _choice(entry, "group", at, source, suites[suite], suites[suite])
    rows = catalog.rows(suite, groups)
    return _choice(entry, "workload", at, source, rows, rows)


def _variants(entry: dict[str, Any], key: str, at: tomlpos.Path, source: Source, catalog: Catalog) -> list[str]:
    """The channels or the schedulers of an entry; "default" is that of whoever names none."""
    known, default = (
        (catalog.channels, catalog.defaults[0]) if key == "channel" else (catalog.schedulers, catalog.defaults[1])
    )
    names = _choice(entry, key, at, source, [*known, "default"], catalog.variants(key))
    return list(dict.fromkeys(default if name == "default" else name for name in names))


def _expand_cells(
    entry: dict[str, Any], at: tomlpos.Path, source: Source, catalog: Catalog, cores: int
) -> Iterator[tuple[Cell, int]]:
    workloads = _workloads(entry, at, source, catalog)
    own = {p["name"] for name in workloads for p in catalog.workloads[name].get("params", [])}
    known = ("workload", "suite", "group", "channel", "scheduler", "workers", "aa", *sorted(own))
    for key in entry:
        if key not in known:
            raise _unknown(source, at, key, known)
    uses = {use for name in workloads for use in catalog.workloads[name]["uses"]}
    if "channel" in entry and "chan" not in uses:
        raise source.error((*at, "channel"), f"{', '.join(workloads)} has no channel")
    channels = _variants(entry, "channel", at, source, catalog)
    schedulers = _variants(entry, "scheduler", at, source, catalog)
    arms = _arms(entry, at, source)
    workers = workers_of(entry.get("workers", "auto"), (*at, "workers"), source, cores)
    for workload in workloads:
        row = catalog.workloads[workload]
        for params, count in itertools.product(_params(entry, row.get("params", []), at, source), workers):
            for channel in channels if "chan" in row["uses"] else [None]:
                for scheduler in schedulers if "sched" in row["uses"] else [None]:
                    yield Cell(workload, channel, scheduler, params, count), arms


def _expand_limits(
    entry: dict[str, Any], at: tomlpos.Path, source: Source, catalog: Catalog, cores: int
) -> Iterator[tuple[Cell, int]]:
    del cores
    if "name" not in entry:
        raise source.error(at, "this [[limits]] entry has no 'name' (\"*\" is all of them)")
    names = list(catalog.limits)
    limits = _choice(entry, "name", at, source, names, names)
    own = {p["name"] for name in limits for p in catalog.limits[name].get("params", [])}
    known = ("name", "aa", *sorted(own))
    for key in entry:
        if key not in known:
            raise _unknown(source, at, key, known)
    for name in limits:
        for params in _params(entry, catalog.limits[name].get("params", []), at, source):
            yield Cell(LIMIT, params=params, limit=name), _arms(entry, at, source)


def _admit(
    plan: Plan,
    wanted: list[tuple[tomlpos.Path, list[tuple[Cell, int]]]],
    check: Check,
    source: Source,
) -> None:
    """Keep what can be run; an entry of which nothing is left is an error."""
    names = list(dict.fromkeys(cell.name for _, cells in wanted for cell, _ in cells))
    reasons = check(names)
    for at, cells in wanted:
        refused = {cell.name: reasons[cell.name] for cell, _ in cells if reasons[cell.name]}
        if len(refused) == len(cells):
            first = next(iter(refused))
            raise source.error(at, f"no cell of this entry can be run: {first}: {refused[first]}")
        for cell, arms in cells:
            if cell.name in refused:
                plan.skipped[cell.name] = refused[cell.name] or ""
            else:
                plan.cells[cell] = max(arms, plan.cells.get(cell, 1))


def select(plan: Plan, pattern: str | None, where: list[str]) -> None:
    """Narrow a plan to the cells that --filter and --where ask for."""
    names = [cell.name for cell in plan.cells]
    keep = list(plan.cells)
    if pattern is not None:
        try:
            regex = re.compile(pattern)
        except re.error as error:
            raise UsageError(f"--filter: not a regular expression: {error}: {pattern}") from None
        keep = [cell for cell in keep if regex.search(cell.name)]
        if not keep:
            raise UsageError(f"--filter matches none of {len(names)} cells: {pattern}{_like(pattern, names)}")
    for clause in where:
        keep = _where(clause, keep, plan.groups)
    plan.cells = {cell: plan.cells[cell] for cell in keep}
    if pattern is not None or where:
        plan.skipped = {}


def _like(pattern: str, names: list[str]) -> str:
    """Names, or parts of names, that look like a pattern that matched nothing."""
    close = nearest(pattern, names)
    if not close:
        parts = sorted({part for name in names for part in name.split("/")})
        words = [word for word in re.split(r"[^\w:]+", pattern) if word]
        close = list(dict.fromkeys(hit for word in words for hit in nearest(word, parts)))
    return f"\n  nearest: {', '.join(close)}" if close else "\n  see them all: ./scripts/weft plan"


def suite_asked_for(where: list[str]) -> str | None:
    """The suite of `--where suite=NAME`, if it has a matrix of its own."""
    for clause in where:
        key, _, value = clause.partition("=")
        if key == "suite" and paths.is_file(paths.MATRICES / f"{value}.toml"):
            return value
    return None


def _where(clause: str, cells: list[Cell], groups: dict[str, str]) -> list[Cell]:
    key, equals, value = clause.partition("=")
    if not equals or not key or not value:
        raise UsageError(f"--where wants key=value[,value]: '{clause}'")
    table = [(cell, cell.fields() | ({"group": groups[cell.workload]} if cell.suite else {})) for cell in cells]
    known = sorted({name for _, fields in table for name in fields})
    if key not in known:
        raise UsageError(f"--where: no cell has '{key}'{suggestion(key, known)}")
    offered = sorted({fields[key] for _, fields in table if key in fields})
    values = value.split(",")
    for one in values:
        if one not in offered:
            raise UsageError(f"--where {key}: no cell has '{one}'{suggestion(one, offered)}")
    return [cell for cell, fields in table if fields.get(key) in values]
