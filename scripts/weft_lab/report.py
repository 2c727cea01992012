"""report.html: one file that answers the question; works offline, from file://, without JavaScript too."""

from __future__ import annotations

import contextlib
import functools
import math
from pathlib import Path
from typing import Any

import altair as alt
import jinja2
import polars as pl
import vl_convert

from weft_lab import charts, environment, figures, frames, paths, ranking, stats, store, versus, versus_table
from weft_lab.ranking import Place, Question
from weft_lab.store import Run

HERE = Path(__file__).parent / "report"
MOST_NAMED = 3


def _versus_specs(run: Run) -> tuple[dict[str, Any], dict[str, Any]]:
    """The chart of a comparison, and its data; nothing if there is nothing to compare with."""
    if not versus.is_versus(run.manifest):
        return {}, {}
    found = versus.read(run)
    lines = versus.chart_lines(found)
    peer = versus_table.PEERS[found.peer]
    return ({"versus": charts.spec(charts.versus(lines, peer))}, {"versus": lines}) if lines else ({}, {})


def _specs(frame: pl.DataFrame) -> dict[str, Any]:
    """The interactive charts. Their parameters are set by the page's own controls."""
    start = {
        "shape": charts.names(frame, "shape")[0],
        "workers": sorted(charts.names(frame, "workers"))[0],
        "least": 0.0,
        "most": 1e12,
        "channels": sorted(charts.names(frame, "channel")),
        "schedulers": sorted(charts.names(frame, "scheduler")),
    }
    params = {name: alt.param(name=name, value=value) for name, value in start.items()}
    near = ("least", "most")
    ranked = charts.ranking(frame, f"{charts.SHOWN} && datum.workers == workers", near)
    scaled = charts.scaling(frame, near)
    ranked = ranked.add_params(*params.values()).properties(width="container", height=alt.Step(27))
    del params["workers"]
    scaled = scaled.add_params(*params.values()).properties(width="container", height=420)
    return {
        "ranking": charts.spec(ranked),
        "scaling": charts.spec(scaled),
        "overview": charts.spec(charts.overview(frame)),
    }


def _answers(questions: list[Question]) -> list[dict[str, Any]]:
    """For each workload a line, for each number of workers the best band."""
    lines: dict[str, dict[str, Any]] = {}
    for question in questions:
        line = lines.setdefault(question.shape, {"shape": question.shape, "unit": question.unit, "by_workers": {}})
        best = question.winners
        line["by_workers"][question.workers] = {
            "names": [place.cell.combination for place in best[:MOST_NAMED]],
            "more": len(best) - MOST_NAMED if len(best) > MOST_NAMED else 0,
            "all": ", ".join(place.cell.combination for place in best),
            "ns": figures.ns(best[0].estimate.median) if best and best[0].estimate else None,
        }
    return list(lines.values())


def _advice(overall: pl.DataFrame) -> dict[str, Any] | None:
    """The one combination to take if you want to take one: complete, and nearest to the best on average."""
    complete = overall.filter(pl.col("answered") == pl.col("asked"))
    return complete.row(0, named=True) if complete.height else None


def _place(place: Place, run: Run) -> dict[str, Any]:
    row = {"name": place.cell.combination, "band": place.band, "failure": place.failure}
    if place.estimate is None or place.failure:
        return row
    counters = run.results[place.cell.name].counters
    cpu = frames._middle(counters, "cpu_ns_per_unit")
    switches = frames._switches(counters)
    rss = frames._middle(counters, "rss_kib")
    return row | {
        "ns": figures.ns(place.estimate.median),
        "interval": figures.span(place.estimate.low, place.estimate.high),
        "samples": place.estimate.count,
        "cpu": figures.ns(cpu) if cpu is not None else "",
        "switches": f"{switches:.3g}" if switches is not None else "",
        "rss": f"{rss / 1024:.1f}" if rss is not None else "",
    }


def _tables(run: Run, questions: list[Question]) -> list[dict[str, Any]]:
    shapes: dict[str, dict[str, Any]] = {}
    for question in questions:
        table = shapes.setdefault(
            question.shape,
            {"shape": question.shape, "unit": question.unit, "asks": _asks(run, question), "parts": []},
        )
        rows = [_place(place, run) for place in question.places]
        best = min((p.estimate.median for p in question.places if p.estimate and not p.failure), default=None)
        for row, place in zip(rows, question.places, strict=True):
            if best and place.estimate and not place.failure:
                row["times"] = figures.ratio(place.estimate.median / best)
        table["parts"].append({"workers": question.workers, "rows": rows})
    for table in shapes.values():
        table["parts"].sort(key=lambda part: part["workers"])
    return list(shapes.values())


def _asks(run: Run, question: Question) -> str:
    for row in run.manifest["catalog"]["workloads"]:
        if row["name"] == question.workload:
            return str(row.get("question", ""))
    return ""


def _capabilities(rows: list[dict[str, Any]]) -> dict[str, Any]:
    names = list(dict.fromkeys(name for row in rows for name in row.get("flags", {})))
    return {"names": names, "rows": rows}


