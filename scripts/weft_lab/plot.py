"""Still charts, PNG and SVG, drawn without a browser and without a network."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl
import vl_convert

from weft_lab import charts, frames, ranking, versus, versus_table
from weft_lab.errors import WeftError
from weft_lab.store import Run

PNG_SCALE = 2.0


def drawings(run: Run) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every chart of a run, as Vega-Lite, with the name of its file."""
    frame = frames.cells(run, ranking.questions(run))
    if frame.is_empty():
        return
    if versus.is_versus(run.manifest):
        yield from _comparison(run)
    data = {"datasets": charts.datasets(frame, frames.limits(run))}
    title = alt.TitleParams("Times the best of each workload, by number of workers", subtitle=subtitle(run))
    yield "overview", charts.spec(charts.overview(frame).properties(title=title)) | data
    for shape in charts.names(frame, "shape"):
        chart = _by_workers(run, frame.filter(pl.col("shape") == shape), shape)
        yield slug(shape), charts.spec(chart) | data


def _comparison(run: Run) -> Iterator[tuple[str, dict[str, Any]]]:
    found = versus.read(run)
    lines = versus.chart_lines(found)
    if lines:
        peer = versus_table.PEERS[found.peer]
        title = alt.TitleParams(f"Weft and {found.version}: its own benchmarks", subtitle=subtitle(run))
        chart = charts.versus(lines, peer).properties(title=title)
        yield "versus", charts.spec(chart) | {"datasets": {"versus": lines}}


def _by_workers(run: Run, part: pl.DataFrame, shape: str) -> alt.VConcatChart:
    views = []
    near = charts.near(part)
    for workers in sorted(charts.names(part, "workers")):
        where = f"datum.shape == {json.dumps(shape)} && datum.workers == {workers}"
        title = alt.TitleParams(f"{workers} worker{'s' if workers != 1 else ''}", fontSize=13)
        view = charts.ranking(part, where, near)
        views.append(view.properties(width=560, height=alt.Step(24), title=title))
    title = alt.TitleParams(f"{shape}: ns per {part['unit'][0]}", subtitle=subtitle(run))
    joined = alt.vconcat(*views, spacing=24)
    return joined.resolve_scale(x="shared", color="shared", shape="shared").properties(title=title)


def subtitle(run: Run) -> list[str]:
    """What a chart that travels alone must say."""
    env = run.manifest["environment"]
    commit = (run.manifest["source"]["commit"] or "unknown")[:12]
    dirty = " + changes" if run.manifest["source"]["dirty"] else ""
    return [
        f"{env['cpu']}, {env['cores']} cores" + (f", virtualised ({env['virtualised']})" if env["virtualised"] else ""),
        f"{env['kernel']}, {env['compiler'] or 'unknown compiler'}, commit {commit}{dirty}, run {run.name}; "
        f"median and 95 % interval of {run.manifest['rounds']} processes",
    ]


def slug(text: str) -> str:
    """A shape as the name of a file."""
    return re.sub(r"[^A-Za-z0-9_]+", "-", text).strip("-")


def write(run: Run, directory: Path, formats: Sequence[str]) -> list[Path]:
    """Draw everything into a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name, spec in drawings(run):
        for kind in formats:
            file = directory / f"{name}.{kind}"
            if kind == "svg":
                file.write_text(vl_convert.vegalite_to_svg(spec), encoding="utf-8")
            else:
                file.write_bytes(vl_convert.vegalite_to_png(spec, scale=PNG_SCALE))
            written.append(file)
    if not written:
        raise WeftError(f"{run.name} has no measured cell to draw")
    return written
