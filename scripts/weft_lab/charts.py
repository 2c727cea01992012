"""The charts: one grammar for the report (interactive) and for PNG and SVG (still)."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from weft_lab.frames import NO_CHANNEL

SCHEDULER_COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F"]
CHANNEL_SHAPES = ["circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "wedge"]
INK = "#1c2530"
FAINT = "#8a94a0"
RED = "#c0152f"
FONT = "Liberation Sans, Helvetica, Arial, sans-serif"

TICKS = [digit * 10.0**power for power in range(-2, 11) for digit in (1, 2, 5)]
TOGETHER = 1.12
DISTANCES = {
    "under 1.1": (1.1, "#1a7a4c"),
    "1.5": (1.5, "#7fc08f"),
    "2": (2.0, "#d9ecd0"),
    "4": (4.0, "#fbe6c2"),
    "10": (10.0, "#f5b878"),
    "30": (30.0, "#dd7a4e"),
    "more": (float("inf"), "#a93a35"),
}
"""How many times the best, up to: a name, the bound, a colour."""


CELLS = alt.NamedData(name="cells")
LIMITS = alt.NamedData(name="limits")


def datasets(cells: pl.DataFrame, limits: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """The data that every chart refers to by name: kept out of altair, which would copy it at each step."""
    distance = pl.col("times_best").map_elements(_distance, return_dtype=pl.String).alias("distance")
    place = pl.col("ns").fill_null(1e18).alias("place")  # where it stands in a ranking: failed ones last
    return {"cells": cells.with_columns(distance, place).to_dicts(), "limits": _together(limits).to_dicts()}


def spec(chart: alt.TopLevelMixin) -> dict[str, Any]:
    """A chart as Vega-Lite, still without its data; the same type and lines in all."""
    return _styled(chart).to_dict(validate=False)


def _styled(chart: alt.TopLevelMixin) -> alt.TopLevelMixin:
    return (
        chart.configure(
            font=FONT, background="white", padding={"left": 5, "top": 5, "right": 12, "bottom": 10}
        )
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=INK, titleColor=INK, gridColor="#e8ebee", domainColor="#c4cad1",
            tickColor="#c4cad1", labelFontSize=12, titleFontSize=12, titleFontWeight="normal",
            labelLimit=320,
        )
        .configure_legend(labelColor=INK, titleColor=INK, labelFontSize=12, titleFontSize=12)
        .configure_title(fontSize=15, anchor="start", offset=14, color=INK, subtitleColor=FAINT, subtitleFontSize=12)
        .configure_header(labelFontSize=13, labelFontWeight="bold", labelColor=INK, title=None)
    )  # fmt: skip


def names(frame: pl.DataFrame, column: str) -> list[str]:
    """The values of a column in their order of appearance."""
    return frame[column].unique(maintain_order=True).drop_nulls().to_list()


def _colour(frame: pl.DataFrame) -> alt.Color:
    found = sorted(names(frame, "scheduler"))
    return alt.Color(
        "scheduler:N",
        title="scheduler",
        scale=alt.Scale(domain=found, range=SCHEDULER_COLOURS[: len(found)]),
        legend=alt.Legend(symbolOpacity=1, symbolType="circle", symbolStrokeWidth=0, symbolSize=110),
    )


def _shape(frame: pl.DataFrame) -> alt.Shape:
    found = sorted(names(frame, "channel"), key=lambda name: (name == NO_CHANNEL, name))
    legend = alt.Legend(symbolFillColor=INK, symbolStrokeColor=INK, symbolOpacity=1)
    return alt.Shape(
        "channel:N",
        title="channel",
        scale=alt.Scale(domain=found, range=CHANNEL_SHAPES[: len(found)]),
        legend=legend if found != [NO_CHANNEL] else None,
    )


def near(frame: pl.DataFrame) -> tuple[float, float]:
    """From where to where a limit can be drawn without squeezing the figures of these cells."""
    low, high = frame["ns"].min(), frame["ns"].max()
    return (0.0, 0.0) if low is None else (low / 6, high * 1.5)  # type: ignore[operator]


TOOLTIP = [
    alt.Tooltip("combination:N", title="combination"),
    alt.Tooltip("shape:N", title="workload"),
    alt.Tooltip("workers:Q", title="workers"),
    alt.Tooltip("ns:Q", title="median ns", format=",.4~g"),
    alt.Tooltip("unit:N", title="per"),
    alt.Tooltip("low:Q", title="95 % from", format=",.4~g"),
    alt.Tooltip("high:Q", title="to", format=",.4~g"),
    alt.Tooltip("band:Q", title="band"),
    alt.Tooltip("times_best:Q", title="times the best", format=".3~g"),
    alt.Tooltip("samples:Q", title="samples"),
    alt.Tooltip("cpu_ns:Q", title="CPU ns each", format=",.4~g"),
    alt.Tooltip("switches_per_k:Q", title="context switches / 1000", format=",.3~g"),
    alt.Tooltip("rss_mib:Q", title="resident MiB", format=",.1f"),
]


def _log_axis(field: str, title: str, **more: Any) -> dict[str, Any]:
    return {
        "field": field,
        "type": "quantitative",
        "title": title,
        "scale": alt.Scale(type="log", nice=False, padding=18),
        "axis": alt.Axis(format="~s", values=TICKS, labelOverlap=True),
        **more,
    }


SHOWN = "datum.shape == shape && indexof(channels, datum.channel) >= 0 && indexof(schedulers, datum.scheduler) >= 0"
"""What the filters of the page let through; their values are the parameters of the chart."""


def ranking(frame: pl.DataFrame, where: str, near: tuple[str | float, str | float]) -> alt.LayerChart:
    """Medians with intervals, best at the top; a stripe behind every second band; limits as lines.

    `where` says which rows are shown, `near` from where to where limits are.
    """
    order = alt.EncodingSortField("place", op="min", order="ascending")
    y = alt.Y("combination:N", sort=order, title=None, axis=alt.Axis(grid=False, ticks=False, labelPadding=8))
    base = alt.Chart(CELLS).transform_filter(where)
    good = base.transform_filter("datum.ns != null")
    stripe = good.transform_calculate(parity="datum.band % 2").mark_bar(
        color="#eef3f8", height=alt.RelativeBandSize(1.0)
    ).encode(
        y=y, x=alt.value(0), x2=alt.value("width"),
        opacity=alt.Opacity("parity:Q", scale=alt.Scale(domain=[0, 1], range=[0, 1]), legend=None),
    )  # fmt: skip
    bar = good.mark_rule(strokeWidth=2.5, opacity=0.55).encode(
        y=y,
        x=alt.X(**_log_axis("low", "ns each (log scale; less is better)")),
        x2="high:Q",
        color=_colour(frame),
    )
    dot = good.mark_point(filled=True, size=95, opacity=1).encode(
        y=y, x=alt.X(**_log_axis("ns", "ns each (log scale; less is better)")),
        color=_colour(frame), shape=_shape(frame), tooltip=TOOLTIP,
    )  # fmt: skip
    figure = (
        good.transform_calculate(
            label="format(datum.ns, datum.ns < 1000 ? '.3~r' : '.3~s') + (datum.band == 1 ? '  best' : '')"
        )
        .mark_text(align="left", dx=12, fontSize=11, color=INK)
        .encode(y=y, x="high:Q", text="label:N")
    )
    broken = base.transform_filter("datum.failure != null").mark_text(
        align="left", dx=4, color=RED, fontWeight="bold", fontSize=11, limit=420
    ).encode(
        y=y, x=alt.value(0), text=alt.Text("why:N"), tooltip=[alt.Tooltip("failure:N", title="failed")]
    ).transform_calculate(why="'FAILED: ' + datum.failure")  # fmt: skip
    layers = [stripe, *limit_lines(near, upright=True), bar, dot, figure, broken]
    return alt.layer(*layers).resolve_scale(y="shared", x="shared")


def _together(limits: pl.DataFrame) -> pl.DataFrame:
    """Limits so close to each other that their names would overlap share one line and one label."""
    rows: list[dict[str, Any]] = []
    for row in limits.sort("ns").iter_rows(named=True):
        if rows and row["ns"] < rows[-1]["ns"] * TOGETHER:
            rows[-1]["limit"] += f", {row['limit']}"
            rows[-1]["high"] = max(rows[-1]["high"], row["high"])
        else:
            rows.append(dict(row))
    return pl.DataFrame(rows, schema=limits.schema)


def limit_lines(near: tuple[str | float, str | float], *, upright: bool) -> list[alt.Chart]:
    """The limits as dashed lines with their names: upright in rankings, level in scaling charts."""
    base = alt.Chart(LIMITS).transform_filter(f"datum.ns >= {near[0]} && datum.ns <= {near[1]}")
    tip = [
        alt.Tooltip("limit:N"),
        alt.Tooltip("ns:Q", title="median ns", format=",.4~g"),
        alt.Tooltip("low:Q", title="95 % from", format=",.4~g"),
        alt.Tooltip("high:Q", title="to", format=",.4~g"),
        alt.Tooltip("unit:N", title="per"),
    ]
    look = {"fontSize": 10, "color": "#5d6875", "align": "left", "baseline": "bottom", "clip": False}
    rule = base.mark_rule(strokeDash=[4, 3], color=FAINT, strokeWidth=1.2)
    if upright:
        text = base.mark_text(angle=315, dx=3, dy=-1, **look)
        at = {"x": "ns:Q", "y": alt.value(0)}
        return [rule.encode(x="ns:Q", tooltip=tip), text.encode(text="limit:N", tooltip=tip, **at)]
    text = base.mark_text(dx=3, dy=-1, **look)
    return [
        rule.encode(y="ns:Q", tooltip=tip),
        text.encode(y="ns:Q", x=alt.value(0), text="limit:N", tooltip=tip),
    ]


def scaling(frame: pl.DataFrame, near: tuple[str, str]) -> alt.LayerChart:
    """The same workload with more workers: one line for each combination."""
    hover = alt.selection_point(name="hover", on="pointerover", nearest=True, fields=["combination"], empty=True)
    base = alt.Chart(CELLS).transform_filter(f"{SHOWN} && datum.ns != null")
    x = alt.X("workers:O", title="workers", axis=alt.Axis(labelAngle=0))
    faded = alt.when(hover).then(alt.value(1)).otherwise(alt.value(0.15))
    line = base.mark_line(strokeWidth=1.8).encode(
        x=x, y=alt.Y(**_log_axis("ns", "ns each (log scale)")), color=_colour(frame),
        detail="combination:N", opacity=faded,
    )  # fmt: skip
    bars = base.mark_rule(strokeWidth=2).encode(
        x=x,
        y=alt.Y(**_log_axis("low", "ns each (log scale)")),
        y2="high:Q",
        color=_colour(frame),
        opacity=faded,
    )
    dots = base.mark_point(filled=True, size=80).encode(
        x=x, y=alt.Y(**_log_axis("ns", "ns each (log scale)")), color=_colour(frame),
        shape=_shape(frame), opacity=faded, tooltip=TOOLTIP,
    ).add_params(hover)  # fmt: skip
    return alt.layer(*limit_lines(near, upright=False), line, bars, dots)


def overview(frame: pl.DataFrame) -> alt.HConcatChart:
    """How many times the best each combination takes, for every question: a star is best or tied."""
    parts = [frame.filter(pl.col("channel") != NO_CHANNEL), frame.filter(pl.col("channel") == NO_CHANNEL)]
    return alt.hconcat(*(_squares(part) for part in parts if not part.is_empty()), spacing=30)


VERSUS = alt.NamedData(name="versus")
SIDES = {"default": "#0072B2", "best": "#E69F00"}


def versus(lines: list[dict[str, Any]], peer: str) -> alt.HConcatChart:
    """How many times as long the peer takes, row by row, as the best of ours and as the default pair."""
    views = [_ratios(lines, workers, peer) for workers in sorted({line["workers"] for line in lines})]
    return alt.hconcat(*views, spacing=30).resolve_scale(color="shared")


def _ratios(lines: list[dict[str, Any]], workers: int, peer: str) -> alt.LayerChart:
    shown = [line for line in lines if line["workers"] == workers]
    names_shown = list(dict.fromkeys(line["name"] for line in shown))
    base = alt.Chart(VERSUS).transform_filter(f"datum.workers == {workers}")
    y = alt.Y("name:N", sort=names_shown, title=None, axis=alt.Axis(grid=False, ticks=False, labelPadding=8))
    x = f"{peer} / ours (log scale; right of 1 ours is faster)"
    colour = alt.Color("side:N", title="ours", scale=alt.Scale(domain=list(SIDES), range=list(SIDES.values())))
    tip = [
        alt.Tooltip("name:N", title="benchmark"),
        alt.Tooltip("group:N", title="group"),
        alt.Tooltip("who:N", title="ours"),
        alt.Tooltip("ratio:Q", title=f"{peer} / ours", format=".3~g"),
        alt.Tooltip("low:Q", title="95 % from", format=".3~g"),
        alt.Tooltip("high:Q", title="to", format=".3~g"),
    ]
    one = base.transform_calculate(one="1").mark_rule(color=INK, strokeWidth=1).encode(x=alt.X("one:Q", title=x))
    axis = alt.Axis(format="~g", values=TICKS, labelOverlap=True)
    scale = alt.Scale(type="log", nice=False, padding=18)
    bar = base.mark_rule(strokeWidth=2.5, opacity=0.5).encode(
        y=y, x=alt.X("low:Q", title=x, scale=scale, axis=axis), x2="high:Q", color=colour
    )
    dot = base.mark_point(filled=True, size=70, opacity=1).encode(y=y, x="ratio:Q", color=colour, tooltip=tip)
    title = alt.TitleParams(f"{workers} worker{'s' if workers != 1 else ''}", fontSize=13)
    return alt.layer(one, bar, dot).properties(width=380, height=alt.Step(18), title=title)


def _distance(times: float) -> str:
    return next(name for name, (bound, _) in DISTANCES.items() if times < bound)


def _by_mean(frame: pl.DataFrame) -> list[str]:
    """Combinations, the nearest to the best first."""
    ordered = (
        frame.group_by("combination", maintain_order=True)
        .agg(pl.col("times_best").log().mean().alias("mean"))
        .sort("mean", nulls_last=True)
    )
    return ordered["combination"].to_list()


def _squares(frame: pl.DataFrame) -> alt.FacetChart:
    sign = "==" if frame["channel"][0] == NO_CHANNEL else "!="
    x = alt.X("workers:O", title=None, axis=alt.Axis(labelAngle=0, orient="top", ticks=False, domain=False))
    y = alt.Y(
        "combination:N", sort=_by_mean(frame), title=None,
        axis=alt.Axis(ticks=False, domain=False, labelPadding=8),
    )  # fmt: skip
    colour = alt.Color(
        "distance:O",
        title="times the best, up to",
        scale=alt.Scale(domain=list(DISTANCES), range=[colour for _, colour in DISTANCES.values()]),
        legend=alt.Legend(
            orient="bottom", direction="horizontal", symbolType="square",
            symbolSize=220, symbolStrokeWidth=0, columns=len(DISTANCES),
        ),
    )  # fmt: skip
    base = alt.Chart(CELLS).encode(x=x, y=y, tooltip=TOOLTIP)
    good = base.transform_filter("datum.times_best != null")
    square = good.mark_rect(stroke="white", strokeWidth=1.5).encode(color=colour)
    text = (
        good.transform_calculate(
            label="datum.band == 1 ? '\N{BLACK STAR}'"
            " : format(datum.times_best, datum.times_best < 9.95 ? '.1f' : datum.times_best < 1000 ? '.0f' : '.2~s')"
        )
        .mark_text(fontSize=11)
        .encode(
            text="label:N",
            color=alt.when("datum.times_best >= 10 || datum.times_best < 1.1")
            .then(alt.value("white"))
            .otherwise(alt.value(INK)),
        )
    )
    broken = (
        base.transform_filter("datum.failure != null")
        .mark_text(text="failed", fontSize=10, color=RED, fontWeight="bold")
        .encode(tooltip=[alt.Tooltip("failure:N", title="failed"), alt.Tooltip("name:N", title="cell")])
    )
    column = alt.Column(
        "shape:N", sort=names(frame, "shape"), spacing=8,
        header=alt.Header(labelOrient="top", labelAngle=0, labelFontSize=12),
    )  # fmt: skip
    return (
        alt.layer(square, text, broken, data=CELLS)
        .properties(width=alt.Step(34), height=alt.Step(22))
        .facet(column=column)
        .transform_filter(f"datum.channel {sign} '{NO_CHANNEL}'")
        .resolve_scale(x="independent")
    )