def _floors(run: Run, places: list[Place], *, limits: bool) -> list[dict[str, Any]]:
    catalog = {row["name"]: row for row in run.manifest["catalog"]["limits" if limits else "channels"]}
    return [
        {
            "name": place.cell.name.removeprefix("limit/"),
            "about": catalog.get(place.cell.limit or place.cell.channel or "", {}).get("summary", ""),
            "unit": place.unit,
            "failure": place.failure,
            "ns": figures.ns(place.estimate.median) if place.estimate else "",
            "interval": figures.span(place.estimate.low, place.estimate.high) if place.estimate else "",
        }
        for place in places
    ]


def _findings(run: Run) -> list[environment.Finding]:
    """What doctor says of the machine as it was while this was measured."""
    sessions = run.manifest["sessions"]
    before = sessions[0]["load_before"] if sessions else None
    closed = [one for one in sessions if one["ticks_after"]]
    shares = [environment.stolen_share(one["ticks_before"], one["ticks_after"]) for one in closed]
    stolen = max((share for share in shares if share is not None), default=None)
    return environment.diagnose(run.manifest["environment"], before, stolen)


def context(run: Run) -> dict[str, Any]:
    """Everything that the template shows."""
    questions = ranking.questions(run)
    frame, limits = frames.cells(run, questions), frames.limits(run)
    floor = ranking.noise_floor(run)
    overall = frames.overall(frame)
    controls = ranking.others(run, limits=False)
    findings = _findings(run)
    workers = sorted({q.workers for q in questions if q.workers is not None})
    tables = _tables(run, questions)
    versus_specs, versus_data = _versus_specs(run)
    return {
        "run": run.manifest,
        "resume": store.resume_command(run.manifest),
        "versus": versus_table.context(versus.read(run)) if versus.is_versus(run.manifest) else None,
        "seconds": figures.duration(sum(s["seconds"] or 0 for s in run.manifest["sessions"])),
        "counts": {"cells": len(run.results), "good": len(run.measured()), "failed": len(run.failed())},
        "least": min((len(r.values) for r in run.measured()), default=0),
        "enough": stats.LEAST_SAMPLES,
        "failed": [{"name": r.cell.name, "reason": r.failure} for r in run.failed()],
        "damaged": list(store.warn_damaged(run)),
        "floor": {
            "pairs": floor.pairs,
            "worst": f"{100 * math.expm1(floor.overall):.1f}",
            "workloads": list(dict.fromkeys(workload for workload, _ in floor.by_question)),
            "by": {key: f"{100 * math.expm1(value):.1f} %" for key, value in floor.by_question.items()},
        },
        "workers": workers,
        "answers": _answers(questions),
        "advice": _advice(overall),
        "overall": overall.to_dicts(),
        "tables": tables,
        "channels": _capabilities(run.manifest["catalog"]["channels"]),
        "schedulers": _capabilities(run.manifest["catalog"]["schedulers"]),
        "limits": _floors(run, ranking.others(run, limits=True), limits=True),
        "controls": _floors(run, controls, limits=False),
        "findings": [f for f in findings if not f.good],
        "fine": [f for f in findings if f.good],
        "specs": {**_specs(frame), **versus_specs} if not frame.is_empty() else {},
        "datasets": {**charts.datasets(frame, limits), **versus_data},
        "choices": {
            "shape": charts.names(frame, "shape"),
            "workers": workers,
            "channels": sorted(charts.names(frame, "channel")),
            "schedulers": sorted(charts.names(frame, "scheduler")),
            "by_shape": {
                table["shape"]: {
                    "workers": [part["workers"] for part in table["parts"]],
                    "limits": charts.near(frame.filter(pl.col("shape") == table["shape"])),
                }
                for table in tables
            },
        },
    }


@functools.cache
def _vega() -> str:
    """vega, vega-lite and vega-embed as one script that may stand inside a page.

    Bundling takes seconds, so the bundle is kept in build/.
    """
    store_at = paths.BUILD / "weft" / f"vega-{vl_convert.__version__}.js"
    try:
        return store_at.read_text(encoding="utf-8")
    except OSError:
        pass
    text = vl_convert.javascript_bundle().replace("</script", "<\\/script").replace("<!--", "<\\!--")
    with contextlib.suppress(OSError):
        store_at.parent.mkdir(parents=True, exist_ok=True)
        store.write_atomic(store_at, text)
    return text


def render(run: Run) -> str:
    """The page. Everything that comes from data is escaped."""
    loader = jinja2.FileSystemLoader(HERE)
    jinja = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = jinja.get_template("report.html")
    return page.render(
        **context(run),
        style=(HERE / "report.css").read_text(encoding="utf-8"),
        script=(HERE / "report.js").read_text(encoding="utf-8"),
        vega=_vega(),
    )


def write(run: Run, file: Path) -> Path:
    """Make the page and put it where it belongs, whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    store.write_atomic(file, render(run))
    return file
